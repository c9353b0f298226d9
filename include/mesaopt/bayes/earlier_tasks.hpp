#pragma once

#include <concepts>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/core/prior.hpp>

namespace mesaopt {

/// A prior that knows observations: `observed_points()`, one a column, and `observed_values()` there, NaN where an
/// evaluation failed.
template <class P>
concept HasObservations = requires(const P& p) {
  p.observed_points().col(0);
  p.observed_values()[0];
};

/// A prior that knows observations of other tasks than the one that is to be minimized: a list, each entry of which has
/// `points`, one a column, and `values` there.
template <class P>
concept HasEarlierTasks = requires(const P& p) {
  p.earlier_tasks.size();
  p.earlier_tasks[0].points.col(0);
  p.earlier_tasks[0].values[0];
};

/// What was observed of one task; NaN where an evaluation failed.
template <Point X>
struct TaskObservations {
  PointsOf<X> points{};
  Eigen::VectorX<ScalarOf<X>> values{};

  static constexpr auto fields() { return std::tuple{&TaskObservations::points, &TaskObservations::values}; }
};

/// A prior of what was observed of other tasks, whose functions may resemble the one that is to be minimized now, on
/// scales of their own, or not. Unlike the observations of a State, those of it are never taken for ones of the new
/// function. A search that makes use of them, such as BayesianSearch, starts at `x`.
///
///     EarlierTasks<Eigen::VectorXd> tasks;
///     tasks.add(solution_of_another_task);          // its observations, and where its minimum is
///     tasks.add(points, values);                    // others, from anywhere
///     minimize(f, tasks, BayesianOptimization{});
template <Point X>
struct EarlierTasks {
  X x{};  ///< where to start; by default where the task that was added last is lowest
  std::vector<TaskObservations<X>> earlier_tasks{};

  static constexpr auto fields() { return std::tuple{&EarlierTasks::x, &EarlierTasks::earlier_tasks}; }

  /// Adds a task, and moves `x` to its lowest value that is finite. Throws std::invalid_argument if there are not as
  /// many values as points, or points of another size than `x`.
  void add(PointsOf<X> points, Eigen::VectorX<ScalarOf<X>> values) {
    if (points.cols() != values.size())
      throw std::invalid_argument("EarlierTasks: " + std::to_string(points.cols()) +
                                  " points need as many values, got " + std::to_string(values.size()));
    if (x.size() > 0 && points.cols() > 0 && points.rows() != x.size())
      throw std::invalid_argument("EarlierTasks: points of size " + std::to_string(points.rows()) +
                                  " do not go with a start of size " + std::to_string(x.size()));
    Eigen::Index lowest = -1;
    for (Eigen::Index i = 0; i < values.size(); ++i)
      if (std::isfinite(values[i]) && (lowest < 0 || values[i] < values[lowest])) lowest = i;
    if (lowest >= 0) x = points.col(lowest);
    earlier_tasks.push_back({std::move(points), std::move(values)});
  }
  /// Adds what a State or a Solution has observed.
  template <class P>
  requires HasObservations<P>
  void add(const P& prior) { add(prior.observed_points(), prior.observed_values()); }
  template <class P>
  requires HasObservations<decltype(P::state)>
  void add(const P& solution) { add(solution.state); }
};

}  // namespace mesaopt
