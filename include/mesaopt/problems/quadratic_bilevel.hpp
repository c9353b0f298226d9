#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include <mesaopt/core/point.hpp>
#include <mesaopt/core/random.hpp>

namespace mesaopt::problems {

/// Two quadratic levels with everything in closed form, for n outer variables x and m inner ones y.
///
///     inner:  f(x, y) = y'Ay/2 + (a + C'x)'y                                  y*(x) = -A^-1 (a + C'x)
///     outer:  F(x, y) = x'Hx/2 + x'Ky + y'By/2 + h'x + b'y
///
/// A (m x m), B (m x m) and H (n x n) are symmetric, A positive definite; C and K are n x m. It is the problem
/// "simulated" of benchopt's bilevel benchmark: Dagréou, Ablin, Vaiter & Moreau (2022), "A framework for bilevel
/// optimization that enables stochastic and global variance reduction algorithms".
struct QuadraticBilevel {
  using Matrix = Eigen::MatrixXd;
  using Vector = Eigen::VectorXd;

  Matrix A{}, C{};
  Vector a{};
  Matrix H{}, K{}, B{};
  Vector h{}, b{};

  /// A random one: A, and H, K, B together as one matrix, are R R'/size + I of normal R, so that both levels are
  /// convex; all else is normal.
  static QuadraticBilevel random(Eigen::Index n, Eigen::Index m, std::uint64_t seed) {
    Random source{seed};
    const auto normal = [&](Eigen::Index rows, Eigen::Index cols) {
      Matrix out(rows, cols);
      source.fill_normal(out);
      return out;
    };
    const auto definite = [&](Eigen::Index size) -> Matrix {
      const Matrix R = normal(size, size);
      return R.lazyProduct(R.transpose()) / double(size) + Matrix::Identity(size, size);
    };
    QuadraticBilevel q;
    q.A = definite(m);
    q.C = normal(n, m);
    q.a = normal(m, 1);
    const Matrix both = definite(n + m);
    q.H = both.topLeftCorner(n, n);
    q.K = both.topRightCorner(n, m);
    q.B = both.bottomRightCorner(m, m);
    q.h = normal(n, 1);
    q.b = normal(m, 1);
    return q;
  }

  /// Throws std::invalid_argument if the sizes do not fit together, or A is not positive definite.
  void check() const {
    const auto n = H.rows(), m = A.rows();
    const auto sized = [](const Matrix& M, Eigen::Index rows, Eigen::Index cols) {
      return M.rows() == rows && M.cols() == cols;
    };
    if (!sized(A, m, m) || !sized(C, n, m) || a.size() != m || !sized(H, n, n) || !sized(K, n, m) || !sized(B, m, m) ||
        h.size() != n || b.size() != m)
      throw std::invalid_argument("QuadraticBilevel: with H " + std::to_string(n) + " x " + std::to_string(H.cols()) +
                                  " and A " + std::to_string(m) + " x " + std::to_string(A.cols()) +
                                  ", C and K must be n x m, B m x m, a and b of size m, and h of size n");
    if (!definite(A.ldlt())) throw std::invalid_argument("QuadraticBilevel: A is not positive definite");
  }

  /// The inner level, with all derivatives that a hypergradient asks for; it refers to the problem.
  struct Inner {
    const QuadraticBilevel& q;
    static constexpr bool quadratic = true;

    double operator()(const Vector& x, const Vector& y) const {
      return y.dot(q.A * y) / 2 + (q.a + q.C.transpose() * x).dot(y);
    }
    double operator()(const Vector& x, const Vector& y, Vector& gy) const {
      gy.noalias() = q.A * y;
      const double half = y.dot(gy) / 2;
      const Vector linear = q.a + q.C.transpose() * x;
      gy += linear;
      return half + linear.dot(y);
    }
    void hessian(const Vector&, const Vector&, Matrix& out) const { out = q.A; }
    void hessian_product(const Vector&, const Vector&, const Vector& v, Vector& out) const { out.noalias() = q.A * v; }
    void mixed_product(const Vector&, const Vector&, const Vector& v, Vector& out) const { out.noalias() = q.C * v; }
    void mixed_direction(const Vector&, const Vector&, const Vector& u, Vector& out) const {
      out.noalias() = q.C.transpose() * u;
    }
  };
  /// The outer level, with its derivatives; it refers to the problem.
  struct Outer {
    const QuadraticBilevel& q;

    double operator()(const Vector& x, const Vector& y) const {
      return x.dot(q.H * x) / 2 + x.dot(q.K * y) + y.dot(q.B * y) / 2 + q.h.dot(x) + q.b.dot(y);
    }
    double operator()(const Vector& x, const Vector& y, Vector& gx, Vector& gy) const {
      gx = q.h + q.H * x + q.K * y;
      gy = q.b + q.B * y + q.K.transpose() * x;
      return (*this)(x, y);
    }
  };
  [[nodiscard]] Inner inner() const& { return {*this}; }
  [[nodiscard]] Outer outer() const& { return {*this}; }
  Inner inner() && = delete;
  Outer outer() && = delete;

  /// y*(x).
  [[nodiscard]] Vector response(const Vector& x) const {
    const Vector linear = a + C.transpose() * x;
    return -A.ldlt().solve(linear);
  }
  /// dy*/dx = -A^-1 C', m x n.
  [[nodiscard]] Matrix sensitivity() const {
    const Eigen::LDLT<Matrix> factors(A);
    Matrix Y(C.cols(), C.rows());
    for (Eigen::Index j = 0; j < C.rows(); ++j) {
      const Vector column = C.row(j).transpose();
      Y.col(j) = -factors.solve(column);
    }
    return Y;
  }
  /// F(x, y*(x)).
  [[nodiscard]] double value(const Vector& x) const { return outer()(x, response(x)); }
  /// dF(x, y*(x))/dx = h + Hx + Ky* - C A^-1 (b + By* + K'x).
  [[nodiscard]] Vector hypergradient(const Vector& x) const {
    const Vector y = response(x);
    const Vector slope = b + B * y + K.transpose() * x, adjoint = A.ldlt().solve(slope);
    return h + H * x + K * y - C * adjoint;
  }
  /// The second derivative of F(x, y*(x)), n x n.
  [[nodiscard]] Matrix second_derivative() const {
    // Lazy products, as other ones take the compiler long.
    const Matrix Y = sensitivity(), KY = K.lazyProduct(Y), BY = B.lazyProduct(Y);
    return H + KY + KY.transpose() + Y.transpose().lazyProduct(BY);
  }
  /// The outer solution. Throws std::domain_error if F(x, y*(x)) is not strictly convex, and so has none.
  [[nodiscard]] Vector solution() const {
    const Eigen::LDLT<Matrix> factors(second_derivative());
    if (!definite(factors)) throw std::domain_error("QuadraticBilevel: the outer problem has no single minimum");
    return -factors.solve(hypergradient(Vector::Zero(H.rows())));
  }

 private:
  static bool definite(const Eigen::LDLT<Matrix>& factors) {
    return factors.info() == Eigen::Success && factors.vectorD().minCoeff() > 0;
  }
};

}  // namespace mesaopt::problems
