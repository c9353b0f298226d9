#pragma once

#include <algorithm>
#include <cmath>
#include <tuple>

#include <Eigen/Core>

namespace mesaopt::detail {

/// A quadratic model of f through m points, of which n + 2 to (n + 1)(n + 2) / 2 are enough: what they leave open is
/// settled by the least change of the Hessian in the Frobenius norm.
///
/// Points are kept as displacements from a base. The Hessian is an explicit matrix plus Σ weights[k] pₖ pₖᵀ over the
/// points. Beside it stands the inverse H of the matrix of the interpolation equations, without the row and column of
/// the constant term, which are never needed: Ω = Z Zᵀ in the first m rows and columns, and B, the other n rows. Its
/// first m columns are the Lagrange functions: ℓₜ is 1 at point t and 0 at the others.
///
/// Powell (2004), "Least Frobenius norm updating of quadratic models that satisfy interpolation conditions"; Powell
/// (2009), "The BOBYQA algorithm for bound constrained optimization without derivatives", sections 2 and 4.
template <class S>
struct QuadraticInterpolation {
  using Vector = Eigen::VectorX<S>;
  using Matrix = Eigen::MatrixX<S>;
  using Index = Eigen::Index;

  Matrix points{};    ///< n × m: where they lie, from the base
  Vector values{};    ///< at them
  Index best = 0;     ///< the point around which steps are taken
  Vector gradient{};  ///< of the model, at that point
  Matrix hessian{};   ///< its explicit part
  Vector weights{};   ///< its implicit part
  Matrix Z{}, B{};    ///< m × (m − n − 1) and n × (m + n)

  Vector lagrange{};  ///< H w of the last `prepare`: the ℓₜ at the point come first
  S beta = 0;         ///< β of the last `prepare`
  Vector products{}, difference{}, column{}, second{};  ///< scratch of size m, m, m, n
  Vector moved{}, offset{};                             ///< scratch of size n
  Matrix moments{};                                     ///< scratch, n × m

  static constexpr auto fields() {
    using T = QuadraticInterpolation;
    return std::tuple{&T::points, &T::values, &T::best, &T::gradient, &T::hessian, &T::weights, &T::Z, &T::B};
  }

  [[nodiscard]] Index n() const { return points.rows(); }
  [[nodiscard]] Index m() const { return points.cols(); }

  void resize(Index variables, Index count) {
    points.setZero(variables, count);
    values.setZero(count);
    gradient.setZero(variables);
    hessian.setZero(variables, variables);
    weights.setZero(count);
    Z.setZero(count, count - variables - 1);
    B.setZero(variables, count + variables);
    best = 0;
    make_scratch();
  }
  void make_scratch() {
    if (lagrange.size() == m() + n() && moments.cols() == m()) return;
    lagrange.setZero(m() + n());
    for (Vector* v : {&products, &difference, &column}) v->setZero(m());
    for (Vector* v : {&second, &moved, &offset}) v->setZero(n());
    moments.setZero(n(), m());
  }

  /// Model and inverse from the first points: the base; then a step along every axis; then another one along each; then
  /// corners, each the sum of a step along axis p and one along axis q, which `pair(k)` names. A step may have any
  /// length, and two along one axis must differ.
  template <class Pair>
  void begin(const Pair& pair) {
    Z.setZero();
    B.setZero();
    weights.setZero();
    hessian.setZero();
    const S root = std::sqrt(S(2));
    for (Index i = 0; i < n(); ++i) {
      const Index one = 1 + i, two = 1 + n() + i;
      const S a = points(i, one), slope = (values[one] - values[0]) / a;
      if (two >= m()) {
        gradient[i] = slope;
        B(i, 0) = -1 / a;
        B(i, one) = 1 / a;
        B(i, m() + i) = -a * a / 2;
        continue;
      }
      // Divided differences on 0, a, b: exact for what the three values tell.
      const S b = points(i, two), other = (values[two] - values[0]) / b;
      hessian(i, i) = 2 * (other - slope) / (b - a);
      gradient[i] = (slope * b - other * a) / (b - a);
      B(i, 0) = -(a + b) / (a * b);
      B(i, two) = -a / (b * (b - a));
      B(i, one) = -B(i, 0) - B(i, two);
      Z(0, i) = root / (a * b);
      Z(two, i) = root / (b * (b - a));
      Z(one, i) = -Z(0, i) - Z(two, i);
    }
    for (Index k = 2 * n() + 1; k < m(); ++k) {
      const auto [p, q] = pair(k);
      const S s = points(p, k), t = points(q, k);
      const Index on_p = points(p, 1 + p) == s ? 1 + p : 1 + n() + p;
      const Index on_q = points(q, 1 + q) == t ? 1 + q : 1 + n() + q;
      hessian(p, q) = hessian(q, p) = (values[0] - values[on_p] - values[on_q] + values[k]) / (s * t);
      const Index j = k - n() - 1;
      Z(0, j) = Z(k, j) = 1 / (s * t);
      Z(on_p, j) = Z(on_q, j) = -1 / (s * t);
    }
    best = 0;
  }

