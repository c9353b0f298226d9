#include <mesaopt/direct/bobyqa.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <stdexcept>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/objective/bounds.hpp>
#include <mesaopt/problems/more_garbow_hillstrom.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

struct Any {
  std::function<double(const VectorXd&)> f;
  double operator()(const VectorXd& x) const { return f(x); }
};
const Any chained{[](const VectorXd& x) {
  double value = 0;
  for (Eigen::Index i = 0; i + 1 < x.size(); ++i)
    value += 100 * std::pow(x[i + 1] - x[i] * x[i], 2) + std::pow(1 - x[i], 2);
  return value;
}};
const Any sphere{[](const VectorXd& x) { return x.squaredNorm(); }};
const Any ellipsoid{[](const VectorXd& x) {
  double value = 0;
  for (Eigen::Index i = 0; i < x.size(); ++i) value += std::pow(10, 3 * double(i) / double(x.size() - 1)) * x[i] * x[i];
  return value;
}};

VectorXd all(Eigen::Index n, double value) { return VectorXd::Constant(n, value); }
VectorXd customary(Eigen::Index n) {
  return VectorXd::NullaryExpr(n, [](Eigen::Index i) { return i % 2 == 0 ? -1.2 : 1.0; });
}
double tenth(const VectorXd& x) { return 0.1 * std::max(1.0, x.lpNorm<Eigen::Infinity>()); }

using State = Bobyqa::State<VectorXd>;

/// Evaluations until f is at the target.
double evaluations(const Any& f, const VectorXd& x0, double target, Bobyqa optimizer) {
  const auto solution = minimize(f, x0, optimizer, TargetReached{target} || MaxEvaluations{20000});
  CHECK(solution.status == Status::target_reached);
  return double(solution.counts[0].evaluations());
}
double evaluations_in_box(const Any& f, const VectorXd& x0, double lower, double upper, double target) {
  const Box<VectorXd> box{all(x0.size(), lower), all(x0.size(), upper)};
  const auto solution = minimize(within(f, box), x0, Bobyqa{.radius = tenth(x0), .tolerance = 1e-10},
                                 TargetReached{target} || MaxEvaluations{20000});
  CHECK(solution.status == Status::target_reached);
  return double(solution.counts[0].evaluations());
}

/// A Hessian whose axes are no coordinate axes, to a power: the spectrum from 1 to 1e4, seen in a mirror.
MatrixXd tilted(Eigen::Index n, double power) {
  VectorXd normal(n);
  for (Eigen::Index i = 0; i < n; ++i) normal[i] = std::sin(double(3 * i + 1));
  normal.normalize();
  const auto mirror = [&](Eigen::Index i, Eigen::Index j) { return double(i == j) - 2 * normal[i] * normal[j]; };
  MatrixXd H = MatrixXd::Zero(n, n);
  for (Eigen::Index k = 0; k < n; ++k)
    for (Eigen::Index j = 0; j < n; ++j)
      for (Eigen::Index i = 0; i < n; ++i)
        H(i, j) += mirror(i, k) * std::pow(10, 4 * power * double(k) / double(n - 1)) * mirror(j, k);
  return H;
}
double quadratic(const MatrixXd& H, const VectorXd& x) {
  const VectorXd product = H * x;
  return x.dot(product) / 2;
}

struct Bowl {
  template <Point X>
  ScalarOf<X> operator()(const X& x) const {
    return (x.array() - 1).matrix().squaredNorm() + x[0] * x[1] / 2;
  }
};

/// A prior with an inverse Hessian.
struct Known {
  VectorXd x;
  MatrixXd inverse_hessian;
};

}  // namespace

static_assert(OptimizerFor<Bobyqa, Any, VectorXd> && OptimizerFor<Bobyqa, Within<Any, VectorXd>, VectorXd>);
static_assert(detail::handles_bounds<Bobyqa> && !detail::needs_gradient<Bobyqa> && HasInverseHessian<State>);

