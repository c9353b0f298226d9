#include <mesaopt/gradient/newton.hpp>

#include <cmath>
#include <limits>
#include <vector>

#include <Eigen/Core>
#include <Eigen/QR>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/problems/quadratic.hpp>
#include <mesaopt/problems/rosenbrock.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using problems::Quadratic;
using problems::Rosenbrock;

namespace {

/// x⁴ − x² + x y + y² summed over pairs: its Hessian is indefinite around 0.
struct TwoWells {
  template <Point X>
  ScalarOf<X> operator()(const X& x, X& gradient) const {
    using S = ScalarOf<X>;
    const S a = x[0], b = x[1];
    gradient[0] = 4 * a * a * a - 2 * a + b;
    gradient[1] = a + 2 * b;
    return a * a * a * a - a * a + a * b + b * b;
  }
  template <Point X>
  void hessian(const X& x, MatrixOf<X>& H) const {
    using S = ScalarOf<X>;
    H << 12 * x[0] * x[0] - 2, S(1), S(1), S(2);
  }
};

/// The same without second derivatives.
struct Undressed {
  template <Point X>
  ScalarOf<X> operator()(const X& x, X& gradient) const {
    return Rosenbrock{}(x, gradient);
  }
};

Eigen::MatrixXd spread(Eigen::Index n, double condition) {
  Eigen::MatrixXd A(n, n);
  for (Eigen::Index i = 0; i < n; ++i)
    for (Eigen::Index j = 0; j < n; ++j) A(i, j) = std::cos(double(3 * i * i + 7 * j + i * j));
  const Eigen::MatrixXd Q = Eigen::HouseholderQR<Eigen::MatrixXd>(A).householderQ();
  Eigen::VectorXd w(n);
  for (Eigen::Index i = 0; i < n; ++i) w[i] = std::pow(condition, double(i) / double(n - 1));
  Eigen::MatrixXd H = Q * w.asDiagonal() * Q.transpose();
  return (H + H.transpose()) / 2;
}

}  // namespace

static_assert(OptimizerFor<Newton, Rosenbrock, Eigen::VectorXd>);
static_assert(OptimizerFor<Newton, Undressed, Eigen::Vector2f>);

TEST_CASE("Newton solves a quadratic in one step and one evaluation", "[gradient]") {
  const Quadratic<> f(spread(20, 1e4), Eigen::VectorXd::LinSpaced(20, -1, 1));
  const Eigen::VectorXd x0 = Eigen::VectorXd::Constant(20, 3);
  const auto s = minimize(f, x0, Newton{}, GradientBelow{1e-9} || MaxIterations{5});
  CHECK(s.status == Status::gradient_below);
  CHECK(s.counts[0].iterations == 1);
  CHECK(s.counts[0].gradients == 2);
  CHECK(s.counts[0].hessians == 1);
  CHECK(s.counts[0].factorizations == 1);
  CHECK((s.x - f.solution()).norm() < 1e-10);
}

TEST_CASE("Newton squares the error in each of the last steps on Rosenbrock's valley", "[gradient]") {
  const Eigen::VectorXd x0 = Rosenbrock::start(10);
  std::vector<double> errors;
  const auto s =
      minimize(Rosenbrock{}, x0, Newton{}, GradientBelow{1e-14} || MaxIterations{60},
               [&](const auto& state, const Progress&) { errors.push_back((state.x.array() - 1).matrix().norm()); });
  CHECK(s.status == Status::gradient_below);
  CHECK(s.counts[0].iterations < 30);
  CHECK(s.counts[0].gradients < 45);
  CHECK((s.x.array() - 1).abs().maxCoeff() < 1e-14);
  int squared = 0;
  for (std::size_t k = 1; k < errors.size(); ++k)
    if (errors[k - 1] < 0.01 && errors[k] <= 20 * errors[k - 1] * errors[k - 1] + 1e-15) ++squared;
  CHECK(squared >= 3);
}

TEST_CASE("Newton leaves indefinite starts for a minimum", "[gradient]") {
  // With y = −x/2 the minima are those of x⁴ − 5/4 x²: x = ±sqrt(5/8), of value −25/64.
  for (const Eigen::Vector2d& x0 :
       {Eigen::Vector2d(0.1, 0.0), Eigen::Vector2d(-1e-3, 2e-3), Eigen::Vector2d(0.2, -3)}) {
    const auto s = minimize(TwoWells{}, x0, Newton{}, GradientBelow{1e-13} || MaxIterations{50});
    CHECK(s.status == Status::gradient_below);
    CHECK(s.value == Approx(-25.0 / 64));
    CHECK(std::abs(s.x[0]) == Approx(std::sqrt(0.625)));
    CHECK(s.counts[0].gradients < 30);
  }
}

