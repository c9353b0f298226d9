// How many evaluations do bilevel problems take, of both levels, beside published ones?
//
// known   CMA-ES over CMA-ES on SMD1 to SMD12, medians over seeds, stopped on the known optimum. The outer search sees
//         values alone, of inner searches that begin where a model of the earlier solutions predicts (`predicted`).
//         Published: BL-CMA-ES of He, Zhou & Chen (2019), "Evolutionary bilevel optimization based on covariance matrix
//         adaptation", IEEE TEVC 23(2), which stops when |F - F*| < 1e-6 for the known optimum F*; and BLEAQ-II, as
//         they ran it again, which stops at 1e-2. So does this one at 1e-6, but for a stricter rule: the inner value
//         must be the optimal one too, to 1e-5, as an inner solution that is not one can have F* by chance.
// blind   The same without knowledge of the optimum: one outer run that ends by itself, when its distribution has
// become
//         narrow; the best outer point of its last generation is then solved once more, to rounding, from its inner
//         solution, and judged by the error of F there.
// smooth  L-BFGS over L-BFGS by finite differences, all values counted, on SMD1, SMD2 and SMD5; on SMD3 and SMD4, which
//         have many inner minima, after CMA-ES over CMA-ES, each of both counted apart.
// start   SMD6, whose inner solution is not unique: the start of an inner L-BFGS, by differences, is made an outer
//         variable, so that the outer CMA-ES chooses among inner solutions.
//
// The bounds are kept at both levels. Constraints are kept to 1e-8 at both, by exact penalties (ExactRanking); a point
// that violates one by more does not count. Starts are drawn uniformly from both boxes. Medians of 21 runs scatter.
//
//   smd [part=known,blind,smooth,start] [dimension=2|5|10] [problems=1,2,...] [first=0] [seeds=21] [runs=FILE]
//
// The dimensions are (2, 3), (5, 5) and (10, 10). Every run is written to FILE, if one is named, as soon as it is over.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/core/search.hpp>
#include <mesaopt/evolution/cma_es.hpp>
#include <mesaopt/gradient/lbfgs.hpp>
#include <mesaopt/nested/nested.hpp>
#include <mesaopt/objective/bounds.hpp>
#include <mesaopt/objective/finite_difference.hpp>
#include <mesaopt/problems/smd.hpp>

#include "bilevel_evolution.hpp"

