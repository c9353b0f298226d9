// How many evaluations do TP1 to TP8 take, of both levels, to 1e-4 of the known outer value, beside published ones?
//
// By CMA-ES over CMA-ES, with the settings of smd.cpp: constraints kept by exact penalties, or by rank, where what
// violates them is worse than all that does not, by how much it violates them, as in BL-CMA-ES. And by SQP over SQP
// with implicit gradients, through the inner constraints and with the Jacobian of the coupling constraints. Published:
// lower evaluations of BLEAQ, Sinha, Malo & Deb (2013), "Efficient evolutionary algorithm for single-objective bilevel
// optimization". The inner level of TP4 is linear, and the outer one of TP8 has a kink: neither is for gradients.
// Starts are drawn uniformly from both boxes.
//
//   tp [first seed, 0] [seeds, 21]

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <utility>

#include <Eigen/Core>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/gradient/sqp.hpp>
#include <mesaopt/nested/implicit.hpp>
#include <mesaopt/nested/nested.hpp>
#include <mesaopt/objective/bounds.hpp>
#include <mesaopt/problems/tp.hpp>

#include "bilevel_evolution.hpp"

namespace {

using namespace mesaopt;
using namespace bilevel;
using Eigen::VectorXd;
using problems::Tp;

/// A problem without constraints: where they are violated its values are large, by how much they are.
struct Ranked {
  Tp problem;

  struct Outer {
    Tp problem;
    double operator()(const VectorXd& x, const VectorXd& y) const {
      VectorXd G(problem.outer_inequalities()), g(problem.inner_inequalities());
      problem.outer_constraints(x, y, G);
      problem.inner_constraints(x, y, g);
      const double excess = (G.size() > 0 ? G.cwiseMax(0).sum() : 0) + (g.size() > 0 ? g.cwiseMax(0).sum() : 0);
      return excess > 0 ? 1e4 + excess : problem.outer_value(x, y);
    }
  };
  struct Inner {
    Tp problem;
    double operator()(const VectorXd& x, const VectorXd& y) const {
      VectorXd g(problem.inner_inequalities());
      problem.inner_constraints(x, y, g);
      const double excess = g.size() > 0 ? g.cwiseMax(0).sum() : 0;
      return excess > 0 ? 1e4 + excess : problem.inner_value(x, y);
    }
  };
  [[nodiscard]] Outer outer() const { return {problem}; }
  [[nodiscard]] Inner inner() const { return {problem}; }
  [[nodiscard]] Eigen::Index outer_size() const { return problem.outer_size(); }
  [[nodiscard]] const Box<VectorXd>& outer_box() const { return problem.outer_box(); }
  [[nodiscard]] const Box<VectorXd>& inner_box() const { return problem.inner_box(); }
};

/// Values and derivatives of both levels by dual numbers, with constraints and bounds.
struct SmoothInner : problems::ConstrainedInnerLevel<Tp> {
  using problems::ConstrainedInnerLevel<Tp>::operator();
  [[nodiscard]] const Box<VectorXd>& box() const { return problem.inner_box(); }
  double operator()(const VectorXd& x, const VectorXd& y, VectorXd& gy) const {
    const auto u = problems::detail::lifted(x);
    auto v = problems::detail::lifted(y);
    for (Eigen::Index j = 0; j < y.size(); ++j) {
      v[j].tangent[0] = 1;
      gy[j] = problem.inner_value(u, v).tangent[0];
      v[j].tangent[0] = 0;
    }
    return problem.inner_value(x, y);
  }
};
struct SmoothOuter : problems::ConstrainedOuterLevel<Tp> {
  using problems::ConstrainedOuterLevel<Tp>::operator();
  double operator()(const VectorXd& x, const VectorXd& y, VectorXd& gx, VectorXd& gy) const {
    auto u = problems::detail::lifted(x), v = problems::detail::lifted(y);
    for (auto [point, gradient] : {std::pair{&u, &gx}, std::pair{&v, &gy}})
      for (Eigen::Index j = 0; j < point->size(); ++j) {
        (*point)[j].tangent[0] = 1;
        (*gradient)[j] = problem.outer_value(u, v).tangent[0];
        (*point)[j].tangent[0] = 0;
      }
    return problem.outer_value(x, y);
  }
};
void small_problems(const Seeds& seeds) {
  const double published[] = {1600, 1320, 915, 3110, 1420, 1980, 26400, 1330};
  std::printf(
      "| problem | lower, published | CMA-ES, penalties: upper / lower | solved | CMA-ES, ranks: upper / lower | "
      "solved | "
      "SQP: upper / lower | solved |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n");
  for (int number = 1; number <= 8; ++number) {
    const Tp p(number);
    const double best = p.outer_minimum();
    const KnownOptimum known{best, p.inner_minimum(), 1e-4, std::numeric_limits<double>::infinity()};
    Medians m, ranked, by_slopes;
    for (std::uint64_t seed = seeds.first; seed < seeds.first + seeds.count; ++seed) {
      m.add(run<true>(p, seed, known, 2500));
      ranked.add(stopped<false>(Ranked{p}, seed, known, 2500));
      if (number == 4 || number == 8) continue;
      Random random{.seed = seed};
      const VectorXd x0 = drawn(random, p.outer_box()), y0 = drawn(random, p.inner_box());
      const SmoothInner inner{{{p}}};
      const SmoothOuter outer{{{p}}};
      const auto f = within(nested(outer, response(family(inner), Sqp{}, warm(y0)), Implicit{}), p.outer_box());
      const auto s = minimize(f, x0, Sqp{}, GradientBelow{1e-6} || MaxEvaluations{100});
      VectorXd G(p.outer_inequalities());
      const auto again = response(family(inner), Sqp{}, y0)(s.x);
      p.outer_constraints(s.x, again.x, G);
      const double error = std::abs(s.value - best);
      by_slopes.add({double(s.counts[0].evaluations()), double(s.counts[1].evaluations()), error,
                     error < 1e-4 && violation(G) < 1e-4});
    }
    std::printf("| %s | %.0f | %.0f / %.0f | %d | %.0f / %.0f | %d |", p.name().c_str(), published[number - 1],
                median(m.upper), median(m.lower), m.solved, median(ranked.upper), median(ranked.lower), ranked.solved);
    if (by_slopes.upper.empty())
      std::printf(" | |\n");
    else
      std::printf(" %.0f / %.0f | %d |\n", median(by_slopes.upper), median(by_slopes.lower), by_slopes.solved);
    std::fflush(stdout);
  }
}

}  // namespace

int main(int count, char** arguments) {
  Seeds seeds;
  if (count > 1) seeds.first = std::strtoull(arguments[1], nullptr, 10);
  if (count > 2) seeds.count = std::max<std::uint64_t>(1, std::strtoull(arguments[2], nullptr, 10));
  small_problems(seeds);
}
