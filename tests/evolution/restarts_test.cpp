#include <mesaopt/evolution/restarts.hpp>

#include <cmath>
#include <concepts>
#include <cstdint>
#include <numbers>
#include <span>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/evolution/cma_es.hpp>
#include <mesaopt/objective/bounds.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {
/// Rastrigin's function: one minimum of value 0 at the origin, and about 10^n local ones.
struct Rastrigin {
  double operator()(const VectorXd& x) const {
    double sum = 0;
    for (double v : x) sum += v * v - 10 * std::cos(2 * std::numbers::pi * v) + 10;
    return sum;
  }
};
using Grow = Restarts<CmaEs, Ipop>;
using Both = Restarts<CmaEs, Bipop>;
}  // namespace

TEST_CASE("restarts find the minimum of Rastrigin's function where one run does not", "[restarts]") {
  int single = 0, grown = 0, both = 0;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const VectorXd x0 = VectorXd::Constant(5, 3.3);
    const CmaEs es{.step_size = 2, .seed = seed};
    single += minimize(Rastrigin{}, x0, es, TargetReached{1e-8} || MaxEvaluations{100'000}).value <= 1e-8;
    grown += minimize(Rastrigin{}, x0, Grow{es}, TargetReached{1e-8} || MaxEvaluations{100'000}).value <= 1e-8;
    both += minimize(Rastrigin{}, x0, Both{es, {}, 4.0}, TargetReached{1e-8} || MaxEvaluations{100'000}).value <= 1e-8;
  }
  CHECK(single <= 2);
  CHECK(grown == 5);
  CHECK(both == 5);
}

TEST_CASE("the best point of all runs is kept, and counts go on", "[restarts]") {
  const Both optimizer{CmaEs{.step_size = 1}, {}, 3.0};
  Both::State<VectorXd> state;
  const Rastrigin f;
  optimizer.init(f, VectorXd(VectorXd::Constant(3, 2.2)), state);
  double lowest = INFINITY;
  std::uint64_t evaluations = 0;
  while (state.restarts < 6) {
    optimizer.step(f, state);
    REQUIRE(state.status == Status::running);
    CHECK(state.value <= lowest);
    CHECK(state.calls.counts[0].evaluations() > evaluations);
    lowest = state.value;
    evaluations = state.calls.counts[0].evaluations();
    CHECK(f(state.x) == state.value);
  }
  CHECK(state.present().value >= state.value);
}

TEST_CASE("a run with restarts saved and loaded in the middle goes on with the same bits", "[restarts]") {
  const Both optimizer{CmaEs{.step_size = 1}, {}, 3.0};
  Both::State<VectorXd> straight, loaded;
  const Rastrigin f;
  optimizer.init(f, VectorXd(VectorXd::Constant(2, 2.2)), straight);
  while (straight.restarts < 2) optimizer.step(f, straight);
  load(save(straight), loaded);
  Both::State<VectorXd> copied = straight;
  while (straight.restarts < 5) {
    optimizer.step(f, straight);
    optimizer.step(f, loaded);
    optimizer.step(f, copied);
  }
  CHECK(identical(straight, loaded));
  CHECK(identical(straight, copied));
}

TEST_CASE("driven by ask and tell, restarts go the way they go by steps", "[restarts]") {
  const Grow optimizer{CmaEs{.step_size = 1}, {}, 3.0};
  Grow::State<VectorXd> stepped, asked;
  const VectorXd x0 = VectorXd::Constant(2, 2.2);
  const Rastrigin f;
  optimizer.init(f, x0, stepped);
  optimizer.init(x0, asked);
  while (stepped.restarts < 4) optimizer.step(f, stepped);
  std::vector<Evaluation<double>> evaluations;
  while (asked.restarts < 4) {
    const auto batch = optimizer.ask(asked);
    evaluations.clear();
    for (Eigen::Index i = 0; i < batch.points.cols(); ++i) evaluations.push_back(f(VectorXd(batch.points.col(i))));
    optimizer.tell(asked, std::vector<std::uint64_t>(batch.ids), evaluations);
  }
  CHECK(asked.x == stepped.x);
  CHECK(asked.value == stepped.value);
  CHECK(asked.mean == stepped.mean);
}

TEST_CASE("restarts begin within the box, and stay there", "[restarts]") {
  const auto f = within(Rastrigin{}, Box<VectorXd>{VectorXd::Constant(2, 0.5), VectorXd::Constant(2, 4.0)});
  const Both optimizer{CmaEs{.step_size = 1}};
  auto solution = minimize(f, VectorXd(VectorXd::Constant(2, 3.0)), optimizer, MaxEvaluations{5000});
  CHECK(solution.x.minCoeff() >= 0.5);
  CHECK(solution.value == Approx(2 * 0.9949591).epsilon(1e-4));  // the minimum next to 1, in both coordinates
}

TEST_CASE("after the last restart the run ends as that ended", "[restarts]") {
  const Grow optimizer{CmaEs{.step_size = 1}, {}, 0, 2};
  const auto solution =
      minimize(Rastrigin{}, VectorXd(VectorXd::Constant(2, 3.0)), optimizer, MaxEvaluations{1'000'000});
  CHECK(solution.state.restarts == 2);
  CHECK(succeeded(solution.status));
}

TEST_CASE("a run that another one follows ends after so many generations at the latest", "[restarts]") {
  // In two variables and with 6 points a generation: 100 + patience * 25 / sqrt(6) generations.
  const auto second = [](double patience) {
    const Grow optimizer{.optimizer = CmaEs{.step_size = 1, .value_tolerance = 0}, .patience = patience};
    Grow::State<VectorXd> state;
    const Rastrigin f;
    optimizer.init(f, VectorXd(VectorXd::Constant(2, 2.2)), state);
    while (state.restarts == 0) optimizer.step(f, state);
    return state.calls.counts[0].evaluations() - state.used;
  };
  CHECK(second(1e-3) == 6 * 101);
  CHECK(second(0) > 6 * 101);
}

TEST_CASE("the first run, too, begins at a point drawn around the start if that is asked for", "[restarts]") {
  const VectorXd x0 = VectorXd::Constant(3, 2.2);
  const Grow optimizer{.optimizer = CmaEs{.step_size = 1}, .spread = 4, .anywhere = true};
  Grow::State<VectorXd> state;
  optimizer.init(x0, state);
  CHECK(state.mean != x0);
  static_assert(std::same_as<decltype(Restarts{CmaEs{}, Ipop{}, 4.0}), Grow>);
  CHECK((state.mean - x0).cwiseAbs().maxCoeff() <= 4);
  CHECK(state.calls.counts[0].evaluations() == 0);
}

TEST_CASE("restarts refuse settings out of their range", "[restarts]") {
  const VectorXd x0 = VectorXd::Zero(2);
  CHECK_THROWS_WITH(minimize(Rastrigin{}, x0, Grow{CmaEs{}, Ipop{.factor = 1}}),
                    Catch::Contains("Ipop::factor") && Catch::Contains("1"));
  CHECK_THROWS_WITH(Nbipop{.factor = 1}.check(), Catch::Contains("Nbipop::factor"));
  CHECK_THROWS_WITH(Nbipop{.narrowing = 0.5}.check(), Catch::Contains("Nbipop::narrowing"));
  CHECK_THROWS_WITH(Nbipop{.preference = 0}.check(), Catch::Contains("Nbipop::preference"));
  CHECK_THROWS_WITH(minimize(Rastrigin{}, x0, Grow{.patience = -1}), Catch::Contains("Restarts::patience"));
  CHECK_THROWS_WITH(minimize(Rastrigin{}, x0, Grow{CmaEs{}, Ipop{}, -1.0}), Catch::Contains("Restarts::spread"));
}
