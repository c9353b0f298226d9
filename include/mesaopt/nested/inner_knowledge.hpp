#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>
#include <type_traits>

#include <Eigen/Core>

#include <mesaopt/core/call.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/core/prior.hpp>

namespace mesaopt::detail {

/// Copies what makes up a state but for its calls, so that no count and no memory is undone.
template <class State>
void copy_but_calls(const State& from, State& to) {
  const auto one = [&](auto member) {
    if constexpr (!std::is_same_v<std::remove_cvref_t<decltype(to.*member)>, decltype(to.calls)>)
      to.*member = from.*member;
  };
  std::apply([&](auto... members) { (one(members), ...); }, State::fields());
}

/// Gives a state that has begun anew at a point what another one remembers beside that point: all but the point itself,
/// what is known of the objective there, status and calls.
template <class State>
void recall(const State& from, State& to) {
  const auto here = [&](const auto& member) {
    const void* const at = &member;
    bool known = at == &to.x || at == &to.value || at == &to.evaluation || at == &to.status || at == &to.calls;
    if constexpr (requires { to.gradient; }) known = known || at == &to.gradient;
    return known;
  };
  const auto one = [&](auto member) {
    if constexpr (!std::is_same_v<std::remove_cvref_t<decltype(to.*member)>, decltype(to.calls)>)
      if (!here(to.*member)) to.*member = from.*member;
  };
  std::apply([&](auto... members) { (one(members), ...); }, State::fields());
}

/// A covariance of mean variance 1, and definite beyond rounding; false if C is none any more.
template <class Matrix, class Shape>
bool normalized_shape(const Matrix& C, Shape& shape) {
  using S = typename Shape::Scalar;
  const S size = C.trace() / S(C.rows());
  if (!(size > 0) || !std::isfinite(size)) return false;
  shape = C / size;
  shape.diagonal().array() += 1e4 * std::numeric_limits<S>::epsilon();
  return true;
}

// What a `continued` start remembers of an inner search beside its point, by what that knows.

/// The shape of a normal distribution.
template <Point Y>
struct KnownShape {
  MatrixOf<Y> shape{};
  bool known = false;
  static constexpr auto fields() { return std::tuple{&KnownShape::shape, &KnownShape::known}; }
  void clear() {
    shape.setZero();
    known = false;
  }
  template <class State>
  void absorb(const State& state) {
    if (normalized_shape(covariance_of(state), shape)) known = true;
  }
};
/// The variances of one whose axes are those of the coordinates.
template <Point Y>
struct KnownVariances {
  Y variances{};
  bool known = false;
  static constexpr auto fields() { return std::tuple{&KnownVariances::variances, &KnownVariances::known}; }
  void clear() {
    variances.setZero();
    known = false;
  }
  template <class State>
  void absorb(const State& state) {
    using S = ScalarOf<Y>;
    const S size = state.variances.mean();
    if (!(size > 0) || !std::isfinite(size)) return;
    variances = (state.variances / size).cwiseMax(1e4 * std::numeric_limits<S>::epsilon());
    known = true;
  }
};
/// Observations, those alone that the search has made itself: else they would pile up.
template <Point Y>
struct KnownObservations {
  PointsOf<Y> points{};
  Eigen::VectorX<ScalarOf<Y>> values{};
  bool known = false;
  static constexpr auto fields() {
    using T = KnownObservations;
    return std::tuple{&T::points, &T::values, &T::known};
  }
  void clear() {
    points.resize(points.rows(), 0);
    values.resize(0);
    known = false;
  }
  template <class State>
  void absorb(const State& state) {
    const PointsOf<Y> all = state.observed_points();
    Eigen::Index own = all.cols();
    if constexpr (requires { state.inherited; }) own -= Eigen::Index(state.inherited);
    points = all.rightCols(own);
    values = Eigen::VectorX<ScalarOf<Y>>(state.observed_values()).tail(own);
    known = own > 0;
  }
};
/// The state itself.
template <class S>
struct KnownState {
  S state{};
  bool known = false;
  static constexpr auto fields() { return std::tuple{&KnownState::state, &KnownState::known}; }
  void clear() { known = false; }
  void absorb(const S& from) {
    copy_but_calls(from, state);
    known = true;
  }
};

template <class State, Point Y>
using InnerKnowledge = std::conditional_t < HasCovariance<State>,
      KnownShape<Y>, std::conditional_t < HasVariances<State>, KnownVariances<Y>,
      std::conditional_t < requires(const State& s) {
  s.observed_points().col(0);
}
, KnownObservations<Y>, KnownState < State >>>> ;

}  // namespace mesaopt::detail
