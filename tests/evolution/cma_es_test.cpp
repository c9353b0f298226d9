#include <mesaopt/evolution/cma_es.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <span>
#include <stdexcept>
#include <tuple>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/evaluator.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/core/threads.hpp>
#include <mesaopt/objective/bounds.hpp>
#include <mesaopt/problems/ellipsoid.hpp>
#include <mesaopt/problems/rastrigin.hpp>
#include <mesaopt/problems/rosenbrock.hpp>
#include <mesaopt/problems/sphere.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd, Eigen::Vector2d, Eigen::Vector3d, Eigen::VectorXd, Eigen::VectorXf;
using problems::Ellipsoid, problems::Sphere;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

/// The valley of Rosenbrock (1960) as a chain, which no separable method descends.
struct Chained {
  double operator()(const VectorXd& x) const {
    const auto head = x.head(x.size() - 1).array(), tail = x.tail(x.size() - 1).array();
    return (100 * (tail - head.square()).square() + (1 - head).square()).sum();
  }
};

VectorXd start_between(double lower, double upper, Eigen::Index n, std::uint64_t seed) {
  Random random{seed, 1};
  VectorXd x0(n);
  for (auto& entry : x0) entry = random.uniform(lower, upper);
  return x0;
}

VectorXd all(Eigen::Index n, double value) { return VectorXd::Constant(n, value); }

/// Evaluations of all runs over the number of runs that reach 1e-8.
template <class F>
double expected_running_time(const F& f, Eigen::Index n, CmaEs cma_es, std::uint64_t seeds) {
  double total = 0, reached = 0;
  for (cma_es.seed = 1; cma_es.seed <= seeds; ++cma_es.seed) {
    const auto solution =
        minimize(f, start_between(-2, 2, n, cma_es.seed), cma_es, TargetReached{1e-8} || MaxEvaluations{100000});
    total += double(solution.counts[0].evaluations());
    reached += solution.status == Status::target_reached;
  }
  return total / reached;
}

/// All points that a run asks for.
template <class F>
std::vector<VectorXd> asked(const F& f, const VectorXd& x0, const CmaEs& cma_es, int generations) {
  CmaEs::State<VectorXd> state;
  cma_es.init(f, x0, state);
  std::vector<VectorXd> all;
  for (int g = 0; g < generations; ++g) {
    const auto batch = cma_es.ask(state);
    std::vector<Evaluation<double>> values;
    for (Eigen::Index k = 0; k < batch.points.cols(); ++k) {
      all.emplace_back(batch.points.col(k));
      values.emplace_back(f(all.back()));
    }
    cma_es.tell(state, batch.ids, values);
  }
  return all;
}

using State = CmaEs::State<VectorXd>;

struct Counting {
  template <class X>
  struct Memory {
    struct Record {
      double value = 0;
    };
    std::vector<double> absorbed{};
    void absorb(const Record& record) { absorbed.push_back(record.value); }
    static constexpr auto fields() { return std::tuple{&Memory::absorbed}; }
  };
  double operator()(const VectorXd& x, const Call<Memory<VectorXd>>& call) const {
    call.record.value = x.squaredNorm();
    return call.index % 7 == 3 ? not_a_number : call.record.value;
  }
};

struct Noisy {
  static constexpr bool stochastic = true;
  double operator()(const VectorXd& x) const { return x.squaredNorm(); }
};

}  // namespace

static_assert(OptimizerFor<CmaEs, Sphere, VectorXd>);
static_assert(OptimizerFor<CmaEs, Sphere, Eigen::Vector2f>);
static_assert(OptimizerFor<CmaEs, Counting, VectorXd>);
static_assert(SamplerFor<CmaEs, VectorXd>);
static_assert(SamplerFor<CmaEs, Vector3d>);
static_assert(HasCovariance<State>);
static_assert(detail::handles_bounds<CmaEs> && !detail::needs_gradient<CmaEs>);

