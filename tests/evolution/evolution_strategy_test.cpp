#include <mesaopt/evolution/evolution_strategy.hpp>

#include <cmath>
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/evolution/cma_es.hpp>
#include <mesaopt/evolution/limited_memory_cma_es.hpp>
#include <mesaopt/evolution/natural_evolution.hpp>
#include <mesaopt/evolution/separable_cma_es.hpp>
#include <mesaopt/objective/bounds.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {
struct Sphere {
  double offset = 0, factor = 1;
  bool cubed = false;
  double operator()(const VectorXd& x) const {
    const double value = (x.array() - 0.5).square().sum();
    return offset + factor * (cubed ? value * value * value : value);
  }
};
struct Origin {
  double operator()(const VectorXd& x) const { return (x.array() - 3).square().sum(); }
};
}  // namespace

#define STRATEGIES CmaEs, SeparableCmaEs, LimitedMemoryCmaEs, Xnes, Snes

TEMPLATE_TEST_CASE("every strategy goes the same way for a power of the objective", "[evolution_strategy]",
                   STRATEGIES) {
  const VectorXd x0 = VectorXd::Constant(4, 2.0);
  const auto plain = minimize(Sphere{}, x0, TestType{}, MaxIterations{30});
  const auto cubed = minimize(Sphere{.factor = 8, .cubed = true}, x0, TestType{}, MaxIterations{30});
  CHECK(plain.x == cubed.x);
  CHECK(plain.state.mean == cubed.state.mean);
}

TEMPLATE_TEST_CASE("every strategy keeps a box, and finds a minimum on its edge", "[evolution_strategy]", STRATEGIES) {
  const auto f = within(Origin{}, Box<VectorXd>{VectorXd::Constant(3, -1.0), VectorXd::Constant(3, 2.0)});
  const auto s = minimize(f, VectorXd(VectorXd::Zero(3)), TestType{}, MaxEvaluations{10'000});
  CHECK(s.x.maxCoeff() <= 2);
  CHECK(s.value == Approx(3).epsilon(1e-6));
}

TEMPLATE_TEST_CASE("every strategy names itself in what it refuses", "[evolution_strategy]", STRATEGIES) {
  const VectorXd x0 = VectorXd::Zero(2);
  const std::string name = std::is_same_v<TestType, CmaEs>                ? "CmaEs::step_size"
                           : std::is_same_v<TestType, SeparableCmaEs>     ? "SeparableCmaEs::step_size"
                           : std::is_same_v<TestType, LimitedMemoryCmaEs> ? "LimitedMemoryCmaEs::step_size"
                           : std::is_same_v<TestType, Xnes>               ? "Xnes::step_size"
                                                                          : "Snes::step_size";
  CHECK_THROWS_WITH(minimize(Sphere{}, x0, TestType{.step_size = -1}), Catch::StartsWith(name));
}

TEMPLATE_TEST_CASE("every strategy takes answers in any order", "[evolution_strategy]", STRATEGIES) {
  const TestType es{.population = 6};
  typename TestType::template State<VectorXd> forwards, backwards;
  const VectorXd x0 = VectorXd::Constant(3, 2.0);
  es.init(x0, forwards);
  es.init(x0, backwards);
  for (int i = 0; i < 10; ++i) {
    const auto batch = es.ask(forwards);
    std::vector<Evaluation<double>> evaluations;
    for (Eigen::Index k = 0; k < 6; ++k) evaluations.push_back(Sphere{}(VectorXd(batch.points.col(k))));
    const auto ids = batch.ids;
    es.tell(forwards, ids, evaluations);
    const auto again = es.ask(backwards).ids;
    REQUIRE(again == ids);
    for (std::size_t k = 6; k-- > 0;) es.tell(backwards, {&ids[k], 1}, {&evaluations[k], 1});
  }
  CHECK(forwards.mean == backwards.mean);
  CHECK(forwards.x == backwards.x);
}
