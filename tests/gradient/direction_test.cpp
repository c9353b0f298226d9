#include <mesaopt/gradient/direction.hpp>

#include <Eigen/Core>

#include <mesaopt/gradient/bfgs.hpp>
#include <mesaopt/gradient/lbfgsb.hpp>
#include <mesaopt/gradient/newton.hpp>
#include <mesaopt/gradient/steepest_descent.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using X = Eigen::VectorXd;

namespace {

struct Memory {};

/// All that a direction has to have, but for what `forget` answers.
template <class Forgets>
struct Made {
  template <Point>
  using Memory = ::Memory;
  void init(const X&, const X&, ::Memory&) const {}
  void learn(const X&, const X&, const X&, const X&, ::Memory&) const {}
  Forgets forget(::Memory&) const { return Forgets(); }
  bool scaled(const ::Memory&) const { return true; }
};

struct Deaf {
  template <Point>
  using Memory = ::Memory;
  void init(const X&, const X&, ::Memory&) const {}
  bool forget(::Memory&) const { return false; }
  bool scaled(const ::Memory&) const { return true; }
};

}  // namespace

TEST_CASE("What can begin, learn, forget and say its scale is a direction, and nothing else", "[direction]") {
  CHECK(Direction<Made<bool>, X>);
  CHECK_FALSE(Direction<Made<void>, X>);
  CHECK_FALSE(Direction<Made<int>, X>);
  CHECK_FALSE(Direction<Deaf, X>);
  CHECK_FALSE(Direction<int, X>);
  CHECK(Direction<Steepest, X>);
  CHECK(Direction<NewtonDirection, X>);
}

TEST_CASE("BFGS learns from values, and L-BFGS-B alone keeps to a box", "[direction]") {
  CHECK(detail::LearnsFromValues<BfgsDirection, X>);
  CHECK_FALSE(detail::LearnsFromValues<LbfgsDirection, X>);
  CHECK(KeepsBox<LbfgsbDirection, X>);
  CHECK_FALSE(KeepsBox<LbfgsDirection, X>);
  CHECK_FALSE(KeepsBox<BfgsDirection, X>);
}
