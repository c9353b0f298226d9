#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/objective/box.hpp>

namespace mesaopt {

/// The box that a run keeps to, and the projected gradient where it stands. Part of the run's state.
///
/// The projected gradient is that of Calamai & Moré (1987), "Projected gradient methods for linearly constrained
/// problems", Math. Programming 39: it is 0 at a minimum, and where it is nearly 0, every variable is at a bound
/// exactly, or its derivative is nearly 0. The residual x − P(x − g) of other codes is small as well where the box is.
template <Point X>
struct KeptBox {
  using S = ScalarOf<X>;

  bool bounded = false;  ///< whether there is one
  bool closed = false;   ///< whether all its bounds are finite
  Box<X> box{};
  X projected{};  ///< the gradient, but 0 where it presses against a bound the point is at

  static constexpr auto fields() {
    return std::tuple{&KeptBox::bounded, &KeptBox::closed, &KeptBox::box, &KeptBox::projected};
  }

  /// Takes the box of f, if it has one, in which x has to lie. Throws std::invalid_argument if it does not.
  template <class F>
  void enter([[maybe_unused]] const F& f, const X& x) {
    bounded = Bounded<F, X>;
    closed = false;
    if constexpr (Bounded<F, X>) {
      const auto& given = f.box();
      box.lower = given.lower;
      box.upper = given.upper;
      box.check();
      box.check_inside(x, "start");
      closed = box.lower.allFinite() && box.upper.allFinite();
      projected.setZero(x.size());
    }
  }

  /// Finds the projected gradient at x.
  void project(const X& x, const X& gradient) {
    if (!bounded) return;
    const S *const at = x.data(), *const g = gradient.data(), *const lower = box.lower.data(),
                   *const upper = box.upper.data();
    S* const out = projected.data();
    for (Eigen::Index i = 0; i < x.size(); ++i) {
      const S above = at[i] == lower[i] && g[i] > 0 ? S(0) : g[i];
      out[i] = at[i] == upper[i] && g[i] < 0 ? S(0) : above;
    }
  }

  /// d = the way from x to the point of the box nearest to x − g / scale.
  void descend(const X& x, const X& gradient, S scale, X& d) const {
    for (Eigen::Index i = 0; i < x.size(); ++i)
      d[i] = std::clamp(x[i] - gradient[i] / scale, box.lower[i], box.upper[i]) - x[i];
  }

  /// The largest step from x along d that stays in the box; infinite if all do.
  template <class D>
  [[nodiscard]] S reach(const X& x, const D& d) const {
    S most = std::numeric_limits<S>::infinity();
    if (!bounded) return most;
    for (Eigen::Index i = 0; i < x.size(); ++i) {
      const S room = (d[i] > 0 ? box.upper[i] : box.lower[i]) - x[i];
      most = std::min(most, d[i] != 0 ? room / d[i] : most);
    }
    return most;
  }

  /// Corrects the rounding of next = x + step: what is beyond a bound, or within rounding of it, is on it.
  void keep(const X& x, X& next) const {
    if (!bounded) return;
    const S *const from = x.data(), *const lower = box.lower.data(), *const upper = box.upper.data();
    S* const to = next.data();
    for (Eigen::Index i = 0; i < x.size(); ++i) {
      const S rounding = 2 * std::numeric_limits<S>::epsilon() * (std::abs(from[i]) + std::abs(to[i]));
      const S least = lower[i], most = upper[i], at = to[i];
      S kept = most - at <= rounding ? most : at;
      kept = at - least <= rounding ? least : kept;
      to[i] = kept;
    }
  }
};

}  // namespace mesaopt
