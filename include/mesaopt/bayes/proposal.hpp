#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <tuple>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/bayes/earlier_task.hpp>
#include <mesaopt/bayes/filled_wells.hpp>
#include <mesaopt/bayes/gaussian_process.hpp>
#include <mesaopt/bayes/likelihood.hpp>
#include <mesaopt/bayes/observations.hpp>
#include <mesaopt/bayes/prediction.hpp>
#include <mesaopt/bayes/prospect.hpp>
#include <mesaopt/bayes/surrogate.hpp>
#include <mesaopt/core/search.hpp>
#include <mesaopt/core/stopping.hpp>
#include <mesaopt/objective/bounds.hpp>
#include <mesaopt/objective/box.hpp>

namespace mesaopt {

/// How a Bayesian search finds the next point by its surrogate.
struct ProposalSettings {
  Eigen::Index candidates = 256;  ///< points of a Sobol sequence that are looked at, 1 or more
  Eigen::Index neighbours = 64;   ///< points around the best one that are looked at as well, 0 or more
  Eigen::Index starts = 3;        ///< of the searches for the most promising point, from the most promising of these
  Eigen::Index window = 6;        ///< turns after which the first minimum counts as found; later ones have 2n more
  double rest = 1e-3;  ///< by how much it must improve in these, or be expected to, in deviations of all values
  double widest = 4;   ///< standard deviations of the widest well, in widths of the box

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (candidates < 1) detail::refuse("ProposalSettings::candidates", double(candidates), "it must be 1 or more");
    if (neighbours < 0) detail::refuse("ProposalSettings::neighbours", double(neighbours), "it must be 0 or more");
    if (starts < 1) detail::refuse("ProposalSettings::starts", double(starts), "it must be 1 or more");
    if (window < 1) detail::refuse("ProposalSettings::window", double(window), "it must be 1 or more");
    if (!(rest >= 0)) detail::refuse("ProposalSettings::rest", rest, "it must be 0 or more");
    if (!(widest > 0)) detail::refuse("ProposalSettings::widest", widest, "it must be positive");
  }
};

namespace detail {

/// One proposal: the surrogate of the turn, with the points that wait believed, and what is sought with it.
/// `movable` says of each free variable whether functions of earlier tasks may be shifted along it.
template <class T, class O>
class Proposal {
 public:
  using K = typename O::Kernel;
  using Vector = Eigen::VectorXd;
  using Informed = typename O::Informed;
  using Objective = Prospect<K, decltype(O::acquire), Informed>;

  Proposal(T& state, const O& optimizer)
      : state_(state), optimizer_(optimizer), n_(Eigen::Index(state.free.size())), all_(sift(state)) {}

  template <class Land>
  Vector operator()(const Land& land) {
    const auto turn = state_.turn++;
    if (!state_.wells.empty() && turn % 3 == 0) {
      look(state_.plain, {});
      if (minimize_mean(*process_, land)) return found_;
    }
    Surrogate<K>& surrogate = state_.wells.empty() ? state_.plain : state_.filled;
    look(surrogate, state_.wells);
    bool lowest = false, settled = false;
    if (state_.lowest.size() % 2 == 0) {
      lowest = minimize_mean(*process_, land);
      settled = gain() < optimizer_.proposal.rest;
    }
    if (!lowest) search(Objective(*process_, optimizer_.acquire, best_));
    if (!state_.noisy) rest(surrogate, lowest ? found_ : at_best_, settled);
    return found_;
  }

  /// One by what earlier tasks tell; false where they do not help. Once the lowest value has come to rest, they have
  /// told all that they can.
  template <class Land>
  bool informed(const std::vector<bool>& movable, const Land& land) {
    look(state_.plain, {});
    const auto fit = as_search(optimizer_.fit);
    if (state_.tasks[0].model.taken == 0) {
      for (EarlierTask<K>& task : state_.tasks) task.model.follow(task.observations, {}, blank(), priors(), fit);
      optimizer_.transfer.gather(state_.tasks, blank(), movable, priors(), fit, state_.random);
    }
    auto process =
        optimizer_.transfer.follow(state_.tasks, all_, state_.plain, blank(), movable, priors(), fit, state_.random);
    if (!process) return false;
    if (state_.noisy) choose_best(*process);
    for (std::size_t k = 0; k < state_.ids.size(); ++k)
      if (!state_.told[k]) optimizer_.transfer.believe(*process, state_.waiting.col(Eigen::Index(k)));
    const auto turn = state_.turn++;
    double least = std::numeric_limits<double>::infinity();
    for (Eigen::Index i = 0; i < all_.size(); ++i) least = std::min(least, all_.value(i));
    state_.lowest.push_back(least);
    const auto& lowest = state_.lowest;
    const auto window = std::size_t(optimizer_.proposal.window);
    if (lowest.size() > window &&
        lowest[lowest.size() - 1 - window] - least < optimizer_.proposal.rest * state_.plain.scale.step()) {
      state_.heeds_tasks = false;
      state_.lowest.clear();
      return false;
    }
    if (turn % 2 == 1 || !minimize_mean(*process, land)) search(Objective(*process, optimizer_.acquire, best_));
    return true;
  }
  /// Where `informed` is for.
  [[nodiscard]] const Vector& found() const { return found_; }

