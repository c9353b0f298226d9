#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>

#include <Eigen/Core>

#include <mesaopt/core/call.hpp>
#include <mesaopt/core/calls.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/stopping.hpp>
#include <mesaopt/objective/wrapped.hpp>

namespace mesaopt {

namespace detail {
template <class X>
struct TaskScratch {
  X gradient{};
};

/// What the tasks have for memory: nothing is handed from one task to another.
template <class M, class X>
struct TaskMemory {
  using Record = WrappedRecord<M, TaskScratch<X>>;
  static constexpr std::size_t levels_below = detail::levels_below<M>;

  M fresh{};

  void absorb(const Record&) {}
  void clear() { detail::clear(fresh); }
  static constexpr std::tuple<> fields() { return {}; }
};
}  // namespace detail

/// The mean over tasks, each an objective of x. See `over_tasks`.
template <class Make>
struct OverTasks {
  Make make;
  Eigen::Index count;

  using Task = std::remove_cvref_t<std::invoke_result_t<const Make&, std::uint64_t>>;
  template <class X>
  using Memory = detail::TaskMemory<MemoryOf<Task, X>, X>;

  /// The number of tasks.
  [[nodiscard]] Eigen::Index terms() const { return count; }

  /// Mean and gradient over some of the tasks.
  template <Point X>
  requires Differentiable<Task, X> Evaluation<ScalarOf<X>>
  operator()(const X& x, std::span<const Eigen::Index> batch, X& gradient, const Call<Memory<X>>& call) const {
    return mean(x, Eigen::Index(batch.size()), gradient, call, [&](Eigen::Index i) { return batch[std::size_t(i)]; });
  }
  /// Mean and gradient over all tasks.
  template <Point X>
  requires Differentiable<Task, X> Evaluation<ScalarOf<X>>
  operator()(const X& x, X& gradient, const Call<Memory<X>>& call) const {
    return mean(x, count, gradient, call, [](Eigen::Index i) { return i; });
  }

 private:
  template <Point X, class Number>
  Evaluation<ScalarOf<X>> mean(const X& x, Eigen::Index size, X& gradient, const Call<Memory<X>>& call,
                               const Number& number) const {
    using S = ScalarOf<X>;
    using M = MemoryOf<Task, X>;
    auto& record = call.record;
    struct Collect {
      typename Memory<X>::Record& record;
      ~Collect() { record.collect(); }
    } const collect{record};
    X& slope = record.scratch.gradient;
    slope.resize(x.size());
    gradient.setZero(x.size());
    Evaluation<S> out(S(0));
    for (Eigen::Index i = 0; i < size; ++i) {
      const Task task = make(std::uint64_t(number(i)));
      const Call<M> one{call.memory.fresh, record.inner, call.tolerance, call.index};
      const Evaluation<S> now = detail::evaluate_gradient(task, x, slope, one);
      out.value += now.value / S(size);
      out.value_error += now.value_error / S(size);
      out.gradient_error += now.gradient_error / S(size);
      if (now.verdict > out.verdict || out.reason == Reason::none) out.reason = now.reason;
      out.verdict = std::max(out.verdict, now.verdict);
      gradient += slope / S(size);
      if (!now.usable()) break;
    }
    return out;
  }
};

/// The mean over `count` tasks, as a finite sum: `task(i)` makes the objective of task number i = 0, 1, ..., all of one
/// type, each a nested one as a rule, whose inner run starts at x and learns that task.
///
///     const auto task = [&](std::uint64_t i) {
///       return nested(of_solution(test(i)), response(training(i), brief, from_outer()), Unrolled{});
///     };
///     minimize(mini_batches(over_tasks(task, 240'000), 4, seed), x0, Adam{}, MaxIterations{60'000});
///
/// is MAML: Finn, Abbeel & Levine (2017), "Model-agnostic meta-learning for fast adaptation of deep networks",
/// algorithm 1. Tasks are made when they are met, and share one workspace; nothing learnt in one is handed to another,
/// so starts that look back do not. A task that fails, or has no gradient, fails the mean; it is as uncertain as its
/// worst task. Throws std::invalid_argument unless count is 1 or more.
template <class Make>
OverTasks<Make> over_tasks(Make task, Eigen::Index count) {
  if (count < 1) detail::refuse("over_tasks: count", double(count), "it must be 1 or more");
  return {std::move(task), count};
}

}  // namespace mesaopt
