#include <mesaopt/objective/wrapped.hpp>

#include <concepts>
#include <stdexcept>
#include <tuple>

#include <mesaopt/core/fields.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using detail::WrappedCall;
using detail::WrappedMemory;

namespace {

/// A memory with one level below, which counts in its records what it was told of.
struct Inner {
  struct Record {
    std::array<Counts, 1> counts{};
    Counts cost{};
    int learnt = 0;
  };
  static constexpr std::size_t levels_below = 1;
  int total = 0;
  void absorb(const Record& record) { total += record.learnt; }
  void clear() { total = -1; }
  static constexpr auto fields() { return std::tuple{&Inner::total}; }
};
struct Scratch {
  int calls = 0;
};
using Memory = WrappedMemory<Inner, Scratch>;

/// What an adaptor does: calls the wrapped objective, which learns, and costs something at its level and below.
void adaptor(const Call<Memory>& call, bool fails = false) {
  ++call.record.scratch.calls;
  ++call.record.cost.values;
  const WrappedCall<Inner, Scratch> inner(call);
  const Call<Inner>& wrapped = inner;
  CHECK(wrapped.tolerance == call.tolerance);
  CHECK(wrapped.index == call.index);
  CHECK(wrapped.memory.total == call.memory.inner.total);
  wrapped.record.learnt += 5;
  wrapped.record.counts[0].gradients += 3;
  wrapped.record.cost.hessian_products += 2;
  if (fails) throw std::runtime_error("inside");
}

}  // namespace

static_assert(Memory::levels_below == 1);
static_assert(WrappedMemory<Nothing, Scratch>::levels_below == 0);
static_assert(HasFields<Memory>);

TEST_CASE("What a wrapped objective costs is gathered once, level by level, beside what the adaptor costs",
          "[wrapped]") {
  const Memory memory{};
  Memory::Record record{};
  for (int k = 1; k <= 2; ++k) {
    adaptor({memory, record, 1e-3, 7});
    CHECK(record.counts[0].gradients == 3u * unsigned(k));
    CHECK(record.cost.hessian_products == 2u * unsigned(k));
    CHECK(record.cost.values == unsigned(k));
    CHECK(record.inner.counts[0] == Counts{});
    CHECK(record.inner.cost == Counts{});
    CHECK(record.scratch.calls == k);
  }
}

TEST_CASE("It is gathered also when the wrapped objective throws", "[wrapped]") {
  const Memory memory{};
  Memory::Record record{};
  CHECK_THROWS_WITH(adaptor({memory, record, 0, 0}, true), "inside");
  CHECK(record.counts[0].gradients == 3);
  CHECK(record.inner.counts[0] == Counts{});
}

TEST_CASE("The memory of an adaptor is that of what it wraps", "[wrapped]") {
  Memory memory{};
  Memory::Record record{};
  adaptor({memory, record, 0, 0});
  CHECK(memory.inner.total == 0);
  memory.absorb(record);
  CHECK(memory.inner.total == 5);
  Memory copy = memory;
  CHECK(identical(copy, memory));
  memory.clear();
  CHECK(memory.inner.total == -1);
  CHECK_FALSE(identical(copy, memory));
}
