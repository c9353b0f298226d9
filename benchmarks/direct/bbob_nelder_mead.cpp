// How many evaluations Nelder-Mead needs on BBOB: expected running times to 1e-8, beside those of
// the Nelder-Mead that was entered into BBOB 2009 (NELDERDOERR, and NELDER by Hansen).
//
//   bbob_nelder_mead [dimension = 5] [budget per dimension = 10000] [instances = 15] [folder for COCO's data files]

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/direct/nelder_mead.hpp>
#include <mesaopt/problems/bbob.hpp>

#include "../bbob_protocol.hpp"

namespace {

// Expected running times to 1e-8 in five variables, from COCO's data archive; 0 where no trial arrived.
struct Published {
  double nelder, nelder_doerr;
};
constexpr Published published[24] = {{235.5, 236.9},
                                     {837.3, 988.9},
                                     {2396856.3, 440487.7},
                                     {0, 1468445.0},
                                     {42.5, 25.0},
                                     {4257.7, 24610.7},
                                     {482879.4, 113121.1},
                                     {1363.9, 1050.1},
                                     {2003.9, 772.4},
                                     {1117.3, 901.7},
                                     {2725.1, 2392.3},
                                     {1606.9, 1909.7},
                                     {3866.5, 11751.7},
                                     {544.7, 667.2},
                                     {1605660.2, 1423072.0},
                                     {7216841.0, 0},
                                     {0, 0},
                                     {0, 0},
                                     {0, 0},
                                     {0, 1418858.0},
                                     {17192.8, 2123.5},
                                     {12762.3, 2249.1},
                                     {209613.6, 0},
                                     {0, 0}};

}  // namespace

int main(int count, char** arguments) {
  const auto argument = [&](int i, long otherwise) { return count > i ? std::atol(arguments[i]) : otherwise; };
  const Eigen::Index n = argument(1, 5);
  const auto budget = std::uint64_t(argument(2, 10000)) * std::uint64_t(n);
  const int instances = int(argument(3, 15));
  bbob::CocoData data;
  if (count > 4) data = bbob::CocoData(arguments[4], "mesaopt-nelder-mead");

  std::printf(
      "Nelder-Mead, started anew from a point in [-4, 4]^%d with edges of 1 whenever it has converged, on instances 1 "
      "to "
      "%d, %llu evaluations a trial.\n\n"
      "| function | arrived | expected running time | its 90 %% bound | NELDER 2009 | NELDERDOERR 2009 |\n"
      "| --- | ---: | ---: | ---: | ---: | ---: |\n",
      int(n), instances, static_cast<unsigned long long>(budget));
  double logarithms = 0;
  int compared = 0;
  for (int function = 1; function <= bbob::Bbob::count; ++function) {
    std::vector<bbob::Trial> trials;
    data.begin_problem(function, n);
    const char* name = "";
    for (int instance = 1; instance <= instances; ++instance) {
      const bbob::Bbob f(function, n, instance);
      name = f.name();
      trials.push_back(
          bbob::trial(f, budget, std::uint64_t(1000 * function + instance), data,
                      [&](const bbob::Watched& watched, mesaopt::Random& random) {
                        (void)mesaopt::minimize(
                            watched, bbob::random_start(n, random),
                            mesaopt::NelderMead{.step_size = 1, .step_tolerance = 1e-11, .value_tolerance = 1e-11},
                            mesaopt::MaxEvaluations{1'000'000'000});
                      }));
    }
    data.end_problem();
    const auto arrived = std::count_if(trials.begin(), trials.end(), [](const bbob::Trial& t) { return t.reached; });
    const double expected = bbob::expected_running_time(trials);
    std::printf("| f%d %s | %d of %d | %.0f | %.0f |", function, name, int(arrived), instances, expected,
                bbob::bootstrap_quantile(trials, 0.9));
    const auto& [nelder, doerr] = published[function - 1];
    for (const double other : {nelder, doerr}) {
      if (n == 5 && other > 0)
        std::printf(" %.0f |", other);
      else
        std::printf(" – |");
    }
    std::printf("\n");
    std::fflush(stdout);
    if (n == 5 && 3 * arrived >= 2 * instances && nelder > 0 && doerr > 0) {
      logarithms += std::log(expected / std::min(nelder, doerr));
      ++compared;
    }
  }
  if (compared > 0)
    std::printf(
        "\nGeometric mean of the ratios to the better of the two, over the %d functions on which two thirds of "
        "the trials arrived: %.2f.\n",
        compared, std::exp(logarithms / compared));
}
