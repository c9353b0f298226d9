#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>
#include <mesaopt/gradient/linearized_residuals.hpp>

namespace mesaopt {

/// Steps of Levenberg and Marquardt, −(J'J + λD²)⁻¹J'r, with the damping λ ≥ 0 that makes |Dp| about the trust radius,
/// from 3/4 to 3/2 of it; λ = 0 where that step is short enough.
///
/// Moré (1978), "The Levenberg-Marquardt algorithm: implementation and theory", section 5: Newton's method for λ on
/// 1 / |Dp| in safeguarded bounds, to the accuracy of Dennis and Schnabel (1983), "Numerical Methods for Unconstrained
/// Optimization", section 6.4.1. It begins with the λ of the last step, which mostly serves after one factorization.
struct DampedStep {
  static constexpr bool starts_afresh = false;  ///< the radius is kept from step to step
  static constexpr bool handles_bounds = true;
  static constexpr const char* method = "LevenbergMarquardt";  ///< whose settings these are, for messages

  template <Point X>
  struct Memory {
    ScalarOf<X> damping = 0;  ///< λ
    X row{};                  ///< scratch
    static constexpr auto fields() { return std::tuple{&Memory::damping}; }
  };

  template <Point X>
  void reserve(Eigen::Index n, Memory<X>& memory) const {
    memory.row.resize(n);
  }

  /// Fills p, and returns |Dp|; 0 if there is no finite step. `count` is of factorizations.
  template <Point X, class Count>
  ScalarOf<X> operator()(detail::LinearizedResiduals<X>& model, const X& gradient, const X& scale, ScalarOf<X> radius,
                         bool, Memory<X>& memory, Count& count, X& p) const {
    using S = ScalarOf<X>;
    S& damping = memory.damping;
    S low = 0, high = -1;  // bounds on λ; high is found when it is needed
    bool plain_failed = false;
    const auto most = [&] {
      if (high < 0)
        high = std::max(std::sqrt(weighted(gradient, scale, [](S g, S d) { return g / d; })) / radius,
                        std::numeric_limits<S>::min());
      return high;
    };
    if (damping > 0) damping = std::min(damping, most());
    const S shortest = square(S(0.75) * radius), longest = square(S(1.5) * radius);
    S length = 0;
    constexpr int attempts = 24;
    for (int i = 0; i < attempts; ++i) {
      if (!model.minimize(damping, scale, gradient, count, p)) {
        plain_failed = true;
        low = std::max({low, damping, model.least_damping(scale)});
        high = std::max(most(), 10 * low);
        damping = 10 * std::max(damping, low / 10);
        continue;
      }
      const S squared = weighted(p, scale, [](S v, S d) { return v * d; });
      const bool least = damping == 0 || (plain_failed && damping <= 2 * low);
      if (squared <= longest && (least || squared >= shortest)) return std::sqrt(squared);
      length = std::sqrt(squared);
      if (!std::isfinite(length)) {
        low = damping = std::max({10 * damping, model.least_damping(scale), S(0.001) * most()});
        continue;
      }
      if (length < radius)
        high = damping;
      else
        low = std::max(low, damping);
      if (low >= most() * (1 - 4 * std::numeric_limits<S>::epsilon())) return length;
      // d|Dp|/dλ = −p'D²(J'J + λD²)⁻¹D²p / |Dp|.
      for (Eigen::Index j = 0; j < p.size(); ++j) memory.row[j] = scale[j] * scale[j] * p[j];
      S next = damping + (length - radius) / radius * (squared / model.inverse_square(memory.row));
      if (!(next > low)) next = low > 0 || plain_failed ? std::max(std::sqrt(low * high), S(0.001) * high) : S(0);
      if (!(next < high)) next = std::max(std::sqrt(low * high), S(0.1) * high);
      if (next == 0 && damping == 0) return length;
      damping = next;
    }
    return length;
  }

  /// What the model says that |r|²/2 falls by.
  template <Point X>
  ScalarOf<X> predicted(const detail::LinearizedResiduals<X>& model, const X& gradient, const X& p, ScalarOf<X> length,
                        const Memory<X>& memory) const {
    if (model.bounded()) return -gradient.dot(p) - model.curvature(p) / 2;
    return (memory.damping * length * length - gradient.dot(p)) / 2;
  }

  /// True if the last step was not shortened for the radius.
  template <Point X>
  bool whole(const Memory<X>& memory) const {
    return memory.damping == 0;
  }

  /// Says that the next radius is `factor` times the last.
  template <Point X>
  void rescale(Memory<X>& memory, ScalarOf<X> factor) const {
    memory.damping /= factor;
  }

 private:
  template <class S>
  static S square(S v) {
    return v * v;
  }
  template <class X, class Term>
  static ScalarOf<X> weighted(const X& v, const X& scale, const Term& term) {
    ScalarOf<X> sum(0);
    for (Eigen::Index j = 0; j < v.size(); ++j) {
      const ScalarOf<X> entry = term(v[j], scale[j]);
      sum += entry * entry;
    }
    return sum;
  }
};

}  // namespace mesaopt
