#include <mesaopt/core/status.hpp>

#include <cstdint>
#include <set>
#include <string>

#include "support/catch.hpp"

using namespace mesaopt;

TEST_CASE("a status is running, a success, a failure, or neither, and has a sentence of its own", "[core]") {
  std::set<std::string> sentences;
  for (std::uint8_t i = 0; i <= std::uint8_t(Status::bad_handover); ++i) {
    const Status status{i};
    CAPTURE(sentence(status));
    CHECK_FALSE((succeeded(status) && failed(status)));
    CHECK(sentence(status) != std::string("Unknown status."));
    sentences.insert(sentence(status));
  }
  CHECK(sentences.size() == std::size_t(Status::bad_handover) + 1);

  for (const Status status : {Status::gradient_below, Status::step_below, Status::value_change_below,
                              Status::target_reached, Status::converged})
    CHECK(succeeded(status));
  for (const Status status : {Status::bad_start, Status::not_differentiable, Status::non_finite, Status::infeasible,
                              Status::unbounded, Status::not_convex, Status::threw, Status::bad_handover})
    CHECK(failed(status));
  for (const Status status : {Status::running, Status::stalled, Status::max_iterations, Status::max_evaluations,
                              Status::max_time, Status::cancelled})
    CHECK_FALSE((succeeded(status) || failed(status)));
}
