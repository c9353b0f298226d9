#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/optimizer.hpp>
#include <mesaopt/core/point.hpp>

/// What optimizers that are asked for points and told their evaluations share: each point that was handed out has a
/// place and a number, `ids[place]`, and waits until `told[place]`.
namespace mesaopt::detail {

/// The number in a place that never held a point.
inline constexpr std::uint64_t no_point = std::numeric_limits<std::uint64_t>::max();

/// The place of a number, or as many as there are places. Looks at `guess` first: numbers mostly come in their order.
inline std::size_t place_of(std::span<const std::uint64_t> ids, std::uint64_t id, std::size_t guess = 0) {
  if (guess < ids.size() && ids[guess] == id) return guess;
  return std::size_t(std::find(ids.begin(), ids.end(), id) - ids.begin());
}

/// Marks points as told. Throws std::invalid_argument, and marks none, if one does not wait.
inline void mark_told(std::span<const std::uint64_t> named, std::span<const std::uint64_t> ids,
                      std::vector<bool>& told) {
  std::size_t k = 0;
  for (std::size_t i = 0; i < named.size(); ++i, ++k) {
    k = place_of(ids, named[i], k);
    if (k < ids.size() && !told[k]) {
      told[k] = true;
      continue;
    }
    for (std::size_t j = 0; j < i; ++j) told[place_of(ids, named[j], j)] = false;
    throw std::invalid_argument("ids: " + std::to_string(named[i]) + " names no point that waits to be told");
  }
}

/// Throws std::invalid_argument if there are not as many evaluations as points that they are of.
inline void check_answers(std::size_t ids, std::size_t evaluations) {
  if (ids != evaluations)
    throw std::invalid_argument("ids: are " + std::to_string(ids) + ", but evaluations " + std::to_string(evaluations));
}

/// The points that wait, copied together if some others do not. Allocates nothing where the scratch is large enough.
template <Point X>
Batch<X> waiting_points(const PointsOf<X>& points, const std::vector<std::uint64_t>& ids, const std::vector<bool>& told,
                        PointsOf<X>& open_points, std::vector<std::uint64_t>& open_ids) {
  const auto open = std::count(told.begin(), told.end(), false);
  if (open > 0 && std::size_t(open) == ids.size()) return {points, ids};
  const Eigen::Index n = points.rows();
  open_points.resize(n, Eigen::Index(open));
  open_ids.clear();
  for (std::size_t k = 0; k < ids.size(); ++k)
    if (!told[k]) {
      std::copy_n(points.data() + n * Eigen::Index(k), n, open_points.data() + n * Eigen::Index(open_ids.size()));
      open_ids.push_back(ids[k]);
    }
  return {open_points, open_ids};
}

}  // namespace mesaopt::detail
