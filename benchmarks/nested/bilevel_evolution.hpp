// Evolution strategies at both levels of a bilevel problem, with one setting for all that have constraints and one for
// all that have none; how such runs are stopped and judged. Used by smd.cpp and
// tp.cpp.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/core/search.hpp>
#include <mesaopt/evolution/cma_es.hpp>
#include <mesaopt/evolution/constraint_handling.hpp>
#include <mesaopt/evolution/exact_penalties.hpp>
#include <mesaopt/evolution/restarts.hpp>
#include <mesaopt/nested/nested.hpp>
#include <mesaopt/objective/bounds.hpp>

namespace bilevel {

using namespace mesaopt;
using Eigen::VectorXd;

/// The largest violation of a constraint that passes.
constexpr double kept = 1e-8;

inline double violation(const VectorXd& c) { return c.size() > 0 ? std::max(0.0, c.maxCoeff()) : 0.0; }

inline VectorXd drawn(Random& random, const Box<VectorXd>& box) {
  VectorXd x(box.lower.size());
  for (Eigen::Index i = 0; i < x.size(); ++i) x[i] = random.uniform<double>(box.lower[i], box.upper[i]);
  return x;
}

/// Ends an inner run that has narrowed to `ratio` of the width it began with, or to `least`, or has not found a value
/// lower by `flat` in `patience` generations.
struct Narrowed {
  double ratio = 0.4, least = 1e-4, flat = 1e-8;
  int patience = 4;
  static constexpr bool is_stopping = true;
  template <Point X>
  struct State {
    double first = 0, best = 0;
    int since = 0;
    static constexpr auto fields() { return std::tuple{&State::first, &State::best, &State::since}; }
  };
  template <class S, class X>
  Status operator()(const S& state, const Progress& progress, State<X>& mine) const {
    if (progress.counts.iterations == 0) {
      mine = {state.width(), std::numeric_limits<double>::infinity(), 0};
      return Status::running;
    }
    if (state.value < mine.best - flat)
      mine.best = state.value, mine.since = 0;
    else if (!std::isnan(state.value))  // a feasible point has been found
      ++mine.since;
    return state.width() <= std::max(ratio * mine.first, least) || mine.since >= patience ? Status::step_below
                                                                                          : Status::running;
  }
};

/// Whether column k of the last generation is feasible and has an inner solution, and its outer value. Where there are
/// constraints, what the optimizer ranks by is another one.
template <class S>
bool value_of(const S& state, std::size_t k, double& value) {
  if constexpr (requires { state.constraints; }) {
    if (!state.values[k].usable() || state.violation(state.constraints.col(Eigen::Index(k))) > kept) return false;
    value = state.values[k].value;
  } else {
    if (!state.evaluations[k].usable()) return false;
    value = state.evaluations[k].value;
  }
  return true;
}
template <class S>
const auto& columns_of(const S& state) {
  if constexpr (requires { state.constraints; })
    return state.all;
  else
    return state.points;
}

/// Ends when a point of the latest generation is feasible and has the known optimal values of both levels.
struct KnownOptimum {
  double outer = 0, inner = 0;
  double outer_error = 0;  ///< 0: nothing is known
  double inner_error = 1e-5;
  static constexpr bool is_stopping = true;
  template <class S>
  Status operator()(const S& state, const Progress& progress) const {
    const auto count = std::size_t(columns_of(state).cols());
    for (std::size_t k = 0; progress.counts.iterations > 0 && k < count && k < state.calls.slots.size(); ++k) {
      double value = 0;
      if (!value_of(state, k, value) || !(std::abs(value - outer) < outer_error)) continue;
      const auto& run = state.calls.slots[k].record.response.run;
      if (!(std::abs(best_evaluation(run).value - inner) >= inner_error)) return Status::target_reached;
    }
    return Status::running;
  }
};

/// The settings of both levels. Where constraints hold the solution, values err in proportion to the distance from it,
/// not to its square: so these runs go on to a smaller width.
template <bool constrained>
struct Settings {
  /// Of the box, the first step size: wide for few variables, where rippled inner levels have to be seen from afar.
  static double outer_share(Eigen::Index n) { return constrained || n > 2 ? 0.2 : 0.4; }
  /// Of the first step size, where the outer run ends: in a corner of more constraints fewer points are feasible.
  static double outer_tolerance(Eigen::Index n) { return !constrained ? 1e-4 : n > 2 ? 1e-9 : 1e-7; }
  static constexpr Narrowed inner{0.4, constrained ? 1e-6 : 1e-4, 1e-8, constrained ? 8 : 4};
  static auto strategy(const CmaEs& cma) {
    if constexpr (constrained)
      return ConstraintHandling<CmaEs, ExactRanking>{.optimizer = cma, .feasibility = kept};
    else
      return cma;
  }
  template <class P>
  static auto outer(const P& p) {
    if constexpr (constrained)
      return p.constrained_outer();
    else
      return p.outer();
  }
  template <class P>
  static auto inner_level(const P& p) {
    if constexpr (constrained)
      return within(p.constrained_inner(), Box<VectorXd>(p.inner_box()));
    else
      return within(p.inner(), Box<VectorXd>(p.inner_box()));
  }
};

template <bool constrained, class P>
auto problem_of(const P& p, const VectorXd& y0, std::uint64_t seed) {
  using Set = Settings<constrained>;
  const auto inner = Set::strategy({.step_size = 1, .seed = seed + 1000});
  return within(
      nested(Set::outer(p), response(family(Set::inner_level(p)), Search{inner, Set::inner || MaxEvaluations{2500}},
                                     predicted(y0, std::max<Eigen::Index>(24, 6 * p.outer_size())))),
      Box<VectorXd>(p.outer_box()));
}
template <bool constrained, class P>
auto search_of(const P& p, std::uint64_t seed, bool again) {
  using Set = Settings<constrained>;
  const VectorXd width = p.outer_box().upper - p.outer_box().lower;
  const double step = Set::outer_share(width.size()) * (width.maxCoeff() + width.minCoeff()) / 2;
  // As many points in every run: for local minima, of which a few runs find a good one.
  const CmaEs cma{.step_size = step,
                  .population = std::min<Eigen::Index>(8, CmaEs::default_population(width.size())),
                  .seed = seed,
                  .step_tolerance = Set::outer_tolerance(width.size()),
                  .value_tolerance = 1e-9};
  Restarts search{Set::strategy(cma), Ipop{1.01}};
  if (!again) search.most = 0;
  return search;
}

struct Outcome {
  double upper = 0, lower = 0, error = 0;
  bool solved = false;
};

/// The point of the last generation that is feasible and best, or of those that are not the first.
template <class S>
std::size_t best_column(const S& state) {
  std::size_t best = 0;
  double least = std::numeric_limits<double>::infinity(), value = 0;
  for (std::size_t k = 0; k < std::size_t(columns_of(state).cols()); ++k)
    if (value_of(state, k, value) && value < least) best = k, least = value;
  return best;
}

/// A run from a start that is drawn, with the rule that ends it and what it counted; `again`: begun anew where it ends.
template <bool constrained, class P>
auto solution_of(const P& p, std::uint64_t seed, const KnownOptimum& known, std::int64_t budget, bool again) {
  Random random{.seed = seed};
  const VectorXd x0 = drawn(random, p.outer_box()), y0 = drawn(random, p.inner_box());
  return minimize(problem_of<constrained>(p, y0, seed), x0, search_of<constrained>(p, seed, again),
                  known || MaxEvaluations{budget});
}
template <bool constrained, class P>
Outcome stopped(const P& p, std::uint64_t seed, const KnownOptimum& known, std::int64_t budget) {
  const auto s = solution_of<constrained>(p, seed, known, budget, true);
  return {double(s.counts[0].evaluations()), double(s.counts[1].evaluations()), 0, s.status == Status::target_reached};
}

/// One run. Where the optimum is not known, its answer is the best point of the last generation, with the inner problem
/// solved there once more, to rounding: solved if F is within 1e-4 and all constraints are kept to 1e-6.
template <bool constrained, class P>
Outcome run(const P& p, std::uint64_t seed, const KnownOptimum& known, std::int64_t budget) {
  using Set = Settings<constrained>;
  if (known.outer_error > 0) return stopped<constrained>(p, seed, known, budget);
  const auto s = solution_of<constrained>(p, seed, known, budget, false);
  Outcome o{double(s.counts[0].evaluations()), double(s.counts[1].evaluations()), 0, false};
  const auto& state = s.state;
  const std::size_t best = best_column(state);
  const VectorXd x = columns_of(state).col(Eigen::Index(best));
  const auto& run = state.calls.slots[best].record.response.run;
  const VectorXd y = best_point(run);
  const auto answer =
      response(family(Set::inner_level(p)),
               Search{Set::strategy({.step_size = std::max(1e-3, 10 * run.state.width()), .seed = seed + 2000}),
                      MaxEvaluations{3000}},
               y)(x);
  o.upper += 1;
  o.lower += double(answer.counts[0].evaluations());
  VectorXd G(p.outer_inequalities()), g(p.inner_inequalities());
  p.outer_constraints(x, answer.x, G);
  p.inner_constraints(x, answer.x, g);
  o.error = std::abs(p.outer_value(x, answer.x) - p.outer_minimum());
  o.solved = o.error < 1e-4 && violation(G) <= 1e-6 && violation(g) <= 1e-6;
  return o;
}
template <class P>
Outcome run(const P& p, std::uint64_t seed, const KnownOptimum& known, std::int64_t budget) {
  return p.outer_inequalities() + p.inner_inequalities() > 0 ? run<true>(p, seed, known, budget)
                                                             : run<false>(p, seed, known, budget);
}

inline double median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + std::ptrdiff_t(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// The seeds of all runs of a table, and where each run is noted.
struct Seeds {
  std::uint64_t first = 0, count = 21;
  std::string file{};

  void note(const std::string& what, std::uint64_t seed, const Outcome& o) const {
    if (file.empty()) return;
    std::FILE* out = std::fopen(file.c_str(), "a");
    if (out == nullptr) return;
    std::fprintf(out, "%s,%llu,%.0f,%.0f,%.3e,%d\n", what.c_str(), static_cast<unsigned long long>(seed), o.upper,
                 o.lower, o.error, int(o.solved));
    std::fclose(out);
  }
};

struct Medians {
  std::vector<double> upper{}, lower{}, error{};
  int solved = 0;
  void add(const Outcome& o) {
    upper.push_back(o.upper);
    lower.push_back(o.lower);
    error.push_back(o.error);
    solved += o.solved;
  }
};

}  // namespace bilevel
