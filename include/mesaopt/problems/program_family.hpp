#pragma once

#include <cmath>

#include <Eigen/Core>

#include <mesaopt/objective/box.hpp>

namespace mesaopt::problems {

/// A family of convex programs in y, one for each outer point x:
///
///     min  ½ y'Qy + (d + Bx)'y + log Σₖ exp(G y)ₖ
///     subject to  Ay + ½ K y² − b − Dx = 0 for the first `equal` rows, <= 0 for the others,   lower + Ex <= y <= upper
///     + Ex
///
/// where y² is taken entry by entry: rows of K with positive entries are ellipsoids. `curved` families have G and K,
/// `bounded` ones bounds, `constrained` ones constraints; the others leave these members empty.
template <bool curved, bool bounded, bool constrained>
struct ProgramFamily {
  static constexpr bool quadratic = !curved, linear_constraints = !curved;
  using Vector = Eigen::VectorXd;
  using Matrix = Eigen::MatrixXd;

  Matrix Q, B, G;
  Vector d;
  Matrix A, K, D;
  Vector b;
  Eigen::Index equal = 0;
  Vector lower, upper;
  Matrix E;

  double operator()(const Vector& x, const Vector& y) const {
    Vector unused(y.size());
    return (*this)(x, y, unused);
  }
  double operator()(const Vector& x, const Vector& y, Vector& gradient) const {
    gradient.noalias() = Q * y;
    double value = gradient.dot(y) / 2;
    Vector slope = d;
    slope.noalias() += B * x;
    value += slope.dot(y);
    gradient += slope;
    if constexpr (curved) {
      Vector share = G * y;
      const double largest = share.maxCoeff();
      share = (share.array() - largest).exp();
      const double sum = share.sum();
      value += largest + std::log(sum);
      gradient.noalias() += G.transpose() * (share / sum);
    }
    return value;
  }
  void hessian(const Vector&, const Vector& y, Matrix& H) const {
    H = Q;
    if constexpr (curved) {
      Vector share = G * y;
      share = (share.array() - share.maxCoeff()).exp();
      share /= share.sum();
      const Vector mean = G.transpose() * share;
      H.noalias() += G.transpose() * share.asDiagonal() * G;
      H.noalias() -= mean * mean.transpose();
    }
  }
  void mixed_product(const Vector&, const Vector&, const Vector& v, Vector& out) const {
    out.noalias() = B.transpose() * v;
  }

  [[nodiscard]] Eigen::Index equalities() const requires constrained { return equal; }
  [[nodiscard]] Eigen::Index inequalities() const requires constrained { return b.size() - equal; }
  void constraints(const Vector& x, const Vector& y, Vector& c) const requires constrained {
    c = -b;
    c.noalias() += A * y;
    c.noalias() -= D * x;
    if constexpr (curved) c.noalias() += K * (y.cwiseAbs2() / 2);
  }
  void constraints(const Vector& x, const Vector& y, Vector& c, Matrix& J) const requires constrained {
    constraints(x, y, c);
    J = A;
    if constexpr (curved) J.noalias() += K * y.asDiagonal();
  }
  void constraints_hessian_product(const Vector&, const Vector&, const Vector& multipliers, const Vector& v,
                                   Vector& out) const requires constrained {
    out.setZero(v.size());
    if constexpr (curved) out = (K.transpose() * multipliers).cwiseProduct(v);
  }

  [[nodiscard]] Box<Vector> box(const Vector& x) const requires bounded {
    const Vector moved = E * x;
    return {lower + moved, upper + moved};
  }
};

}  // namespace mesaopt::problems
