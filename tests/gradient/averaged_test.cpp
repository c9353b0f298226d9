#include <mesaopt/gradient/averaged.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>

#include <Eigen/Core>

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/gradient/adam.hpp>
#include <mesaopt/gradient/gradient_descent.hpp>
#include <mesaopt/gradient/lbfgs.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;

namespace {

/// ½ Σ (i + 1)(x_i − 1)², its gradient with normal noise that depends on the index of the evaluation.
template <bool noisy>
struct Bowl {
  static constexpr bool stochastic = noisy;
  template <class X>
  using Memory = Workspace<detail::Empty>;

  const bool* calm = nullptr;

  template <Point X>
  ScalarOf<X> operator()(const X& x, X& g, const Call<Memory<X>>& call) const {
    if (calm && !*calm) throw std::runtime_error("not now");
    Random random{.seed = 5, .stream = call.index};
    ScalarOf<X> value = 0;
    for (Eigen::Index i = 0; i < x.size(); ++i) {
      const auto d = x[i] - 1;
      g[i] = ScalarOf<X>(i + 1) * d + (noisy ? random.normal<ScalarOf<X>>() : ScalarOf<X>(0));
      value += ScalarOf<X>(i + 1) * d * d / 2;
    }
    return x[0] < -10 ? std::numeric_limits<ScalarOf<X>>::quiet_NaN() : value;
  }
};
using Noisy = Bowl<true>;
using Exact = Bowl<false>;

const Eigen::VectorXd zero = Eigen::VectorXd::Zero(3), one = Eigen::VectorXd::Ones(3);
const GradientDescent descent{.learning_rate = 0.1};
using Mean = Averaged<GradientDescent>;

}  // namespace

static_assert(OptimizerFor<Mean, Noisy, Eigen::VectorXd>);
static_assert(OptimizerFor<Mean, Noisy, Eigen::Vector3f>);
static_assert(OptimizerFor<Averaged<Averaged<Adam>>, Noisy, Eigen::VectorXd>);

TEST_CASE("the answer is the mean of the points from a given step on, and the iterate before that", "[gradient]") {
  StateOf<GradientDescent, Noisy, Eigen::VectorXd> plain;
  StateOf<Mean, Noisy, Eigen::VectorXd> state;
  const Averaged mean{descent, Averaging{.begin = 3}};
  descent.init(Noisy{}, zero, plain);
  mean.init(Noisy{}, zero, state);
  CHECK(state.x == zero);
  Eigen::VectorXd sum = zero;
  for (int k = 1; k <= 20; ++k) {
    descent.step(Noisy{}, plain);
    mean.step(Noisy{}, state);
    CHECK(state.iterate() == plain.x);
    if (k > 3) sum += plain.x;
    CHECK((state.x - (k > 3 ? Eigen::VectorXd(sum / (k - 3)) : plain.x)).norm() < 1e-14);
    CHECK(state.value == plain.value);
    CHECK(state.gradient == plain.gradient);
  }
  CHECK(state.calls.counts[0].gradients == 21);
}

TEST_CASE("a moving average weighs points by powers of its decay", "[gradient]") {
  StateOf<GradientDescent, Noisy, Eigen::VectorXd> plain;
  StateOf<Mean, Noisy, Eigen::VectorXd> state;
  const Averaged moving{descent, Averaging{.decay = 0.8}};
  descent.init(Noisy{}, zero, plain);
  moving.init(Noisy{}, zero, state);
  Eigen::VectorXd sum = zero;
  double weights = 0;
  for (int k = 1; k <= 30; ++k) {
    descent.step(Noisy{}, plain);
    moving.step(Noisy{}, state);
    sum = 0.8 * sum + plain.x;
    weights = 0.8 * weights + 1;
    CHECK((state.x - sum / weights).norm() < 1e-14);
  }
}

TEST_CASE("the average of a stochastic run is closer to the minimum than its points by far, at the rate of theory",
          "[gradient]") {
  const auto plain = minimize(Noisy{}, zero, descent, MaxIterations{4000});
  const auto s = minimize(Noisy{}, zero, Averaged{descent, Averaging{.begin = 200}}, MaxIterations{4000});
  CHECK(s.x == s.state.x);  // the run answers the average
  CHECK((plain.x - one).norm() > 0.1);
  // The mean's covariance is H⁻¹ Σ H⁻¹ / k (Polyak & Juditsky, theorem 1): here the trace of (1, ¼, ⅑) / 3800.
  CHECK((s.x - one).norm() < 3 * std::sqrt((1 + 1.0 / 4 + 1.0 / 9) / 3800));
}

TEST_CASE("on an exact objective the answer's value and gradient are those of the average", "[gradient]") {
  const auto s = minimize(Exact{}, zero, Averaged{descent}, MaxIterations{20});
  CHECK(s.counts[0].gradients == 1 + 20 + 19);
  Eigen::VectorXd g(3);
  Calls<Eigen::VectorXd> calls;
  CHECK(calls.gradient(Exact{}, s.x, g).value == s.value);
  CHECK(g == s.state.gradient);
  CHECK(s.x != s.state.iterate());
  CHECK((s.state.iterate() - one).norm() < (s.x - one).norm());
}

