#pragma once

#include <cmath>
#include <stdexcept>
#include <string>
#include <type_traits>

#include <Eigen/Core>
#include <Eigen/QR>

#include <mesaopt/core/point.hpp>

namespace mesaopt::models {

/// Half the mean squared error of a linear model, |Xw - y|^2 / (2n), as a function of its weights w: what ridge
/// regression is validated by.
///
/// X holds one example a row, y one target an entry. Where there are at least as many examples as weights (d <= n), what
/// the data say is summed up once, as the second derivative X'X/n around a least-squares solution, so that a value with
/// its gradient costs d^2 operations, and the value loses no digits where it is small. Else it costs 2 n d.
/// Nothing is allocated in a call.
template <class S>
class RidgeValidation {
 public:
  static constexpr bool quadratic = true;  ///< second derivatives do not depend on w

  /// Throws std::invalid_argument if there is no example, or not one target an example.
  template <class DerivedX, class DerivedY>
  RidgeValidation(const Eigen::MatrixBase<DerivedX>& X, const Eigen::MatrixBase<DerivedY>& y) : dimension_(X.cols()) {
    if (X.rows() < 1 || X.cols() < 1 || y.cols() != 1 || y.rows() != X.rows())
      throw std::invalid_argument("Ridge regression: needs one target for each of at least one example, but X is " +
                                  std::to_string(X.rows()) + " x " + std::to_string(X.cols()) + " and y has size " +
                                  std::to_string(y.size()));
    const S n = S(X.rows());
    if (X.cols() > X.rows()) {
      examples_ = X.transpose() / std::sqrt(n);
      targets_ = y / std::sqrt(n);
      return;
    }
    gram_.noalias() = X.transpose() * X / n;
    center_ = Eigen::MatrixX<S>(X).completeOrthogonalDecomposition().solve(y);
    if (!center_.allFinite()) center_.setZero(X.cols());
    const Eigen::VectorX<S> error = X * center_ - y;
    slope_.noalias() = X.transpose() * error / n;
    least_ = error.squaredNorm() / (S(2) * n);
  }

  /// The number of weights, d.
  Eigen::Index dimension() const { return dimension_; }

  /// The value at w.
  template <Point W>
  S operator()(const W& w) const {
    require(w.size());
    if (!summed_up()) {
      S sum(0);
      for (Eigen::Index i = 0; i < targets_.size(); ++i) {
        const S error = examples_.col(i).dot(w) - targets_[i];
        sum += error * error;
      }
      return S(0.5) * sum;
    }
    S value = least_;
    for (Eigen::Index j = 0; j < dimension_; ++j)
      value += (w[j] - center_[j]) * (slope_[j] + S(0.5) * gram_.col(j).dot(w - center_));
    return value;
  }

  /// The value at w; fills the gradient X'(Xw - y)/n, which has the size of w.
  template <Point W>
  S operator()(const W& w, W& gradient) const {
    require(w.size());
    if (!summed_up()) {
      S sum(0);
      gradient.setZero();
      for (Eigen::Index i = 0; i < targets_.size(); ++i) {
        const S error = examples_.col(i).dot(w) - targets_[i];
        gradient += error * examples_.col(i);
        sum += error * error;
      }
      return S(0.5) * sum;
    }
    gradient = slope_;
    add_gram_product([&](Eigen::Index j) { return w[j] - center_[j]; }, gradient);
    return least_ + S(0.5) * (gradient + slope_).dot(w - center_);
  }

  /// out = (second derivative) v = X'Xv/n.
  template <Point W>
  void hessian_product(const W& w, const W& v, W& out) const {
    require(w.size());
    if (summed_up()) {
      out.noalias() = gram_ * v;
      return;
    }
    out.setZero();
    for (Eigen::Index i = 0; i < targets_.size(); ++i) out += examples_.col(i).dot(v) * examples_.col(i);
  }

  /// H = second derivative, X'X/n, d x d.
  template <Point W, class Matrix>
  void hessian(const W& w, Matrix& H) const {
    require(w.size());
    if (summed_up()) {
      H = gram_;
      return;
    }
    H.setZero();
    for (Eigen::Index j = 0; j < dimension_; ++j)
      for (Eigen::Index i = 0; i < targets_.size(); ++i) H.col(j) += examples_(j, i) * examples_.col(i);
  }

 private:
  bool summed_up() const { return targets_.size() == 0; }

  void require(Eigen::Index size) const {
    if (size != dimension_)
      throw std::invalid_argument("Ridge regression: w must have one weight a column of X, " +
                                  std::to_string(dimension_) + ", but its size is " + std::to_string(size));
  }

  // Eigen's product would copy a right-hand side that is an expression to the heap.
  template <class Factor, class W>
  void add_gram_product(const Factor& factor, W& out) const {
    Eigen::Index j = 0;
    for (; j + 4 <= dimension_; j += 4)
      out += factor(j) * gram_.col(j) + factor(j + 1) * gram_.col(j + 1) + factor(j + 2) * gram_.col(j + 2) +
             factor(j + 3) * gram_.col(j + 3);
    for (; j < dimension_; ++j) out += factor(j) * gram_.col(j);
  }

