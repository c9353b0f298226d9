#pragma once

#include <cmath>
#include <limits>
#include <optional>
#include <tuple>
#include <utility>

#include <Eigen/Core>

#include <mesaopt/bayes/acquisition.hpp>
#include <mesaopt/bayes/classification.hpp>
#include <mesaopt/bayes/earlier_task.hpp>
#include <mesaopt/bayes/gaussian_process.hpp>
#include <mesaopt/bayes/kernel.hpp>
#include <mesaopt/bayes/lower_confidence_bound.hpp>
#include <mesaopt/bayes/mean_function.hpp>
#include <mesaopt/core/call.hpp>
#include <mesaopt/core/evaluation.hpp>

namespace mesaopt::detail {

template <class Scratch>
inline constexpr Workspace<Scratch> no_memory{};

/// What a Bayesian search minimizes to find its next point, as one type of objective whatever it knows: the posterior
/// mean or an acquisition, by its own Gaussian process or by an `Informed` one, times the probability that the
/// evaluation succeeds.
///
/// Where that probability P is below a bound, it has failed: once improvements are small where evaluations succeed, a
/// product alone would be largest where they fail. Elsewhere, an acquisition is less log P, which multiplies rules that
/// are logarithms; and the mean m is -log(best - m) - log P, the improvement times P, and has failed where there is
/// none. Gardner et al. (2014) have the product, Gelbart et al. (2014) the bound.
template <kernels::Kernel K, class A, class Informed>
class Prospect {
 public:
  using Process = GaussianProcess<K>;
  using Chance = Acquisition<GaussianProcess<Scaled<K>>, LogProbabilityOfFeasibility>;
  /// The scratch of one evaluation.
  struct Scratch {
    typename MeanFunction<K>::Scratch mean;
    typename Acquisition<Process, A>::Scratch promise;
    typename Acquisition<Informed, A>::Scratch informed;
    typename Acquisition<Informed, PosteriorMean>::Scratch informed_mean;
    typename Chance::Scratch chance;
    Eigen::VectorXd slope;
    static constexpr std::tuple<> fields() { return {}; }
  };
  template <class X>
  using Memory = Workspace<Scratch>;

  /// Of the posterior mean.
  Prospect(const Process& process, double best) : mean_(process), best_(best), is_mean_(true) {}
  Prospect(const Informed& process, double best)
      : informed_mean_(Acquisition<Informed, PosteriorMean>(process, {}, best)), best_(best), is_mean_(true) {}
  /// Of an acquisition function.
  Prospect(const Process& process, A rule, double best)
      : promise_(Acquisition<Process, A>(process, std::move(rule), best)), best_(best) {}
  Prospect(const Informed& process, A rule, double best)
      : informed_(Acquisition<Informed, A>(process, std::move(rule), best)), best_(best) {}

  /// Heeds the probability of success, which has to be `least` or more, by a process that `fit_feasibility` made, which
  /// must outlive it.
  void heed(const GaussianProcess<Scaled<K>>& feasibility, double least) {
    chance_ = Chance(feasibility, {}, 0);
    most_ = -std::log(least);
  }

  Evaluation<double> operator()(const Eigen::VectorXd& x, const Call<Workspace<Scratch>>& call) const {
    Scratch& s = call.record;
    const auto at = part(s, [&](const auto& objective, auto& scratch) { return objective(x, of(scratch)); });
    if (!chance_ || !at.usable()) return at;
    const double gain = is_mean_ ? best_ - at.value : 0;
    if (is_mean_ && !(gain > 0)) return Evaluation<double>::failure(Reason::non_finite_value);
    return sum(is_mean_ ? -std::log(gain) : at.value, (*chance_)(x, of(s.chance)));
  }
  Evaluation<double> operator()(const Eigen::VectorXd& x, Eigen::VectorXd& gradient,
                                const Call<Workspace<Scratch>>& call) const {
    Scratch& s = call.record;
    const auto at = part(s, [&](const auto& objective, auto& scratch) { return objective(x, gradient, of(scratch)); });
    if (!chance_ || !at.usable()) return at;
    const double gain = is_mean_ ? best_ - at.value : 0;
    if (is_mean_ && !(gain > 0)) return Evaluation<double>::failure(Reason::non_finite_value);
    if (is_mean_) gradient /= gain;
    s.slope.resize(x.size());
    const auto chance = (*chance_)(x, s.slope, of(s.chance));
    gradient += s.slope;
    return sum(is_mean_ ? -std::log(gain) : at.value, chance);
  }

  /// The objective at each column of X; `values` is resized, and infinite where the objective has failed.
  void values(const Eigen::MatrixXd& X, Scratch& s, Eigen::VectorXd& values) const {
    if (mean_) {
      mean_->values(X, s.promise.prediction, values);
    } else {
      part(s, [&](const auto& objective, auto& scratch) {
        if constexpr (requires { objective.values(X, scratch.prediction, values); })
          objective.values(X, scratch.prediction, values);
        return Evaluation<double>();
      });
    }
    if (!chance_) return;
    if (is_mean_)
      for (double& value : values)
        value = best_ > value ? -std::log(best_ - value) : std::numeric_limits<double>::infinity();
    Eigen::VectorXd chances;
    chance_->values(X, s.chance.prediction, chances);
    for (Eigen::Index j = 0; j < values.size(); ++j)
      values[j] = chances[j] > most_ ? std::numeric_limits<double>::infinity() : values[j] + chances[j];
  }

 private:
  template <class Scratch>
  static Call<Workspace<Scratch>> of(Scratch& scratch) {
    return {no_memory<Scratch>, scratch};
  }
  [[nodiscard]] Evaluation<double> sum(double value, Evaluation<double> chance) const {
    if (!chance.usable() || chance.value > most_) return Evaluation<double>::failure(Reason::non_finite_value);
    chance.value += value;
    return chance;
  }

  template <class Visitor>
  Evaluation<double> part(Scratch& s, const Visitor& visit) const {
    if (mean_) return visit(*mean_, s.mean);
    if (promise_) return visit(*promise_, s.promise);
    if (informed_) return visit(*informed_, s.informed);
    return visit(*informed_mean_, s.informed_mean);
  }

  std::optional<MeanFunction<K>> mean_{};
  std::optional<Acquisition<Process, A>> promise_{};
  std::optional<Acquisition<Informed, A>> informed_{};
  std::optional<Acquisition<Informed, PosteriorMean>> informed_mean_{};
  std::optional<Chance> chance_{};
  double best_ = 0;
  double most_ = 0;  // the negative logarithm of the least probability of success
  bool is_mean_ = false;
};

}  // namespace mesaopt::detail
