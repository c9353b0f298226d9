#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include <Eigen/Core>

/// What penalties of constraints are made from.
namespace mesaopt::detail {

/// The largest violation among constraints, of which the first `equalities` ask for 0 and the others for at most 0. NaN
/// where one of them is.
template <class C>
typename C::Scalar largest_violation(const Eigen::MatrixBase<C>& c, Eigen::Index equalities) {
  using S = typename C::Scalar;
  S most(0);
  for (Eigen::Index i = 0; i < c.size(); ++i) {
    const S v = i < equalities ? std::abs(c[i]) : c[i];
    if (std::isnan(v)) return v;
    most = std::max(most, v);
  }
  return most;
}

/// The distance between the quartiles of at(0), ..., at(count - 1). Allocates nothing where the scratch is large
/// enough.
template <class S, class At>
S middle_half(Eigen::Index count, const At& at, std::vector<S>& scratch) {
  scratch.resize(std::size_t(count));
  for (Eigen::Index k = 0; k < count; ++k) scratch[std::size_t(k)] = at(k);
  std::sort(scratch.begin(), scratch.end());
  const auto quantile = [&](double share) { return scratch[std::size_t(std::lround(share * double(count - 1)))]; };
  return quantile(0.75) - quantile(0.25);
}

}  // namespace mesaopt::detail
