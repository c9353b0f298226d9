#include <mesaopt/gradient/trial.hpp>

#include <cmath>
#include <limits>

#include <Eigen/Core>

#include <mesaopt/core/calls.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {

constexpr double no_number = std::numeric_limits<double>::quiet_NaN(),
                 infinity = std::numeric_limits<double>::infinity();

struct State {
  VectorXd x{}, gradient{};
  double value = 0;
  Evaluation<double> evaluation{};
  Status status = Status::stalled;
  Calls<VectorXd> calls{};
};

/// |x|²/2, said to be what is given.
struct Said {
  Evaluation<double> answer = 1;
  double last = 0;  ///< entry of the gradient
  Evaluation<double> operator()(const VectorXd& x, VectorXd& gradient) const {
    gradient = x;
    gradient[x.size() - 1] += last;
    return answer;
  }
};

}  // namespace

TEST_CASE("One entry that is not finite, wherever it is, makes a gradient unsound", "[trial]") {
  for (const Eigen::Index n : {1, 2, 3, 8, 17, 100})
    for (Eigen::Index i = 0; i < n; ++i) {
      CAPTURE(n, i);
      VectorXd gradient = VectorXd::LinSpaced(n, -1, 1);
      CHECK(detail::sound(Evaluation<double>(1), gradient));
      for (const double bad : {no_number, infinity, -infinity}) {
        gradient[i] = bad;
        CHECK_FALSE(detail::sound(Evaluation<double>(1), gradient));
        gradient[(i + 1) % n] = -bad;  // sums that cancel do not hide it
        CHECK_FALSE(detail::sound(Evaluation<double>(1), gradient));
        gradient[(i + 1) % n] = 0;
      }
    }
}

TEST_CASE("A gradient whose sum overflows is sound all the same", "[trial]") {
  const VectorXd gradient = VectorXd::Constant(40, 1e308);
  CHECK(detail::sound(Evaluation<double>(1), gradient));
  const Eigen::VectorXf in_float = Eigen::VectorXf::Constant(40, 3e38F);
  CHECK(detail::sound(Evaluation<float>(1), in_float));
}

TEST_CASE("A value that cannot be used, or a gradient that is none, is not sound and says why", "[trial]") {
  const VectorXd gradient = VectorXd::Ones(3);
  const Evaluation<double> kink(1, Verdict::not_differentiable, Reason::inner_not_converged);
  CHECK_FALSE(detail::sound(Evaluation<double>(no_number), gradient));
  CHECK_FALSE(detail::sound(Evaluation<double>::failure(Reason::threw), gradient));
  CHECK_FALSE(detail::sound(kink, gradient));
  CHECK(detail::sound(Evaluation<double>(1, Verdict::inexact, Reason::none), gradient));
  CHECK(detail::trouble_with(kink) == Status::not_differentiable);
  CHECK(detail::trouble_with(kink, Status::bad_start) == Status::not_differentiable);
  CHECK(detail::trouble_with(Evaluation<double>(no_number)) == Status::non_finite);
  CHECK(detail::trouble_with(Evaluation<double>(no_number), Status::bad_start) == Status::bad_start);
}

TEST_CASE("A run begins where value and gradient can be had, and nowhere else", "[trial]") {
  const VectorXd start = Eigen::Vector3d(1, 2, 3);
  State state;
  state.x = start;
  CHECK(detail::evaluate_start(Said{}, start, state));
  CHECK(state.status == Status::running);
  CHECK(state.value == 1);
  CHECK(state.gradient == start);
  CHECK(state.calls.counts[0].gradients == 1);

  CHECK_FALSE(detail::evaluate_start(Said{no_number}, start, state));
  CHECK(state.status == Status::bad_start);
  CHECK_FALSE(detail::evaluate_start(Said{1, infinity}, start, state));
  CHECK(state.status == Status::bad_start);
  const Evaluation<double> kink(1, Verdict::not_differentiable, Reason::inner_not_converged);
  CHECK_FALSE(detail::evaluate_start(Said{kink}, start, state));
  CHECK(state.status == Status::not_differentiable);
  state.calls.limit = 0;
  CHECK_FALSE(detail::evaluate_start(Said{}, start, state));
  CHECK(state.status == Status::bad_start);
}

TEST_CASE("A start that brings value and gradient along is not evaluated again", "[trial]") {
  const Evaluated<VectorXd> start{Eigen::Vector2d(1, 2), 7, Eigen::Vector2d(3, 4)};
  State state;
  state.x = start.x;
  CHECK(detail::evaluate_start(Said{}, start, state));
  CHECK(state.value == 7);
  CHECK(state.gradient == start.gradient);
  CHECK(state.calls.counts[0].evaluations() == 0);
}

TEST_CASE("A move exchanges the points and allocates nothing", "[trial]") {
  State state;
  state.x = VectorXd::Zero(3);
  state.gradient = VectorXd::Ones(3);
  VectorXd x = VectorXd::Constant(3, 5), gradient = VectorXd::Constant(3, 6);
  const Evaluation<double> now(2, Verdict::inexact, Reason::none);
  const long before = allocations();
  detail::move_to(x, gradient, now, state);
  CHECK(allocations() == before);
  CHECK(state.x == VectorXd::Constant(3, 5));
  CHECK(state.gradient == VectorXd::Constant(3, 6));
  CHECK(x == VectorXd::Zero(3));
  CHECK(gradient == VectorXd::Ones(3));
  CHECK(state.value == 2);
  CHECK(state.evaluation.verdict == Verdict::inexact);
}