TEST_CASE("in ten variables it needs no more evaluations than libcmaes", "[evolution][cma]") {
  // Expected running times of libcmaes from its medians over 15 seeds and the share of its successes.
  const double plain = expected_running_time(Sphere{}, 10, {.active = false}, 21) / 1370 *
                       expected_running_time(Ellipsoid{}, 10, {.active = false}, 21) / 5770 *
                       expected_running_time(Chained{}, 10, {.active = false}, 30) / (6220 * 15 / 14.0);
  const double active = expected_running_time(Sphere{}, 10, {}, 21) / 1350 *
                        expected_running_time(Ellipsoid{}, 10, {}, 21) / 4370 *
                        expected_running_time(Chained{}, 10, {}, 30) / (5250 * 15 / 13.0);
  CHECK(std::cbrt(plain) < 1.05);
  CHECK(std::cbrt(active) < 1.05);
}

TEST_CASE("it solves what gradients cannot: plateaus, kinks, many local minima", "[evolution][cma]") {
  const auto steps = [](const VectorXd& x) { return (10 * x).array().abs().floor().sum(); };
  CHECK(minimize(steps, start_between(-2, 2, 5, 1), CmaEs{}, TargetReached{0} || MaxEvaluations{5000}).value == 0);

  const auto kinks = [](const VectorXd& x) { return x.cwiseAbs().sum() + 3 * std::abs(x[0] - x[1]); };
  CHECK(minimize(kinks, start_between(-2, 2, 5, 1), CmaEs{}).value < 1e-9);

  int solved = 0;
  for (const std::uint64_t seed : {1u, 2u, 3u, 4u, 5u})
    solved += minimize(problems::Rastrigin{}, start_between(-4, 4, 5, seed),
                       CmaEs{.step_size = 2, .population = 200, .seed = seed})
                  .value < 1e-9;
  CHECK(solved >= 3);
}

TEST_CASE("moving the function and the start moves the run", "[evolution][cma]") {
  VectorXd shift(6);
  shift << 8, -4, 2, 16, -1, 0.5;  // exact in binary, so that sums differ in the last places alone
  const VectorXd x0 = start_between(-2, 2, 6, 3);
  const auto here = asked(Ellipsoid{}, x0, CmaEs{}, 100);
  const auto there =
      asked([&](const VectorXd& x) { return Ellipsoid{}(VectorXd(x - shift)); }, x0 + shift, CmaEs{}, 100);
  for (std::size_t i = 0; i < here.size(); ++i)
    CHECK((there[i] - shift - here[i]).norm() < 1e-6 * (1 + here[i].norm()));
}

TEST_CASE("turning the function costs nothing", "[evolution][cma]") {
  // Reflections at random turn the ellipsoid out of the axes.
  Random random{21};
  VectorXd v(10), w(10);
  random.fill_normal(v);
  random.fill_normal(w);
  const auto turned = [&](const VectorXd& x) {
    VectorXd y = x - 2 * v.dot(x) / v.squaredNorm() * v;
    y -= 2 * w.dot(y) / w.squaredNorm() * w;
    return Ellipsoid{}(y);
  };
  const double straight = expected_running_time(Ellipsoid{}, 10, {}, 9);
  const double oblique = expected_running_time(turned, 10, {}, 9);
  CHECK(oblique < 1.1 * straight);
  CHECK(oblique > straight / 1.1);
}

TEST_CASE("only the order of the values counts", "[evolution][cma]") {
  const VectorXd x0 = start_between(-2, 2, 5, 4);
  const auto plain = asked(Chained{}, x0, CmaEs{}, 60);
  const auto cubed = asked([](const VectorXd& x) { return std::pow(Chained{}(x), 3); }, x0, CmaEs{}, 60);
  const auto logarithm = asked([](const VectorXd& x) { return -1e6 + 1e3 * std::log(Chained{}(x)); }, x0, CmaEs{}, 60);
  CHECK(identical(plain, cubed));
  CHECK(identical(plain, logarithm));
}

TEST_CASE("a unit of length twice as long changes nothing else", "[evolution][cma]") {
  const VectorXd x0 = start_between(-2, 2, 5, 4);
  const auto meters = asked(Chained{}, x0, CmaEs{}, 60);
  auto halves = asked([](const VectorXd& x) { return Chained{}(x / 2); }, 2 * x0, CmaEs{.step_size = 1}, 60);
  for (auto& x : halves) x /= 2;
  CHECK(identical(meters, halves));
}