  /// Takes another of the points for the best, which lies `step` from it.
  void recenter(Index to, const Vector& step) {
    hessian_product(step, second);
    gradient += second;
    best = to;
  }

  /// out = (Hessian of the model) v.
  void hessian_product(const Vector& v, Vector& out) {
    column.noalias() = points.transpose() * v;
    column.array() *= weights.array();
    out.noalias() = hessian * v;
    out.noalias() += points * column;
  }
  /// How much the model says that f changes by a step from the best point.
  S change(const Vector& step) {
    hessian_product(step, second);
    return step.dot(gradient) + step.dot(second) / 2;
  }

  /// The gradient at the best point of the Lagrange function of point t; leaves Ω's column t in `column`.
  void lagrange_gradient(Index t, Vector& out) {
    column.noalias() = Z * Z.row(t).transpose();
    products.noalias() = points.transpose() * points.col(best);
    products.array() *= column.array();
    out = B.col(t);
    out.noalias() += points * products;
  }

  /// Readies the replacement of a point by the one that lies `step` from the best: H w, where w holds the new point's
  /// products with the others, and β = |p|⁴/2 − wᵀ H w. Both from differences to what they are at the best point, which
  /// loses fewer digits.
  void prepare(const Vector& step) {
    const auto at = points.col(best);
    const S along = step.dot(at), length = step.squaredNorm();
    products.noalias() = points.transpose() * step;
    difference.noalias() = points.transpose() * at;
    difference.array() = products.array() * (products.array() / 2 + difference.array());
    auto first = lagrange.head(m());
    auto last = lagrange.tail(n());
    auto reduced = column.head(Z.cols());
    reduced.noalias() = Z.transpose() * difference;
    beta = along * along + length * (at.squaredNorm() + 2 * along + length / 2) - reduced.squaredNorm();
    first.noalias() = Z * reduced;
    second.noalias() = B.leftCols(m()) * difference;
    last = second;
    last.noalias() += B.rightCols(n()) * step;
    first.noalias() += B.leftCols(m()).transpose() * step;
    beta -= step.dot(second) + step.dot(last);
    lagrange[best] += 1;
  }
  /// The denominator σ = αβ + τ² of the replacement of point t; the larger, the better placed the points are after it.
  [[nodiscard]] S denominator(Index t) const { return beta * Z.row(t).squaredNorm() + lagrange[t] * lagrange[t]; }

