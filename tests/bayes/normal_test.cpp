#include <mesaopt/bayes/normal.hpp>

#include <cmath>
#include <limits>

#include "support/catch.hpp"

using namespace mesaopt::detail;

namespace {

// By mpmath at 60 digits: log h, P / h, p / h, log P and p / P of
//
//   P = erfc(-z / sqrt(2)) / 2;  p = exp(-z * z / 2) / sqrt(2 * pi);  h = p + z * P
struct Row {
  double z, log_h, probability, density, log_probability, slope;
};
const Row rows[] = {
    {40.0, 3.6888794541139363029, 0.025, 0, 0.0, 0},
    {8.0, 2.0794415416798359377, 0.12499999999999992106, 6.3153388544211153003e-16, -6.2209605742717860585e-16,
     5.0522710835368954309e-15},
    {1.0, 0.080026218849306940029, 0.77663872520173925975, 0.22336127479826074025, -0.17275377902344988953,
     0.28759997093917836123},
    {0.25, -0.62297823090676788688, 1.1162715463877813478, 0.72093211340305466306, -0.51298407540943043213,
     0.64583937101681726584},
    {0.0, -0.91893853320467274178, 1.2533141373155002512, 1.0, -0.69314718055994530942, 0.79788456080286535588},
    {-0.5, -1.6205162643873199193, 1.5598731483480796712, 1.7799365741740398356, -1.1759117615936186089,
     1.1410777703680644809},
    {-1.5, -3.5299359208057098515, 2.2795806941564461644, 4.4193710412346692467, -2.705944400823889807,
     1.9386771666225431895},
    {-1.999, -4.7661045172409742785, 2.6785964810460032289, 6.3545143656109607496, -3.7808115609997648758,
     2.3723298416077572368},
    {-2.001, -4.7714633510343209562, 2.680237363173457165, 6.363154963710087492, -3.7855579920851953224,
     2.3741012833937882142},
    {-3.0, -7.8696860596030285171, 3.5323375176251605167, 11.59701255287548155, -6.6077262215103495433,
     3.2830986549304365069},
    {-6.0, -22.578879392169797367, 6.309840773209831577, 38.859044639258989462, -20.736768949974705655,
     6.1584826045445989173},
    {-10.0, -55.553122036122355927, 10.194383033412553306, 102.94383033412553306, -53.231285150512470578,
     10.098093233962511963},
    {-38.0, -730.19618340211373916, 38.052522760041328294, 1446.9958648815704752, -726.5572160188201301,
     38.026279466575868988},
    {-1e2, -5010.1295788002497923, 100.01999400419586505, 10002.999400419586505, -5005.5242086942050886,
     100.00999800099926071},
    {-1e4, -50000019.339619307157, 10000.000199999994, 100000002.99999994, -50000010.129278915181, 10000.000099999998},
    {-1e6, -500000000028.54995965, 1000000.000002, 1000000000003.0, -500000000014.73444909, 1000000.000001},
};

/// The largest error of all rows: absolute where a number is below 1, else relative.
template <class S>
double worst_error() {
  double worst = 0;
  const auto compare = [&](S got, double want) {
    const double error = std::abs(double(got) - want) / std::max(1.0, std::abs(want));
    if (!(error <= worst)) worst = error;
  };
  for (const Row& row : rows) {
    const auto improvement = log_improvement(S(row.z));
    S slope;
    compare(log_normal_probability(S(row.z), slope), row.log_probability);
    compare(slope, row.slope);
    compare(improvement.value, row.log_h);
    compare(improvement.probability, row.probability);
    compare(improvement.density, row.density);
  }
  return worst;
}

}  // namespace

TEST_CASE("log h and log Phi agree with 60 digits from +40 to -1e6 in double precision", "[bayes]") {
  CHECK(worst_error<double>() < 3e-15);
}

TEST_CASE("log h and log Phi agree with 60 digits in single precision", "[bayes]") {
  // -1.999 is rounded to single precision first.
  CHECK(worst_error<float>() < 2e-6);
}

TEST_CASE("log Phi keeps its relative precision where the probability is nearly one", "[bayes]") {
  double slope;
  CHECK(log_normal_probability(8.0, slope) == Approx(-6.2209605742717860585e-16).epsilon(1e-13));
  CHECK(slope == Approx(5.0522710835368954309e-15).epsilon(1e-13));
}

TEST_CASE("the continued fraction has converged where it takes over", "[bayes]") {
  // h(-2) / phi(2) and Phi(-2) / phi(2) by mpmath.
  const double h = 0.15726154142389105355, mills = 0.42136922928805447322;
  const NormalTail<double> tail = normal_tail(2.0);
  CHECK(tail.ratio == Approx(mills).epsilon(1e-14));
  CHECK(tail.fraction * tail.ratio == Approx(h).epsilon(1e-14));
}

TEST_CASE("a NaN stays a NaN and minus infinity is no NaN", "[bayes]") {
  double slope;
  CHECK(std::isnan(log_normal_probability(std::nan(""), slope)));
  CHECK(std::isnan(log_improvement(std::nan("")).value));
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK(log_normal_probability(-infinity, slope) == -infinity);
  CHECK(log_improvement(-infinity).value == -infinity);
}
