// What every test file includes anyway, parsed once. Nothing of ours: a change in a header must not rebuild everything.
#include <Eigen/Dense>

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/instantiated.hpp"
