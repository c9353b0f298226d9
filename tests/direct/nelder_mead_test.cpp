#include <mesaopt/direct/nelder_mead.hpp>

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
using Eigen::VectorXd;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

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
  for (Eigen::Index i = 0; i < x.size(); ++i) value += std::pow(10, 2 * double(i) / double(x.size() - 1)) * x[i] * x[i];
  return value;
}};
const Any quartic{[](const VectorXd& x) {
  double squares = 0;
  for (Eigen::Index i = 0; i < x.size(); ++i) squares += std::pow(double(i + 1) * (x[i] - 1), 2);
  return squares + std::pow((x.array() - 1).sum(), 4);
}};

VectorXd all(Eigen::Index n, double value) { return VectorXd::Constant(n, value); }
VectorXd customary(Eigen::Index n) {
  return VectorXd::NullaryExpr(n, [](Eigen::Index i) { return i % 2 == 0 ? -1.2 : 1.0; });
}

using State = NelderMead::State<VectorXd>;

/// A bowl for small points of floats.
struct Bowl {
  template <Point X>
  ScalarOf<X> operator()(const X& x) const {
    return (x.array() - 1).matrix().squaredNorm();
  }
};

}  // namespace

static_assert(OptimizerFor<NelderMead, Any, VectorXd> && OptimizerFor<NelderMead, Within<Any, VectorXd>, VectorXd>);
static_assert(detail::handles_bounds<NelderMead> && !detail::needs_gradient<NelderMead>);

TEST_CASE("one simplex of Nelder and Mead takes as many evaluations as those of fminsearch and scipy",
          "[direct][nelder_mead]") {
  const NelderMead plain{.restarts = 0, .step_tolerance = 1e-4, .value_tolerance = 1e-4};
  // What the documentation of MATLAB's fminsearch shows for Rosenbrock's function.
  const auto rosenbrock = minimize(chained, customary(2), plain);
  CHECK(rosenbrock.counts[0].values == 159);
  CHECK(rosenbrock.counts[0].iterations == 85);
  CHECK(rosenbrock.value == Approx(8.1777e-10).epsilon(1e-5));
  CHECK(rosenbrock.status == Status::converged);
  // What scipy 1.17 takes with adaptive=True. Roundings differ, and with them, after some hundred steps, the counts.
  const auto takes = [&](const Any& f, const VectorXd& x0, double evaluations) {
    const auto solution = minimize(f, x0, plain);
    CHECK(double(solution.counts[0].values) == Approx(evaluations).epsilon(0.03));
    CHECK(solution.value < 1e-7);
  };
  takes(quartic, VectorXd{{3, -1, 0}}, 281);
  takes(chained, customary(4), 709);
  takes(sphere, all(5, 1), 329);
  takes(ellipsoid, all(16, 1), 2737);
  takes(sphere, all(32, 1), 4826);
}

TEST_CASE("Nelder and Mead solve problems of Moré, Garbow and Hillstrom without gradients", "[direct][nelder_mead]") {
  // Left out are those on which it meets another minimum.
  for (const int number : {1, 3, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16, 17, 20, 24, 35}) {
    const problems::MoreGarbowHillstrom problem(number);
    const auto solution = minimize(Any{[&](const VectorXd& x) { return problem(x); }}, problem.start(), NelderMead{});
    CAPTURE(number);
    CHECK(solution.value - problem.minimum() < 1e-9 * std::max(1.0, problem.minimum()));
    CHECK(solution.status == Status::converged);
  }
}

TEST_CASE("new simplices go on where one has stopped at no minimum", "[direct][nelder_mead]") {
  int alone = 0, with_restarts = 0;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    Random random{seed};
    VectorXd optimum(6), x0(6);
    for (Eigen::Index i = 0; i < 6; ++i) optimum[i] = random.uniform(-1., 1.), x0[i] = random.uniform(-2., 2.);
    const Any kinks{[&](const VectorXd& x) {
      const VectorXd distance = (x - optimum).cwiseAbs();
      return distance.maxCoeff() + distance.sum();
    }};
    alone += minimize(kinks, x0, NelderMead{.restarts = 0}).value < 1e-6;
    with_restarts += minimize(kinks, x0, NelderMead{}).value < 1e-6;
  }
  CHECK(alone < 7);
  CHECK(with_restarts == 10);
}

TEST_CASE("Nelder and Mead keep bounds, and find minima on them", "[direct][nelder_mead]") {
  const Box<VectorXd> box{VectorXd{{-2, -2, 0.3}}, VectorXd{{0.5, 2, 0.3}}};
  const Any watched{[&](const VectorXd& x) {
    if (!box.contains(x)) throw std::runtime_error("outside");
    return chained(x.head(2)) + x[2];
  }};
  const auto solution = minimize(within(watched, box), VectorXd{{0, 0, 0.3}}, NelderMead{});
  CHECK(solution.value == Approx(0.55));
  CHECK(solution.x[0] == Approx(0.5));
  CHECK(solution.x[1] == Approx(0.25).margin(1e-4));
  const auto corner = minimize(within(watched, box), VectorXd{{0.5, 2, 0.3}}, NelderMead{.step_size = 1});
  CHECK(corner.value == Approx(0.55));
  State state;
  CHECK_THROWS_WITH(NelderMead{}.init(within(watched, box), VectorXd{{0.6, 0, 0.3}}, state),
                    Catch::Contains("start: coordinate 0"));
}

