#include <mesaopt/gradient/dual_method.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

#include "gradient/program_pieces.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::Index;
using Method = detail::DualMethod<double>;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

Method begun_method(const ProgramData& data) {
  Method method;
  method.set = begun(data);
  method.begin(1e-12);
  return method;
}

/// Goes on to the end, or for 10 000 changes.
void finish(Method& method) {
  for (int change = 0; change < 10000 && method.status == Status::running; ++change) method.advance(1e-12);
}

/// A random program whose constraints and bounds cut the free optimum off.
ProgramData cut_off(std::uint64_t seed) {
  ProgramData data = random_program(seed, 9, 2, 12);
  Random random{.seed = seed, .stream = 5};
  for (auto& c : data.c) c *= 20;
  for (Index i = 0; i < 9; i += 2) data.lower[i] = -random.uniform();
  for (Index i = 0; i < 9; i += 3) data.upper[i] = random.uniform();
  return data;
}

/// The largest violation of a sign or a side, 0 if there is none.
double violation(const WorkingSet& set) {
  double worst = 0;
  for (Index k = set.data.equalities; k < set.count(); ++k)
    worst = std::max({worst, -set.multipliers[k], along(set.data, k, set.x) - set.data.sides[k]});
  for (Index i = 0; i < set.size(); ++i) {
    worst = std::max({worst, set.data.lower[i] - set.x[i], set.x[i] - set.data.upper[i]});
    if (set.at(i) < 0) worst = std::max(worst, -set.bound_multipliers[i]);
    if (set.at(i) > 0) worst = std::max(worst, set.bound_multipliers[i]);
  }
  return worst;
}

/// The Lagrangian at x, the least over all x if that is where its gradient is 0.
double dual_value(const WorkingSet& set) {
  const auto& data = set.data;
  double value = 0;
  for (Index i = 0; i < set.size(); ++i) {
    double curved = 0;
    for (Index j = 0; j < set.size(); ++j) curved += data.Q(i, j) * set.x[j];
    value += (curved / 2 + data.c[i]) * set.x[i];
    const double mu = set.bound_multipliers[i];
    if (mu != 0) value -= mu * (set.x[i] - (mu > 0 ? data.lower[i] : data.upper[i]));
  }
  for (Index k = 0; k < set.count(); ++k) value += set.multipliers[k] * (along(data, k, set.x) - data.sides[k]);
  return value;
}

}  // namespace

TEST_CASE("The dual method ends at the optimum, one change of the working set at a time", "[dual_method]") {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    CAPTURE(seed);
    Method method = begun_method(cut_off(seed));
    std::int64_t size = method.set.active.size();
    double value = -infinity;
    while (method.status == Status::running) {
      const auto before = method.iterations;
      method.advance(1e-12);
      if (method.status != Status::running) break;
      REQUIRE(method.iterations == before + 1);
      REQUIRE(method.iterations < 200);
      CHECK(std::abs(method.set.active.size() - size) == 1);
      size = method.set.active.size();
      // Before W is settled for the first time there is no dual value yet.
      const double now = dual_value(method.set);
      CHECK(now > value - 1e-10);
      value = now;
    }
    CHECK(method.status == Status::converged);
    CHECK(method.iterations > 3);
    CHECK(off_optimum(method.set) < 1e-12);
    CHECK(violation(method.set) < 1e-12);
    CHECK(method.settling.value == Approx(value));
  }
}

TEST_CASE("A method that was told of a change goes on to the new optimum", "[dual_method]") {
  Method method = begun_method(cut_off(3));
  finish(method);
  REQUIRE(method.status == Status::converged);
  for (auto& c : method.set.data.c) c *= 0.9;
  method.unsettle();
  CHECK(method.status == Status::running);
  finish(method);
  CHECK(method.status == Status::converged);
  CHECK(off_optimum(method.set) < 1e-12);
  CHECK(violation(method.set) < 1e-12);
}

TEST_CASE("Every bad program ends the dual method by a status, in few changes, and with a proof", "[dual_method]") {
  ProgramData data = cut_off(4);
  Status expected = Status::infeasible;
  SECTION("equations that contradict each other") {
    for (Index i = 0; i < 9; ++i) data.normals(i, 1) = 2 * data.normals(i, 0);
    data.sides[1] = 2 * data.sides[0] + 1;
  }
  SECTION("inequalities that do") {
    for (Index i = 0; i < 9; ++i) data.normals(i, 5) = -data.normals(i, 4);
    data.sides[5] = -data.sides[4] - 1;
  }
  SECTION("bounds that do") {
    data.lower[1] = 3;
    data.upper[1] = 2;
  }
  SECTION("no lower bound") {
    data = random_program(4, 9, 0, 1);
    for (Index i = 0; i < 9; ++i) data.Q(2, i) = data.Q(i, 2) = data.normals(i, 0) = 0;
    data.normals(2, 0) = 1;  // x₃ <= side
    data.c[2] = 1;
    expected = Status::unbounded;
  }
  SECTION("an indefinite Q") {
    data.Q(1, 2) = data.Q(2, 1) = 10;
    expected = Status::not_convex;
  }
  SECTION("a number that is none") {
    data.c[4] = std::nan("");
    expected = Status::bad_start;
  }
  Method method = begun_method(data);
  finish(method);
  CHECK(method.status == expected);
  CHECK(method.iterations < 100);
  CHECK(failed(method.status));
  CHECK(std::string(sentence(method.status)).find("Failed: ") == 0);
  bool proof = false;
  for (const double y : method.infeasibility) proof = proof || y != 0;
  CHECK(proof == (expected == Status::infeasible));
  CHECK((method.ray[2] < 0) == (expected == Status::unbounded));
}

TEST_CASE("Constraints that depend on others are no trouble for the dual method", "[dual_method]") {
  ProgramData data = cut_off(5);
  for (Index i = 0; i < 9; ++i) data.normals(i, 1) = 2 * data.normals(i, 0);
  data.sides[1] = 2 * data.sides[0];
  for (Index k = 5; k < 9; ++k)
    for (Index i = 0; i < 9; ++i) data.normals(i, k) = double(k) * data.normals(i, 4);
  for (Index k = 5; k < 9; ++k) data.sides[k] = double(k) * data.sides[4];
  Method method = begun_method(data);
  finish(method);
  CHECK(method.status == Status::converged);
  CHECK(off_optimum(method.set) < 1e-12);
  CHECK(violation(method.set) < 1e-12);
  CHECK(method.iterations < 100);
}

TEST_CASE("Numbers beyond what products of floating point can hold are not called solved", "[dual_method]") {
  ProgramData data = cut_off(6);
  const double size = GENERATE(1e-250, 1e250);
  data.normals *= size;
  data.sides *= size;
  Method method = begun_method(data);
  finish(method);
  CHECK(method.status == Status::stalled);
  CHECK(method.iterations < 1000);
}
