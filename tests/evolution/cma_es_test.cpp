#include <mesaopt/evolution/cma_es.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <new>
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
#include <mesaopt/problems/sphere.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd, Eigen::Vector2d, Eigen::Vector3d, Eigen::VectorXd, Eigen::VectorXf;
using Odd = Eigen::Vector<float, 51>;  // what Eigen aligns no more than a float, and goes through in a loop

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

/// All objectives of dynamic points are one type, so that the compiler sees one optimizer.
struct Any {
  std::function<double(const VectorXd&)> f;
  double operator()(const VectorXd& x) const { return f(x); }
};

/// The valley of Rosenbrock (1960) as a chain, which no separable method descends.
double chained_value(const VectorXd& x) {
  double value = 0;
  for (Eigen::Index i = 0; i + 1 < x.size(); ++i)
    value += 100 * (x[i + 1] - x[i] * x[i]) * (x[i + 1] - x[i] * x[i]) + (1 - x[i]) * (1 - x[i]);
  return value;
}

const Any sphere{[](const VectorXd& x) { return problems::Sphere{}(x); }};
const Any ellipsoid{[](const VectorXd& x) { return problems::Ellipsoid{}(x); }};
const Any chained{chained_value};

/// A bowl for all kinds of points. It leaves sums to Eigen, as users do: of a part of x, and of all of it.
struct Bowl {
  template <class X>
  ScalarOf<X> operator()(const X& x) const {
    const ScalarOf<X> tail = x.tail(x.size() - 1).sum();
    return x.squaredNorm() + tail * tail + x.sum() * x.sum() / 2;
  }
};

VectorXd start_between(double lower, double upper, Eigen::Index n, std::uint64_t seed) {
  Random random{seed, 1};
  VectorXd x0(n);
  for (auto& entry : x0) entry = random.uniform(lower, upper);
  return x0;
}

VectorXd all(Eigen::Index n, double value) { return VectorXd::Constant(n, value); }

using State = CmaEs::State<VectorXd>;
using Rule = AnyOf<AnyOf<TargetReached, MaxEvaluations>, MaxIterations>;

struct Limits {
  double target = -infinity;
  std::int64_t evaluations = 1'000'000, iterations = 1'000'000'000;
  [[nodiscard]] Rule rule() const {
    return TargetReached{target} || MaxEvaluations{evaluations} || MaxIterations{iterations};
  }
};

Solution<State> solve(const Any& f, const VectorXd& x0, const CmaEs& cma_es = {}, const Limits& limits = {}) {
  return minimize(f, x0, cma_es, limits.rule());
}

Solution<State> solve_in(const Box<VectorXd>& box, const Any& f, const VectorXd& x0, const CmaEs& cma_es = {}) {
  return minimize(within(f, box), x0, cma_es, Limits{}.rule());
}

Solution<State> solve_on(std::size_t threads, const Any& f, const VectorXd& x0, const CmaEs& cma_es,
                         const Limits& limits = {}) {
  return minimize(on(Threads{threads}, f), x0, cma_es, limits.rule());
}

/// Evaluations of all runs over the number of runs that reach 1e-8.
double expected_running_time(const Any& f, Eigen::Index n, CmaEs cma_es, std::uint64_t seeds) {
  double total = 0, reached = 0;
  for (cma_es.seed = 1; cma_es.seed <= seeds; ++cma_es.seed) {
    const auto solution = solve(f, start_between(-2, 2, n, cma_es.seed), cma_es, {1e-8, 100000});
    total += double(solution.counts[0].evaluations());
    reached += solution.status == Status::target_reached;
  }
  return total / reached;
}

/// Asks for what is open, evaluates it one after the other, tells it.
template <class X, class F>
void generation(const CmaEs& cma_es, CmaEs::State<X>& state, const F& f) {
  const auto batch = cma_es.ask(state);
  std::vector<Evaluation<ScalarOf<X>>> values;
  for (Eigen::Index k = 0; k < batch.points.cols(); ++k) values.emplace_back(f(X(batch.points.col(k))));
  cma_es.tell(state, batch.ids, values);
}

/// All points that a run asks for.
std::vector<VectorXd> asked(const Any& f, const VectorXd& x0, const CmaEs& cma_es, int generations) {
  State state;
  cma_es.init(x0, state);
  std::vector<VectorXd> all;
  for (int g = 0; g < generations; ++g)
    generation(cma_es, state, Any{[&](const VectorXd& x) {
                 all.push_back(x);
                 return f(x);
               }});
  return all;
}

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

