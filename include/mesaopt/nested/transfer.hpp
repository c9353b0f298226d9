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
// or resizes it to what it makes. One that knows where coordinates go hands on matrices of them too.

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

namespace detail {

/// What reaches the next search: a point, and one kind of matrix.
template <Point Y>
struct TransferredPoint {
  Y x{};
};
template <Point Y>
struct TransferredCovariance {
  Y x{};
  MatrixOf<Y> covariance{};
  ScalarOf<Y> step_size = 0;
};
template <Point Y>
struct TransferredInverseHessian {
  Y x{};
  MatrixOf<Y> inverse_hessian{};
};

/// A matrix of the last variables as one of the next ones. New variables are independent, and as large as the others
/// are on average.
template <class Matrix, class Next>
bool move_matrix(const Coordinates& map, const Matrix& last, Next& next) {
  using S = typename Next::Scalar;
  S sum(0);
  Eigen::Index known = 0;
  for (Eigen::Index j = 0; j < next.rows(); ++j)
    if (const auto i = map.from(j, last.rows()); i >= 0) sum += S(last(i, i)), ++known;
  for (Eigen::Index k = 0; k < next.cols(); ++k)
    for (Eigen::Index j = 0; j < next.rows(); ++j) {
      const auto i = map.from(j, last.rows()), h = map.from(k, last.rows());
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
template <class Map>
inline constexpr bool moves_matrices = false;
template <>
inline constexpr bool moves_matrices<Coordinates> = true;
template <class S>
inline constexpr bool moves_matrices<Projection<S>> = true;

/// The prior for a search over points Y that begins with what `map` makes of a search's solution, where Y differs in
/// size, or may: calls `next(prior)`. `y` is the mapped point.
template <class Map, class State, Point Y, class Next>
void transfer(const Map& map, const State& state, const Y& y, const Next& next) {
  const Eigen::Index n = y.size();
  if constexpr (moves_matrices<Map> && HasInverseHessian<State>) {
    TransferredInverseHessian<Y> prior{y, MatrixOf<Y>(n, n)};
    if (move_matrix(map, inverse_hessian_of(state), prior.inverse_hessian)) return next(prior);
  } else if constexpr (moves_matrices<Map> && HasCovariance<State>) {
    TransferredCovariance<Y> prior{y, MatrixOf<Y>(n, n), ScalarOf<Y>(state.step_size)};
    if (move_matrix(map, covariance_of(state), prior.covariance)) return next(prior);
  }
  next(TransferredPoint<Y>{y});
}

}  // namespace detail

}  // namespace mesaopt
