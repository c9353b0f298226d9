#include <mesaopt/gradient/face_products.hpp>

#include <random>

#include <Eigen/Core>

#include "gradient/pairs_of_quadratic.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using namespace pairs_of_quadratic;

namespace {
void check(const detail::FaceProducts<VectorXd>& face, const Pairs& pairs, Eigen::Index k, const Pairs::Column& free) {
  const Pairs::Column held = Pairs::Column::Ones(free.size()) - free;
  for (Eigen::Index a = 0; a < k; ++a)
    for (Eigen::Index b = 0; b <= a; ++b) {
      const Eigen::Index i = pairs.place(a), j = pairs.place(b);
      const auto sum = [](const auto& u, const auto& v, const auto& mask) {
        return (u.array() * v.array() * mask.array()).sum();
      };
      CHECK(face.yy(i, j) == Approx(sum(pairs.y.col(i), pairs.y.col(j), free)).margin(1e-10));
      CHECK(face.ss(i, j) == Approx(sum(pairs.s.col(i), pairs.s.col(j), held)).margin(1e-10));
      CHECK(face.sy(j, i) == Approx(sum(pairs.s.col(j), pairs.y.col(i), free)).margin(1e-10));
      if (a != b) CHECK(face.sy(i, j) == Approx(sum(pairs.s.col(i), pairs.y.col(j), held)).margin(1e-10));
    }
}
}  // namespace

TEST_CASE("The products over a face follow the pairs, and the variables that become free or held", "[face_products]") {
  for (const Eigen::Index n : {3, 17, 300}) {
    CAPTURE(n);
    std::mt19937_64 random(5);
    Pairs pairs;
    pairs.clear(n, 4);
    detail::FaceProducts<VectorXd> face;
    face.clear(pairs);
    Pairs::Column free = free_of(pairs, n, 3);
    for (int round = 0; round < 12; ++round) {
      CAPTURE(round);
      const auto before = pairs.next;
      add(pairs, n, random);
      REQUIRE(pairs.next != before);
      face.unknown = std::min(face.unknown + 1, pairs.count);
      if (round % 3 == 0) free[n - 1 - round % 2] = 1 - free[n - 1 - round % 2];  // a few
      if (round == 7) free = free_of(pairs, n, 2);                                // and many at once
      const Eigen::Index k = round % 2 == 0 ? pairs.count : (pairs.count + 1) / 2;
      face.follow(pairs, k, free);
      check(face, pairs, k, free);
    }
  }
}
