#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <tuple>
#include <utility>
#include <vector>

#include <Eigen/Core>

namespace mesaopt::detail {

/// The unit cube, divided into rectangles with sides 3^−l, with a value at the center of each. Those whose longest
/// sides are equal form a group, a heap with the lowest value on top, and of equals the oldest.
///
/// Jones, Perttunen and Stuckman (1993), "Lipschitzian optimization without the Lipschitz constant"; Gablonsky and
/// Kelley (2001), "A locally-biased form of the DIRECT algorithm".
template <class S>
struct Rectangles {
  /// A side that may not be cut, because its thirds would not be told apart in [0, 1].
  static constexpr std::uint8_t finest = std::numeric_limits<S>::digits * 5 / 8;

  std::size_t n = 0;                                 ///< variables
  std::vector<S> centers{};                          ///< n for each rectangle
  std::vector<std::uint8_t> levels{};                ///< n for each: l of its sides
  std::vector<S> values{};                           ///< one for each
  std::vector<std::vector<std::uint64_t>> groups{};  ///< by the l of the longest side

  static constexpr auto fields() {
    using T = Rectangles;
    return std::tuple{&T::n, &T::centers, &T::levels, &T::values, &T::groups};
  }

  /// One cube in n dimensions.
  void begin(Eigen::Index dimensions) {
    n = std::size_t(dimensions);
    centers.assign(n, S(0.5));
    levels.assign(n, 0);
    values.clear();
    groups.resize(finest);
    for (auto& group : groups) group.clear();
  }
  /// Never cuts along that axis.
  void fix(Eigen::Index axis) { levels[std::size_t(axis)] = finest; }
  void set_first(S value) {
    values.assign(1, value);
    enter(0);
  }

  /// Appends the rectangles that are potentially optimal, one of a group, the largest first: those for which there is a
  /// rate K > 0 such that f − K · side is no less at any other group, and less than the best value by ε of it.
  ///
  /// They leave their groups until they are cut.
  void choose(S epsilon, std::vector<std::size_t>& chosen) {
    S lowest = std::numeric_limits<S>::infinity();
    for (const auto& group : groups)
      if (!group.empty()) lowest = std::min(lowest, values[group.front()]);
    bool largest = true;
    for (std::size_t l = 0; l < groups.size(); ++l) {
      if (groups[l].empty()) continue;
      // The largest one always: whatever K, if it is large enough.
      const bool always = std::exchange(largest, false);
      if (!always && !promising(l, lowest - epsilon * std::abs(lowest))) continue;
      chosen.push_back(std::size_t(groups[l].front()));
    }
    for (const std::size_t which : chosen) leave(which);
  }

  /// How many of its sides are as long as the longest.
  [[nodiscard]] Eigen::Index longest_sides(std::size_t which) const {
    return std::count_if(axes(which), axes(which) + std::ptrdiff_t(n), [l = longest(which)](auto o) { return o == l; });
  }

  /// Calls visit(center) for the centers that cutting this rectangle would make: to the right and to the left along
  /// each of the longest sides, in the order of the axes.
  template <class Visit>
  void new_centers(std::size_t which, const Visit& visit) const {
    const auto begin = centers.begin() + std::ptrdiff_t(which * n);
    std::vector<S> center(begin, begin + std::ptrdiff_t(n));
    const std::uint8_t l = longest(which);
    for (std::size_t i = 0; i < n; ++i) {
      if (axes(which)[i] != l) continue;
      const S middle = center[i];
      for (const int sign : {1, -1}) {
        center[i] = middle + S(sign) * side(l + 1);
        visit(center);
      }
      center[i] = middle;
    }
  }

  /// Cuts a rectangle that was chosen; `value(parent's value)` answers one new value after the other, in
  /// the order of `new_centers`. The axis with the lowest one is cut first, so that the lowest stay in large
  /// rectangles.
  template <class Value>
  void cut(std::size_t which, const Value& value) {
    const std::uint8_t l = longest(which);
    struct Pair {
      S lower;
      std::size_t axis;
      S right, left;
    };
    std::vector<Pair> pairs;
    for (std::size_t i = 0; i < n; ++i) {
      if (axes(which)[i] != l) continue;
      const S right = value(values[which]), left = value(values[which]);
      pairs.push_back({std::min(right, left), i, right, left});
    }
    std::stable_sort(pairs.begin(), pairs.end(), [](const Pair& a, const Pair& b) { return a.lower < b.lower; });
    for (const Pair& pair : pairs) {
      levels[which * n + pair.axis] = std::uint8_t(l + 1);
      add(which, pair.axis, side(l + 1), pair.right);
      add(which, pair.axis, -side(l + 1), pair.left);
    }
    enter(which);
  }

 private:
  static S side(int l) { return std::pow(S(3), S(-l)); }
  [[nodiscard]] const std::uint8_t* axes(std::size_t which) const { return levels.data() + which * n; }
  [[nodiscard]] std::uint8_t longest(std::size_t which) const {
    return *std::min_element(axes(which), axes(which) + n);
  }

  /// Whether there is such a K for the lowest of a group: no less than all slopes to smaller rectangles, no more than
  /// all to larger ones.
  [[nodiscard]] bool promising(std::size_t l, S wanted) const {
    const S infinity = std::numeric_limits<S>::infinity(), own = values[groups[l].front()], size = side(int(l));
    if (!(own < infinity)) return false;
    S least = 0, most = infinity;
    for (std::size_t k = 0; k < groups.size(); ++k) {
      if (k == l || groups[k].empty()) continue;
      const S rate = (values[groups[k].front()] - own) / (side(int(k)) - size);
      if (k > l)
        least = std::max(least, rate);
      else
        most = std::min(most, rate);
    }
    return most > 0 && least <= most && own - most * size <= wanted;
  }

  [[nodiscard]] auto behind() const {
    return [this](std::uint64_t a, std::uint64_t b) { return values[a] != values[b] ? values[a] > values[b] : a > b; };
  }
  void enter(std::size_t which) {
    const std::size_t l = longest(which);
    if (l >= groups.size()) return;
    groups[l].push_back(which);
    std::push_heap(groups[l].begin(), groups[l].end(), behind());
  }
  void leave(std::size_t which) {
    auto& group = groups[longest(which)];
    std::pop_heap(group.begin(), group.end(), behind());
    group.pop_back();
  }
  void add(std::size_t parent, std::size_t axis, S by, S value) {
    const std::size_t which = values.size();
    for (std::size_t i = 0; i < n; ++i) {
      centers.push_back(centers[parent * n + i] + (i == axis ? by : S(0)));
      levels.push_back(levels[parent * n + i]);
    }
    values.push_back(value);
    enter(which);
  }
};

}  // namespace mesaopt::detail
