#include <mesaopt/objective/failures.hpp>

#include <cmath>
#include <stdexcept>

#include <Eigen/Core>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/lbfgs.hpp>
#include <mesaopt/gradient/newton.hpp>

#include "support/catch.hpp"

using namespace mesaopt;

namespace {

/// x − log x summed, which refuses x ≤ 0.
struct Fragile {
  double operator()(const Eigen::VectorXd& x) const {
    if (x.minCoeff() <= 0) throw std::domain_error("x");
    return (x.array() - x.array().log()).sum();
  }
  double operator()(const Eigen::VectorXd& x, Eigen::VectorXd& g) const {
    g = 1 - x.array().inverse();
    return (*this)(x);
  }
  void hessian(const Eigen::VectorXd& x, Eigen::MatrixXd& H) const {
    if (x[0] > 3) throw std::runtime_error("no Hessian here");
    H = x.array().square().inverse().matrix().asDiagonal();
  }
};

struct Counting {
  template <class X>
  struct Memory {
    struct Record {
      int calls = 0;
    };
    int accepted = 0;
    void absorb(const Record&) { ++accepted; }
    static constexpr auto fields() { return std::tuple{&Memory::accepted}; }
  };
  double operator()(const Eigen::VectorXd& x, Eigen::VectorXd& g, const Call<Memory<Eigen::VectorXd>>&) const {
    return Fragile{}(x, g);
  }
};

struct ThrowsNumbers {
  double operator()(const Eigen::VectorXd&) const { throw 7; }
};

}  // namespace

TEST_CASE("without the policy what an objective throws reaches the caller", "[objective]") {
  CHECK_THROWS_AS(minimize(Fragile{}, Eigen::VectorXd(Eigen::VectorXd::Constant(2, 9)),
                           Lbfgs{.line_search = {.curvature = 0.1}}, GradientBelow{1e-8} || MaxIterations{100}),
                  std::domain_error);
}

TEST_CASE("with the policy a search steps around what throws, and tells", "[objective]") {
  const Eigen::VectorXd x0 = Eigen::VectorXd::Constant(2, 9);
  const auto s = minimize(exceptions_as_failures(Fragile{}), x0, Lbfgs{.line_search = {.curvature = 0.1}});
  CHECK(s.status == Status::gradient_below);
  CHECK((s.x.array() - 1).abs().maxCoeff() < 1e-7);
  CHECK(s.events[std::size_t(Reason::threw)].count > 0);
}

TEST_CASE("a start that throws is a bad start", "[objective]") {
  const auto s =
      minimize(exceptions_as_failures(Fragile{}), Eigen::VectorXd(Eigen::VectorXd::Constant(1, -1)), Lbfgs{});
  CHECK(s.status == Status::bad_start);
  CHECK(std::isnan(s.value));
}

TEST_CASE("a Hessian that throws is not used", "[objective]") {
  const auto s =
      minimize(exceptions_as_failures(Fragile{}), Eigen::VectorXd(Eigen::VectorXd::Constant(2, 5)), Newton{});
  CHECK(s.status == Status::gradient_below);
  CHECK((s.x.array() - 1).abs().maxCoeff() < 1e-7);
}

TEST_CASE("the policy forwards the objective's memory", "[objective]") {
  const auto s =
      minimize(exceptions_as_failures(Counting{}), Eigen::VectorXd(Eigen::VectorXd::Constant(2, 9)), Lbfgs{});
  CHECK(s.status == Status::gradient_below);
  CHECK(s.state.calls.memory.accepted == int(s.counts[0].iterations) + 1);
}

TEST_CASE("what is no std::exception still passes through", "[objective]") {
  Calls<Eigen::VectorXd> calls;
  CHECK_THROWS_AS(calls.value(exceptions_as_failures(ThrowsNumbers{}), Eigen::VectorXd(Eigen::VectorXd::Ones(1))), int);
}
