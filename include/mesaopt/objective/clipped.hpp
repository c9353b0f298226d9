#pragma once

#include <algorithm>
#include <limits>
#include <utility>

#include <Eigen/Core>

#include <mesaopt/core/call.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/stopping.hpp>

namespace mesaopt {

/// How large a gradient may be; infinity: as large as it is. With both limits, entries are cut before the norm is
/// taken.
struct Clipping {
  double norm = std::numeric_limits<double>::infinity();   ///< a longer gradient is scaled down to this length
  double value = std::numeric_limits<double>::infinity();  ///< a larger entry is cut to this size, its sign kept

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (!(norm > 0)) detail::refuse("Clipping::norm", norm, "it must be more than 0");
    if (!(value > 0)) detail::refuse("Clipping::value", value, "it must be more than 0");
  }
};

/// An objective whose gradients are clipped. See `clipped`.
template <class F>
struct Clipped {
  F f;
  Clipping settings{};

  static constexpr bool stochastic = is_stochastic<F>;

  template <class X>
  using Memory = MemoryOf<F, X>;

  /// f(x).
  template <Point X>
  requires detail::HasValue<F, X> Evaluation<ScalarOf<X>>
  operator()(const X& x, const Call<Memory<X>>& call) const {
    X unused;
    return detail::evaluate(f, x, unused, call);
  }

  /// f(x), and its gradient clipped; one that is not finite is left as it is.
  template <Point X>
  requires Differentiable<F, X> Evaluation<ScalarOf<X>>
  operator()(const X& x, X& gradient, const Call<Memory<X>>& call) const {
    using S = ScalarOf<X>;
    const auto evaluation = detail::evaluate_gradient(f, x, gradient, call);
    if (settings.value < std::numeric_limits<double>::infinity() && gradient.allFinite())
      gradient = gradient.cwiseMin(S(settings.value)).cwiseMax(S(-settings.value));
    if (settings.norm < std::numeric_limits<double>::infinity()) {
      using std::isfinite, std::sqrt;
      S length = sqrt(gradient.squaredNorm());
      if (!isfinite(length)) length = gradient.stableNorm();
      if (isfinite(length) && length > S(settings.norm)) gradient *= S(settings.norm) / length;
    }
    return evaluation;
  }

  /// The bounds of f.
  decltype(auto) box() const requires requires { f.box(); }
  { return f.box(); }
};

template <class F>
Clipped(F, Clipping) -> Clipped<F>;

/// The objective f for methods that make steps as long as its gradient is large, with gradients that are cut down where
/// they explode: on cliffs, and by the rare outlier among noisy ones.
///
///     minimize(clipped(mini_batches(loss, 64), {.norm = 1}), w0, Adam{}, MaxIterations{5000});
///
/// Values stay those of f. A gradient clipped by its norm keeps its direction; one clipped entry by entry does not.
/// Where a gradient is cut it is none of f's, so a line search is not for this objective, and second derivatives are
/// left out. Stopping rules see clipped gradients. Pascanu, Mikolov & Bengio (2013), "On the difficulty of training
/// recurrent neural networks", algorithm 1; entry by entry: Mikolov (2012), "Statistical language models based on
/// neural networks". Throws std::invalid_argument for a limit that is not more than 0.
template <class F>
Clipped<F> clipped(F f, Clipping settings) {
  settings.check();
  return {std::move(f), settings};
}

}  // namespace mesaopt
