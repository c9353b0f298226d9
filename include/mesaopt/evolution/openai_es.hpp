#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <tuple>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/optimizer.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/core/prior.hpp>
#include <mesaopt/core/status.hpp>
#include <mesaopt/core/stopping.hpp>
#include <mesaopt/core/vectors.hpp>
#include <mesaopt/evolution/folded_box.hpp>
#include <mesaopt/evolution/generation.hpp>
#include <mesaopt/objective/box.hpp>

namespace mesaopt {

/// Gradient descent without gradients: estimates the gradient of the objective, smoothed by normal noise, from the
/// ranks of pairs of points on either side of the mean, and follows it as Adam does.
///
/// For noisy objectives of very many variables, such as the returns of a policy; on a quiet one of a few hundred
/// variables CmaEs needs far fewer evaluations. The width of the noise does not adapt: `decay` narrows it, and the
/// learning rate with it, by the generation. It ends by itself only when neither moves the mean any more, as `stalled`.
/// `state.mean` is where it stands; x is the best point told. A box is kept as by CmaEs.
///
/// Salimans, Ho, Chen, Sidor & Sutskever (2017), "Evolution strategies as a scalable alternative to reinforcement
/// learning", algorithm 1 with the antithetic sampling and the rank shaping of section 2.
struct OpenAiEs {
  double step_size = 0.1;       ///< σ: standard deviation of every coordinate at the start
  double learning_rate = 0.05;  ///< α: by about which a coordinate of the mean moves in a generation at the start
  Eigen::Index population = 0;  ///< points in a generation, an even number; 0: 2 (2 + floor(1.5 ln n))
  std::uint64_t seed = 1;       ///< of all draws
  double decay = 1;             ///< factor on σ and α after each generation, in (0, 1]
  double weight_decay = 0;      ///< decoupled: α times this times the mean is taken from it; 0 or more
  double beta1 = 0.9;           ///< decay of the mean gradient, in [0, 1)
  double beta2 = 0.999;         ///< decay of the mean square, in [0, 1)
  double epsilon = 1e-8;        ///< ε of Adam, more than 0

  static constexpr bool handles_bounds = true;

  /// A million evaluations.
  [[nodiscard]] MaxEvaluations default_stopping() const { return {1'000'000}; }

  template <Point X, class M = Nothing>
  struct State : Generation<X, M> {
    using S = ScalarOf<X>;

    X mean{};                      ///< where it stands, before the folding if there is a box
    X first{}, second{};           ///< running means of gradient and squared gradient
    double scale = 1;              ///< decay to the power of the generations
    std::uint64_t generation = 0;  ///< how often it has moved
    FoldedBox<X> bounds{};         ///< the box, if there is one
    PointsOf<X> draws{};           ///< one a pair

    static constexpr auto fields() {
      using T = State;
      return detail::joined(Generation<X, M>::fields(), std::tuple{&T::mean, &T::first, &T::second, &T::scale,
                                                                   &T::generation, &T::bounds, &T::draws});
    }

   private:
    friend OpenAiEs;
    std::vector<Eigen::Index> best_first{};
    X estimate{};
  };

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    const auto positive = [](const char* name, double value) {
      if (!(value > 0) || !std::isfinite(value)) detail::refuse(name, value, "it must be positive and finite");
    };
    positive("OpenAiEs::step_size", step_size);
    positive("OpenAiEs::learning_rate", learning_rate);
    positive("OpenAiEs::epsilon", epsilon);
    if (population < 0 || population % 2 != 0)
      detail::refuse("OpenAiEs::population", double(population), "it must be even, or 0 for 2 (2 + floor(1.5 ln n))");
    if (!(decay > 0 && decay <= 1)) detail::refuse("OpenAiEs::decay", decay, "it must be in (0, 1]");
    if (!(weight_decay >= 0) || !std::isfinite(weight_decay))
      detail::refuse("OpenAiEs::weight_decay", weight_decay, "it must be 0 or more, and finite");
    if (!(beta1 >= 0 && beta1 < 1)) detail::refuse("OpenAiEs::beta1", beta1, "it must be in [0, 1)");
    if (!(beta2 >= 0 && beta2 < 1)) detail::refuse("OpenAiEs::beta2", beta2, "it must be in [0, 1)");
  }

  /// Begins at a point or a prior, without bounds and without an objective: for `ask` and `tell`.
  template <Start P, class M>
  void init(const P& start, State<PointOf<P>, M>& state) const {
    begin(start, state, static_cast<const Box<PointOf<P>>*>(nullptr));
    state.stochastic = false;
  }

  /// Begins at a point or a prior. If f has a box, the start must lie in it.
  template <class F, Start P>
  requires Objective<F, PointOf<P>>
  void init(const F& f, const P& start, StateOf<OpenAiEs, F, PointOf<P>>& state) const {
    using X = PointOf<P>;
    if constexpr (Bounded<F, X>) {
      const auto& given = f.box();
      const Box<X> box{given.lower, given.upper};
      begin(start, state, &box);
    } else {
      begin(start, state, static_cast<const Box<X>*>(nullptr));
    }
    state.stochastic = is_stochastic<F>;
  }

