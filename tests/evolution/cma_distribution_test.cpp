#include <mesaopt/evolution/cma_distribution.hpp>

#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/random.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::Matrix3d, Eigen::MatrixXd, Eigen::Vector3d, Eigen::VectorXd;

TEST_CASE("four generations learn what pycma 4.5 learns from the same points", "[evolution][cma]") {
  // Steps of f = x^2 + 10 y^2 + 100 z^2, best first, from (1, 2, 3) with step size 0.5. In the second and third
  // generation the rank-one update is stalled. pycma began with a covariance of exactly 1 and had the tutorial's
  // c_sigma and chi_n in place of its own; it adds 1e-9 to the lengths by which negative weights are divided.
  const double steps[4][7][3] = {{{-0.4046774146008909, -0.5453599476195303, -1.546477315582968},
                                  {0.9823674342581601, -1.1010676301114755, -1.185046527020173},
                                  {-1.8634927033644908, -0.2773882025143992, -0.35475897926898714},
                                  {-0.08274148148245986, -0.6270006768238474, -0.04381816897592827},
                                  {1.7886284734303186, 0.43650985051198976, 0.09649746807200899},
                                  {0.8813180422075297, 1.7095730636529485, 0.05003364217686013},
                                  {-0.4772180303595026, -1.3138647533626822, 0.884622380499585}},
                                 {{-1.018213822936445, -1.303506273416972, -2.6211289287568933},
                                  {1.9776466810425297, -0.9684327108513666, -1.2888492452674578},
                                  {-0.7488748536452333, 0.09554813188992618, -0.32983826844548125},
                                  {1.2601895156256118, -0.6204009850789527, 0.5641241982955171},
                                  {-1.4697927843126433, 0.9111085996004789, 0.4962872341953209},
                                  {-0.971163311638515, -0.043227948016912994, 0.8905448138234628},
                                  {-1.1959714598420983, 0.4023710472346112, 1.3631744245942543}},
                                 {{-1.147299371332792, -2.333280005660143, -1.6110531841667064},
                                  {0.85905948807993, -1.6464357978805075, -0.44900878765070246},
                                  {-0.54554970750258, 1.2423242290262104, -0.7273046994491618},
                                  {0.36525018100449785, -0.8257728251704628, 0.3205092481542904},
                                  {1.8051634099676488, 0.42531022835835824, 0.5928587974705227},
                                  {0.021284116757533403, 1.7531345324803822, 0.9613069383104514},
                                  {-0.4643186768649579, -0.6267363406928713, 2.0550673064070137}},
                                 {{1.3480019468580862, 0.3409981100077983, -0.4234086656004047},
                                  {-0.05731850649863281, 0.8839581958430944, -0.06239540180430167},
                                  {-0.708679102507721, -0.09979887250297324, -1.1980232841232081},
                                  {-2.2368794812295243, -0.5949065905821399, -1.3073794441031192},
                                  {-1.1441893150774933, 1.5000634375780701, 0.38515611726380633},
                                  {2.00499872973132, 0.7126399345118679, 0.4678680116645415},
                                  {1.0350165194670817, -0.34667470303944636, 0.6254710670941757}}};
  const Vector3d means[4] = {{0.9120936817532488, 1.6622417716147013, 2.3520950445312674},
                             {0.8560035148643456, 1.1256420980443076, 1.3401433461779617},
                             {0.5137241673078011, -0.06832264822055192, 0.5219139165502549},
                             {1.2454376494072847, 0.40746966241260835, 0.08297847750771181}};
  const double step_sizes[4] = {0.5182741118621684, 0.70332306977896, 1.0658000621786536, 1.2468639538879578};
  const Matrix3d covariances[4] = {Matrix3d{{0.916708842727276, -0.1245809027381907, 0.07510170016194986},
                                            {-0.12458090273819068, 0.836468001264417, 0.3045357356883692},
                                            {0.07510170016194986, 0.3045357356883692, 1.3484249097061571}},
                                   Matrix3d{{0.8669661145589068, -0.045738164997869646, 0.3538163534030574},
                                            {-0.045738164997869646, 0.9625580710424074, 0.47139032943779524},
                                            {0.3538163534030574, 0.47139032943779524, 1.61019666257859}},
                                   Matrix3d{{0.921175139365531, -0.0021936932815421403, 0.46123123492332824},
                                            {-0.002193693281542154, 1.1498469824901854, 0.62687932769127},
                                            {0.46123123492332824, 0.62687932769127, 1.6402819199540557}},
                                   Matrix3d{{0.7445201715378639, 0.12482494005429495, 0.25764270532109373},
                                            {0.12482494005429495, 1.0937180283492465, 0.590859319630031},
                                            {0.2576427053210938, 0.590859319630031, 1.6186197752939393}}};

  CmaDistribution<Vector3d> distribution;
  distribution.mean = {1, 2, 3};
  distribution.covariance.setIdentity();
  distribution.step_size = 0.5;
  REQUIRE(distribution.begin(7, true));
  distribution.parameters.gap = 1;  // decomposes in every generation, as pycma does in so few variables
  const double mu_eff = distribution.parameters.mu_eff, tutorial = (mu_eff + 2) / (3 + mu_eff + 5);
  distribution.parameters.d_sigma += tutorial - distribution.parameters.c_sigma;
  distribution.parameters.c_sigma = tutorial;
  std::vector<Eigen::Index> best_first(7);
  std::iota(best_first.begin(), best_first.end(), Eigen::Index(0));
  for (int g = 0; g < 4; ++g) {
    PointsOf<Vector3d> y(3, 7);
    for (Eigen::Index k = 0; k < 7; ++k) y.col(k) = Vector3d(steps[g][k]);
    const PointsOf<Vector3d> z =
        distribution.axis_lengths.cwiseInverse().asDiagonal() * Matrix3d(distribution.axes.transpose()).lazyProduct(y);
    PointsOf<Vector3d> shaped(3, 7);
    distribution.shape(z, shaped);
    CHECK((shaped - y).norm() < 1e-14);
    distribution.learn(best_first, z, y);
    distribution.decompose_when_due();
    CAPTURE(g);
    CHECK((distribution.mean - means[g]).norm() < 3e-9);
    CHECK((distribution.covariance - covariances[g]).norm() < 3e-9);
    CHECK(distribution.step_size == Approx(step_sizes[g]).epsilon(3e-9));
  }
}

