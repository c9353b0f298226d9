#pragma once

#include <type_traits>

#include <Eigen/Core>

namespace mesaopt {

/// Says that S may be a coordinate: `float`, `double`, and the dual numbers of objective/forward_mode.hpp.
/// Specialize it for a number type of your own.
template <class S>
struct IsReal : std::is_floating_point<S> {};

template <class S>
concept Real = IsReal<S>::value;

namespace detail {
template <class X>
struct IsPoint : std::false_type {};
template <Real S, int N, int Options, int Max>
struct IsPoint<Eigen::Matrix<S, N, 1, Options, Max, 1>> : std::true_type {};
}  // namespace detail

/// A point is a plain Eigen column vector: `Eigen::VectorXd`, `Eigen::Vector3f`, ...
/// Expressions such as `Eigen::VectorXd::Zero(2)` are not points; write `Eigen::VectorXd x0 =
/// Eigen::VectorXd::Zero(2)`.
template <class X>
concept Point = detail::IsPoint<X>::value;

template <class X>
using ScalarOf = typename X::Scalar;

/// A square matrix that goes with points X, dynamic or fixed in size as they are.
template <class X>
using MatrixOf = Eigen::Matrix<ScalarOf<X>, X::RowsAtCompileTime, X::RowsAtCompileTime>;

/// Points side by side, one a column.
template <class X>
using PointsOf = Eigen::Matrix<ScalarOf<X>, X::RowsAtCompileTime, Eigen::Dynamic>;

}  // namespace mesaopt
