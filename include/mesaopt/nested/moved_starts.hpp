#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

#include <Eigen/Core>

#include <mesaopt/core/call.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/nested/conjugate_gradient.hpp>
#include <mesaopt/nested/inner_derivatives.hpp>
#include <mesaopt/nested/inner_start.hpp>
#include <mesaopt/nested/places.hpp>
#include <mesaopt/nested/response_record.hpp>
#include <mesaopt/nested/solution_model.hpp>

namespace mesaopt::detail {

/// record.start = what the model predicts, or the solution at the nearest remembered point if that is lower.
template <class F, Point X, class Memory, class Record>
void foresee(const F& f, const X& x, const Memory& memory, Record& record) {
  using T = typename Record::Types;
  using Y = typename T::Y;
  const auto& model = memory.model;
  record.doubt = predict(model, x, record.prediction, record.start);
  if (model.held == 0) return;
  Eigen::Index closest = 0;
  (model.xs.leftCols(model.held).colwise() - x).colwise().squaredNorm().minCoeff(&closest);
  record.scratch = model.ys.col(closest);
  if constexpr (Bounded<F, Y>) {
    const auto& box = f.box();
    for (auto* y : {&record.start, &record.scratch}) *y = y->cwiseMax(box.lower).cwiseMin(box.upper);
  }
  auto& calls = record.run.state.calls;
  calls.limit = std::numeric_limits<std::uint64_t>::max();
  calls.begin(InnerStart<Y, typename T::InnerMemory>{record.start, memory.inner});
  const auto there = calls.value(f, record.start), near = calls.value(f, record.scratch);
  if (near.usable() && !(there.usable() && there.value <= near.value)) record.start.swap(record.scratch);
  record.collect();
}

/// record.start = y + dy/dx (x − x_last), with dy/dx = −H⁻¹ ∂²g/∂y∂x at the last accepted point.
template <class Place, Point X, class Memory, class Record>
void follow_tangent(const Place& objective, const X& x, const Memory& memory, Record& record) {
  using T = typename Record::Types;
  using Y = typename T::Y;
  auto& calls = record.run.state.calls;
  record.direction = x - memory.x;
  calls.begin(memory.y);
  mixed_direction(objective, memory.x, memory.y, record.direction, record.mixed, record.moved, record.scratch, calls);
  if (memory.factored) {
    solve_factorized(memory.factor, record.mixed);
    record.start = memory.y - record.mixed;
  } else {
    const auto& f = placed(objective, memory.x);
    record.step.setZero(memory.y.size());
    const auto outcome = conjugate_gradient(
        record.mixed, record.step, record.linear, 1e-6, std::uint64_t(2 * memory.y.size()),
        [&](const auto& p, auto& q) { calls.hessian_product(f, memory.y, p, q); },
        [](const auto& r, auto& z) { z = r; }, hessian_noise<typename T::Objective, Y>());
    calls.counts[0].linear_iterations += outcome.iterations;
    record.start = memory.y - record.step;
    record.start_rejected = outcome.negative_curvature;
  }
  if (record.start_rejected || !record.start.allFinite()) {
    record.start = memory.y;
    record.start_rejected = true;
  }
  record.collect();
}

/// One Newton step of the new inner problem from record.start. True if value and gradient there are known afterwards.
template <class F, class Memory, class Record, class S>
bool newton_correct(const F& f, const Memory& memory, Record& record, Evaluation<S>& evaluation) {
  using Inner = typename Record::Inner;
  auto& calls = record.run.state.calls;
  calls.limit = std::numeric_limits<std::uint64_t>::max();
  calls.begin(InnerStart<Inner, MemoryOf<F, Inner>>{record.start, memory.inner});
  record.gradient.resize(record.start.size());
  evaluation = calls.gradient(f, record.start, record.gradient);
  if (!evaluation.differentiable() || !record.gradient.allFinite()) {
    record.collect();
    return false;
  }
  calls.hessian(f, record.start, record.hessian);
  record.factor = record.hessian;
  ++calls.counts[0].factorizations;
  record.factored = factorize(record.factor, true, hessian_noise<F, Inner>());
  if (!record.factored) {
    record.start_rejected = true;
    record.collect();
    return true;
  }
  record.step = -record.gradient;
  solve_factorized(record.factor, record.step);
  if constexpr (is_quadratic<F>) {
    // The model is the objective itself: value and gradient at its minimum follow without another evaluation.
    record.scratch.noalias() = record.hessian * record.step;
    evaluation.value += record.gradient.dot(record.step) + record.step.dot(record.scratch) / 2;
    record.gradient += record.scratch;
    record.start += record.step;
    record.factor_exact = true;
  } else {
    record.mixed = record.start + record.step;
    record.scratch.resize(record.start.size());
    const auto there = calls.gradient(f, record.mixed, record.scratch);
    if (there.differentiable() && record.scratch.allFinite() &&
        there.value <=
            evaluation.value + there.value_error + 8 * std::numeric_limits<S>::epsilon() * std::abs(evaluation.value)) {
      record.start.swap(record.mixed);
      record.gradient.swap(record.scratch);
      evaluation = there;
    } else {
      record.start_rejected = true;
    }
  }
  record.collect();
  return true;
}

}  // namespace mesaopt::detail
