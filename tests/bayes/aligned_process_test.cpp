#include <mesaopt/bayes/aligned_process.hpp>

#include <cmath>

#include <Eigen/Core>

#include <mesaopt/bayes/acquisition.hpp>
#include <mesaopt/bayes/kernels.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd, Eigen::VectorXd;
using K = kernels::SquaredExponential;

static_assert(PredictiveProcess<AlignedProcess<K>>);

namespace {

const ValueScale bent{.middle = 1, .unit = 2, .mean = 0.3, .deviation = 1.7};
const Alignment moved{VectorXd{{0.1, -0.05}}, 0.4, 0.2};

EarlierTask<K> task() {
  const MatrixXd X{{0.1, 0.4, 0.7, 0.9, 0.2}, {0.3, 0.8, 0.1, 0.6, 0.9}};
  EarlierTask<K> out;
  out.model.process = GaussianProcess<K>(K{VectorXd{{0.4}}}, GaussianProcessSettings<double>{.noise = 1e-3});
  out.model.process.fit(X, VectorXd{{0.2, 1.9, 2.6, -0.5, 0.1}});
  out.model.scale = {.middle = -1, .unit = 0.5, .mean = 0.1, .deviation = 1.4};
  out.alignment = moved;
  out.residual =
      GaussianProcess<Scaled<K>>(Scaled<K>{{0.3}, K{VectorXd{{0.6}}}}, GaussianProcessSettings<double>{.noise = 1e-4});
  out.residual.fit(X.leftCols(2), VectorXd{{0.3, -0.2}});
  return out;
}

}  // namespace

TEST_CASE("an aligned value and its derivatives are those of the composed scales", "[bayes][aligned_process]") {
  const ValueScale earlier = task().model.scale;
  constexpr double h = 1e-5;
  // Below the tails, in the earlier one's, and in both.
  for (const double mean : {-0.4, 2.3, 3.5}) {
    const AlignedValue at(earlier, bent, moved, mean);
    const double units = (earlier.value(mean) - earlier.middle) / earlier.unit;
    CHECK(at.value == Approx(bent(bent.middle + bent.unit * (std::exp(0.4) * units + 0.2))).epsilon(1e-12));
    const AlignedValue up(earlier, bent, moved, mean + h), down(earlier, bent, moved, mean - h);
    CHECK(at.slope == Approx((up.value - down.value) / (2 * h)).epsilon(1e-7));
    CHECK(at.curvature == Approx((up.slope - down.slope) / (2 * h)).epsilon(1e-7).margin(1e-8));
    Alignment other = moved;
    other.log_stretch += h;
    CHECK(at.by_log_stretch == Approx((AlignedValue(earlier, bent, other, mean).value - at.value) / h).epsilon(1e-3));
    other = moved;
    other.lift += h;
    CHECK(at.by_lift == Approx((AlignedValue(earlier, bent, other, mean).value - at.value) / h).epsilon(1e-3));
  }
}

TEST_CASE("gradients of an aligned process agree with differences", "[bayes][aligned_process]") {
  const EarlierTask<K> earlier = task();
  AlignedProcess<K> process(earlier, bent);
  AlignedPrediction at, up, down;
  const MatrixXd X{{0.55, 0.3}, {0.15, 0.75}};
  process.predict_with_gradients(X, at);
  constexpr double h = 1e-6;
  for (Eigen::Index i = 0; i < 2; ++i) {
    MatrixXd shifted = X;
    shifted.row(i).array() += h;
    process.predict(shifted, up);
    shifted.row(i).array() -= 2 * h;
    process.predict(shifted, down);
    for (Eigen::Index j = 0; j < 2; ++j) {
      CHECK(at.mean_gradient(i, j) == Approx((up.mean[j] - down.mean[j]) / (2 * h)).epsilon(1e-5).margin(1e-7));
      CHECK(at.variance_gradient(i, j) ==
            Approx((up.variance[j] - down.variance[j]) / (2 * h)).epsilon(1e-5).margin(1e-7));
    }
  }
  // What is believed is certain afterwards, and changes no mean.
  process.believe(X.col(0));
  process.predict(X, up);
  CHECK(up.mean[0] == Approx(at.mean[0]).epsilon(1e-6));
  CHECK(up.variance[0] < 1e-2 * at.variance[0]);
  CHECK(amplification(earlier, bent, moved, earlier.residual, X).minCoeff() > 1);
}
