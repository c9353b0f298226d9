#pragma once

#include <cstdint>
#include <tuple>
#include <type_traits>

namespace mesaopt {

/// What an objective is given by the run that calls it, as its last argument, if it declares a Memory.
///
/// Objectives never change: what one learns in a call goes into its own `record`, and becomes part of the run's
/// `memory` only when the optimizer accepts the evaluation. So evaluations may run in any order, on any thread, with
/// one result.
template <class M>
struct Call {
  const M& memory;             ///< what accepted calls of this run taught so far; read-only
  typename M::Record& record;  ///< this call's own workspace; its old contents never influence a result
  double tolerance = 0;        ///< how exactly the caller wants to know the value, relative; 0: as exactly as can be
  std::uint64_t index = 0;     ///< names the evaluation within its run: for noise, mini-batches, journals
};

/// The Memory of an objective that needs scratch space of type R and remembers nothing.
template <class R>
struct Workspace {
  using Record = R;
  void absorb(const Record&) {}
  static constexpr std::tuple<> fields() { return {}; }
};

namespace detail {
struct Empty {
  static constexpr std::tuple<> fields() { return {}; }
};
}  // namespace detail

/// The Memory of an objective that declares none.
using Nothing = Workspace<detail::Empty>;

/// True for an objective that takes a Call as its last argument, because it declares `template <class X> Memory`.
template <class F, class X>
concept Remembers = requires {
  typename std::remove_cvref_t<F>::template Memory<X>;
};

namespace detail {
template <class F, class X>
struct MemoryOfImpl {
  using type = Nothing;
};
template <class F, class X>
requires Remembers<F, X>
struct MemoryOfImpl<F, X> {
  using type = typename std::remove_cvref_t<F>::template Memory<X>;
};
}  // namespace detail

/// The Memory of objective F for points X: its own, or Nothing.
template <class F, class X>
using MemoryOf = typename detail::MemoryOfImpl<F, X>::type;

}  // namespace mesaopt