TEST_CASE("an average at which the objective is not finite leaves its newest point out", "[gradient]") {
  // Two islands: the steps jump between x = −1 and x = 1, and nothing is known between.
  const auto islands = [](const Eigen::VectorXd& x, Eigen::VectorXd& g) {
    g = 2 * x;
    return std::abs(x[0]) > 0.9 ? 1.0 : std::nan("");
  };
  const auto s = minimize(islands, Eigen::VectorXd(Eigen::VectorXd::Constant(1, -1)),
                          Averaged{GradientDescent{.learning_rate = 1}}, MaxIterations{5});
  CHECK(s.status == Status::max_iterations);
  CHECK(std::abs(s.x[0]) == 1);
  CHECK(s.value == 1);
}

TEST_CASE("averaging keeps the evaluation limit and can be taken on from there", "[gradient]") {
  StateOf<Mean, Exact, Eigen::VectorXd> whole, parts;
  const Averaged mean{descent};
  mean.init(Exact{}, zero, whole);
  for (int k = 0; k < 10; ++k) mean.step(Exact{}, whole);
  for (std::uint64_t limit = parts.calls.limit = 1; limit < 100 && parts.age + parts.count < 20; ++limit) {
    if (limit == 1) mean.init(Exact{}, zero, parts);
    parts.calls.limit = limit;
    mean.step(Exact{}, parts);
    CHECK(parts.calls.counts[0].evaluations() <= limit);
  }
  CHECK(parts.x == whole.x);
  CHECK(parts.iterate() == whole.iterate());
}

TEST_CASE("averaging goes on after an exception as if there had been none", "[gradient]") {
  bool calm = true;
  const Exact moody{&calm};
  StateOf<Mean, Exact, Eigen::VectorXd> disturbed, whole;
  const Averaged mean{descent};
  for (auto* state : {&disturbed, &whole}) mean.init(moody, zero, *state);
  for (int k = 0; k < 5; ++k) {
    calm = false;
    CHECK_THROWS_AS(mean.step(moody, disturbed), std::runtime_error);
    calm = true;
    mean.step(moody, disturbed);
    mean.step(moody, whole);
  }
  CHECK(disturbed.x == whole.x);
  CHECK(disturbed.value == whole.value);
}

TEST_CASE("an averaged run that is saved, loaded or restarted is the same run", "[gradient]") {
  const Averaged mean{Adam{.learning_rate = 0.05}, Averaging{.begin = 4, .decay = 0.9}};
  using State = StateOf<Averaged<Adam>, Noisy, Eigen::VectorXd>;
  State used, state;
  mean.init(Noisy{}, one, used);
  for (int k = 0; k < 9; ++k) mean.step(Noisy{}, used);
  mean.init(Noisy{}, zero, used);
  mean.init(Noisy{}, zero, state);
  CHECK(identical(state, used));
  for (int k = 0; k < 9; ++k) mean.step(Noisy{}, state);
  State loaded = load<State>(save(state));
  for (State* each : {&state, &loaded})
    for (int k = 0; k < 9; ++k) mean.step(Noisy{}, *each);
  CHECK(identical(state, loaded));
}

TEST_CASE("averaging allocates nothing in its steps, fixed or dynamic", "[gradient]") {
  const auto count = [](const auto& f, const auto& x0) {
    StateOf<Mean, std::remove_cvref_t<decltype(f)>, std::remove_cvref_t<decltype(x0)>> state;
    const Averaged mean{descent, Averaging{.begin = 2}};
    mean.init(f, x0, state);
    const long before = allocations();
    for (int k = 0; k < 10; ++k) mean.step(f, state);
    mean.init(f, x0, state);
    return allocations() - before;
  };
  CHECK(count(Noisy{}, zero) == 0);
  CHECK(count(Exact{}, zero) == 0);
  CHECK(count(Noisy{}, Eigen::Vector3f(0, 0, 0)) == 0);
}

TEST_CASE("other optimizers are averaged as well, and averages averaged", "[gradient]") {
  const auto s =
      minimize(Exact{}, zero, Averaged{Lbfgs{}, Averaging{.decay = 0.1}}, GradientBelow{1e-6} || MaxIterations{50});
  CHECK((s.x - one).norm() < 1e-5);
  StateOf<Averaged<Mean>, Noisy, Eigen::VectorXd> twice;
  const Averaged<Mean> optimizer{Averaged{descent}, {}};
  optimizer.init(Noisy{}, zero, twice);
  for (int k = 0; k < 2; ++k) optimizer.step(Noisy{}, twice);
  const auto one_step = minimize(Noisy{}, zero, descent, MaxIterations{1}).x;
  const auto two_steps = minimize(Noisy{}, zero, descent, MaxIterations{2}).x;
  CHECK((twice.x - (0.75 * one_step + 0.25 * two_steps)).norm() < 1e-15);
}

TEST_CASE("averaging passes on failures and refuses settings out of range", "[gradient]") {
  CHECK(minimize(Noisy{}, Eigen::VectorXd(Eigen::VectorXd::Constant(3, -20)), Averaged{descent}).status ==
        Status::bad_start);
  CHECK_THROWS_WITH(minimize(Noisy{}, zero, Averaged{descent, Averaging{.begin = -1}}),
                    Catch::Contains("Averaging::begin"));
  CHECK_THROWS_WITH(minimize(Noisy{}, zero, Averaged{descent, Averaging{.decay = 1}}),
                    Catch::Contains("Averaging::decay"));
  CHECK_THROWS_WITH(minimize(Noisy{}, zero, Averaged{GradientDescent{.learning_rate = 0}}),
                    Catch::Contains("GradientDescent::learning_rate"));
}