TEST_CASE("only the order of values moves the simplex", "[direct][nelder_mead]") {
  const NelderMead plain{.step_tolerance = 0, .value_tolerance = 0};
  State one, other;
  const Any bent{[](const VectorXd& x) { return std::log(1e-3 + chained(x)); }};
  plain.init(chained, customary(3), one);
  plain.init(bent, customary(3), other);
  for (int k = 0; k < 150; ++k) plain.step(chained, one), plain.step(bent, other);
  CHECK(identical(one.simplex, other.simplex));
  CHECK(one.value < 1);
}

TEST_CASE("what is not finite is worse than all, and a start that is not is a bad one", "[direct][nelder_mead]") {
  const Any cliff{[](const VectorXd& x) { return x[0] < 0.2 ? std::nan("") : x[1] > 2 ? infinity : chained(x); }};
  const auto solution = minimize(cliff, VectorXd{{3, 2}}, NelderMead{.step_size = 0.5});
  CHECK(solution.value < 1e-8);
  const auto bad = minimize(cliff, VectorXd{{0, 0}}, NelderMead{});
  CHECK(bad.status == Status::bad_start);
  CHECK(bad.counts[0].values == 1);
  // Everywhere but at the start: it shrinks on to that point.
  const Any alone{[](const VectorXd& x) { return x == all(2, 1) ? 1 : infinity; }};
  const auto nowhere = minimize(alone, all(2, 1), NelderMead{});
  CHECK(nowhere.value == 1);
  CHECK(nowhere.counts[0].evaluations() < 1000);
}

TEST_CASE("asked for more than floating point has, Nelder and Mead end", "[direct][nelder_mead]") {
  const NelderMead exact{.step_tolerance = 0, .value_tolerance = 0};
  const auto flat = minimize(Any{[](const VectorXd& x) { return 1e6 + x.squaredNorm(); }}, all(5, 1), exact);
  CHECK((flat.status == Status::stalled || flat.status == Status::converged));
  CHECK(flat.counts[0].evaluations() < 10000);
  const auto floats = minimize(Bowl{}, Eigen::Vector3f(3, -1, 2), exact);
  CHECK((floats.status == Status::stalled || floats.status == Status::converged));
  CHECK(floats.value < 1e-6f);
}

TEST_CASE("the evaluation limit and exceptions leave a run that can go on to the same end", "[direct][nelder_mead]") {
  const NelderMead optimizer{};
  const auto whole = minimize(chained, customary(4), optimizer);
  for (const std::int64_t limit : {1, 2, 4, 5, 50, 51, 52, 53}) {
    int calls = 0;
    const Any counted{[&](const VectorXd& x) { return ++calls, chained(x); }};
    const auto solution = minimize(counted, customary(4), optimizer, MaxEvaluations{limit});
    CHECK(calls == limit);
    CHECK(solution.status == Status::max_evaluations);
    CHECK(solution.value == chained(solution.x));
    CHECK(solution.value <= chained(customary(4)));
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
  CHECK(state.value < 1e-8);
  CHECK(whole.value < 1e-8);
}

TEST_CASE("a simplex that is copied, or saved and loaded, goes on with the same bits, without allocating",
          "[direct][nelder_mead]") {
  const NelderMead optimizer{};
  State state;
  optimizer.init(ellipsoid, all(6, 1), state);
  for (int k = 0; k < 40; ++k) optimizer.step(ellipsoid, state);
  State copy = state, loaded = load<State>(save(state));
  optimizer.step(ellipsoid, state);
  const long before = allocations();
  for (int k = 0; k < 400; ++k) optimizer.step(ellipsoid, state);
  CHECK(allocations() == before);
  for (State* one : {&copy, &loaded})
    for (int k = 0; k < 401; ++k) optimizer.step(ellipsoid, *one);
  CHECK(identical(copy, state));
  CHECK(identical(loaded, state));

  State fresh;
  const VectorXd x0 = all(6, 2);
  const long later = allocations();
  optimizer.init(ellipsoid, x0, state);
  CHECK(allocations() == later);
  optimizer.init(ellipsoid, x0, fresh);
  for (State* one : {&state, &fresh})
    for (int k = 0; k < 30; ++k) optimizer.step(ellipsoid, *one);
  CHECK(identical(fresh, state));
}

TEST_CASE("one variable is enough for Nelder and Mead, and settings out of range are refused",
          "[direct][nelder_mead]") {
  CHECK(minimize(sphere, all(1, 3), NelderMead{}).value < 1e-10);
  CHECK(minimize(sphere, all(1, 0), NelderMead{}).value == 0);
  State state;
  CHECK_THROWS_WITH(NelderMead{.step_size = -1}.check(), Catch::Contains("NelderMead::step_size"));
  CHECK_THROWS_WITH(NelderMead{.restarts = -1}.check(), Catch::Contains("NelderMead::restarts"));
  CHECK_THROWS_WITH(NelderMead{.step_tolerance = -1}.check(), Catch::Contains("NelderMead::step_tolerance"));
  CHECK_THROWS_AS(NelderMead{.value_tolerance = std::nan("")}.init(sphere, all(1, 3), state), std::invalid_argument);
  CHECK_THROWS_AS(NelderMead{}.init(sphere, VectorXd(), state), std::invalid_argument);
}
