#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/optimizer.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/core/prior.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/core/status.hpp>
#include <mesaopt/core/stopping.hpp>
#include <mesaopt/core/vectors.hpp>
#include <mesaopt/evolution/generation.hpp>
#include <mesaopt/evolution/population.hpp>
#include <mesaopt/objective/box.hpp>

namespace mesaopt {

/// Particle swarm: particles fly on, drawn towards the best place each has seen and the best that it was told of by
/// others. Whom each tells is drawn anew whenever a generation found nothing better.
///
///     minimize(within(f, box), x0, ParticleSwarm{}, MaxEvaluations{20'000});
///
/// It treats no direction specially: the attraction is a draw from a ball around the centre of the three places. The
/// first swarm is the start and points at random in the box (within `radius` of the start where there is none), or the
/// best places of a prior. A particle that leaves the box is stopped at its side and sent back at half its speed. It
/// ends by itself, as `stalled`, only where all particles stand at one place.
///
/// Clerc (2012), "Standard particle swarm optimisation", SPSO 2011, with 40 particles.
struct ParticleSwarm {
  Eigen::Index population = 40;      ///< particles, 2 or more
  std::uint64_t seed = 1;            ///< of all draws
  double radius = 1;                 ///< half the width of the first swarm where there is no box
  double inertia = 0.7213475204;     ///< w = 1 / (2 ln 2): how much of its velocity a particle keeps, in [0, 1)
  double attraction = 1.1931471806;  ///< c = 1/2 + ln 2: how strongly it is drawn to a place
  int informed = 3;                  ///< K: how many others a particle tells of its best place

  static constexpr bool handles_bounds = true;

  /// A million evaluations.
  [[nodiscard]] MaxEvaluations default_stopping() const { return {1'000'000}; }

  /// Where the particles are is in `points`.
  template <Point X, class M = Nothing>
  struct State : Generation<X, M> {
    using S = ScalarOf<X>;

    Box<X> box{};                          ///< unlimited if there is none
    PointsOf<X> velocities{};              ///< one a column
    PointsOf<X> population{};              ///< the best place of each particle
    std::vector<Evaluation<S>> members{};  ///< their evaluations
    std::vector<std::uint8_t> tells{};     ///< whether particle i tells particle j, at i + j · population
    std::uint64_t first_id = 0;            ///< the name of the first particle of the next generation
    bool founded = false;                  ///< whether the first swarm is evaluated
    bool improved = false;                 ///< whether the last generation found a better place than any before

    static constexpr auto fields() {
      using T = State;
      return detail::joined(Generation<X, M>::fields(), std::tuple{&T::box, &T::velocities, &T::population, &T::members,
                                                                   &T::tells, &T::first_id, &T::founded, &T::improved});
    }

   private:
    friend ParticleSwarm;
    X centre{}, draw{};
  };

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (population < 2) detail::refuse("ParticleSwarm::population", double(population), "it must be 2 or more");
    if (!(radius > 0) || !std::isfinite(radius))
      detail::refuse("ParticleSwarm::radius", radius, "it must be positive and finite");
    if (!(inertia >= 0 && inertia < 1)) detail::refuse("ParticleSwarm::inertia", inertia, "it must be in [0, 1)");
    if (!(attraction > 0) || !std::isfinite(attraction))
      detail::refuse("ParticleSwarm::attraction", attraction, "it must be positive and finite");
    if (informed < 1) detail::refuse("ParticleSwarm::informed", informed, "it must be 1 or more");
  }

  /// Begins at a point or a prior, without an objective and without a box: for `ask` and `tell`.
  template <Start P, class M>
  void init(const P& start, State<PointOf<P>, M>& state) const {
    begin(start, state, detail::box_of(nullptr, detail::start_point(start)));
    state.stochastic = false;
  }

  /// Begins at a point or a prior. If f has a box, the start must lie in it.
  template <class F, Start P>
  requires Objective<F, PointOf<P>>
  void init(const F& f, const P& start, StateOf<ParticleSwarm, F, PointOf<P>>& state) const {
    begin(start, state, detail::box_of(f, detail::start_point(start)));
    state.stochastic = is_stochastic<F>;
  }

  /// The particles that wait for their evaluation.
  template <Point X, class M>
  Batch<X> ask(State<X, M>& state) const {
    return state.Generation<X, M>::ask([&] { draw(state); });
  }

  /// Takes evaluations of points asked for, some or all, in any order. Throws std::invalid_argument as Generation::take
  /// does.
  template <Point X, class M>
  void tell(State<X, M>& state, std::span<const std::uint64_t> ids,
            std::span<const Evaluation<ScalarOf<X>>> evaluations) const {
    if (state.take(ids, evaluations)) remember(state);
  }

  /// Gives up on points asked for that will never be told, at most half of a generation: their particles keep the best
  /// places they know. Throws std::invalid_argument as Generation::drop does.
  template <Point X, class M>
  void drop(State<X, M>& state, std::span<const std::uint64_t> ids) const {
    if (state.Generation<X, M>::drop(ids)) remember(state);
  }

