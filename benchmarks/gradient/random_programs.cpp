// Random quadratic programs of known answer by the thousand: strictly convex ones, to be solved to the last digits, and
// degenerate, singular, infeasible, unbounded and indefinite ones, to be told as what they are.
//   random_programs [--quick]     50 seeds a kind in place of 1000
// Ends with code 1 if an answer is wrong.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string_view>

#include <mesaopt/gradient/quadratic_program.hpp>

#include "../kinds_of_programs.hpp"
#include "gradient/kkt_residual.hpp"

using namespace kinds_of_programs;

namespace {

const char* word(Status status) {
  switch (status) {
    case Status::converged: return "converged";
    case Status::infeasible: return "infeasible";
    case Status::unbounded: return "unbounded";
    case Status::not_convex: return "not convex";
    default: return sentence(status);
  }
}

/// Counts what became of a kind.
struct Tally {
  int programs = 0, expected = 0, proved = 0, called_degenerate = 0;
  std::uint64_t changes = 0, most = 0, again = 0;
  double residual = 0, distance = 0, seconds = 0;
};

Tally study(const Kind& kind, std::uint64_t seeds) {
  using Clock = std::chrono::steady_clock;
  Tally t;
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    Program p;
    VectorXd x;
    if (!kind.make(seed, p, x)) continue;
    QuadraticState<double> s;
    const auto began = Clock::now();
    solve(p, s);
    t.seconds += std::chrono::duration<double>(Clock::now() - began).count();
    ++t.programs;
    t.changes += s.iterations;
    t.most = std::max(t.most, s.iterations);
    t.expected += s.status == kind.expected;
    if (s.status != kind.expected) std::fprintf(stderr, "%s, seed %d: %s\n", kind.name, int(seed), sentence(s.status));
    if (s.status == Status::infeasible) t.proved += proves_infeasible(p, s.infeasibility);
    if (s.status == Status::unbounded) t.proved += proves_unbounded(p, s.ray);
    if (s.status != Status::converged) continue;
    t.residual = std::max(t.residual, kkt_residual(p, s.x, s.multipliers, s.bound_multipliers));
    if (x.size() > 0) t.distance = std::max(t.distance, (s.x - x).cwiseAbs().maxCoeff());
    t.called_degenerate += !s.regularity.regular();
    solve(p, s);
    t.again = std::max(t.again, s.iterations);
  }
  return t;
}

}  // namespace

int main(int argc, char** argv) {
  const bool quick = argc > 1 && std::string_view(argv[1]) == "--quick";
  const std::uint64_t seeds = quick ? 50 : 1000;
  std::printf(
      "Programs of 5 to 100 variables, n/6 equations, n inequalities and bounds on two thirds of the sides, by "
      "`solve(program,\nstate)` from nothing. Multipliers and slacks of the strictly convex ones are 1e-3 or more. "
      "Residual: the worst violation\nof a condition of Karush, Kuhn and Tucker, by the program's numbers alone; "
      "distance: from the solution that the program\nwas made from, where that is the only one. A proof is a "
      "certificate that was checked. Changes are those of the active\nset; \"again\" is the most for a solve from the "
      "solution.\n\n"
      "| kind | programs | expected | so | with proof | called degenerate | worst residual | worst distance | changes, "
      "mean | most | again | ms |\n"
      "| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");
  bool good = true;
  for (const Kind& kind : kinds) {
    const Tally t = study(kind, seeds);
    const bool solved = kind.expected == Status::converged, proof = !solved && kind.expected != Status::not_convex;
    std::printf("| %s | %d | %s | %d |", kind.name, t.programs, word(kind.expected), t.expected);
    proof ? std::printf(" %d |", t.proved) : std::printf(" |");
    solved ? std::printf(" %d | %.1e |", t.called_degenerate, t.residual) : std::printf(" | |");
    t.distance > 0 ? std::printf(" %.1e |", t.distance) : std::printf(" |");
    std::printf(" %.1f | %d |", double(t.changes) / t.programs, int(t.most));
    solved ? std::printf(" %d |", int(t.again)) : std::printf(" |");
    std::printf(" %.2f |\n", 1e3 * t.seconds / t.programs);
    good = good && t.expected == t.programs && (!proof || t.proved == t.programs) && t.residual <= 1e-9 &&
           t.again <= 1 && (!kind.degenerate || t.called_degenerate == t.programs);
    if (kind.make == strictly_convex) good = good && t.called_degenerate == 0;
  }
  if (!good) std::fprintf(stderr, "random_programs: not all is as expected\n");
  return good ? 0 : 1;
}
