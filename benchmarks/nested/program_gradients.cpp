// Gradients through the solutions of random quadratic programs, by the optimality conditions of what is active, against
// central differences of solutions; and what becomes of programs whose solutions bend or jump, which have none.
//   program_gradients [--quick]     50 seeds a kind in place of 1000
// Ends with code 1 if a gradient is wrong, or one is given where there is none.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string_view>

#include <Eigen/Core>

#include <mesaopt/gradient/dual_active_set.hpp>
#include <mesaopt/gradient/quadratic_program.hpp>
#include <mesaopt/nested/implicit.hpp>
#include <mesaopt/nested/nested.hpp>
#include <mesaopt/nested/response.hpp>

#include "../kinds_of_programs.hpp"

using namespace kinds_of_programs;

namespace {

/// A program of which c, the sides and the bounds move with the outer point x, linearly.
struct Moving {
  static constexpr bool quadratic = true, linear_constraints = true;
  Program at_0{};
  MatrixXd costs{}, sides{};  ///< n × 3, m × 3
  VectorXd bounds{};          ///< n: times the first entry of x

  Moving(const Program& p, std::uint64_t seed) : at_0(p) {
    Random random{.seed = seed, .stream = 6};
    const Index n = p.size();
    if (at_0.Q.size() == 0) at_0.Q.setZero(n, n);
    costs.resize(n, 3);
    sides.resize(p.equalities() + p.inequalities(), 3);
    bounds.resize(n);
    random.fill_normal(costs);
    random.fill_normal(sides);
    random.fill_normal(bounds);
  }
  [[nodiscard]] Program at(const VectorXd& x) const {
    Program p = at_0;
    p.c += costs * x;
    if (p.equalities() > 0) p.b_eq += sides.topRows(p.equalities()) * x;
    if (p.inequalities() > 0) p.b += sides.bottomRows(p.inequalities()) * x;
    p.lower += x[0] * bounds;
    p.upper += x[0] * bounds;
    return p;
  }