  /// Puts the point of the last `prepare`, `step` from the best, in the place of point t. `error` is f there minus what
  /// the model said.
  void replace(Index t, const Vector& step, S value, S error) {
    const S sigma = denominator(t), tau = lagrange[t];
    concentrate(t);
    // Ω eₜ, whose products with the others are in Z's first column alone by now.
    column = Z(t, 0) * Z.col(0);
    const S alpha = column[t];
    lagrange[t] -= 1;
    second = B.col(t);
    const S root = std::sqrt(sigma);
    Z.col(0) = (tau / root) * Z.col(0) - (Z(t, 0) / root) * lagrange.head(m());
    moved = (alpha / sigma) * lagrange.tail(n()) - (tau / sigma) * second;
    offset = -(beta / sigma) * second - (tau / sigma) * lagrange.tail(n());
    for (Index k = 0; k < m() + n(); ++k)
      B.col(k) += lagrange[k] * moved + (k < m() ? column[k] : second[k - m()]) * offset;
    // Rounding must not make the last block, which is symmetric, less so.
    for (Index j = 0; j < n(); ++j)
      for (Index i = 0; i < j; ++i) B(j, m() + i) = B(i, m() + j);

    for (Index j = 0; j < n(); ++j) hessian.col(j) += (weights[t] * points(j, t)) * points.col(t);
    weights[t] = 0;
    offset = points.col(best);
    points.col(t) = offset + step;
    values[t] = value;
    // The new model is the old one plus `error` times the new Lagrange function of t. Its gradient is that at the best
    // point, even if that was t.
    products.noalias() = points.transpose() * offset;
    column.noalias() = Z * Z.row(t).transpose();
    weights += error * column;
    column.array() *= products.array();
    second = B.col(t);
    second.noalias() += points * column;
    gradient += error * second;
  }

  /// Moves the base to the best point, so that steps are not small against the displacements: Powell (2006), "The
  /// NEWUOA software for unconstrained optimization without derivatives".
  void shift_base() {
    offset = points.col(best);
    const S quarter = offset.squaredNorm() / 4;
    products.noalias() = points.transpose() * offset;
    products.array() -= 2 * quarter;
    for (Index k = 0; k < m(); ++k) {
      moved = points.col(k) - offset / 2;
      moments.col(k) = products[k] * moved + quarter * offset;
    }
    // H is carried over by Y = moments: B's first columns by YΩ, its last ones by Y Bᵀ + B Yᵀ + YΩYᵀ.
    for (Index j = 0; j < Z.cols(); ++j) {
      second.noalias() = moments * Z.col(j);
      B.rightCols(n()).noalias() += second * second.transpose();
    }
    for (Index k = 0; k < m(); ++k) {
      B.rightCols(n()).noalias() += moments.col(k) * B.col(k).transpose();
      B.rightCols(n()).noalias() += B.col(k) * moments.col(k).transpose();
    }
    for (Index j = 0; j < Z.cols(); ++j) {
      second.noalias() = moments * Z.col(j);
      B.leftCols(m()).noalias() += second * Z.col(j).transpose();
    }
    second.noalias() = points * weights;
    second -= (weights.sum() / 2) * offset;
    hessian.noalias() += second * offset.transpose();
    hessian.noalias() += offset * second.transpose();
    points.colwise() -= offset;
  }

  /// The model whose Hessian itself, not its change, is the least: its gradient at the best point, and its weights left
  /// in `column`.
  void least_model(Vector& out) {
    difference = values.array() - values[best];
    auto reduced = lagrange.head(Z.cols());
    reduced.noalias() = Z.transpose() * difference;
    column.noalias() = Z * reduced;
    products.noalias() = points.transpose() * points.col(best);
    products.array() *= column.array();
    out.noalias() = B.leftCols(m()) * difference;
    out.noalias() += points * products;
  }
  /// Takes it, `least_gradient` being what the last `least_model` gave.
  void take_least(const Vector& least_gradient) {
    gradient = least_gradient;
    weights = column;
    hessian.setZero();
  }

 private:
  /// Turns the columns of Z, which does not change Z Zᵀ, until row t is zero but for its first entry.
  void concentrate(Index t) {
    const S negligible = S(1e-20) * Z.cwiseAbs().maxCoeff();
    for (Index j = 1; j < Z.cols(); ++j) {
      if (std::abs(Z(t, j)) > negligible) {
        const S length = std::hypot(Z(t, 0), Z(t, j)), c = Z(t, 0) / length, s = Z(t, j) / length;
        for (Index k = 0; k < m(); ++k) {
          const S first = Z(k, 0);
          Z(k, 0) = c * first + s * Z(k, j);
          Z(k, j) = c * Z(k, j) - s * first;
        }
      }
      Z(t, j) = 0;
    }
  }
};

}  // namespace mesaopt::detail