  /// The points that wait for their evaluation: pairs on either side of the mean.
  template <Point X, class M>
  Batch<X> ask(State<X, M>& state) const {
    return state.Generation<X, M>::ask([&] { draw(state); });
  }

  /// Takes evaluations of points asked for, some or all, in any order; the last of a generation moves the mean. Throws
  /// std::invalid_argument as Generation::take does.
  template <Point X, class M>
  void tell(State<X, M>& state, std::span<const std::uint64_t> ids,
            std::span<const Evaluation<ScalarOf<X>>> evaluations) const {
    if (state.take(ids, evaluations)) move(state);
  }

  /// Gives up on points asked for that will never be told, at most half of a generation: the others stand for them.
  /// Throws std::invalid_argument as Generation::drop does.
  template <Point X, class M>
  void drop(State<X, M>& state, std::span<const std::uint64_t> ids) const {
    if (state.Generation<X, M>::drop(ids)) move(state);
  }

  /// One generation: asks, evaluates, tells. What the evaluation limit forbids stays open.
  template <class F, Point X, class M>
  void step(const F& f, State<X, M>& state) const {
    state.evaluate(
        f, [&] { return ask(state); }, [&](auto ids, auto evaluations) { tell(state, ids, evaluations); });
  }

 private:
  template <Start P, class M>
  void begin(const P& start, State<PointOf<P>, M>& state, const Box<PointOf<P>>* box) const {
    using S = ScalarOf<PointOf<P>>;
    check();
    detail::check_start(start);
    if (box != nullptr) {
      box->check();
      box->check_inside(detail::start_point(start), "start");
    }
    const Eigen::Index n = detail::start_point(start).size();
    const Eigen::Index size = population > 0 ? population : 2 * (2 + Eigen::Index(1.5 * std::log(double(n))));
    state.Generation<PointOf<P>, M>::begin(start, size, seed);
    state.mean = state.x;
    state.bounds.set(box, n, S(step_size));
    if (box != nullptr)
      for (Eigen::Index i = 0; i < n; ++i) state.mean[i] = state.bounds.from_box(i, state.mean[i]);
    detail::zeros(state.first, n, 1);
    detail::zeros(state.second, n, 1);
    detail::zeros(state.draws, n, size / 2);
    state.scale = 1;
    state.generation = 0;
    state.best_first.resize(std::size_t(size));
    state.estimate.resize(n);
  }

  template <Point X, class M>
  void draw(State<X, M>& state) const {
    using S = ScalarOf<X>;
    const Eigen::Index n = state.mean.size();
    const S sigma = S(step_size * state.scale);
    state.random.fill_normal(state.draws);
    for (Eigen::Index k = 0; k < state.points.cols(); ++k)
      for (Eigen::Index i = 0; i < n; ++i) {
        const S z = state.draws(i, k / 2);
        const S u = state.mean[i] + (k % 2 == 0 ? sigma * z : -sigma * z);
        state.points(i, k) = state.bounds.bounded ? state.bounds.to_box(i, u) : u;
      }
    state.number(state.generation * std::uint64_t(state.points.cols()));
  }

  template <Point X, class M>
  void move(State<X, M>& state) const {
    using S = ScalarOf<X>;
    const Eigen::Index n = state.mean.size(), size = state.points.cols();
    state.order(state.best_first);
    ++state.generation;
    if (!state.evaluations[std::size_t(state.best_first.front())].usable()) {
      state.scale /= 2;
      state.status = Status::non_finite;
      return;
    }
    // The estimate of the gradient: ranks from 1/2, the worst, down to −1/2, by draw.
    state.estimate.resize(n);
    detail::zeros(state.estimate, n, 1);
    for (Eigen::Index r = 0; r < size; ++r) {
      const Eigen::Index k = state.best_first[std::size_t(r)];
      const S shaped = S(r) / S(size - 1) - S(0.5);
      const S weight = (k % 2 == 0 ? shaped : -shaped) / (S(size) * S(step_size * state.scale));
      for (Eigen::Index i = 0; i < n; ++i) state.estimate[i] += weight * state.draws(i, k / 2);
    }
    const double t = double(state.generation);
    const S rate = S(learning_rate * state.scale), shrink = S(1) - rate * S(weight_decay);
    const S bias1 = S(1 - std::pow(beta1, t)), bias2 = S(1 - std::pow(beta2, t));
    bool moved = false;
    for (Eigen::Index i = 0; i < n; ++i) {
      const S g = state.estimate[i];
      S &first = state.first[i], &second = state.second[i];
      first = S(beta1) * first + S(1 - beta1) * g;
      second = S(beta2) * second + S(1 - beta2) * g * g;
      const S before = state.mean[i];
      state.mean[i] = shrink * before - rate * (first / bias1) / (std::sqrt(second / bias2) + S(epsilon));
      moved = moved || state.mean[i] != before;
    }
    state.scale *= decay;
    if (!moved) state.status = Status::stalled;
  }
};

}  // namespace mesaopt
