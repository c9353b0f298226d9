#pragma once
// What several tests of first-order methods minimize.

#include <cmath>
#include <cstdint>
#include <limits>

#include <Eigen/Core>

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>
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

/// Σ (1 − x_i)² + 2 i (x_{i+1} − x_i²)², i from 1: a valley on which the reference values below were taken.
struct Valley {
  template <Point X>
  ScalarOf<X> operator()(const X& x, X& gradient) const {
    using S = ScalarOf<X>;
    S value = 0;
    gradient.setZero();
    for (Eigen::Index i = 0; i + 1 < x.size(); ++i) {
      const S a = 1 - x[i], d = x[i + 1] - x[i] * x[i], weight = S(2 * (i + 1));
      value += a * a + weight * d * d;
      gradient[i] -= 2 * a + 4 * weight * x[i] * d;
      gradient[i + 1] += 2 * weight * d;
    }
    return value;
  }
};

/// The point after eight steps on the valley from (−1.2, 1, 0.5, −0.7). Compared with numpy transcriptions of the
/// papers' algorithms, which agree with those of optax 0.2 to 2e-16 where it has them.
template <class O>
Eigen::Vector4d after_eight_steps(const O& optimizer) {
  mesaopt::StateOf<O, Valley, Eigen::VectorXd> state;
  optimizer.init(Valley{}, Eigen::VectorXd(Eigen::Vector4d(-1.2, 1, 0.5, -0.7)), state);
  for (int k = 0; k < 8; ++k) optimizer.step(Valley{}, state);
  return state.x;
}

inline double largest_difference(const Eigen::Vector4d& a, double x0, double x1, double x2, double x3) {
  return (a - Eigen::Vector4d(x0, x1, x2, x3)).cwiseAbs().maxCoeff();
}

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

/// Whether a run that is saved, loaded and taken on makes the steps of the one that goes on.
template <class O>
bool survives_saving(const O& optimizer) {
  using State = mesaopt::StateOf<O, Bowl, Eigen::VectorXd>;
  State state;
  optimizer.init(Bowl{}, Eigen::VectorXd(Eigen::VectorXd::LinSpaced(7, -1, 2)), state);
  for (int k = 0; k < 5; ++k) optimizer.step(Bowl{}, state);
  State copy = mesaopt::load<State>(mesaopt::save(state));
  for (int k = 0; k < 5; ++k) {
    optimizer.step(Bowl{}, state);
    optimizer.step(Bowl{}, copy);
  }
  return mesaopt::identical(state, copy);
}

}  // namespace first_order