/// Bounds that nobody has looked at.
struct Crossed {
  struct Bounds {
    VectorXd lower, upper;
  };
  [[nodiscard]] Bounds box() const { return {Vector2d{0, 2}, Vector2d{2, 0}}; }
  double operator()(const VectorXd& x) const { return x.squaredNorm(); }
};

struct Noisy {
  static constexpr bool stochastic = true;
  double operator()(const VectorXd& x) const { return x.squaredNorm(); }
};

}  // namespace

static_assert(OptimizerFor<CmaEs, Any, VectorXd>);
static_assert(OptimizerFor<CmaEs, Bowl, Odd>);
static_assert(OptimizerFor<CmaEs, Counting, VectorXd>);
static_assert(SamplerFor<CmaEs, VectorXd>);
static_assert(SamplerFor<CmaEs, Vector3d>);
static_assert(HasCovariance<State>);
static_assert(detail::handles_bounds<CmaEs> && !detail::needs_gradient<CmaEs>);

TEST_CASE("in ten variables it needs no more evaluations than libcmaes", "[evolution][cma]") {
  // Expected running times of libcmaes from its medians over 15 seeds and the share of its successes.
  const double plain = expected_running_time(sphere, 10, {.active = false}, 21) / 1370 *
                       expected_running_time(ellipsoid, 10, {.active = false}, 21) / 5770 *
                       expected_running_time(chained, 10, {.active = false}, 30) / (6220 * 15 / 14.0);
  const double active = expected_running_time(sphere, 10, {}, 21) / 1350 *
                        expected_running_time(ellipsoid, 10, {}, 21) / 4370 *
                        expected_running_time(chained, 10, {}, 30) / (5250 * 15 / 13.0);
  CHECK(std::cbrt(plain) < 1.05);
  CHECK(std::cbrt(active) < 1.05);
}

TEST_CASE("it solves what gradients cannot: plateaus, kinks, many local minima", "[evolution][cma]") {
  const Any steps{[](const VectorXd& x) { return (10 * x).array().abs().floor().sum(); }};
  CHECK(solve(steps, start_between(-2, 2, 5, 1), {}, {0, 5000}).value == 0);

  const Any kinks{[](const VectorXd& x) { return x.cwiseAbs().sum() + 3 * std::abs(x[0] - x[1]); }};
  CHECK(solve(kinks, start_between(-2, 2, 5, 1)).value < 1e-9);

  const Any rastrigin{[](const VectorXd& x) { return problems::Rastrigin{}(x); }};
  int solved = 0;
  for (const std::uint64_t seed : {1u, 2u, 3u, 4u, 5u})
    solved +=
        solve(rastrigin, start_between(-4, 4, 5, seed), {.step_size = 2, .population = 200, .seed = seed}).value < 1e-9;
  CHECK(solved >= 3);
}

TEST_CASE("moving the function and the start moves the run", "[evolution][cma]") {
  VectorXd shift(6);
  shift << 8, -4, 2, 16, -1, 0.5;  // exact in binary, so that sums differ in the last places alone
  const VectorXd x0 = start_between(-2, 2, 6, 3);
  const auto here = asked(ellipsoid, x0, CmaEs{}, 100);
  const auto there = asked({[&](const VectorXd& x) { return ellipsoid(x - shift); }}, x0 + shift, CmaEs{}, 100);
  for (std::size_t i = 0; i < here.size(); ++i)
    CHECK((there[i] - shift - here[i]).norm() < 1e-6 * (1 + here[i].norm()));
}

TEST_CASE("turning the function costs nothing", "[evolution][cma]") {
  // Reflections at random turn the ellipsoid out of the axes.
  Random random{21};
  VectorXd v(10), w(10);
  random.fill_normal(v);
  random.fill_normal(w);
  const Any turned{[&](const VectorXd& x) {
    VectorXd y = x - 2 * v.dot(x) / v.squaredNorm() * v;
    y -= 2 * w.dot(y) / w.squaredNorm() * w;
    return ellipsoid(y);
  }};
  const double straight = expected_running_time(ellipsoid, 10, {}, 9);
  const double oblique = expected_running_time(turned, 10, {}, 9);
  CHECK(oblique < 1.1 * straight);
  CHECK(oblique > straight / 1.1);
}

