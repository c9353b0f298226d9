// The demonstration (examples/03_two_networks.cpp) on ten random splits of the digits: does its outcome hold?
//
// Network 1: the loss on test images that no search has seen, untuned, with 67 penalties chosen by gradients through
// training, and chosen by CMA-ES with as much work. Network 2, wider: the inner iterations of a search from scratch,
// and of one that begins with what network 1 found and ends when it is as good on held-out images; then, looking at the
// test images after the fact, how many either takes to the same test loss. Prints Markdown tables.
//
//   two_networks [splits = 10]

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "digits.hpp"
#include "two_networks.hpp"

namespace {

using namespace examples;

struct Split {
  std::uint64_t seed = 0;
  Found untuned, gradient, values, few;  // network 1
  Found cold, warm, on;  // network 2: from scratch; from network 1, until as good; and as long as `cold`
};

Split run(std::uint64_t seed) {
  const TwoNetworks two(deal(digits(), seed), seed);
  const auto silent = [](const auto&) {};
  Split s;
  s.seed = seed;
  s.untuned = two.untuned();
  s.gradient = two.by_gradients(s.untuned, silent);
  s.values = two.by_values(s.untuned, s.gradient.work(), silent);
  s.few = two.few_by_values(s.untuned, s.gradient.work(), silent);
  s.cold = two.second_from_scratch(silent);
  s.warm = two.second_from_first(s.gradient, two.as_good_as(s.cold), silent);
  s.on = two.second_from_first(s.gradient, MaxWork{s.cold.work()}, silent);
  return s;
}

constexpr auto objective = &Found::Point::value, test_loss = &Found::Point::test;

double taken(const Found& found) { return static_cast<double>(found.inner.iterations); }

/// Percentage of inner iterations saved until the objective is that of the search from scratch in its end.
double saved(const Split& s) {
  const double level = s.cold.value();
  return 100 * (1 - s.warm.iterations_until(objective, level) / s.cold.iterations_until(objective, level));
}
/// The same until the test loss is that which the search from network 1 ends with. Where the other one never gets so
/// low, all its iterations count.
double saved_to_equal_test(const Split& s) {
  return 100 * (1 - taken(s.warm) / std::min(s.cold.iterations_until(test_loss, s.warm.test), taken(s.cold)));
}

double median(const std::vector<Split>& splits, const std::function<double(const Split&)>& of) {
  std::vector<double> v;
  for (const Split& s : splits) v.push_back(of(s));
  std::sort(v.begin(), v.end());
  const auto middle = v.size() / 2;
  return v.size() % 2 == 1 ? v[middle] : (v[middle - 1] + v[middle]) / 2;
}

long count(const std::vector<Split>& splits, const std::function<bool(const Split&)>& of) {
  return static_cast<long>(std::count_if(splits.begin(), splits.end(), of));
}

}  // namespace

int main(int arguments, char** argument) {
  const int wanted = arguments > 1 ? std::atoi(argument[1]) : 10;
  if (wanted < 1) {
    std::fprintf(stderr, "The number of splits must be 1 or more.\n");
    return 1;
  }
  std::vector<Split> splits;
  std::printf(
      "\n## Network 1: test loss, and work\n\n"
      "| split | untuned | 67 by gradients | 67 by CMA-ES | 4 by CMA-ES | work by gradients | by CMA-ES, 67 | by "
      "CMA-ES, 4 | hypergradients | by Gauss-Newton |\n"
      "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
  for (int i = 1; i <= wanted; ++i) {
    splits.push_back(run(static_cast<std::uint64_t>(i)));
    const Split& s = splits.back();
    std::printf("| %d | %.4f | %.4f | %.4f | %.4f | %.0f | %.0f | %.0f | %.0f | %.0f |\n", i, s.untuned.test,
                s.gradient.test, s.values.test, s.few.test, double(s.gradient.work()), double(s.values.work()),
                double(s.few.work()), double(s.gradient.outer.gradients), double(s.gradient.gauss_newton));
    std::fflush(stdout);
  }
  std::printf("| median | %.4f | %.4f | %.4f | %.4f | %.0f | %.0f | %.0f | | |\n",
              median(splits, [](auto& s) { return s.untuned.test; }),
              median(splits, [](auto& s) { return s.gradient.test; }),
              median(splits, [](auto& s) { return s.values.test; }), median(splits, [](auto& s) { return s.few.test; }),
              median(splits, [](auto& s) { return double(s.gradient.work()); }),
              median(splits, [](auto& s) { return double(s.values.work()); }),
              median(splits, [](auto& s) { return double(s.few.work()); }));

  std::printf(
      "\nWork counts inner gradients and Hessian products alike. The test loss is lower by gradients than untuned on "
      "%ld of %d\nsplits, than by CMA-ES with 67 penalties on %ld, and than by CMA-ES with 4 on %ld.\n",
      count(splits, [](auto& s) { return s.gradient.test < s.untuned.test; }), wanted,
      count(splits, [](auto& s) { return s.gradient.test < s.values.test; }),
      count(splits, [](auto& s) { return s.gradient.test < s.few.test; }));

  const auto iterations = [](double n) { return std::isfinite(n) ? std::to_string(std::lround(n)) : "never"; };
  std::printf(
      "\n## Network 2: inner iterations\n\n"
      "| split | from scratch | from network 1, until as good | saved | test loss | test loss from scratch | "
      "iterations "
      "from scratch to the former | saved | from network 1 to the latter |\n"
      "| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
  for (const Split& s : splits)
    std::printf("| %d | %.0f | %.0f | %.0f %% | %.4f | %.4f | %s | %.0f %% | %s |\n", static_cast<int>(s.seed),
                s.cold.iterations_until(objective, s.cold.value()), taken(s.warm), saved(s), s.warm.test, s.cold.test,
                iterations(s.cold.iterations_until(test_loss, s.warm.test)).c_str(), saved_to_equal_test(s),
                iterations(s.on.iterations_until(test_loss, s.cold.test)).c_str());
  std::printf("| median | %.0f | %.0f | %.0f %% | %.4f | %.4f | | %.0f %% | |\n",
              median(splits, [](auto& s) { return taken(s.cold); }),
              median(splits, [](auto& s) { return taken(s.warm); }), median(splits, saved),
              median(splits, [](auto& s) { return s.warm.test; }), median(splits, [](auto& s) { return s.cold.test; }),
              median(splits, saved_to_equal_test));
  std::printf(
      "\nFrom network 1, network 2 is as good on held-out images with %.0f %% fewer inner iterations in the median, "
      "and "
      "it\nis with %.0f %% fewer where it is as good on test images. Its test loss is the lower one of the two on %ld "
      "of %d splits;\nit gets as low as that of the search from scratch, with as much work, on %ld.\n",
      median(splits, saved), median(splits, saved_to_equal_test),
      count(splits, [](auto& s) { return s.warm.test < s.cold.test; }), wanted,
      count(splits, [](auto& s) { return std::isfinite(s.on.iterations_until(test_loss, s.cold.test)); }));
}
