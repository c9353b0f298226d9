#pragma once

#include <cstddef>
#include <cstdint>
#include <tuple>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/optimizer.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/core/prior.hpp>
#include <mesaopt/core/status.hpp>
#include <mesaopt/core/vectors.hpp>
#include <mesaopt/evolution/bound_penalty.hpp>
#include <mesaopt/evolution/cma_termination.hpp>
#include <mesaopt/evolution/folded_box.hpp>
#include <mesaopt/evolution/generation.hpp>
#include <mesaopt/evolution/injection.hpp>
#include <mesaopt/evolution/integer_margin.hpp>
#include <mesaopt/evolution/mirrored_draws.hpp>
#include <mesaopt/evolution/two_point.hpp>

namespace mesaopt {

/// All that changes in a run of an EvolutionStrategy: the distribution, in coordinates before the folding if there is a
/// box; its latest draws; and the best of all points. It draws one generation and learns from it.
template <class Shape, Point X, class M = Nothing>
struct StrategyState : Shape::template Distribution<X>, Generation<X, M> {
  using S = ScalarOf<X>;
  using Distribution = typename Shape::template Distribution<X>;
  using Distribution::mean, Distribution::step_size;
  using Generation<X, M>::points, Generation<X, M>::status, Generation<X, M>::random;

  FoldedBox<X> bounds{};            ///< the box, if there is one
  CmaTermination<S> termination{};  ///< `end` tells why the run ended by itself
  PointsOf<X> draws{};              ///< z of the present generation, one a column
  PointsOf<X> steps{};              ///< y = B D z: its points are mean + step_size y, folded
  Injected<X> outside{};            ///< points for the next generation
  IntegerMargin<X> integers{};      ///< if the objective has some
  BoundPenalty<X> penalties{};      ///< if there is a box, and `penalty` is set
  TwoPoint<X> line{};               ///< if `two_point` is set

  static constexpr auto fields() {
    using T = StrategyState;
    return detail::joined(detail::joined(Distribution::fields(), Generation<X, M>::fields()),
                          std::tuple{&T::bounds, &T::termination, &T::draws, &T::steps, &T::outside, &T::integers,
                                     &T::penalties, &T::line});
  }

  /// Makes room for generations of so many points.
  void reserve(Eigen::Index lambda) {
    for (auto* columns : {&draws, &steps}) detail::zeros(*columns, mean.size(), lambda);
    best_first_.resize(std::size_t(lambda));
    losers_.reserve(std::size_t(lambda));
  }

  /// Draws the points of a generation, in mirrored pairs or not, with those from outside among them; they wait now.
  void draw_generation(bool mirrored) {
    const Eigen::Index n = mean.size();
    // A point's name tells where its draws are: they begin at index n * id.
    const std::uint64_t first = random.index / std::uint64_t(n);
    random.fill_normal(draws);
    if (mirrored) detail::mirror(draws);
    this->shape(draws, steps);
    if constexpr (detail::Invertible<Distribution>) line.place(*this);
    for (Eigen::Index k = 0; k < points.cols(); ++k)
      for (Eigen::Index i = 0; i < n; ++i) {
        auto u = mean[i] + step_size * steps(i, k);
        if (integers.active()) u = mean[i] + integers.scale[i] * (u - mean[i]);
        points(i, k) = bounds.bounded ? bounds.to_box(i, u) : u;
      }
    if constexpr (detail::Invertible<Distribution>) outside.place(*this);
    this->number(first);
  }

  /// Learns from a generation all of whose points were told or given up, and judges whether the run goes on: see
  /// CmaTermination for the tolerances, which are absolute here.
  void learn_generation(bool mirrored, S step_tolerance, S value_tolerance) {
    if (penalties.active()) {
      if constexpr (requires { this->parameters.mu_eff; })
        penalties.penalize(*this, this->parameters.mu_eff);
      else
        penalties.penalize(*this, S(this->evaluations.size()) / 4);
    }
    const auto& values = penalties.active() ? penalties.evaluations : Generation<X, M>::evaluations;
    this->order(values, best_first_);
    if (mirrored) detail::better_of_pairs_first(best_first_, losers_);
    const Evaluation<S>& best = values[std::size_t(best_first_.front())];
    if (!best.usable()) {
      step_size /= 2;
      termination.fail();
      status = status_of(termination.end);
      return;
    }

    outside.forgive(best_first_, *this);
    line.remember(*this);
    this->learn(best_first_, draws, steps);
    line.adapt(best_first_, *this);
    if (bounds.bounded)
      for (Eigen::Index i = 0; i < mean.size(); ++i)
        if (bounds.fixed(i)) this->isolate(i);
    integers.correct(*this);
    const bool sound = this->decompose_when_due();

    const Evaluation<S>*worst = &best, *middle = &best;
    for (std::size_t i = 0; i < best_first_.size(); ++i) {
      const Evaluation<S>& here = values[std::size_t(best_first_[i])];
      if (!here.usable()) break;
      worst = &here;
      if (i <= best_first_.size() / 2) middle = &here;
    }
    termination.judge(*this, best.value, middle->value, worst->value, sound, step_tolerance, value_tolerance);
    status = status_of(termination.end);
  }

 private:
  std::vector<Eigen::Index> best_first_{}, losers_{};
};

}  // namespace mesaopt
