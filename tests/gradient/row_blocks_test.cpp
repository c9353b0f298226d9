#include <mesaopt/gradient/row_blocks.hpp>

#include <Eigen/Core>

#include "support/catch.hpp"

using namespace mesaopt;

TEST_CASE("Blocks of rows follow one another to the end, in whole registers", "[row_blocks]") {
  for (const Eigen::Index n : {1, 2, 3, 16, 17, 128, 129, 1000}) {
    CAPTURE(n);
    CurvaturePairs<Eigen::VectorXf> pairs;
    pairs.clear(n, 2);
    Eigen::Index next = 0;
    detail::in_blocks(pairs, [&]<int step>(Eigen::Index from, Eigen::Index size) {
      CHECK(from == next);
      CHECK(size % step == 0);
      CHECK(size <= detail::rows_together);
      next = from + size;
    });
    CHECK(next == pairs.s.rows());
    CHECK(next >= n);
  }
}

TEST_CASE("Two products are added to two sums", "[row_blocks]") {
  const Eigen::VectorXd v = Eigen::VectorXd::LinSpaced(8, 1, 8), ones = Eigen::VectorXd::Ones(8), w = 2 * v;
  double a = 1, b = 10;
  detail::add_products<2>(v.data(), ones.data(), w.data(), a, b, 8);
  CHECK(a == 37);
  CHECK(b == 10 + 2 * 204);
  detail::add_products<2>(v.data(), ones.data(), w.data(), a, b, 2);
  CHECK(a == 40);
}
