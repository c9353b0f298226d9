#pragma once
// What several tests of first-order methods minimize.

#include <cmath>
#include <cstdint>
#include <limits>

#include <Eigen/Core>

#include <mesaopt/core/optimizer.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/core/status.hpp>

#include "support/allocations.hpp"

namespace first_order {

using mesaopt::Point;
using mesaopt::ScalarOf;

/// ½ Σ λ_i x_i², curvatures from 1 to κ in geometric progression.
struct Bowl {
  double condition = 100;

  template <class X>
  ScalarOf<X> curvature(Eigen::Index i, Eigen::Index n) const {
    return ScalarOf<X>(std::pow(condition, double(i) / double(n - 1)));
  }
  template <Point X>
  ScalarOf<X> operator()(const X& x, X& gradient) const {
    ScalarOf<X> value = 0;
    for (Eigen::Index i = 0; i < x.size(); ++i) {
      gradient[i] = curvature<X>(i, x.size()) * x[i];
      value += gradient[i] * x[i] / 2;
    }
    return value;
  }
};

/// −log x + x: NaN for x ≤ 0.
struct HalfLine {
  double operator()(const Eigen::VectorXd& x, Eigen::VectorXd& gradient) const {
    gradient = 1 - x.array().inverse();
    return x.minCoeff() > 0 ? (x.array() - x.array().log()).sum() : std::numeric_limits<double>::quiet_NaN();
  }
};

/// By how much the distance to 0 falls a step, on the geometric mean of steps `from` to `to`.
template <class O>
double rate(const O& optimizer, const Bowl& f, Eigen::Index n, int from, int to) {
  mesaopt::StateOf<O, Bowl, Eigen::VectorXd> state;
  optimizer.init(f, Eigen::VectorXd(Eigen::VectorXd::Ones(n)), state);
  double before = 1;
  for (int k = 0; k < to; ++k) {
    if (k == from) before = state.x.norm();
    optimizer.step(f, state);
  }
  return std::pow(state.x.norm() / before, 1.0 / (to - from));
}

/// Heap allocations in 20 steps after init.
template <class O, class X>
long allocations_in_steps(const O& optimizer, const X& x0) {
  mesaopt::StateOf<O, Bowl, X> state;
  optimizer.init(Bowl{}, x0, state);
  const long before = allocations();
  for (int k = 0; k < 20; ++k) optimizer.step(Bowl{}, state);
  return allocations() - before;
}

/// Whether two runs, and a third in a used state, agree in all their bits.
template <class O>
bool repeats(const O& optimizer) {
  const Bowl f{};
  const Eigen::VectorXd x0 = Eigen::VectorXd::LinSpaced(700, -1, 2);
  mesaopt::StateOf<O, Bowl, Eigen::VectorXd> a, b;
  optimizer.init(f, Eigen::VectorXd(2 * x0), b);
  for (int k = 0; k < 3; ++k) optimizer.step(f, b);
  optimizer.init(f, x0, a);
  optimizer.init(f, x0, b);
  for (int k = 0; k < 30; ++k) {
    optimizer.step(f, a);
    optimizer.step(f, b);
  }
  return a.x == b.x && a.value == b.value && a.gradient == b.gradient && a.other == b.other && a.age == b.age;
}

}  // namespace first_order
