#include <mesaopt/evolution/cma_distribution.hpp>

#include <numeric>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/random.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::Matrix3d, Eigen::MatrixXd, Eigen::Vector3d, Eigen::VectorXd;

TEST_CASE("four generations learn what pycma 4.5 learns from the same points", "[evolution][cma]") {
  // Steps of f = x^2 + 10 y^2 + 100 z^2, best first, from (1, 2, 3) with step size 0.5. In the second and third
  // generation the rank-one update is stalled. pycma ran with the tutorial's c_sigma in place of its own.
  const double steps[4][7][3] = {
      {{-0.4046774146008909, -0.5453690370277355, -1.5465288656859846},
       {0.9823674342581601, -1.101085981391571, -1.1850860292294403},
       {-1.8634927033644908, -0.27739282568963386, -0.35477080476538614},
       {-0.08274148148245986, -0.6270111269222118, -0.04381962960590435},
       {1.7886284734303186, 0.436517125736791, 0.09650068470788842},
       {0.8813180422075297, 1.7096015567747846, 0.05003530999272954},
       {-0.4772180303595026, -1.313886651291054, 0.8846518684037301}},
      {{-1.0182326925770995, -1.303472406149778, -2.621242014034283},
       {1.9776404877501186, -0.9684895971357589, -1.2888858067762121},
       {-0.7488714556400737, 0.09557371429597732, -0.3298531862964421},
       {1.2601667319662069, -0.620451638586887, 0.5641389836608459},
       {-1.4697748913664141, 0.9111587859081884, 0.4963060931964259},
       {-0.9711828751882041, -0.04321115849304879, 0.8905579351783315},
       {-1.1959823568673287, 0.40239640733522897, 1.3632083991786048}},
      {{-1.1473587757518593, -2.333277667612664, -1.6111613682819341},
       {0.8590183856211066, -1.6464777184974277, -0.44901610499966094},
       {-0.5454900290398401, 1.2423563500245547, -0.7273233436168143},
       {0.36521474803448434, -0.8257937754100297, 0.32051754539174876},
       {1.8051842773975897, 0.42526915321478276, 0.5929353412288365},
       {0.021325826297392526, 1.753154450524606, 0.9613559430461228},
       {-0.46440059487090374, -0.626738934877628, 2.0550972075120306}},
      {{1.348042687445421, 0.34096848576103056, -0.4233714038417683},
       {-0.057281537431563015, 0.8839726149251386, -0.062383483212085075},
       {-0.7086594326415573, -0.09977559291822638, -1.1980758591237943},
       {-2.2368947096111214, -0.5948485438031877, -1.3074903792190269},
       {-1.1441517658814029, 1.5001139327534245, 0.3851558791950976},
       {2.0050384382395854, 0.7125937162377745, 0.46795350840991756},
       {1.0349977110770023, -0.34671050847665896, 0.6255122010491737}}};
  const Vector3d means[4] = {{0.9120936817532488, 1.662236142263984, 2.352073447339467},
                             {0.855984235537248, 1.1255170378992747, 1.3398495524652005},
                             {0.5134563684985816, -0.06922239107094813, 0.5210449143436411},
                             {1.2460421257275782, 0.40710039968481454, 0.08163014233827232}};
  const double step_sizes[4] = {0.5183926111237108, 0.703776505450265, 1.0670129793916223, 1.2486718790613163};
  const Matrix3d covariances[4] = {
      Matrix3d{{0.916708842727276, -0.12458297910387268, 0.07510420359367889},
               {-0.12458297910387267, 0.8364958839958353, 0.30455096285582955},
               {0.07510420359367888, 0.30455096285582955, 1.3485148076967042}},
      Matrix3d{{0.866963687056538, -0.045737679581454915, 0.3538316988584364},
               {-0.04573767958145493, 0.9625831299717286, 0.4714068308979301},
               {0.3538316988584364, 0.4714068308979301, 1.6103137560774088}},
      Matrix3d{{0.9211716794291, -0.0021906992469537187, 0.4612579362740226},
               {-0.002190699246953691, 1.1498740305342543, 0.6269030508939962},
               {0.4612579362740227, 0.6269030508939962, 1.6404112994508653}},
      Matrix3d{{0.7445337132408805, 0.12483544868971651, 0.25765806096973015},
               {0.12483544868971654, 1.0937368003142725, 0.5908903488877864},
               {0.2576580609697302, 0.5908903488877862, 1.6187342096602693}}};

  CmaDistribution<Vector3d> distribution;
  distribution.mean = {1, 2, 3};
  distribution.covariance.setIdentity();
  distribution.step_size = 0.5;
  REQUIRE(distribution.begin(7, true));
  std::vector<Eigen::Index> best_first(7);
  std::iota(best_first.begin(), best_first.end(), Eigen::Index(0));
  for (int g = 0; g < 4; ++g) {
    PointsOf<Vector3d> y(3, 7);
    for (Eigen::Index k = 0; k < 7; ++k) y.col(k) = Vector3d(steps[g][k]);
    const PointsOf<Vector3d> z =
        distribution.axis_lengths.cwiseInverse().asDiagonal() * distribution.axes.transpose() * y;
    PointsOf<Vector3d> shaped(3, 7);
    distribution.shape(z, shaped);
    CHECK((shaped - y).norm() < 1e-14);
    distribution.learn(best_first, z, y);
    distribution.decompose_when_due();
    CAPTURE(g);
    CHECK((distribution.mean - means[g]).norm() < 1e-13);
    CHECK((distribution.covariance - covariances[g]).norm() < 1e-13);
    CHECK(distribution.step_size == Approx(step_sizes[g]).epsilon(1e-13));
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
      CHECK((distribution.axes * distribution.axis_lengths.cwiseAbs2().asDiagonal() * distribution.axes.transpose() -
             distribution.covariance).norm() < 1e-13);
    last = distribution.decomposed;
  }
}

TEST_CASE("under random selection the covariance keeps its size and the step size drifts nowhere", "[evolution][cma]") {
  // Unbiasedness of all updates: the expected logarithms of step size and of the determinant change little in 300
  // generations, over 40 runs, in which selection would change them a hundredfold.
  double step_sizes = 0, traces = 0;
  const int runs = 40;
  for (int run = 0; run < runs; ++run) {
    CmaDistribution<VectorXd> distribution;
    distribution.mean = VectorXd::Zero(5);
    distribution.covariance = MatrixXd::Identity(5, 5);
    distribution.step_size = 1;
    REQUIRE(distribution.begin(8, true));
    std::vector<Eigen::Index> best_first(8);
    std::iota(best_first.begin(), best_first.end(), Eigen::Index(0));
    Random random{std::uint64_t(run)};
    PointsOf<VectorXd> z(5, 8), y(5, 8);
    for (int g = 0; g < 300; ++g) {
      random.fill_normal(z);
      distribution.shape(z, y);
      distribution.learn(best_first, z, y);
      REQUIRE(distribution.decompose_when_due());
    }
    step_sizes += std::log(distribution.step_size) / runs;
    traces += distribution.covariance.trace() / 5 / runs;
  }
  CHECK(std::abs(step_sizes) < 1.5);
  CHECK(traces > 0.5);
  CHECK(traces < 2);
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
