// How many evaluations CMA-ES needs on BBOB: expected running times to 1e-8, beside those of the better of BIPOP-CMA-ES
// (BBOB 2009) and IPOP-aCMA-ES (BBOB 2010); or, for single runs, beside pycma's.
//
//   bbob_cma_es [dimension = 5] [budget per dimension = 10000] [nbipop, bipop, ipop or single = nbipop]
//               [instances = 15] [first function = 1] [last function = 24] [trials an instance = 1]
//               [folder for COCO's data files]
//
// As in COCO's experiments trials begin at a point that is uniform in [-4, 4]^n, with a step size of 2. Those of single
// runs are on instances 1 to 5, again and again, as pycma's were.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/evolution/cma_es.hpp>
#include <mesaopt/evolution/restarts.hpp>
#include <mesaopt/problems/bbob.hpp>

#include "../bbob_protocol.hpp"

namespace {

using Eigen::VectorXd;

// Expected running times to 1e-8 from COCO's data archive; 0 where no trial arrived.
struct Published {
  double bipop_2009, active_2010;
};
constexpr Published in_5[24] = {{726, 702},     {2157, 1748},    {2.31e5, 2.23e6}, {0, 0},           {66, 68},
                                {1862, 1774},   {1738, 1298},    {2341, 1962},     {2382, 1895},     {2152, 1744},
                                {2308, 1615},   {5140, 4327},    {4365, 2749},     {2513, 1631},     {25476, 22454},
                                {17220, 10371}, {9782, 9165},    {16123, 10771},   {1.22e5, 1.18e5}, {1.21e5, 64304},
                                {45232, 59189}, {43104, 2.74e5}, {60582, 1.08e6},  {1.28e7, 0}};
constexpr Published in_10[24] = {{1472, 1478},    {6096, 4565},     {2.14e7, 9.68e6}, {0, 0},          {123, 138},
                                 {4417, 4101},    {7856, 4241},     {6365, 6287},     {6712, 5512},    {5962, 4498},
                                 {5743, 3445},    {13734, 10076},   {15786, 9021},    {7189, 4184},    {1.07e5, 69801},
                                 {72156, 63027},  {27229, 28118},   {53587, 38764},   {1.4e6, 7.51e5}, {5.93e5, 5.29e5},
                                 {71644, 2.57e5}, {1.28e6, 4.21e6}, {3.05e5, 0},      {7.48e7, 0}};

// Over them the geometric mean of the expected running times of single runs of pycma 4.4 is known.
constexpr int mostly_unimodal[] = {1, 2, 5, 6, 8, 9, 10, 11, 12, 14};

/// The better of the two; infinity where neither arrived, or in another dimension.
double published(int function, Eigen::Index n) {
  if (n != 5 && n != 10) return INFINITY;
  const auto [bipop, active] = (n == 5 ? in_5 : in_10)[function - 1];
  return std::min(bipop > 0 ? bipop : INFINITY, active > 0 ? active : INFINITY);
}

double pycma(Eigen::Index n) { return n == 5 ? 1181 : n == 10 ? 2975 : n == 20 ? 8047 : NAN; }

void optimize(const std::string& method, const bbob::Watched& f, mesaopt::Random& random) {
  const VectorXd x0 =
      method == "single" ? bbob::random_start(f.f->dimension(), random) : VectorXd(VectorXd::Zero(f.f->dimension()));
  // A run whose values differ by less than a tenth of the precision wanted is not on its way there.
  const mesaopt::CmaEs es{.step_size = 2, .seed = random.below(1'000'000'000), .value_tolerance = 1e-9};
  const mesaopt::MaxEvaluations never{1'000'000'000'000};
  constexpr auto forever = std::numeric_limits<std::uint64_t>::max();
  if (method == "nbipop")
    (void)mesaopt::minimize(f, x0, mesaopt::Restarts{es, mesaopt::Nbipop{}, 4.0, forever, true}, never);
  else if (method == "bipop")
    (void)mesaopt::minimize(f, x0, mesaopt::Restarts{es, mesaopt::Bipop{}, 4.0, forever, true}, never);
  else if (method == "ipop")
    (void)mesaopt::minimize(f, x0, mesaopt::Restarts{es, mesaopt::Ipop{}, 4.0, forever, true}, never);
  else
    (void)mesaopt::minimize(f, x0, es, never);
}

}  // namespace

int main(int count, char** arguments) {
  const auto argument = [&](int i, long otherwise) { return count > i ? std::atol(arguments[i]) : otherwise; };
  const Eigen::Index n = argument(1, 5);
  const auto budget = std::uint64_t(argument(2, 10000)) * std::uint64_t(n);
  const std::string method = count > 3 ? arguments[3] : "nbipop";
  if (n < 2 || (method != "nbipop" && method != "bipop" && method != "ipop" && method != "single")) {
    std::printf("usage: bbob_cma_es [dimension] [budget per dimension] [nbipop, bipop, ipop or single] ...\n");
    return 1;
  }
  const bool single = method == "single";
  const int instances = int(argument(4, 15)), first = int(argument(5, 1)), last = int(argument(6, 24));
  const int repeats = int(argument(7, 1)), trials_each = instances * repeats;
  bbob::CocoData data;
  if (count > 8) data = bbob::CocoData(arguments[8], "mesaopt-" + method + "-cma-es");

  std::printf(
      "CMA-ES, %s, in %d variables on instances 1 to %d, trials on each: %d, of %llu evaluations.\n\n"
      "| function | arrived | expected running time | its 90 %% bound | published | ratio | its 90 %% bound |\n"
      "| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n",
      single               ? "single runs, one after the other if one ends, each from another start"
      : method == "ipop"   ? "restarted by IPOP"
      : method == "nbipop" ? "restarted by NBIPOP"
                           : "restarted by BIPOP",
      int(n), instances, repeats, static_cast<unsigned long long>(budget));
  double logarithms = 0, unimodal = 0, worst = 0;
  int compared = 0, unimodals = 0;
  for (int function = first; function <= last; ++function) {
    const bool mostly_one = std::count(std::begin(mostly_unimodal), std::end(mostly_unimodal), function) > 0;
    if (single && !mostly_one) continue;
    std::vector<bbob::Trial> trials;
    data.begin_problem(function, n);
    const char* name = "";
    for (int i = 0; i < trials_each; ++i) {
      const int instance = 1 + i % instances;
      const bbob::Bbob f(function, n, single ? 1 + (instance - 1) % 5 : instance);  // as pycma was measured
      name = f.name();
      trials.push_back(bbob::trial(
          f, budget, std::uint64_t(1000 * function + instance + 1'000'000 * (i / instances)), data,
          [&](const bbob::Watched& watched, mesaopt::Random& random) { optimize(method, watched, random); }));
    }
    data.end_problem();
    const auto arrived = std::count_if(trials.begin(), trials.end(), [](const bbob::Trial& t) { return t.reached; });
    const double expected = bbob::expected_running_time(trials), bound = bbob::bootstrap_quantile(trials, 0.9);
    const double theirs = published(function, n);
    std::printf("| f%d %s | %d of %d | %.0f | %.0f |", function, name, int(arrived), trials_each, expected, bound);
    if (std::isfinite(theirs) && arrived > 0)
      std::printf(" %.0f | %.2f | %.2f |\n", theirs, expected / theirs, bound / theirs);
    else
      std::printf(" – | – | – |\n");
    std::fflush(stdout);
    if (std::isfinite(theirs) && 3 * arrived >= 2 * trials_each) {
      logarithms += std::log(expected / theirs);
      worst = std::max(worst, bound / theirs);
      ++compared;
    }
    if (mostly_one) {
      unimodal += std::log(expected);
      ++unimodals;
    }
  }
  if (compared > 0)
    std::printf(
        "\nGeometric mean of the ratios, over the %d functions on which two thirds of the trials arrived: %.3f. The "
        "largest 90 %% bound of a ratio: %.2f.\n",
        compared, std::exp(logarithms / compared), worst);
  if (unimodals == 10) {
    std::printf("\nGeometric mean of the expected running times over the 10 mostly unimodal functions: %.0f",
                std::exp(unimodal / 10));
    if (std::isfinite(pycma(n))) std::printf("; pycma: %.0f, ratio %.3f", pycma(n), std::exp(unimodal / 10) / pycma(n));
    std::printf(".\n");
  }
}
