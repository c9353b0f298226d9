#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numbers>
#include <numeric>
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

/// Differential evolution that adapts itself (L-SHADE): each member of a population is moved towards a good one and
/// along the difference of two others; factor and crossover rate are drawn around what succeeded lately, and the
/// population shrinks as the evaluations run out.
///
///     minimize(within(f, box), x0, DifferentialEvolution{}, MaxEvaluations{100'000});
///
/// For rugged objectives of up to some hundred variables whose box is known, separable ones above all: the crossover is
/// by coordinates. The first population is the start and points at random in the box (within `radius` of the start
/// where there is none), or that of a prior. It never ends by itself but where all members are equal, as `stalled`. By
/// ask and tell it works as every other (see Generation). A step allocates only where the population shrinks.
///
/// Tanabe & Fukunaga (2014), "Improving the search performance of SHADE using linear population size reduction", with
/// the constants of its table I; mutation current-to-pbest/1 with archive, weighted Lehmer means.
struct DifferentialEvolution {
  Eigen::Index population = 0;  ///< members at the start, 4 or more; 0: 18 n
  std::uint64_t budget =
      0;                   ///< evaluations by which only 4 are left; 0: the evaluation limit of the run, if it has one
  std::uint64_t seed = 1;  ///< of all draws
  double radius = 1;       ///< half the width of the first population where there is no box

  static constexpr bool handles_bounds = true;
  static constexpr Eigen::Index least = 4;      ///< members at the end
  static constexpr std::size_t memories = 6;    ///< H
  static constexpr double share = 0.11;         ///< p: of the population, the best to be moved towards
  static constexpr double archive_share = 2.6;  ///< size of the archive, of the population

  /// A million evaluations.
  [[nodiscard]] MaxEvaluations default_stopping() const { return {1'000'000}; }

  /// The population, and in `points` the trials that are to be compared with it.
  template <Point X, class M = Nothing>
  struct State : Generation<X, M> {
    using S = ScalarOf<X>;

    Box<X> box{};                               ///< unlimited if there is none
    PointsOf<X> population{};                   ///< the members, one a column
    std::vector<Evaluation<S>> members{};       ///< their evaluations
    PointsOf<X> archive{};                      ///< members that were replaced
    Eigen::Index archived = 0;                  ///< how many
    std::array<double, memories> factors{};     ///< M_F
    std::array<double, memories> crossovers{};  ///< M_CR; below 0: always 0
    std::uint64_t remember = 0;                 ///< the entry to be changed next
    std::vector<double> trial_factors{};        ///< F of each trial
    std::vector<double> trial_crossovers{};     ///< CR of each trial
    Eigen::Index first_population = 0;          ///< members at the start
    std::uint64_t used = 0;                     ///< evaluations told
    bool founded = false;                       ///< whether the first population is evaluated

    static constexpr auto fields() {
      using T = State;
      return detail::joined(Generation<X, M>::fields(),
                            std::tuple{&T::box, &T::population, &T::members, &T::archive, &T::archived, &T::factors,
                                       &T::crossovers, &T::remember, &T::trial_factors, &T::trial_crossovers,
                                       &T::first_population, &T::used, &T::founded});
    }

   private:
    friend DifferentialEvolution;
    std::vector<Eigen::Index> best_first{};
  };

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (population != 0 && population < least)
      detail::refuse("DifferentialEvolution::population", double(population), "it must be 4 or more, or 0 for 18 n");
    if (!(radius > 0) || !std::isfinite(radius))
      detail::refuse("DifferentialEvolution::radius", radius, "it must be positive and finite");
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
  void init(const F& f, const P& start, StateOf<DifferentialEvolution, F, PointOf<P>>& state) const {
    begin(start, state, detail::box_of(f, detail::start_point(start)));
    state.stochastic = is_stochastic<F>;
  }

  /// The trials that wait for their evaluation: at first the population itself.
  template <Point X, class M>
  Batch<X> ask(State<X, M>& state) const {
    return state.Generation<X, M>::ask([&] { draw(state); });
  }

