#pragma once

#include <cmath>
#include <stdexcept>
#include <string>
#include <type_traits>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>
#include <mesaopt/models/ridge_validation.hpp>

namespace mesaopt::models {

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
