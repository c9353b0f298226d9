#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/bayes/aligned_process.hpp>
#include <mesaopt/bayes/alignment_likelihood.hpp>
#include <mesaopt/bayes/earlier_task.hpp>
#include <mesaopt/bayes/gaussian_process.hpp>
#include <mesaopt/bayes/kernel.hpp>
#include <mesaopt/bayes/likelihood.hpp>
#include <mesaopt/bayes/observations.hpp>
#include <mesaopt/bayes/surrogate.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/objective/bounds.hpp>
#include <mesaopt/objective/box.hpp>

namespace mesaopt {

/// Transfer from earlier tasks whose functions resemble the current one but for a shift, a stretch and a lift, and for
/// a difference that is another Gaussian process. All of these are fitted to the current task's observations, by
/// greatest posterior density, for each earlier task; the one that explains them best is heeded. Where none explains
/// them better than the current task's own process by itself, none is.
///
/// How well observations are explained is the log marginal likelihood, less the price of the shift and the stretch:
/// their prior density, and half the logarithm of the number of observations for each of them (Schwarz (1978),
/// "Estimating the dimension of a model").
struct AlignedTasks {
  AlignmentPrior prior{};
  Eigen::Index least = 0;   ///< observations of the current task before any earlier one is heeded; 0: n + 2
  Eigen::Index looks = 24;  ///< shifts that are looked at
  Eigen::Index starts = 2;  ///< of the searches for the best alignment, from the best of these

  template <kernels::Kernel K>
  using Process = AlignedProcess<K>;

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    prior.check();
    if (least < 0) detail::refuse("AlignedTasks::least", double(least), "it must be 0 or more");
    if (looks < 1) detail::refuse("AlignedTasks::looks", double(looks), "it must be 1 or more");
    if (starts < 1) detail::refuse("AlignedTasks::starts", double(starts), "it must be 1 or more");
  }

  /// How many observations it needs in n dimensions.
  [[nodiscard]] Eigen::Index needs(Eigen::Index n) const { return least > 0 ? least : n + 2; }

  /// Joins tasks that resemble each other into one, whose observations are those of all, aligned. The models of all
  /// have been fitted.
  template <kernels::Kernel K, class Search>
  void gather(std::vector<EarlierTask<K>>& tasks, const GaussianProcess<K>& blank, const std::vector<bool>& movable,
              const DimensionScaledPriors& priors, const Search& search, Random& random) const {
    std::vector<EarlierTask<K>> pools;
    std::vector<Observations> pooled;
    for (EarlierTask<K>& task : tasks) {
      const double alone = task.model.process.log_marginal_likelihood();
      Eigen::MatrixXd shifts = draw(task.observations.dimension(), movable, random);
      std::size_t best = pools.size();
      double most = 0;
      for (std::size_t k = 0; k < pools.size(); ++k) {
        pools[k].alignment = {};
        const double gain =
            align(pools[k], task.observations, task.model, blank, movable, shifts, priors, search) - alone;
        if (gain > most && std::exp(pools[k].parameters[task.observations.dimension() + 2]) < most_residual &&
            pooled[k].size() + task.observations.size() <= most_pooled) {
          best = k;
          most = gain;
        }
      }
      if (best == pools.size()) {
        pooled.push_back(task.observations);
        pools.push_back(std::move(task));
      } else {
        join(task, pools[best], pooled[best]);
      }
    }
    for (std::size_t k = 0; k < pools.size(); ++k) {
      pools[k].alignment = {};
      if (pooled[k].size() == pools[k].observations.size()) continue;
      const Eigen::VectorXd parameters = pools[k].model.parameters;
      pools[k].learn(pooled[k]);
      pools[k].model.parameters = parameters;
      pools[k].model.follow(pools[k].observations, {}, blank, priors, search);
    }
    tasks = std::move(pools);
  }

  /// The process of the current task by what the earlier ones tell, or none where they do not help. `current` holds
  /// the usable observations `all`; `movable` says of each coordinate whether functions may be shifted along it.
  template <kernels::Kernel K, class Search>
  std::optional<AlignedProcess<K>> follow(std::vector<EarlierTask<K>>& tasks, const Observations& all,
                                          const Surrogate<K>& current, const GaussianProcess<K>& blank,
                                          const std::vector<bool>& movable, const DimensionScaledPriors& priors,
                                          const Search& search, Random& random) const {
    Eigen::MatrixXd shifts = draw(all.dimension(), movable, random);
    const double alone = current.process.log_marginal_likelihood();
    EarlierTask<K>* best = nullptr;
    for (EarlierTask<K>& task : tasks) {
      task.weight = align(task, all, current, blank, movable, shifts, priors, search) - alone;
      if (task.weight > 0 && (!best || task.weight > best->weight)) best = &task;
    }
    if (!best) return {};
    return AlignedProcess<K>(*best, current.scale);
  }

