#pragma once

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <tuple>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/optimizer.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/core/waiting.hpp>

namespace mesaopt::detail {

/// Points that are evaluated together, and what has been told of them so far, in whatever order.
template <Point X>
struct OpenBatch {
  using S = ScalarOf<X>;

  PointsOf<X> points{};                      ///< one a column
  std::vector<std::uint64_t> ids{};          ///< their names, one after the other
  std::vector<Evaluation<S>> evaluations{};  ///< what was told; of those given up nothing usable
  std::vector<bool> told{};                  ///< whether anything was, or is no longer waited for
  std::uint64_t open = 0;                    ///< how many still wait

  PointsOf<X> open_points{};              ///< scratch
  std::vector<std::uint64_t> open_ids{};  ///< scratch

  static constexpr auto fields() {
    using T = OpenBatch;
    return std::tuple{&T::points, &T::ids, &T::evaluations, &T::told, &T::open};
  }

  /// Makes it a batch of no points.
  void clear() {
    ids.clear();
    open = 0;
  }

  /// Names the present points from `first` on: all of them wait now.
  void number(std::uint64_t first) {
    open = std::uint64_t(points.cols());
    ids.resize(std::size_t(open));
    std::iota(ids.begin(), ids.end(), first);
    evaluations.assign(ids.size(), {});
    told.assign(ids.size(), false);
  }

  /// The points that wait.
  Batch<X> waiting() { return waiting_points<X>(points, ids, told, open_points, open_ids); }

  /// Takes evaluations, some or all, in any order. Throws std::invalid_argument, and changes nothing, if there are not
  /// as many names as evaluations, or one names no point that waits.
  void tell(std::span<const std::uint64_t> named, std::span<const Evaluation<S>> answers) {
    check_answers(named.size(), answers.size());
    drop(named);
    for (std::size_t i = 0; i < named.size(); ++i) evaluations[std::size_t(named[i] - ids.front())] = answers[i];
  }

  /// Waits for points no longer. Throws std::invalid_argument, and changes nothing, if one does not wait.
  void drop(std::span<const std::uint64_t> named) {
    mark_told(named, ids, told);
    open -= named.size();
    for (const std::uint64_t id : named)
      evaluations[std::size_t(id - ids.front())] = Evaluation<S>::failure(Reason::non_finite_value);
  }
};

}  // namespace mesaopt::detail
