#include <mesaopt/nested/joint.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/gradient/lbfgs.hpp>
#include <mesaopt/gradient/newton.hpp>
#include <mesaopt/nested/implicit.hpp>
#include <mesaopt/nested/nested.hpp>
#include <mesaopt/nested/response.hpp>
#include <mesaopt/problems/quadratic.hpp>
#include <mesaopt/problems/three_levels.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using problems::ThreeLevels;

namespace {

/// The top level's value as a function of u = [x; y] and z.
struct Top {
  double operator()(const VectorXd& u, const VectorXd& z) const {
    return (u[0] - 3) * (u[0] - 3) + u[1] * u[1] + z[0] * z[0];
  }
  double operator()(const VectorXd& u, const VectorXd& z, VectorXd& gu, VectorXd& gz) const {
    gu << 2 * (u[0] - 3), 2 * u[1];
    gz << 2 * z[0];
    return (*this)(u, z);
  }
};

MatrixXd random_matrix(Random& random, Eigen::Index rows, Eigen::Index cols) {
  MatrixXd A(rows, cols);
  for (Eigen::Index j = 0; j < cols; ++j)
    for (Eigen::Index i = 0; i < rows; ++i) A(i, j) = random.normal();
  return A;
}

/// z ↦ ½ z'Az − z'(Bu + c): the minimum is at A⁻¹(Bu + c).
struct Bottom {
  MatrixXd A, B;
  VectorXd c;
  double operator()(const VectorXd& u, const VectorXd& z) const { return z.dot(A * z) / 2 - z.dot(B * u + c); }
  double operator()(const VectorXd& u, const VectorXd& z, VectorXd& gz) const {
    gz = A * z - B * u - c;
    return (*this)(u, z);
  }
  void hessian(const VectorXd&, const VectorXd&, MatrixXd& H) const { H = A; }
  void mixed_product(const VectorXd&, const VectorXd&, const VectorXd& v, VectorXd& out) const {
    out = -B.transpose() * v;
  }
};

/// ½ w'Qw + q'w of w = [u; z].
struct Whole {
  MatrixXd Q;
  VectorXd q;
  static VectorXd stack(const VectorXd& u, const VectorXd& z) {
    VectorXd w(u.size() + z.size());
    w << u, z;
    return w;
  }
  double operator()(const VectorXd& u, const VectorXd& z) const {
    const VectorXd w = stack(u, z);
    return w.dot(Q * w) / 2 + q.dot(w);
  }
  double operator()(const VectorXd& u, const VectorXd& z, VectorXd& gu, VectorXd& gz) const {
    const VectorXd g = Q * stack(u, z) + q;
    gu = g.head(u.size());
    gz = g.tail(z.size());
    return (*this)(u, z);
  }
};

}  // namespace

TEST_CASE("an objective of a stacked point is one of two points, with all its derivatives", "[nested]") {
  Random random{7};
  const MatrixXd R = random_matrix(random, 5, 5);
  const MatrixXd A = (R + R.transpose()) / 2;
  const VectorXd b = random_matrix(random, 5, 1), x = random_matrix(random, 2, 1), y = random_matrix(random, 3, 1),
                 v = random_matrix(random, 3, 1), d = random_matrix(random, 2, 1);
  const problems::Quadratic<> f(A, b);
  const auto g = joint(f);
  using M = MemoryOf<decltype(g), VectorXd>;
  M memory;
  M::Record record;
  const Call<M> call{memory, record};
  VectorXd u(5), gu(5), gx(2), gy(3), out_x(2), out_y(3);
  u << x, y;
  const double value = f(u, gu);
  CHECK(Evaluation<double>(g(x, y, call)).value == Approx(value));
  CHECK(Evaluation<double>(g(x, y, gy, call)).value == Approx(value));
  CHECK(gy.isApprox(gu.tail(3)));
  gy.setZero();
  g(x, y, gx, gy, call);
  CHECK(gx.isApprox(gu.head(2)));
  CHECK(gy.isApprox(gu.tail(3)));
  g.hessian_product(x, y, v, out_y, call);
  CHECK(out_y.isApprox(A.bottomRightCorner(3, 3) * v));
  g.mixed_product(x, y, v, out_x, call);
  CHECK(out_x.isApprox(A.topRightCorner(2, 3) * v));
  g.mixed_direction(x, y, d, out_y, call);
  CHECK(out_y.isApprox(A.bottomLeftCorner(3, 2) * d));
}