TEST_CASE("who evaluates makes no difference", "[evolution][cma]") {
  const VectorXd x0 = start_between(-2, 2, 8, 5);
  const auto alone = minimize(Ellipsoid{}, x0, CmaEs{.seed = 7});
  CHECK(identical(alone.state, minimize(on(Threads{1}, Ellipsoid{}), x0, CmaEs{.seed = 7}).state));
  CHECK(identical(alone.state, minimize(on(Threads{2}, Ellipsoid{}), x0, CmaEs{.seed = 7}).state));
  CHECK(identical(alone.state, minimize(on(Threads{5}, Ellipsoid{}), x0, CmaEs{.seed = 7}).state));
  CHECK(alone.x != minimize(Ellipsoid{}, x0, CmaEs{.seed = 8}).x);
}

TEST_CASE("where a state lies in memory makes no difference", "[evolution][cma][!mayfail]") {
  struct Shifted {
    CmaEs::State<Vector3d> first;
    double between = 0;
    CmaEs::State<Vector3d> second;
  } states;
  const auto f = [](const Vector3d& x) { return x[0] * x[0] + 10 * x[1] * x[1] + 100 * x[2] * x[2] + x[0] * x[2]; };
  for (auto* state : {&states.first, &states.second}) {
    CmaEs{}.init(f, Vector3d{1, 2, 3}, *state);
    for (int g = 0; g < 100; ++g) CmaEs{}.step(f, *state);
  }
  CHECK(identical(states.first, states.second));
}

TEST_CASE("a run that is copied, or saved and loaded, goes on as if nothing had happened", "[evolution][cma]") {
  const CmaEs cma_es{.seed = 3};
  State state;
  cma_es.init(Chained{}, start_between(-2, 2, 6, 1), state);
  for (int g = 0; g < 40; ++g) cma_es.step(Chained{}, state);

  // In the middle of a generation, a part of which has been told.
  const auto batch = cma_es.ask(state);
  const std::vector<Evaluation<double>> some{Chained{}(VectorXd(batch.points.col(2))),
                                             Chained{}(VectorXd(batch.points.col(0)))};
  cma_es.tell(state, std::array{batch.ids[2], batch.ids[0]}, some);

  State copy = state;
  State loaded = load<State>(save(state));
  CHECK(identical(loaded, state));
  for (int g = 0; g < 40; ++g)
    for (State* each : {&state, &copy, &loaded}) cma_es.step(Chained{}, *each);
  CHECK(identical(copy, state));
  CHECK(identical(loaded, state));
}

TEST_CASE("starting again in a used state is starting in a new one", "[evolution][cma]") {
  const CmaEs cma_es{};
  State used;
  cma_es.init(within(Sphere{}, Box{VectorXd::Constant(6, -3), VectorXd::Constant(6, 3)}), start_between(-2, 2, 6, 1),
              used);
  for (int g = 0; g < 30; ++g) cma_es.step(Sphere{}, used);
  State fresh;
  for (State* state : {&used, &fresh}) cma_es.init(Chained{}, start_between(-2, 2, 6, 9), *state);
  used.bounds = fresh.bounds;  // the old box stays where it was, but bounds nothing
  CHECK(identical(used, fresh));
  for (State* state : {&used, &fresh})
    for (int g = 0; g < 30; ++g) cma_es.step(Chained{}, *state);
  CHECK(identical(used, fresh));
}

