#pragma once

#include <cstdint>
#include <tuple>
#include <vector>

namespace mesaopt {

/// Which constraints and bounds hold a point, as far as an optimizer knows.
struct ActiveSet {
  std::vector<std::uint8_t> constraints{};  ///< one for every constraint, in their order: 1 if it is active
  std::vector<std::int8_t> bounds{};        ///< one for every variable: −1 at its lower bound, 1 at its upper, 0 free

  static constexpr auto fields() { return std::tuple{&ActiveSet::constraints, &ActiveSet::bounds}; }
  friend bool operator==(const ActiveSet&, const ActiveSet&) = default;

  /// How many constraints and bounds are active.
  [[nodiscard]] std::int64_t size() const {
    std::int64_t count = 0;
    for (const auto flag : constraints) count += flag != 0;
    for (const auto side : bounds) count += side != 0;
    return count;
  }
};

/// A prior that knows which constraints and bounds were active.
template <class P>
concept HasActiveSet = requires(const P& p) {
  p.active.constraints;
  p.active.bounds;
};

}  // namespace mesaopt
