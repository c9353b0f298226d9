#include <mesaopt/direct/direct_l.hpp>

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <set>
#include <stdexcept>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/objective/bounds.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {

struct Any {
  std::function<double(const VectorXd&)> f;
  double operator()(const VectorXd& x) const { return f(x); }
};
using In = Within<Any, VectorXd>;
using State = DirectL::State<VectorXd>;

constexpr double pi = 3.14159265358979323846;

VectorXd all(Eigen::Index n, double value) { return VectorXd::Constant(n, value); }
VectorXd from(std::vector<double> numbers) {
  return Eigen::Map<const VectorXd>(numbers.data(), Eigen::Index(numbers.size()));
}
In in_box(std::function<double(const VectorXd&)> f, const VectorXd& lower, const VectorXd& upper) {
  return within(Any{std::move(f)}, Box<VectorXd>{lower, upper});
}

// The problems of Dixon and Szegő (1978), "The global optimization problem: an introduction".
double branin(const VectorXd& x) {
  return std::pow(x[1] - 5.1 / (4 * pi * pi) * x[0] * x[0] + 5 / pi * x[0] - 6, 2) +
         10 * (1 - 1 / (8 * pi)) * std::cos(x[0]) + 10;
}
double camel(const VectorXd& x) {
  const double a = x[0] * x[0], b = x[1] * x[1];
  return (4 - 2.1 * a + a * a / 3) * a + x[0] * x[1] + (4 * b - 4) * b;
}
double goldstein(const VectorXd& p) {
  const double x = p[0], y = p[1];
  return (1 + std::pow(x + y + 1, 2) * (19 - 14 * x + 3 * x * x - 14 * y + 6 * x * y + 3 * y * y)) *
         (30 + std::pow(2 * x - 3 * y, 2) * (18 - 32 * x + 12 * x * x + 48 * y - 36 * x * y + 27 * y * y));
}
double hartman(const VectorXd& x, const std::vector<double>& A, const std::vector<double>& P) {
  const double c[] = {1, 1.2, 3, 3.2};
  double sum = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    double exponent = 0;
    for (Eigen::Index j = 0; j < x.size(); ++j) {
      const std::size_t k = i * std::size_t(x.size()) + std::size_t(j);
      exponent += A[k] * std::pow(x[j] - P[k], 2);
    }
    sum -= c[i] * std::exp(-exponent);
  }
  return sum;
}
double hartman3(const VectorXd& x) {
  return hartman(x, {3, 10, 30, .1, 10, 35, 3, 10, 30, .1, 10, 35},
                 {.3689, .1170, .2673, .4699, .4387, .7470, .1091, .8732, .5547, .03815, .5743, .8828});
}
double hartman6(const VectorXd& x) {
  return hartman(x, {10, 3, 17, 3.5, 1.7, 8, .05, 10, 17, .1, 8, 14, 3, 3.5, 1.7, 10, 17, 8, 17, 8, .05, 10, .1, 14},
                 {.1312, .1696, .5569, .0124, .8283, .5886, .2329, .4135, .8307, .3736, .1004, .9991,
                  .2348, .1451, .3522, .2883, .3047, .6650, .4047, .8828, .8732, .5743, .1091, .0381});
}
template <int m>
double shekel(const VectorXd& x) {
  const double a[10][4] = {{4, 4, 4, 4}, {1, 1, 1, 1}, {8, 8, 8, 8}, {6, 6, 6, 6}, {3, 7, 3, 7},
                           {2, 9, 2, 9}, {5, 5, 3, 3}, {8, 1, 8, 1}, {6, 2, 6, 2}, {7, 3.6, 7, 3.6}};
  const double c[] = {.1, .2, .2, .4, .4, .6, .3, .7, .5, .5};
  double sum = 0;
  for (int i = 0; i < m; ++i) {
    double distance = c[i];
    for (Eigen::Index j = 0; j < 4; ++j) distance += std::pow(x[j] - a[i][j], 2);
    sum -= 1 / distance;
  }
  return sum;
}

}  // namespace

static_assert(OptimizerFor<DirectL, In, VectorXd> && !OptimizerFor<DirectL, Any, VectorXd>);

