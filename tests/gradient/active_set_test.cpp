#include <mesaopt/gradient/active_set.hpp>

#include <mesaopt/core/bytes.hpp>

#include "support/catch.hpp"

using mesaopt::ActiveSet;

namespace {

struct Knows {
  ActiveSet active{};
};
struct KnowsConstraintsAlone {
  struct {
    std::vector<std::uint8_t> constraints{};
  } active{};
};

}  // namespace

static_assert(mesaopt::HasActiveSet<Knows>);
static_assert(!mesaopt::HasActiveSet<KnowsConstraintsAlone>);
static_assert(!mesaopt::HasActiveSet<ActiveSet>);

TEST_CASE("An active set counts what holds, at either bound", "[active_set]") {
  CHECK(ActiveSet{}.size() == 0);
  const ActiveSet set{.constraints = {1, 0, 1, 0}, .bounds = {-1, 0, 1}};
  CHECK(set.size() == 4);
}

TEST_CASE("An active set comes back from its bytes, and differs from one at the other bound", "[active_set]") {
  const ActiveSet set{.constraints = {1, 0, 1, 0}, .bounds = {-1, 0, 1}};
  ActiveSet loaded;
  mesaopt::load(mesaopt::save(set), loaded);
  CHECK(loaded == set);
  loaded.bounds[0] = 1;
  CHECK(loaded != set);
  CHECK(loaded.size() == set.size());
}
