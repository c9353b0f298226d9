#include <mesaopt/gradient/fista.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <vector>

#include <Eigen/Core>
#include <Eigen/Eigenvalues>

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/objective/bounds.hpp>
#include <mesaopt/objective/box_set.hpp>
#include <mesaopt/objective/l1.hpp>
#include <mesaopt/objective/simplex.hpp>

#include "gradient/composite_problems.hpp"
#include "gradient/run_laws.hpp"
#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using namespace composite_problems;

static_assert(OptimizerFor<Fista, Any, VectorXd>);
static_assert(OptimizerFor<Fista, WithRegularizer<Any, L1>, VectorXd>);
static_assert(OptimizerFor<Fista, Within<Any, VectorXd>, VectorXd>);

namespace {
struct Lasso {
  MatrixXd A = normal(20, 10, 8);
  WithRegularizer<Any, L1> f = regularized(least_squares(A, normal(20, 1, 9)), L1{0.5});
  VectorXd start = VectorXd::Ones(10);
  double lipschitz = Eigen::SelfAdjointEigenSolver<MatrixXd>(A.transpose() * A).eigenvalues().maxCoeff();
};
}  // namespace

TEST_CASE("FISTA finds the lasso of an orthonormal design", "[fista]") {
  const MatrixXd A = orthonormal(20, 8, 1);
  const VectorXd b = 3 * normal(20, 1, 2);
  const auto solution = minimize(regularized(least_squares(A, b), L1{1.2}), VectorXd(VectorXd::Ones(8)), Fista{},
                                 GradientBelow{1e-11} || MaxIterations{500});
  CHECK(solution.status == Status::gradient_below);
  VectorXd expected(8);
  L1{1.2}.proximal(VectorXd(A.transpose() * b), 1.0, expected);
  CHECK((solution.x - expected).norm() < 1e-10);
  CHECK((solution.x.array() == 0).count() == (expected.array() == 0).count());
}

TEST_CASE("FISTA keeps the bound of its theorem at every iteration", "[fista]") {
  // Without strong convexity: more variables than residuals. Beck & Teboulle (2009), theorem 4.4, for the step 1 / L.
  const MatrixXd A = normal(10, 25, 3);
  const auto f = regularized(least_squares(A, normal(10, 1, 4)), L1{0.3});
  const double lipschitz = Eigen::SelfAdjointEigenSolver<MatrixXd>(A.transpose() * A).eigenvalues().maxCoeff();
  const VectorXd start = VectorXd::Zero(25);
  const auto exact = minimize(f, start, Fista{}, GradientBelow{1e-11} || MaxIterations{200000});
  REQUIRE(exact.status == Status::gradient_below);
  const double distance = (exact.x - start).squaredNorm();
  std::uint64_t halved = 0;
  const auto run =
      minimize(f, start, Fista{.first_step = 1 / lipschitz, .restart = false}, MaxIterations{300},
               [&](const auto& state, const Progress& progress) {
                 const double k = double(progress.counts.iterations);
                 halved += state.step != 1 / lipschitz;
                 if (k > 0) CHECK(state.value - exact.value <= 2 * lipschitz * distance / ((k + 1) * (k + 1)) + 1e-12);
               });
  CHECK(halved == 0);
  CHECK(run.counts[0].iterations == 300);
}

TEST_CASE("FISTA halves a step that is too long, and its restarts make convergence linear", "[fista]") {
  const Lasso lasso;
  const auto long_step = minimize(lasso.f, lasso.start, Fista{.first_step = 1e4}, GradientBelow{1e-9});
  CHECK(long_step.status == Status::gradient_below);
  CHECK(long_step.state.step >= 0.5 / lasso.lipschitz);
  const auto with = minimize(lasso.f, lasso.start, Fista{}, GradientBelow{1e-10} || MaxIterations{20000});
  const auto without =
      minimize(lasso.f, lasso.start, Fista{.restart = false}, GradientBelow{1e-10} || MaxIterations{20000});
  CHECK(with.status == Status::gradient_below);
  CHECK(with.counts[0].iterations < without.counts[0].iterations);
  CHECK(with.counts[0].iterations < 300);
}

