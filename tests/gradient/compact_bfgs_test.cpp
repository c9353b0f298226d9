#include <mesaopt/gradient/compact_bfgs.hpp>

#include <random>
#include <vector>

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include "gradient/pairs_of_quadratic.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using namespace pairs_of_quadratic;

TEST_CASE("The compact form is the matrix that the formula of BFGS makes", "[compact_bfgs]") {
  for (const Eigen::Index n : {2, 6, 40})
    for (int added = 1; added <= 9; ++added) {
      CAPTURE(n, added);
      std::mt19937_64 random(2);
      Pairs pairs;
      pairs.clear(n, 5);
      CompactBfgs<VectorXd> compact;
      compact.clear(pairs);
      for (int i = 0; i < added; ++i) {
        add(pairs, n, random);
        compact.fresh = std::min(compact.fresh + 1, pairs.count);
        if (i % 3 == 0) REQUIRE(compact.factor_middle(pairs));  // in between, so that it learns in parts
      }
      REQUIRE(compact.factor_middle(pairs));
      const Eigen::Index k = pairs.count;
      const MatrixXd B = matrix(pairs, n, k);
      for (int products = 0; products < 30; ++products) {  // beyond the number for which M is made explicit
        Pairs::Column v = Pairs::Column::Zero(pairs.s.rows());
        v.head(n) = normal(n, random);
        CompactBfgs<VectorXd>::Weights w(10), row = CompactBfgs<VectorXd>::Weights::Zero(10);
        compact.multiply(pairs, k, v.data(), w);
        compact.multiply_middle(pairs, w);
        VectorXd Bv = v.head(n) / pairs.scale;
        for (Eigen::Index i = 0; i < n; ++i) {
          compact.row(pairs, k, i, row);
          Bv[i] -= row.dot(w);
        }
        const VectorXd expected = B * v.head(n);
        CHECK((Bv - expected).norm() < 1e-8 * expected.norm());
      }
    }
}

TEST_CASE("The free part of B is inverted, of all pairs or the oldest", "[compact_bfgs]") {
  for (const Eigen::Index n : {3, 8, 40, 150})
    for (const Eigen::Index held : {2, 3, 1000}) {
      CAPTURE(n, held);
      std::mt19937_64 random(4);
      Pairs pairs;
      pairs.clear(n, 6);
      for (int i = 0; i < 8; ++i) add(pairs, n, random, i % 3 == 0 ? held : 0);
      CompactBfgs<VectorXd> compact;
      compact.clear(pairs);
      detail::FaceProducts<VectorXd> face;
      face.clear(pairs);
      const auto free = free_of(pairs, n, held);
      std::vector<Eigen::Index> where;
      for (Eigen::Index i = 0; i < n; ++i)
        if (free[i] != 0) where.push_back(i);
      if (where.empty()) continue;
      for (Eigen::Index k = 1; k <= pairs.count; ++k) {
        CAPTURE(k);
        const MatrixXd B = matrix(pairs, n, k);
        face.follow(pairs, k, free);
        REQUIRE(compact.factor_free(pairs, k, face));
        Pairs::Column q = Pairs::Column::Zero(pairs.s.rows());
        q.head(n) = normal(n, random);
        q.array() *= free.array();
        const VectorXd right = VectorXd(q.head(n))(where);
        CompactBfgs<VectorXd>::Weights w(12);
        compact.multiply(pairs, k, q.data(), w);
        compact.invert_free(pairs, k, w, q);
        const VectorXd expected = B(where, where).ldlt().solve(right);
        CHECK((pairs.scale * VectorXd(q.head(n))(where) - expected).norm() < 1e-8 * expected.norm());
      }
    }
}

TEST_CASE("Where held variables have moved, the free ones answer to that", "[compact_bfgs]") {
  const Eigen::Index n = 20;
  std::mt19937_64 random(6);
  Pairs pairs;
  pairs.clear(n, 6);
  for (int i = 0; i < 6; ++i) add(pairs, n, random);
  CompactBfgs<VectorXd> compact;
  compact.clear(pairs);
  detail::FaceProducts<VectorXd> face;
  face.clear(pairs);
  const auto free = free_of(pairs, n, 3);
  face.follow(pairs, 6, free);
  REQUIRE(compact.factor_free(pairs, 6, face));
  const MatrixXd B = matrix(pairs, n, 6);
  Pairs::Column descent = Pairs::Column::Zero(pairs.s.rows()), z = descent;
  descent.head(n) = normal(n, random);
  descent.array() *= free.array();
  z.head(n) = normal(n, random);
  z.array() *= 1 - free.array();
  CompactBfgs<VectorXd>::Weights along(12), moved(12);
  compact.multiply(pairs, 6, descent.data(), along);
  compact.multiply(pairs, 6, z.data(), moved);
  along += moved / pairs.scale;
  Pairs::Column q = descent;
  compact.invert_free(pairs, 6, along, q);
  // The model's gradient −descent + B d vanishes on the free variables.
  VectorXd d = z.head(n);
  for (Eigen::Index i = 0; i < n; ++i)
    if (free[i] != 0) d[i] = pairs.scale * q[i];
  const VectorXd slope = B * d - descent.head(n);
  CHECK((slope.array() * free.head(n).array()).matrix().norm() < 1e-10 * descent.norm());
}

TEST_CASE("The two-loop recursion over the newest pairs takes the rest from the compact form", "[compact_bfgs]") {
  for (const Eigen::Index n : {3, 12, 60}) {
    CAPTURE(n);
    std::mt19937_64 random(8);
    Pairs pairs;
    pairs.clear(n, 7);
    for (int i = 0; i < 3; ++i) add(pairs, n, random);
    for (int i = 0; i < 4; ++i) add(pairs, n, random, 2);  // in the newest the held ones do not move
    const auto free = free_of(pairs, n, 2);
    CompactBfgs<VectorXd> compact;
    compact.clear(pairs);
    detail::FaceProducts<VectorXd> face;
    face.clear(pairs);
    face.follow(pairs, 3, free);
    REQUIRE(compact.factor_free(pairs, 3, face));
    Pairs::Column q = Pairs::Column::Zero(pairs.s.rows());
    q.head(n) = normal(n, random);
    q.array() *= free.array();
    std::vector<Eigen::Index> where;
    for (Eigen::Index i = 0; i < n; ++i)
      if (free[i] != 0) where.push_back(i);
    const VectorXd right = VectorXd(q.head(n))(where);
    Pairs::Row weights = Pairs::Row::Zero(7);
    CompactBfgs<VectorXd>::Weights w(14);
    const double factor = pairs.multiply(weights, q, 4, [&](Pairs::Column& inner) {
      inner.array() *= free.array();
      compact.multiply(pairs, 3, inner.data(), w);
      compact.invert_free(pairs, 3, w, inner);
      inner.array() *= free.array();
    });
    const VectorXd expected = -matrix(pairs, n, 7)(where, where).ldlt().solve(right);
    CHECK((factor * VectorXd(q.head(n))(where) - expected).norm() < 1e-9 * expected.norm());
    for (Eigen::Index i = 0; i < n; i += 2) CHECK(q[i] == 0);
  }
}
