#pragma once

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>
#include <mesaopt/objective/dual.hpp>

namespace mesaopt::problems {

namespace detail {

/// The number type that goes with one of values and directions.
template <class S>
using Tangent = Dual<S, 1>;

template <class P>
auto lifted(const P& from) {
  Eigen::VectorX<Tangent<ScalarOf<P>>> to(from.size());
  for (Eigen::Index i = 0; i < from.size(); ++i) to[i] = Tangent<ScalarOf<P>>(from[i]);
  return to;
}

/// Fills column j of J with the derivatives of constraints by coordinate j of p, one coordinate after the other.
template <class P, class Constraints, class Evaluate, class Jacobian>
void columns(P& p, Constraints& c, const Evaluate& evaluate, Jacobian& J) {
  for (Eigen::Index j = 0; j < p.size(); ++j) {
    p[j].tangent[0] = 1;
    evaluate();
    for (Eigen::Index i = 0; i < c.size(); ++i) J(i, j) = c[i].tangent[0];
    p[j].tangent[0] = 0;
  }
}

}  // namespace detail

/// The outer objective F(x, y) of a bilevel problem P, without its constraints: `problem.outer_value(x, y)`.
template <class P>
struct OuterLevel {
  P problem;

  /// The value; x and y have one number type, which may be a dual number.
  template <Point X, Point Y>
  ScalarOf<Y> operator()(const X& x, const Y& y) const {
    return problem.outer_value(x, y);
  }
};

/// The inner objective f(x, y) of a bilevel problem P, without its constraints: `problem.inner_value(x, y)`.
template <class P>
struct InnerLevel {
  P problem;

  /// The value; x and y have one number type, which may be a dual number.
  template <Point X, Point Y>
  ScalarOf<Y> operator()(const X& x, const Y& y) const {
    return problem.inner_value(x, y);
  }
};

/// The outer objective with its constraints G(x, y) <= 0: `problem.outer_constraints(x, y, c)`. Jacobians are exact, by
/// dual numbers, and allocate.
template <class P>
struct ConstrainedOuterLevel : OuterLevel<P> {
  [[nodiscard]] Eigen::Index equalities() const { return 0; }
  [[nodiscard]] Eigen::Index inequalities() const { return this->problem.outer_inequalities(); }

  /// Fills c, of size `inequalities()`.
  template <Point X, Point Y, class Constraints>
  void constraints(const X& x, const Y& y, Constraints& c) const {
    this->problem.outer_constraints(x, y, c);
  }
  /// Fills c and its derivatives by x and by y, a row for every constraint.
  template <Point X, Point Y, class Constraints, class Jx, class Jy>
  void constraints(const X& x, const Y& y, Constraints& c, Jx& by_x, Jy& by_y) const {
    auto u = detail::lifted(x);
    auto v = detail::lifted(y);
    Eigen::VectorX<detail::Tangent<ScalarOf<Y>>> d(c.size());
    const auto evaluate = [&] { this->problem.outer_constraints(u, v, d); };
    this->problem.outer_constraints(x, y, c);
    detail::columns(u, d, evaluate, by_x);
    detail::columns(v, d, evaluate, by_y);
  }
};

/// The inner objective with its constraints g(x, y) <= 0: `problem.inner_constraints(x, y, c)`. Jacobians are exact, by
/// dual numbers, and allocate.
template <class P>
struct ConstrainedInnerLevel : InnerLevel<P> {
  [[nodiscard]] Eigen::Index equalities() const { return 0; }
  [[nodiscard]] Eigen::Index inequalities() const { return this->problem.inner_inequalities(); }

  /// Fills c, of size `inequalities()`.
  template <Point X, Point Y, class Constraints>
  void constraints(const X& x, const Y& y, Constraints& c) const {
    this->problem.inner_constraints(x, y, c);
  }
  /// Fills c and its derivatives by y, a row for every constraint.
  template <Point X, Point Y, class Constraints, class J>
  void constraints(const X& x, const Y& y, Constraints& c, J& by_y) const {
    const auto u = detail::lifted(x);
    auto v = detail::lifted(y);
    Eigen::VectorX<detail::Tangent<ScalarOf<Y>>> d(c.size());
    this->problem.inner_constraints(x, y, c);
    detail::columns(
        v, d, [&] { this->problem.inner_constraints(u, v, d); }, by_y);
  }
};

/// Both levels of a bilevel problem that tells `outer_value`, `inner_value`, and of its constraints: what derives from
/// it offers each level, with constraints or without.
template <class P>
struct BilevelProblem {
  /// F(x, y), an outer objective for `nested`.
  [[nodiscard]] OuterLevel<P> outer() const { return {self()}; }
  /// f(x, y), for `family`.
  [[nodiscard]] InnerLevel<P> inner() const { return {self()}; }
  /// F(x, y) with the constraints of the outer level.
  [[nodiscard]] ConstrainedOuterLevel<P> constrained_outer() const { return {{self()}}; }
  /// f(x, y) with the constraints of the inner level.
  [[nodiscard]] ConstrainedInnerLevel<P> constrained_inner() const { return {{self()}}; }

 private:
  [[nodiscard]] const P& self() const { return static_cast<const P&>(*this); }
};

}  // namespace mesaopt::problems