  template <kernels::Kernel K>
  static void believe(AlignedProcess<K>& process, const Eigen::VectorXd& x) {
    process.believe(x);
  }

 private:
  static constexpr double most_residual = 0.1;      ///< variance of what is left of a task that is joined to others
  static constexpr Eigen::Index most_pooled = 200;  ///< observations of tasks that are joined

  /// Shifts to look at, of which the first two are none.
  [[nodiscard]] Eigen::MatrixXd draw(Eigen::Index n, const std::vector<bool>& movable, Random& random) const {
    Eigen::MatrixXd shifts(n, looks);
    for (Eigen::Index j = 0; j < looks; ++j)
      for (Eigen::Index i = 0; i < n; ++i) {
        const double drawn = prior.shift_deviation * random.normal();
        shifts(i, j) = j > 1 && movable[std::size_t(i)] ? drawn : 0;
      }
    return shifts;
  }

  /// Adds the observations of a task to those of a pool that has been aligned with it.
  template <kernels::Kernel K>
  static void join(const EarlierTask<K>& task, const EarlierTask<K>& pool, Observations& pooled) {
    const ValueScale &from = task.model.scale, &to = pool.model.scale;
    Prediction<double> prediction;
    pool.model.process.predict(task.observations.points().colwise() + pool.alignment.shift, prediction);
    for (Eigen::Index i = 0; i < task.observations.size(); ++i) {
      const double units = from.units(from(task.observations.value(i))).value;
      const double there = (units - pool.alignment.lift) / std::exp(pool.alignment.log_stretch);
      const double slope = AlignedValue(to, from, pool.alignment, prediction.mean[i]).slope;
      const double variance = std::exp(pool.parameters[task.observations.dimension() + 2]);
      const Eigen::VectorXd u = task.observations.point(i) + pool.alignment.shift;
      pooled.add(u, to.middle + to.unit * there, std::min(variance / (slope * slope), 1e3));
    }
  }

  /// Aligns a task, and answers how well it explains the current one.
  template <kernels::Kernel K, class Search>
  double align(EarlierTask<K>& task, const Observations& all, const Surrogate<K>& current,
               const GaussianProcess<K>& blank, const std::vector<bool>& movable, Eigen::MatrixXd& shifts,
               const DimensionScaledPriors& priors, const Search& search) const {
    const Eigen::Index n = all.dimension(), count = all.size();
    Eigen::VectorXd z(count), noise(count);
    for (Eigen::Index i = 0; i < count; ++i) {
      z[i] = current.value(all, {}, i);
      noise[i] = all.noise(i);
    }
    GaussianProcessSettings<double> settings = blank.settings();
    settings.learn_mean = false;  // the lift stands for it
    GaussianProcess<Scaled<K>> residual(Scaled<K>{{std::exp(prior.residual_location)}, blank.kernel()}, settings);
    residual.fit(all.points(), z, noise);
    AlignmentLikelihood<K> likelihood(task.model, current.scale, residual, priors, prior);
    if (task.alignment.shift.size() == n) shifts.col(0) = task.alignment.shift;

    const Box<Eigen::VectorXd> box = bounds(residual, movable);
    typename AlignmentLikelihood<K>::Scratch scratch;
    std::vector<std::pair<double, Eigen::VectorXd>> found;
    for (Eigen::Index j = 0; j < shifts.cols(); ++j) {
      Eigen::VectorXd p(box.lower.size());
      const Alignment alignment = regression(task, current.scale, shifts.col(j), likelihood, z, all, scratch);
      p.head(n) = alignment.shift;
      p[n] = alignment.log_stretch;
      p[n + 1] = alignment.lift;
      p.tail(p.size() - n - 2) = residual.parameters();
      likelihood.residuals(alignment, scratch, false);
      const double distance = scratch.values.squaredNorm() / 2 - likelihood.log_prior(alignment);
      if (std::isfinite(distance)) found.emplace_back(distance, p.cwiseMax(box.lower).cwiseMin(box.upper));
    }
    const auto nearer = [](const auto& a, const auto& b) { return a.first < b.first; };
    std::stable_sort(found.begin(), found.end(), nearer);
    if (Eigen::Index(found.size()) > starts) found.resize(std::size_t(starts));
    double least_value = std::numeric_limits<double>::infinity();
    Eigen::VectorXd at;
    const auto attempt = [&](const Eigen::VectorXd& from) {
      const auto solution = search(within(likelihood, box), from);
      if (!solution.evaluation.usable() || !(solution.value < least_value)) return;
      least_value = solution.value;
      at = solution.x;
    };
    const Eigen::MatrixXd points = all.points();
    // How large a residual is expected depends on the alignment, which is kept still while that is sought.
    const auto expect = [&](const Eigen::VectorXd& parameters) {
      residual.set_parameters(parameters.tail(parameters.size() - n - 2));
      const Alignment alignment = AlignmentLikelihood<K>::alignment_of(parameters, n);
      likelihood.amplify(amplification(task, current.scale, alignment, residual, points));
    };
    if (found.empty()) return -std::numeric_limits<double>::infinity();
    expect(found[0].second);
    for (const auto& [distance, from] : found) attempt(from);
    if (at.size() == 0) return -std::numeric_limits<double>::infinity();
    expect(at);
    least_value = std::numeric_limits<double>::infinity();
    attempt(Eigen::VectorXd(at));
    expect(at);
    task.alignment = AlignmentLikelihood<K>::alignment_of(at, n);
    task.parameters = at;
    likelihood.residuals(task.alignment, scratch, false);
    residual.set_values(scratch.values);
    task.residual = residual;
    double price = 1;
    for (Eigen::Index i = 0; i < n; ++i) price += box.lower[i] < box.upper[i] ? 1 : 0;
    return residual.log_marginal_likelihood() - likelihood.log_amplification() + likelihood.log_prior(task.alignment) -
           price / 2 * std::log(double(count));
  }