TEST_CASE("Bobyqa takes no more than 1.1 times the evaluations of NLopt's BOBYQA in the geometric mean",
          "[direct][bobyqa]") {
  // NLopt 2.7.1, LN_BOBYQA: nlopt_set_initial_step1(0.1 max(1, |x0|)), nlopt_set_stopval(target), xtol_abs = 1e-12; the
  // target is 1e-8 max(1, f*) above the minimum f*. Left out are those on which either ends elsewhere.
  double logarithms = 0;
  int count = 0;
  const auto compare = [&](double ours, double theirs) {
    CAPTURE(ours, theirs);
    CHECK(ours <= 2 * theirs);
    logarithms += std::log(ours / theirs);
    ++count;
  };
  const auto free = [&](const Any& f, const VectorXd& x0, double minimum, double theirs) {
    const double target = minimum + 1e-8 * std::max(1.0, std::abs(minimum));
    compare(evaluations(f, x0, target, {.radius = tenth(x0), .tolerance = 1e-10}), theirs);
  };
  free(sphere, all(2, 1), 0, 9);
  free(sphere, all(10, 1), 0, 30);
  free(ellipsoid, all(5, 1), 0, 16);
  free(ellipsoid, all(10, 1), 0, 40);
  free(ellipsoid, all(20, 1), 0, 55);
  free(chained, customary(2), 0, 162);
  free(chained, customary(5), 0, 413);
  const struct {
    int number;
    double theirs;
  } counted[] = {{1, 150},  {5, 72},   {6, 65},   {7, 167},   {8, 145},   {9, 11},    {11, 471},  {12, 110}, {13, 338},
                 {14, 728}, {15, 221}, {16, 181}, {21, 1529}, {22, 2693}, {23, 1923}, {25, 1442}, {27, 988}, {28, 472},
                 {29, 55},  {30, 174}, {31, 582}, {32, 27},   {33, 120},  {34, 96},   {35, 341}};
  for (const auto& [number, theirs] : counted) {
    CAPTURE(number);
    const problems::MoreGarbowHillstrom problem(number);
    free(Any{[&](const VectorXd& x) { return problem(x); }}, problem.start(), problem.minimum(), theirs);
  }
  CHECK(std::exp(logarithms / count) < 1.1);

  logarithms = count = 0;
  // The minima were found by both, to 1e-14.
  compare(evaluations_in_box(chained, all(2, 0), -2, 0.8, 0.04 + 1e-8), 58);
  const Any pushed{[](const VectorXd& x) { return (x.array() - 0.3).matrix().squaredNorm() + x.sum() * x.sum(); }};
  compare(evaluations_in_box(pushed, all(2, 1), 0, 2, 0.12 + 1e-8), 22);
  compare(evaluations_in_box(pushed, all(5, 1), 0, 2, 0.375 + 1e-8), 54);
  compare(evaluations_in_box(pushed, all(10, 1), 0, 2, 0.9 * 10 / 11 + 1e-8), 117);
  CHECK(std::exp(logarithms / count) < 1.1);
}

TEST_CASE("a quadratic that as many points determine is minimized by the first step", "[direct][bobyqa]") {
  const MatrixXd H = tilted(4, 1);
  const VectorXd optimum{{0.1, -0.2, 0.05, 0.15}};
  const Any f{[&](const VectorXd& x) { return quadratic(H, x - optimum); }};
  const Bobyqa optimizer{.radius = 1, .points = 15};
  State state;
  optimizer.init(f, all(4, 0), state);
  optimizer.step(f, state);
  CHECK(state.calls.counts[0].values == 15);
  CHECK((state.inverse_hessian() - tilted(4, -1)).cwiseAbs().maxCoeff() < 1e-6);
  optimizer.step(f, state);
  CHECK(state.calls.counts[0].values == 16);
  CHECK(state.value < 1e-3 * f(all(4, 0)));
  // Conjugate gradients are cut short; then the points, still a unit away, are drawn near.
  while (state.value > 1e-10 && state.status == Status::running) optimizer.step(f, state);
  CHECK(state.calls.counts[0].values < 60);
}

TEST_CASE("correlations that a prior knows spare Bobyqa evaluations", "[direct][bobyqa]") {
  const MatrixXd H = tilted(8, 1);
  const Any f{[&](const VectorXd& x) { return quadratic(H, x); }};
  const Bobyqa optimizer{.radius = 0.1};
  const auto plain = minimize(f, all(8, 1), optimizer, TargetReached{1e-8});
  const auto informed = minimize(f, Known{all(8, 1), 7 * tilted(8, -1)}, optimizer, TargetReached{1e-8});
  CHECK(informed.counts[0].values < 60);
  CHECK(plain.counts[0].values > 2 * informed.counts[0].values);
  // What it learnt itself is as good.
  const auto after = minimize(f, plain.state, optimizer, TargetReached{1e-12});
  CHECK(after.value <= 1e-12);
  State state;
  optimizer.init(f, Known{all(8, 1), MatrixXd::Zero(8, 8)}, state);  // no inverse of anything: ignored
  CHECK(state.first.correlations.size() == 0);
}

