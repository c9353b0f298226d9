#pragma once

#include <algorithm>

#include <mesaopt/core/point.hpp>
#include <mesaopt/core/prior.hpp>

namespace mesaopt::detail {

/// The step along −g that a prior's knowledge of curvatures suggests; 0 if it has none.
template <Point X, Start P>
ScalarOf<X> known_scale(const P& prior) {
  using S = ScalarOf<X>;
  if constexpr (requires { prior.state; })
    return known_scale<X>(prior.state);
  else if constexpr (requires { prior.scale; })
    return S(prior.scale);
  else if constexpr (requires { prior.memory.scale; })
    return S(prior.memory.scale);
  else if constexpr (HasCurvaturePairs<P>)
    return prior.curvature_pairs().count > 0 ? S(prior.curvature_pairs().scale) : S(0);
  else if constexpr (HasInverseHessian<P>)
    return std::max(S(0), S(inverse_hessian_of(prior).trace()) / S(std::max<Eigen::Index>(1, prior.x.size())));
  else
    return 0;
}

}  // namespace mesaopt::detail
