#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <tuple>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/bayes/acquisition.hpp>
#include <mesaopt/bayes/gaussian_process.hpp>
#include <mesaopt/bayes/kernel.hpp>
#include <mesaopt/bayes/lower_confidence_bound.hpp>
#include <mesaopt/bayes/observations.hpp>
#include <mesaopt/bayes/posterior.hpp>
#include <mesaopt/bayes/prediction.hpp>
#include <mesaopt/bayes/surrogate.hpp>
#include <mesaopt/core/search.hpp>
#include <mesaopt/objective/bounds.hpp>
#include <mesaopt/objective/box.hpp>

namespace mesaopt {

/// Stands for an acquisition function in a TrustRegionSearch: the next point is the lowest of a function drawn from
/// the posterior at the candidates, all of which it takes jointly, in O(candidates³).
///
/// Thompson (1933), "On the likelihood that one unknown probability exceeds another in view of the evidence of two
/// samples"; so TuRBO chooses its points.
struct ThompsonSampling {
  static constexpr std::tuple<> fields() { return {}; }
};

namespace detail {

/// The kernel's length scales, if there are n of them or one; else a single 1.
template <kernels::Kernel K>
Eigen::VectorXd length_scales_of(const K& kernel, Eigen::Index n) {
  std::vector<double> found;
  K::visit(kernel, [&](kernels::Role role, const auto& value) {
    if (role == kernels::Role::length_scale) found.push_back(double(value));
  });
  if (Eigen::Index(found.size()) != n && found.size() != 1) return Eigen::VectorXd::Ones(1);
  return Eigen::Map<const Eigen::VectorXd>(found.data(), Eigen::Index(found.size()));
}

/// One proposal in the region around the best point of `state.local`, of which one at least has to be usable.
template <class T, class O>
class RegionProposal {
 public:
  using K = typename O::Kernel;
  using Vector = Eigen::VectorXd;

  RegionProposal(T& state, const O& optimizer)
      : state_(state), optimizer_(optimizer), n_(Eigen::Index(state.free.size())) {}

  Vector operator()() {
    follow();
    choose_centre();
    const Vector scales = length_scales_of(state_.plain.process.kernel(), n_);
    optimizer_.region.box(centre_, scales, state_.region, box_.lower, box_.upper);
    candidates_.resize(n_, optimizer_.candidates);
    optimizer_.region.candidates(centre_, box_.lower, box_.upper, state_.random, candidates_);
    const auto turn = state_.turn++;
    if constexpr (O::samples) {
      Eigen::MatrixXd samples;
      sample(state_.plain.process, candidates_, state_.random, 1, samples);
      Eigen::Index least = 0;
      samples.col(0).minCoeff(&least);
      return candidates_.col(least);
    } else {
      believe();
      if (optimizer_.greedy > 0 && turn % std::uint64_t(optimizer_.greedy) == 0)
        return lowest(acquisition(*process_, PosteriorMean{}, best_));
      return lowest(acquisition(*process_, optimizer_.acquire, best_));
    }
  }

 private:
  T& state_;
  const O& optimizer_;
  Eigen::Index n_;
  const GaussianProcess<K>* process_ = nullptr;
  GaussianProcess<K> believed_{};
  double best_ = std::numeric_limits<double>::infinity();
  Vector centre_{};
  Box<Vector> box_{};
  Eigen::MatrixXd candidates_{};

  void follow() {
    GaussianProcessSettings<double> settings;
    settings.noise_floor = state_.noisy ? 1e-6 : 1e-10;
    settings.noise = state_.noisy ? 1e-2 : 1e-6;
    const GaussianProcess<K> blank(optimizer_.model(n_), settings);
    const Eigen::Index most = optimizer_.nearest > 0 ? optimizer_.nearest : std::max<Eigen::Index>(150, 4 * n_);
    if (state_.local.size() <= most)
      state_.plain.follow(state_.local, {}, blank, optimizer_.priors, as_search(optimizer_.fit));
    else
      follow_nearest(blank, most);
    process_ = &state_.plain.process;
  }

