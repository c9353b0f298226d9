#include <mesaopt/nested/anchored.hpp>

#include <cmath>
#include <utility>

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/gradient/lbfgs.hpp>
#include <mesaopt/nested/implicit.hpp>
#include <mesaopt/nested/nested.hpp>
#include <mesaopt/nested/response.hpp>

#include "nested/adjoint_problem.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using namespace adjoint;

namespace {
struct Distance {
  double operator()(const VectorXd& y, VectorXd& gy) const {
    gy = y - VectorXd::Ones(y.size());
    return gy.squaredNorm() / 2;
  }
};
}  // namespace

TEST_CASE("on quadratic tasks implicit MAML has the gradient of its closed form", "[nested]") {
  for (const double strength : {0.3, 2.0}) {
    const Form task{with_eigenvalues(VectorXd::LinSpaced(6, -0.1, 3))};
    const auto F =
        nested(of_solution(Distance{}),
               response(family(anchored(task, strength)), Search{Lbfgs{}, GradientBelow{1e-14} || MaxIterations{200}},
                        by_outer([](const auto& x) { return x; })),
               Implicit{});
    const VectorXd x = some(6);
    const Eigen::LDLT<MatrixXd> factor(MatrixXd::Identity(6, 6) + task.H / strength);
    const VectorXd y = factor.solve(x), exact = factor.solve(y - VectorXd::Ones(6));
    Calls<VectorXd, MemoryOf<decltype(F), VectorXd>> calls;
    VectorXd gradient(6);
    const auto found = calls.gradient(F, x, gradient);
    CHECK(found.verdict == Verdict::fine);
    CHECK((gradient - exact).norm() < 1e-12 * exact.norm());
    CHECK(found.value == Approx((y - VectorXd::Ones(6)).squaredNorm() / 2));
  }
}

TEST_CASE("the derivatives of an anchored objective are those of its value", "[nested]") {
  const auto g = anchored(Form{with_eigenvalues(VectorXd::LinSpaced(4, 1, 3))}, 0.7);
  const VectorXd x = some(4), y = some(4, 0.1), v = some(4, 2.0);
  VectorXd gy(4), above(4), below(4), out(4);
  MatrixXd H;
  const double value = g(x, y, gy).value;
  CHECK(value == Approx(y.dot(g.f.H * y) / 2 + 0.35 * (y - x).squaredNorm()));
  g(x, VectorXd(y + 0.5 * v), above);
  g(x, VectorXd(y - 0.5 * v), below);
  g.hessian_product(x, y, v, out);
  CHECK((out - (above - below)).norm() < 1e-13);
  g.hessian(x, y, H);
  CHECK((H * v - out).norm() < 1e-13);
  g(VectorXd(x + 0.5 * v), y, above);
  g(VectorXd(x - 0.5 * v), y, below);
  g.mixed_product(x, y, v, out);
  CHECK((out - (above - below)).norm() < 1e-13);
  g.mixed_direction(x, y, v, out);
  CHECK((out - (above - below)).norm() < 1e-13);
}

namespace {
/// |y|⁴/4 as a task that takes a call, with a stand-in for its second derivative.
struct Called {
  template <class Y>
  using Memory = Workspace<int>;
  using C = Call<Workspace<int>>;
  double operator()(const VectorXd& y, VectorXd& gy, const C& call) const {
    call.record = 7;
    gy = y.squaredNorm() * y;
    return y.squaredNorm() * y.squaredNorm() / 4;
  }
  void hessian_product(const VectorXd& y, const VectorXd& v, VectorXd& out, const C&) const {
    out = y.squaredNorm() * v + 2 * y.dot(v) * y;
  }
  void gauss_newton_product(const VectorXd& y, const VectorXd& v, VectorXd& out, const C&) const {
    out = y.squaredNorm() * v;
  }
};
}  // namespace

TEST_CASE("an anchored task may have a memory, and keeps its Gauss-Newton product", "[nested]") {
  const auto pull = [&](const Implicit& implicit) {
    const auto F = nested(of_solution(Distance{}),
                          response(family(anchored(Called{}, 0.5)),
                                   Search{Lbfgs{}, GradientBelow{1e-13} || MaxIterations{200}}, from_outer()),
                          implicit);
    Calls<VectorXd, MemoryOf<decltype(F), VectorXd>> calls;
    VectorXd gradient(6);
    const auto found = calls.gradient(F, some(6), gradient);
    return std::pair{found.reason, gradient};
  };
  // y (|y|² + ½) = x/2, so y goes along x.
  double t = 0;
  for (int k = 0; k < 100; ++k) t -= (t * t * t + 0.5 * (t - some(6).norm())) / (3 * t * t + 0.5);
  const VectorXd y = t * some(6).normalized(), slope = y - VectorXd::Ones(6);
  const MatrixXd H = (t * t + 0.5) * MatrixXd::Identity(6, 6) + 2 * y * y.transpose();
  const auto [reason, gradient] = pull({});
  CHECK(reason == Reason::none);
  CHECK((gradient - 0.5 * H.ldlt().solve(slope)).norm() < 1e-10);
  const auto [labelled, approximate] = pull({.gauss_newton = GaussNewton::always, .damping = 0});
  CHECK(labelled == Reason::gauss_newton_adjoint);
  CHECK((approximate - 0.5 / (t * t + 0.5) * slope).norm() < 1e-10);
}
