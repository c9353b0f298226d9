#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <limits>
#include <tuple>
#include <utility>

#include <Eigen/Core>

#include <mesaopt/bayes/gaussian_process.hpp>
#include <mesaopt/bayes/prediction.hpp>
#include <mesaopt/core/call.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/point.hpp>

namespace mesaopt {

/// A rule that says how promising a point is, the larger the more, from the mean and variance of the function there
/// and the lowest value so far, with its derivatives by mean and variance:
///
///     value = rule(mean, variance, best, by_mean, by_variance)
///
/// A variance of 0 is allowed.
template <class A, class S>
concept AcquisitionFunction = requires(const A& rule, S number, S& slope) {
  { rule(number, number, number, slope, slope) } -> std::convertible_to<S>;
};

/// What predicts a mean and a variance of the function at points, with their gradients: a Gaussian process, or an
/// ensemble of them. `Predicted` is what it fills.
template <class P>
concept PredictiveProcess = requires(const P& process, const Eigen::MatrixX<typename P::Scalar>& X,
                                     typename P::Predicted& out, Prediction<typename P::Scalar>& prediction) {
  process.predict(X, out);
  process.predict_with_gradients(X, out);
  { process.prior_variance(X.col(0)) } -> std::convertible_to<typename P::Scalar>;
  prediction = out;
};

/// How promising a point is by a rule and a Gaussian process, or an ensemble of them, negated: an objective, to be
/// minimized over the point.
///
///     auto next = minimize(acquisition(process, LogExpectedImprovement{}, best), x0, Lbfgs{});
///
/// It refers to the process, which must outlive it. A predicted variance below the rounding of the prior's counts as
/// that rounding, with no slope, so that logarithms stay finite at observed points. Evaluations after the first
/// allocate nothing.
template <PredictiveProcess P, AcquisitionFunction<typename P::Scalar> A>
class Acquisition {
 public:
  using S = typename P::Scalar;
  /// The scratch of one evaluation.
  struct Scratch {
    Eigen::MatrixX<S> point;
    typename P::Predicted prediction;
    static constexpr std::tuple<> fields() { return {}; }
  };
  template <class X>
  using Memory = Workspace<Scratch>;

  Acquisition(const P& process, A rule, S best) : process_(&process), rule_(std::move(rule)), best_(best) {}

  const A& rule() const { return rule_; }
  S best() const { return best_; }

  template <Point X>
  Evaluation<S> operator()(const X& x, const Call<Workspace<Scratch>>& call) const {
    Scratch& scratch = call.record;
    scratch.point = x;
    process_->predict(scratch.point, scratch.prediction);
    S by_mean = 0, by_variance = 0;
    return evaluation(value(scratch.point, scratch.prediction, 0, by_mean, by_variance));
  }
  template <Point X>
  Evaluation<S> operator()(const X& x, X& gradient, const Call<Workspace<Scratch>>& call) const {
    Scratch& scratch = call.record;
    scratch.point = x;
    process_->predict_with_gradients(scratch.point, scratch.prediction);
    S by_mean = 0, by_variance = 0;
    const S found = value(scratch.point, scratch.prediction, 0, by_mean, by_variance);
    gradient = by_mean * scratch.prediction.mean_gradient.col(0);
    // Not multiplied when 0, as the gradient of a variance may be infinite in front of it.
    if (by_variance != 0) gradient += by_variance * scratch.prediction.variance_gradient.col(0);
    return evaluation(found);
  }

  /// The objective at each column of X, which is faster than one at a time; `values` is resized.
  void values(const Eigen::MatrixX<S>& X, typename P::Predicted& scratch, Eigen::VectorX<S>& values) const {
    process_->predict(X, scratch);
    values.resize(X.cols());
    S by_mean = 0, by_variance = 0;
    for (Eigen::Index j = 0; j < X.cols(); ++j) values[j] = value(X, scratch, j, by_mean, by_variance);
  }

 private:
  static Evaluation<S> evaluation(S value) {
    return std::isfinite(value) ? Evaluation<S>(value) : Evaluation<S>::failure(Reason::non_finite_value);
  }

  S value(const Eigen::MatrixX<S>& X, const Prediction<S>& prediction, Eigen::Index j, S& by_mean,
          S& by_variance) const {
    const S prior = process_->prior_variance(X.col(j));
    // Half of the least difference between the prior's variance and another number.
    const S least = prior * std::numeric_limits<S>::epsilon() / 4, variance = prediction.variance[j];
    const S value = rule_(prediction.mean[j], std::max(variance, least), best_, by_mean, by_variance);
    by_mean = -by_mean;
    by_variance = variance < least ? S(0) : -by_variance;
    return -value;
  }

  const P* process_;
  A rule_;
  S best_;
};

/// The objective whose minimizer is the most promising point; `best` is the lowest value so far, or whatever else the
/// rule is to compare with.
template <PredictiveProcess P, AcquisitionFunction<typename P::Scalar> A>
Acquisition<P, A> acquisition(const P& process, A rule, typename P::Scalar best) {
  return {process, std::move(rule), best};
}
/// A process that would not outlive it is refused.
template <PredictiveProcess P, class A>
void acquisition(const P&& process, A rule, typename P::Scalar best) = delete;

}  // namespace mesaopt
