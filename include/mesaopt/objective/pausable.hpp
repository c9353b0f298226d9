#pragma once

#include <concepts>
#include <cstdint>
#include <type_traits>

#include <mesaopt/core/call.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/optimizer.hpp>
#include <mesaopt/core/point.hpp>

namespace mesaopt {

/// What an inner run is between two portions: a value that can be copied and saved. A new one has not begun.
///
///     run.iterations()    how many iterations it has made, 0 if it has not begun
///     run.complete()      whether it has ended
template <class P>
concept PausedRun = std::is_class_v<P> && std::copyable<P> && std::default_initializable<P> && detail::ListsFields<P> &&
    requires(const P& run) {
  { run.iterations() } -> std::convertible_to<std::uint64_t>;
  { run.complete() } -> std::convertible_to<bool>;
};

/// An objective each of whose evaluations is an inner run that can be paused, looked at, and taken on later:
///
///     typename MemoryOf<F, X>::Paused run;
///     value = f.advance(x, run, iterations, call);
///
/// which begins a new run, takes one on by at most so many iterations, and answers the outer value of what it has come
/// to. Taken on until it is complete, it answers f(x, call). A Nested objective is one, so that what is searched at
/// full length can be searched by portions as well; one of your own declares a Memory with a type `Paused`, such as
/// PausableMemory.
template <class F, class X>
concept Pausable = Objective<F, X> && Remembers<F, X> && PausedRun<typename MemoryOf<F, X>::Paused> &&
    requires(const F& f, const X& x, typename MemoryOf<F, X>::Paused& run, std::uint64_t iterations,
             const Call<MemoryOf<F, X>>& call) {
  { f.advance(x, run, iterations, call) } -> std::convertible_to<Evaluation<ScalarOf<X>>>;
};

/// The Memory of an objective that can be paused, with runs of type P, and has nothing else to remember.
template <PausedRun P>
struct PausableMemory : Nothing {
  using Paused = P;
};

/// A portion of a run as an evaluation, so that a State's Calls count it, and what it costs below.
template <class F, class P>
struct NextPortion {
  const F& f;
  P& run;
  std::uint64_t iterations;

  template <class X>
  using Memory = MemoryOf<F, X>;
  template <Point X>
  Evaluation<ScalarOf<X>> operator()(const X& x, const Call<Memory<X>>& call) const {
    return f.advance(x, run, iterations, call);
  }
};

}  // namespace mesaopt
