// Hypergradients through constraints, on random programs whose solutions and derivatives are known: how many of those
// that have a derivative are refused or wrong, and how many of those that have none are differentiated all the same.
//   constrained_hypergradients [--quick | SEEDS]
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <type_traits>

#include <Eigen/Core>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/augmented_lagrangian.hpp>
#include <mesaopt/gradient/dual_active_set.hpp>
#include <mesaopt/gradient/lbfgs.hpp>
#include <mesaopt/gradient/lbfgsb.hpp>
#include <mesaopt/gradient/sqp.hpp>
#include <mesaopt/nested/implicit.hpp>
#include <mesaopt/nested/nested.hpp>
#include <mesaopt/problems/random_program_family.hpp>

using namespace mesaopt;
using Eigen::VectorXd;
using problems::Defect;
using problems::RandomProgramFamily;

namespace {

/// ½|y − target|² + ½|x − 1|².
struct Target {
  VectorXd target;
  double operator()(const VectorXd& x, const VectorXd& y) const {
    return (y - target).squaredNorm() / 2 + (x.array() - 1).square().sum() / 2;
  }
  double operator()(const VectorXd& x, const VectorXd& y, VectorXd& gx, VectorXd& gy) const {
    gx = x.array() - 1;
    gy = y - target;
    return (*this)(x, y);
  }
};

RandomProgramFamily drawn(std::uint64_t seed, double worst_condition, Defect defect) {
  Random random{.seed = seed, .stream = 7};
  RandomProgramFamily random_family;
  const Eigen::Index n = 5 + Eigen::Index(random.below(96));
  random_family.variables = n;
  random_family.equalities = Eigen::Index(random.below(std::uint64_t(n / 5 + 1)));
  random_family.inequalities = 2 + Eigen::Index(random.below(std::uint64_t(n)));
  random_family.condition = std::pow(worst_condition, random.uniform());
  random_family.defect = defect;
  return random_family;
}

/// The largest violation of an optimality condition by y at x = 0.
template <class F>
double kkt_residual(const F& f, const VectorXd& y, const VectorXd& multipliers) {
  const VectorXd x = VectorXd::Zero(f.B.cols());
  VectorXd gradient(y.size());
  f(x, y, gradient);
  double worst = 0;
  if constexpr (requires { f.equalities(); }) {
    VectorXd c;
    Eigen::MatrixXd J;
    f.constraints(x, y, c, J);
    gradient += J.transpose() * multipliers;
    for (Eigen::Index i = 0; i < c.size(); ++i)
      worst = std::max(worst, std::abs(i < f.equal ? c[i] : std::min(-c[i], multipliers[i])));
  }
  VectorXd step = -gradient;
  if constexpr (requires { f.box(x); }) {
    const auto box = f.box(x);
    step = (y - gradient).cwiseMax(box.lower).cwiseMin(box.upper) - y;
  }
  return std::max(worst, step.cwiseAbs().maxCoeff());
}

struct Tally {
  int programs = 0, solved = 0, refused = 0, within = 0;
  int right = 0, otherwise = 0, flagged = 0, silent = 0;
  double residual = 0, error = 0, exact = 0;
};

template <class Made, class S>
struct Trial {
  const Made& made;
  const S& search;
  Target outer{};
  VectorXd start{}, gradient{}, multipliers{};
  Evaluation<double> evaluation{};
  double residual = 0;

  void run() {
    const auto n = made.y.size();
    const VectorXd x = VectorXd::Zero(made.family.B.cols());
    outer.target = VectorXd::NullaryExpr(n, [](Eigen::Index i) { return std::sin(double(i + 1)); });
    start = VectorXd::Zero(n);
    if constexpr (requires { made.family.box(x); })
      start = start.cwiseMax(made.family.lower).cwiseMin(made.family.upper);
    const auto inner = response(family(made.family), search, start);
    const auto F = nested(outer, inner, Implicit{});
    MemoryOf<decltype(F), VectorXd> memory;
    typename MemoryOf<decltype(F), VectorXd>::Record record;
    gradient.resize(x.size());
    evaluation = F(x, gradient, Call<MemoryOf<decltype(F), VectorXd>>{memory, record, 0, 0});
    const auto& run = record.response.run;
    if constexpr (requires { run.state.multipliers; }) multipliers = run.state.multipliers;
    residual = kkt_residual(made.family, best_point(run), multipliers);
  }

