#pragma once

// All of mesaopt that needs Eigen alone. Threads are a header of their own (core/threads.hpp), as are the models, the
// problems and the recipes for models (models/, problems/, recipes/walk_forward.hpp).

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/core/version.hpp>
#include <mesaopt/direct/brent.hpp>
#include <mesaopt/direct/golden_section.hpp>
#include <mesaopt/evolution/cma_es.hpp>
#include <mesaopt/gradient/adam.hpp>
#include <mesaopt/gradient/ams_grad.hpp>
#include <mesaopt/gradient/augmented_lagrangian.hpp>
#include <mesaopt/gradient/averaged.hpp>
#include <mesaopt/gradient/dual_active_set.hpp>
#include <mesaopt/gradient/gradient_descent.hpp>
#include <mesaopt/gradient/lbfgs.hpp>
#include <mesaopt/gradient/lbfgsb.hpp>
#include <mesaopt/gradient/lion.hpp>
#include <mesaopt/gradient/momentum.hpp>
#include <mesaopt/gradient/newton.hpp>
#include <mesaopt/gradient/rms_prop.hpp>
#include <mesaopt/gradient/sqp.hpp>
#include <mesaopt/gradient/steepest_descent.hpp>
#include <mesaopt/gradient/svrg.hpp>
#include <mesaopt/nested/implicit.hpp>
#include <mesaopt/nested/joint.hpp>
#include <mesaopt/nested/nested.hpp>
#include <mesaopt/objective/bounds.hpp>
#include <mesaopt/objective/check_derivatives.hpp>
#include <mesaopt/objective/clipped.hpp>
#include <mesaopt/objective/failures.hpp>
#include <mesaopt/objective/finite_difference.hpp>
#include <mesaopt/objective/forward_mode.hpp>
#include <mesaopt/objective/forward_mode_family.hpp>
#include <mesaopt/objective/in_box.hpp>
#include <mesaopt/objective/mini_batches.hpp>
#include <mesaopt/objective/quadratic_program.hpp>
