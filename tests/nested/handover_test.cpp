#include <mesaopt/nested/handover.hpp>

#include <type_traits>

#include <Eigen/Core>

#include <mesaopt/core/prior.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

TEST_CASE("what is handed over is a prior, whose state knows more and whose memory is that of the objective",
          "[nested]") {
  struct State {
    VectorXd x;
    VectorXd variances;
    double step_size;
  } state{VectorXd::Ones(2), VectorXd::Constant(2, 3), 0.5};
  struct Memory {
    int known;
  } memory{7};
  const VectorXd x = VectorXd::Zero(2);
  const detail::Handover<VectorXd, State, Memory> prior{x, state, memory};
  using Handed = std::remove_cvref_t<decltype(prior)>;
  static_assert(Start<Handed> && HasMemory<Handed, Memory> && !HasMemory<Handed, State>);
  CHECK(detail::start_point(prior) == x);
  CHECK(&detail::knowledge_of(prior) == &state);
  CHECK(&detail::knowledge_of(x) == &x);
}