TEST_CASE("driven from outside, in any order and in parts, it finds the same bits", "[evolution][cma]") {
  const CmaEs cma_es{.seed = 11};
  const VectorXd x0 = start_between(-2, 2, 5, 6);
  const auto inside = minimize(Chained{}, x0, cma_es, MaxIterations{200});

  State state;
  cma_es.init(x0, state);
  std::mt19937 shuffler(1);
  while (state.generation < inside.state.generation) {
    auto batch = cma_es.ask(state);
    std::vector<std::size_t> order(batch.ids.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::shuffle(order.begin(), order.end(), shuffler);
    // A few of them; asking again gives the rest.
    std::vector<std::uint64_t> ids;
    std::vector<Evaluation<double>> values;
    for (std::size_t i = 0; i < (order.size() + 1) / 2; ++i) {
      ids.push_back(batch.ids[order[i]]);
      values.emplace_back(Chained{}(VectorXd(batch.points.col(Eigen::Index(order[i])))));
    }
    cma_es.tell(state, ids, values);
  }
  CHECK(identical(state.x, inside.x));
  CHECK(identical(state.value, inside.value));
  CHECK(identical(state.covariance, inside.state.covariance));
  CHECK(identical(state.random, inside.state.random));
}

TEST_CASE("asking twice gives the same points, and those told are not asked for again", "[evolution][cma]") {
  const CmaEs cma_es{};
  State state;
  cma_es.init(start_between(-2, 2, 4, 1), state);
  const auto first = cma_es.ask(state);
  const MatrixXd points = first.points;
  const std::vector<std::uint64_t> ids = first.ids;
  CHECK(identical(MatrixXd(cma_es.ask(state).points), points));

  const std::vector<Evaluation<double>> values(2, 1.0);
  cma_es.tell(state, std::span(ids).first(2), values);
  const auto rest = cma_es.ask(state);
  REQUIRE(rest.ids.size() == ids.size() - 2);
  CHECK(identical(MatrixXd(rest.points), MatrixXd(points.rightCols(points.cols() - 2))));
  CHECK(std::equal(rest.ids.begin(), rest.ids.end(), ids.begin() + 2));
  CHECK(state.generation == 0);
  const std::vector<Evaluation<double>> others(rest.ids.size(), 2.0);
  cma_es.tell(state, rest.ids, others);
  CHECK(state.generation == 1);
}

TEST_CASE("ids that wait for nothing are refused, and change nothing", "[evolution][cma]") {
  const CmaEs cma_es{};
  State state;
  const std::vector<Evaluation<double>> one{1.0}, two{1.0, 2.0};
  CHECK_THROWS_AS(cma_es.tell(state, std::array<std::uint64_t, 1>{0}, one), std::invalid_argument);

  cma_es.init(start_between(-2, 2, 4, 1), state);
  CHECK_THROWS_AS(cma_es.tell(state, std::array<std::uint64_t, 1>{0}, one), std::invalid_argument);

  const std::uint64_t id = cma_es.ask(state).ids[0];
  const State before = state;
  CHECK_THROWS_WITH(cma_es.tell(state, std::array{id, std::uint64_t(999)}, two),
                    "ids: 999 names no point that waits to be told");
  CHECK_THROWS_AS(cma_es.tell(state, std::array{id + 1, id + 1}, two), std::invalid_argument);
  CHECK_THROWS_WITH(cma_es.tell(state, std::array{id}, two), "ids: are 1, but evaluations 2");
  CHECK(identical(state, before));
  cma_es.tell(state, std::array{id}, one);
  CHECK_THROWS_AS(cma_es.tell(state, std::array{id}, one), std::invalid_argument);
}

TEST_CASE("NaN and infinity rank last, wherever they occur", "[evolution][cma]") {
  const VectorXd x0 = VectorXd::Constant(4, 1.5);
  for (const double bad : {not_a_number, infinity, -infinity})
    for (int where : {0, 1, 2}) {
      CAPTURE(bad, where);
      State state;
      const CmaEs cma_es{};
      cma_es.init(x0, state);
      std::uint64_t evaluations = 0;
      while (state.status == Status::running) {
        const auto batch = cma_es.ask(state);
        std::vector<Evaluation<double>> values;
        for (Eigen::Index k = 0; k < batch.points.cols(); ++k, ++evaluations) {
          const bool fails = where == 0   ? evaluations == 0
                             : where == 1 ? evaluations % 5 == 4
                                          : k + 1 == batch.points.cols();
          values.emplace_back(fails ? bad : batch.points.col(k).squaredNorm());
        }
        cma_es.tell(state, batch.ids, values);
        CHECK(state.mean.allFinite());
      }
      CHECK(state.status == Status::converged);
      CHECK(state.value < 1e-10);
    }
}

TEST_CASE("where only a half-space can be evaluated, the minimum in it is found", "[evolution][cma]") {
  const auto f = [](const VectorXd& x) { return x[0] < 1 ? not_a_number : x.squaredNorm(); };
  const auto solution = minimize(f, all(4, 1.5), CmaEs{});
  CHECK(solution.value == Approx(1).epsilon(1e-6));
  CHECK(solution.events[std::size_t(Reason::non_finite_value)].count > 0);
}

TEST_CASE("a run without any value ends soon, and says so", "[evolution][cma]") {
  const VectorXd x0 = VectorXd::Ones(4);
  const auto solution = minimize([](const VectorXd&) { return not_a_number; }, x0, CmaEs{});
  CHECK(solution.status == Status::non_finite);
  CHECK(solution.counts[0].values == 160);
  CHECK(solution.x == x0);
  CHECK(std::isnan(solution.value));

  // Smaller and smaller steps find a valid region around the start.
  const auto tiny = [&](const VectorXd& x) { return (x - x0).norm() > 1e-4 ? not_a_number : x.sum(); };
  CHECK(minimize(tiny, x0, CmaEs{}).value < 4);
}

TEST_CASE("an exception passes through and leaves a run that can go on", "[evolution][cma]") {
  const CmaEs cma_es{.seed = 2};
  const VectorXd x0 = start_between(-2, 2, 5, 6);
  const auto undisturbed = minimize(Chained{}, x0, cma_es, MaxIterations{50});
  for (const int fatal : {0, 3, 100, 399}) {
    CAPTURE(fatal);
    int evaluations = 0;
    const auto f = [&](const VectorXd& x) {
      if (evaluations++ == fatal) throw std::runtime_error("the rig is on fire");
      return Chained{}(x);
    };
    const auto stopping = MaxIterations{50};
    RunOf<CmaEs, MaxIterations, decltype(f), VectorXd> run;
    begin(f, x0, cma_es, stopping, run);
    CHECK_THROWS_WITH(resume(f, cma_es, stopping, run), "the rig is on fire");
    CHECK(run.status == Status::running);
    resume(f, cma_es, stopping, run);
    CHECK(identical(run.state.x, undisturbed.x));
    CHECK(identical(run.state.covariance, undisturbed.state.covariance));
  }
}

TEST_CASE("the evaluation limit is kept, and what it forbade waits", "[evolution][cma]") {
  int evaluations = 0;
  const auto f = [&](const VectorXd& x) {
    ++evaluations;
    return Chained{}(x);
  };
  const CmaEs cma_es{};
  const VectorXd x0 = start_between(-2, 2, 5, 6);
  RunOf<CmaEs, MaxEvaluations, decltype(f), VectorXd> run;
  begin(f, x0, cma_es, MaxEvaluations{21}, run);
  resume(f, cma_es, MaxEvaluations{21}, run);
  CHECK(evaluations == 21);
  CHECK(run.status == Status::max_evaluations);
  CHECK(run.state.open == 3);
  CHECK(run.state.value < infinity);

  cma_es.step(f, run.state);
  CHECK(run.state.status == Status::max_evaluations);
  CHECK(evaluations == 21);

  // With more to spend it goes on as if it had never stopped.
  run.state.calls.limit = 80;
  run.status = Status::running;
  resume(f, cma_es, MaxEvaluations{80}, run);
  CHECK(identical(run.state.x, minimize(Chained{}, x0, cma_es, MaxEvaluations{80}).x));
}

TEST_CASE("bounds are kept, and an optimum on them is found", "[evolution][cma][bounds]") {
  VectorXd lower(6), upper(6), x0(6), expected(6);
  lower << -1, 0.5, -infinity, -5, 0.25, -1e9;
  upper << 2, 3, -0.5, infinity, 0.25, 1e9;
  x0 << 2, 0.5, -1, 4, 0.25, 3;
  expected << 0, 0.5, -0.5, 0, 0.25, 0;
  const Box<VectorXd> box{lower, upper};
  const auto f = [&](const VectorXd& x) {
    if (!box.contains(x)) throw std::logic_error("outside");
    return x.squaredNorm() + 0.1 * x.sum() * x.sum() - 0.1 * expected.sum() * (2 * x.sum() - expected.sum());
  };
  for (const std::uint64_t seed : {1u, 2u, 3u}) {
    const auto solution = minimize(within(f, box), x0, CmaEs{.seed = seed, .value_tolerance = 1e-15});
    CHECK(succeeded(solution.status));
    CHECK(box.contains(solution.x));
    CHECK((solution.x - expected).cwiseAbs().maxCoeff() < 1e-7);
    CHECK(std::abs(solution.x[1] - 0.5) < 1e-8);
    CHECK(std::abs(solution.x[2] + 0.5) < 1e-8);
  }

  const auto corner =
      minimize(within(Ellipsoid{}, Box{VectorXd::Constant(8, 0.5), VectorXd::Constant(8, 2)}), all(8, 1), CmaEs{});
  CHECK((corner.x.array() - 0.5).abs().maxCoeff() < 1e-8);
  CHECK(corner.counts[0].values < 8000);
}

TEST_CASE("bounds hold when it is driven from outside, and for fixed sizes and float", "[evolution][cma][bounds]") {
  const Box<VectorXd> box{Vector2d{0, 0}, Vector2d{1, 0.1}};
  const CmaEs cma_es{.step_size = 10};
  State state;
  cma_es.init(within(Sphere{}, box), VectorXd{Vector2d{0.5, 0.1}}, state);
  for (int g = 0; g < 20; ++g) {
    const auto batch = cma_es.ask(state);
    std::vector<Evaluation<double>> values;
    for (Eigen::Index k = 0; k < batch.points.cols(); ++k) {
      CHECK(box.contains(batch.points.col(k)));
      values.emplace_back(-batch.points.col(k).sum());
    }
    cma_es.tell(state, batch.ids, values);
  }
  const auto single = minimize(within(Sphere{}, Box{Eigen::Vector3f{0.3f, -1, -1}, Eigen::Vector3f{1, 1, -0.7f}}),
                               Eigen::Vector3f{0.5f, 0, -1}, CmaEs{});
  CHECK(single.x[0] == Approx(0.3f).margin(1e-6));
  CHECK(single.x[0] >= 0.3f);
  CHECK(single.x[2] <= -0.7f);
}

TEST_CASE("float and double, fixed and dynamic sizes find the minimum", "[evolution][cma]") {
  CHECK(minimize(problems::Rosenbrock{}, Vector2d{-1.2, 1}, CmaEs{}).value < 1e-13);
  CHECK(minimize(problems::Rosenbrock{}, Eigen::Vector2f{-1.2f, 1}, CmaEs{}).value < 1e-8f);
  CHECK(minimize(Ellipsoid{100}, VectorXf{VectorXf::Constant(7, 3)}, CmaEs{}).value < 1e-10f);
  CHECK(minimize(Sphere{}, all(1, 3), CmaEs{}).value < 1e-10);

  // The same numbers whether the size is known to the compiler or not.
  const VectorXd x0 = Vector3d{1, 2, 3};
  const auto fixed = minimize(Sphere{}, Vector3d{1, 2, 3}, CmaEs{}, MaxIterations{30});
  const auto dynamic = minimize(Sphere{}, x0, CmaEs{}, MaxIterations{30});
  CHECK((fixed.x - dynamic.x).norm() < 1e-12);
}

TEST_CASE("its own criteria end a run for the right reason", "[evolution][cma]") {
  const VectorXd x0 = start_between(-2, 2, 5, 6);
  SECTION("values that differ no more") {
    const auto solution = minimize(Ellipsoid{}, x0, CmaEs{});
    CHECK(solution.status == Status::converged);
    CHECK(solution.value < 1e-12);
  }
  SECTION("steps too small to matter") {
    const auto solution = minimize([](const VectorXd& x) { return x.norm(); }, x0, CmaEs{.value_tolerance = 0});
    CHECK(solution.status == Status::converged);
    CHECK(solution.value < 1e-11);
    CHECK(solution.value > 1e-20);
  }
  SECTION("equal values") {
    const auto solution = minimize([](const VectorXd&) { return 1.0; }, x0, CmaEs{});
    CHECK(solution.status == Status::stalled);
    CHECK(solution.counts[0].values < 500);
  }
  SECTION("more digits than there are") {
    const auto solution = minimize([](const VectorXd& x) { return (x.array() - 1e6).matrix().norm(); }, all(5, 1e6),
                                   CmaEs{.step_tolerance = 0, .value_tolerance = 0});
    CHECK(solution.status == Status::stalled);
    CHECK(solution.counts[0].values < 5000);
  }
  SECTION("a condition that floating point cannot hold") {
    const auto solution = minimize([](const VectorXd& x) { return Ellipsoid{1e30}(x); }, x0,
                                   CmaEs{.step_tolerance = 0, .value_tolerance = 0});
    CHECK(solution.status == Status::stalled);
  }
  SECTION("no minimum at all") {
    const auto solution = minimize([](const VectorXd& x) { return x.sum(); }, x0, CmaEs{});
    CHECK(solution.status == Status::stalled);
    CHECK(solution.counts[0].values < 1000);
  }
}

TEST_CASE("what one run has learnt starts the next one", "[evolution][cma]") {
  const auto first = minimize(Ellipsoid{}, start_between(-2, 2, 8, 1), CmaEs{});
  VectorXd shift(8);  // as far in every direction as the function is wide
  for (Eigen::Index i = 0; i < 8; ++i) shift[i] = 0.02 * std::pow(1e6, -0.5 * double(i) / 7);
  const auto moved = [&](const VectorXd& x) { return Ellipsoid{}(VectorXd(x - shift)); };
  const auto stopping = TargetReached{1e-8} || MaxEvaluations{100000};
  const auto cold = minimize(moved, first.x, CmaEs{}, stopping);
  const auto warm = minimize(moved, first, CmaEs{}, stopping);
  const auto of_state = minimize(moved, first.state, CmaEs{}, stopping);
  CHECK(warm.status == Status::target_reached);
  CHECK(2 * warm.counts[0].values < cold.counts[0].values);
  CHECK(identical(warm.x, of_state.x));

  // Even in the state that is the prior itself.
  State same = first.state;
  CmaEs{}.init(moved, same, same);
  State other;
  other.calls.limit = same.calls.limit;
  CmaEs{}.init(moved, first.state, other);
  CHECK(identical(same, other));
}

TEST_CASE("a prior's covariance must be one", "[evolution][cma]") {
  struct Learnt {
    VectorXd x;
    MatrixXd covariance;
    double step_size;
  };
  State state;
  const CmaEs cma_es{};
  Learnt prior{all(3, 1), MatrixXd::Identity(3, 3), 0.1};
  CHECK_NOTHROW(cma_es.init(prior, state));
  CHECK(state.step_size == 0.1);
  prior.covariance(1, 1) = -1;
  CHECK_THROWS_WITH(cma_es.init(prior, state), "start: its covariance is not positive definite");
  prior.covariance = MatrixXd::Identity(2, 2);
  CHECK_THROWS_AS(cma_es.init(prior, state), std::invalid_argument);
  prior = {all(3, 1), MatrixXd::Identity(3, 3), 0.0};
  CHECK_THROWS_AS(cma_es.init(prior, state), std::invalid_argument);
}

TEST_CASE("settings and starts out of range are refused by name and value", "[evolution][cma]") {
  State state;
  const VectorXd x0 = VectorXd::Ones(3);
  CHECK_THROWS_WITH((CmaEs{.population = 1}.init(x0, state)),
                    "CmaEs::population: is 1.000000; it must be 2 or more, or 0 for 4 + floor(3 ln n)");
  CHECK_THROWS_AS((CmaEs{.population = -4}.init(x0, state)), std::invalid_argument);
  for (const double step_size : {0.0, -1.0, infinity, not_a_number})
    CHECK_THROWS_AS((CmaEs{.step_size = step_size}.init(x0, state)), std::invalid_argument);
  CHECK_THROWS_AS((CmaEs{.step_tolerance = -1}.init(x0, state)), std::invalid_argument);
  CHECK_THROWS_AS((CmaEs{.value_tolerance = not_a_number}.init(x0, state)), std::invalid_argument);
  CHECK_THROWS_AS(CmaEs{}.init(VectorXd(), state), std::invalid_argument);
  CHECK_THROWS_AS(CmaEs{}.init(VectorXd{Vector2d{0, not_a_number}}, state), std::invalid_argument);
  const Box<VectorXd> box{VectorXd::Zero(3), VectorXd::Constant(3, 0.5)};
  CHECK_THROWS_WITH(minimize(within(Sphere{}, box), x0, CmaEs{}),
                    "start: coordinate 0 is 1; it must lie in the box, in [0, 0.5]");
  CHECK_NOTHROW(CmaEs{.population = 2}.init(x0, state));
  CHECK(minimize(Sphere{}, x0, CmaEs{.population = 2}).value < 1e-8);
}

TEST_CASE("an objective that remembers learns from usable evaluations, in order, once", "[evolution][cma]") {
  const CmaEs cma_es{};
  CmaEs::State<VectorXd, Counting::Memory<VectorXd>> state, threaded;
  cma_es.init(Counting{}, all(4, 1), state);
  cma_es.init(on(Threads{2}, Counting{}), all(4, 1), threaded);
  for (int g = 0; g < 5; ++g) {
    cma_es.step(Counting{}, state);
    cma_es.step(on(Threads{2}, Counting{}), threaded);
  }
  CHECK(state.calls.memory.absorbed.size() == 40 - 6);
  CHECK(identical(state, threaded));
}

TEST_CASE("of a stochastic objective the latest best is told, not the luckiest", "[evolution][cma]") {
  const CmaEs cma_es{};
  State state;
  cma_es.init(Noisy{}, all(3, 1), state);
  const auto tell_all = [&](double value) {
    const auto batch = cma_es.ask(state);
    std::vector<Evaluation<double>> values(batch.ids.size(), value + 1);
    values[3] = value;
    cma_es.tell(state, batch.ids, values);
    return VectorXd(state.points.col(3));
  };
  tell_all(-100);
  const VectorXd later = tell_all(7);
  CHECK(state.value == 7);
  CHECK(state.x == later);

  cma_es.init(Sphere{}, all(3, 1), state);
  tell_all(-100);
  tell_all(7);
  CHECK(state.value == -100);
}

TEST_CASE("no generation allocates", "[evolution][cma]") {
  const auto steps = [](const auto& f, auto x0, const CmaEs& cma_es) {
    CmaEs::State<decltype(x0)> state;
    cma_es.init(f, x0, state);
    const long before = allocations();
    for (int g = 0; g < 60; ++g) cma_es.step(f, state);
    const long steps_alone = allocations() - before;
    cma_es.init(f, x0, state);  // nor does starting again
    for (int g = 0; g < 10; ++g) cma_es.step(f, state);
    return std::pair{steps_alone, allocations() - before};
  };
  CHECK(steps(Sphere{}, all(10, 1), CmaEs{}) == std::pair{0L, 0L});
  CHECK(steps(Sphere{}, all(100, 1), CmaEs{}) == std::pair{0L, 0L});
  CHECK(steps(Sphere{}, all(200, 1), CmaEs{.population = 50}) == std::pair{0L, 0L});
  CHECK(steps(Sphere{}, VectorXf(VectorXf::Ones(33)), CmaEs{.active = false}) == std::pair{0L, 0L});
  CHECK(steps(Sphere{}, Vector3d{1, 2, 3}, CmaEs{}) == std::pair{0L, 0L});
  CHECK(steps(within(Sphere{}, Box{VectorXd::Constant(7, -1), VectorXd::Constant(7, 2)}), all(7, 1), CmaEs{}) ==
        std::pair{0L, 0L});
}

TEST_CASE("CMA-ES inside the objective of CMA-ES leaves the outer run as it is", "[evolution][cma][nesting]") {
  const VectorXd x0 = start_between(-2, 2, 5, 8);
  const CmaEs cma_es{.seed = 5};
  const auto nested = [&](const VectorXd& x) {
    const auto ignored = minimize(Sphere{}, x, cma_es, MaxIterations{5});
    return ignored.value < 0 ? ignored.value : Chained{}(x);
  };
  const auto outer = minimize(nested, x0, cma_es, MaxIterations{60});
  CHECK(identical(outer.state, minimize(Chained{}, x0, cma_es, MaxIterations{60}).state));
  CHECK(identical(outer.state, minimize(on(Threads{2}, nested), x0, cma_es, MaxIterations{60}).state));
}
