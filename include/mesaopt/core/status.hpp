#pragma once

#include <cstdint>

namespace mesaopt {

/// Where a run stands, or why it ended.
enum class Status : std::uint8_t {
  running,
  // success
  gradient_below,
  step_below,
  value_change_below,
  target_reached,
  converged,
  // stopped before that
  stalled,
  max_iterations,
  max_evaluations,
  max_time,
  cancelled,
  // failure
  bad_start,
  not_differentiable,
  non_finite,
  infeasible,
  unbounded,
  not_convex,
  threw,
  bad_handover
};

/// The status as a sentence.
constexpr const char* sentence(Status status) {
  switch (status) {
    case Status::running: return "The run has not ended.";
    case Status::gradient_below: return "Converged: the gradient is below its tolerance.";
    case Status::step_below: return "Converged: the step is below its tolerance.";
    case Status::value_change_below: return "Converged: the value changes less than its tolerance.";
    case Status::target_reached: return "The target value is reached.";
    case Status::converged: return "Converged by the optimizer's own criterion.";
    case Status::stalled: return "Stalled: floating point allows no further descent.";
    case Status::max_iterations: return "Stopped at the iteration limit.";
    case Status::max_evaluations: return "Stopped at the evaluation limit.";
    case Status::max_time: return "Stopped at the time limit.";
    case Status::cancelled: return "Stopped by an observer.";
    case Status::bad_start: return "Failed: the objective has no finite value or gradient at the start.";
    case Status::not_differentiable: return "Failed: no valid gradient can be had where the search stands.";
    case Status::non_finite: return "Failed: the objective kept returning NaN or infinity.";
    case Status::infeasible: return "Failed: no point satisfies the constraints.";
    case Status::unbounded: return "Failed: the objective falls without bound.";
    case Status::not_convex: return "Failed: the objective is not convex, which this optimizer needs.";
    case Status::threw: return "Failed: an exception ended it.";
    case Status::bad_handover: return "Failed: what it was handed over is no point that it can begin at.";
  }
  return "Unknown status.";
}

/// True when the run met the criterion that it was asked to meet.
constexpr bool succeeded(Status status) { return status >= Status::gradient_below && status <= Status::converged; }

/// True when the run could not go on.
constexpr bool failed(Status status) { return status >= Status::bad_start; }

}  // namespace mesaopt
