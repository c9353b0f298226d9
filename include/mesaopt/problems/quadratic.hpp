#pragma once

#include <stdexcept>
#include <string>
#include <utility>

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include <mesaopt/core/number_text.hpp>
#include <mesaopt/core/point.hpp>

namespace mesaopt::problems {

/// The quadratic 1/2 x'Ax - b'x with given symmetric A, n x n, and b of size n; N is n if known at compile time.
///
/// Where A is positive definite the minimum is at A^-1 b. Nothing is allocated in a call. Throws std::invalid_argument
/// for a point that has not the size of b.
template <class S = double, int N = Eigen::Dynamic>
class Quadratic {
 public:
  using Matrix = Eigen::Matrix<S, N, N>;
  using Vector = Eigen::Vector<S, N>;

  static constexpr bool quadratic = true;  ///< second derivatives do not depend on x

  /// Keeps A and b. Throws std::invalid_argument if A is not square or not symmetric, or b is not of its size.
  Quadratic(Matrix A, Vector b) : A_(std::move(A)), b_(std::move(b)) {
    if (A_.rows() != A_.cols() || A_.rows() != b_.size())
      throw std::invalid_argument("Quadratic: A must be square and b of its size, but A is " +
                                  std::to_string(A_.rows()) + " x " + std::to_string(A_.cols()) + " and b has size " +
                                  std::to_string(b_.size()));
    const S asymmetry = (A_ - A_.transpose()).norm();
    if (!(asymmetry <= S(100) * Eigen::NumTraits<S>::epsilon() * A_.norm()))
      throw std::invalid_argument("Quadratic: A must be symmetric, but |A - A'| is " +
                                  mesaopt::detail::number_text(asymmetry));
  }

  /// The matrix A, and the vector b.
  const Matrix& A() const { return A_; }
  const Vector& b() const { return b_; }

  /// The value at x.
  template <Point X>
  S operator()(const X& x) const {
    require(x.size());
    S value(0);
    for (Eigen::Index j = 0; j < x.size(); ++j) value += x[j] * (S(0.5) * A_.col(j).dot(x) - b_[j]);
    return value;
  }

  /// The value at x; fills the gradient Ax - b, which has the size of x.
  template <Point X>
  S operator()(const X& x, X& gradient) const {
    require(x.size());
    gradient.noalias() = A_ * x;
    gradient -= b_;
    return S(0.5) * (gradient.dot(x) - b_.dot(x));
  }

  /// out = A v.
  template <Point X>
  void hessian_product(const X&, const X& v, X& out) const {
    out.noalias() = A_ * v;
  }

  /// H = A.
  template <Point X, class Out>
  void hessian(const X&, Out& H) const {
    H = A_;
  }

  /// Where the gradient is zero: A^-1 b, the minimum if A is positive definite. Throws std::domain_error if A is not.
  Vector solution() const {
    const Eigen::LLT<Matrix> factors(A_);
    if (factors.info() != Eigen::Success)
      throw std::domain_error("Quadratic: A is not positive definite, so there is no single minimum");
    return factors.solve(b_);
  }

  /// The value at the solution, - b'A^-1 b / 2. Throws std::domain_error if A is not positive definite.
  S minimum() const { return S(-0.5) * b_.dot(solution()); }

 private:
  void require(Eigen::Index size) const {
    if (size != b_.size())
      throw std::invalid_argument("Quadratic: x must have the size of b, " + std::to_string(b_.size()) +
                                  ", but its size is " + std::to_string(size));
  }

  Matrix A_;
  Vector b_;
};

template <class S, int N>
Quadratic(Eigen::Matrix<S, N, N>, Eigen::Vector<S, N>) -> Quadratic<S, N>;

}  // namespace mesaopt::problems
