#include <mesaopt/evolution/natural_evolution.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include <Eigen/Core>
#include <unsupported/Eigen/MatrixFunctions>

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/core/random.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {
/// Σ a^(i / (n − 1)) x_i²; or a cigar, x_0² + a Σ x_i²
struct Ellipsoid {
  double condition = 1e6;
  bool cigar = false;
  double operator()(const VectorXd& x) const {
    if (cigar) return x[0] * x[0] + condition * x.tail(x.size() - 1).squaredNorm();
    double sum = 0;
    for (Eigen::Index i = 0; i < x.size(); ++i)
      sum += std::pow(condition, double(i) / double(x.size() - 1)) * x[i] * x[i];
    return sum;
  }
};

template <class O>
double median_evaluations(const Ellipsoid& f, Eigen::Index n) {
  std::vector<double> evaluations;
  for (std::uint64_t seed = 1; seed <= 15; ++seed) {
    Random random{.seed = seed, .stream = 9};
    VectorXd x0(n);
    for (double& v : x0) v = random.uniform(-2.0, 2.0);
    const auto s = minimize(f, x0, O{.seed = seed}, TargetReached{1e-8});
    REQUIRE(s.status == Status::target_reached);
    evaluations.push_back(double(s.counts[0].evaluations()));
  }
  std::sort(evaluations.begin(), evaluations.end());
  return evaluations[7];
}
}  // namespace

TEST_CASE("utilities are those of the paper", "[natural_evolution]") {
  Eigen::VectorXd u;
  detail::set_utilities(10, u);
  CHECK(u.sum() == Approx(0).margin(1e-15));
  // log(6) − log(k), at least 0, normalized, less 1/10: the weights of the best are 1.7918, 1.0986, 0.6931, 0.4055,
  // 0.1823
  CHECK(u[0] == Approx(1.791759 / 4.171306 - 0.1).epsilon(1e-6));
  CHECK(u[4] == Approx(0.182322 / 4.171306 - 0.1).epsilon(1e-5));
  CHECK(u[5] == Approx(-0.1));
  CHECK(u[9] == Approx(-0.1));
}

TEST_CASE("one generation moves mean, step size and root as in the algorithm of xNES", "[natural_evolution]") {
  const Eigen::Index n = 4, lambda = 8;
  Random random{.seed = 6};
  NaturalDistribution<VectorXd> d;
  d.mean = VectorXd::LinSpaced(n, 0, 1);
  d.step_size = 0.3;
  d.root.resize(n, n);
  random.fill_normal(d.root);
  REQUIRE(d.begin(lambda, false));
  const auto before = d;
  MatrixXd draws(n, lambda), steps(n, lambda);
  random.fill_normal(draws);
  d.shape(draws, steps);
  CHECK((steps - before.root * draws).norm() < 1e-13);
  const std::vector<Eigen::Index> order{3, 1, 4, 0, 5, 7, 2, 6};
  d.learn(order, draws, steps);

  VectorXd g = VectorXd::Zero(n);
  MatrixXd G = MatrixXd::Zero(n, n);
  for (Eigen::Index k = 0; k < lambda; ++k) {
    const VectorXd s = draws.col(order[std::size_t(k)]);
    g += before.utilities[k] * s;
    G += before.utilities[k] * (s * s.transpose() - MatrixXd::Identity(n, n));
  }
  const double rate = 0.6 * (3 + std::log(double(n))) / (double(n) * std::sqrt(double(n)));
  const double trace = G.trace() / double(n);
  const MatrixXd shape = (rate / 2 * (G - trace * MatrixXd::Identity(n, n))).exp();
  CHECK((d.mean - (before.mean + 0.3 * before.root * g)).norm() < 1e-13);
  CHECK(d.step_size == Approx(0.3 * std::exp(rate / 2 * trace)).epsilon(1e-13));
  CHECK((d.root - before.root * shape).norm() < 1e-12);
  CHECK(d.root.determinant() == Approx(before.root.determinant()).epsilon(1e-12));
}

TEST_CASE("xNES takes no more evaluations than pagmo's", "[natural_evolution]") {
  // Medians of 15 seeds to 1e-8, from x0 uniform in [-2, 2]^10: pagmo's xNES needs 7233 and 9916.
  CHECK(median_evaluations<Xnes>(Ellipsoid{1}, 10) <= 7233);
  CHECK(median_evaluations<Xnes>(Ellipsoid{1e6}, 10) <= 9916);
}

