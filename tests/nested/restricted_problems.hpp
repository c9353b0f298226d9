#pragma once
// Inner problems with constraints whose solutions are known, and an optimizer that knows them.

#include <cmath>

#include <Eigen/Dense>

#include <mesaopt/core/optimizer.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/core/search.hpp>
#include <mesaopt/objective/box.hpp>

namespace restricted {

using Eigen::MatrixXd;
using Eigen::VectorXd;
using mesaopt::Box;

/// Goes to the family's `solution(x)` at once.
struct Oracle {
  static constexpr bool handles_bounds = true, handles_constraints = true, handles_regularizer = true;
  template <mesaopt::Point X, class M = mesaopt::Nothing>
  struct State {
    X x{};
    mesaopt::ScalarOf<X> value = 0;
    mesaopt::Evaluation<mesaopt::ScalarOf<X>> evaluation{};
    mesaopt::Status status = mesaopt::Status::running;
    mesaopt::Calls<X, M> calls{};
    static constexpr auto fields() { return std::tuple{&State::x, &State::value}; }
  };
  [[nodiscard]] auto default_stopping() const { return mesaopt::MaxIterations{1}; }
  template <class F, class P, class S>
  void init(const F& f, const P& start, S& state) const {
    state.calls.begin(start);
    state.x = f.g.solution(f.x);
    state.evaluation = state.calls.value(f, state.x);
    state.value = state.evaluation.value;
    state.status = mesaopt::Status::converged;
  }
  template <class F, class S>
  void step(const F&, S&) const {}
};

/// ½ y'Qy + (d + Bx)'y under Ay = or <= b + Dx and bounds, one of which moves with x: a strictly convex quadratic
/// program made around a solution with a known active set, so that y(x) is linear near x = 0.
struct Program {
  static constexpr bool quadratic = true, linear_constraints = true;
  MatrixXd Q, B, A, D;
  VectorXd d, b, solution_at_0, upper;
  Eigen::Index equal = 1, active = 2;  // the first `active` of the inequalities hold with equality
  Eigen::Index held = 5;               // the coordinate at its upper bound, which is upper + x₀
  double multiplier = 0.7, bound_multiplier = 0.4;

  explicit Program(std::uint64_t seed, bool dependent = false, Eigen::Index n = 8, Eigen::Index outer = 3,
                   Eigen::Index constraints = 5) {
    mesaopt::Random random{seed};
    const auto draw = [&](Eigen::Index rows, Eigen::Index cols) {
      MatrixXd matrix(rows, cols);
      random.fill_normal(matrix);
      return matrix;
    };
    const MatrixXd root = draw(n, n);
    Q = root.transpose() * root / double(n) + MatrixXd::Identity(n, n);
    B = draw(n, outer);
    A = draw(constraints, n);
    D = draw(constraints, outer);
    if (dependent) {
      A.row(2) = 2 * A.row(1);
      D.row(2) = 2 * D.row(1);
    }
    solution_at_0 = draw(n, 1);
    upper = solution_at_0.array() + 1;
    upper[held] = solution_at_0[held];
    VectorXd multipliers = VectorXd::Zero(constraints);
    multipliers[0] = -0.3;
    for (Eigen::Index i = 0; i < active; ++i) multipliers[equal + i] = multiplier;
    b = A * solution_at_0;
    for (Eigen::Index i = equal + active; i < constraints; ++i) b[i] += 0.5;
    d = -(Q * solution_at_0 + A.transpose() * multipliers);
    d[held] -= bound_multiplier;
  }

  /// By the whole KKT system at once.
  [[nodiscard]] VectorXd solution(const VectorXd& x) const {
    const auto n = Q.rows(), m = equal + active;
    MatrixXd K = MatrixXd::Zero(n + m + 1, n + m + 1);
    VectorXd right(n + m + 1);
    K.topLeftCorner(n, n) = Q;
    K.block(n, 0, m, n) = A.topRows(m);
    K.block(0, n, n, m) = A.topRows(m).transpose();
    K(n + m, held) = K(held, n + m) = 1;
    right << -d - B * x, (b + D * x).head(m), upper[held] + x[0];
    return K.fullPivLu().solve(right).head(n);
  }

  double operator()(const VectorXd& x, const VectorXd& y) const { return y.dot(Q * y) / 2 + (d + B * x).dot(y); }
  double operator()(const VectorXd& x, const VectorXd& y, VectorXd& gradient) const {
    gradient = Q * y + d + B * x;
    return (*this)(x, y);
  }
  void hessian(const VectorXd&, const VectorXd&, MatrixXd& H) const { H = Q; }
  void hessian_product(const VectorXd&, const VectorXd&, const VectorXd& v, VectorXd& out) const { out = Q * v; }
  void mixed_product(const VectorXd&, const VectorXd&, const VectorXd& v, VectorXd& out) const {
    out = B.transpose() * v;
  }
  [[nodiscard]] Eigen::Index equalities() const { return equal; }
  [[nodiscard]] Eigen::Index inequalities() const { return A.rows() - equal; }
  void constraints(const VectorXd& x, const VectorXd& y, VectorXd& c) const { c = A * y - b - D * x; }
  void constraints(const VectorXd& x, const VectorXd& y, VectorXd& c, MatrixXd& J) const {
    constraints(x, y, c);
    J = A;
  }
  [[nodiscard]] Box<VectorXd> box(const VectorXd& x) const {
    VectorXd most = upper;
    most[held] += x[0];
    return {VectorXd::Constant(Q.rows(), -100), most};
  }
};

/// The point of the ball |y|² <= 1 nearest to x: y = x / |x|, if that is outside.
struct NearestOnBall {
  bool equality = false;  ///< the sphere in place of the ball
  static VectorXd solution(const VectorXd& x) { return x / x.norm(); }
  double operator()(const VectorXd& x, const VectorXd& y) const { return (y - x).squaredNorm() / 2; }
  double operator()(const VectorXd& x, const VectorXd& y, VectorXd& gradient) const {
    gradient = y - x;
    return (y - x).squaredNorm() / 2;
  }
  [[nodiscard]] Eigen::Index equalities() const { return equality ? 1 : 0; }
  [[nodiscard]] Eigen::Index inequalities() const { return equality ? 0 : 1; }
  void constraints(const VectorXd&, const VectorXd& y, VectorXd& c) const { c[0] = y.squaredNorm() - 1; }
  void constraints(const VectorXd&, const VectorXd& y, VectorXd& c, MatrixXd& J) const {
    c[0] = y.squaredNorm() - 1;
    J.row(0) = 2 * y.transpose();
  }
};

/// An outer objective ½|y − target|² + x₀².
struct Target {
  double operator()(const VectorXd& x, const VectorXd& y) const {
    return (y - wanted(y)).squaredNorm() / 2 + x[0] * x[0];
  }
  double operator()(const VectorXd& x, const VectorXd& y, VectorXd& gx, VectorXd& gy) const {
    gx.setZero();
    gx[0] = 2 * x[0];
    gy = y - wanted(y);
    return (*this)(x, y);
  }
  static VectorXd wanted(const VectorXd& y) {
    return VectorXd::NullaryExpr(y.size(), [](Eigen::Index i) { return std::sin(double(i + 1)); });
  }
};

}  // namespace restricted