  /// The stretch and the lift that fit best with a shift, by linear regression, where tails count less.
  template <kernels::Kernel K, class D>
  Alignment regression(const EarlierTask<K>& task, const ValueScale& scale, const Eigen::MatrixBase<D>& shift,
                       const AlignmentLikelihood<K>& likelihood, const Eigen::VectorXd& z, const Observations& all,
                       typename AlignmentLikelihood<K>::Scratch& scratch) const {
    Alignment alignment{shift, 0, 0};
    double sum = 0, by_e = 0, by_t = 0, by_ee = 0, by_et = 0;
    for (Eigen::Index i = 0; i < all.size(); ++i) {
      const double e = task.model.scale.units(likelihood.earlier(all.point(i) + shift, scratch)).value;
      const double t = scale.units(z[i]).value, weight = std::pow(scale.of_units(t).slope, 2);
      sum += weight;
      by_e += weight * e;
      by_t += weight * t;
      by_ee += weight * e * e;
      by_et += weight * e * t;
    }
    const double spread = by_ee - by_e * by_e / sum;
    const double stretch = spread > 0 ? (by_et - by_e * by_t / sum) / spread : 0;
    alignment.log_stretch = std::log(std::clamp(stretch, 1e-2, 1e2));
    alignment.lift = (by_t - std::exp(alignment.log_stretch) * by_e) / sum;
    return alignment;
  }

  template <kernels::Kernel K>
  [[nodiscard]] Box<Eigen::VectorXd> bounds(const GaussianProcess<Scaled<K>>& residual,
                                            const std::vector<bool>& movable) const {
    std::vector<double> lower, upper;
    const auto add = [&](double from, double to) {
      lower.push_back(from);
      upper.push_back(to);
    };
    for (const bool moves : movable) add(moves ? -3 * prior.shift_deviation : 0, moves ? 3 * prior.shift_deviation : 0);
    add(-6, 6);
    add(-30, 30);
    add(std::log(1e-10), std::log(20.0));
    bool own = true;
    kernels::Product<kernels::Constant, K>::visit(residual.kernel(), [&](kernels::Role role, const double& value) {
      if (std::exchange(own, false)) return;
      switch (role) {
        case kernels::Role::length_scale: return add(std::log(0.025), std::log(100.0));
        case kernels::Role::variance: return add(std::log(value), std::log(value));
        default: return add(std::log(0.05), std::log(20.0));
      }
    });
    add(std::log(1e-12), 0);
    return {Eigen::Map<Eigen::VectorXd>(lower.data(), Eigen::Index(lower.size())),
            Eigen::Map<Eigen::VectorXd>(upper.data(), Eigen::Index(upper.size()))};
  }
};

}  // namespace mesaopt
