#pragma once

#include <cmath>

#include <Eigen/Core>

#include <mesaopt/bayes/earlier_task.hpp>
#include <mesaopt/bayes/gaussian_process.hpp>
#include <mesaopt/bayes/kernel.hpp>
#include <mesaopt/bayes/prediction.hpp>
#include <mesaopt/bayes/value_scale.hpp>

namespace mesaopt {

/// Where the aligned function of an earlier task lies on the scale of the current one, as a function of the earlier
/// process's mean, with its derivatives by that and by the alignment.
struct AlignedValue {
  double value, slope, curvature, by_log_stretch, by_lift;

  AlignedValue(const ValueScale& earlier, const ValueScale& current, const Alignment& alignment, double mean) {
    const ValueScale::Curve of_task = earlier.units(mean);
    const double stretched = std::exp(alignment.log_stretch) * of_task.value;
    const ValueScale::Curve here = current.of_units(stretched + alignment.lift);
    const double stretched_slope = std::exp(alignment.log_stretch) * of_task.slope;
    value = here.value;
    slope = here.slope * stretched_slope;
    curvature = here.curvature * stretched_slope * stretched_slope +
                here.slope * std::exp(alignment.log_stretch) * of_task.curvature;
    by_log_stretch = here.slope * stretched;
    by_lift = here.slope;
  }
};

/// How many times as large as by the residual process the residual is expected at each column of X.
template <kernels::Kernel K>
Eigen::VectorXd amplification(const EarlierTask<K>& task, const ValueScale& current, const Alignment& alignment,
                              const GaussianProcess<Scaled<K>>& residual, const Eigen::MatrixXd& X) {
  Prediction<double> earlier;
  task.model.process.predict(X.colwise() + alignment.shift, earlier);
  Eigen::VectorXd out(X.cols());
  for (Eigen::Index j = 0; j < X.cols(); ++j) {
    const AlignedValue at(task.model.scale, current, alignment, earlier.mean[j]);
    out[j] =
        std::sqrt(1 + at.slope * at.slope * std::max(earlier.variance[j], 0.0) / residual.prior_variance(X.col(j)));
  }
  return out;
}

/// An aligned prediction, with its parts as scratch.
struct AlignedPrediction : Prediction<double> {
  Prediction<double> earlier{}, residual{};
  Eigen::MatrixXd moved{};
};

/// A process of the current task: the aligned mean of an earlier one plus a Gaussian process of what that leaves. On
/// the scale of the current task. Refers to the earlier task, which must outlive it.
///
/// Where the earlier task is uncertain by a variance v, what it leaves is taken to be √(1 + v / V) times as large, V
/// being the residual's prior variance.
template <kernels::Kernel K>
class AlignedProcess {
 public:
  using Scalar = double;
  using Predicted = AlignedPrediction;

  AlignedProcess() = default;
  AlignedProcess(const EarlierTask<K>& task, const ValueScale& current)
      : task_(&task), current_(current), residual_(task.residual) {}

  void predict(const Eigen::MatrixXd& X, Predicted& out) const { predict(X, out, false); }
  void predict_with_gradients(const Eigen::MatrixXd& X, Predicted& out) const { predict(X, out, true); }
  template <class X>
  [[nodiscard]] double prior_variance(const X& x) const {
    return residual_.prior_variance(x);
  }

  /// Takes the value that is predicted at a point for an observation.
  void believe(const Eigen::VectorXd& x) {
    Prediction<double> prediction;
    residual_.predict(x, prediction);
    residual_.append(x, prediction.mean[0]);
  }

 private:
  void predict(const Eigen::MatrixXd& X, Predicted& out, bool gradients) const {
    out.moved = X.colwise() + task_->alignment.shift;
    if (gradients) {
      task_->model.process.predict_with_gradients(out.moved, out.earlier);
      residual_.predict_with_gradients(X, out.residual);
      out.mean_gradient.resize(X.rows(), X.cols());
      out.variance_gradient.resize(X.rows(), X.cols());
    } else {
      task_->model.process.predict(out.moved, out.earlier);
      residual_.predict(X, out.residual);
    }
    out.mean.resize(X.cols());
    out.variance.resize(X.cols());
    for (Eigen::Index j = 0; j < X.cols(); ++j) {
      const AlignedValue at(task_->model.scale, current_, task_->alignment, out.earlier.mean[j]);
      const double prior = residual_.prior_variance(X.col(j)), part = std::max(out.earlier.variance[j], 0.0);
      const double square = 1 + at.slope * at.slope * part / prior, factor = std::sqrt(square);
      const double mean = out.residual.mean[j], variance = out.residual.variance[j];
      out.mean[j] = at.value + factor * mean;
      out.variance[j] = square * variance;
      if (!gradients) continue;
      const auto slope = out.earlier.mean_gradient.col(j);
      out.moved.col(j) =  // the gradient of the square
          at.slope / prior * (at.slope * out.earlier.variance_gradient.col(j) + 2 * at.curvature * part * slope);
      out.mean_gradient.col(j) =
          at.slope * slope + factor * out.residual.mean_gradient.col(j) + mean / (2 * factor) * out.moved.col(j);
      out.variance_gradient.col(j) = square * out.residual.variance_gradient.col(j) + variance * out.moved.col(j);
    }
  }

  const EarlierTask<K>* task_ = nullptr;
  ValueScale current_{};
  GaussianProcess<Scaled<K>> residual_{};
};

}  // namespace mesaopt
