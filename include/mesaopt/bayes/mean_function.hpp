#pragma once

#include <cmath>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/bayes/covariance.hpp>
#include <mesaopt/bayes/gaussian_process.hpp>
#include <mesaopt/bayes/kernel.hpp>
#include <mesaopt/bayes/prediction.hpp>
#include <mesaopt/core/call.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/point.hpp>

namespace mesaopt {

/// The posterior mean of a Gaussian process with n observations, as an objective with a gradient:
///
///     auto best = minimize(mean_function(process), x0, Lbfgs{});
///
/// The same as `acquisition(process, PosteriorMean{}, best)`, but as no variance is computed, in O(n) operations rather
/// than O(n²). Refers to the process, which must outlive it and not change. Evaluations after the first allocate
/// nothing.
template <kernels::Kernel K>
class MeanFunction {
 public:
  using S = typename K::Scalar;
  /// The scratch of one evaluation.
  struct Scratch {
    Eigen::VectorX<S> point;
    Eigen::MatrixX<S> cross, kept;
    static constexpr std::tuple<> fields() { return {}; }
  };
  template <class X>
  using Memory = Workspace<Scratch>;

  explicit MeanFunction(const GaussianProcess<K>& process)
      : process_(&process), coordinates_(process.points().leftCols(process.usable()).transpose()) {}

  template <Point X>
  Evaluation<S> operator()(const X& x, const Call<Workspace<Scratch>>& call) const {
    Scratch& scratch = call.record;
    scratch.point = x;
    return evaluation(value(scratch.point, scratch.cross));
  }
  template <Point X>
  Evaluation<S> operator()(const X& x, X& gradient, const Call<Workspace<Scratch>>& call) const {
    Scratch& s = call.record;
    const Eigen::Index n = coordinates_.rows();
    s.point = x;
    s.cross.resize(n, 1);
    s.kept.resize(n, kernels::detail::numbers_kept<K>());
    const auto kept = kernels::detail::kept_of<K>(s.kept, 0);
    const K& kernel = process_->kernel();
    kernels::detail::keep_column(kernel, data(), s.point.data(), s.cross.data(), kept);
    const S found = process_->mean_at(s.point) + s.cross.col(0).dot(process_->weights().head(n));
    const auto& slopes = process_->settings().slopes;
    if (slopes.size())
      gradient = slopes;
    else
      gradient.setZero();
    kernels::detail::pull_kept_column<K>(kernel, data(), s.point.data(), process_->weights().data(), kept,
                                         gradient.data(), nullptr);
    return evaluation(found);
  }

  /// The mean at each column of X; `values` is resized.
  void values(const Eigen::MatrixX<S>& X, Prediction<S>& scratch, Eigen::VectorX<S>& values) const {
    values.resize(X.cols());
    for (Eigen::Index j = 0; j < X.cols(); ++j) values[j] = value(X.col(j), scratch.cross);
  }

 private:
  static Evaluation<S> evaluation(S value) {
    return std::isfinite(value) ? Evaluation<S>(value) : Evaluation<S>::failure(Reason::non_finite_value);
  }
  kernels::Points<S> data() const {
    return {coordinates_.data(), coordinates_.cols(), coordinates_.rows(), 1, coordinates_.rows()};
  }
  template <class D>
  S value(const Eigen::MatrixBase<D>& x, Eigen::MatrixX<S>& cross) const {
    const Eigen::Index n = coordinates_.rows();
    if (cross.rows() != n || cross.cols() < 1) cross.resize(n, 1);
    kernels::detail::covariance_column(process_->kernel(), data(), x.derived().data(), cross.data());
    return process_->mean_at(x) + cross.col(0).dot(process_->weights().head(n));
  }

  const GaussianProcess<K>* process_;
  Eigen::MatrixX<S> coordinates_;  // one point a row, as which kernels are faster
};

/// The posterior mean as an objective.
template <kernels::Kernel K>
MeanFunction<K> mean_function(const GaussianProcess<K>& process) {
  return MeanFunction<K>(process);
}
/// A process that would not outlive it is refused.
template <kernels::Kernel K>
void mean_function(const GaussianProcess<K>&& process) = delete;

}  // namespace mesaopt