TEST_CASE("Bobyqa keeps bounds at every point, narrow and equal ones as well", "[direct][bobyqa]") {
  const double infinity = std::numeric_limits<double>::infinity();
  const Box<VectorXd> box{VectorXd{{-2, -infinity, 0.3, -1e-3}}, VectorXd{{0.5, 2, 0.3, 1e-3}}};
  const Any watched{[&](const VectorXd& x) {
    if (!box.contains(x)) throw std::runtime_error("outside");
    return chained(x.head(2)) + x[2] + 1e4 * std::pow(x[3] - 0.5e-3, 2);
  }};
  for (const VectorXd& x0 :
       {VectorXd{{0, 0, 0.3, 0}}, VectorXd{{0.5, 2, 0.3, 1e-3}}, VectorXd{{-2, 1.9, 0.3, -1e-3}}}) {
    const auto solution = minimize(within(watched, box), x0, Bobyqa{});
    CHECK(solution.value == Approx(0.55).epsilon(1e-10));
    CHECK(solution.x[0] == 0.5);
    CHECK(solution.x[1] == Approx(0.25).margin(1e-6));
    CHECK(solution.x[3] == Approx(0.5e-3).margin(1e-7));
    CHECK(solution.status == Status::converged);
  }
  State state;
  CHECK_THROWS_WITH(Bobyqa{}.init(within(watched, box), VectorXd{{0.6, 0, 0.3, 0}}, state),
                    Catch::Contains("start: coordinate 0"));
  const auto none = minimize(within(sphere, Box<VectorXd>{all(2, 1), all(2, 1)}), all(2, 1), Bobyqa{});
  CHECK(none.status == Status::converged);
  CHECK(none.counts[0].values == 1);
}

TEST_CASE("points without a finite value are rejected, and a start without one is a bad one", "[direct][bobyqa]") {
  const Any cliff{[](const VectorXd& x) { return x[0] < 0.7 || x[1] > 4.2 ? std::nan("") : chained(x); }};
  const auto solution = minimize(cliff, VectorXd{{2, 4}}, Bobyqa{.radius = 0.5});
  CHECK(solution.value < 1e-10);
  CHECK(solution.status == Status::converged);
  const Any wall{[](const VectorXd& x) { return x[0] < 0.2 ? std::nan("") : x.squaredNorm(); }};
  const auto at_wall = minimize(wall, VectorXd{{1, 1}}, Bobyqa{.radius = 0.5});
  CHECK(at_wall.value >= 0.04);
  CHECK(at_wall.value < 1);
  CHECK(at_wall.counts[0].evaluations() < 1000);
  const auto corners = minimize(Any{[](const VectorXd& x) { return x[0] + x[1] > 2.55 ? std::nan("") : chained(x); }},
                                VectorXd{{1.3, 1.2}}, Bobyqa{.radius = 0.05, .points = 6});
  CHECK(corners.value < 1e-10);
  const auto bad = minimize(cliff, VectorXd{{0, 0}}, Bobyqa{});
  CHECK(bad.status == Status::bad_start);
  CHECK(bad.counts[0].values == 1);
  const auto alone =
      minimize(Any{[](const VectorXd& x) { return x == all(2, 1) ? 1 : std::nan(""); }}, all(2, 1), Bobyqa{});
  CHECK(alone.value == 1);
  CHECK(alone.status == Status::stalled);
}

TEST_CASE("Bobyqa ends where floating point has no more, in float as in double", "[direct][bobyqa]") {
  const auto flat =
      minimize(Any{[](const VectorXd& x) { return 1e6 + x.squaredNorm(); }}, all(5, 1), Bobyqa{.tolerance = 1e-14});
  CHECK((flat.status == Status::stalled || flat.status == Status::converged));
  CHECK(flat.counts[0].evaluations() < 2000);
  const auto constant = minimize(Any{[](const VectorXd&) { return 3; }}, all(3, 1), Bobyqa{});
  CHECK(constant.counts[0].evaluations() < 500);
  CHECK(constant.value == 3);
  const auto floats = minimize(Bowl{}, Eigen::Vector3f(3, -1, 2), Bobyqa{});
  CHECK((floats.status == Status::stalled || floats.status == Status::converged));
  CHECK(floats.x[0] == Approx(0.8).margin(1e-3));
  CHECK(floats.x[2] == Approx(1).margin(1e-3));
  // One variable has room for three points.
  CHECK(minimize(Any{[](const VectorXd& x) { return std::cosh(x[0] - 1); }}, all(1, 3), Bobyqa{}).x[0] ==
        Approx(1).margin(1e-6));
  for (const Eigen::Index points : {6, 9, 12, 15})
    CHECK(evaluations(chained, customary(4), 1e-8, {.points = points}) < 1500);
}