TEST_CASE("three levels by gradients reach their closed form", "[nested]") {
  const VectorXd zero = VectorXd::Zero(1);
  const Search search{Lbfgs{}, GradientBelow{1e-13} || MaxIterations{200}};
  const auto solve = [&](const auto& start) {
    const auto bottom = response(family(ThreeLevels::Bottom{}), search, start);
    const auto middle = nested(ThreeLevels::Middle{}, bottom, Implicit{});
    const auto top =
        nested(joint(nested(Top{}, bottom, Implicit{})), response(family(joint(middle)), search, start), Implicit{});
    return minimize(top, zero, Lbfgs{}, GradientBelow{1e-10} || MaxIterations{100});
  };
  const auto check = [](const auto& s) {
    CHECK(s.status == Status::gradient_below);
    CHECK(std::abs(s.x[0] - ThreeLevels::x_star) < 1e-10);
    CHECK(std::abs(s.value - ThreeLevels::minimum) < 1e-10);
    CHECK(s.counts.size() == 3);
    for (const Counts& level : s.counts) CHECK(level.gradients > 0);
    CHECK(s.counts[2].gradients > s.counts[1].gradients);
    CHECK(s.counts[1].gradients > s.counts[0].gradients);
  };
  check(solve(warm(zero)));
  check(solve(cold(zero)));
}

TEST_CASE("three levels of five variables each reach what linear algebra says", "[nested]") {
  for (const std::uint64_t seed : {1u, 2u, 3u}) {
    Random random{seed};
    const auto definite = [&](Eigen::Index n) -> MatrixXd {
      const MatrixXd R = random_matrix(random, n, n);
      return R * R.transpose() / double(n) + MatrixXd::Identity(n, n);
    };
    const Bottom g{definite(5), random_matrix(random, 5, 10), random_matrix(random, 5, 1)};
    const Whole m{definite(15), random_matrix(random, 15, 1)};
    const Whole F{definite(15), random_matrix(random, 15, 1)};

    // z = Z u + z0, hence w = [u; z] = T u + t; y = Y x + y0, hence u = U x + u0.
    MatrixXd T(15, 10), U(10, 5);
    VectorXd t = VectorXd::Zero(15), u0 = VectorXd::Zero(10);
    const Eigen::LLT<MatrixXd> A(g.A);
    T << MatrixXd::Identity(10, 10), A.solve(g.B);
    t.tail(5) = A.solve(g.c);
    const MatrixXd Qm = T.transpose() * m.Q * T;
    const VectorXd qm = T.transpose() * (m.Q * t + m.q);
    const Eigen::LLT<MatrixXd> Qyy(Qm.bottomRightCorner(5, 5));
    U << MatrixXd::Identity(5, 5), -Qyy.solve(Qm.bottomLeftCorner(5, 5));
    u0.tail(5) = -Qyy.solve(qm.tail(5));
    const MatrixXd QF = T.transpose() * F.Q * T;
    const VectorXd qF = T.transpose() * (F.Q * t + F.q);
    const VectorXd x = -(U.transpose() * QF * U).llt().solve(U.transpose() * (QF * u0 + qF));
    const VectorXd u = U * x + u0;
    const double value = F(u, (T * u + t).tail(5));

    const VectorXd start = VectorXd::Zero(5);
    const Search exact{Newton{}, GradientBelow{1e-13} || MaxIterations{50}};
    const Search inner{Lbfgs{}, GradientBelow{1e-11} || MaxIterations{300}};
    const auto bottom = response(family(g), exact, warm(start));
    const auto top = nested(joint(nested(F, bottom, Implicit{})),
                            response(family(joint(nested(m, bottom, Implicit{}))), inner, warm(start)), Implicit{});
    const auto s = minimize(top, start, Lbfgs{}, GradientBelow{1e-8} || MaxIterations{200});
    CAPTURE(seed, s.counts[0].gradients, s.counts[1].gradients, s.counts[2].gradients);
    CHECK(s.status == Status::gradient_below);
    CHECK((s.x - x).norm() < 1e-8 * std::max(1.0, x.norm()));
    CHECK(std::abs(s.value - value) < 1e-8 * std::max(1.0, std::abs(value)));
  }
}
