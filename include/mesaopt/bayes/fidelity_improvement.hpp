#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/bayes/gaussian_process.hpp>
#include <mesaopt/bayes/joint_posterior.hpp>
#include <mesaopt/bayes/kernel.hpp>
#include <mesaopt/bayes/log_expected_improvement.hpp>
#include <mesaopt/core/call.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/point.hpp>

namespace mesaopt {

/// Where and how exactly to evaluate next, if the process's points are (x, s) with a fidelity s as last coordinate: the
/// negative logarithm of augmented expected improvement, an objective of (x, s). See `fidelity_improvement`.
///
/// It is the expected improvement of f(x, target), times the correlation of f(x, s) with it, times 1 - √(noise /
/// (variance + noise)) of an observation at (x, s), which keeps from asking again what is known. Huang, Allen, Notz and
/// Miller (2006), "Sequential kriging optimization using multiple-fidelity evaluations", equations 6 to 10. Their last
/// factor, the ratio of costs, is a part of its own: log_product(fidelity_improvement(...), log_cost). Evaluations
/// after the first allocate nothing.
template <kernels::Kernel K>
class FidelityImprovement {
 public:
  using S = typename K::Scalar;
  /// The scratch of one evaluation.
  struct Scratch {
    JointPosterior<S> posterior;
    Eigen::MatrixX<S> points, by_covariance, by_points;
    Eigen::VectorX<S> by_mean;
    static constexpr std::tuple<> fields() { return {}; }
  };
  template <class X>
  using Memory = Workspace<Scratch>;

  FidelityImprovement(const GaussianProcess<K>& process, S best, S target)
      : process_(&process), best_(best), target_(target) {}

  template <Point X>
  Evaluation<S> operator()(const X& x, const Call<Workspace<Scratch>>& call) const {
    return evaluate(x, call.record);
  }
  template <Point X>
  Evaluation<S> operator()(const X& x, X& gradient, const Call<Workspace<Scratch>>& call) const {
    Scratch& s = call.record;
    const Evaluation<S> found = evaluate(x, s);
    pull(*process_, s.points, s.posterior, s.by_mean, s.by_covariance, s.by_points);
    gradient = s.by_points.col(0);
    const Eigen::Index inputs = x.size() - 1;
    gradient.head(inputs) += s.by_points.col(1).head(inputs);
    return found;
  }

 private:
  template <class X>
  Evaluation<S> evaluate(const X& x, Scratch& s) const {
    if (x.size() < 1) throw std::invalid_argument("FidelityImprovement: the point has no fidelity");
    constexpr S epsilon = std::numeric_limits<S>::epsilon();
    s.points.resize(x.size(), 2);
    s.points.col(0) = x;
    s.points.col(1) = x;
    s.points(x.size() - 1, 1) = target_;
    s.by_mean.setZero(2);
    s.by_covariance.setZero(2, 2);
    predict(*process_, s.points, s.posterior);
    S prior;
    process_->kernel().values({s.points.data(), x.size(), 1}, s.points.data(), &prior);
    const auto& V = s.posterior.covariance;
    const S least = prior * epsilon / 4, own = std::max(V(0, 0), least), there = std::max(V(1, 1), least);
    S by_own = 0, by_there = 0;
    S value = LogExpectedImprovement{}(s.posterior.mean[1], there, best_, s.by_mean[1], by_there);

    // The logarithm of |correlation|, held above that of rounding.
    const S covariance = V(0, 1), squared = covariance * covariance / (own * there), kept = squared + epsilon;
    value += std::log(kept) / 2;
    by_own -= squared / (2 * kept * own);
    by_there -= squared / (2 * kept * there);
    const S by_cross = covariance / (own * there * kept);

    const S noise = process_->settings().noise + process_->settings().noise_floor;
    const S half = std::log1p(own / noise) / 2, gain = -std::expm1(-half);
    value += std::log(gain);
    by_own += std::exp(-half) / (2 * gain * (own + noise));

    s.by_mean[1] = -s.by_mean[1];
    s.by_covariance(0, 0) = V(0, 0) < least ? S(0) : -by_own;
    s.by_covariance(1, 1) = V(1, 1) < least ? S(0) : -by_there;
    s.by_covariance(0, 1) = s.by_covariance(1, 0) = -by_cross / 2;
    return std::isfinite(value) ? Evaluation<S>(-value) : Evaluation<S>::failure(Reason::non_finite_value);
  }

  const GaussianProcess<K>* process_;
  S best_, target_;
};

/// The objective of (x, s) whose minimizer is to be evaluated next; `best` is the lowest value, or posterior mean, at
/// the target fidelity so far. It refers to the process, which must outlive it.
template <kernels::Kernel K>
FidelityImprovement<K> fidelity_improvement(const GaussianProcess<K>& process, typename K::Scalar best,
                                            typename K::Scalar target = 1) {
  return {process, best, target};
}
template <kernels::Kernel K>
void fidelity_improvement(const GaussianProcess<K>&& process, typename K::Scalar best,
                          typename K::Scalar target = 1) = delete;

}  // namespace mesaopt
