#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/core/prior.hpp>
#include <mesaopt/core/vectors.hpp>
#include <mesaopt/gradient/kept_box.hpp>
#include <mesaopt/gradient/noise.hpp>
#include <mesaopt/objective/regularized.hpp>

namespace mesaopt::detail {

/// Puts v where the proximal step of what f is restricted by leads to, in place: of its regularizer, of its box (which
/// `box` keeps a copy of), or of both, if the regularizer is separable.
template <class F, Point X>
void proximal([[maybe_unused]] const F& f, [[maybe_unused]] const KeptBox<X>& box, [[maybe_unused]] ScalarOf<X> t,
              X& v) {
  if constexpr (Regularized<F, X>) {
    const auto& h = f.regularizer();
    static_assert(
        !Bounded<F, X> || is_separable<decltype(h)>,
        "mesaopt: of bounds together with a regularizer that is not separable the proximal step is not known. "
        "Give the bounds as part of the regularizer");
    h.proximal(v, t, v);
  }
  if constexpr (Bounded<F, X>)
    for (Eigen::Index i = 0; i < v.size(); ++i) v[i] = std::clamp(v[i], box.box.lower[i], box.box.upper[i]);
}

/// The value of f's regularizer at x, 0 if it has none.
template <class F, Point X>
ScalarOf<X> penalty([[maybe_unused]] const F& f, [[maybe_unused]] const X& x) {
  if constexpr (Regularized<F, X>) {
    const auto& h = f.regularizer();
    return ScalarOf<X>(h.value(x));
  } else {
    return ScalarOf<X>(0);
  }
}

/// ahead = prox_t(x − t g), and residual = (x − ahead) / t, which is 0 at a minimum, and g without a regularizer.
template <class F, Point X>
void propose(const F& f, const KeptBox<X>& box, const X& x, const X& gradient, ScalarOf<X> t, X& ahead, X& residual) {
  add(x.data(), -t, gradient.data(), ahead.data(), x.size());
  proximal(f, box, t, ahead);
  for (Eigen::Index i = 0; i < x.size(); ++i) residual[i] = (x[i] - ahead[i]) / t;
}

/// The proximal step that a prior ended with; 0 if it knows none.
template <Start P>
ScalarOf<PointOf<P>> proximal_step_of([[maybe_unused]] const P& start) {
  const auto of = [](const auto& prior) -> ScalarOf<PointOf<P>> {
    if constexpr (requires {
                    prior.step;
                    prior.ahead;
                  })
      return prior.step;
    else
      return 0;
  };
  if constexpr (requires { start.state; })
    return of(start.state);
  else
    return of(start);
}

/// Watches whether a run that may rise in between still gets anywhere: in its value, by more than noise, or in the
/// square of its residual, by a fifth.
template <class S>
struct Headway {
  S value = std::numeric_limits<S>::infinity();
  S square = std::numeric_limits<S>::infinity();
  std::uint64_t idle = 0;  ///< evaluations since the last headway

  static constexpr auto fields() { return std::tuple{&Headway::value, &Headway::square, &Headway::idle}; }

  /// True if there has been none for too long.
  bool lost(S now, S noise, S residual_square, std::uint64_t evaluations) {
    constexpr std::uint64_t patience = 200;
    const bool lower = now < value - noise, flatter = residual_square < S(0.8) * square;
    if (lower || !(value < std::numeric_limits<S>::infinity())) value = now;
    if (flatter) square = residual_square;
    idle = lower || flatter ? 0 : idle + evaluations;
    return idle >= patience;
  }
};

}  // namespace mesaopt::detail