TEST_CASE("DirectL takes the evaluations of Gablonsky's own program, and no more than 1.2 times those of NLopt's",
          "[direct][direct_l]") {
  // Evaluations until (f - f*) / |f*| < 1e-4, of NLopt 2.7.1: GN_ORIG_DIRECT_L, which is the Fortran program of the
  // authors, and GN_DIRECT_L, with their defaults, counted in the objective.
  const struct {
    const char* name;
    double (*f)(const VectorXd&);
    VectorXd lower, upper;
    double minimum;
    int original, nlopt;
  } problems[] = {
      {"Branin", branin, from({-5, 0}), from({10, 15}), 0.397887357729739, 157, 148},
      {"six-hump camel", camel, from({-3, -2}), from({3, 2}), -1.031628453489877, 194, 187},
      {"Goldstein and Price", goldstein, all(2, -2), all(2, 2), 3, 115, 104},
      {"Hartman 3", hartman3, all(3, 0), all(3, 1), -3.86278214782076, 110, 105},
      {"Hartman 6", hartman6, all(6, 0), all(6, 1), -3.32236801141551, 291, 284},
      {"Shekel 5", shekel<5>, all(4, 0), all(4, 10), -10.1531996790582, 147, 186},
      {"Shekel 7", shekel<7>, all(4, 0), all(4, 10), -10.4029405668187, 141, 138},
      {"Shekel 10", shekel<10>, all(4, 0), all(4, 10), -10.5364098166920, 139, 138},
  };
  for (const auto& p : problems) {
    CAPTURE(p.name);
    int calls = 0, hit = 0;
    const In f = in_box(
        [&](const VectorXd& x) {
          ++calls;
          const double value = p.f(x);
          if (hit == 0 && (value - p.minimum) / std::abs(p.minimum) < 1e-4) hit = calls;
          return value;
        },
        p.lower, p.upper);
    const auto solution = minimize(f, p.lower, DirectL{}, MaxEvaluations{5000});
    CHECK(std::abs(hit - p.original) <= 2);  // roundings may change an order
    CHECK(hit <= 1.2 * p.nlopt);
    CHECK(std::abs(solution.value - p.minimum) < 1e-9 * std::abs(p.minimum));
    CHECK(solution.value == p.f(solution.x));
  }
}

TEST_CASE("DirectL puts its points inside the box, no two at one place, the first in the middle",
          "[direct][direct_l]") {
  std::set<std::vector<double>> seen;
  std::vector<double> first;
  const In f = in_box(
      [&](const VectorXd& x) {
        const std::vector<double> point(x.data(), x.data() + x.size());
        if (seen.empty()) first = point;
        CHECK(seen.insert(point).second);
        if (x[0] < -1 || x[0] > 3 || x[1] < 2 || x[1] > 2.5 || x[2] != 7) throw std::runtime_error("outside");
        return std::pow(x[0], 2) + std::pow(x[1] - 2.4, 2);
      },
      from({-1, 2, 7}), from({3, 2.5, 7}));
  const auto solution = minimize(f, from({0, 2, 7}), DirectL{}, MaxEvaluations{800});
  CHECK(first == std::vector<double>{1, 2.25, 7});
  CHECK(seen.size() == 800);
  CHECK(solution.value < 1e-8);
}

TEST_CASE("with a larger epsilon DirectL divides fewer small rectangles", "[direct][direct_l]") {
  const In f = in_box(branin, from({-5, 0}), from({10, 15}));
  const auto local = minimize(f, all(2, 0), DirectL{}, MaxEvaluations{1000});
  const auto global = minimize(f, all(2, 0), DirectL{.epsilon = 1e-2}, MaxEvaluations{1000});
  const auto finest = [](const State& state) {
    std::size_t l = 0;
    for (std::size_t k = 0; k < state.rectangles.groups.size(); ++k)
      if (!state.rectangles.groups[k].empty()) l = k;
    return l;
  };
  CHECK(finest(local.state) > 2 * finest(global.state));
  CHECK(local.value <= global.value);
}

