#include <mesaopt/bayes/spectral.hpp>

#include <cmath>

#include "support/catch.hpp"

using namespace mesaopt;
using namespace mesaopt::kernels;
using Vector = Eigen::VectorXd;

namespace {
/// The largest error of the mean of cosines, relative to k(0, 0), over some distances.
template <class K>
double error(const K& k) {
  Random random{9};
  const int count = 20000;
  Eigen::MatrixXd at(2, 3);
  at << 0.3, 0.1, -1, 0, 0.7, 0.5;
  Vector w(2), sums = Vector::Zero(3);
  double variance = 0;
  for (int i = 0; i < count; ++i) {
    variance = draw_frequency(k, random, w);
    for (Eigen::Index j = 0; j < 3; ++j) sums[j] += std::cos(w.dot(at.col(j))) / count;
  }
  const Vector zero = Vector::Zero(2);
  double worst = std::abs(variance / k(zero, zero) - 1);
  for (Eigen::Index j = 0; j < 3; ++j)
    worst = std::max(worst, std::abs(sums[j] * variance - k(zero, at.col(j))) / variance);
  return worst;
}
}  // namespace

static_assert(SpectralKernel<Product<Constant, Sum<Matern52, SquaredExponential>>>);
static_assert(!SpectralKernel<Linear> && !SpectralKernel<Sum<Matern52, Linear>>);

TEST_CASE("the mean cosine of random frequencies is the kernel, of each that has them", "[bayes]") {
  // Five standard deviations of a mean of 20000 cosines are at most 0.025.
  const Vector scales = (Vector(2) << 0.4, 0.9).finished();
  const SquaredExponential squared{scales}, plain;
  const Matern12 half{scales};
  const Matern32 three{scales};
  const Matern52 five{scales};
  CHECK(error(squared) < 0.025);
  CHECK(error(half) < 0.025);
  CHECK(error(three) < 0.025);
  CHECK(error(five) < 0.025);
  CHECK(error(2.0 * three + 0.7 * plain) < 0.025);
  CHECK(error(half * plain) < 0.025);
}