  /// Takes evaluations of points asked for, some or all, in any order; the last of a generation lets the better of each
  /// trial and member live. Throws std::invalid_argument as Generation::take does.
  template <Point X, class M>
  void tell(State<X, M>& state, std::span<const std::uint64_t> ids,
            std::span<const Evaluation<ScalarOf<X>>> evaluations) const {
    const bool complete = state.take(ids, evaluations);
    state.used += ids.size();
    if (complete) select(state);
  }

  /// Gives up on points asked for that will never be told, at most half of a generation: their members live on. Throws
  /// std::invalid_argument as Generation::drop does.
  template <Point X, class M>
  void drop(State<X, M>& state, std::span<const std::uint64_t> ids) const {
    if (state.Generation<X, M>::drop(ids)) select(state);
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
    const Eigen::Index size = population > 0 ? population : std::max(least, 18 * n);
    state.Generation<PointOf<P>, M>::begin(start, size, seed);
    state.box = std::move(box);
    detail::zeros(state.population, n, size);
    detail::scatter(start, state.box, radius, state.random, state.population);
    state.members.assign(std::size_t(size), {});
    detail::zeros(state.archive, n, Eigen::Index(archive_share * double(size)));
    state.archived = 0;
    state.factors.fill(0.5);
    state.crossovers.fill(0.5);
    state.remember = 0;
    state.trial_factors.assign(std::size_t(size), 0);
    state.trial_crossovers.assign(std::size_t(size), 0);
    state.best_first.resize(std::size_t(size));
    state.first_population = size;
    state.used = 0;
    state.founded = false;
  }

  template <Point X, class M>
  static void draw(State<X, M>& state) {
    // Every generation has names of its own, whatever its size.
    const std::uint64_t first = state.ids.back() + (state.ids.back() > 0 || state.founded);
    detail::rank(state.members, state.best_first);
    if (!state.founded)
      state.points = state.population;
    else
      for (Eigen::Index k = 0; k < state.population.cols(); ++k) mutate(k, state);
    state.number(first);
  }

  /// Makes trial k, in place of the last one.
  template <Point X, class M>
  static void mutate(Eigen::Index k, State<X, M>& state) {
    using S = ScalarOf<X>;
    Random& random = state.random;
    const Eigen::Index n = state.population.rows(), size = state.population.cols();
    const auto memory = std::size_t(random.below(memories));

    double factor = 0;
    while (!(factor > 0))  // a Cauchy draw
      factor = state.factors[memory] + 0.1 * std::tan(std::numbers::pi * (random.uniform<double>() - 0.5));
    factor = std::min(factor, 1.0);
    const double normal = random.normal<double>();
    const double crossover =
        state.crossovers[memory] < 0 ? 0.0 : std::clamp(state.crossovers[memory] + 0.1 * normal, 0.0, 1.0);
    state.trial_factors[std::size_t(k)] = factor;
    state.trial_crossovers[std::size_t(k)] = crossover;

    const auto best = std::max<std::uint64_t>(2, std::uint64_t(std::lround(share * double(size))));
    const Eigen::Index good = state.best_first[std::size_t(random.below(std::min(best, std::uint64_t(size))))];
    Eigen::Index one = k, other = k;
    while (one == k) one = Eigen::Index(random.below(std::uint64_t(size)));
    while (other == k || other == one) other = Eigen::Index(random.below(std::uint64_t(size + state.archived)));
    const auto at = [&](Eigen::Index i, Eigen::Index j) {
      return j < size ? state.population(i, j) : state.archive(i, j - size);
    };

    const auto surely = Eigen::Index(random.below(std::uint64_t(n)));
    for (Eigen::Index i = 0; i < n; ++i) {
      const S here = state.population(i, k);
      const bool crosses = random.uniform<double>() <= crossover || i == surely;
      S trial = here;
      if (crosses) {
        trial = here + S(factor) * (state.population(i, good) - here) +
                S(factor) * (state.population(i, one) - at(i, other));
        const S lower = state.box.lower[i], upper = state.box.upper[i];
        if (trial < lower) trial = lower + (here - lower) / 2;
        if (trial > upper) trial = upper - (upper - here) / 2;
      }
      state.points(i, k) = trial;
    }
  }

