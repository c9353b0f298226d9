#pragma once

#include <cstdint>
#include <type_traits>
#include <utility>

#include <mesaopt/core/prior.hpp>
#include <mesaopt/nested/places.hpp>

namespace mesaopt {

// Where the inner search starts. `from` is a point, a prior, or `by_outer(...)`; policies that look back start from
// there the first time. All look back to the last *accepted* outer point only, which the outer run remembers, never the
// objective: so results do not depend on the order or the thread of evaluations.

/// Always from the same place: F(x) is then a function of x alone.
template <class From>
struct Cold {
  From from;
};
/// From the inner solution at the last accepted outer point.
template <class From>
struct Warm {
  From from;
};
/// From the inner solution at the nearest of the last `remember` accepted outer points.
template <class From>
struct Nearest {
  From from;
  Eigen::Index remember = 16;
};
/// From y + (dy/dx) Δx, the last solution moved along its tangent.
template <class From>
struct Tangent {
  From from;
};
/// From one Newton step of the new inner problem at the last solution.
///
/// Needs second derivatives of the inner objective. The step is rejected where the Hessian is indefinite or the value
/// rises. Its factorization then serves the adjoint: exactly for a quadratic inner problem, which this start solves
/// outright, and as preconditioner otherwise.
template <class From>
struct NewtonCorrected {
  From from;
};

/// From the whole state in which the last accepted inner search ended: its point, and what else it knew that the next
/// one understands. Curvature pairs, an inverse Hessian, multipliers and the active set are taken as they are. A normal
/// distribution keeps its shape, but is as wide as inner solutions have moved lately for such a change of the outer
/// point; as long as that is not known, the point is taken alone. Of observations, those that the last search made
/// itself are taken, which knows them to be of another objective: see BayesianSearch.
///
/// It pays where the inner objective curves alike from one outer point to the next, as it mostly does; `warm` takes
/// the point and multipliers alone.
template <class From>
struct Continued {
  From from;
};
/// From where a linear model, fitted to the better half (by the outer value) of the last `remember` accepted solutions,
/// sees the inner solution, or from the nearest of them if that is better.
///
/// An inner search that draws from a normal distribution is handed one: as wide as the model has been wrong lately, in
/// the shape in which the last accepted inner search ended; and one that keeps constraints by multipliers or penalties
/// also those that it ended with. See nested/solution_model.hpp.
template <class From>
struct Predicted {
  From from;
  Eigen::Index remember = 24;
  double narrowest = 1e-5;  ///< the least standard deviation of that distribution, on average over the coordinates
};

template <class From>
Cold<From> cold(From from) {
  return {std::move(from)};
}
template <class From>
Warm<From> warm(From from) {
  return {std::move(from)};
}
template <class From>
Continued<From> continued(From from) {
  return {std::move(from)};
}
template <class From>
Nearest<From> nearest(From from, Eigen::Index remember = 16) {
  return {std::move(from), remember};
}
template <class From>
Predicted<From> predicted(From from, Eigen::Index remember = 24, double narrowest = 1e-5) {
  return {std::move(from), remember, narrowest};
}
template <class From>
Tangent<From> tangent(From from) {
  return {std::move(from)};
}
template <class From>
NewtonCorrected<From> newton_corrected(From from) {
  return {std::move(from)};
}

namespace detail {
template <class T>
concept StartPolicy = requires(const T& t) {
  t.from;
};

template <class T>
auto as_start(T start) {
  if constexpr (StartPolicy<T>)
    return start;
  else
    return cold(std::move(start));
}

template <class T>
inline constexpr bool is_nearest = false;
template <class From>
inline constexpr bool is_nearest<Nearest<From>> = true;
template <class T>
inline constexpr bool is_continued = false;
template <class From>
inline constexpr bool is_continued<Continued<From>> = true;
template <class T>
inline constexpr bool is_predicted = false;
template <class From>
inline constexpr bool is_predicted<Predicted<From>> = true;
template <class T>
inline constexpr bool is_tangent = false;
template <class From>
inline constexpr bool is_tangent<Tangent<From>> = true;
template <class T>
inline constexpr bool is_newton_corrected = false;
template <class From>
inline constexpr bool is_newton_corrected<NewtonCorrected<From>> = true;
template <class T>
inline constexpr bool is_cold = false;
template <class From>
inline constexpr bool is_cold<Cold<From>> = true;
}  // namespace detail

}  // namespace mesaopt
