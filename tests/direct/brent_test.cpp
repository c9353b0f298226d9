#include <mesaopt/direct/brent.hpp>

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <stdexcept>

#include <Eigen/Core>

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/objective/box.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;

namespace {

using X = Eigen::Vector<double, 1>;

/// Any function of one variable, on an interval.
struct Any {
  std::function<double(double)> function;
  double lower, upper;
  template <Point P>
  ScalarOf<P> operator()(const P& x) const {
    return ScalarOf<P>(function(double(x[0])));
  }
  [[nodiscard]] Box<X> box() const { return {X{lower}, X{upper}}; }
};

auto run(const Any& f, const Brent& brent = {}) { return minimize(f, X{(f.lower + f.upper) / 2}, brent); }

/// The first test function of Brent's book, section 5.7: it has a minimum between any two neighbouring squares.
double poles(double x) {
  double sum = 0;
  for (int i = 1; i <= 20; ++i) {
    const double term = (2 * i - 5) / (x - i * i);
    sum += term * term;
  }
  return sum;
}

}  // namespace

static_assert(OptimizerFor<Brent, Any, X>);

TEST_CASE("Brent takes the published numbers of evaluations to the published minima", "[direct]") {
  // J. Burkardt's tests of his translations of localmin, with ε for the relative and √ε for the absolute tolerance.
  struct Published {
    const char* name;
    Any f;
    double x, value;
    std::uint64_t evaluations;
  };
  const Published table[] = {
      {"(x - 2)² + 1", {[](double x) { return (x - 2) * (x - 2) + 1; }, 0, 3.141592653589793}, 2, 1, 6},
      {"x² + exp(-x)", {[](double x) { return x * x + std::exp(-x); }, 0, 1}, 0.351734, 0.827184, 9},
      {"x⁴ + 2x² + x + 3", {[](double x) { return ((x * x + 2) * x + 1) * x + 3; }, -2, 2}, -0.236733, 2.87849, 12},
      {"exp(x) + 1/(100x)", {[](double x) { return std::exp(x) + 0.01 / x; }, 0.0001, 1}, 0.0953446, 1.20492, 14},
      {"exp(x) - 2x + 1/(100x) - 1/(1000000x²)",
       {[](double x) { return std::exp(x) - 2 * x + 0.01 / x - 0.000001 / x / x; }, 0.0002, 2},
       0.703205,
       0.628026,
       11}};
  const double epsilon = std::numeric_limits<double>::epsilon();
  for (const auto& row : table) {
    CAPTURE(row.name);
    const auto s = run(row.f, {.relative_tolerance = epsilon, .absolute_tolerance = std::sqrt(epsilon)});
    CHECK(s.status == Status::converged);
    CHECK(s.x[0] == Approx(row.x).epsilon(2e-6));
    CHECK(s.value == Approx(row.value).epsilon(1e-5));
    CHECK(s.counts[0].evaluations() == row.evaluations);
  }
}

TEST_CASE("Brent finds a stationary point between any two poles of the function of his book", "[direct]") {
  std::uint64_t evaluations = 0;
  for (int i = 1; i <= 19; ++i) {
    CAPTURE(i);
    const double lower = i * i, upper = (i + 1) * (i + 1);
    const auto s = run({poles, lower + 1e-9, upper - 1e-9});
    CHECK(s.status == Status::converged);
    const double h = 1e-4 * s.x[0], x = s.x[0];
    CHECK(std::abs(poles(x + h) - poles(x - h)) / (2 * h) < 1e-4 * poles(x));
    CHECK(poles(x) <= std::min(poles(x + h), poles(x - h)));
    evaluations += s.counts[0].evaluations();
  }
  CHECK(evaluations < 19 * 16);
}

TEST_CASE("Brent brackets the minimum and never leaves the interval or touches its ends", "[direct]") {
  const Any f{[](double x) {
                CHECK((x > -1 && x < 4));
                return std::cosh(x - 3.3) + std::abs(x);
              },
              -1, 4};
  minimize(f, X{0}, Brent{}, MaxEvaluations{1000}, [](const auto& state, const Progress&) {
    CHECK(state.lower <= state.x[0]);
    CHECK(state.x[0] <= state.upper);
    const double minimum = 3.3 - std::asinh(1.0);
    CHECK((state.lower <= minimum && minimum <= state.upper));
  });
}

TEST_CASE("Brent converges to an end of the interval if the minimum is there", "[direct]") {
  const auto s = run({[](double x) { return std::exp(x); }, 1, 5});
  CHECK(s.status == Status::converged);
  CHECK(s.x[0] - 1 < 1e-7);
  CHECK(s.counts[0].evaluations() < 45);
}

