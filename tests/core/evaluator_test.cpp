#include <mesaopt/core/evaluator.hpp>

#include <cstddef>
#include <type_traits>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/calls.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {
struct Value {
  static constexpr bool quadratic = true;
  double operator()(const VectorXd& x) const { return x.sum(); }
};
/// The jobs in reverse order.
struct Backwards {
  std::vector<std::size_t>* log;
  template <class Job>
  void operator()(std::size_t count, const Job& job) const {
    for (std::size_t i = count; i-- > 0;) {
      log->push_back(i);
      job(i);
    }
  }
};
}  // namespace

TEST_CASE("serial evaluation is in order", "[core]") {
  std::vector<std::size_t> order;
  Serial{}(3, [&](std::size_t i) { order.push_back(i); });
  CHECK(order == std::vector<std::size_t>{0, 1, 2});
}

TEST_CASE("an objective on an evaluator is the objective, its batches evaluated so", "[core]") {
  std::vector<std::size_t> log;
  const auto f = on(Backwards{&log}, Value{});
  using F = std::remove_const_t<decltype(f)>;
  STATIC_REQUIRE(Objective<F, VectorXd>);
  STATIC_REQUIRE(is_quadratic<F>);
  STATIC_REQUIRE(std::is_same_v<MemoryOf<F, VectorXd>, MemoryOf<Value, VectorXd>>);

  Calls<VectorXd> calls;
  std::vector<Evaluation<double>> out;
  const Eigen::MatrixXd points = (Eigen::MatrixXd(2, 3) << 1, 2, 3, 10, 20, 30).finished();
  calls.values(f, points, out);
  CHECK(log == std::vector<std::size_t>{2, 1, 0});
  REQUIRE(out.size() == 3);
  CHECK(out[0].value == 11);
  CHECK(out[1].value == 22);
  CHECK(out[2].value == 33);

  const auto lambda = on(Serial{}, [](const VectorXd& x) { return x.sum(); });
  CHECK(lambda(VectorXd::Ones(4)) == 4);
}
