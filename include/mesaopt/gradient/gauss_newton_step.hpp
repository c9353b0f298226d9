#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>
#include <mesaopt/gradient/linearized_residuals.hpp>

namespace mesaopt {

namespace detail {

/// Fills p with the minimum of the linearized residuals, −(J'J)⁻¹J'r, and `damping` with 0; where columns of J are
/// dependent to rounding, with a damped step, of the least λ that makes up for it. False if there is no finite one.
template <Point X, class Count>
bool least_damped(LinearizedResiduals<X>& model, const X& gradient, const X& scale, ScalarOf<X>& damping, Count& count,
                  X& p) {
  constexpr int attempts = 24;
  damping = 0;
  for (int i = 0; i < attempts; ++i) {
    if (model.minimize(damping, scale, gradient, count, p) && p.allFinite()) return true;
    damping = std::max(10 * damping, model.least_damping(scale));
  }
  return false;
}

}  // namespace detail

/// Steps of Gauss and Newton, to the minimum of the linearized residuals; when one fails, shorter ones of the same
/// direction.
///
/// Where the Jacobian has no full rank, the step is damped as little as rounding demands, which leads it near the
/// shortest of all minima. Nocedal & Wright (2006), "Numerical Optimization", section 10.3.
struct GaussNewtonStep {
  static constexpr bool starts_afresh = true;  ///< every point is left by a whole step, if that will do
  static constexpr bool handles_bounds = true;
  static constexpr const char* method = "DampedGaussNewton";

  template <Point X>
  struct Memory {
    ScalarOf<X> damping = 0;  ///< λ, where the Jacobian has no full rank
    X newton{};               ///< scratch, as all that follows
    ScalarOf<X> length = 0, slope = 0, bend = 0;
    static constexpr auto fields() { return std::tuple{&Memory::damping}; }
  };

  template <Point X>
  void reserve(Eigen::Index n, Memory<X>& memory) const {
    memory.newton.resize(n);
  }

  /// Fills p, and returns |Dp|; 0 if there is no finite step. `count` is of factorizations.
  template <Point X, class Count>
  ScalarOf<X> operator()(detail::LinearizedResiduals<X>& model, const X& gradient, const X& scale, ScalarOf<X> radius,
                         bool fresh, Memory<X>& memory, Count& count, X& p) const {
    using S = ScalarOf<X>;
    if (fresh) {
      if (!detail::least_damped(model, gradient, scale, memory.damping, count, memory.newton)) return 0;
      S square(0);
      for (Eigen::Index j = 0; j < scale.size(); ++j)
        square += scale[j] * scale[j] * memory.newton[j] * memory.newton[j];
      memory.length = std::sqrt(square);
      memory.slope = -gradient.dot(memory.newton);
      memory.bend = model.curvature(memory.newton);
    }
    const S part = memory.length <= radius ? S(1) : radius / memory.length;
    p = part * memory.newton;
    return part * memory.length;
  }

  /// What the model says that |r|²/2 falls by.
  template <Point X>
  ScalarOf<X> predicted(const detail::LinearizedResiduals<X>&, const X&, const X&, ScalarOf<X> length,
                        const Memory<X>& memory) const {
    const ScalarOf<X> part = length / memory.length;
    return part * (memory.slope - part * memory.bend / 2);
  }

  template <Point X>
  bool whole(const Memory<X>&) const {
    return true;
  }

  template <Point X>
  void rescale(Memory<X>&, ScalarOf<X>) const {}
};

}  // namespace mesaopt
