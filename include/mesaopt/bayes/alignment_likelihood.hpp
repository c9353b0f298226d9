#pragma once

#include <cmath>
#include <cstddef>
#include <tuple>
#include <utility>

#include <Eigen/Core>

#include <mesaopt/bayes/aligned_process.hpp>
#include <mesaopt/bayes/earlier_task.hpp>
#include <mesaopt/bayes/gaussian_process.hpp>
#include <mesaopt/bayes/kernel.hpp>
#include <mesaopt/bayes/likelihood.hpp>
#include <mesaopt/bayes/mean_function.hpp>
#include <mesaopt/bayes/value_scale.hpp>
#include <mesaopt/core/call.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/stopping.hpp>

namespace mesaopt {

/// The normal prior of an alignment.
struct AlignmentPrior {
  double shift_deviation = 0.1;   ///< of each coordinate of the shift, in widths of the box
  double stretch_deviation = 3;   ///< of the logarithm of the stretch
  double lift_deviation = 3;      ///< in units of the current task's scale
  double residual_location = -3;  ///< of the logarithm of the residual's variance
  double residual_deviation = 2;  ///< of the same

  static constexpr auto fields() {
    using A = AlignmentPrior;
    return std::tuple{&A::shift_deviation, &A::stretch_deviation, &A::lift_deviation, &A::residual_location,
                      &A::residual_deviation};
  }
  /// Throws std::invalid_argument for a deviation that is not positive, or a location that is not finite.
  void check() const {
    const auto positive = [](const char* name, double value) {
      if (!(value > 0) || !std::isfinite(value)) detail::refuse(name, value, "it must be positive and finite");
    };
    positive("AlignmentPrior::shift_deviation", shift_deviation);
    positive("AlignmentPrior::stretch_deviation", stretch_deviation);
    positive("AlignmentPrior::lift_deviation", lift_deviation);
    positive("AlignmentPrior::residual_deviation", residual_deviation);
    if (!std::isfinite(residual_location))
      detail::refuse("AlignmentPrior::residual_location", residual_location, "it must be finite");
  }
};

/// The negative logarithm of the posterior density of how an earlier task is aligned and what it leaves, as an
/// objective of shift, log_stretch, lift and the residual process's parameters, in this order.
template <kernels::Kernel K>
class AlignmentLikelihood {
 public:
  using R = Scaled<K>;
  /// The scratch of one evaluation.
  struct Scratch {
    typename MeanFunction<K>::Scratch earlier;
    GaussianProcess<R> process;
    Eigen::MatrixXd a, b, kept, by_shift;
    Eigen::VectorXd point, slope, values, by_stretch, by_lift, parameters;
    static constexpr std::tuple<> fields() { return {}; }
  };
  template <class X>
  using Memory = Workspace<Scratch>;

  /// `residual` has the points of the current task, and its values on the scale `current`.
  AlignmentLikelihood(const Surrogate<K>& earlier, const ValueScale& current, GaussianProcess<R> residual,
                      const DimensionScaledPriors& priors, const AlignmentPrior& prior)
      : mean_(earlier.process),
        scale_(earlier.scale),
        current_(current),
        residual_(std::move(residual)),
        amplification_(Eigen::VectorXd::Ones(residual_.size())),
        priors_(priors),
        prior_(prior) {}

  Evaluation<double> operator()(const Eigen::VectorXd& x, const Call<Workspace<Scratch>>& call) const {
    Scratch& scratch = call.record;
    return result(x, evidence(x, scratch, nullptr), scratch, nullptr);
  }
  Evaluation<double> operator()(const Eigen::VectorXd& x, Eigen::VectorXd& gradient,
                                const Call<Workspace<Scratch>>& call) const {
    Scratch& scratch = call.record;
    gradient.setZero(x.size());
    return result(x, evidence(x, scratch, &gradient), scratch, &gradient);
  }

  /// Expects the residual of each observation to be so many times larger than the residual process has it.
  void amplify(const Eigen::VectorXd& by) { amplification_ = by; }
  /// The logarithm of what that divides the density by.
  [[nodiscard]] double log_amplification() const { return amplification_.array().log().sum(); }

