#include <mesaopt/evolution/elitist_cma_es.hpp>

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/evolution/cma_es.hpp>
#include <mesaopt/objective/bounds.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {
struct Any {
  std::function<double(const VectorXd&)> f;
  double operator()(const VectorXd& x) const { return f(x); }
};
const Any sphere{[](const VectorXd& x) { return x.squaredNorm(); }};
/// Axes from 1 to `condition`, rotated by a reflection, so that it is not separable.
Any ellipsoid(double condition) {
  return {[=](const VectorXd& x) {
    const VectorXd y = x.array() - 2 * x.mean();
    double sum = 0;
    for (Eigen::Index i = 0; i < y.size(); ++i)
      sum += std::pow(condition, double(i) / double(y.size() - 1)) * y[i] * y[i];
    return sum;
  }};
}

double evaluations(const Any& f, Eigen::Index n, const ElitistCmaEs& es) {
  std::vector<double> all;
  for (std::uint64_t seed = 1; seed <= 11; ++seed) {
    ElitistCmaEs one = es;
    one.seed = seed;
    const auto s = minimize(f, VectorXd(VectorXd::Ones(n)), one, TargetReached{1e-10} || MaxEvaluations{100'000});
    all.push_back(s.status == Status::target_reached ? double(s.counts[0].evaluations()) : INFINITY);
  }
  std::nth_element(all.begin(), all.begin() + 5, all.end());
  return all[5];
}
}  // namespace

TEST_CASE("the active (1+1)-CMA-ES needs on ellipsoids what it is known to need", "[elitist_cma_es]") {
  // A (1+1)-ES with the best step size takes about n / 0.2 evaluations to divide the distance by e, 5 n.
  const double sphere_10 = evaluations(sphere, 10, {.step_size = 1});
  CHECK(sphere_10 > 10 * 5 * std::log(std::sqrt(10.0) / 1e-5) * 0.8);
  CHECK(sphere_10 < 10 * 5 * std::log(std::sqrt(10.0) / 1e-5) * 1.6);
  // Arnold and Hansen (2010): negative updates save evaluations the more the worse the condition is in few
  // directions, as on the discus, and do no harm elsewhere.
  const Any discus{[](const VectorXd& x) {
    const double mean = x.mean();
    return 1e6 * mean * mean * double(x.size()) + (x.array() - mean).square().sum();
  }};
  const double active = evaluations(discus, 10, {}), passive = evaluations(discus, 10, {.active = false});
  CHECK(active < 0.75 * passive);
  CHECK(evaluations(ellipsoid(1e6), 10, {}) < evaluations(ellipsoid(1e6), 10, {.active = false}));
}

TEST_CASE("the (1+1)-CMA-ES takes on spheres what was published of it", "[elitist_cma_es]") {
  // Auger and Hansen (2009), "Benchmarking the (1+1)-CMA-ES on the BBOB-2009 function testbed", f1: expected running
  // times to 1e-8; start and minimum are uniform in [-4, 4]^n, the step size is 2.
  struct Published {
    Eigen::Index n;
    double evaluations;
  };
  for (const auto& [n, published] : {Published{5, 441.1}, Published{10, 843.1}, Published{20, 1763.3}}) {
    double mean = 0;
    for (std::uint64_t seed = 1; seed <= 15; ++seed) {
      Random random{seed, 1};
      VectorXd x0(n);
      for (double& entry : x0) entry = random.uniform(-4.0, 4.0) - random.uniform(-4.0, 4.0);
      const auto s = minimize(sphere, x0, ElitistCmaEs{.step_size = 2, .seed = seed, .active = false},
                              TargetReached{1e-8} || MaxEvaluations{5000});
      mean += double(s.counts[0].evaluations()) / 15;
    }
    CHECK(mean == Approx(published).epsilon(0.08));
  }
}

TEST_CASE("the parent is the best point, and the inverse stays that of the root", "[elitist_cma_es]") {
  const ElitistCmaEs es{};
  ElitistCmaEs::State<VectorXd> state;
  const Any f = ellipsoid(1e4);
  es.init(f, VectorXd(VectorXd::Ones(6)), state);
  double lowest = INFINITY;
  for (int i = 0; i < 3000 && state.status == Status::running; ++i) {
    es.step(f, state);
    REQUIRE(state.value <= lowest);
    lowest = state.value;
  }
  CHECK(f(state.x) == state.value);
  CHECK(f(state.mean) == Approx(state.value));
  CHECK((state.root * state.inverse - Eigen::MatrixXd::Identity(6, 6)).norm() <= 1e-8);
}

TEST_CASE("its covariance begins a CMA-ES, and that of a CMA-ES begins it", "[elitist_cma_es]") {
  const Any f = ellipsoid(1e6);
  const VectorXd x0 = VectorXd::Ones(8);
  const auto learnt = minimize(f, x0, ElitistCmaEs{}, MaxEvaluations{3000});
  CmaEs::State<VectorXd> state;
  CmaEs{}.init(learnt, state);
  CHECK((state.covariance - learnt.state.covariance()).norm() <= 1e-12 * state.covariance.norm());
  const auto other = minimize(f, x0, CmaEs{}, MaxEvaluations{3000});
  const auto cold = minimize(f, other.x, ElitistCmaEs{}, TargetReached{1e-14} || MaxEvaluations{20'000});
  const auto warm = minimize(f, other, ElitistCmaEs{}, TargetReached{1e-14} || MaxEvaluations{20'000});
  CHECK(warm.status == Status::target_reached);
  CHECK(warm.counts[0].evaluations() < cold.counts[0].evaluations() / 2);
}

TEST_CASE("a run of one saved and loaded in the middle goes on with the same bits, and allocates nothing",
          "[elitist_cma_es]") {
  const ElitistCmaEs es{};
  ElitistCmaEs::State<VectorXd> straight, loaded;
  const Any f = ellipsoid(1e3);
  es.init(f, VectorXd(VectorXd::Ones(5)), straight);
  for (int i = 0; i < 200; ++i) es.step(f, straight);
  es.ask(straight);
  load(save(straight), loaded);
  auto copied = straight;
  for (int i = 0; i < 200; ++i) {
    es.step(f, straight);
    es.step(f, loaded);
    es.step(f, copied);
  }
  CHECK(identical(straight, loaded));
  CHECK(identical(straight, copied));
  const long before = allocations();
  es.init(f, VectorXd(straight.mean), straight);
  const long begun = allocations();
  for (int i = 0; i < 20; ++i) es.step(sphere, straight);
  CHECK(allocations() == begun);
  CHECK(begun - before <= 1);  // the point that is handed over
}

TEST_CASE("one elitist keeps a box, and finds a minimum on its edge", "[elitist_cma_es]") {
  const Any inside{[](const VectorXd& x) {
    if (x.maxCoeff() > 2 || x.minCoeff() < -1) FAIL("outside of the box");
    return (x.array() - 3).square().sum();
  }};
  const auto f = within(inside, Box<VectorXd>{VectorXd::Constant(3, -1.0), VectorXd::Constant(3, 2.0)});
  const auto s = minimize(f, VectorXd(VectorXd::Zero(3)), ElitistCmaEs{});
  CHECK(s.value == Approx(3).epsilon(1e-6));
  CHECK((s.status == Status::stalled || s.status == Status::converged));
}

TEST_CASE("it works in one variable, in float, and where values are missing", "[elitist_cma_es]") {
  const Any holes{[](const VectorXd& x) { return x[0] < 0.1 ? std::nan("") : x.squaredNorm(); }};
  const auto s = minimize(holes, VectorXd(VectorXd::Ones(1)), ElitistCmaEs{});
  CHECK(s.x[0] == Approx(0.1).epsilon(1e-6));
  const auto f = [](const Eigen::Vector3f& x) { return (x.array() - 0.5f).square().sum(); };
  const auto t = minimize(f, Eigen::Vector3f(1, 2, 3), ElitistCmaEs{});
  CHECK((t.x.array() - 0.5f).abs().maxCoeff() < 1e-3f);
  CHECK(t.status == Status::stalled);
}

TEST_CASE("a start without a value ends it, and settings out of their range are refused", "[elitist_cma_es]") {
  const VectorXd x0 = VectorXd::Ones(2);
  CHECK(minimize(Any{[](const VectorXd&) { return INFINITY; }}, x0, ElitistCmaEs{}).status == Status::bad_start);
  CHECK_THROWS_WITH(minimize(sphere, x0, ElitistCmaEs{.step_size = 0}), Catch::Contains("ElitistCmaEs::step_size"));
  CHECK_THROWS_WITH(minimize(sphere, x0, ElitistCmaEs{.step_tolerance = -1}),
                    Catch::Contains("ElitistCmaEs::step_tolerance"));
  const auto flat = minimize(Any{[](const VectorXd&) { return 1.0; }}, x0, ElitistCmaEs{});
  CHECK(flat.status == Status::stalled);
  CHECK(flat.counts[0].evaluations() <= 80);
}