TEST_CASE("Brent falls back on golden section where no parabola fits", "[direct]") {
  const auto s =
      run({[](double x) { return std::abs(x - 0.3) < 1e-3 ? 0.0 : std::ceil(10 * std::abs(x - 0.3)); }, 0, 1});
  CHECK(s.status == Status::converged);
  CHECK(s.counts[0].evaluations() < 60);
}

TEST_CASE("Brent begins at the start if it is told to", "[direct]") {
  const Any f{[](double x) { return (x - 0.7) * (x - 0.7); }, 0, 1};
  double first = 0;
  minimize(f, X{0.7}, Brent{.from_start = true}, MaxEvaluations{1},
           [&](const auto& state, const Progress&) { first = state.x[0]; });
  CHECK(first == 0.7);
  const auto cold = run(f), warm = minimize(f, X{0.7}, Brent{.from_start = true});
  CHECK(warm.x[0] == Approx(0.7));
  CHECK(cold.x[0] == Approx(0.7));
}

TEST_CASE("Brent takes a trial that is not finite for a high one", "[direct]") {
  const double wrong = GENERATE(std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity());
  const Any f{[wrong](double x) { return x > 0.5 ? wrong : (x - 0.2) * (x - 0.2); }, 0, 1};
  const auto s = run(f);
  CHECK(s.status == Status::converged);
  CHECK(s.x[0] == Approx(0.2));
  CHECK(s.events[std::size_t(Reason::non_finite_value)].count > 0);
  CHECK(run({[wrong](double) { return wrong; }, 0, 1}).status == Status::bad_start);
}

TEST_CASE("Brent keeps to the budget and answers the best point of it", "[direct]") {
  std::uint64_t calls = 0;
  double best = std::numeric_limits<double>::infinity();
  const Any f{[&](double x) {
                ++calls;
                best = std::min(best, poles(x));
                return poles(x);
              },
              16.001, 24.999};
  const auto s = minimize(f, X{20}, Brent{}, MaxEvaluations{5});
  CHECK(s.status == Status::max_evaluations);
  CHECK(calls == 5);
  CHECK(s.value == best);
  CHECK(s.value == poles(s.x[0]));
}

TEST_CASE("An exception passes through Brent and leaves a state that goes on", "[direct]") {
  int calls = 0;
  const Any f{[&](double x) {
                if (++calls == 6) throw std::runtime_error("now");
                return poles(x);
              },
              4.001, 8.999};
  Brent::State<X> state;
  Brent{}.init(f, X{6}, state);
  CHECK_THROWS_WITH(
      [&] {
        while (state.status == Status::running) Brent{}.step(f, state);
      }(),
      "now");
  CHECK(state.value == poles(state.x[0]));
  while (state.status == Status::running) Brent{}.step(f, state);
  const auto whole = run({poles, 4.001, 8.999});
  CHECK(state.x == whole.x);
}

TEST_CASE("A saved and loaded run of Brent has the same bits, and steps allocate nothing", "[direct]") {
  const Any f{poles, 4.001, 8.999};
  const auto steps = [&](auto& state, int count) {
    for (int i = 0; i < count && state.status == Status::running; ++i) Brent{}.step(f, state);
  };
  Brent::State<X> state, copy;
  Brent{}.init(f, X{6}, state);
  steps(state, 3);
  load(save(state), copy);
  const long before = allocations();
  steps(state, 20);
  CHECK(allocations() == before);
  steps(copy, 20);
  CHECK(state.status == Status::converged);
  CHECK(identical(state, copy));
}

TEST_CASE("Brent works in float and with dynamic points, and refuses more than one dimension", "[direct]") {
  struct Parabola {
    double operator()(const Eigen::VectorXd& x) const { return (x[0] - 1) * (x[0] - 1); }
    Box<Eigen::VectorXd> box() const { return {Eigen::VectorXd::Constant(1, -3), Eigen::VectorXd::Constant(1, 5)}; }
  };
  struct Single {
    float operator()(const Eigen::Vector<float, 1>& x) const { return std::cosh(x[0] - 1) - 1; }
    Box<Eigen::Vector<float, 1>> box() const { return {Eigen::Vector<float, 1>{-3}, Eigen::Vector<float, 1>{5}}; }
  };
  CHECK(minimize(Parabola{}, Eigen::VectorXd(Eigen::VectorXd::Zero(1)), Brent{}).x[0] == Approx(1));
  CHECK(minimize(Single{}, Eigen::Vector<float, 1>{0}, Brent{}).x[0] == Approx(1).margin(1e-3));
  CHECK_THROWS_WITH(minimize(Parabola{}, Eigen::VectorXd(Eigen::VectorXd::Zero(3)), Brent{}),
                    Catch::Contains("3 coordinates"));
  CHECK_THROWS_WITH(minimize(Single{}, Eigen::Vector<float, 1>{0}, Brent{.relative_tolerance = -1}),
                    Catch::Contains("Brent::relative_tolerance"));
}