  [[nodiscard]] VectorXd differences() const {
    VectorXd out(made.reach.size()), x = VectorXd::Zero(made.reach.size());
    for (Eigen::Index j = 0; j < out.size(); ++j) {
      const double bend = 0.02 * std::max(1.0, made.y.norm()) / made.response.col(j).norm();
      const double h = std::min({made.reach[j] / 2, bend, 1.0});
      const auto at = [&](double there) {
        x[j] = there;
        return outer(x, made.solution(x));
      };
      out[j] = (8 * (at(h / 2) - at(-h / 2)) - (at(h) - at(-h))) / (6 * h);  // without the third derivative
      x[j] = 0;
    }
    return out;
  }
  [[nodiscard]] VectorXd exact() const {
    return made.response.transpose() * (made.y - outer.target) - VectorXd::Ones(made.response.cols());
  }
};

template <bool curved, bool bounded, bool constrained, class S>
Tally regular(const S& search, int seeds, double condition) {
  Tally tally;
  for (int seed = 0; seed < seeds; ++seed) {
    const auto made =
        drawn(std::uint64_t(seed), condition, Defect::none).make<curved, bounded, constrained>(std::uint64_t(seed));
    Trial<std::remove_cvref_t<decltype(made)>, S> trial{made, search};
    trial.run();
    ++tally.programs;
    tally.residual = std::max(tally.residual, trial.residual);
    tally.solved += trial.residual <= 1e-9;
    if (!trial.evaluation.differentiable()) {
      ++tally.refused;
      continue;
    }
    const VectorXd exact = trial.exact();
    const double size = std::max(1.0, exact.norm()), error = (trial.gradient - trial.differences()).norm() / size;
    tally.error = std::max(tally.error, error);
    tally.exact = std::max(tally.exact, (trial.gradient - exact).norm() / size);
    tally.within += error <= 1e-6;
  }
  return tally;
}

Reason expected(Defect defect) {
  switch (defect) {
    case Defect::dependent: return Reason::constraints_dependent;
    case Defect::flat: return Reason::inner_not_unique;
    default: return Reason::constraint_weakly_active;
  }
}

template <bool curved, bool bounded, bool constrained, class S>
Tally degenerate(const S& search, int seeds, double condition, Defect defect) {
  Tally tally;
  for (int seed = 0; seed < seeds; ++seed) {
    const auto made =
        drawn(std::uint64_t(seed), condition, defect).make<curved, bounded, constrained>(std::uint64_t(seed));
    Trial<std::remove_cvref_t<decltype(made)>, S> trial{made, search};
    trial.run();
    ++tally.programs;
    const auto& said = trial.evaluation;
    if (!said.differentiable())
      ++(said.reason == expected(defect) || (defect == Defect::flat && said.reason == Reason::adjoint_inconsistent)
             ? tally.right
             : tally.otherwise);
    else
      ++(said.verdict == Verdict::inexact ? tally.flagged : tally.silent);
  }
  return tally;
}

void print(const char* method, const char* what, const Tally& t) {
  std::printf("| %s | %s | %d | %d | %.1e | %d | %d | %.1e | %.1e |\n", method, what, t.programs, t.solved, t.residual,
              t.refused, t.within, t.error, t.exact);
  std::fflush(stdout);
}
void print_degenerate(const char* method, const char* what, const Tally& t) {
  std::printf("| %s | %s | %d | %d | %d | %d | %d |\n", method, what, t.programs, t.right, t.otherwise, t.flagged,
              t.silent);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  int seeds = 1000;
  if (argc > 1) seeds = std::strcmp(argv[1], "--quick") == 0 ? 50 : std::atoi(argv[1]);
  constexpr double condition = 1e6;
  const DualActiveSet dual;
  const Sqp sqp{.tolerance = 1e-11, .feasibility = 1e-11};
  const Search bounded{LbfgsB{.memory = 100}, GradientBelow{1e-13} || MaxIterations{50000}};
  AugmentedLagrangian augmented{Search{Lbfgs{.memory = 100}, GradientBelow{1e-12} || MaxIterations{50000}}};
  augmented.feasibility = 1e-11;

  std::printf(
      "Convex programs in 5 to 100 variables, made around a known solution, with a Hessian of a condition of up to 1e6 "
      "(log-sum-exp\nbeside it, and ellipsoids as constraints, in those that are curved), multipliers of what is "
      "active "
      "and slacks of what is not from\n1e-3 to 1. Residual: the largest violation of an optimality condition where the "
      "solver ended. Errors are relative to the larger of 1 and the\nhypergradient's norm: against central differences "
      "of the true solution, with steps inside of the margins, and against the closed form.\n\n"
      "| solver | programs | number | residual <= 1e-9 | largest residual | refused | within 1e-6 of differences | "
      "largest error | of the closed form |\n| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");
  print("DualActiveSet", "quadratic, with bounds", regular<false, true, true>(dual, seeds, condition));
  print("LbfgsB", "curved, in a box", regular<true, true, false>(bounded, seeds, condition));
  print("Sqp", "curved, with bounds", regular<true, true, true>(sqp, seeds, condition));
  print("AugmentedLagrangian{Lbfgs}", "curved", regular<true, false, true>(augmented, seeds, condition));

  std::printf(
      "\nThe same with one defect each, so that there is no derivative. On a flat set of solutions another constraint "
      "may hold where the solver\nended, which is named then. Silent: differentiated all the same, without a word.\n\n"
      "| solver | defect | number | refused by that name | refused by another | flagged as inexact | silent |\n"
      "| --- | --- | ---: | ---: | ---: | ---: | ---: |\n");
  const struct {
    Defect defect;
    const char* name;
  } defects[]{{Defect::weak_constraint, "weakly active constraint"},
              {Defect::weak_bound, "weakly active bound"},
              {Defect::dependent, "dependent constraints"},
              {Defect::flat, "flat direction"}};
  for (const auto& [defect, name] : defects) {
    const bool of_bounds = defect == Defect::weak_bound || defect == Defect::flat;
    print_degenerate("DualActiveSet", name, degenerate<false, true, true>(dual, seeds, condition, defect));
    if (of_bounds) print_degenerate("LbfgsB", name, degenerate<true, true, false>(bounded, seeds, condition, defect));
    print_degenerate("Sqp", name, degenerate<true, true, true>(sqp, seeds, condition, defect));
    if (defect != Defect::weak_bound)
      print_degenerate("AugmentedLagrangian{Lbfgs}", name,
                       degenerate<true, false, true>(augmented, seeds, condition, defect));
  }
}
