#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include <Eigen/Core>

#include <mesaopt/core/constraints.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/core/prior.hpp>
#include <mesaopt/nested/handover.hpp>
#include <mesaopt/nested/transfer.hpp>

namespace mesaopt::detail {

// The pieces that go through a map, each named as in core/prior.hpp.
template <Point Y>
struct MovedInverseHessian {
  MatrixOf<Y> inverse_hessian{};
};
template <Point Y>
struct MovedCovariance {
  MatrixOf<Y> covariance{};
  ScalarOf<Y> step_size = 0;
};
template <Point Y>
struct MovedVariances {
  Y variances{};
  ScalarOf<Y> step_size = 0;
};
template <class Pairs>
struct MovedPairs {
  Pairs pairs{};
  const Pairs& curvature_pairs() const { return pairs; }
};
template <Point Y, class Active>
struct MovedMultipliers {
  ConstraintsOf<Y> multipliers{};
  Y bound_multipliers{};  ///< of the variables; empty where they do not go through the map
  Active active{};        ///< likewise
};
template <Point Y>
struct MovedObservations {
  PointsOf<Y> points{};
  Eigen::VectorX<ScalarOf<Y>> values{};
  const PointsOf<Y>& observed_points() const { return points; }
  const auto& observed_values() const { return values; }
};
template <Point Y>
struct MovedPenalty {
  ScalarOf<Y> penalty = 0;
};
template <Point Y>
struct TransferredPoint {
  Y x{};
};
template <int>
struct NotMoved {};

/// Whether a map says where single coordinates go, or, for Projection, how directions do.
template <class Map>
inline constexpr bool moves_coordinates = false;
template <>
inline constexpr bool moves_coordinates<Coordinates> = true;
template <>
inline constexpr bool moves_coordinates<Keep> = true;
template <class Map>
inline constexpr bool moves_matrices = moves_coordinates<Map>;
template <class S>
inline constexpr bool moves_matrices<Projection<S>> = true;

template <class Map>
const Map& variables_of(const Map& map) {
  return map;
}
template <class Map>
const Map& variables_of(const WithConstraints<Map>& map) {
  return map.variables;
}
template <class Map>
using VariablesOf = std::remove_cvref_t<decltype(variables_of(std::declval<const Map&>()))>;

/// Where a coordinate comes from.
inline Eigen::Index source_of(const Coordinates& map, Eigen::Index j, Eigen::Index n) { return map.from(j, n); }
inline Eigen::Index source_of(const Keep&, Eigen::Index j, Eigen::Index n) { return j < n ? j : -1; }

/// A matrix of the last variables as one of the next ones. New variables are independent, and as large as the others
/// are on average.
template <class Map, class Matrix, class Next>
bool move_matrix(const Map& map, const Matrix& last, Next& next) {
  using S = typename Next::Scalar;
  S sum(0);
  Eigen::Index known = 0;
  for (Eigen::Index j = 0; j < next.rows(); ++j)
    if (const auto i = source_of(map, j, last.rows()); i >= 0) sum += S(last(i, i)), ++known;
  for (Eigen::Index k = 0; k < next.cols(); ++k)
    for (Eigen::Index j = 0; j < next.rows(); ++j) {
      const auto i = source_of(map, j, last.rows()), h = source_of(map, k, last.rows());
      next(j, k) = i >= 0 && h >= 0 ? S(last(i, h)) : j != k ? S(0) : known > 0 ? sum / S(known) : S(1);
    }
  return true;
}
/// P M P'; false where that is singular, as more variables than before make it.
template <class T, class Matrix, class Next>
bool move_matrix(const Projection<T>& map, const Matrix& last, Next& next) {
  if (map.P.rows() > map.P.cols()) return false;
  const Eigen::MatrixX<T> half = map.P.lazyProduct(last.template cast<T>());
  next = half.lazyProduct(map.P.transpose()).template cast<typename Next::Scalar>();
  return true;
}

/// The diagonal of the same.
template <class Map, class Variances, class Next>
bool move_diagonal(const Map& map, const Variances& last, Next& next) {
  using S = typename Next::Scalar;
  S sum(0);
  Eigen::Index known = 0;
  for (Eigen::Index j = 0; j < next.size(); ++j)
    if (const auto i = source_of(map, j, last.size()); i >= 0) sum += S(last[i]), ++known;
  for (Eigen::Index j = 0; j < next.size(); ++j) {
    const auto i = source_of(map, j, last.size());
    next[j] = i >= 0 ? S(last[i]) : known > 0 ? sum / S(known) : S(1);
  }
  return true;
}
template <class T, class Variances, class Next>
bool move_diagonal(const Projection<T>& map, const Variances& last, Next& next) {
  if (map.P.rows() > map.P.cols()) return false;
  next = map.P.cwiseAbs2().lazyProduct(last.template cast<T>()).template cast<typename Next::Scalar>();
  return true;
}

/// The type of curvature pairs of points Y, where these are those of points X.
template <class Pairs, class Y>
struct PairsOfImpl;
template <template <Point> class Pairs, Point X, class Y>
struct PairsOfImpl<Pairs<X>, Y> {
  using type = Pairs<Y>;
};
template <class State, class Y>
using PairsOf =
    typename PairsOfImpl<std::remove_cvref_t<decltype(std::declval<const State&>().curvature_pairs())>, Y>::type;

/// The pairs with their steps and gradient changes in the next variables; new variables have not moved. A pair that is
/// left without positive curvature is left out.
template <class Map, class Pairs, class Next, Point Y>
void move_pairs(const Map& map, const Pairs& last, Eigen::Index size, const Y& y, Next& next) {
  next.clear(y.size(), last.s.cols());
  const Y zero = Y::Zero(y.size());
  Y step = zero, change = zero;
  for (Eigen::Index age = 0; age < last.count; ++age) {
    const auto k = last.place(age);
    for (Eigen::Index j = 0; j < y.size(); ++j) {
      const auto i = source_of(map, j, size);
      step[j] = i < 0 ? ScalarOf<Y>(0) : ScalarOf<Y>(last.s(i, k));
      change[j] = i < 0 ? ScalarOf<Y>(0) : ScalarOf<Y>(last.y(i, k));
    }
    next.add(zero, zero, step, change);
  }
}

template <class State>
concept KnowsObservations = requires(const State& state) {
  state.observed_points().col(0);
  state.observed_values()[0];
};
template <class State>
struct ActiveSetOf {
  using type = NotMoved<9>;
};
template <class State>
requires requires(const State& state) { state.active.bounds; }
struct ActiveSetOf<State> {
  using type = std::remove_cvref_t<decltype(std::declval<const State&>().active)>;
};

/// Multipliers and active constraints by the map of constraints, else as they are; those of bounds by that of
/// variables.
template <class Map, class State, Point Y, class Next>
void move_multipliers(const Map& map, const State& state, const Y& y, Next& next) {
  using S = ScalarOf<Y>;
  const Eigen::Index m = state.multipliers.size();
  const auto source = [&](Eigen::Index j) {
    if constexpr (requires { map.constraints; })
      return map.constraints.from(j, m);
    else
      return j;
  };
  Eigen::Index count = m;
  if constexpr (requires { map.constraints; }) count = Eigen::Index(map.constraints.source.size());
  next.multipliers.setZero(count);
  for (Eigen::Index j = 0; j < count; ++j)
    if (source(j) >= 0) next.multipliers[j] = S(state.multipliers[source(j)]);
  constexpr bool moves = moves_coordinates<VariablesOf<Map>>;
  const auto variable = [&](Eigen::Index j, Eigen::Index n) {
    if constexpr (moves)
      return source_of(variables_of(map), j, n);
    else
      return Eigen::Index(-1);
  };
  if constexpr (moves && requires { state.bound_multipliers[0]; }) {
    next.bound_multipliers.setZero(y.size());
    for (Eigen::Index j = 0; j < y.size(); ++j)
      if (const auto i = variable(j, state.bound_multipliers.size()); i >= 0)
        next.bound_multipliers[j] = S(state.bound_multipliers[i]);
  }
  if constexpr (moves && requires { state.active.bounds; }) {
    next.active.constraints.assign(std::size_t(count), 0);
    next.active.bounds.assign(std::size_t(y.size()), 0);
    for (Eigen::Index j = 0; j < count; ++j)
      if (const auto i = source(j); i >= 0 && std::size_t(i) < state.active.constraints.size())
        next.active.constraints[std::size_t(j)] = state.active.constraints[std::size_t(i)];
    for (Eigen::Index j = 0; j < y.size(); ++j)
      if (const auto i = variable(j, Eigen::Index(state.active.bounds.size())); i >= 0)
        next.active.bounds[std::size_t(j)] = state.active.bounds[std::size_t(i)];
  }
}

/// All that a state knows and a map can move.
template <class Map, class State, Point Y>
struct Transferred
    : std::conditional_t<moves_matrices<VariablesOf<Map>> && HasInverseHessian<State>, MovedInverseHessian<Y>,
                         NotMoved<0>>,
      std::conditional_t<moves_matrices<VariablesOf<Map>> && HasCovariance<State>, MovedCovariance<Y>, NotMoved<1>>,
      std::conditional_t<moves_matrices<VariablesOf<Map>> && HasVariances<State> && !HasCovariance<State>,
                         MovedVariances<Y>, NotMoved<2>>,
      std::conditional_t<HasMultipliers<State>, MovedMultipliers<Y, typename ActiveSetOf<State>::type>, NotMoved<3>>,
      std::conditional_t<moves_matrices<VariablesOf<Map>> && KnowsObservations<State>, MovedObservations<Y>,
                         NotMoved<4>>,
      std::conditional_t < HasMultipliers<State>&& requires(const State& state) {
  state.penalty;
}, MovedPenalty<Y>, NotMoved < 5 >> {
  Y x{};
};
template <class Map, class State, Point Y>
struct TransferredWithPairs : Transferred<Map, State, Y>, MovedPairs<PairsOf<State, Y>> {};

/// Fills a prior with what it has room for. False where that does not go through the map.
template <class Map, class State, Point Y, class Prior>
bool fill_prior(const Map& map, const State& state, const Y& y, Prior& prior) {
  const auto& variables = variables_of(map);
  const Eigen::Index n = y.size();
  prior.x = y;
  bool moved = true;
  if constexpr (requires { prior.inverse_hessian; }) {
    prior.inverse_hessian.resize(n, n);
    moved = moved && move_matrix(variables, inverse_hessian_of(state), prior.inverse_hessian);
  }
  if constexpr (requires { prior.covariance; }) {
    prior.covariance.resize(n, n);
    moved = moved && move_matrix(variables, covariance_of(state), prior.covariance);
  }
  if constexpr (requires { prior.variances; }) {
    prior.variances.resize(n);
    moved = moved && move_diagonal(variables, state.variances, prior.variances);
  }
  if constexpr (requires { prior.step_size; }) prior.step_size = ScalarOf<Y>(state.step_size);
  if constexpr (requires { prior.multipliers; }) move_multipliers(map, state, y, prior);
  if constexpr (requires { prior.penalty; }) prior.penalty = ScalarOf<Y>(state.penalty);
  if constexpr (requires { prior.observed_points(); }) {
    const auto points = state.observed_points();
    prior.points.resize(n, points.cols());
    prior.values = state.observed_values().template cast<ScalarOf<Y>>();
    for (Eigen::Index k = 0; k < points.cols(); ++k) {
      const std::remove_cvref_t<decltype(state.x)> from = points.col(k);
      Y to = y;
      variables(from, to);
      prior.points.col(k) = to;
    }
  }
  return moved;
}

/// The prior for a search over points Y that begins with what `map` makes of a search's solution, where Y differs in
/// size, or may: calls `next(prior)`. `y` is the mapped point. A map with `map.prior(state, y)` makes its own.
template <class Map, class State, Point Y, class Next>
void transfer(const Map& map, const State& state, const Y& y, const Next& next) {
  const auto& variables = variables_of(map);
  using Variables = VariablesOf<Map>;
  if constexpr (requires { map.prior(state, y); }) {
    next(map.prior(state, y));
  } else if constexpr (moves_coordinates<Variables> && HasCurvaturePairs<State>) {
    TransferredWithPairs<Map, State, Y> prior;
    fill_prior(map, state, y, prior);
    move_pairs(variables, state.curvature_pairs(), state.x.size(), y, prior.pairs);
    next(prior);
  } else {
    Transferred<Map, State, Y> prior;
    constexpr bool may_fail =
        !moves_coordinates<Variables> && (
                                             requires { prior.step_size; } || requires { prior.inverse_hessian; });
    if constexpr (may_fail) {
      if (!fill_prior(map, state, y, prior)) return next(TransferredPoint<Y>{y});
    } else {
      fill_prior(map, state, y, prior);
    }
    next(prior);
  }
}

}  // namespace mesaopt::detail
