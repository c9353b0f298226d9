#pragma once

#include <cmath>
#include <numbers>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>

#include <Eigen/Core>

#include <mesaopt/bayes/gaussian_process.hpp>
#include <mesaopt/bayes/kernel.hpp>
#include <mesaopt/core/call.hpp>
#include <mesaopt/core/evaluation.hpp>

namespace mesaopt {

/// Log-normal priors: log(length scale) ~ N(location + log(d)/2, deviation²) in d dimensions, for every length scale of
/// the kernel, log(noise variance) ~ N(-4, 1), and log(a), log(b) ~ N(0, 3/4) for every warp. They expect inputs in
/// [0, 1] and standardized values.
///
/// Hvarfner, Hellsten and Nardi (2024), "Vanilla Bayesian optimization performs great in high dimensions", section 5;
/// the numbers are those of BoTorch 0.12.
struct DimensionScaledPriors {
  double length_scale_location = std::numbers::sqrt2;
  double length_scale_deviation = std::numbers::sqrt3;
  double noise_location = -4;
  double noise_deviation = 1;
  double warp_deviation = std::numbers::sqrt3 / 2;

  static constexpr auto fields() {
    using D = DimensionScaledPriors;
    return std::tuple{&D::length_scale_location, &D::length_scale_deviation, &D::noise_location, &D::noise_deviation,
                      &D::warp_deviation};
  }
  /// Throws std::invalid_argument for a deviation that is not positive.
  void check() const {
    for (const double deviation : {length_scale_deviation, noise_deviation, warp_deviation})
      if (!(deviation > 0))
        throw std::invalid_argument("DimensionScaledPriors: deviations must be positive, got " +
                                    detail::number_text(deviation));
  }

  /// The logarithm of the density at the parameters of a process, but for a constant; adds its derivatives by
  /// `process.parameters()` to `gradient`, unless that is null.
  template <kernels::Kernel K, class S = typename K::Scalar>
  S log_density(const GaussianProcess<K>& process, S* gradient) const {
    S sum = 0;
    S* slope = gradient;
    const double location = length_scale_location + std::log(double(process.dimension())) / 2;
    K::visit(process.kernel(), [&](kernels::Role role, const S& value) {
      if (role == kernels::Role::length_scale)
        sum += log_normal(std::log(value), location, length_scale_deviation, S(1), slope);
      if (role == kernels::Role::warp) sum += log_normal(std::log(value), 0, warp_deviation, S(1), slope);
      if (slope) ++slope;
    });
    const auto& settings = process.settings();
    if (settings.learn_noise) {
      const S noise = settings.noise + settings.noise_floor;
      sum += log_normal(std::log(noise), noise_location, noise_deviation, settings.noise / noise, slope);
    }
    return sum;
  }

 private:
  /// log of the log-normal density at e^log; adds its derivative by `log`, times `factor`, to slope.
  template <class S>
  static S log_normal(S log, double location, double deviation, S factor, S* slope) {
    const S z = (log - S(location)) / S(deviation);
    if (slope) *slope -= factor * (1 + z / S(deviation));
    return -log - z * z / 2 - std::log(S(deviation) * std::sqrt(2 * std::numbers::pi_v<S>));
  }
};

/// The negative logarithm of the marginal likelihood of a Gaussian process's data, as an objective over the process's
/// `parameters()`; with priors, of the posterior density of length scales, noise and warps themselves, not their
/// logarithms.
///
///     auto fitted = minimize(likelihood(process), process.parameters(), Lbfgs{});
///     process.set_parameters(fitted.x);
///
/// After another observation, start from the last solution instead, whose curvature L-BFGS takes along, and end where
/// the gradient is below 1/10, which is as exactly as data tell anything: two to four evaluations do then.
///
///     fitted = minimize(likelihood(process), fitted, Lbfgs{}, GradientBelow{0.1} || MaxIterations{20});
///
/// Its value is inexact where jitter was needed, and has failed where none was enough. Evaluations after the first
/// allocate nothing.
template <kernels::Kernel K>
class GaussianProcessLikelihood {
 public:
  using S = typename K::Scalar;
  /// The scratch of one evaluation.
  struct Scratch {
    GaussianProcess<K> process;
    Eigen::MatrixX<S> a, b, kept;
    static constexpr std::tuple<> fields() { return {}; }
  };
  template <class X>
  using Memory = Workspace<Scratch>;

  explicit GaussianProcessLikelihood(GaussianProcess<K> process, std::optional<DimensionScaledPriors> priors = {})
      : process_(std::move(process)), priors_(priors) {
    if (priors_) priors_->check();
  }

  Evaluation<S> operator()(const Eigen::VectorX<S>& x, const Call<Workspace<Scratch>>& call) const {
    GaussianProcess<K>& process = at(x, call.record, nullptr);
    return evaluation(process, process.log_marginal_likelihood(), nullptr);
  }
  Evaluation<S> operator()(const Eigen::VectorX<S>& x, Eigen::VectorX<S>& gradient,
                           const Call<Workspace<Scratch>>& call) const {
    Scratch& scratch = call.record;
    GaussianProcess<K>& process = at(x, scratch, &scratch.kept);
    const S value = process.log_marginal_likelihood(gradient, scratch.a, scratch.b, &scratch.kept);
    return evaluation(process, value, &gradient);
  }

 private:
  GaussianProcess<K>& at(const Eigen::VectorX<S>& x, Scratch& scratch, Eigen::MatrixX<S>* kept) const {
    scratch.process.take_data(process_);
    scratch.process.set_parameters(x, kept);
    return scratch.process;
  }

  Evaluation<S> evaluation(const GaussianProcess<K>& process, S value, Eigen::VectorX<S>* gradient) const {
    if (priors_) value += priors_->log_density(process, gradient ? gradient->data() : nullptr);
    if (gradient) *gradient = -*gradient;
    const Factorization& report = process.factorization();
    if (!report.succeeded || !std::isfinite(value)) return Evaluation<S>::failure(Reason::non_finite_value);
    return {-value, report.jitter > 0 ? Verdict::inexact : Verdict::fine, Reason::none};
  }

  GaussianProcess<K> process_;
  std::optional<DimensionScaledPriors> priors_;
};

/// The objective whose minimizer is the parameters of maximum likelihood; with priors, of maximum posterior density.
template <kernels::Kernel K>
GaussianProcessLikelihood<K> likelihood(const GaussianProcess<K>& process,
                                        std::optional<DimensionScaledPriors> priors = {}) {
  return GaussianProcessLikelihood<K>(process, priors);
}

}  // namespace mesaopt
