#include <mesaopt/gradient/curvature_pairs.hpp>

#include <random>
#include <type_traits>
#include <vector>

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include "gradient/pairs_of_quadratic.hpp"
#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using namespace pairs_of_quadratic;
using detail::Held;

TEST_CASE("The two-loop recursion multiplies by the inverse of the matrix that BFGS makes", "[curvature_pairs]") {
  for (const Eigen::Index n : {1, 2, 3, 5, 11, 16, 17, 40, 131})
    for (const Eigen::Index memory : {1, 2, 5}) {
      std::mt19937_64 random(1);
      Pairs pairs;
      pairs.clear(n, memory);
      Pairs::Column q = Pairs::Column::Zero(pairs.s.rows());
      Pairs::Row weights = Pairs::Row::Zero(memory);
      VectorXd d(n);
      for (int added = 1; added <= 8; ++added) {
        CAPTURE(n, memory, added);
        add(pairs, n, random);
        CHECK(pairs.count == std::min<Eigen::Index>(added, memory));
        const VectorXd gradient = normal(n, random);
        pairs.direction(gradient, q, weights, d);
        const VectorXd expected = -matrix(pairs, n, pairs.count).ldlt().solve(gradient);
        CHECK((d - expected).norm() < 1e-9 * expected.norm());
      }
    }
}

TEST_CASE("Without pairs the direction is down the gradient", "[curvature_pairs]") {
  Pairs pairs;
  pairs.clear(3, 4);
  Pairs::Column q(pairs.s.rows());
  Pairs::Row weights(4);
  const VectorXd gradient = Eigen::Vector3d(1, -2, 3);
  VectorXd d(3);
  pairs.direction(gradient, q, weights, d);
  CHECK(d == -gradient);
}

TEST_CASE("Where variables are held that no pair has moved, the others have the matrix of their own part",
          "[curvature_pairs]") {
  for (const Eigen::Index n : {3, 12, 16, 60}) {
    CAPTURE(n);
    std::mt19937_64 random(8);
    Pairs pairs;
    pairs.clear(n, 5);
    for (int i = 0; i < 7; ++i) add(pairs, n, random, 2);
    const auto free = free_of(pairs, n, 2);
    std::vector<Eigen::Index> where;
    for (Eigen::Index i = 0; i < n; ++i)
      if (free[i] != 0) where.push_back(i);
    Pairs::Column q = Pairs::Column::Zero(pairs.s.rows());
    q.head(n) = normal(n, random);
    q.array() *= free.array();
    const VectorXd right = VectorXd(q.head(n))(where);
    Pairs::Row weights = Pairs::Row::Zero(5);
    const double factor = pairs.multiply<Held::unmoved>(pairs.reciprocal, pairs.neighbour, free.data(), weights, q);
    const VectorXd expected = -matrix(pairs, n, 5)(where, where).ldlt().solve(right);
    CHECK((factor * VectorXd(q.head(n))(where) - expected).norm() < 1e-9 * expected.norm());
    for (Eigen::Index i = 0; i < n; i += 2) CHECK(q[i] == 0);
  }
}

TEST_CASE("Where pairs have moved held variables, their parts on the others make the matrix", "[curvature_pairs]") {
  for (const Eigen::Index n : {3, 12, 16, 60}) {
    CAPTURE(n);
    std::mt19937_64 random(9);
    Pairs pairs, parts;  // the same on the free variables, and 0 elsewhere
    pairs.clear(n, 5);
    parts.clear(n, 5);
    const auto free = free_of(pairs, n, 3);
    const VectorXd none = VectorXd::Zero(n);
    for (int i = 0; i < 7; ++i) {
      const auto j = pairs.next;
      add(pairs, n, random);
      parts.add(none, none, pairs.s.col(j).cwiseProduct(free).head(n), pairs.y.col(j).cwiseProduct(free).head(n));
      REQUIRE(parts.next == pairs.next);
    }
    parts.scale = pairs.scale;
    Pairs::Column q = Pairs::Column::Zero(pairs.s.rows());
    q.head(n) = normal(n, random);
    q.array() *= free.array();
    const VectorXd gradient = q.head(n);
    Pairs::Row weights = Pairs::Row::Zero(5);
    const double factor = pairs.multiply<Held::moved>(parts.reciprocal, parts.neighbour, free.data(), weights, q);
    const VectorXd expected = -matrix(parts, n, 5).ldlt().solve(gradient);
    CHECK((factor * q.head(n) - expected).norm() < 1e-9 * expected.norm());
    for (Eigen::Index i = 0; i < n; i += 3) CHECK(q[i] == 0);
  }
}

TEST_CASE("A pair without positive curvature is refused, and costs the oldest its place", "[curvature_pairs]") {
  std::mt19937_64 random(2);
  Pairs pairs;
  pairs.clear(4, 3);
  for (int i = 0; i < 3; ++i) add(pairs, 4, random);
  const Pairs before = pairs;
  const VectorXd none = VectorXd::Zero(4), s = VectorXd::Ones(4);
  for (const VectorXd& y : {VectorXd(-s), none, VectorXd(Eigen::Vector4d(1, -1, 1, -1))}) {
    pairs.add(none, none, s, y);
    CHECK(pairs.count == 2);
    CHECK(pairs.next == before.next);
    CHECK(pairs.scale == before.scale);
  }
  const auto newest = pairs.place(1);
  CHECK(pairs.s.col(newest) == before.s.col(newest));
}

TEST_CASE("Points of fixed size keep their pairs without the heap, padded to a power of two", "[curvature_pairs]") {
  using X = Eigen::Vector<float, 5>;
  CurvaturePairs<X> pairs;
  static_assert(CurvaturePairs<X>::size == 8);
  const long before = allocations();
  pairs.clear(5, 16);
  CurvaturePairs<X>::Column q;
  CurvaturePairs<X>::Row weights(16);
  q.setZero();
  X d;
  for (int i = 0; i < 20; ++i) {
    const X at = X::Constant(float(i));
    pairs.add(at, 2 * at, at + X::Unit(i % 5), 2 * at + 3 * X::Unit(i % 5));
  }
  pairs.direction(X::Ones(), q, weights, d);
  CHECK(allocations() == before);
  CHECK(pairs.count == 16);
  CHECK((d + X::Constant(1 / 3.0F)).norm() < 1e-6F);  // y = 3 s in every coordinate
}
