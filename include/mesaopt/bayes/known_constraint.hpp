#pragma once

#include <limits>
#include <utility>

#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/point.hpp>

namespace mesaopt {

/// A constraint that costs nothing to test, as an objective: 0 where `allows(x)` is true, failed elsewhere.
///
/// In a `log_product` it keeps a search, which rejects failed steps, where the constraint allows, if it starts there.
template <class P>
struct KnownConstraint {
  P allows;

  template <Point X>
  Evaluation<ScalarOf<X>> operator()(const X& x) const {
    return allows(x) ? Evaluation<ScalarOf<X>>(ScalarOf<X>(0))
                     : Evaluation<ScalarOf<X>>{std::numeric_limits<ScalarOf<X>>::infinity(), Verdict::failed,
                                               Reason::non_finite_value};
  }
  template <Point X>
  Evaluation<ScalarOf<X>> operator()(const X& x, X& gradient) const {
    gradient.setZero();
    return (*this)(x);
  }
};

template <class P>
KnownConstraint(P) -> KnownConstraint<P>;

/// A constraint known by a predicate of the point.
template <class P>
KnownConstraint<P> known_constraint(P allows) {
  return {std::move(allows)};
}

}  // namespace mesaopt