  /// Makes the told point with the lowest posterior mean the answer.
  void choose_answer() {
    Surrogate<K>& surrogate = state_.plain;
    surrogate.follow(all_, {}, blank(), priors(), as_search(optimizer_.fit));
    Prediction<double> prediction;
    surrogate.process.predict(Eigen::MatrixXd(state_.observations.points()), prediction);
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t k = 0; k < state_.answered.size(); ++k) {
      const double mean = prediction.mean[state_.inherited + Eigen::Index(k)];
      if (!state_.answered[k].evaluation.usable() || !(mean < least)) continue;
      least = mean;
      state_.x = state_.answered[k].x;
      state_.evaluation = state_.answered[k].evaluation;
      state_.value = state_.evaluation.value;
      state_.expected = decltype(state_.expected)(surrogate.scale.value(mean));
    }
  }

 private:
  T& state_;
  const O& optimizer_;
  Eigen::Index n_;
  const GaussianProcess<K>* process_ = nullptr;
  GaussianProcess<K> believed_{};
  double best_ = 0;
  Vector at_best_{}, found_{};
  double found_value_ = 0;
  Eigen::MatrixXd candidates_{};
  const Observations& all_;  // that did not fail

  /// The observations that did not fail, and where evaluations do if one has.
  const Observations& sift(T& state) const {
    auto& all = state.observations;
    if (all.usable() == all.size()) return all;
    if (state.sifted == 0) state.sound = Observations(n_);
    for (; state.sifted < all.size(); ++state.sifted)
      if (const auto i = state.sifted; all.usable(i)) state.sound.add(all.point(i), all.value(i), all.noise(i));
    state.feasibility.follow(all, optimizer_.model(n_));
    return state.sound;
  }
  [[nodiscard]] GaussianProcess<K> blank() const {
    GaussianProcessSettings<double> settings;
    settings.noise_floor = state_.noisy ? 1e-6 : 1e-10;
    settings.noise = state_.noisy ? 1e-2 : 1e-6;
    return GaussianProcess<K>(optimizer_.model(n_), settings);
  }
  [[nodiscard]] const DimensionScaledPriors& priors() const {
    return state_.noisy ? optimizer_.noisy_priors : optimizer_.priors;
  }

  /// Brings a surrogate up to date, and the candidates with it.
  void look(Surrogate<K>& surrogate, const std::vector<Well>& wells) {
    surrogate.follow(all_, wells, blank(), priors(), as_search(optimizer_.fit));
    process_ = &surrogate.process;
    if (state_.open > 0) {
      believed_ = surrogate.process;
      Eigen::MatrixXd point(n_, 1);
      Prediction<double> prediction;
      for (std::size_t k = 0; k < state_.ids.size(); ++k) {
        if (state_.told[k]) continue;
        point = state_.waiting.col(Eigen::Index(k));
        believed_.predict(point, prediction);
        believed_.append(point.col(0), prediction.mean[0]);
      }
      process_ = &believed_;
    }
    best_ = std::numeric_limits<double>::infinity();
    if (state_.noisy) {
      choose_best(surrogate.process);
    } else {
      for (Eigen::Index i = 0; i < all_.size(); ++i) take_best(i, surrogate.value(all_, wells, i));
    }
    draw_candidates();
  }
  /// The best observation by a posterior mean.
  template <class P>
  void choose_best(const P& process) {
    typename P::Predicted prediction;
    process.predict(Eigen::MatrixXd(all_.points()), prediction);
    best_ = std::numeric_limits<double>::infinity();
    for (Eigen::Index i = 0; i < all_.size(); ++i) take_best(i, prediction.mean[i]);
  }
  void take_best(Eigen::Index i, double value) {
    if (!(value < best_)) return;
    best_ = value;
    at_best_ = all_.point(i);
  }