TEST_CASE("only the order of the values counts", "[evolution][cma]") {
  const VectorXd x0 = start_between(-2, 2, 5, 4);
  const auto plain = asked(chained, x0, CmaEs{}, 60);
  const auto cubed = asked({[](const VectorXd& x) { return std::pow(chained(x), 3); }}, x0, CmaEs{}, 60);
  const auto logarithm = asked({[](const VectorXd& x) { return -1e6 + 1e3 * std::log(chained(x)); }}, x0, CmaEs{}, 60);
  CHECK(identical(plain, cubed));
  CHECK(identical(plain, logarithm));
}

TEST_CASE("a unit of length twice as long changes nothing else", "[evolution][cma]") {
  const VectorXd x0 = start_between(-2, 2, 5, 4);
  const auto meters = asked(chained, x0, CmaEs{}, 60);
  auto halves = asked({[](const VectorXd& x) { return chained(x / 2); }}, 2 * x0, CmaEs{.step_size = 1}, 60);
  for (auto& x : halves) x /= 2;
  CHECK(identical(meters, halves));
}

TEST_CASE("who evaluates makes no difference", "[evolution][cma]") {
  const VectorXd x0 = start_between(-2, 2, 8, 5);
  const auto alone = solve(ellipsoid, x0, {.seed = 7});
  for (const std::size_t threads : {1u, 2u, 5u})
    CHECK(identical(alone.state, solve_on(threads, ellipsoid, x0, {.seed = 7}).state));
  CHECK(alone.x != solve(ellipsoid, x0, {.seed = 8}).x);
}

TEMPLATE_TEST_CASE("where a state lies makes no difference, nor that it was copied, or saved and loaded",
                   "[evolution][cma][nesting]", Vector3d, Odd, VectorXd) {
  using Placed = CmaEs::State<TestType>;
  constexpr std::size_t count = 8, align = alignof(Placed), room = (sizeof(Placed) + 63) / 64 * 64 + 64;
  struct {
    Placed first;
    double between = 0;
    Placed second;
  } local;
  std::vector<std::byte> memory(count * room + 64);
  void* begin = memory.data();
  std::size_t space = memory.size();
  auto* place = static_cast<std::byte*>(std::align(64, count * room, begin, space));
  std::vector<Placed*> states{&local.first, &local.second};
  for (std::size_t i = 0; i < count; ++i, place += room) {
    std::fill_n(place, room, std::byte(17 * i + 1));
    states.push_back(new (place + i * align % 64) Placed);
  }

  const CmaEs cma_es{.seed = 3};
  constexpr int n = TestType::SizeAtCompileTime == Eigen::Dynamic ? 13 : TestType::SizeAtCompileTime;
  const TestType x0 = TestType::Ones(n);
  std::vector<std::vector<double>> between;  // so that what the states allocate lies elsewhere, too
  for (Placed* state : states) {
    between.emplace_back(3 + 2 * (between.size() % 3));
    cma_es.init(Bowl{}, x0, *state);
  }
  for (int g = 0; g < 40; ++g)
    for (Placed* state : states) cma_es.step(Bowl{}, *state);
  for (Placed* state : states) CHECK(identical(*state, *states[0]));

  // On from the middle of a generation, a part of which has been told.
  for (Placed* state : states) {
    const auto batch = cma_es.ask(*state);
    const std::vector<Evaluation<ScalarOf<TestType>>> some{Bowl{}(TestType(batch.points.col(2))),
                                                           Bowl{}(TestType(batch.points.col(0)))};
    cma_es.tell(*state, std::array{batch.ids[2], batch.ids[0]}, some);
  }
  Placed copy = *states[1], loaded = load<Placed>(save(*states[2]));
  CHECK(identical(loaded, copy));
  for (int g = 0; g < 40; ++g) {
    for (Placed* state : states) cma_es.step(Bowl{}, *state);
    cma_es.step(Bowl{}, copy);
    cma_es.step(Bowl{}, loaded);
  }
  for (Placed* state : states) CHECK(identical(*state, *states[0]));
  CHECK(identical(copy, *states[0]));
  CHECK(identical(loaded, *states[0]));
  CHECK(copy.value < Bowl{}(x0) / 2);
  for (std::size_t i = 2; i < states.size(); ++i) std::destroy_at(states[i]);
}

