#include <mesaopt/gradient/first_order.hpp>

#include <cmath>
#include <limits>
#include <stdexcept>

#include <Eigen/Core>

#include <mesaopt/gradient/schedule.hpp>

#include "gradient/first_order_problems.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {

/// x ← x − α g, counting how often it was asked.
struct Plain {
  double learning_rate = 0.5;
  double weight_decay = 0;
  Schedule schedule{};
  template <Point X>
  struct Memory {
    int proposals = 0;
    static constexpr auto fields() { return std::tuple{&Memory::proposals}; }
  };
  void check() const { detail::check_first_order(*this, "Plain"); }
  template <Point X>
  void begin(const X&, Memory<X>& memory) const {
    memory.proposals = 0;
  }
  template <Point X>
  void propose(const X& x, const X& gradient, double rate, Memory<X>& memory, X& next) const {
    ++memory.proposals;
    next = x - rate * gradient;
  }
};

/// The half line x > 0 of −log x, whose gradient there is −1/x; beyond it there is nothing, or an exception.
struct Half {
  bool throws = false;
  double operator()(const VectorXd& x, VectorXd& gradient) const {
    if (throws) throw std::runtime_error("lost");
    gradient[0] = 1 / x[0];
    return x[0] > 0 ? std::log(x[0]) : std::numeric_limits<double>::quiet_NaN();
  }
};

using State = FirstOrderState<Plain, VectorXd, Nothing>;

}  // namespace

TEST_CASE("A step takes the rate of its place in the schedule, and remembers the point before", "[first_order]") {
  const Plain method{.schedule = {.kind = Schedule::step, .steps = 2, .decay = 0.5}};
  State state;
  const VectorXd start = VectorXd::Constant(1, 8);
  detail::first_order_init(method, first_order::Bowl{1}, start, state);
  CHECK(state.other == start);
  double x = 8;
  for (const double rate : {0.5, 0.5, 0.25, 0.25, 0.125}) {
    detail::first_order_step(method, first_order::Bowl{1}, state);
    CHECK(state.step == rate);
    CHECK(state.other[0] == x);
    x *= 1 - rate;
    CHECK(state.x[0] == x);
  }
}

TEST_CASE("A step into nothing is halved until it ends somewhere", "[first_order]") {
  State state;
  detail::first_order_init(Plain{.learning_rate = 7}, Half{}, VectorXd(VectorXd::Ones(1)), state);
  detail::first_order_step(Plain{.learning_rate = 7}, Half{}, state);  // −6, −2.5, −0.75, 0.125
  CHECK(state.x[0] == 0.125);
  CHECK(state.step == 7.0 / 8);
  CHECK(state.status == Status::running);
  CHECK(state.memory.proposals == 1);
  CHECK(state.calls.counts[0].gradients == 5);
}

TEST_CASE("Where ten halvings do not help, the run has ended, where it was", "[first_order]") {
  State state;
  detail::first_order_init(Plain{.learning_rate = 1e9}, Half{}, VectorXd(VectorXd::Ones(1)), state);
  detail::first_order_step(Plain{.learning_rate = 1e9}, Half{}, state);
  CHECK(state.status == Status::non_finite);
  CHECK(state.x[0] == 1);
  CHECK(state.value == 0);
}

TEST_CASE("A step that the limit or an exception interrupts is taken up, and proposed once", "[first_order]") {
  const Plain method{.learning_rate = 0.25};
  State state, whole;
  const VectorXd start = VectorXd::Constant(1, 2);
  for (State* each : {&state, &whole}) detail::first_order_init(method, Half{}, start, *each);
  detail::first_order_step(method, Half{}, whole);
  state.calls.limit = 1;
  detail::first_order_step(method, Half{}, state);
  CHECK(state.interrupted());
  CHECK(state.x == start);
  state.calls.limit = 100;
  CHECK_THROWS_AS(detail::first_order_step(method, Half{true}, state), std::runtime_error);
  CHECK(state.interrupted());
  detail::first_order_step(method, Half{}, state);
  CHECK_FALSE(state.interrupted());
  CHECK(state.x == whole.x);
  CHECK(state.memory.proposals == 1);
  CHECK(state.age == 1);
}

TEST_CASE("Rates, decays and what is not in its range are refused by name", "[first_order]") {
  CHECK_NOTHROW(Plain{}.check());
  CHECK_THROWS_WITH(Plain{.learning_rate = 0}.check(), Catch::Contains("Plain::learning_rate"));
  CHECK_THROWS_WITH(Plain{.weight_decay = -1}.check(), Catch::Contains("Plain::weight_decay"));
  CHECK_THROWS_WITH((Plain{.schedule = {.steps = 0}}.check()), Catch::Contains("Schedule::steps"));
  CHECK_THROWS_WITH(detail::check_decay(1.0, "Mine", "beta"), Catch::Contains("Mine::beta"));
  CHECK_THROWS_WITH(detail::check_decay(std::nan(""), "Mine", "beta"), Catch::Contains("Mine::beta"));
  CHECK_NOTHROW(detail::check_decay(0.0, "Mine", "beta"));
}