  void draw_candidates() {
    const auto& settings = optimizer_.proposal;
    candidates_.resize(n_, 1 + settings.neighbours + settings.candidates);
    candidates_.col(0) = at_best_;
    for (Eigen::Index j = 1; j <= settings.neighbours; ++j) {
      const double size = std::pow(10.0, -1 - double(j % 3));
      for (Eigen::Index i = 0; i < n_; ++i)
        candidates_(i, j) = std::clamp(at_best_[i] + size * state_.random.normal(), 0.0, 1.0);
    }
    auto far = candidates_.rightCols(settings.candidates);
    if (n_ == state_.candidates.dimension) {
      state_.candidates.fill(far);
    } else {
      for (Eigen::Index j = 0; j < far.cols(); ++j)
        for (Eigen::Index i = 0; i < n_; ++i) far(i, j) = state_.random.uniform();
    }
  }

  /// Looks for the least posterior mean, and answers whether to evaluate there: it has to be lower than the best, and
  /// not one of the known points.
  template <class P, class Land>
  bool minimize_mean(const P& process, const Land& land) {
    search(Objective(process, best_));
    return gain() > 1e-8 && state_.observations.distance(land(found_)) > 1e-6;
  }
  /// By how much the minimum of the mean that was found is below the best.
  [[nodiscard]] double gain() const { return state_.sifted > 0 ? std::exp(-found_value_) : best_ - found_value_; }

  /// Sets `found_` to where an objective is least, by searches from its best candidates; heeds failures: mostly
  /// where success is probable, and now and then where it is but more probable than not.
  void search(Objective objective) {
    if (state_.sifted > 0) objective.heed(state_.feasibility.process, state_.turn % 4 == 0 ? 0.5 : 0.75);
    typename Objective::Scratch scratch;
    Vector values;
    objective.values(candidates_, scratch, values);
    const auto starts = std::min<Eigen::Index>(optimizer_.proposal.starts, values.size());
    const auto in_cube = within(objective, Box<Vector>{Vector::Zero(n_), Vector::Ones(n_)});
    const auto searcher = as_search(optimizer_.maximize);
    found_value_ = std::numeric_limits<double>::infinity();
    found_ = at_best_;
    for (Eigen::Index k = 0; k < starts; ++k) {
      Eigen::Index first = 0;
      const double least = values.minCoeff(&first);
      if (!std::isfinite(least)) break;
      values[first] = std::numeric_limits<double>::infinity();
      take(candidates_.col(first), least);
      const Vector from = candidates_.col(first);
      const auto solution = searcher(in_cube, from);
      if (solution.evaluation.usable()) take(solution.x, solution.value);
    }
  }
  template <class D>
  void take(const Eigen::MatrixBase<D>& x, double value) {
    if (!(value < found_value_)) return;
    found_value_ = value;
    found_ = x;
  }

  /// Fills the well of a minimum once the lowest value is at rest, and the surrogate expects no less. In a curved
  /// valley it does, although what it expects is not found for a while.
  void rest(const Surrogate<K>& surrogate, const Vector& minimum, bool settled) {
    const double unit = surrogate.scale.step();
    const auto& all = all_;
    auto& lowest = state_.lowest;
    double least = std::numeric_limits<double>::infinity();
    for (Eigen::Index i = 0; i < all.size(); ++i)
      if (all.usable(i)) least = std::min(least, surrogate.raw(all, state_.wells, i));
    lowest.push_back(least);
    // In what is left, with the shape of the brim uncertain, it takes longer to find the way down.
    const auto window = std::size_t(optimizer_.proposal.window + (state_.wells.empty() ? 0 : 2 * n_));
    if (!settled || lowest.size() < window + 2) return;
    if (lowest[lowest.size() - 1 - window] - least >= optimizer_.proposal.rest * unit) return;
    lowest.clear();
    // What the search began with shows where the brim is; later points are in wells.
    std::vector<double> first;
    for (Eigen::Index i = 0; i < std::min(all.size(), 2 * (n_ + 1)); ++i)
      if (all.usable(i)) first.push_back(all.value(i));
    if (first.empty()) return;
    const auto half = first.begin() + std::ptrdiff_t(first.size() / 2);
    std::nth_element(first.begin(), half, first.end());
    const double depth = *half - least;
    if (!(depth > 0) || !std::isfinite(depth) || !(depth > 1e-3 * unit)) return;
    Well well = well_of(surrogate.process, minimum, depth, unit, optimizer_.proposal.widest);
    if (!well.curvature.allFinite()) return;
    state_.wells.push_back(std::move(well));
    state_.filled = {};
  }
};

template <class T, class O, class Land>
Eigen::VectorXd propose(T& state, const O& optimizer, const Land& land) {
  return Proposal<T, O>(state, optimizer)(land);
}

}  // namespace detail

}  // namespace mesaopt
