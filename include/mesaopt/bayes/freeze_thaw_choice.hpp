#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/bayes/acquisition.hpp>
#include <mesaopt/bayes/fill_places.hpp>
#include <mesaopt/bayes/gaussian_process.hpp>
#include <mesaopt/bayes/joint_posterior.hpp>
#include <mesaopt/bayes/log_expected_improvement.hpp>
#include <mesaopt/bayes/mean_function.hpp>
#include <mesaopt/core/search.hpp>
#include <mesaopt/objective/bounds.hpp>
#include <mesaopt/objective/box.hpp>

namespace mesaopt::detail {

/// What a freeze-thaw search does next: takes a run on, or begins one. T is its state, O its settings.
template <class T, class O>
class FreezeThawChoice {
 public:
  using Vector = Eigen::VectorXd;

  FreezeThawChoice(T& state, const O& optimizer, std::uint64_t left)
      : state_(state), optimizer_(optimizer), left_(double(left)), n_(Eigen::Index(state.free.size())) {}

  /// The run to be taken on; as many as there are runs for a new one, with settings `settings()`; more for nothing.
  std::size_t operator()() {
    if (const auto known = without_model()) return *known;
    GaussianProcessSettings<double> settings;
    settings.noise_floor = 1e-8;
    settings.noise = 1e-4;
    using Process = GaussianProcess<typename O::Kernel>;
    state_.surrogate.follow(state_.observations, {}, Process(optimizer_.model(n_), settings), optimizer_.priors,
                            as_search(optimizer_.fit));
    judge();
    const std::size_t likely = lowest_mean(), none = state_.runs.size() + 1;
    if (state_.completed() == 0) return likely < none ? likely : from_design();

    ending_ = left_ <= optimizer_.ending * double(optimizer_.whole_budget());
    propose();
    return best_of(true, best_of(false, none));
  }

  /// The same where nothing has to be predicted for it.
  std::optional<std::size_t> without_model() {
    const auto& runs = state_.runs;
    // One that an exception cut off before its first value comes first.
    for (std::size_t i = 0; i < runs.size(); ++i)
      if (runs[i].paused() && runs[i].portions == 0) return i;
    if (n_ == 0) {
      for (std::size_t i = 0; i < runs.size(); ++i)
        if (runs[i].paused()) return i;
      return runs.size() + 1;
    }
    if (runs.size() < optimizer_.designed(n_) || state_.observations.usable() == 0) return from_design();
    return {};
  }

  /// Of a new run, in the unit cube.
  const Vector& settings() const { return new_; }

 private:
  T& state_;
  const O& optimizer_;
  double left_;  // iterations
  bool ending_ = false;
  Eigen::Index n_;
  Vector new_{};
  double new_most_ = -std::numeric_limits<double>::infinity();
  std::vector<Vector> proposals_{};
  Eigen::MatrixXd pair_{};
  JointPosterior<double> joint_{};
  Prediction<double> at_full_{};  // of every run, in order
  double best_ = std::numeric_limits<double>::infinity();
  double usual_length_ = 0;

  auto& process() { return state_.surrogate.process; }

  std::size_t from_design() {
    new_ = design_point(state_);
    return state_.runs.size();
  }

  [[nodiscard]] Vector with_time(const Vector& u) const {
    Vector point(n_ + 1);
    point << u, optimizer_.full_time();
    return point;
  }

  /// Predicts every run's value at full length.
  void judge() {
    const auto& runs = state_.runs;
    Eigen::MatrixXd points(n_ + 1, Eigen::Index(runs.size()));
    double iterations = 0, complete = 0;
    for (std::size_t i = 0; i < runs.size(); ++i) {
      points.col(Eigen::Index(i)) = with_time(runs[i].u);
      if (!runs[i].complete) continue;
      best_ = std::min(best_, state_.surrogate.scale(double(runs[i].evaluation.value)));
      iterations += double(runs[i].iterations);
      ++complete;
    }
    process().predict(points, at_full_);
    usual_length_ = complete > 0 ? std::max(1.0, iterations / complete) : double(optimizer_.length);
  }

  /// The paused run with the lowest prediction.
  [[nodiscard]] std::size_t lowest_mean() const {
    std::size_t lowest = state_.runs.size() + 1;
    for (std::size_t i = 0; i < state_.runs.size(); ++i)
      if (state_.runs[i].paused() && (lowest > state_.runs.size() || mean(i) < mean(lowest))) lowest = i;
    return lowest;
  }
  [[nodiscard]] double mean(std::size_t i) const { return at_full_.mean[Eigen::Index(i)]; }

  /// What the next portion of a run is worth, as a logarithm, for an iteration. `others` is the lowest of the best
  /// complete value and all other predictions.
  ///
  /// While there is much left, it is by how much the lowest prediction is expected to fall: what is predicted at full
  /// length moves with the portion's value by so much as both are correlated. In the end it is the improvement on the
  /// best complete run, if the run is frozen where the portion says that it will be none.
  [[nodiscard]] double worth(const Vector& u, std::uint64_t iterations, bool affordable, double others) {
    const double portion = double(optimizer_.next_portion(iterations));
    const double all = std::max(usual_length_ - double(iterations), portion);
    if (affordable && all > left_) return -std::numeric_limits<double>::infinity();
    pair_.resize(n_ + 1, 2);
    pair_.col(0) = with_time(u);
    pair_.col(1) = pair_.col(0);
    pair_(n_, 0) = std::min((double(iterations) + portion) / double(optimizer_.first_portion()), pair_(n_, 1));
    predict(process(), pair_, joint_);
    const auto& V = joint_.covariance;
    const double noise = process().settings().noise + process().settings().noise_floor;
    const double moves = std::max(V(0, 1) * V(0, 1) / std::max(V(0, 0) + noise, 1e-300), 1e-14);
    const double mean = joint_.mean[1];
    double by_mean = 0, by_variance = 0;
    if (!ending_)
      return LogExpectedImprovement{}(others + std::abs(mean - others), moves, others, by_mean, by_variance) -
             std::log(portion);
    const double best = iterations == 0 ? others : best_;
    const double goes_on = std::erfc((mean - best) / std::sqrt(2 * moves)) / 2;
    return LogExpectedImprovement{}(mean, moves, best, by_mean, by_variance) -
           std::log(portion + goes_on * (all - portion));
  }