namespace {

using namespace mesaopt;
using namespace bilevel;
using Eigen::VectorXd;
using problems::Smd;

struct Published {
  double upper, lower;
};
constexpr double none = 1e300;
/// BL-CMA-ES, with a budget that is not one where it did not solve the problem; BLEAQ-II, where that was run.
struct Figures {
  bool solved;
  Published ours, theirs;
};
Figures published(Eigen::Index n, int number) {
  static const Figures two[] = {{true, {320, 2.14e4}, {none, none}},   {true, {314, 2.10e4}, {none, none}},
                                {true, {339, 2.15e4}, {none, none}},   {true, {369, 2.35e4}, {none, none}},
                                {true, {364, 2.20e4}, {none, none}},   {true, {448, 2.47e4}, {none, none}},
                                {false, {473, 2.36e4}, {none, none}},  {true, {1440, 7.03e4}, {none, none}},
                                {true, {322, 2.02e4}, {none, none}},   {false, {1590, 7.11e4}, {none, none}},
                                {false, {2510, 1.27e5}, {none, none}}, {true, {964, 4.92e4}, {none, none}}};
  static const Figures five[] = {{true, {725, 7.57e4}, {1680, 1.51e5}},   {true, {697, 7.67e4}, {2050, 1.32e5}},
                                 {true, {730, 7.26e4}, {2210, 1.90e5}},   {true, {723, 7.67e4}, {2010, 8.91e4}},
                                 {true, {906, 8.55e4}, {2100, 1.60e5}},   {true, {839, 8.12e4}, {2140, 2.41e4}},
                                 {true, {1230, 7.47e4}, {2410, 1.81e5}},  {false, {3500, 2.49e5}, {4910, 3.50e5}},
                                 {true, {845, 7.99e4}, {4390, 2.80e5}},   {false, {3500, 2.10e5}, {4020, 2.35e5}},
                                 {false, {3500, 1.93e5}, {7770, 2.65e5}}, {false, {3500, 2.15e5}, {5030, 2.25e5}}};
  static const Figures ten[] = {{true, {1380, 2.01e5}, {4780, 6.69e5}},  {true, {1290, 1.98e5}, {5030, 5.90e5}},
                                {true, {1420, 1.66e5}, {7940, 8.35e5}},  {true, {1440, 1.97e5}, {2910, 2.32e5}},
                                {true, {1880, 2.25e5}, {6730, 6.34e5}},  {true, {1680, 2.25e5}, {4150, 1.14e5}},
                                {true, {2810, 2.11e5}, {7450, 8.59e5}},  {false, {5000, 6.86e5}, {8460, 8.60e5}},
                                {true, {1800, 2.23e5}, {2940, 4.00e5}},  {false, {5010, 3.92e5}, {4040, 5.25e5}},
                                {false, {5000, 3.50e5}, {8660, 5.79e5}}, {false, {5010, 4.07e5}, {5260, 4.92e5}}};
  return (n == 2 ? two : n == 5 ? five : ten)[number - 1];
}

Smd smd(int number, Eigen::Index n) { return Smd(number, n, n == 2 ? 3 : n); }

void evolutionary(const Seeds& seeds, Eigen::Index n, const std::vector<int>& numbers, bool told) {
  const std::int64_t budget = n == 2 ? 2500 : n == 5 ? 5000 : 10'000;
  std::printf("%s, (%d, %d) variables, %d seeds from %d, at most %d upper evaluations.\n\n",
              told ? "Stopped on the known optimum" : "Without knowledge of the optimum", int(n), n == 2 ? 3 : int(n),
              int(seeds.count), int(seeds.first), int(budget));
  std::printf("| problem | BL-CMA-ES | BLEAQ-II | upper / lower | solved |%s\n| --- | ---: | ---: | ---: | ---: |%s\n",
              told ? "" : " error |", told ? "" : " ---: |");
  int fewer = 0;
  for (const int number : numbers) {
    const Smd p = smd(number, n);
    KnownOptimum known{p.outer_minimum(), p.inner_minimum()};
    if (told) known.outer_error = 1e-6;
    Medians m;
    for (std::uint64_t seed = seeds.first; seed < seeds.first + seeds.count; ++seed) {
      const Outcome o = run(p, seed, known, budget);
      seeds.note(p.name() + "," + std::to_string(n) + (told ? ",known" : ",blind"), seed, o);
      m.add(o);
    }
    const Figures f = published(n, number);
    const double upper = median(m.upper), lower = median(m.lower);
    const auto below = [&](const Published& other) { return upper <= other.upper && lower <= other.lower; };
    const bool less = told && 2 * m.solved > int(seeds.count) && below(f.ours) && below(f.theirs);
    fewer += less;
    std::printf("| %s | %.0f / %.0f%s | ", p.name().c_str(), f.ours.upper, f.ours.lower, f.solved ? "" : ", unsolved");
    if (f.theirs.upper < none)
      std::printf("%.0f / %.0f", f.theirs.upper, f.theirs.lower);
    else
      std::printf("-");
    std::printf(" | %s%.0f / %.0f%s | %d |", less ? "**" : "", upper, lower, less ? "**" : "", m.solved);
    if (!told) std::printf(" %.1e |", median(m.error));
    std::printf("\n");
    std::fflush(stdout);
  }
  if (told) std::printf("\nSolved, with no more evaluations of either level than published: %d.\n", fewer);
  std::printf("\n");
}

/// L-BFGS over L-BFGS by differences from a start.
Outcome by_differences(const Smd& p, const VectorXd& x0, const VectorXd& y0) {
  const Search inner{Lbfgs{}, GradientBelow{1e-6} || MaxEvaluations{200}};
  const auto values = [&](const VectorXd& x, const VectorXd& y) { return p.inner_value(x, y); };
  const auto make = [values](const VectorXd& x) {
    return finite_difference([values, x](const VectorXd& y) { return values(x, y); });
  };
  const auto F = finite_difference(nested(p.outer(), response(by_outer(make), inner, warm(y0))),
                                   Differences{.central = false, .noise = 1e-10});
  const auto s = minimize(F, x0, Lbfgs{}, GradientBelow{1e-4} || MaxEvaluations{100});
  const double error = std::abs(s.value - p.outer_minimum());
  return {double(s.counts[0].evaluations()), double(s.counts[1].evaluations()), error, error < 1e-6};
}

void smooth(const Seeds& seeds) {
  std::printf("L-BFGS over L-BFGS by differences; of SMD3 and SMD4 after CMA-ES over CMA-ES.\n\n");
  std::printf(
      "| problem | CMA-ES: upper / lower | L-BFGS: upper / lower | error of F | within 1e-6 |\n"
      "| --- | ---: | ---: | ---: | ---: |\n");
  for (const int number : {1, 2, 5, 3, 4}) {
    const Smd p(number);
    Medians m, before;
    for (std::uint64_t seed = seeds.first; seed < seeds.first + seeds.count; ++seed) {
      Random random{.seed = seed};
      const auto inside = [&](Box<VectorXd> box) {  // as far from both ends as from each other
        const VectorXd width = box.upper - box.lower;
        return drawn(random, {VectorXd(box.lower + width / 4), VectorXd(box.upper - width / 4)});
      };
      VectorXd x = inside(p.outer_box()), y = inside(p.inner_box());
      if (number == 3 || number == 4) {
        // Until the outer distribution is a fifth as wide as inner minima are apart.
        const auto s = minimize(problem_of<false>(p, y, seed), x, search_of<false>(p, seed, false),
                                Narrowed{0, 0.2, 0, 1'000'000} || MaxEvaluations{2500});
        const std::size_t best = best_column(s.state);
        x = s.state.points.col(Eigen::Index(best));
        y = best_point(s.state.calls.slots[best].record.response.run);
        before.add({double(s.counts[0].evaluations()), double(s.counts[1].evaluations()), 0, false});
      }
      const Outcome o = by_differences(p, x, y);
      seeds.note(p.name() + ",2,smooth", seed, o);
      m.add(o);
    }
    std::printf("| %s | %.0f / %.0f | %.0f / %.0f | %.1e | %d |\n", p.name().c_str(), median(before.upper),
                median(before.lower), median(m.upper), median(m.lower), median(m.error), m.solved);
    std::fflush(stdout);
  }
  std::printf("\n");
}

/// SMD6, whose inner solutions are a line: the outer point is x and the start of the inner L-BFGS, which so chooses
/// among them. No outer value is asked for within an inner run.
void not_unique(const Seeds& seeds, Eigen::Index n) {
  const Smd p = smd(6, n);
  const Eigen::Index m = p.inner_size();
  VectorXd lower(n + m), upper(n + m);
  lower << p.outer_box().lower, p.inner_box().lower;
  upper << p.outer_box().upper, p.inner_box().upper;
  const Box<VectorXd> box{lower, upper};
  const auto inner = [p, n](const VectorXd& z) {
    return finite_difference([p, x = VectorXd(z.head(n))](const VectorXd& y) { return p.inner_value(x, y); },
                             Differences{.central = false});
  };
  const auto outer = [p, n](const VectorXd& z, const VectorXd& y) { return p.outer_value(VectorXd(z.head(n)), y); };
  const auto from = by_outer([m](const VectorXd& z) { return VectorXd(z.tail(m)); });
  const auto F = within(
      nested(outer, response(by_outer(inner), Search{Lbfgs{}, GradientBelow{1e-5} || MaxEvaluations{300}}, from)), box);
  Medians medians;
  for (std::uint64_t seed = seeds.first; seed < seeds.first + seeds.count; ++seed) {
    Random random{.seed = seed};
    const auto s = minimize(F, drawn(random, box), CmaEs{.step_size = 4, .seed = seed},
                            TargetReached{1e-6} || MaxEvaluations{10'000});
    const Outcome o{double(s.counts[0].evaluations()), double(s.counts[1].evaluations()), std::abs(s.value),
                    std::abs(s.value) < 1e-6};
    seeds.note("SMD6," + std::to_string(n) + ",start", seed, o);
    medians.add(o);
  }
  std::printf("SMD6 (%d, %d), the inner start an outer variable: %.0f / %.0f, solved %d of %d.\n\n", int(n), int(m),
              median(medians.upper), median(medians.lower), medians.solved, int(seeds.count));
  std::fflush(stdout);
}

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> parts;
  std::stringstream in(list);
  for (std::string part; std::getline(in, part, ',');) parts.push_back(part);
  return parts;
}

}  // namespace

int main(int count, char** arguments) {
  Seeds seeds;
  std::vector<std::string> parts{"known", "blind", "smooth", "start"};
  std::vector<int> numbers(Smd::numbers.begin(), Smd::numbers.end());
  Eigen::Index n = 2;
  for (int i = 1; i < count; ++i) {
    const std::string argument = arguments[i];
    const auto equals = argument.find('=');
    const std::string name = argument.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : argument.substr(equals + 1);
    if (name == "part") {
      parts = split(value);
    } else if (name == "dimension") {
      n = Eigen::Index(std::stol(value));
    } else if (name == "problems") {
      numbers.clear();
      for (const auto& number : split(value)) numbers.push_back(std::stoi(number));
    } else if (name == "first") {
      seeds.first = std::stoull(value);
    } else if (name == "seeds") {
      seeds.count = std::max<std::uint64_t>(1, std::stoull(value));
    } else if (name == "runs") {
      seeds.file = value;
    } else {
      std::fprintf(stderr, "smd: no option %s\n", argument.c_str());
      return 1;
    }
  }
  if (n != 2 && n != 5 && n != 10) {
    std::fprintf(stderr, "smd: dimension is 2, 5 or 10\n");
    return 1;
  }
  for (const auto& part : parts) {
    if (part == "known" || part == "blind") evolutionary(seeds, n, numbers, part == "known");
    if (part == "smooth") smooth(seeds);
    if (part == "start") not_unique(seeds, n);
  }
}
