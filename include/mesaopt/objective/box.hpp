#pragma once

#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>

#include <Eigen/Core>

#include <mesaopt/core/number_text.hpp>
#include <mesaopt/core/point.hpp>

namespace mesaopt {

/// Bounds on every coordinate: lower <= x <= upper; infinite ones bound nothing.
///
///     Box box{Eigen::VectorXd::Constant(20, -12), Eigen::VectorXd::Constant(20, 6)};
template <Point X>
struct Box {
  X lower{}, upper{};

  static constexpr auto fields() { return std::tuple{&Box::lower, &Box::upper}; }

  Box() = default;
  /// Throws std::invalid_argument unless both have one size, hold no NaN, and lower <= upper in every coordinate.
  Box(X least, X most) : lower(std::move(least)), upper(std::move(most)) { check(); }

  /// True if x lies in the box, or on its boundary.
  [[nodiscard]] bool contains(const X& x) const {
    return x.size() == lower.size() && (x.array() >= lower.array()).all() && (x.array() <= upper.array()).all();
  }

  /// Throws as the constructor does.
  void check() const {
    if (lower.size() != upper.size())
      throw std::invalid_argument("box: lower has size " + std::to_string(lower.size()) + ", upper " +
                                  std::to_string(upper.size()) + "; they must be equal");
    for (Eigen::Index i = 0; i < lower.size(); ++i)
      if (!(lower[i] <= upper[i]))
        throw std::invalid_argument("box: coordinate " + std::to_string(i) +
                                    " has lower = " + detail::number_text(lower[i]) +
                                    " and upper = " + detail::number_text(upper[i]) + "; needs lower <= upper");
  }

  /// Throws std::invalid_argument, naming `argument`, unless x has the box's size and lies in it.
  void check_inside(const X& x, const char* argument) const {
    check_size(x, argument);
    for (Eigen::Index i = 0; i < x.size(); ++i)
      if (!(lower[i] <= x[i] && x[i] <= upper[i]))
        throw std::invalid_argument(std::string(argument) + ": coordinate " + std::to_string(i) + " is " +
                                    detail::number_text(x[i]) + "; it must lie in the box, in [" +
                                    detail::number_text(lower[i]) + ", " + detail::number_text(upper[i]) + "]");
  }

  /// Throws std::invalid_argument, naming `argument`, unless x has the box's size.
  void check_size(const X& x, const char* argument) const {
    if (x.size() != lower.size())
      throw std::invalid_argument(std::string(argument) + ": has size " + std::to_string(x.size()) + ", but the box " +
                                  std::to_string(lower.size()));
  }
};

template <class L, class U>
Box(const Eigen::MatrixBase<L>&, const Eigen::MatrixBase<U>&) -> Box<typename L::PlainObject>;

}  // namespace mesaopt
