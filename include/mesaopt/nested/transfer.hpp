#pragma once

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>
#include <mesaopt/core/prior.hpp>

namespace mesaopt {

// How what one search has learnt is handed to another, of another objective whose variables are others. A map is
// callable as `map(x, y)`, with the point found and the start of the next search, of whose size y comes in; it fills y,
// or resizes it to what it makes. One that knows where coordinates go hands on what goes with them too: see
// nested/transferred.hpp.

/// The same variables.
struct Keep {
  template <Point X, Point Y>
  void operator()(const X& x, Y& y) const {
    y = x.template cast<ScalarOf<Y>>();
  }
};

/// Coordinate j of the next point is coordinate `source[j]` of the last one, or new where that is -1: then it stays
/// what it is in the next search's own start. Beyond the end of `source`, or where it is empty, coordinate j is j.
struct Coordinates {
  std::vector<Eigen::Index> source{};

  /// Where coordinate j comes from, in a point of n: -1 if from nowhere.
  [[nodiscard]] Eigen::Index from(Eigen::Index j, Eigen::Index n) const {
    const Eigen::Index i = std::size_t(j) < source.size() ? source[std::size_t(j)] : j;
    return i < n ? i : -1;
  }
  template <Point X, Point Y>
  void operator()(const X& x, Y& y) const {
    if (!source.empty() && Eigen::Index(source.size()) != y.size()) {
      y.resize(Eigen::Index(source.size()));  // the wrong size, which the chain reports
      return;
    }
    for (Eigen::Index j = 0; j < y.size(); ++j)
      if (const auto i = from(j, x.size()); i >= 0) y[j] = ScalarOf<Y>(x[i]);
  }
};

/// More variables: the last ones are new, and keep the values of the next search's own start.
inline Coordinates pad() { return {}; }
/// Fewer variables: the first ones.
inline Coordinates truncate() { return {}; }

/// Variables of the same name. Throws std::invalid_argument if one name stands for two variables of the last search.
inline Coordinates by_name(const std::vector<std::string>& last, const std::vector<std::string>& next) {
  Coordinates map;
  for (const auto& name : next) {
    const auto count = std::count(last.begin(), last.end(), name);
    if (count > 1) throw std::invalid_argument("by_name: two variables are called " + name);
    map.source.push_back(count == 0 ? -1 : std::find(last.begin(), last.end(), name) - last.begin());
  }
  if (map.source.empty()) throw std::invalid_argument("by_name: there is no name");
  return map;
}

/// y = P x + offset, P with a row for every variable of the next search.
template <class S = double>
struct Projection {
  Eigen::MatrixX<S> P;
  Eigen::VectorX<S> offset{};  ///< empty: zero

  template <Point X, Point Y>
  void operator()(const X& x, Y& y) const {
    if (P.cols() != x.size() || (offset.size() != 0 && offset.size() != P.rows()))
      throw std::invalid_argument("project: P is " + std::to_string(P.rows()) + " x " + std::to_string(P.cols()) +
                                  ", but the point has size " + std::to_string(x.size()) + ", the offset " +
                                  std::to_string(offset.size()));
    y = P.lazyProduct(x).template cast<ScalarOf<Y>>();
    if (offset.size() != 0) y += offset.template cast<ScalarOf<Y>>();
  }
};
/// The projection y = P x + offset.
template <class Derived>
Projection<typename Derived::Scalar> project(const Eigen::MatrixBase<Derived>& P,
                                             Eigen::VectorX<typename Derived::Scalar> offset = {}) {
  return {P, std::move(offset)};
}

/// A map of variables that also says which constraint of the next program is which of the last one, equalities first:
/// by `by_name`, or by number. Lagrange multipliers and the active set go with them; new constraints are inactive.
template <class Map>
struct WithConstraints {
  Map variables;
  Coordinates constraints;

  template <Point X, Point Y>
  void operator()(const X& x, Y& y) const {
    variables(x, y);
  }
};
/// The same as a function. Throws std::invalid_argument where `constraints` does not name or number them.
template <class Map>
WithConstraints<Map> with_constraints(Map variables, Coordinates constraints) {
  if (constraints.source.empty()) throw std::invalid_argument("with_constraints: there is no constraint");
  return {std::move(variables), std::move(constraints)};
}

}  // namespace mesaopt
