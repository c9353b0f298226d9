#pragma once

// All of mesaopt that needs Eigen alone. Threads are a header of their own (core/threads.hpp), as are the models and
// problems (models/, problems/).

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/core/version.hpp>
#include <mesaopt/evolution/cma_es.hpp>
#include <mesaopt/gradient/adam.hpp>
#include <mesaopt/gradient/gradient_descent.hpp>
#include <mesaopt/gradient/lbfgs.hpp>
#include <mesaopt/gradient/momentum.hpp>
#include <mesaopt/gradient/newton.hpp>
#include <mesaopt/gradient/steepest_descent.hpp>
#include <mesaopt/nested/implicit.hpp>
#include <mesaopt/nested/joint.hpp>
#include <mesaopt/nested/nested.hpp>
#include <mesaopt/objective/bounds.hpp>
#include <mesaopt/objective/failures.hpp>
#include <mesaopt/objective/finite_difference.hpp>
#include <mesaopt/objective/forward_mode.hpp>
#include <mesaopt/objective/forward_mode_family.hpp>
#include <mesaopt/objective/in_box.hpp>
#include <mesaopt/objective/mini_batches.hpp>
