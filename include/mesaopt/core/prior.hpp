#pragma once

#include <cmath>
#include <concepts>
#include <cstdio>
#include <stdexcept>
#include <type_traits>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>

namespace mesaopt {

/// What one search hands to the next: a point `x`, and whatever else it learnt. Any State and any Solution is one.
///
/// The next search takes the pieces that it understands, by the concepts below, and ignores the rest;
/// so a prior crosses between families.
template <class P>
concept Prior = requires(const P& p) {
  requires Point<std::remove_cvref_t<decltype(p.x)>>;
};

/// What a search may start from: a point, or a prior.
template <class P>
concept Start = Point<P> || Prior<P>;

/// A prior that knows the memory of the same kind of objective: the next run begins with it.
template <class P, class M>
concept HasMemory = requires(const P& p) {
  requires std::same_as<std::remove_cvref_t<decltype(p.memory)>, M>;
};

/// A prior that knows a covariance of good points around x, up to `step_size`²: a member or a function.
template <class P>
concept HasCovariance = requires(const P& p) {
  p.covariance.rows();
  p.step_size;
}
|| requires(const P& p) {
  p.covariance().rows();
  p.step_size;
};

/// A prior that knows how far good points lie around x in each coordinate: their variances, up to `step_size`².
template <class P>
concept HasVariances = requires(const P& p) {
  p.variances;
  p.step_size;
};

/// A prior that knows curvature pairs (steps and gradient changes) of a similar objective.
template <class P>
concept HasCurvaturePairs = requires(const P& p) {
  p.curvature_pairs();
};

/// A prior that knows the inverse Hessian at x, or an estimate of it: `inverse_hessian`, a square matrix, as a member
/// or a function.
template <class P>
concept HasInverseHessian = requires(const P& p) {
  p.inverse_hessian.rows();
}
|| requires(const P& p) { p.inverse_hessian().rows(); };

/// A point whose value and gradient, of the very objective that is to be minimized, are known already:
/// a search that starts from it does not evaluate it again.
template <Point X>
struct Evaluated {
  X x;
  ScalarOf<X> value;
  X gradient;
};

namespace detail {
template <HasCovariance P>
decltype(auto) covariance_of(const P& prior) {
  if constexpr (requires { prior.covariance.rows(); })
    return (prior.covariance);
  else
    return prior.covariance();
}

template <class P>
struct PointOfStart {
  using type = std::remove_cvref_t<decltype(std::declval<const P&>().x)>;
};
template <Point X>
struct PointOfStart<X> {
  using type = X;
};
/// True only for priors that speak of the same objective; a State of an earlier run may not.
template <class P>
inline constexpr bool knows_evaluation = requires {
  typename P::Evaluated;
};
template <Point X>
inline constexpr bool knows_evaluation<Evaluated<X>> = true;

template <HasInverseHessian P>
decltype(auto) inverse_hessian_of(const P& prior) {
  if constexpr (requires { prior.inverse_hessian.rows(); })
    return (prior.inverse_hessian);
  else
    return prior.inverse_hessian();
}

/// What knows more of a start than its point: the state of a Solution, else the start itself.
template <Start P>
const auto& knowledge_of(const P& start) {
  if constexpr (requires { start.state; })
    return start.state;
  else
    return start;
}

template <Start P>
const auto& start_point(const P& start) {
  if constexpr (Point<P>)
    return start;
  else
    return start.x;
}

[[noreturn]] inline void refuse_start(const char* argument, Eigen::Index i, double value) {
  char text[500];
  std::snprintf(text, sizeof text, "%s: coordinate %lld is %f; every coordinate must be finite", argument,
                static_cast<long long>(i), value);
  throw std::invalid_argument(text);
}

/// Throws std::invalid_argument, naming `argument`, unless the start has entries and all of them are finite.
template <Start P>
void check_start(const P& start, const char* argument = "start") {
  const auto& x = start_point(start);
  if (x.size() == 0)
    throw std::invalid_argument(std::string(argument) + ": is empty (size 0); it needs at least one coordinate");
  for (Eigen::Index i = 0; i < x.size(); ++i) {
    using std::isfinite;
    if (!isfinite(x[i])) refuse_start(argument, i, double(x[i]));
  }
}
}  // namespace detail

/// The point type of a start.
template <Start P>
using PointOf = typename detail::PointOfStart<P>::type;

}  // namespace mesaopt