TEST_CASE("DirectL searches on beside points without a value", "[direct][direct_l]") {
  const In holes =
      in_box([](const VectorXd& x) { return x.norm() < 1 ? std::nan("") : branin(x); }, from({-5, 0}), from({10, 15}));
  CHECK(minimize(holes, all(2, 0), DirectL{}, MaxEvaluations{1000}).value == Approx(0.397887357).epsilon(1e-6));
  const In middle =
      in_box([](const VectorXd& x) { return x.norm() < 2 ? std::nan("") : x[0] * x[0] + x[1]; }, all(2, -3), all(2, 3));
  CHECK(minimize(middle, all(2, 0), DirectL{}, MaxEvaluations{1000}).value == Approx(-3).margin(0.02));
  const auto nowhere = minimize(in_box([](const VectorXd&) { return std::nan(""); }, all(2, -3), all(2, 3)), all(2, 0),
                                DirectL{}, MaxEvaluations{100});
  CHECK(std::isnan(nowhere.value));
  CHECK(!succeeded(nowhere.status));
}

TEST_CASE("DirectL ends when nothing can be cut any more", "[direct][direct_l]") {
  const auto line = minimize(in_box([](const VectorXd& x) { return x[0]; }, all(1, 0), all(1, 1)), all(1, 0), DirectL{},
                             MaxEvaluations{100000}, [](const State& state, const Progress&) {
                               return state.rectangles.values.size() > 2000 ? Status::cancelled : Status::running;
                             });
  CHECK(line.value < 1e-15);
  const auto point = minimize(in_box(camel, all(2, 1), all(2, 1)), all(2, 1), DirectL{});
  CHECK(point.status == Status::stalled);
  CHECK(point.counts[0].values == 1);
}

TEST_CASE("the evaluation limit, exceptions and being saved do not change the course of DirectL",
          "[direct][direct_l]") {
  const In f = in_box(hartman6, all(6, 0), all(6, 1));
  const DirectL optimizer{};
  State whole;
  optimizer.init(f, all(6, 0), whole);
  for (int k = 0; k < 20; ++k) optimizer.step(f, whole);

  State state;
  optimizer.init(f, all(6, 0), state);
  int generations = 0;
  while (generations < 20) {
    state.calls.limit = state.calls.counts[0].evaluations() + 3;
    const auto before = state.calls.counts[0].evaluations();
    optimizer.step(f, state);
    CHECK(state.calls.counts[0].evaluations() <= before + 3);
    state = load<State>(save(state));
    generations += state.chosen.empty();
  }
  CHECK(identical(state.rectangles, whole.rectangles));
  CHECK(identical(state.x, whole.x));

  int calls = 0;
  const In sometimes = in_box(
      [&](const VectorXd& x) {
        if (++calls % 50 == 0) throw std::runtime_error("now and then");
        return hartman6(x);
      },
      all(6, 0), all(6, 1));
  state = {};
  optimizer.init(sometimes, all(6, 0), state);
  for (generations = 0; generations < 20;) {
    try {
      optimizer.step(sometimes, state);
      ++generations;
    } catch (const std::runtime_error&) {
      CHECK(state.value == hartman6(state.x));
    }
  }
  CHECK(identical(state.rectangles, whole.rectangles));
}

TEST_CASE("driven from outside, in parts, in any order and late, DirectL goes the way it goes by steps",
          "[direct][direct_l]") {
  static_assert(SamplerFor<DirectL, VectorXd>);
  const Box<VectorXd> box{from({-5, 0}), from({10, 15})};
  const In f = in_box(branin, box.lower, box.upper);
  State steps, asked;
  DirectL{}.init(f, all(2, 1), steps);
  DirectL{}.init(box, all(2, 1), asked);
  CHECK(DirectL{}.ask(asked).ids == std::vector<std::uint64_t>{0});
  for (int generation = 0; generation < 30; ++generation) {
    if (generation > 0) DirectL{}.step(f, steps);
    const auto batch = DirectL{}.ask(asked);
    const std::vector<std::uint64_t> ids = batch.ids;
    const Eigen::MatrixXd points = batch.points;
    for (std::size_t k = ids.size(); k-- > 0;) {
      const auto waiting = DirectL{}.ask(asked);
      CHECK(waiting.ids.size() == k + 1);
      CHECK(waiting.points == points.leftCols(Eigen::Index(k + 1)));
      const Evaluation<double> value = branin(points.col(Eigen::Index(k)));
      DirectL{}.tell(asked, {&ids[k], 1}, {&value, 1});
      if (k == 1) asked = load<State>(save(asked));
      CHECK(asked.value == branin(asked.x));
    }
  }
  CHECK(identical(asked.rectangles, steps.rectangles));
  CHECK(identical(asked.x, steps.x));
  CHECK(identical(asked.value, steps.value));
  CHECK(asked.best_id == steps.best_id);
}

