#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

#include <mesaopt/core/call.hpp>

namespace mesaopt {

/// Evaluates a batch one point after the other: what happens when no other evaluator is asked for.
struct Serial {
  /// Calls job(0) ... job(count - 1).
  template <class Job>
  void operator()(std::size_t count, const Job& job) const {
    for (std::size_t i = 0; i < count; ++i) job(i);
  }
};

/// An objective together with how its batches are evaluated. Everything else is the objective's own. See `on`.
template <class Evaluator, class F>
struct On : F {
  Evaluator evaluator;
};

/// The objective f, its batches evaluated by `evaluator`:  `minimize(on(Threads{8}, f), x0, CmaEs{})`.
///
/// An evaluator is callable with (count, job) and calls job(i) once for every i < count, in any order, on any threads;
/// the results are the same bits for every evaluator.
template <class Evaluator, class F>
requires std::is_class_v<F> On<Evaluator, F> on(Evaluator evaluator, F f) {
  return {{std::move(f)}, std::move(evaluator)};
}

namespace detail {
template <class F>
const auto& evaluator_of(const F& f) {
  if constexpr (requires { f.evaluator; })
    return f.evaluator;
  else {
    static constexpr Serial serial{};
    return serial;
  }
}
}  // namespace detail

}  // namespace mesaopt
