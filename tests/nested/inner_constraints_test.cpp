// Constraints at both levels of nested evolution strategies: what is handed on, and what is not solved twice.
#include <cmath>
#include <cstdint>

#include <Eigen/Core>

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/evolution/constraint_handling.hpp>
#include <mesaopt/evolution/exact_penalties.hpp>
#include <mesaopt/nested/nested.hpp>
#include <mesaopt/objective/bounds.hpp>
#include <mesaopt/problems/smd.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {

using Handling = ConstraintHandling<CmaEs, ExactRanking>;
const problems::Smd smd(10);
const VectorXd outer_start = Eigen::Vector2d(0.5, 0.5), inner_start = Eigen::Vector3d(0.5, 0.5, 0.5);
constexpr std::uint64_t inner_budget = 64;

template <class Policy>
auto problem(Policy start) {
  const Search inner{Handling{.optimizer = {.step_size = 0.5, .seed = 7}}, MaxEvaluations{std::int64_t(inner_budget)}};
  const problems::ConstrainedInnerLevel<problems::Smd> lower{{smd}};
  return within(nested(problems::ConstrainedOuterLevel<problems::Smd>{{smd}},
                       response(family(within(lower, smd.inner_box())), inner, start)),
                smd.outer_box());
}
const Handling outer{.optimizer = {.step_size = 0.3, .seed = 3}};
using F = decltype(problem(predicted(inner_start)));
using State = StateOf<Handling, F, VectorXd>;

/// A prior with a distribution, and one that is sure of its width.
struct Narrow {
  VectorXd x;
  Eigen::MatrixXd covariance;
  double step_size;
};
struct Sure : Narrow {
  static constexpr bool knows_width = true;
};

}  // namespace

TEST_CASE("an evolution strategy asks for coupling constraints without solving the inner problem once more",
          "[nested][constraints]") {
  State state;
  outer.init(problem(predicted(inner_start)), outer_start, state);
  for (int i = 0; i < 5; ++i) outer.step(problem(predicted(inner_start)), state);
  const auto solves = state.calls.counts[0].values;
  CHECK(solves == 35);
  CHECK(state.calls.counts[0].constraints == solves);
  // An inner run spends its budget at most; a predicted start asks for two values beside.
  CHECK(state.calls.counts[1].evaluations() <= solves * (inner_budget + 2));
  CHECK(state.calls.counts[1].evaluations() > solves * inner_budget / 2);
}

TEST_CASE("penalties of the inner constraints are handed on from run to run, and saved with the outer one",
          "[nested][constraints]") {
  const auto f = problem(predicted(inner_start));
  State state, loaded;
  outer.init(f, outer_start, state);
  for (int i = 0; i < 6; ++i) outer.step(f, state);
  auto& memory = state.calls.memory.response;
  CHECK(memory.held_by.weights.size() == 2);
  CHECK(memory.held_by.weights.minCoeff() > 0);
  load(save(state), loaded);
  for (int i = 0; i < 3; ++i) outer.step(f, state), outer.step(f, loaded);
  CHECK(identical(state, loaded));

  // An inner run of 8 generations changes a factor by 1.5^8 at most: what it begins with, it ends with, nearly.
  memory.held_by.weights.setConstant(1e9);
  outer.step(f, state);
  CHECK(memory.held_by.weights.minCoeff() > 1e9 / std::pow(1.5, 7 * 8));
  CHECK(state.calls.slots[0].record.response.run.state.weights.minCoeff() > 1e9 / std::pow(1.5, 8));
}

TEST_CASE("SMD10 is solved by evolution strategies with constraints at both levels", "[nested][constraints]") {
  const auto s = minimize(problem(predicted(inner_start)), outer_start, outer, MaxEvaluations{900});
  CHECK(s.x.isApprox(smd.outer_solution(), 1e-3));
  CHECK(std::abs(s.value - smd.outer_minimum()) < 1e-3);
  VectorXd c(2);
  smd.outer_constraints(s.x, s.x, c);
  CHECK(c.maxCoeff() <= 1e-8);
}

TEST_CASE("a prior that says how wide its distribution is has it taken at its word, another one is widened",
          "[nested]") {
  const Narrow narrow{outer_start, Eigen::Matrix2d::Identity(), 1e-7};
  CmaEs::State<VectorXd> state;
  CmaEs{.step_size = 1}.init(narrow, state);
  CHECK(state.width() == Approx(1e-3));
  CmaEs{.step_size = 1}.init(Sure{narrow}, state);
  CHECK(state.width() == Approx(1e-7));
}

TEST_CASE("a predicted start refuses a width that is not positive", "[nested]") {
  CHECK_THROWS_WITH(minimize(problem(predicted(inner_start, 24, 0)), outer_start, outer, MaxEvaluations{9}),
                    Catch::Contains("narrowest"));
}