TEST_CASE("points given up on are to DirectL as points without a value", "[direct][direct_l]") {
  const auto lost = [](const VectorXd& x) { return x.norm() < 1 || x[0] > 1.5; };
  const In holes = in_box([&](const VectorXd& x) { return lost(x) ? std::nan("") : branin(x); }, all(2, -1), all(2, 1));
  State failed, dropped;
  DirectL{}.init(holes, all(2, 0), failed);
  DirectL{}.init(all(2, 0), dropped);  // within 1 around the start
  for (int generation = 0; generation < 20; ++generation) {
    if (generation > 0) DirectL{}.step(holes, failed);
    const auto batch = DirectL{}.ask(dropped);
    const std::vector<std::uint64_t> ids = batch.ids;
    const Eigen::MatrixXd points = batch.points;
    for (std::size_t k = 0; k < ids.size(); ++k) {
      const VectorXd x = points.col(Eigen::Index(k));
      const Evaluation<double> value = branin(x);
      if (lost(x))
        DirectL{}.drop(dropped, {&ids[k], 1});
      else
        DirectL{}.tell(dropped, {&ids[k], 1}, {&value, 1});
    }
  }
  CHECK(identical(failed.rectangles, dropped.rectangles));
  CHECK(identical(failed.x, dropped.x));
  CHECK(dropped.value == branin(dropped.x));
}

TEST_CASE("DirectL refuses names that do not wait, and asks for nothing where nothing can be cut",
          "[direct][direct_l]") {
  State state;
  CHECK_THROWS_AS(DirectL{}.ask(state), std::invalid_argument);
  DirectL{}.init(all(2, 0), state);
  const std::uint64_t id = 0, other = 1;
  const Evaluation<double> value = 1.0;
  CHECK_THROWS_AS(DirectL{}.tell(state, {&id, 1}, {&value, 1}), std::invalid_argument);  // not asked for
  DirectL{}.ask(state);
  CHECK_THROWS_AS(DirectL{}.tell(state, {&other, 1}, {&value, 1}), std::invalid_argument);
  DirectL{}.tell(state, {&id, 1}, {&value, 1});
  CHECK_THROWS_AS(DirectL{}.drop(state, {&id, 1}), std::invalid_argument);
  CHECK(DirectL{}.ask(state).ids == std::vector<std::uint64_t>{1, 2, 3, 4});

  DirectL{}.init(Box<VectorXd>{all(2, 1), all(2, 1)}, all(2, 1), state);
  CHECK(DirectL{}.ask(state).points == all(2, 1));
  DirectL{}.tell(state, {&id, 1}, {&value, 1});
  CHECK(DirectL{}.ask(state).ids.empty());
  CHECK(state.status == Status::stalled);
  CHECK(state.value == 1);
}

TEST_CASE("settings and boxes out of range are refused by DirectL", "[direct][direct_l]") {
  State state;
  CHECK_THROWS_WITH(DirectL{.epsilon = -1}.check(), Catch::Contains("DirectL::epsilon"));
  CHECK_THROWS_WITH(DirectL{.radius = 0}.check(), Catch::Contains("DirectL::radius"));
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK_THROWS_WITH(DirectL{}.init(in_box(camel, all(2, 0), from({1, infinity})), all(2, 0), state),
                    Catch::Contains("box must be finite"));
  CHECK_THROWS_AS(DirectL{}.init(in_box(camel, all(2, 0), all(2, 1)), all(3, 0), state), std::invalid_argument);
  CHECK_THROWS_AS(DirectL{}.init(in_box(camel, all(2, 0), all(2, 1)), VectorXd(), state), std::invalid_argument);
}