TEST_CASE("starting again in a used state is starting in a new one", "[evolution][cma]") {
  const CmaEs cma_es{};
  State used;
  cma_es.init(within(sphere, Box{all(6, -3), all(6, 3)}), start_between(-2, 2, 6, 1), used);
  for (int g = 0; g < 30; ++g) generation(cma_es, used, sphere);
  State fresh;
  for (State* state : {&used, &fresh}) cma_es.init(chained, start_between(-2, 2, 6, 9), *state);
  CHECK(identical(used, fresh));
  for (State* state : {&used, &fresh})
    for (int g = 0; g < 30; ++g) cma_es.step(chained, *state);
  CHECK(identical(used, fresh));
}

TEST_CASE("driven from outside, in any order and in parts, it finds the same bits", "[evolution][cma]") {
  const CmaEs cma_es{.seed = 11};
  const VectorXd x0 = start_between(-2, 2, 5, 6);
  const auto inside = solve(chained, x0, cma_es, {.iterations = 200});

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
      values.emplace_back(chained(batch.points.col(Eigen::Index(order[i]))));
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
  CHECK_THROWS_AS(cma_es.tell(state, std::array{id + 100}, one), std::invalid_argument);
  cma_es.tell(state, std::array{id}, one);
  CHECK_THROWS_AS(cma_es.tell(state, std::array{id}, one), std::invalid_argument);

  // Too late: its generation is over, whether the next one has been asked for or not.
  generation(cma_es, state, sphere);
  const State over = state;
  CHECK_THROWS_AS(cma_es.tell(state, std::array{id}, one), std::invalid_argument);
  CHECK(identical(state, over));
  cma_es.ask(state);
  const State next = state;
  CHECK_THROWS_AS(cma_es.tell(state, std::array{id}, one), std::invalid_argument);
  CHECK(identical(state, next));
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
  const Any f{[](const VectorXd& x) { return x[0] < 1 ? not_a_number : x.squaredNorm(); }};
  const auto solution = solve(f, all(4, 1.5));
  CHECK(solution.value == Approx(1).epsilon(1e-6));
  CHECK(solution.events[std::size_t(Reason::non_finite_value)].count > 0);
}

TEST_CASE("a run without any value ends soon, and says so", "[evolution][cma]") {
  const VectorXd x0 = VectorXd::Ones(4);
  for (const double bad : {not_a_number, infinity, -infinity}) {
    const auto solution = solve({[&](const VectorXd&) { return bad; }}, x0);
    CHECK(solution.status == Status::non_finite);
    CHECK(solution.counts[0].values == 160);
    CHECK(solution.x == x0);
    CHECK(std::isnan(solution.value));
  }

  // Smaller and smaller steps find a valid region around the start.
  const Any tiny{[&](const VectorXd& x) { return (x - x0).norm() > 1e-4 ? not_a_number : x.sum(); }};
  CHECK(solve(tiny, x0).value < 4);

  // Where values come to an end, the best is kept.
  const auto evaluations = std::make_shared<int>(0);
  const Any broken{[=](const VectorXd& x) { return ++*evaluations > 100 ? not_a_number : sphere(x); }};
  const auto solution = solve(broken, x0);
  CHECK(solution.status == Status::non_finite);
  CHECK(solution.counts[0].values == 104 + 20 * 8);
  CHECK(solution.value == solve(sphere, x0, {}, {-infinity, 100}).value);
}

