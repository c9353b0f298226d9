#pragma once
// Functions of one variable, all of one type.

#include <cmath>
#include <functional>

#include <Eigen/Core>

#include <mesaopt/objective/box.hpp>

namespace one_variable {

template <class X>
struct Line {
  using S = typename X::Scalar;
  std::function<S(S)> f;
  mesaopt::Box<X> bounds;

  Line(std::function<S(S)> function, S lower, S upper)
      : f(std::move(function)), bounds(X(X::Constant(1, lower)), X(X::Constant(1, upper))) {}
  S operator()(const X& x) const { return f(x[0]); }
  [[nodiscard]] const mesaopt::Box<X>& box() const { return bounds; }
};

/// Brent's first test function (chapter 5, eq. 7.1): Σ ((2i − 5) / (x − i²))², i = 1 to 20, with a minimum between any
/// two neighbouring squares.
inline double brent(double x) {
  double sum = 0;
  for (int i = 1; i <= 20; ++i) sum += std::pow((2 * i - 5) / (x - i * i), 2);
  return sum;
}
// The minima of the book's table 7.1: where, and the value there.
struct Minimum {
  double x, value;
};
inline constexpr Minimum minima[] = {{3.0229153, 3.6766990169},  {6.6837536, 1.1118500100},
                                     {11.2387017, 1.2182217637}, {19.6760001, 2.1621103109},
                                     {29.8282273, 3.0322905193}, {41.9061162, 3.7583856477}};

}  // namespace one_variable
