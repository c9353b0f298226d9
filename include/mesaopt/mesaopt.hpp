#pragma once

// All of mesaopt that needs Eigen alone. Threads, plots and the like are headers of their own.

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/lbfgs.hpp>
#include <mesaopt/gradient/newton.hpp>
#include <mesaopt/nested/implicit.hpp>
#include <mesaopt/nested/joint.hpp>
#include <mesaopt/nested/nested.hpp>
