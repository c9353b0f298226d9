#pragma once

#include <mesaopt/core/point.hpp>

namespace mesaopt::detail {

/// What one search hands to the next: its best point, its state, and what the objective remembers.
template <Point X, class S, class M>
struct Handover {
  const X& x;
  const S& state;
  const M& memory;
};

}  // namespace mesaopt::detail