TEST_CASE("an exception passes through and leaves a run that can go on", "[evolution][cma]") {
  const CmaEs cma_es{.seed = 2};
  const VectorXd x0 = start_between(-2, 2, 5, 6);
  const auto undisturbed = solve(chained, x0, cma_es, {.iterations = 50});
  const Rule stopping = Limits{.iterations = 50}.rule();
  for (const int fatal : {0, 3, 7, 100, 399}) {  // also the last of a generation, and of all
    CAPTURE(fatal);
    int evaluations = 0;
    const Any f{[&](const VectorXd& x) {
      if (evaluations++ == fatal) throw std::runtime_error("the rig is on fire");
      return chained(x);
    }};
    RunOf<CmaEs, Rule, Any, VectorXd> run;
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
  const Any f{[&](const VectorXd& x) {
    ++evaluations;
    return chained(x);
  }};
  const CmaEs cma_es{};
  const VectorXd x0 = start_between(-2, 2, 5, 6);
  const Rule few = Limits{.evaluations = 21}.rule(), more = Limits{.evaluations = 80}.rule();
  RunOf<CmaEs, Rule, Any, VectorXd> run;
  begin(f, x0, cma_es, few, run);
  resume(f, cma_es, few, run);
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
  resume(f, cma_es, more, run);
  CHECK(identical(run.state.x, solve(chained, x0, cma_es, {.evaluations = 80}).x));
}

TEST_CASE("bounds are kept, and an optimum on them is found", "[evolution][cma][bounds]") {
  VectorXd lower(6), upper(6), x0(6), expected(6);
  lower << -1, 0.5, -infinity, -5, 0.25, -1e9;
  upper << 2, 3, -0.5, infinity, 0.25, 1e9;
  x0 << 2, 0.5, -1, 4, 0.25, 3;
  expected << 0, 0.5, -0.5, 0, 0.25, 0;
  const Box<VectorXd> box{lower, upper};
  const Any f{[&](const VectorXd& x) {
    if (!box.contains(x)) throw std::logic_error("outside");
    return x.squaredNorm() + 0.1 * x.sum() * x.sum() - 0.1 * expected.sum() * (2 * x.sum() - expected.sum());
  }};
  for (const std::uint64_t seed : {1u, 2u, 3u}) {
    const auto solution = solve_in(box, f, x0, {.seed = seed, .value_tolerance = 1e-15});
    CHECK(succeeded(solution.status));
    CHECK(box.contains(solution.x));
    CHECK((solution.x - expected).cwiseAbs().maxCoeff() < 1e-7);
    CHECK(std::abs(solution.x[1] - 0.5) < 1e-8);
    CHECK(std::abs(solution.x[2] + 0.5) < 1e-8);
  }

  const auto corner = solve_in({all(8, 0.5), all(8, 2)}, ellipsoid, all(8, 1));
  CHECK((corner.x.array() - 0.5).abs().maxCoeff() < 1e-8);
  CHECK(corner.counts[0].values < 8000);
}

TEST_CASE("bounds hold when it is driven from outside, and for fixed sizes and float", "[evolution][cma][bounds]") {
  const Box<VectorXd> box{Vector2d{0, 0}, Vector2d{1, 0.1}};
  const CmaEs cma_es{.step_size = 10};
  State state;
  cma_es.init(within(sphere, box), VectorXd{Vector2d{0.5, 0.1}}, state);
  for (int g = 0; g < 20; ++g)
    generation(cma_es, state, Any{[&](const VectorXd& x) {
                 CHECK(box.contains(x));
                 return -x.sum();
               }});

  Odd lower = Odd::Constant(-1), upper = Odd::Constant(1);
  lower[0] = 0.3f;
  upper[50] = -0.7f;
  const auto single =
      minimize(within(Bowl{}, Box<Odd>{lower, upper}), Odd(Odd::Constant(0.5f).cwiseMin(upper)), CmaEs{});
  CHECK(single.x[0] == Approx(0.3f).margin(1e-4));
  CHECK(single.x[0] >= 0.3f);
  CHECK(single.x[50] <= -0.7f);
}

TEST_CASE("bounds without room and steps without measure are no exception", "[evolution][cma][bounds]") {
  const VectorXd x0 = all(3, 0.5);
  const auto point = solve_in({x0, x0}, sphere, x0);
  CHECK(point.status == Status::stalled);
  CHECK(point.x == x0);
  CHECK(point.value == 0.75);

  const auto line = solve_in({all(1, -3), all(1, -1)}, sphere, all(1, -2));
  CHECK(line.x[0] == Approx(-1).margin(1e-9));
  CHECK(solve_in({all(1, 2), all(1, 2)}, sphere, all(1, 2)).value == 4);

  // So long a step that its draws overflow.
  const Box<VectorXd> box{all(3, -1), all(3, 2)};
  const Any f{[&](const VectorXd& x) {
    if (!box.contains(x)) throw std::logic_error("outside");
    return sphere(x);
  }};
  CHECK(solve_in(box, f, x0, {.step_size = 1.7e308}).value <= 3 * 4);
}

TEST_CASE("float and double, fixed and dynamic sizes, and a single variable find the minimum", "[evolution][cma]") {
  const auto fixed = minimize(Bowl{}, Vector3d{-1.2, 1, 3}, CmaEs{});
  CHECK(fixed.value < 1e-12);
  CHECK(minimize(Bowl{}, Odd(Odd::Constant(3)), CmaEs{}).value < 1e-8f);
  CHECK(minimize(Bowl{}, VectorXf{VectorXf::Constant(7, 3)}, CmaEs{}).value < 1e-9f);
  CHECK(solve(sphere, all(1, 3)).value < 1e-10);
  CHECK(solve(sphere, all(1, 3), {.population = 2, .active = false}).value < 1e-10);

  // The same numbers whether the size is known to the compiler or not.
  const auto f = [](const auto& x) { return x[0] * x[0] + 3 * x[1] * x[1] + x[2] * x[2] + x[0] * x[2]; };
  const CmaEs cma_es{};
  CmaEs::State<Vector3d> known;
  State unknown;
  cma_es.init(Vector3d{1, 2, 3}, known);
  cma_es.init(VectorXd{Vector3d{1, 2, 3}}, unknown);
  for (int g = 0; g < 30; ++g) {
    generation(cma_es, known, f);
    generation(cma_es, unknown, f);
  }
  CHECK((known.mean - unknown.mean).norm() < 1e-12);
  CHECK((known.covariance - unknown.covariance).norm() < 1e-12 * unknown.covariance.norm());
}

TEST_CASE("its own criteria end a run for the right reason", "[evolution][cma]") {
  const VectorXd x0 = start_between(-2, 2, 5, 6);
  SECTION("values that differ no more") {
    const auto solution = solve(ellipsoid, x0);
    CHECK(solution.status == Status::converged);
    CHECK(solution.value < 1e-12);
  }
  SECTION("steps too small to matter") {
    const auto solution = solve({[](const VectorXd& x) { return x.norm(); }}, x0, {.value_tolerance = 0});
    CHECK(solution.status == Status::converged);
    CHECK(solution.value < 1e-11);
    CHECK(solution.value > 1e-20);
  }
  SECTION("equal values") {
    const auto solution = solve({[](const VectorXd&) { return 1.0; }}, x0);
    CHECK(solution.status == Status::stalled);
    CHECK(solution.counts[0].values < 500);
  }
  SECTION("more digits than there are") {
    const auto solution = solve({[](const VectorXd& x) { return (x.array() - 1e6).matrix().norm(); }}, all(5, 1e6),
                                {.step_tolerance = 0, .value_tolerance = 0});
    CHECK(solution.status == Status::stalled);
    CHECK(solution.counts[0].values < 5000);
  }
  SECTION("a condition that floating point cannot hold") {
    const auto solution = solve({[](const VectorXd& x) { return problems::Ellipsoid{1e30}(x); }}, x0,
                                {.step_tolerance = 0, .value_tolerance = 0});
    CHECK(solution.status == Status::stalled);
  }
  SECTION("no minimum at all") {
    const auto solution = solve({[](const VectorXd& x) { return x.sum(); }}, x0);
    CHECK(solution.status == Status::stalled);
    CHECK(solution.counts[0].values < 1000);
  }
}

TEST_CASE("what one run has learnt starts the next one", "[evolution][cma]") {
  const auto first = solve(ellipsoid, start_between(-2, 2, 8, 1));
  VectorXd shift(8);  // as far in every direction as the function is wide
  for (Eigen::Index i = 0; i < 8; ++i) shift[i] = 0.02 * std::pow(1e6, -0.5 * double(i) / 7);
  const Any moved{[&](const VectorXd& x) { return ellipsoid(x - shift); }};
  const Limits limits{1e-8, 100000};
  const auto cold = solve(moved, first.x, {}, limits);
  const auto warm = minimize(moved, first, CmaEs{}, limits.rule());
  const auto of_state = minimize(moved, first.state, CmaEs{}, limits.rule());
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
                    "CmaEs::population: is 1; it must be 2 or more, or 0 for 4 + floor(3 ln n)");
  CHECK_THROWS_AS((CmaEs{.population = -4}.init(x0, state)), std::invalid_argument);
  for (const double step_size : {0.0, -1.0, infinity, not_a_number})
    CHECK_THROWS_AS((CmaEs{.step_size = step_size}.init(x0, state)), std::invalid_argument);
  CHECK_THROWS_AS((CmaEs{.step_tolerance = -1}.init(x0, state)), std::invalid_argument);
  CHECK_THROWS_AS((CmaEs{.value_tolerance = not_a_number}.init(x0, state)), std::invalid_argument);
  CHECK_THROWS_AS(CmaEs{}.init(VectorXd(), state), std::invalid_argument);
  CHECK_THROWS_AS(CmaEs{}.init(VectorXd{Vector2d{0, not_a_number}}, state), std::invalid_argument);
  const Box<VectorXd> box{all(3, 0), all(3, 0.5)};
  CHECK_THROWS_WITH(solve_in(box, sphere, x0), "start: coordinate 0 is 1; it must lie in the box, in [0, 0.5]");
  CHECK_THROWS_AS(solve_in({all(2, 0), all(2, 2)}, sphere, x0), std::invalid_argument);
  CHECK_NOTHROW(CmaEs{.population = 2}.init(x0, state));
  CHECK(solve(sphere, x0, {.population = 2}).value < 1e-8);

  // What is a step size in double, but not in float.
  CmaEs::State<Odd> single;
  for (const double step_size : {1e-60, 1e60})
    CHECK_THROWS_AS((CmaEs{.step_size = step_size}.init(Odd(Odd::Ones()), single)), std::invalid_argument);
}