TEST_CASE("FISTA solves nonnegative least squares, as a regularizer and inside of bounds", "[fista]") {
  const NonnegativeProblem p(1);
  const VectorXd start = VectorXd::Ones(12);
  const auto f = least_squares(p.A, p.b);
  const auto solution = minimize(regularized(f, Nonnegative{}), start, Fista{});
  CHECK(solution.status == Status::gradient_below);
  CHECK((solution.x - p.solution).norm() < 1e-7);
  bool inside = true;
  const VectorXd far = VectorXd::Constant(12, std::numeric_limits<double>::infinity());
  const auto bounded = within(Any{[&](const VectorXd& x, VectorXd& g) {
                                inside = inside && x.minCoeff() >= 0;
                                return f(x, g);
                              }},
                              Box<VectorXd>{VectorXd::Zero(12), far});
  const auto same = minimize(bounded, start, Fista{});
  CHECK(same.status == Status::gradient_below);
  CHECK((same.x - p.solution).norm() < 1e-7);
  CHECK(inside);
  CHECK_THROWS_AS(minimize(bounded, VectorXd(-start), Fista{}), std::invalid_argument);
}

TEST_CASE("FISTA finds the nearest point of a simplex from a start outside", "[fista]") {
  const VectorXd v = 2 * normal(9, 1, 5);
  VectorXd expected(9);
  Simplex{}.proximal(v, 1.0, expected);
  const auto f = regularized(least_squares(MatrixXd::Identity(9, 9), v), Simplex{});
  const auto solution = minimize(f, VectorXd(VectorXd::Constant(9, 7)), Fista{});
  CHECK(solution.status == Status::gradient_below);
  CHECK((solution.x - expected).norm() < 1e-10);
}

TEST_CASE("Started at its own solution, FISTA makes one iteration at most", "[fista]") {
  const Lasso lasso;
  const auto first = minimize(lasso.f, lasso.start, Fista{}, GradientBelow{1e-9});
  REQUIRE(first.status == Status::gradient_below);
  CHECK(minimize(lasso.f, first, Fista{}, GradientBelow{1e-8}).counts[0].iterations <= 1);
  CHECK(minimize(lasso.f, first.x, Fista{}, GradientBelow{1e-8}).counts[0].iterations <= 1);
  CHECK(minimize(lasso.f, first.x, Fista{}, GradientBelow{0}).counts[0].evaluations() < 2000);
}

TEST_CASE("A run of FISTA, copied or saved anywhere, goes on to the same bits", "[fista]") {
  const Lasso lasso;
  run_laws::goes_on_to_the_same_bits(lasso.f, lasso.start, Fista{}, GradientBelow{1e-9}, 7);
}

TEST_CASE("Budget, NaN and exceptions leave a run of FISTA whole", "[fista]") {
  const NonnegativeProblem p(4);
  const auto f = least_squares(p.A, p.b);
  const VectorXd start = VectorXd::Ones(12);
  VectorXd g(12);
  for (std::int64_t limit = 1; limit < 14; ++limit) {
    const auto solution = minimize(regularized(f, Nonnegative{}), start, Fista{}, MaxEvaluations{limit});
    CHECK(solution.counts[0].evaluations() == std::uint64_t(limit));
    CHECK(f(solution.x, g).value == solution.value);
  }
  for (std::uint64_t at = 2; at < 12; ++at) {  // wherever in a step it is
    CAPTURE(at);
    std::uint64_t calls = 0;
    const auto faulty = regularized(Any{[&](const VectorXd& x, VectorXd& gradient) -> Evaluation<double> {
                                      ++calls;
                                      if (calls == at + 2) throw std::runtime_error("lost");
                                      auto value = f(x, gradient);
                                      if (calls == at) value.value = std::numeric_limits<double>::quiet_NaN();
                                      return value;
                                    }},
                                    Nonnegative{});
    const Fista optimizer{};
    const GradientBelow stopping{1e-8};
    RunOf<Fista, GradientBelow, std::remove_const_t<decltype(faulty)>, VectorXd> run;
    begin(faulty, start, optimizer, stopping, run);
    CHECK_THROWS_AS(resume(faulty, optimizer, stopping, run), std::runtime_error);
    CHECK(f(run.state.x, g).value == run.state.value);
    resume(faulty, optimizer, stopping, run);
    CHECK(run.status == Status::gradient_below);
    CHECK((run.state.x - p.solution).norm() < 1e-7);
  }
  const auto nan = regularized(Any{[](const VectorXd&, VectorXd&) { return 0.0 / 0.0; }}, Nonnegative{});
  CHECK(minimize(nan, start, Fista{}).status == Status::bad_start);
}

TEMPLATE_TEST_CASE("A step of FISTA allocates nothing, and points of fixed size never use the heap", "[fista]",
                   (Eigen::Vector<double, 5>), Eigen::VectorXf) {
  soft_thresholds_without_heap<TestType>(Fista{});
}

TEST_CASE("FISTA refuses a step out of its range", "[fista]") {
  const auto f = least_squares(normal(3, 2, 1), normal(3, 1, 1));
  const VectorXd start = VectorXd::Ones(2);
  CHECK_THROWS_AS(minimize(f, start, Fista{.first_step = -1}), std::invalid_argument);
}