  /// The same with the observations nearest to the lowest one alone, with new hyperparameters after every eighth.
  void follow_nearest(const GaussianProcess<K>& blank, Eigen::Index most) {
    const Observations& all = state_.local;
    Eigen::Index best = -1;
    for (Eigen::Index i = 0; i < all.size(); ++i)
      if (all.usable(i) && (best < 0 || all.value(i) < all.value(best))) best = i;
    const Vector from_best = (all.points().colwise() - Vector(all.point(best))).colwise().squaredNorm();
    std::vector<Eigen::Index> order(std::size_t(all.size()));
    std::iota(order.begin(), order.end(), Eigen::Index(0));
    // The index decides between equals, and the lowest observation is always among the nearest.
    std::sort(order.begin(), order.end(), [&](Eigen::Index i, Eigen::Index j) {
      if (i == best || j == best) return i == best && j != best;
      return std::pair{from_best[i], i} < std::pair{from_best[j], j};
    });
    order.resize(std::size_t(most));
    std::sort(order.begin(), order.end());
    Observations nearest(n_);
    for (const Eigen::Index i : order) nearest.add(all.point(i), all.value(i), all.noise(i));

    auto& surrogate = state_.plain;
    if (all.size() >= surrogate.next_fit || surrogate.parameters.size() == 0) {
      surrogate.clear();
      surrogate.follow(nearest, {}, blank, optimizer_.priors, as_search(optimizer_.fit));
      surrogate.next_fit = all.size() + 8;
      return;
    }
    std::vector<double> values;
    for (Eigen::Index i = 0; i < nearest.size(); ++i)
      if (nearest.usable(i)) values.push_back(nearest.value(i));
    surrogate.scale.set(values, surrogate.work);
    Vector scaled(nearest.size()), noise(nearest.size());
    for (Eigen::Index i = 0; i < nearest.size(); ++i) {
      scaled[i] = surrogate.value(nearest, {}, i);
      noise[i] = nearest.noise(i);
    }
    surrogate.process = blank;
    surrogate.process.fit(nearest.points(), scaled, noise);
    surrogate.process.set_parameters(surrogate.parameters);
    surrogate.taken = nearest.size();
  }

  /// The best point, where values are noisy by what the process makes of them.
  void choose_centre() {
    Prediction<double> prediction;
    if (state_.noisy) process_->predict(Eigen::MatrixXd(state_.local.points()), prediction);
    for (Eigen::Index i = 0; i < state_.local.size(); ++i) {
      if (!state_.local.usable(i)) continue;
      const double value = state_.noisy ? prediction.mean[i] : state_.plain.value(state_.local, {}, i);
      if (i > 0 && !(value < best_) && centre_.size() > 0) continue;
      best_ = value;
      centre_ = state_.local.point(i);
    }
  }

  /// Takes points that wait for observations of the posterior mean.
  void believe() {
    if (state_.open == 0) return;
    believed_ = *process_;
    Eigen::MatrixXd point(n_, 1);
    Prediction<double> prediction;
    for (std::size_t k = 0; k < state_.ids.size(); ++k) {
      if (state_.told[k]) continue;
      point = state_.waiting.col(Eigen::Index(k));
      believed_.predict(point, prediction);
      believed_.append(point.col(0), prediction.mean[0]);
      best_ = std::min(best_, prediction.mean[0]);
    }
    process_ = &believed_;
  }

  /// Where an objective is least in the region, by searches from its best candidates.
  template <class F>
  [[nodiscard]] Vector lowest(const F& objective) const {
    Prediction<double> prediction;
    Vector values;
    objective.values(candidates_, prediction, values);
    const auto in_region = within(objective, box_);
    const auto searcher = as_search(optimizer_.maximize);
    double least = std::numeric_limits<double>::infinity();
    Vector found = candidates_.col(0);
    const auto take = [&](const Vector& x, double value) {
      if (!(value < least)) return;
      least = value;
      found = x;
    };
    for (Eigen::Index k = 0; k < std::min(optimizer_.starts, values.size()); ++k) {
      Eigen::Index first = 0;
      const double value = values.minCoeff(&first);
      if (!std::isfinite(value)) break;
      values[first] = std::numeric_limits<double>::infinity();
      const Vector from = candidates_.col(first);
      take(from, value);
      const auto solution = searcher(in_region, from);
      if (solution.evaluation.usable()) take(solution.x, solution.value);
    }
    return found;
  }
};

}  // namespace detail

}  // namespace mesaopt
