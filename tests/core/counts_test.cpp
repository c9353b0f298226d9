#include <mesaopt/core/counts.hpp>

#include <tuple>

#include "support/catch.hpp"

using namespace mesaopt;

TEST_CASE("counts add up, field by field", "[core]") {
  Counts a{1, 2, 3, 4, 5, 6, 7, 8}, b{10, 20, 30, 40, 50, 60, 70, 80};
  CHECK(a.evaluations() == 5);
  a += b;
  CHECK(a == Counts{11, 22, 33, 44, 55, 66, 77, 88});
  CHECK_FALSE(a == b);
}

TEST_CASE("every count is listed", "[core]") {
  CHECK(std::tuple_size_v<decltype(Counts::fields())> * sizeof(std::uint64_t) == sizeof(Counts));
}