TEST_CASE("a refused start leaves a run as it was, and without a start there is none", "[evolution][cma]") {
  State state;
  CHECK_THROWS_WITH(CmaEs{}.ask(state), "state: no run has been begun in it; init comes before ask");
  CHECK_THROWS_AS(CmaEs{}.step(sphere, state), std::invalid_argument);

  const CmaEs cma_es{.seed = 3};
  const VectorXd x0 = VectorXd::Ones(3);
  cma_es.init(sphere, x0, state);
  generation(cma_es, state, sphere);
  cma_es.ask(state);
  const State before = state;
  CHECK_THROWS_AS((CmaEs{.step_size = 0}.init(sphere, x0, state)), std::invalid_argument);
  CHECK_THROWS_AS(cma_es.init(sphere, VectorXd{Vector2d{0, infinity}}, state), std::invalid_argument);
  CHECK_THROWS_WITH(cma_es.init(Crossed{}, VectorXd{Vector2d{1, 1}}, state),
                    "box: coordinate 1 has lower = 2 and upper = 0; needs lower <= upper");
  CHECK_THROWS_AS(cma_es.init(within(sphere, Box{all(2, 0), all(2, 1)}), all(2, 3), state), std::invalid_argument);
  CHECK(identical(state, before));
  const std::vector<Evaluation<double>> none;
  cma_es.tell(state, {}, none);
  CHECK(identical(state, before));
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

  cma_es.init(sphere, all(3, 1), state);
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
  CHECK(steps(sphere, all(10, 1), CmaEs{}) == std::pair{0L, 0L});
  CHECK(steps(sphere, all(100, 1), CmaEs{}) == std::pair{0L, 0L});
  CHECK(steps(sphere, all(200, 1), CmaEs{.population = 50}) == std::pair{0L, 0L});
  CHECK(steps(Bowl{}, VectorXf(VectorXf::Ones(33)), CmaEs{.active = false}) == std::pair{0L, 0L});
  CHECK(steps(Bowl{}, Vector3d{1, 2, 3}, CmaEs{}) == std::pair{0L, 0L});
  CHECK(steps(within(sphere, Box{all(7, -1), all(7, 2)}), all(7, 1), CmaEs{}) == std::pair{0L, 0L});

  // Nor asking and telling.
  const CmaEs cma_es{};
  State state;
  cma_es.init(all(7, 1), state);
  const std::vector<Evaluation<double>> values{1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0};
  const long before = allocations();
  for (int g = 0; g < 20; ++g) cma_es.tell(state, cma_es.ask(state).ids, values);
  CHECK(allocations() == before);
}

TEST_CASE("CMA-ES inside the objective of CMA-ES leaves the outer run as it is", "[evolution][cma][nesting]") {
  const VectorXd x0 = start_between(-2, 2, 5, 8);
  const CmaEs cma_es{.seed = 5};
  const Any nested{[&](const VectorXd& x) {
    const auto ignored = solve(sphere, x, cma_es, {.iterations = 5});
    return ignored.value < 0 ? ignored.value : chained(x);
  }};
  const auto outer = solve(nested, x0, cma_es, {.iterations = 60});
  CHECK(identical(outer.state, solve(chained, x0, cma_es, {.iterations = 60}).state));
  CHECK(identical(outer.state, solve_on(2, nested, x0, cma_es, {.iterations = 60}).state));
}
