#pragma once

#include <algorithm>

#include <Eigen/Core>

#include <mesaopt/bayes/covariance.hpp>
#include <mesaopt/bayes/gaussian_process_settings.hpp>
#include <mesaopt/bayes/kernel.hpp>
#include <mesaopt/bayes/panels.hpp>

namespace mesaopt {

/// The posterior at some points, one a column where there is more than a number each; with the scratch that makes the
/// next prediction of the same size free of allocation.
template <class S>
struct Prediction {
  Eigen::VectorX<S> mean, variance;                    ///< of the function, without an observation's noise
  Eigen::MatrixX<S> mean_gradient, variance_gradient;  ///< by the point; filled by predict_with_gradients
  Eigen::MatrixX<S> cross, kept;                       ///< scratch
};

namespace detail {

/// What a Gaussian process predicts from.
template <kernels::Kernel K>
struct PredictionBasis {
  using S = typename K::Scalar;
  const K& kernel;
  const GaussianProcessSettings<S>& settings;
  kernels::Points<S> data;                      // n points
  Eigen::Ref<const Eigen::MatrixX<S>> factor;   // L of their n x n covariance matrix, noise included
  Eigen::Ref<const Eigen::VectorX<S>> weights;  // its inverse times (values - mean)
};

/// columns = L⁻¹ columns. A single one is solved for as a vector, which takes two thirds of the time.
template <class S>
void solve_columns(const Eigen::Ref<const Eigen::MatrixX<S>>& L, Eigen::Ref<Eigen::MatrixX<S>> columns) {
  if (columns.cols() != 1) return solve_lower<S>(L, columns);
  auto column = columns.col(0);
  L.template triangularView<Eigen::Lower>().solveInPlace(column);
}
/// columns = L'⁻¹ columns.
template <class S>
void solve_columns_transposed(const Eigen::Ref<const Eigen::MatrixX<S>>& L, Eigen::Ref<Eigen::MatrixX<S>> columns) {
  if (columns.cols() != 1) return solve_lower_transposed<S>(L, columns);
  auto column = columns.col(0);
  L.transpose().template triangularView<Eigen::Upper>().solveInPlace(column);
}

/// Mean and variance at each column of X, with their gradients if these are wanted.
template <kernels::Kernel K>
void predict(const PredictionBasis<K>& basis, const Eigen::MatrixX<typename K::Scalar>& X, bool gradients,
             Prediction<typename K::Scalar>& out) {
  using S = typename K::Scalar;
  using kernels::detail::kept_of;
  const K& kernel = basis.kernel;
  const Eigen::Index n = basis.data.count, width = std::min(kernels::most_points, X.cols());
  out.mean.resize(X.cols());
  out.variance.resize(X.cols());
  out.cross.resize(n, width);
  if (gradients) {
    out.mean_gradient.setZero(X.rows(), X.cols());
    out.variance_gradient.setZero(X.rows(), X.cols());
    out.kept.resize(n, width * kernels::detail::numbers_kept<K>());
  }
  for (Eigen::Index first = 0; first < X.cols(); first += width) {
    const Eigen::Index some = std::min(width, X.cols() - first);
    auto cross = out.cross.leftCols(some);
    for (Eigen::Index j = 0; j < some; ++j) {
      const S* const x = X.col(first + j).data();
      out.mean[first + j] = basis.settings.mean_at(X.col(first + j));
      if (gradients)
        kernels::detail::keep_column(kernel, basis.data, x, cross.col(j).data(), kept_of<K>(out.kept, j));
      else
        kernels::detail::covariance_column(kernel, basis.data, x, cross.col(j).data());
    }
    if (n > 0) {
      out.mean.segment(first, some).noalias() += cross.transpose() * basis.weights;
      solve_columns<S>(basis.factor, cross);
    }
    for (Eigen::Index j = 0; j < some; ++j) {
      const S* const x = X.col(first + j).data();
      S prior;
      kernel.values({x, X.rows(), 1}, x, &prior);
      const S rest = prior - cross.col(j).squaredNorm();
      out.variance[first + j] = rest > 0 ? rest : S(0);
    }
    if (!gradients) continue;
    if (n > 0) {
      cross *= S(-2);
      solve_columns_transposed<S>(basis.factor, cross);
    }
    for (Eigen::Index j = 0; j < some; ++j) {
      const S* const x = X.col(first + j).data();
      S* const by_x = out.variance_gradient.col(first + j).data();
      auto mean_by_x = out.mean_gradient.col(first + j);
      if (basis.settings.slopes.size()) mean_by_x = basis.settings.slopes;
      // k(x, x) changes with both of its arguments alike.
      const S two = 2;
      kernel.pull({x, X.rows(), 1}, x, &two, by_x, nullptr);
      const kernels::Kept<S> kept = kept_of<K>(out.kept, j);
      kernels::detail::pull_kept_column<K>(kernel, basis.data, x, cross.col(j).data(), kept, by_x, nullptr);
      kernels::detail::pull_kept_column<K>(kernel, basis.data, x, basis.weights.data(), kept, mean_by_x.data(),
                                           nullptr);
    }
  }
}

}  // namespace detail

}  // namespace mesaopt