TEST_CASE("xNES comes as low on a cigar as the program of one of its authors", "[natural_evolution]") {
  // PyBrain's, by T. Schaul: 3.77e-8 after 10 000 evaluations in 10 variables, from 4 with step size 1.
  double logarithm = 0;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const Xnes es{.step_size = 1, .seed = seed, .value_tolerance = 0};
    const auto s = minimize(Ellipsoid{1e6, true}, VectorXd(VectorXd::Constant(10, 4)), es, MaxEvaluations{10'000});
    logarithm += std::log(s.value / 3.77e-8) / 5;
  }
  CHECK(std::abs(logarithm) < std::log(3.0));
}

TEST_CASE("SNES minimizes separable objectives of hundreds of variables", "[natural_evolution]") {
  const auto s = minimize(Ellipsoid{1e3}, VectorXd(VectorXd::Constant(200, 1.0)), Snes{}, TargetReached{1e-8});
  CHECK(s.status == Status::target_reached);
  CHECK(s.counts[0].evaluations() < 200'000);
}

TEST_CASE("xNES follows a rotation of the objective and its start", "[natural_evolution]") {
  // Draws are the same numbers, so it is the same run only where the start distribution is rotated with the objective:
  // here by a permutation of the coordinates with its draws, which the count of evaluations must not notice much.
  const Eigen::Index n = 6;
  MatrixXd A = MatrixXd::Random(n, n);
  const MatrixXd Q = A.householderQr().householderQ();
  const Ellipsoid f{1e4};
  const auto rotated = [&](const VectorXd& x) { return f(VectorXd(Q * x)); };
  std::vector<double> plain, turned;
  for (std::uint64_t seed = 1; seed <= 9; ++seed) {
    const VectorXd x0 = VectorXd::Constant(n, 1.0);
    plain.push_back(double(minimize(f, x0, Xnes{.seed = seed}, TargetReached{1e-8}).counts[0].evaluations()));
    turned.push_back(double(minimize(rotated, VectorXd(Q.transpose() * x0), Xnes{.seed = seed}, TargetReached{1e-8})
                                .counts[0]
                                .evaluations()));
  }
  std::sort(plain.begin(), plain.end());
  std::sort(turned.begin(), turned.end());
  CHECK(turned[4] == Approx(plain[4]).epsilon(0.1));
}

TEMPLATE_TEST_CASE("a step of a natural strategy allocates nothing, and a saved run goes on with the same bits",
                   "[natural_evolution]", Xnes, Snes) {
  const TestType es{};
  typename TestType::template State<VectorXd> state, loaded;
  const Ellipsoid f{1e3};
  es.init(f, VectorXd(VectorXd::Constant(12, 1.0)), state);
  es.step(f, state);
  const long before = allocations();
  for (int i = 0; i < 50; ++i) es.step(f, state);
  CHECK(allocations() == before);
  load(save(state), loaded);
  for (int i = 0; i < 20; ++i) {
    es.step(f, state);
    es.step(f, loaded);
  }
  CHECK(identical(state, loaded));
}

TEST_CASE("a covariance goes on to xNES, and from it", "[natural_evolution]") {
  struct Known {
    VectorXd x = VectorXd::Zero(2);
    MatrixXd covariance = (MatrixXd(2, 2) << 4, 1, 1, 3).finished();
    double step_size = 0.5;
  };
  Xnes::State<VectorXd> state;
  Xnes{}.init(Known{}, state);
  CHECK((state.covariance() - Known{}.covariance).norm() < 1e-13);
  CHECK(state.step_size == 0.5);
  const Ellipsoid f{1e6};
  const VectorXd x0 = VectorXd::Constant(8, 1.0);
  const auto first = minimize(f, x0, Xnes{}, TargetReached{1e-4});
  const auto cold = minimize(f, first.x, Xnes{.value_tolerance = 0}, TargetReached{1e-10});
  const auto warm = minimize(f, first, Xnes{.value_tolerance = 0}, TargetReached{1e-10});
  CHECK(2 * warm.counts[0].evaluations() < cold.counts[0].evaluations());
}
