#pragma once

#include <cmath>
#include <stdexcept>
#include <string>

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include <mesaopt/core/point.hpp>

namespace mesaopt::models {

/// Half the mean squared error of a linear model, |Xw - y|^2 / (2n), as a function of its weights w: what ridge
/// regression is validated by.
///
/// X holds one example a row, y one target an entry. Where there are at least as many examples as weights (d <= n),
/// what the data say is summed up once, as the second derivative X'X/n around a least-squares solution, so that a value
/// with its gradient costs d^2 operations, and the value loses no digits where it is small. Else it costs 2 n d.
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
    // Any center near the minimizer serves, so the normal equations are exact enough; where they are singular, zero
    // does.
    Eigen::MatrixX<S> factor = gram_;
    center_.noalias() = X.transpose() * y / n;
    const Eigen::LLT<Eigen::Ref<Eigen::MatrixX<S>>> cholesky(factor);
    if (cholesky.info() == Eigen::Success) {
      factor.template triangularView<Eigen::Lower>().solveInPlace(center_);
      factor.template triangularView<Eigen::Lower>().adjoint().solveInPlace(center_);
    }
    if (cholesky.info() != Eigen::Success || !center_.allFinite()) center_.setZero(X.cols());
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

}  // namespace mesaopt::models