  double operator()(const VectorXd& x, const VectorXd& y, VectorXd& gradient) const {
    const double value = at_0(y, gradient);
    gradient += costs * x;
    return value + x.dot(costs.transpose() * y);
  }
  void hessian(const VectorXd&, const VectorXd&, MatrixXd& H) const { H = at_0.Q; }
  void hessian_product(const VectorXd&, const VectorXd&, const VectorXd& v, VectorXd& out) const {
    out.noalias() = at_0.Q * v;
  }
  void mixed_product(const VectorXd&, const VectorXd&, const VectorXd& v, VectorXd& out) const {
    out.noalias() = costs.transpose() * v;
  }
  [[nodiscard]] Index equalities() const { return at_0.equalities(); }
  [[nodiscard]] Index inequalities() const { return at_0.inequalities(); }
  void constraints(const VectorXd& x, const VectorXd& y, VectorXd& c) const {
    at_0.constraints(y, c);
    c.noalias() -= sides * x;
  }
  void constraints(const VectorXd& x, const VectorXd& y, VectorXd& c, MatrixXd& J) const {
    at_0.constraints(y, c, J);
    c.noalias() -= sides * x;
  }
  [[nodiscard]] Box<VectorXd> box(const VectorXd& x) const {
    return {VectorXd(at_0.lower + x[0] * bounds), VectorXd(at_0.upper + x[0] * bounds)};
  }
};

/// ½ |y − t|², for a t of its own.
struct Distance {
  static double target(Index i) { return std::sin(double(i + 1)); }
  double operator()(const VectorXd&, const VectorXd& y) const {
    double sum = 0;
    for (Index i = 0; i < y.size(); ++i) sum += (y[i] - target(i)) * (y[i] - target(i)) / 2;
    return sum;
  }
  double operator()(const VectorXd& x, const VectorXd& y, VectorXd& gx, VectorXd& gy) const {
    gx.setZero();
    for (Index i = 0; i < y.size(); ++i) gy[i] = y[i] - target(i);
    return (*this)(x, y);
  }
};

/// The gradient at 0 by central differences, exact but for rounding while the active set stays the same, as y(x) is
/// linear then. False if no step is small enough for that.
bool differences(const Moving& moving, VectorXd& gradient) {
  const Distance distance{};
  QuadraticState<double> middle, state;
  solve(moving.at_0, middle);
  gradient.resize(3);
  for (Index j = 0; j < 3; ++j) {
    bool found = false;
    for (double h = 1e-2; h > 1e-9 && !found; h /= 4) {
      double value[2];
      found = true;
      for (const int side : {0, 1}) {
        const VectorXd x = (side == 0 ? -h : h) * VectorXd::Unit(3, j);
        state = middle;
        solve(moving.at(x), state);
        found = found && state.status == Status::converged && state.active == middle.active;
        value[side] = distance(x, state.x);
      }
      gradient[j] = (value[1] - value[0]) / (2 * h);
    }
    if (!found) return false;
  }
  return true;
}

struct Tally {
  int programs = 0, given = 0, refused = 0, not_compared = 0;
  double worst = 0;
};

Tally study(const Kind& kind, std::uint64_t seeds) {
  Tally t;
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    Program p;
    VectorXd known;
    if (!kind.make(seed, p, known)) continue;
    ++t.programs;
    const Moving moving(p, seed);
    const VectorXd x = VectorXd::Zero(3);
    const auto F =
        nested(Distance{}, response(family(moving), DualActiveSet{}, VectorXd(VectorXd::Zero(p.size()))), Implicit{});
    Calls<VectorXd, MemoryOf<decltype(F), VectorXd>> calls;
    VectorXd gradient(3), expected;
    const auto evaluation = calls.gradient(F, x, gradient);
    if (evaluation.verdict != Verdict::fine) {
      ++t.refused;
      if (!kind.degenerate)
        std::fprintf(stderr, "%s, seed %d: verdict %d, %s\n", kind.name, int(seed), int(evaluation.verdict),
                     sentence(evaluation.reason));
      continue;
    }
    ++t.given;
    if (kind.degenerate) {
      std::fprintf(stderr, "%s, seed %d: a gradient\n", kind.name, int(seed));
    } else if (differences(moving, expected)) {
      const double off = (gradient - expected).norm() / std::max(1.0, expected.norm());
      if (off > 1e-6) std::fprintf(stderr, "%s, seed %d: off by %.1e\n", kind.name, int(seed), off);
      t.worst = std::max(t.worst, off);
    } else {
      ++t.not_compared;
    }
  }
  return t;
}

}  // namespace

int main(int argc, char** argv) {
  const bool quick = argc > 1 && std::string_view(argv[1]) == "--quick";
  std::printf(
      "The programs of `random_programs`, whose costs, sides and bounds move with three outer variables at random; the "
      "outer\nobjective is the distance of the solution from a point. `Implicit` behind `DualActiveSet`, against "
      "central "
      "differences with\nthe largest step, from 1e-2 down by 4, at which the active set stays the same on both sides. "
      "Worst error: relative to the\ngradient, or to 1 where that is more.\n\n"
      "| kind | programs | gradients given | refused or flagged | worst error |\n"
      "| --- | ---: | ---: | ---: | ---: |\n");
  bool good = true;
  for (const Kind& kind : kinds) {
    if (kind.expected != Status::converged) continue;
    const Tally t = study(kind, quick ? 50 : 1000);
    std::printf("| %s | %d | %d | %d |", kind.name, t.programs, t.given, t.refused);
    kind.degenerate ? std::printf(" |\n") : std::printf(" %.1e |\n", t.worst);
    std::fflush(stdout);
    good = good && (kind.degenerate ? t.given == 0 : t.refused == 0 && t.worst <= 1e-6);
    if (t.not_compared > 0) std::fprintf(stderr, "%s: %d were not compared\n", kind.name, t.not_compared);
  }
  if (!good) std::fprintf(stderr, "program_gradients: not all is as expected\n");
  return good ? 0 : 1;
}