TEST_CASE("the evaluation limit and exceptions leave a run of Bobyqa that goes on to the same end",
          "[direct][bobyqa]") {
  const Bobyqa optimizer{};
  State whole;
  optimizer.init(chained, customary(4), whole);
  while (whole.status == Status::running) optimizer.step(chained, whole);
  CHECK(whole.value < 1e-12);
  for (const std::int64_t limit : {1, 2, 5, 9, 10, 50}) {
    int calls = 0;
    const Any counted{[&](const VectorXd& x) { return ++calls, chained(x); }};
    const auto solution = minimize(counted, customary(4), optimizer, MaxEvaluations{limit});
    CHECK(calls == limit);
    CHECK(solution.status == Status::max_evaluations);
    CHECK(solution.value == chained(solution.x));
  }
  int calls = 0;
  const Any sometimes{[&](const VectorXd& x) {
    if (++calls % 7 == 0) throw std::runtime_error("now and then");
    return chained(x);
  }};
  State state;
  optimizer.init(sometimes, customary(4), state);
  while (state.status == Status::running) {
    try {
      optimizer.step(sometimes, state);
    } catch (const std::runtime_error&) {
      CHECK(state.value == chained(state.x));
    }
  }
  CHECK(identical(state.x, whole.x));
}

TEST_CASE("a Bobyqa that is copied, or saved and loaded, goes on with the same bits, without allocating",
          "[direct][bobyqa]") {
  const Bobyqa optimizer{.tolerance = 1e-12};
  State state;
  optimizer.init(chained, customary(6), state);
  for (int k = 0; k < 40; ++k) optimizer.step(chained, state);
  State copy = state, loaded = load<State>(save(state));
  optimizer.step(chained, state);
  const long before = allocations();
  for (int k = 0; k < 700; ++k) optimizer.step(chained, state);
  CHECK(allocations() == before);
  for (State* one : {&copy, &loaded})
    for (int k = 0; k < 701; ++k) optimizer.step(chained, *one);
  CHECK(identical(copy, state));
  CHECK(identical(loaded, state));

  State fresh;
  const VectorXd x0 = all(6, 2);
  const long later = allocations();
  optimizer.init(chained, x0, state);
  optimizer.step(chained, state);
  CHECK(allocations() == later);
  optimizer.init(chained, x0, fresh);
  optimizer.step(chained, fresh);
  for (State* one : {&state, &fresh})
    for (int k = 0; k < 30; ++k) optimizer.step(chained, *one);
  CHECK(identical(fresh, state));
}

TEST_CASE("settings of Bobyqa out of their range are refused", "[direct][bobyqa]") {
  State state;
  CHECK_THROWS_WITH(Bobyqa{.radius = -1}.check(), Catch::Contains("Bobyqa::radius"));
  CHECK_THROWS_WITH(Bobyqa{.tolerance = 0}.check(), Catch::Contains("Bobyqa::tolerance"));
  CHECK_THROWS_WITH((Bobyqa{.radius = 1e-3, .tolerance = 1e-2}.check()), Catch::Contains("Bobyqa::tolerance"));
  CHECK_THROWS_WITH(Bobyqa{.points = 4}.init(sphere, all(3, 1), state), Catch::Contains("Bobyqa::points"));
  CHECK_THROWS_WITH(Bobyqa{.points = 11}.init(sphere, all(3, 1), state), Catch::Contains("Bobyqa::points"));
  CHECK_THROWS_AS(Bobyqa{}.init(sphere, VectorXd(), state), std::invalid_argument);
  CHECK_THROWS_AS(Bobyqa{}.init(sphere, VectorXd{{1, std::nan("")}}, state), std::invalid_argument);
}