  /// What promises most of what can still be ended, or of all; `otherwise` if there is nothing.
  std::size_t best_of(bool affordable, std::size_t otherwise) {
    double most = -std::numeric_limits<double>::infinity();
    std::size_t choice = otherwise;
    const auto consider = [&](std::size_t which, const Vector& u, std::uint64_t iterations, double others) {
      const double score = worth(u, iterations, affordable, others);
      if (!(score > most)) return;
      most = score;
      choice = which;
    };
    const std::size_t lowest = lowest_mean();
    double lowest_but_one = best_;
    for (std::size_t i = 0; i < state_.runs.size(); ++i)
      if (state_.runs[i].paused() && i != lowest) lowest_but_one = std::min(lowest_but_one, mean(i));
    const double in_hand = lowest < state_.runs.size() ? std::min(lowest_but_one, mean(lowest)) : best_;
    for (std::size_t i = 0; i < state_.runs.size(); ++i)
      if (state_.runs[i].paused())
        consider(i, state_.runs[i].u, state_.runs[i].iterations, i == lowest ? lowest_but_one : in_hand);
    for (const Vector& u : proposals_) {
      consider(state_.runs.size(), u, 0, in_hand);
      if (choice == state_.runs.size() && most > new_most_) {
        new_most_ = most;
        new_ = u;
      }
    }
    return choice;
  }

  /// Looks for the settings of a new run.
  void propose() {
    const std::size_t likely = likely_best();
    const Eigen::MatrixXd candidates = draw_candidates(state_.runs[likely].u);
    search(mean_function(process()), candidates);
    search(acquisition(process(), LogExpectedImprovement{}, best_), candidates);
  }

  [[nodiscard]] std::size_t likely_best() const {
    std::size_t best = 0;
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < state_.runs.size(); ++i)
      if (!state_.runs[i].failed && mean(i) < least) {
        least = mean(i);
        best = i;
      }
    return best;
  }

  [[nodiscard]] Eigen::MatrixXd draw_candidates(const Vector& around) {
    const auto& settings = optimizer_.proposal;
    Eigen::MatrixXd candidates(n_ + 1, settings.neighbours + settings.candidates);
    for (Eigen::Index j = 0; j < settings.neighbours; ++j) {
      const double size = std::pow(10.0, -1 - double(j % 3));
      for (Eigen::Index i = 0; i < n_; ++i)
        candidates(i, j) = std::clamp(around[i] + size * state_.random.normal(), 0.0, 1.0);
    }
    Eigen::MatrixXd far(n_, settings.candidates);
    if (n_ == state_.candidates.dimension) {
      state_.candidates.fill(far);
    } else {
      for (Eigen::Index j = 0; j < far.cols(); ++j)
        for (Eigen::Index i = 0; i < n_; ++i) far(i, j) = state_.random.uniform();
    }
    candidates.topRightCorner(n_, settings.candidates) = far;
    candidates.row(n_).setConstant(optimizer_.full_time());
    return candidates;
  }

  /// Whether a paused run is so near that it would rather be taken on: another one would only have other luck.
  template <class U>
  [[nodiscard]] bool waits_near(const U& u) const {
    for (const auto& run : state_.runs)
      if (run.paused() && (run.u - u).cwiseAbs().maxCoeff() < optimizer_.apart) return true;
    return false;
  }

  /// Proposes the settings where an objective is least at full length, if they are new.
  template <class F>
  void search(const F& objective, const Eigen::MatrixXd& candidates) {
    Prediction<double> prediction;
    Vector values;
    objective.values(candidates, prediction, values);
    Box<Vector> box{Vector::Zero(n_ + 1), Vector::Ones(n_ + 1)};
    box.lower[n_] = box.upper[n_] = optimizer_.full_time();
    const auto in_cube = within(objective, box);
    const auto searcher = as_search(optimizer_.maximize);
    double least = std::numeric_limits<double>::infinity();
    Vector found;
    const auto take = [&](const Vector& x, double value) {
      if (!(value < least) || waits_near(x.head(n_))) return;
      least = value;
      found = x;
    };
    for (Eigen::Index j = 0; j < values.size(); ++j)
      if (waits_near(candidates.col(j).head(n_))) values[j] = std::numeric_limits<double>::infinity();
    for (Eigen::Index k = 0; k < std::min(optimizer_.proposal.starts, values.size()); ++k) {
      Eigen::Index first = 0;
      const double value = values.minCoeff(&first);
      if (!std::isfinite(value)) break;
      values[first] = std::numeric_limits<double>::infinity();
      const Vector from = candidates.col(first);
      take(from, value);
      const auto solution = searcher(in_cube, from);
      if (solution.evaluation.usable()) take(solution.x, double(solution.value));
    }
    if (found.size() == 0) return;
    const Vector u = found.head(n_);
    for (const auto& run : state_.runs)
      if ((run.u - u).cwiseAbs().maxCoeff() <= 1e-6) return;
    proposals_.push_back(u);
  }
};

}  // namespace mesaopt::detail
