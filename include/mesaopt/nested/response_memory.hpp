#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <tuple>
#include <type_traits>

#include <Eigen/Core>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/core/prior.hpp>
#include <mesaopt/core/run.hpp>
#include <mesaopt/nested/inner_knowledge.hpp>
#include <mesaopt/nested/inner_start.hpp>
#include <mesaopt/nested/response_record.hpp>
#include <mesaopt/nested/solution_model.hpp>

namespace mesaopt::detail {

/// What the outer run remembers of the inner one, from accepted outer points only.
template <class T>
struct ResponseMemory {
  using X = typename T::X;
  using Start = typename T::Start;
  using Inner = typename T::Y;
  using Record = ResponseRecord<T>;
  static constexpr std::size_t levels_below = Record::levels;

  bool known = false;
  X x{};      ///< the last accepted outer point
  Inner y{};  ///< its inner solution
  bool factored = false;
  MatrixOf<Inner> factor{};  ///< Cholesky factor of the inner Hessian there, for the tangent
  bool adjoint_known = false;
  Inner adjoint{};                  ///< the adjoint there, to start the next one
  ScalarOf<Inner> sensitivity = 0;  ///< |Δy| / |Δx| lately
  double reach = 0;                 ///< distance / |gradient| lately, see Record
  PointsOf<X> xs{};                 ///< a ring of solved points, for `nearest`
  PointsOf<Inner> ys{};
  std::int64_t held = 0, next = 0;
  std::conditional_t<T::hands_on_multipliers, HeldBy<decltype(T::Run::state), Inner>, Empty> held_by{};
  std::conditional_t<is_predicted<Start>, SolutionModel<X, Inner>, Empty> model{};
  std::conditional_t<T::hands_on_state, typename T::Knowledge, Empty> knowledge{};
  typename T::InnerMemory inner{};  ///< what the inner objective remembers

  static constexpr auto fields() {
    using M = ResponseMemory;
    return std::tuple{&M::known,   &M::x,           &M::y,     &M::factored,  &M::factor, &M::adjoint_known,
                      &M::adjoint, &M::sensitivity, &M::reach, &M::xs,        &M::ys,     &M::held,
                      &M::next,    &M::held_by,     &M::model, &M::knowledge, &M::inner};
  }
  void clear() {
    known = factored = adjoint_known = false;
    x.setZero();
    y.setZero();
    factor.setZero();
    adjoint.setZero();
    xs.setZero();
    ys.setZero();
    sensitivity = 0;
    reach = 0;
    held = next = 0;
    if constexpr (T::hands_on_penalties) {
      held_by.multipliers.setZero();
      held_by.weights.setZero();
      held_by.settled.assign(held_by.settled.size(), false);
    } else if constexpr (T::hands_on_multipliers) {
      held_by.multipliers.setZero();
      held_by.penalty = 0;
    }
    if constexpr (is_predicted<Start>) model.clear();
    if constexpr (T::hands_on_state) knowledge.clear();
    mesaopt::detail::clear(inner);
  }
  void absorb(const Record& record) {
    if (!record.solved) return;
    const auto& solution = best_point(record.run);
    if (known) {
      const auto moved = (solution - y).norm(), by = (record.x - x).norm();
      if (by > 0 && !record.other_basin) sensitivity = std::max(moved / by, sensitivity / 2);
    }
    known = true;
    x = record.x;
    y = solution;
    if constexpr (is_tangent<Start>) {
      factored = record.factored && record.factor_exact;
      if (factored) factor = record.factor;
    }
    if (record.reach > 0) reach = std::max(record.reach, reach / 2);
    adjoint_known = record.adjoint_known;
    if (adjoint_known)
      adjoint = record.adjoint;
    else if (adjoint.size() != record.adjoint.size())
      adjoint.setZero(record.adjoint.size());
    if constexpr (is_nearest<Start>) {
      if (xs.cols() != record.remember) reserve(x, y, record.remember);
      xs.col(next) = x;
      ys.col(next) = y;
      next = (next + 1) % xs.cols();
      held = std::min<std::int64_t>(held + 1, xs.cols());
    }
    if constexpr (is_predicted<Start>) {
      model.absorb(x, y, record.outer_value, record.start, record.doubt, record.remember);
      if constexpr (T::hands_on_distribution) {
        const bool shaped = normalized_shape(covariance_of(record.run.state), model.shape);
        model.shaped = model.shaped || shaped;
      }
    }
    if constexpr (T::hands_on_state) knowledge.absorb(record.run.state);
    if constexpr (T::hands_on_multipliers) {
      held_by.multipliers = record.run.state.multipliers;
      if constexpr (T::hands_on_penalties) {
        held_by.weights = record.run.state.weights;
        held_by.settled = record.run.state.settled;
      } else if constexpr (requires { record.run.state.penalty; }) {
        held_by.penalty = record.run.state.penalty;
      }
    }
    if constexpr (!is_cold<Start>) inner = record.run.state.calls.memory;
  }

 private:
  void reserve(const X& at, const Inner& solution, Eigen::Index remember) {
    xs.setZero(at.size(), remember);
    ys.setZero(solution.size(), remember);
  }
};

}  // namespace mesaopt::detail
