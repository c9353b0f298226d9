#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include <Eigen/Core>

#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/core/prior.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/objective/box.hpp>

namespace mesaopt {

/// A prior that knows a population of good points, one a column.
template <class P>
concept HasPopulation = requires(const P& p) {
  p.population.col(0);
};

namespace detail {
/// The box of f as Box<X>; unlimited if it has none.
template <class F, Point X>
Box<X> box_of(const F& f, const X& x) {
  if constexpr (Bounded<F, X>) {
    const auto& box = f.box();
    return {box.lower, box.upper};
  } else {
    constexpr auto infinity = std::numeric_limits<ScalarOf<X>>::infinity();
    return {X::Constant(x.size(), -infinity), X::Constant(x.size(), infinity)};
  }
}

/// Fills the columns of `population` with points of a prior as far as it knows some, the first being its point, and
/// with points that are uniform in the box where that is finite, else within `radius` of the start.
template <Point X, class P>
void scatter(const P& start, const Box<X>& box, double radius, Random& random, PointsOf<X>& population) {
  using S = ScalarOf<X>;
  const X& x = start_point(start);
  const Eigen::Index n = x.size();
  for (Eigen::Index k = 0; k < population.cols(); ++k)
    for (Eigen::Index i = 0; i < n; ++i) {
      const bool finite = std::isfinite(box.upper[i] - box.lower[i]);
      const S lower = finite ? box.lower[i] : std::max(box.lower[i], x[i] - S(radius));
      const S upper = finite ? box.upper[i] : std::min(box.upper[i], x[i] + S(radius));
      const S draw = random.uniform<S>(lower, upper);  // a draw for each entry, used or not
      population(i, k) = k == 0 ? x[i] : draw;
    }
  const auto take = [&](const auto& known) {
    if (known.rows() != n) return;
    for (Eigen::Index k = 0; k < std::min(known.cols(), population.cols()); ++k)
      for (Eigen::Index i = 0; i < n; ++i) population(i, k) = std::clamp(S(known(i, k)), box.lower[i], box.upper[i]);
  };
  if constexpr (HasPopulation<P>)
    take(start.population);
  else if constexpr (requires { start.state.population.col(0); })
    take(start.state.population);
}
}  // namespace detail

}  // namespace mesaopt
