// Freeze-thaw Bayesian optimization against Bayesian optimization by full-length inner runs, on the networks of the
// demonstration (examples/two_networks.hpp): network 1 with 4 log penalties, two a layer, each e^±6.9 around the
// customary one. An inner run trains 2410 weights by L-BFGS until no entry of the gradient is above 1e-7, but for no
// more than 5000 iterations, as there; the outer objective is that of there, on 600 held-out images, printed divided by
// 600.
//
// What the search by full-length runs has found after 30 of them is the level to be reached, and a quarter of its inner
// iterations is the budget of the other one. Prints Markdown tables.
//
//   freeze_thaw [first seed = 1] [last seed = 11] [full-length runs = 30] [iterations of a run, at most = 5000]

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <limits>
#include <vector>

#include <mesaopt/recipes/freeze_thaw.hpp>

#include "digits.hpp"
#include "two_networks.hpp"

namespace {

using namespace examples;

constexpr double never = std::numeric_limits<double>::infinity();

struct Row {
  double full = 0, total = 0;                                  // value, inner iterations
  double first = never;                                        // of these until it was there
  double quarter = never;                                      // its value after a quarter of them
  double complete = 0, paused = 0;                             // lowest values of freeze-thaw: of complete runs, of all
  double to_full = never, to_near = never, to_paused = never;  // inner iterations until `full`, full + 1 %, with pauses
  double runs = 0, completed = 0;
  double seconds_full = 0, seconds = 0;
};

Row compare(std::uint64_t seed, std::int64_t runs, std::int64_t length) {
  using namespace mesaopt;
  const TwoNetworks two(deal(digits(), seed), seed);
  const VectorXd w0 = models::initial_weights(two.plain.model.widths, 1);
  const VectorXd reach = VectorXd::Constant(two.x0_few.size(), std::log(1000.0));
  const Search trained{Lbfgs{.memory = 20}, GradientBelow{1e-7} || MaxIterations{length}};
  const auto f = within(nested(two.outer_few, response(family(two.plain.training), trained, w0)),
                        Box<VectorXd>(two.x0_few - reach, two.x0_few + reach));
  const double images = two.outer_few.images();

  struct Step {
    double iterations, value;
  };
  Row row;
  std::vector<Step> path;
  const auto full = minimize(f, two.x0_few, BayesianOptimization{.seed = seed}, MaxEvaluations{runs},
                             [&](const auto& state, const auto&) {
                               path.push_back({double(state.calls.counts[1].iterations), state.value / images});
                             });
  row.full = full.value / images;
  row.total = double(full.counts[1].iterations);
  row.seconds_full = full.seconds;
  for (const Step& step : path) {
    if (step.value <= row.full) row.first = std::min(row.first, step.iterations);
    if (step.iterations <= row.total / 4) row.quarter = step.value;
  }

  // Most runs end by themselves, sooner than at `length`.
  const FreezeThaw search{
      .length = length, .portion = (length + 49) / 50, .budget = std::int64_t(row.total / 4), .seed = seed};
  row.paused = never;
  const auto thawed = minimize(f, two.x0_few, search, search.default_stopping(), [&](const auto& state, const auto&) {
    const double spent = double(state.spent);
    for (const auto& each : state.runs)
      if (each.portions > 0 && !each.failed) row.paused = std::min(row.paused, each.evaluation.value / images);
    if (row.paused <= row.full) row.to_paused = std::min(row.to_paused, spent);
    if (state.completed() == 0) return;
    if (state.value / images <= row.full) row.to_full = std::min(row.to_full, spent);
    if (state.value / images <= 1.01 * row.full) row.to_near = std::min(row.to_near, spent);
  });
  row.complete = thawed.state.completed() > 0 ? thawed.value / images : never;
  row.runs = double(thawed.state.runs.size());
  row.completed = double(thawed.state.completed());
  row.seconds = thawed.seconds;
  return row;
}

double median(std::vector<Row> rows, const std::function<double(const Row&)>& of) {
  std::vector<double> v;
  for (const Row& row : rows) v.push_back(of(row));
  std::sort(v.begin(), v.end());
  const auto middle = v.size() / 2;
  return v.size() % 2 == 1 ? v[middle] : (v[middle - 1] + v[middle]) / 2;
}

const char* text(char* out, std::size_t size, double part) {
  if (std::isfinite(part))
    std::snprintf(out, size, "%.3f", part);
  else
    std::snprintf(out, size, "never");
  return out;
}

void print(const char* name, const std::function<double(const std::function<double(const Row&)>&)>& of) {
  char a[20], b[20], c[20];
  std::printf("| %s | %.4f | %.0f | %.4f | %.4f | %.4f | %s | %s | %s | %.0f | %.0f | %.0f | %.0f |\n", name,
              of([](auto& r) { return r.full; }), of([](auto& r) { return r.total; }),
              of([](auto& r) { return r.quarter; }), of([](auto& r) { return r.complete; }),
              of([](auto& r) { return r.paused; }), text(a, sizeof a, of([](auto& r) { return r.to_full / r.total; })),
              text(b, sizeof b, of([](auto& r) { return r.to_near / r.total; })),
              text(c, sizeof c, of([](auto& r) { return r.to_paused / r.total; })), of([](auto& r) { return r.runs; }),
              of([](auto& r) { return r.completed; }), of([](auto& r) { return r.seconds_full; }),
              of([](auto& r) { return r.seconds; }));
  std::fflush(stdout);
}

}  // namespace

int main(int arguments, char** argument) {
  const auto number = [&](int i, long otherwise) { return arguments > i ? std::atol(argument[i]) : otherwise; };
  const long from = number(1, 1), to = number(2, 11), runs = number(3, 30), length = number(4, 5000);
  if (from < 0 || to < from || runs < 1 || length < 1) {
    std::fprintf(stderr, "freeze_thaw [first seed] [last seed] [full-length runs] [iterations of a run, at most]\n");
    return 1;
  }
  std::printf(
      "\n## %ld full-length runs of at most %ld iterations, against a quarter of their iterations\n\n"
      "| seed | full length | iterations | full length, a quarter | freeze-thaw | lowest, pauses too | share until as "
      "low | until 1 %% above | until as low, pauses too | runs | complete | seconds, full length | seconds |\n"
      "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
      runs, length);
  std::vector<Row> rows;
  for (long seed = from; seed <= to; ++seed) {
    rows.push_back(compare(std::uint64_t(seed), runs, length));
    char name[20];
    std::snprintf(name, sizeof name, "%ld", seed);
    print(name, [&](const auto& of) { return of(rows.back()); });
  }
  print("median", [&](const auto& of) { return median(rows, of); });
  const auto count = [&](auto member) {
    return static_cast<long>(
        std::count_if(rows.begin(), rows.end(), [&](const Row& row) { return std::isfinite(row.*member); }));
  };
  std::printf(
      "\nWith a quarter of the iterations, freeze-thaw's lowest complete run is as low as that of the full-length "
      "search "
      "on %ld\nof %zu seeds, and no more than 1 %% above it on %ld; the lowest of all its runs, paused ones too, on "
      "%ld.\n",
      count(&Row::to_full), rows.size(), count(&Row::to_near), count(&Row::to_paused));
}
