#include <mesaopt/gradient/proximal_gradient.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/objective/bounds.hpp>
#include <mesaopt/objective/box_set.hpp>
#include <mesaopt/objective/group_l1.hpp>
#include <mesaopt/objective/l1.hpp>
#include <mesaopt/objective/simplex.hpp>

#include "gradient/composite_problems.hpp"
#include "gradient/run_laws.hpp"
#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using namespace composite_problems;

static_assert(OptimizerFor<ProximalGradient, Any, VectorXd>);
static_assert(OptimizerFor<ProximalGradient, WithRegularizer<Any, L1>, VectorXd>);
static_assert(OptimizerFor<ProximalGradient, Within<Any, VectorXd>, VectorXd>);

TEST_CASE("The lasso of an orthonormal design is soft thresholding", "[proximal_gradient]") {
  const MatrixXd A = orthonormal(20, 8, 1);
  const VectorXd b = 3 * normal(20, 1, 2), z = A.transpose() * b;
  const auto solution = minimize(regularized(least_squares(A, b), L1{1.2}), VectorXd(VectorXd::Ones(8)),
                                 ProximalGradient{}, GradientBelow{1e-11} || MaxIterations{500});
  CHECK(solution.status == Status::gradient_below);
  VectorXd expected(8);
  L1{1.2}.proximal(z, 1.0, expected);
  CHECK((solution.x - expected).norm() < 1e-10);
  CHECK((solution.x.array() == 0).count() == (expected.array() == 0).count());
  CHECK(solution.value == Approx((A * solution.x - b).squaredNorm() / 2 + 1.2 * solution.x.lpNorm<1>()));
}

TEST_CASE("The group lasso of an orthonormal design shortens whole groups", "[proximal_gradient]") {
  const MatrixXd A = orthonormal(20, 6, 3);
  const VectorXd b = normal(20, 1, 4);
  const GroupL1 h{0.8, {{0, 3}, {3, 3}}};
  const auto solution = minimize(regularized(least_squares(A, b), h), VectorXd(VectorXd::Ones(6)), ProximalGradient{},
                                 GradientBelow{1e-11} || MaxIterations{500});
  VectorXd expected(6);
  h.proximal(VectorXd(A.transpose() * b), 1.0, expected);
  CHECK((solution.x - expected).norm() < 1e-10);
}

TEST_CASE("Nonnegative least squares, as a regularizer and as bounds", "[proximal_gradient]") {
  for (const unsigned seed : {1u, 2u, 3u}) {
    const NonnegativeProblem p(seed);
    const VectorXd start = VectorXd::Ones(12);
    const auto f = least_squares(p.A, p.b);
    const auto solution = minimize(regularized(f, Nonnegative{}), start, ProximalGradient{});
    CHECK(solution.status == Status::gradient_below);
    CHECK((solution.x - p.solution).norm() < 1e-8);
    bool inside = true;
    const VectorXd far = VectorXd::Constant(12, std::numeric_limits<double>::infinity());
    const auto bounded = within(Any{[&](const VectorXd& x, VectorXd& g) {
                                  inside = inside && x.minCoeff() >= 0;
                                  return f(x, g);
                                }},
                                Box<VectorXd>{VectorXd::Zero(12), far});
    const auto same = minimize(bounded, start, ProximalGradient{});
    CHECK(same.x == solution.x);
    CHECK(inside);
    CHECK_THROWS_AS(minimize(bounded, VectorXd(-start), ProximalGradient{}), std::invalid_argument);
  }
}

TEST_CASE("The nearest point of a simplex is found as a quadratic program, from a start outside",
          "[proximal_gradient]") {
  const VectorXd v = 2 * normal(9, 1, 5);
  VectorXd expected(9);
  Simplex{}.proximal(v, 1.0, expected);
  const VectorXd scale = VectorXd::LinSpaced(9, 1, 1);
  const auto f = least_squares(MatrixXd(scale.asDiagonal()), v);
  const auto solution = minimize(regularized(f, Simplex{}), VectorXd(VectorXd::Constant(9, 7)), ProximalGradient{});
  CHECK(solution.status == Status::gradient_below);
  CHECK((solution.x - expected).norm() < 1e-12);
}

TEST_CASE("Spectral steps need far fewer evaluations than the condition number", "[proximal_gradient]") {
  const VectorXd scale = VectorXd::LinSpaced(30, 0, std::log(100)).array().exp().sqrt();  // condition 100
  const MatrixXd A = scale.asDiagonal() * orthonormal(30, 30, 6);
  const auto f = regularized(least_squares(A, normal(30, 1, 7)), L1{0.05});
  const auto solution = minimize(f, VectorXd(VectorXd::Zero(30)), ProximalGradient{}, GradientBelow{1e-8});
  CHECK(solution.status == Status::gradient_below);
  CHECK(solution.counts[0].evaluations() < 300);
}