  Eigen::Index dimension_;
  Eigen::MatrixX<S> gram_;      // X'X/n
  Eigen::VectorX<S> center_;    // a least-squares solution, or near it: any point would do
  Eigen::VectorX<S> slope_;     // the gradient there, zero up to rounding
  S least_ = S(0);              // the value there
  Eigen::MatrixX<S> examples_;  // for d > n instead: one example a column, over the root of n
  Eigen::VectorX<S> targets_;   // and its target, likewise
};

template <class A, class B>
RidgeValidation(const Eigen::MatrixBase<A>&, const Eigen::MatrixBase<B>&) -> RidgeValidation<typename A::Scalar>;

/// Ridge regression with its penalties as the outer point: the family
/// g(x, w) = |Xw - y|^2 / (2n) + 1/2 sum over j of e^(x_j) w_j^2.
///
/// The outer point x holds log penalties: one for all weights (size 1), or one a weight (the size of w); any other size
/// throws std::invalid_argument. For each x there is one minimum over w, at (X'X/n + diag e^x)^-1 X'y/n.
/// Costs are those of RidgeValidation; nothing is allocated in a call.
/// Hoerl and Kennard (1970), "Ridge regression: biased estimation for nonorthogonal problems".
template <class S>
class RidgeTraining {
 public:
  static constexpr bool quadratic = true;  ///< for each x, second derivatives in w do not depend on w

  /// Throws std::invalid_argument if there is no example, or not one target an example.
  template <class DerivedX, class DerivedY>
  RidgeTraining(const Eigen::MatrixBase<DerivedX>& X, const Eigen::MatrixBase<DerivedY>& y) : error_(X, y) {}

  /// The number of weights, d.
  Eigen::Index dimension() const { return error_.dimension(); }

  /// The value at (x, w).
  template <Point X, Point W>
  S operator()(const X& x, const W& w) const {
    require(x.size());
    const S error = error_(w);
    if (x.size() == 1) return error + S(0.5) * std::exp(x[0]) * w.squaredNorm();
    return error + S(0.5) * (logs(x).exp() * w.array().square()).sum();
  }

  /// The value at (x, w); fills the derivative by w.
  template <Point X, Point W>
  S operator()(const X& x, const W& w, W& gw) const {
    require(x.size());
    const S error = error_(w, gw);
    if (x.size() == 1) {
      const S penalty = std::exp(x[0]);
      gw += penalty * w;
      return error + S(0.5) * penalty * w.squaredNorm();
    }
    gw.array() += logs(x).exp() * w.array();
    return error + S(0.5) * (logs(x).exp() * w.array().square()).sum();
  }

  /// out = (second derivative by w) v = X'Xv/n + e^x v.
  template <Point X, Point W>
  void hessian_product(const X& x, const W& w, const W& v, W& out) const {
    require(x.size());
    error_.hessian_product(w, v, out);
    if (x.size() == 1)
      out += std::exp(x[0]) * v;
    else
      out.array() += logs(x).exp() * v.array();
  }

  /// The Gauss-Newton product, which is the Hessian product, as the model is linear.
  template <Point X, Point W>
  void gauss_newton_product(const X& x, const W& w, const W& v, W& out) const {
    hessian_product(x, w, v, out);
  }

  /// H = second derivative by w, d x d.
  template <Point X, Point W, class Matrix>
  void hessian(const X& x, const W& w, Matrix& H) const {
    require(x.size());
    error_.hessian(w, H);
    if (x.size() == 1)
      H.diagonal().array() += std::exp(x[0]);
    else
      H.diagonal().array() += logs(x).exp();
  }

  /// out = derivative by x of (derivative by w) . v: e^(x_j) w_j v_j, summed if x is one penalty.
  template <Point X, Point W>
  void mixed_product(const X& x, const W& w, const W& v, X& out) const {
    require(x.size());
    if (x.size() == 1)
      out[0] = std::exp(x[0]) * w.dot(v);
    else
      logs(out) = logs(x).exp() * w.array() * v.array();
  }

  /// out = change of the derivative by w along the direction u of x: e^(x_j) u_j w_j.
  template <Point X, Point W>
  void mixed_direction(const X& x, const W& w, const X& u, W& out) const {
    require(x.size());
    if (x.size() == 1)
      out = std::exp(x[0]) * u[0] * w;
    else
      out.array() = logs(x).exp() * logs(u) * w.array();
  }

 private:
  void require(Eigen::Index size) const {
    if (size != 1 && size != dimension())
      throw std::invalid_argument("Ridge regression: x must be one log penalty or one a weight, " +
                                  std::to_string(dimension()) + ", but its size is " + std::to_string(size));
  }

  // Of dynamic size, as a single penalty of fixed size must not meet fixed-size weights even in a branch not taken.
  template <class X>
  static auto logs(X& x) {
    using Array = std::conditional_t<std::is_const_v<X>, const Eigen::ArrayX<S>, Eigen::ArrayX<S>>;
    return Eigen::Map<Array>(x.data(), x.size());
  }

  RidgeValidation<S> error_;
};

template <class A, class B>
RidgeTraining(const Eigen::MatrixBase<A>&, const Eigen::MatrixBase<B>&) -> RidgeTraining<typename A::Scalar>;

}  // namespace mesaopt::models