TEST_CASE("Newton goes on where the Hessian is singular, zero or not finite", "[gradient]") {
  const Eigen::Matrix2d A{{2, 2}, {2, 2}};
  const auto flat = minimize(Quadratic<double, 2>(A, Eigen::Vector2d(1, 1)), Eigen::Vector2d(3, -1), Newton{});
  CHECK(flat.status == Status::gradient_below);
  CHECK(flat.x.sum() == Approx(0.5));
  CHECK(flat.counts[0].iterations < 6);

  struct Fourth {
    double broken;
    double operator()(const Eigen::Vector2d& x, Eigen::Vector2d& g) const {
      g = 4 * x.array().cube();
      return x.array().square().square().sum();
    }
    void hessian(const Eigen::Vector2d& x, Eigen::Matrix2d& H) const {
      H = (12 * x.array().square()).matrix().asDiagonal();
      if (x.norm() > 1) H.setConstant(broken);
    }
  };
  for (const double broken :
       {0.0, std::numeric_limits<double>::quiet_NaN(), -std::numeric_limits<double>::infinity()}) {
    const auto s = minimize(Fourth{broken}, Eigen::Vector2d(2, 1), Newton{}, GradientBelow{1e-8} || MaxIterations{100});
    CHECK(s.status == Status::gradient_below);
  }
}

TEST_CASE("Newton without second derivatives takes them from gradients", "[gradient]") {
  const auto s = minimize(Undressed{}, Eigen::VectorXd(Rosenbrock::start()), Newton{});
  CHECK(s.status == Status::gradient_below);
  CHECK(s.counts[0].iterations < 30);
  CHECK(s.counts[0].hessians == 0);
  CHECK((s.x.array() - 1).abs().maxCoeff() < 1e-8);
}

TEST_CASE("Newton keeps to a limit on evaluations, those of its differences included", "[gradient]") {
  const Eigen::VectorXd x0 = Rosenbrock::start(6);
  for (int limit = 1; limit <= 60; ++limit) {
    CAPTURE(limit);
    const auto s = minimize(Undressed{}, x0, Newton{}, MaxEvaluations{limit});
    CHECK(s.status == Status::max_evaluations);
    CHECK(s.counts[0].evaluations() == unsigned(limit));
    CHECK(s.value == Rosenbrock{}(s.x));
    CHECK(s.value <= Rosenbrock{}(x0));
    if (limit > 13) CHECK(s.value < Rosenbrock{}(x0));  // 1 and 12 are the start with its Hessian
  }
}

TEMPLATE_TEST_CASE("Newton works for float and double, fixed and dynamic sizes", "[gradient]", Eigen::Vector2f,
                   Eigen::VectorXf, Eigen::Vector2d, Eigen::VectorXd) {
  using S = ScalarOf<TestType>;
  const double tolerance = double(10 * std::numeric_limits<S>::epsilon());
  const TestType x0 = Rosenbrock::start<TestType>();
  const auto s = minimize(Rosenbrock{}, x0, Newton{}, GradientBelow{100 * tolerance} || MaxIterations{60});
  CHECK(s.status == Status::gradient_below);
  CHECK(double((s.x.array() - 1).abs().maxCoeff()) < 100 * tolerance);
}

TEST_CASE("Newton asked for more digits than there are stalls after a few steps", "[gradient]") {
  const Quadratic<> f(spread(10, 1e6), Eigen::VectorXd::LinSpaced(10, -1, 1));
  const auto s =
      minimize(f, Eigen::VectorXd(Eigen::VectorXd::Constant(10, 3)), Newton{}, GradientBelow{0} || MaxIterations{500});
  CHECK((s.status == Status::stalled || s.status == Status::gradient_below));
  CHECK(s.counts[0].evaluations() < 120);
  CHECK(s.state.gradient.cwiseAbs().maxCoeff() < 1e-8);
}

TEST_CASE("a step of Newton allocates nothing", "[gradient]") {
  const auto count = [](const auto& f, const auto& x0) {
    StateOf<Newton, std::remove_cvref_t<decltype(f)>, std::remove_cvref_t<decltype(x0)>> state;
    Newton{}.init(f, x0, state);
    const long before = allocations();
    for (int i = 0; i < 8 && state.status == Status::running; ++i) Newton{}.step(f, state);
    return allocations() - before;
  };
  CHECK(count(Rosenbrock{}, Eigen::VectorXd(Rosenbrock::start(300))) == 0);
  CHECK(count(TwoWells{}, Eigen::Vector2d(0.1, 0)) == 0);
  CHECK(count(TwoWells{}, Eigen::VectorXd(Eigen::Vector2d(0.1, 0))) == 0);
}

TEST_CASE("Newton refuses a first shift outside of (0, 1]", "[gradient]") {
  const Eigen::Vector2d x0(1, 1);
  CHECK_THROWS_WITH(minimize(TwoWells{}, x0, Newton{.first_shift = 0}), Catch::Contains("Newton::first_shift"));
  CHECK_THROWS_AS(minimize(TwoWells{}, x0, Newton{.first_shift = 2}), std::invalid_argument);
}
