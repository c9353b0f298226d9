#include <mesaopt/nested/proximal_adjoint.hpp>

#include <cstdint>

#include <Eigen/Dense>

#include <mesaopt/core/random.hpp>
#include <mesaopt/gradient/fista.hpp>
#include <mesaopt/gradient/proximal_gradient.hpp>
#include <mesaopt/objective/simplex.hpp>

#include "nested/nested_run.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

/// ½ y'Qy − (d + x)'y on the simplex.
struct OnSimplex {
  MatrixXd Q;
  VectorXd d;
  double operator()(const VectorXd& x, const VectorXd& y, VectorXd& gradient) const {
    gradient = Q * y;
    const double value = gradient.dot(y) / 2 - (d + x).dot(y);
    gradient -= d + x;
    return value;
  }
  void hessian(const VectorXd&, const VectorXd&, MatrixXd& H) const { H = Q; }
  [[nodiscard]] Simplex regularizer() const { return {}; }
};

/// A program whose solution at x = 0 has shares on the first `support` of n assets; the others are held at 0 with
/// multipliers of at least `margin`.
struct Made {
  OnSimplex g;
  VectorXd y;
  MatrixXd slope;  ///< dy/dx

  Made(std::uint64_t seed, Eigen::Index n, Eigen::Index support, double margin) {
    Random random{.seed = seed};
    MatrixXd root(n, n);
    random.fill_normal(root);
    g.Q = root.transpose() * root / double(n) + MatrixXd::Identity(n, n);
    y = VectorXd::Zero(n);
    for (Eigen::Index i = 0; i < support; ++i) y[i] = 0.2 + random.uniform();
    y /= y.sum();
    g.d = (g.Q * y).array() + random.normal();
    for (Eigen::Index i = support; i < n; ++i) g.d[i] -= margin + (margin > 0 ? random.uniform() : 0.0);
    // Q dy − dx + 1 dτ = 0 on the support, 1'dy = 0.
    MatrixXd K = MatrixXd::Ones(support + 1, support + 1);
    K.topLeftCorner(support, support) = g.Q.topLeftCorner(support, support);
    K(support, support) = 0;
    slope = MatrixXd::Zero(n, n);
    slope.topLeftCorner(support, support) = K.inverse().topLeftCorner(support, support);
  }
};

const Search spectral{ProximalGradient{}, GradientBelow{1e-11} || MaxIterations{20000}};
const Search accelerated{Fista{}, GradientBelow{1e-11} || MaxIterations{20000}};

template <class S>
void check(const S& search, const Made& made) {
  const VectorXd x = VectorXd::Zero(made.y.size());
  NestedRun run(made.g, search, x, made.y);
  CHECK(run.gradient(x).verdict == Verdict::fine);
  const VectorXd exact = made.slope.transpose() * (made.y - run.wanted(x.size()));
  CHECK((run.slope - exact).norm() <= 1e-8);

  const VectorXd first = run.slope;
  run.accept();
  const auto before = run.inner_iterations();
  CHECK(run.gradient(x).verdict == Verdict::fine);
  CHECK(run.inner_iterations() <= before + 1);
  CHECK((run.slope - first).norm() <= 1e-9);
  CHECK((first - run.differences(x, 1e-3)).norm() <= 1e-6);  // F is quadratic here, but known to 10 digits alone
}

template <class S>
void check_refused(const S& search, const Made& made) {
  const VectorXd x = VectorXd::Zero(made.y.size());
  NestedRun run(made.g, search, x, made.y);
  const auto said = run.gradient(x);
  CHECK(said.verdict == Verdict::not_differentiable);
  CHECK(said.reason == Reason::constraint_weakly_active);
  CHECK(run.slope.array().isNaN().all());
}

}  // namespace

TEST_CASE(
    "ProximalGradient and Fista: hypergradients through programs on the simplex are those of the closed form, and "
    "a solve from its own solution takes one iteration and gives the same",
    "[nested]") {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    CAPTURE(seed);
    const Made made(seed, 12, 1 + Eigen::Index(seed), 0.02);
    check(spectral, made);
    check(accelerated, made);
  }
}

TEST_CASE("a share that is zero with a multiplier of zero is refused", "[nested]") {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    CAPTURE(seed);
    const Made made(seed, 12, 1 + Eigen::Index(seed), 0);
    check_refused(spectral, made);
    check_refused(accelerated, made);
  }
}
