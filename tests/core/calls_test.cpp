#include <mesaopt/core/calls.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/evaluator.hpp>
#include <mesaopt/problems/rosenbrock.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using problems::Rosenbrock;

namespace {

/// Remembers the sum of what accepted calls learnt, and adds it to the value; counts a level below.
struct Adding {
  template <class X>
  struct Memory {
    static constexpr std::size_t levels_below = 1;
    struct Record {
      std::array<Counts, 1> counts{};
      Counts cost{};
      double learnt = 0;
      std::uint64_t index = 0;
    };
    double sum = 0;
    static constexpr auto fields() { return std::tuple{&Memory::sum}; }
    void clear() { sum = 0; }
    void absorb(const Record& record) { sum += record.learnt; }
  };
  double operator()(const VectorXd& x, const Call<Memory<VectorXd>>& call) const {
    call.record.counts[0].values += 3;
    call.record.cost.factorizations += 1;
    call.record.learnt = x[0];
    call.record.index = call.index;
    if (x[0] < 0) throw std::runtime_error("negative " + std::to_string(int(x[0])));
    return x[0] + call.memory.sum;
  }
};
struct GradientAlone {
  double operator()(const VectorXd& x, VectorXd& gradient) const { return Rosenbrock{}(x, gradient); }
};
VectorXd point(double a) { return VectorXd::Constant(1, a); }

}  // namespace

TEST_CASE("values and gradients are counted apart, and below the limit only", "[core]") {
  Calls<VectorXd> calls;
  calls.limit = 3;
  const VectorXd x = VectorXd::Constant(2, 0.5);
  VectorXd gradient(2);
  CHECK(calls.value(Rosenbrock{}, x).value == Rosenbrock{}(x));
  CHECK(calls.gradient(Rosenbrock{}, x, gradient).value == Rosenbrock{}(x));
  CHECK_FALSE(calls.exhausted());
  calls.value(Rosenbrock{}, x);
  CHECK(calls.exhausted());
  const auto refused = calls.gradient(Rosenbrock{}, x, gradient);
  CHECK(refused.reason == Reason::budget_spent);
  CHECK_FALSE(refused.usable());
  CHECK(calls.value(Rosenbrock{}, x).reason == Reason::budget_spent);
  CHECK(calls.counts[0].values == 2);
  CHECK(calls.counts[0].gradients == 1);
}

TEST_CASE("memory learns what is accepted, and nothing else", "[core]") {
  Calls<VectorXd, MemoryOf<Adding, VectorXd>> calls;
  CHECK(calls.value(Adding{}, point(1)).value == 1);
  CHECK(calls.value(Adding{}, point(2)).value == 2);
  calls.accept();
  CHECK(calls.value(Adding{}, point(4)).value == 6);
  CHECK(calls.memory.sum == 2);
  CHECK(calls.counts.size() == 2);
  CHECK(calls.counts[0].values == 3);
  CHECK(calls.counts[0].factorizations == 3);
  CHECK(calls.counts[1].values == 9);
  CHECK(calls.slot.record.index == 2);

  calls.begin(point(0));
  CHECK(calls.memory.sum == 0);
  CHECK(calls.counts[0] == Counts{});
  CHECK(calls.counts[1] == Counts{});
}

TEST_CASE("a batch is learnt from in order, but for what is not usable", "[core]") {
  Calls<VectorXd, MemoryOf<Adding, VectorXd>> calls;
  std::vector<Evaluation<double>> out;
  const MatrixXd points = (MatrixXd(1, 4) << 1, std::numeric_limits<double>::quiet_NaN(), 3, 10).finished();
  calls.limit = 3;
  calls.values(Adding{}, points, out);
  REQUIRE(out.size() == 4);
  CHECK(out[0].value == 1);
  CHECK(out[1].reason == Reason::non_finite_value);
  CHECK(out[2].value == 3);
  CHECK(out[3].reason == Reason::budget_spent);
  calls.accept_batch(out);
  CHECK(calls.memory.sum == 4);
  CHECK(calls.counts[0].values == 3);
  CHECK(calls.counts[1].values == 9);
  CHECK(calls.events[std::size_t(Reason::non_finite_value)].count == 1);
  CHECK(calls.events[std::size_t(Reason::non_finite_value)].first == 1);
}

TEST_CASE("an exception leaves memory as it was, and what was spent is counted", "[core]") {
  Calls<VectorXd, MemoryOf<Adding, VectorXd>> calls;
  calls.value(Adding{}, point(5));
  calls.accept();
  CHECK_THROWS_WITH(calls.value(Adding{}, point(-3)), "negative -3");
  CHECK(calls.memory.sum == 5);
  CHECK(calls.counts[0].values == 2);
  CHECK(calls.counts[1].values == 6);
  std::vector<Evaluation<double>> out;
  const MatrixXd points = (MatrixXd(1, 3) << 1, -2, -7).finished();
  CHECK_THROWS_WITH(calls.values(Adding{}, points, out), "negative -2");
  CHECK(calls.events[std::size_t(Reason::threw)].count == 2);
  CHECK(calls.events[std::size_t(Reason::threw)].level == 0);
  CHECK(calls.memory.sum == 5);
}

TEST_CASE("a whole batch is handed to an objective that takes one", "[core]") {
  struct Device {
    double operator()(const VectorXd&) const { throw std::logic_error("one by one"); }
    void batch(const MatrixXd& points, VectorXd& values) const { values = points.colwise().sum().transpose(); }
  };
  Calls<VectorXd> calls;
  calls.limit = 2;
  std::vector<Evaluation<double>> out;
  calls.values(Device{}, MatrixXd::Constant(4, 3, 1.5), out);
  CHECK(out[0].value == 6);
  CHECK(out[1].value == 6);
  CHECK(out[2].reason == Reason::budget_spent);
}

TEST_CASE("Hessians and their products are the objective's own, else made by differences", "[core]") {
  const VectorXd x = (VectorXd(4) << 0.3, -0.4, 0.7, 0.1).finished(), v = (VectorXd(4) << 1, 2, -1, 3).finished();
  VectorXd exact(4), made(4);
  MatrixXd H(4, 4), built;
  Rosenbrock{}.hessian(x, H);
  Calls<VectorXd> calls;
  calls.hessian_product(Rosenbrock{}, x, v, exact);
  CHECK(exact.isApprox(H * v, 1e-14));
  CHECK(calls.counts[0].hessian_products == 1);
  CHECK(calls.counts[0].gradients == 0);
  calls.hessian_product(GradientAlone{}, x, v, made);
  CHECK(made.isApprox(exact, 1e-9));
  CHECK(calls.counts[0].gradients == 2);
  calls.hessian(GradientAlone{}, x, built);
  CHECK(built.isApprox(H, 1e-8));
  CHECK(built == built.transpose());
  CHECK(calls.counts[0].gradients == 10);
  calls.hessian_product(GradientAlone{}, x, VectorXd::Zero(4), made);
  CHECK(made.isZero(0));
}

TEST_CASE("a gradient is sized for the objective, and calls allocate nothing", "[core][allocations]") {
  Calls<VectorXd> calls;
  const VectorXd x = VectorXd::Constant(4, 0.5);
  VectorXd gradient;
  calls.gradient(Rosenbrock{}, x, gradient);
  CHECK(gradient.size() == 4);
  calls.value(GradientAlone{}, x);
  const long before = allocations();
  calls.gradient(Rosenbrock{}, x, gradient);
  calls.value(GradientAlone{}, x);
  CHECK(allocations() == before);
}
