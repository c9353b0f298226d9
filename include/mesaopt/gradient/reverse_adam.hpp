#pragma once

#include <cmath>
#include <limits>
#include <tuple>
#include <utility>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>
#include <mesaopt/gradient/adam.hpp>
#include <mesaopt/gradient/fused.hpp>
#include <mesaopt/gradient/reverse_descent.hpp>

namespace mesaopt {

namespace detail {

/// Adjoints of the running means, and of the powers of their decays.
template <Point X>
struct MomentsAdjoint {
  X first{}, second{};
  ScalarOf<X> power1 = 0, power2 = 0;
};

/// The reverse of a step of Adam or AdamW. See reverse_descent.hpp.
///
/// The root of the mean square v has no derivative at 0. But v is 0 only where all gradients so far were, and so the
/// mean as well, and there the step g ↦ α (1 − β₁) g / (√(1 − β₂) |g| + ε) has one, α (1 − β₁) / ε, which is what comes
/// out here: ε may stay outside of the root. Only with β₂ = 0, which forgets, a mean can be left where v is 0; such a
/// step is not differentiable.
template <class T, bool decays>
struct ReverseAdam : ReverseFirstOrder<BasicAdam<T, decays>, false, 2> {
  using Method = BasicAdam<T, decays>;
  template <Point X>
  using Adjoint = MomentsAdjoint<X>;

  static constexpr auto settings() {
    return std::tuple{&Method::learning_rate, &Method::weight_decay, &Method::beta1, &Method::beta2, &Method::epsilon};
  }
  template <class D>
  static BasicAdam<D, decays> rebound(const Method& m) {
    return {D(m.learning_rate), D(m.beta1), D(m.beta2), D(m.epsilon), D(m.weight_decay), m.schedule};
  }

  template <Point X>
  static void begin(const X& x, MomentsAdjoint<X>& a) {
    a.first.setZero(x.size());
    a.second.setZero(x.size());
    a.power1 = a.power2 = 0;
  }

  template <class At, Point X>
  static bool reverse(const Method& m, const At& at, X& x, MomentsAdjoint<X>& a, X& gradient, ScalarOf<X>* settings) {
    using S = ScalarOf<X>;
    const T factor = T(m.schedule.factor(at.age)), rate = m.learning_rate * factor;
    const T power1 = Moments<T, X>::next_power(at.memory.power1, m.beta1);
    const T power2 = Moments<T, X>::next_power(at.memory.power2, m.beta2);
    const T root_of_bias = std::sqrt(T(1) - power2);
    const S alpha = S(rate * root_of_bias / (T(1) - power1)), guard = S(m.epsilon * root_of_bias);
    const S keep1 = S(m.beta1), keep2 = S(m.beta2), new1 = S(T(1) - m.beta1), new2 = S(T(1) - m.beta2);
    if (m.beta2 == T(0))
      for (Eigen::Index i = 0; i < x.size(); ++i)
        if (at.gradient[i] * at.gradient[i] == 0 && at.memory.first[i] != 0 && m.beta1 > T(0)) return false;

    S along = 0, moved = 0, guarded = 0, by_keep1 = 0, by_keep2 = 0;
    if (settings != nullptr) along = x.dot(at.x);
    const S tiny = std::numeric_limits<S>::min(), half(0.5);
    // The means after the step, and the adjoint of the point for each unit of them.
    const auto means = [=](const auto& g, const auto& first, const auto& second, const auto& point) {
      const auto mean = keep1 * first + new1 * g, square = keep2 * second + new2 * (g * g);
      const auto deviation = root(square), divisor = deviation + guard;
      return std::tuple{deviation, mean / divisor, point / divisor};
    };
    if (settings != nullptr) {
      for (Eigen::Index i = 0; i < x.size(); ++i) {
        const S g = at.gradient[i], first = at.memory.first[i], second = at.memory.second[i];
        const auto [deviation, step, weight] =
            means(Part<1, S>{g}, Part<1, S>{first}, Part<1, S>{second}, Part<1, S>{S(x[i])});
        moved += x[i] * step.number;
        guarded += step.number * weight.number;
        const S to_first = a.first[i] - alpha * weight.number;
        const S to_second =
            a.second[i] + alpha * step.number * weight.number * (half / std::max(deviation.number, tiny));
        by_keep1 += to_first * (first - g);
        by_keep2 += to_second * (second - g * g);
      }
    }
    with_decay<S>(rate, m.weight_decay, [&](const auto& keep) {
      fused(
          [=](const auto& g, const auto& first, const auto& second, auto& point, auto& to_first, auto& to_second,
              auto& slope) {
            const auto [deviation, step, weight] = means(g, first, second, point);
            const auto pull = alpha * weight;
            to_first = to_first - pull;
            to_second = to_second + ((half * step) * pull) / larger(deviation, tiny);
            slope = new1 * to_first + (S(2) * new2) * (g * to_second);
            to_first = keep1 * to_first;
            to_second = keep2 * to_second;
            point = keep * point;
          },
          at.gradient, at.memory.first, at.memory.second, x, a.first, a.second, gradient);
    });
    if (settings == nullptr) return true;

    const S scale = S(root_of_bias / (T(1) - power1));
    const S to_root = -moved * S(rate / (T(1) - power1)) + alpha * guarded * S(m.epsilon);
    const S to_power1 = a.power1 - moved * alpha / S(T(1) - power1);
    const S to_power2 = a.power2 - to_root / (2 * S(root_of_bias));
    settings[0] -= S(factor) * (moved * scale + S(m.weight_decay) * along);
    settings[1] -= S(rate) * along;
    settings[2] += by_keep1 + to_power1 * S(at.memory.power1);
    settings[3] += by_keep2 + to_power2 * S(at.memory.power2);
    settings[4] += alpha * guarded * S(root_of_bias);
    a.power1 = to_power1 * S(m.beta1);
    a.power2 = to_power2 * S(m.beta2);
    return true;
  }
  template <Point X>
  static void end(X&, const MomentsAdjoint<X>&) {}
};

}  // namespace detail

template <class T, bool decays>
detail::ReverseAdam<T, decays> reverse_rule(const BasicAdam<T, decays>&) {
  return {};
}

}  // namespace mesaopt
