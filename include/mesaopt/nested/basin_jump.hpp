#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

#include <mesaopt/core/constraints.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/residuals.hpp>
#include <mesaopt/core/run.hpp>

namespace mesaopt::detail {

/// A solution that moved much further than lately, over a ridge or off a shoulder of the new inner objective, is in
/// another basin than the last accepted one. At the second point, when nothing is known of how far is far, ridge or
/// shoulder have to be high.
template <class F, Point X, class Memory, class Record>
void look_for_jump(const F& f, const X& x, const Memory& memory, Record& record) {
  using Y = typename Record::Inner;
  if constexpr (!is_quadratic<F> && !is_stochastic<F> && !Constrained<F, Y> && !Regularized<F, Y>) {
    using S = ScalarOf<Y>;
    if (!memory.known) return;
    const S height = memory.sensitivity > 0 ? S(1e-3) : S(0.1);
    const auto& y = best_point(record.run);
    const S moved = (y - memory.y).norm(), by = (x - memory.x).norm();
    if (!(moved > 4 * memory.sensitivity * by + S(1e-4) * std::max(S(1), y.norm()))) return;
    auto& calls = record.run.state.calls;
    const auto limit = std::exchange(calls.limit, std::numeric_limits<std::uint64_t>::max());
    const S there = best_evaluation(record.run).value;
    const S here = calls.value(f, memory.y).value;
    const S rounding = 100 * std::numeric_limits<S>::epsilon() * std::max(std::abs(here), std::abs(there));
    for (const S t : {S(0.1), S(0.3), S(0.5), S(0.7), S(0.9)}) {
      record.scratch = memory.y + t * (y - memory.y);
      const S between = calls.value(f, record.scratch).value;
      const S chord = here + t * (there - here);
      if (between > chord + height * std::abs(here - there) + rounding) record.other_basin = true;
    }
    calls.limit = limit;
  }
}

}  // namespace mesaopt::detail