TEST_CASE("With one value to look back on, the value never rises", "[proximal_gradient]") {
  const auto f = regularized(least_squares(normal(20, 10, 8), normal(20, 1, 9)), L1{0.5});
  double last = std::numeric_limits<double>::infinity();
  const auto solution = minimize(f, VectorXd(VectorXd::Ones(10)), ProximalGradient{.memory = 1}, GradientBelow{1e-7},
                                 [&](const auto& state, const Progress&) {
                                   CHECK(state.value <= last + 1e-12);
                                   last = state.value;
                                   // The residual is that of the step that the state remembers.
                                   VectorXd ahead = state.x - state.step * state.gradient;
                                   f.regularizer().proximal(ahead, state.step, ahead);
                                   CHECK(((state.x - ahead) / state.step - state.stationarity()).norm() <= 1e-9);
                                 });
  CHECK(solution.status == Status::gradient_below);
}

TEST_CASE("Started at its own solution, the proximal gradient method makes one iteration at most",
          "[proximal_gradient]") {
  const auto f = regularized(least_squares(normal(20, 10, 8), normal(20, 1, 9)), L1{0.5});
  const auto first = minimize(f, VectorXd(VectorXd::Ones(10)), ProximalGradient{}, GradientBelow{1e-9});
  REQUIRE(first.status == Status::gradient_below);
  CHECK(minimize(f, first, ProximalGradient{}, GradientBelow{1e-8}).counts[0].iterations <= 1);
  CHECK(minimize(f, first.x, ProximalGradient{}, GradientBelow{1e-8}).counts[0].iterations <= 1);
  CHECK(minimize(f, first.x, ProximalGradient{}, GradientBelow{0}).counts[0].evaluations() < 2000);
}

TEST_CASE("A proximal gradient run, copied or saved anywhere, goes on to the same bits", "[proximal_gradient]") {
  const auto f = regularized(least_squares(normal(20, 11, 8), normal(20, 1, 9)), L1{0.5});
  run_laws::goes_on_to_the_same_bits(f, VectorXd(VectorXd::Ones(11)), ProximalGradient{}, GradientBelow{1e-9}, 7);
}

TEST_CASE("Budget, NaN and exceptions leave a proximal gradient run whole", "[proximal_gradient]") {
  const NonnegativeProblem p(4);
  const auto f = least_squares(p.A, p.b);
  const VectorXd start = VectorXd::Ones(12);
  for (std::int64_t limit = 1; limit < 12; ++limit) {
    const auto solution = minimize(regularized(f, Nonnegative{}), start, ProximalGradient{}, MaxEvaluations{limit});
    CHECK(solution.counts[0].evaluations() == std::uint64_t(limit));
    VectorXd g(12);
    CHECK(f(solution.x, g).value == solution.value);
  }
  std::uint64_t calls = 0;
  const auto faulty = regularized(Any{[&](const VectorXd& x, VectorXd& g) -> Evaluation<double> {
                                    ++calls;
                                    if (calls == 8) throw std::runtime_error("lost");
                                    auto value = f(x, g);
                                    if (calls == 3) value.value = std::numeric_limits<double>::quiet_NaN();
                                    return value;
                                  }},
                                  Nonnegative{});
  const ProximalGradient optimizer{};
  const GradientBelow stopping{1e-8};
  RunOf<ProximalGradient, GradientBelow, std::remove_const_t<decltype(faulty)>, VectorXd> run;
  begin(faulty, start, optimizer, stopping, run);
  CHECK_THROWS_AS(resume(faulty, optimizer, stopping, run), std::runtime_error);
  VectorXd g(12);
  CHECK(f(run.state.x, g).value == run.state.value);
  CHECK(g == run.state.gradient);
  resume(faulty, optimizer, stopping, run);
  CHECK(run.status == Status::gradient_below);
  CHECK((run.state.x - p.solution).norm() < 1e-7);
  const auto nan = regularized(Any{[](const VectorXd&, VectorXd&) { return 0.0 / 0.0; }}, Nonnegative{});
  CHECK(minimize(nan, start, ProximalGradient{}).status == Status::bad_start);
}

TEMPLATE_TEST_CASE("Proximal steps allocate nothing, and points of fixed size never use the heap",
                   "[proximal_gradient]", (Eigen::Vector<double, 5>), Eigen::VectorXf) {
  soft_thresholds_without_heap<TestType>(ProximalGradient{});
}

TEST_CASE("The proximal gradient method refuses settings out of their range", "[proximal_gradient]") {
  const auto f = least_squares(normal(3, 2, 1), normal(3, 1, 1));
  const VectorXd start = VectorXd::Ones(2);
  CHECK_THROWS_AS(minimize(f, start, ProximalGradient{.memory = 17}), std::invalid_argument);
  CHECK_THROWS_AS(minimize(f, start, ProximalGradient{.decrease = 1}), std::invalid_argument);
  CHECK_THROWS_AS(minimize(f, start, ProximalGradient{.first_step = -1}), std::invalid_argument);
}
