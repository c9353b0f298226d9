#pragma once

#include <array>
#include <cstddef>
#include <tuple>

#include <mesaopt/core/call.hpp>
#include <mesaopt/core/calls.hpp>
#include <mesaopt/core/counts.hpp>

namespace mesaopt::detail {

/// The record of an adaptor that calls another objective, of memory M, perhaps several times a call.
template <class M, class Scratch>
struct WrappedRecord {
  typename M::Record inner{};
  Scratch scratch{};
  std::array<Counts, levels_below<M>> counts{};  ///< what the levels below did
  Counts cost{};                                 ///< what was done at this level beyond the call itself

  /// Gathers what a call of the wrapped objective did.
  void collect() {
    if constexpr (requires { inner.counts; }) {
      for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += inner.counts[i];
      inner.counts = {};
    }
    if constexpr (requires { inner.cost; }) {
      cost += inner.cost;
      inner.cost = {};
    }
  }
};

/// The memory of an adaptor: what the wrapped objective remembers.
template <class M, class Scratch>
struct WrappedMemory {
  using Record = WrappedRecord<M, Scratch>;
  static constexpr std::size_t levels_below = detail::levels_below<M>;

  M inner{};

  void absorb(const Record& record) { inner.absorb(record.inner); }
  void clear() { detail::clear(inner); }
  static constexpr auto fields() { return std::tuple{&WrappedMemory::inner}; }
};

/// The call that an adaptor makes of the wrapped objective, inside of its own. What was done is gathered at its end,
/// also when something throws.
template <class M, class Scratch>
class WrappedCall {
 public:
  explicit WrappedCall(const Call<WrappedMemory<M, Scratch>>& outer)
      : record_(outer.record), call_{outer.memory.inner, outer.record.inner, outer.tolerance, outer.index} {}
  WrappedCall(const WrappedCall&) = delete;
  WrappedCall& operator=(const WrappedCall&) = delete;
  ~WrappedCall() { record_.collect(); }

  operator const Call<M>&() const { return call_; }  // NOLINT(google-explicit-constructor): it stands for the call

 private:
  WrappedRecord<M, Scratch>& record_;
  Call<M> call_;
};

}  // namespace mesaopt::detail