  /// The mean of the earlier process at a point, and in `s.slope` its gradient, if that is wanted.
  template <class D>
  double earlier(const Eigen::MatrixBase<D>& x, Scratch& s, bool gradient = false) const {
    const Workspace<typename MeanFunction<K>::Scratch> nothing{};
    const Call<Workspace<typename MeanFunction<K>::Scratch>> call{nothing, s.earlier};
    s.point = x;
    return gradient ? mean_(s.point, s.slope, call).value : mean_(s.point, call).value;
  }

  /// The values of the current task less the aligned ones, over their amplification.
  void residuals(const Alignment& alignment, Scratch& s, bool slopes) const {
    const Eigen::Index count = residual_.size(), n = residual_.dimension();
    s.values.resize(count);
    s.by_stretch.resize(count);
    s.by_lift.resize(count);
    s.by_shift.resize(n, count);
    s.slope.resize(n);
    for (Eigen::Index i = 0; i < count; ++i) {
      const double mean = earlier(residual_.points().col(i) + alignment.shift, s, slopes);
      const AlignedValue at(scale_, current_, alignment, mean);
      const double by = amplification_[i];
      s.values[i] = (residual_.values()[i] - at.value) / by;
      s.by_stretch[i] = at.by_log_stretch / by;
      s.by_lift[i] = at.by_lift / by;
      s.by_shift.col(i) = at.slope / by * s.slope;
    }
  }

  /// The logarithm of the density of the alignment by its prior, but for a constant.
  [[nodiscard]] double log_prior(const Alignment& alignment) const {
    const double stretch = alignment.log_stretch / prior_.stretch_deviation;
    const double lift = alignment.lift / prior_.lift_deviation;
    return -(alignment.shift.squaredNorm() / (prior_.shift_deviation * prior_.shift_deviation) + stretch * stretch +
             lift * lift) /
           2;
  }

  static Alignment alignment_of(const Eigen::VectorXd& x, Eigen::Index n) { return {x.head(n), x[n], x[n + 1]}; }

 private:
  /// The residuals' log marginal likelihood.
  double evidence(const Eigen::VectorXd& x, Scratch& s, Eigen::VectorXd* gradient) const {
    const Eigen::Index n = residual_.dimension();
    residuals(alignment_of(x, n), s, gradient != nullptr);
    if (!s.values.allFinite()) return std::nan("");
    s.process.take_data(residual_);
    s.parameters = x.tail(x.size() - n - 2);
    s.process.set_parameters(s.parameters, gradient ? &s.kept : nullptr);
    s.process.set_values(s.values);
    if (!gradient) return s.process.log_marginal_likelihood();
    const double value = s.process.log_marginal_likelihood(s.slope, s.a, s.b, &s.kept);
    gradient->tail(s.slope.size()) = s.slope;
    if (s.process.usable() == 0) return value;
    // By the residuals it has the slope of the negative weights, and these fall as the aligned values rise.
    const auto weights = s.process.weights();
    gradient->head(n) = s.by_shift * weights;
    (*gradient)[n] = s.by_stretch.dot(weights);
    (*gradient)[n + 1] = s.by_lift.dot(weights);
    return value;
  }

  Evaluation<double> result(const Eigen::VectorXd& x, double value, const Scratch& s, Eigen::VectorXd* gradient) const {
    const Eigen::Index n = residual_.dimension();
    if (!std::isfinite(value)) return Evaluation<double>::failure(Reason::non_finite_value);
    value -= log_amplification();
    value += log_prior(alignment_of(x, n));
    value += priors_.log_density(s.process, gradient ? gradient->data() + n + 2 : nullptr);
    // Its own variance is the first parameter.
    const double variance = (x[n + 2] - prior_.residual_location) / prior_.residual_deviation;
    value -= variance * variance / 2;
    if (gradient) {
      gradient->head(n) -= x.head(n) / (prior_.shift_deviation * prior_.shift_deviation);
      (*gradient)[n] -= x[n] / (prior_.stretch_deviation * prior_.stretch_deviation);
      (*gradient)[n + 1] -= x[n + 1] / (prior_.lift_deviation * prior_.lift_deviation);
      (*gradient)[n + 2] -= variance / prior_.residual_deviation;
      *gradient = -*gradient;
    }
    return Evaluation<double>(-value);
  }

  MeanFunction<K> mean_;
  ValueScale scale_, current_;
  GaussianProcess<R> residual_;
  Eigen::VectorXd amplification_;
  DimensionScaledPriors priors_;
  AlignmentPrior prior_;
};

}  // namespace mesaopt
