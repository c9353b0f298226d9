#include <mesaopt/evolution/exact_penalties.hpp>

#include <cmath>
#include <cstdint>
#include <functional>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/evolution/constraint_handling.hpp>
#include <mesaopt/evolution/restarts.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {

/// Any function of two variables with any inequalities.
struct Any {
  std::function<double(const VectorXd&)> f;
  std::function<void(const VectorXd&, VectorXd&)> c;
  Eigen::Index equal = 0, unequal = 0;

  double operator()(const VectorXd& x) const { return f(x); }
  [[nodiscard]] Eigen::Index equalities() const { return equal; }
  [[nodiscard]] Eigen::Index inequalities() const { return unequal; }
  void constraints(const VectorXd& x, VectorXd& out) const { c(x, out); }
};
using Exact = ConstraintHandling<CmaEs, ExactRanking>;
using Factors = ExactPenaltyFactors<VectorXd>;

VectorXd pair(double a, double b) { return Eigen::Vector2d(a, b); }

/// Kept in a lens between (0, 0) and (1, 1), and in all of a quarter of the plane, at whose corner (-1, -1) f is 18.
void lens(const VectorXd& x, VectorXd& c) { c << std::pow(x[1], 3) - x[0], std::pow(x[0], 3) - x[1]; }
double distance(const VectorXd& x) { return (x.array() - 2).square().sum(); }
const Any corner{distance, lens, 0, 2};  // minimum 2 at (1, 1)
Exact search(std::uint64_t seed) { return {.optimizer = {.step_size = 2, .seed = seed, .step_tolerance = 1e-9}}; }

Factors with(Eigen::Index equalities, double factor) {
  Factors p;
  p.begin(equalities, 2);
  p.weights.setConstant(factor);
  p.ranges.setConstant(0.5);
  return p;
}

}  // namespace

TEST_CASE("an exact penalty adds in proportion to what is violated, and nothing where all is kept",
          "[evolution][constraints]") {
  const auto p = with(1, 3);
  CHECK(p.penalty(pair(-2, 4)) == 18);
  CHECK(p.penalty(pair(0, -4)) == 0);
  CHECK(p.violation(pair(-2, 1)) == 2);
  CHECK(p.violation(pair(0, -1)) == 0);
}

TEST_CASE("a factor grows where the mean is beyond the constraint by more than half of its range, and falls within it",
          "[evolution][constraints]") {
  auto p = with(0, 3);
  p.update(0, pair(0.6, 0.4), 4, 8);
  CHECK(p.weights == pair(24, 3));
  CHECK(p.multipliers == p.weights);
  p.update(0, pair(-0.6, -0.4), 4, 8);
  CHECK(p.weights[0] == Approx(12));
  CHECK(p.weights[1] == 3);
}

TEST_CASE("the first factors are ratios of ranges, in a generation that violates the constraint",
          "[evolution][constraints]") {
  const std::vector<double> values{1, 2, 3, 4, 5};
  Eigen::MatrixXd c(2, 5);
  c << -1, -0.5, 0.5, 1, 2, /**/ -3, -4, -5, -6, -7;
  Factors p;
  p.begin(0, 2);
  p.set_first(values, c, 5, 10);
  CHECK(p.weights[0] == Approx(2 / 1.5));
  CHECK(p.weights[1] == 0);
  CHECK(p.settled[0]);
  CHECK_FALSE(p.settled[1]);
  p.weights[0] = 7;
  p.set_first(values, c / 2, 5, 10);
  CHECK(p.weights[0] == 7);
  CHECK(p.ranges[0] == Approx(0.375));
}

TEST_CASE("a corner is found from far beyond it, in most runs the right one of two", "[evolution][constraints]") {
  int right = 0, wrong = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const auto s = minimize(corner, pair(6, -3), search(seed), MaxEvaluations{3000});
    VectorXd c(2);
    lens(s.x, c);
    CHECK(c.maxCoeff() <= 1e-8);
    right += std::abs(s.value - 2) < 1e-6;
    wrong += std::abs(s.value - 18) < 1e-6;
  }
  CHECK(right >= 15);
  CHECK(right + wrong == 20);
}

TEST_CASE("an exact penalty needs fewer evaluations in a corner than an augmented Lagrangian",
          "[evolution][constraints]") {
  const auto evaluations = [](const auto& optimizer) {
    std::uint64_t sum = 0;
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
      auto seeded = optimizer;
      seeded.optimizer.seed = seed;
      sum += minimize(corner, pair(1.5, 2), seeded, TargetReached{2 + 1e-6} || MaxEvaluations{5000})
                 .counts[0]
                 .evaluations();
    }
    return double(sum) / 10;
  };
  const CmaEs narrow{.step_size = 0.3};
  const double exact = evaluations(Exact{.optimizer = narrow});
  CHECK(exact < 600);
  CHECK(exact < 0.5 * evaluations(ConstraintHandling<>{.optimizer = narrow}));
}

TEST_CASE("an equality is kept to the accuracy that is asked for, near the minimum on it", "[evolution][constraints]") {
  const Any circle{[](const VectorXd& x) { return x.sum(); },
                   [](const VectorXd& x, VectorXd& c) { c[0] = x.squaredNorm() - 1; }, 1, 0};
  const auto s = minimize(circle, pair(1, 0.5), Exact{.optimizer = {.step_size = 0.5}, .feasibility = 1e-5},
                          MaxEvaluations{10'000});
  CHECK(s.value == Approx(-std::sqrt(2.0)).margin(0.01));
}

TEST_CASE("scaling the objective and a constraint by powers of two changes no point", "[evolution][constraints]") {
  const Any scaled{[](const VectorXd& x) { return 1024 * distance(x); },
                   [](const VectorXd& x, VectorXd& c) {
                     lens(x, c);
                     c[1] /= 64;
                   },
                   0, 2};
  auto optimizer = search(3);
  optimizer.optimizer.value_tolerance = 0;
  const auto a = minimize(corner, pair(3, 1), optimizer, MaxEvaluations{400});
  const auto b = minimize(scaled, pair(3, 1), optimizer, MaxEvaluations{400});
  CHECK(identical(a.state.mean, b.state.mean));
  CHECK(b.state.weights[1] == 65536 * a.state.weights[1]);
}

TEST_CASE("begun anew, it finds the better corner in every run, and the best point of all runs is kept",
          "[evolution][constraints]") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const Restarts optimizer{search(seed), Ipop{1.01}, 4.0};
    const auto s = minimize(corner, pair(-2, -2), optimizer, TargetReached{2 + 1e-6} || MaxEvaluations{20'000});
    CHECK(s.status == Status::target_reached);
    CHECK(s.x.isApprox(pair(1, 1), 1e-5));
    CHECK(s.counts[0].evaluations() < 20'000);
  }
}

TEST_CASE("a run by exact penalties saved in the middle goes on with the same bits, and allocates nothing",
          "[evolution][constraints]") {
  const Restarts optimizer{search(5), Ipop{1.01}, 4.0};
  decltype(optimizer)::State<VectorXd> state, loaded;
  optimizer.init(corner, pair(-2, -2), state);
  for (int i = 0; i < 20; ++i) optimizer.step(corner, state);
  load(save(state), loaded);
  for (int i = 0; i < 300; ++i) optimizer.step(corner, loaded);
  const auto before = allocations();
  for (int i = 0; i < 10; ++i) optimizer.step(corner, state);
  CHECK(allocations() == before);
  for (int i = 0; i < 290; ++i) optimizer.step(corner, state);
  CHECK(state.restarts > 0);
  CHECK(identical(state, loaded));
}
