#pragma once
// An inner problem, an outer one, and optimizers with settings from the outer point, all of which can be run in dual
// numbers; and what comes of that.

#include <cstddef>

#include <Eigen/Core>

#include <mesaopt/core/optimizer.hpp>
#include <mesaopt/core/search.hpp>
#include <mesaopt/core/stopping.hpp>
#include <mesaopt/gradient/schedule.hpp>
#include <mesaopt/objective/dual.hpp>

namespace chain {

using namespace mesaopt;
using Eigen::VectorXd;

using D = Dual<double, 8>;
using DualVector = Eigen::VectorX<D>;

/// A chain of quartic springs whose stiffness x gives, for numbers of any kind: x[0] on neighbours, x[1] to zero.
struct Chain {
  template <Point X, Point Y>
  ScalarOf<Y> operator()(const X& x, const Y& y, Y& gy) const {
    using S = ScalarOf<Y>;
    S value(0);
    for (Eigen::Index i = 0; i < y.size(); ++i) {
      const S off = y[i] - S(0.3 * double(i + 1));
      value += S(x[1]) * off * off / S(2);
      gy[i] = S(x[1]) * off;
    }
    for (Eigen::Index i = 0; i + 1 < y.size(); ++i) {
      const S by = y[i + 1] - y[i] * y[i];
      value += S(x[0]) * by * by / S(2);
      gy[i + 1] += S(x[0]) * by;
      gy[i] -= S(2) * S(x[0]) * by * y[i];
    }
    return value;
  }
  void hessian_product(const VectorXd& x, const VectorXd& y, const VectorXd& v, VectorXd& out) const {
    out = x[1] * v;
    for (Eigen::Index i = 0; i + 1 < y.size(); ++i) {
      const double by = y[i + 1] - y[i] * y[i], along = v[i + 1] - 2 * y[i] * v[i];
      out[i + 1] += x[0] * along;
      out[i] -= 2 * x[0] * (along * y[i] + by * v[i]);
    }
  }
  void mixed_product(const VectorXd& x, const VectorXd& y, const VectorXd& v, VectorXd& out) const {
    out.setZero();
    for (Eigen::Index i = 0; i < y.size(); ++i) out[1] += (y[i] - 0.3 * double(i + 1)) * v[i];
    for (Eigen::Index i = 0; i + 1 < y.size(); ++i) {
      const double by = y[i + 1] - y[i] * y[i];
      out[0] += by * (v[i + 1] - 2 * y[i] * v[i]);
    }
    static_cast<void>(x);
  }
  void mixed_direction(const VectorXd&, const VectorXd& y, const VectorXd& u, VectorXd& out) const {
    for (Eigen::Index i = 0; i < y.size(); ++i) out[i] = u[1] * (y[i] - 0.3 * double(i + 1));
    for (Eigen::Index i = 0; i + 1 < y.size(); ++i) {
      const double by = y[i + 1] - y[i] * y[i];
      out[i + 1] += u[0] * by;
      out[i] -= 2 * u[0] * by * y[i];
    }
  }
};
/// Σ sin of the inner solution: an outer objective that has all inner coordinates count.
struct Sines {
  double operator()(const VectorXd& y, VectorXd& gy) const {
    gy = y.array().cos();
    return y.array().sin().sum();
  }
};

inline const VectorXd settings_at = (VectorXd(7) << 1.3, 0.4, 0.03, 0.85, 0.97, 0.2, 0.01).finished();

struct MakeStart {
  template <Point X>
  auto operator()(const X& x) const {
    Eigen::VectorX<ScalarOf<X>> y(4);
    for (Eigen::Index i = 0; i < 4; ++i) y[i] = x[i] * x[(i + 2) % 7] - 0.1 * double(i);
    return y;
  }
};

/// dF/dx by running everything in dual numbers, and F.
template <class Make>
VectorXd by_duals(const Make& make, double& value) {
  DualVector x(7);
  for (Eigen::Index j = 0; j < 7; ++j) {
    x[j] = D(settings_at[j]);
    x[j].tangent[std::size_t(j)] = 1;
  }
  const auto search = make(x);
  const auto f = [&](const DualVector& y, DualVector& gy) { return Chain{}(x, y, gy); };
  StateOf<decltype(search.optimizer), decltype(f), DualVector> state;
  const DualVector start = MakeStart{}(x);
  search.optimizer.init(f, start, state);
  for (int k = 0; k < 17; ++k) search.optimizer.step(f, state);
  D total(0.0);
  for (const D& y : state.x) total += sin(y);
  value = total.value;
  VectorXd gradient(7);
  for (Eigen::Index j = 0; j < 7; ++j) gradient[j] = total.tangent[std::size_t(j)];
  return gradient;
}

}  // namespace chain