  /// One generation: asks, evaluates, tells. What the evaluation limit forbids stays open.
  template <class F, Point X, class M>
  void step(const F& f, State<X, M>& state) const {
    state.evaluate(
        f, [&] { return ask(state); }, [&](auto ids, auto evaluations) { tell(state, ids, evaluations); });
  }

 private:
  template <Start P, class M>
  void begin(const P& start, State<PointOf<P>, M>& state, Box<PointOf<P>> box) const {
    check();
    detail::check_start(start);
    box.check();
    box.check_inside(detail::start_point(start), "start");
    const Eigen::Index n = detail::start_point(start).size();
    state.Generation<PointOf<P>, M>::begin(start, population, seed);
    state.box = std::move(box);
    detail::zeros(state.population, n, population);
    detail::scatter(start, state.box, radius, state.random, state.population);
    // The velocity leads to another point of the first swarm's kind.
    detail::zeros(state.velocities, n, population);
    detail::scatter(start, state.box, radius, state.random, state.velocities);
    state.velocities -= state.population;
    state.members.assign(std::size_t(population), {});
    state.tells.assign(std::size_t(population * population), 0);
    state.first_id = 0;
    state.founded = state.improved = false;
    state.centre.resize(n);
    state.draw.resize(n);
  }

  template <Point X, class M>
  void draw(State<X, M>& state) const {
    if (!state.founded) {
      state.points = state.population;
    } else {
      if (!state.improved) choose_whom_to_tell(state);
      for (Eigen::Index k = 0; k < population; ++k) fly(k, state);
    }
    state.number(state.first_id);
    state.first_id += std::uint64_t(population);
  }

  template <Point X, class M>
  void choose_whom_to_tell(State<X, M>& state) const {
    std::fill(state.tells.begin(), state.tells.end(), std::uint8_t(0));
    const auto size = std::uint64_t(population);
    for (std::uint64_t i = 0; i < size; ++i) {
      state.tells[i + i * size] = 1;
      for (int j = 0; j < informed; ++j) state.tells[i + state.random.below(size) * size] = 1;
    }
  }

  /// Moves particle k.
  template <Point X, class M>
  void fly(Eigen::Index k, State<X, M>& state) const {
    using S = ScalarOf<X>;
    const Eigen::Index n = state.points.rows();
    state.centre.resize(n);
    state.draw.resize(n);
    Eigen::Index leader = k;
    for (Eigen::Index i = 0; i < population; ++i) {
      const auto &told = state.members[std::size_t(i)], &best = state.members[std::size_t(leader)];
      if (state.tells[std::size_t(i + k * population)] && told.usable() && (!best.usable() || told.value < best.value))
        leader = i;
    }
    S *const x = state.points.data() + n * k, *const v = state.velocities.data() + n * k;
    const S* const own = state.population.data() + n * k;
    const S* const led = state.population.data() + n * leader;
    const S c = S(attraction);
    S squares(0), length(0);
    state.random.fill_normal(state.draw);
    for (Eigen::Index i = 0; i < n; ++i) {
      const S towards = leader == k ? c * (own[i] - x[i]) / 2 : c * (own[i] - x[i] + led[i] - x[i]) / 3;
      state.centre[i] = x[i] + towards;
      squares += towards * towards;
      length += state.draw[i] * state.draw[i];
    }
    // A point of the ball: its distance from the centre is uniform.
    const S reach = length > 0 ? S(state.random.template uniform<double>()) * std::sqrt(squares / length) : S(0);
    for (Eigen::Index i = 0; i < n; ++i) {
      v[i] = S(inertia) * v[i] + (state.centre[i] + reach * state.draw[i] - x[i]);
      if (!std::isfinite(v[i])) v[i] = own[i] / 2 - x[i] / 2;  // in a box whose width overflows: half way back
      x[i] += v[i];
      const S lower = state.box.lower[i], upper = state.box.upper[i];
      if (x[i] < lower || x[i] > upper) {
        x[i] = x[i] < lower ? lower : upper;
        v[i] /= -2;
      }
    }
  }

  template <Point X, class M>
  void remember(State<X, M>& state) const {
    using S = ScalarOf<X>;
    const Eigen::Index n = state.points.rows();
    const auto least = [&] {
      S value = std::numeric_limits<S>::infinity();
      for (const auto& member : state.members)
        if (member.usable()) value = std::min(value, member.value);
      return value;
    };
    const S before = least();
    for (Eigen::Index k = 0; k < population; ++k) {
      const auto& found = state.evaluations[std::size_t(k)];
      auto& member = state.members[std::size_t(k)];
      if (state.founded && (!found.usable() || (member.usable() && found.value >= member.value))) continue;
      member = found;
      std::copy_n(state.points.data() + n * k, n, state.population.data() + n * k);
    }
    state.improved = state.founded && least() < before;
    state.founded = true;
    bool still = true;
    const S* const one = state.points.data();
    for (Eigen::Index k = 0; still && k < population; ++k) still = std::equal(one, one + n, one + n * k);
    if (still) state.status = Status::stalled;
    if (!state.evaluation.usable()) state.status = Status::bad_start;
  }
};

}  // namespace mesaopt
