#include <mesaopt/mesaopt.hpp>

#include <Eigen/Dense>

#include <cmath>
#include <iostream>
#include <string>
#include <vector>