  /// Lets the better of each trial and member live, learns from the trials that were, and shrinks the population.
  template <Point X, class M>
  void select(State<X, M>& state) const {
    using S = ScalarOf<X>;
    const Eigen::Index n = state.population.rows(), size = state.population.cols();
    double weights = 0, factor1 = 0, factor2 = 0, crossover1 = 0, crossover2 = 0;
    for (Eigen::Index k = 0; k < size; ++k) {
      const auto i = std::size_t(k);
      const auto &trial = state.evaluations[i], &member = state.members[i];
      if (state.founded) {
        if (!trial.usable() || (member.usable() && trial.value > member.value)) continue;
        if (!member.usable() || trial.value < member.value) {
          const double gain = member.usable() ? double(member.value - trial.value) : 0.0;
          const double weight = std::isfinite(gain) ? gain : 0.0;
          weights += weight;
          factor1 += weight * state.trial_factors[i];
          factor2 += weight * state.trial_factors[i] * state.trial_factors[i];
          crossover1 += weight * state.trial_crossovers[i];
          crossover2 += weight * state.trial_crossovers[i] * state.trial_crossovers[i];
          bury(k, state);
        }
      }
      std::copy_n(state.points.data() + n * k, n, state.population.data() + n * k);
      state.members[i] = trial;
    }
    state.founded = true;
    // Gains may be so large or small that their sums are no numbers.
    if (std::isfinite(weights) && factor1 > 0) {
      double& crossover = state.crossovers[state.remember];
      state.factors[state.remember] = factor2 / factor1;
      crossover = crossover < 0 || !(crossover1 > 0) ? -1.0 : crossover2 / crossover1;
      state.remember = (state.remember + 1) % memories;
    }
    shrink(state);
    const S* const one = state.population.data();
    bool equal = true;
    for (Eigen::Index k = 1; equal && k < state.population.cols(); ++k) equal = std::equal(one, one + n, one + n * k);
    if (equal) state.status = Status::stalled;
    if (!state.evaluation.usable()) state.status = Status::bad_start;
  }

  /// Keeps a member that dies, in the place of another one if the archive is full.
  template <Point X, class M>
  static void bury(Eigen::Index k, State<X, M>& state) {
    const Eigen::Index n = state.population.rows();
    const auto room = Eigen::Index(archive_share * double(state.population.cols()));
    const Eigen::Index place =
        state.archived < room ? state.archived++ : Eigen::Index(state.random.below(std::uint64_t(room)));
    std::copy_n(state.population.data() + n * k, n, state.archive.data() + n * place);
  }

  template <Point X, class M>
  void shrink(State<X, M>& state) const {
    const std::uint64_t limit = budget > 0 ? budget : state.calls.limit;
    if (limit == std::numeric_limits<std::uint64_t>::max() || limit == 0) return;
    const double rest = 1 - std::min(1.0, double(state.used) / double(limit));
    const auto first = double(state.first_population);
    const Eigen::Index size = Eigen::Index(std::lround(double(least) + rest * (first - double(least))));
    if (size >= state.population.cols()) return;
    // The best stay, in the order in which they are.
    detail::rank(state.members, state.best_first);
    const Eigen::Index n = state.population.rows();
    std::sort(state.best_first.begin(), state.best_first.begin() + size);
    for (Eigen::Index k = 0; k < size; ++k) {
      const Eigen::Index from = state.best_first[std::size_t(k)];
      std::copy_n(state.population.data() + n * from, n, state.population.data() + n * k);
      state.members[std::size_t(k)] = state.members[std::size_t(from)];
    }
    state.population.conservativeResize(n, size);
    state.members.resize(std::size_t(size));
    const std::uint64_t last = state.ids.back();
    state.resize(size);
    state.ids.back() = last;  // names go on
    state.archived = std::min(state.archived, Eigen::Index(archive_share * double(size)));
  }
};

}  // namespace mesaopt
