#include <mesaopt/core/call.hpp>

#include <type_traits>

#include <Eigen/Core>

#include "support/catch.hpp"

using namespace mesaopt;

namespace {
struct Plain {
  double operator()(const Eigen::VectorXd& x) const { return x.sum(); }
};
struct WithScratch {
  template <class X>
  using Memory = Workspace<X>;
};
}  // namespace

TEST_CASE("an objective remembers if it declares a Memory", "[core]") {
  STATIC_REQUIRE_FALSE(Remembers<Plain, Eigen::VectorXd>);
  STATIC_REQUIRE(Remembers<WithScratch, Eigen::VectorXd>);
  STATIC_REQUIRE(Remembers<const WithScratch&, Eigen::VectorXd>);
  STATIC_REQUIRE(std::is_same_v<MemoryOf<Plain, Eigen::VectorXd>, Nothing>);
  STATIC_REQUIRE(std::is_same_v<MemoryOf<WithScratch, Eigen::VectorXd>, Workspace<Eigen::VectorXd>>);
}

TEST_CASE("a workspace is scratch alone", "[core]") {
  STATIC_REQUIRE(std::is_same_v<Workspace<int>::Record, int>);
  STATIC_REQUIRE(std::is_same_v<decltype(Workspace<int>::fields()), std::tuple<>>);
  Workspace<int> memory;
  memory.absorb(3);
  int record = 0;
  const Call<Workspace<int>> call{memory, record};
  call.record = 7;
  CHECK(record == 7);
  CHECK(call.tolerance == 0);
  CHECK(call.index == 0);
}
