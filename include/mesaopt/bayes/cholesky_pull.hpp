#pragma once

#include <Eigen/Core>

namespace mesaopt::detail {

/// For A = LL', turns the derivatives of a number by the entries of L, in the lower triangle of `by`, into those by the
/// entries of A, which are symmetric: entry (i, j) holds that of A(i, j) alone.
///
/// Murray (2016), "Differentiation of the Cholesky decomposition", equation 10.
template <class S>
void pull_cholesky(const Eigen::MatrixX<S>& L, Eigen::MatrixX<S>& by, Eigen::MatrixX<S>& scratch) {
  scratch.noalias() = L.template triangularView<Eigen::Lower>().transpose() * by;
  by = scratch.template triangularView<Eigen::Lower>();
  by.diagonal() *= S(0.5);
  const auto lower = L.template triangularView<Eigen::Lower>();
  lower.transpose().solveInPlace(by);
  scratch = by.transpose();
  lower.transpose().solveInPlace(scratch);
  by = S(0.5) * (scratch + scratch.transpose());
}

}  // namespace mesaopt::detail
