#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <tuple>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/objective/box.hpp>

namespace mesaopt::detail {

/// Points as displacements from a base, in the variables whose bounds are not equal, and in units such that each has
/// room for two radii between its bounds.
template <Point X>
struct Displacements {
  using S = ScalarOf<X>;
  using Vector = Eigen::VectorX<S>;

  X base{};
  std::vector<Eigen::Index> free{};  ///< the variables that are not fixed
  Vector scales{};                   ///< the unit in each of them, at most 1

  static constexpr auto fields() {
    using T = Displacements;
    return std::tuple{&T::base, &T::free, &T::scales};
  }

  /// Takes x for the base. Answers how many variables are free. Throws std::invalid_argument for an x that is not in
  /// the box of f.
  template <class F>
  Eigen::Index begin(const F& f, const X& x, S radius) {
    if constexpr (Bounded<F, X>) {
      const auto& box = f.box();
      check(box, x);
    }
    base = x;
    free.clear();
    for (Eigen::Index i = 0; i < x.size(); ++i)
      if (width(f, i) > 0) free.push_back(i);
    const auto n = Eigen::Index(free.size());
    scales.resize(n);
    for (Eigen::Index j = 0; j < n; ++j) scales[j] = std::min(S(1), width(f, free[std::size_t(j)]) / (2 * radius));
    return n;
  }

  /// The bounds as displacements.
  template <class F>
  void bound([[maybe_unused]] const F& f, Vector& lower, Vector& upper) const {
    lower.setConstant(-std::numeric_limits<S>::infinity());
    upper.setConstant(std::numeric_limits<S>::infinity());
    if constexpr (Bounded<F, X>) {
      const auto& box = f.box();
      for (Eigen::Index j = 0; j < scales.size(); ++j) {
        const Eigen::Index i = free[std::size_t(j)];
        lower[j] = (box.lower[i] - base[i]) / scales[j];
        upper[j] = (box.upper[i] - base[i]) / scales[j];
      }
    }
  }

  /// The point of a displacement: exactly on a bound where that is.
  template <class F>
  void point([[maybe_unused]] const F& f, const Vector& displacement, [[maybe_unused]] const Vector& lower,
             [[maybe_unused]] const Vector& upper, X& out) const {
    out = base;
    for (Eigen::Index j = 0; j < scales.size(); ++j) {
      const Eigen::Index i = free[std::size_t(j)];
      out[i] += scales[j] * displacement[j];
      if constexpr (Bounded<F, X>) {
        const auto& box = f.box();
        if (displacement[j] <= lower[j] || out[i] < box.lower[i]) out[i] = box.lower[i];
        if (displacement[j] >= upper[j] || out[i] > box.upper[i]) out[i] = box.upper[i];
      }
    }
  }

 private:
  template <class F>
  static S width([[maybe_unused]] const F& f, [[maybe_unused]] Eigen::Index i) {
    if constexpr (Bounded<F, X>) {
      const auto& box = f.box();
      return box.upper[i] - box.lower[i];
    } else {
      return std::numeric_limits<S>::infinity();
    }
  }
  static void check(const Box<X>& box, const X& x) {
    box.check();
    box.check_inside(x, "start");
  }
  template <class B>
  static void check(const B& box, const X& x) {
    check(Box<X>{box.lower, box.upper}, x);
  }
};

}  // namespace mesaopt::detail
