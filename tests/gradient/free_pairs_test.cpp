#include <mesaopt/gradient/free_pairs.hpp>

#include <algorithm>
#include <random>

#include <Eigen/Core>

#include <mesaopt/core/bytes.hpp>

#include "gradient/pairs_of_quadratic.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using namespace pairs_of_quadratic;
using detail::FreePairs;
using detail::Held;

TEST_CASE("The products on the free variables follow the pairs, and the variables that become free or held",
          "[free_pairs]") {
  for (const Eigen::Index n : {3, 17, 300}) {
    CAPTURE(n);
    std::mt19937_64 random(5);
    Pairs pairs;
    pairs.clear(n, 4);
    FreePairs<VectorXd> face;
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
      if (round % 5 == 1) continue;                                               // not asked
      face.follow(pairs, free);
      for (Eigen::Index age = 0; age < pairs.count; ++age) {
        const Eigen::Index j = pairs.place(age);
        const Pairs::Column y = pairs.y.col(j).cwiseProduct(free);
        CHECK(face.sy[j] == Approx(y.dot(pairs.s.col(j))).margin(1e-10));
        if (age > 0) CHECK(face.neighbour[j] == Approx(y.dot(pairs.s.col(pairs.older(j)))).margin(1e-10));
      }
    }
  }
}

TEST_CASE("A pair that hardly moved the free variables, or bends them downwards, is left out", "[free_pairs]") {
  Pairs pairs;
  pairs.clear(3, 4);
  const VectorXd none = VectorXd::Zero(3);
  const auto give = [&](const Eigen::Vector3d& s, const Eigen::Vector3d& y) { pairs.add(none, none, s, y); };
  give({1, 1, 1}, {1, 2, 3});
  give({5, 1e-3, 0}, {5, 1e-3, 0});
  give({5, 1, 0}, {5, -1, 0});
  FreePairs<VectorXd> face;
  face.clear(pairs);
  Pairs::Column free = Pairs::Column::Zero(pairs.s.rows());
  free.head(3) << 0, 1, 1;
  face.follow(pairs, free);
  CHECK(face.reciprocal[0] == Approx(0.2));
  CHECK(face.reciprocal[1] == 0);
  CHECK(face.reciprocal[2] == 0);
  // What is left is the first pair, and the scale of the last.
  Pairs::Row weights(4);
  Pairs::Column q = Pairs::Column::Zero(pairs.s.rows());
  q.head(3) << 0, 2, -1;
  const double factor = pairs.multiply<Held::moved>(face.reciprocal, face.neighbour, free.data(), weights, q);
  const Eigen::Vector2d s(1, 1), y(2, 3), g(2, -1);
  const Eigen::Matrix2d left = Eigen::Matrix2d::Identity() - s * y.transpose() / 5;
  const Eigen::Vector2d expected = -(pairs.scale * left * left.transpose() * g + s * s.dot(g) / 5);
  CHECK(q[0] == 0);
  CHECK((factor * q.segment(1, 2) - expected).norm() < 1e-14);
}

TEST_CASE("Products on the free variables that were saved and loaded go on to the same bits", "[free_pairs]") {
  const Eigen::Index n = 40;
  std::mt19937_64 random(3);
  Pairs pairs;
  pairs.clear(n, 5);
  FreePairs<VectorXd> face;
  face.clear(pairs);
  for (int i = 0; i < 7; ++i) add(pairs, n, random);
  face.unknown = pairs.count;
  Pairs::Column free = free_of(pairs, n, 3);
  face.follow(pairs, free);
  auto loaded = load<FreePairs<VectorXd>>(save(face));
  add(pairs, n, random);
  free[4] = 0;
  for (auto* each : {&face, &loaded}) {
    each->unknown = 1;
    each->follow(pairs, free);
  }
  CHECK(identical(face, loaded));
  CHECK(face.reciprocal == loaded.reciprocal);
}
