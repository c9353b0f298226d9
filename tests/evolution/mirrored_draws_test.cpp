#include <mesaopt/evolution/mirrored_draws.hpp>

#include <vector>

#include <Eigen/Core>

#include "support/catch.hpp"

using namespace mesaopt;
using Order = std::vector<Eigen::Index>;

namespace {
Order pairs_first(Order order) {
  Order scratch;
  detail::better_of_pairs_first(order, scratch);
  return order;
}
}  // namespace

TEST_CASE("mirrored draws cancel, and an odd one stays as it was", "[evolution][mirrored]") {
  const Eigen::MatrixXd before = Eigen::MatrixXd::Random(3, 7);
  Eigen::MatrixXd draws = before;
  detail::mirror(draws);
  CHECK(draws.leftCols(3) == before.leftCols(3));
  CHECK(draws.middleCols(3, 3) == -before.leftCols(3));
  CHECK(draws.col(6) == before.col(6));
}

TEST_CASE("of every pair the better draw comes before all that lost, and the order stays", "[evolution][mirrored]") {
  // The pairs are 0 and 3, 1 and 4, 2 and 5; 6 has no mirror image.
  CHECK(pairs_first({0, 1, 2, 3, 4, 5}) == Order{0, 1, 2, 3, 4, 5});
  CHECK(pairs_first({4, 1, 0, 3, 5, 2}) == Order{4, 0, 5, 1, 3, 2});
  CHECK(pairs_first({0, 3, 1, 4, 2, 5, 6}) == Order{0, 1, 2, 6, 3, 4, 5});
  CHECK(pairs_first({1, 0}) == Order{1, 0});
  // A place that a dropped point has left to its neighbour: nobody loses against itself.
  CHECK(pairs_first({2, 2, 0, 1}) == Order{2, 2, 1, 0});
}