TEST_CASE("the covariance is symmetric to the last bit, and decomposed when that is due", "[evolution][cma]") {
  CmaDistribution<VectorXd> distribution;
  distribution.mean = VectorXd::Zero(7);
  distribution.covariance = MatrixXd::Identity(7, 7);
  distribution.step_size = 1;
  REQUIRE(distribution.begin(9, true));
  std::vector<Eigen::Index> best_first{8, 3, 5, 0, 1, 2, 4, 7, 6};
  Random random{9};
  PointsOf<VectorXd> z(7, 9), y(7, 9);
  std::uint64_t last = 0;
  for (int g = 1; g <= 50; ++g) {
    random.fill_normal(z);
    distribution.shape(z, y);
    distribution.learn(best_first, z, y);
    CHECK(distribution.covariance == distribution.covariance.transpose());
    REQUIRE(distribution.decompose_when_due());
    CHECK(double(distribution.generation - distribution.decomposed) < distribution.parameters.gap);
    if (distribution.decomposed != last)
      CHECK((MatrixXd(distribution.axes * distribution.axis_lengths.cwiseAbs2().asDiagonal())
                 .lazyProduct(distribution.axes.transpose()) -
             distribution.covariance)
                .norm() < 1e-13);
    last = distribution.decomposed;
  }
}

TEST_CASE("under random selection covariance and step size stay the same on average", "[evolution][cma]") {
  const int trials = 4000;
  MatrixXd covariance = MatrixXd::Zero(4, 4);
  double logarithm = 0;
  std::vector<Eigen::Index> best_first(8);
  std::iota(best_first.begin(), best_first.end(), Eigen::Index(0));
  Random random{17};
  PointsOf<VectorXd> z(4, 8), y(4, 8);
  CmaDistribution<VectorXd> distribution;
  for (int trial = 0; trial < trials; ++trial) {
    distribution.mean = VectorXd::Zero(4);
    distribution.covariance = MatrixXd::Identity(4, 4);
    distribution.step_size = 1;
    REQUIRE(distribution.begin(8, true));
    // Paths in their stationary distribution, as after many generations.
    random.fill_normal(distribution.conjugate_path);
    random.fill_normal(distribution.evolution_path);
    distribution.generation = 1000;
    random.fill_normal(z);
    distribution.shape(z, y);
    distribution.learn(best_first, z, y);
    covariance += distribution.covariance / trials;
    logarithm += std::log(distribution.step_size) / trials;
  }
  CHECK((covariance - MatrixXd::Identity(4, 4)).cwiseAbs().maxCoeff() < 0.01);
  CHECK(std::abs(logarithm) < 0.005);
}

TEST_CASE("a coordinate can be made independent of the others", "[evolution][cma]") {
  CmaDistribution<Vector3d> distribution;
  distribution.mean.setZero();
  distribution.covariance = Matrix3d{{2, 1, 0.5}, {1, 5, 0.25}, {0.5, 0.25, 4}};
  distribution.step_size = 1;
  REQUIRE(distribution.begin(7, true));
  distribution.isolate(1);
  CHECK(distribution.covariance == Matrix3d{{2, 0, 0.5}, {0, 3, 0}, {0.5, 0, 4}});
}

TEST_CASE("a covariance that is none is noticed", "[evolution][cma]") {
  CmaDistribution<Vector3d> distribution;
  distribution.mean.setZero();
  distribution.step_size = 1;
  for (const double variance : {0.0, -1.0, std::nan("")}) {
    distribution.covariance = Matrix3d::Identity();
    distribution.covariance(1, 1) = variance;
    CHECK_FALSE(distribution.begin(7, true));
  }
}
