#include <mesaopt/gradient/compact_bfgs.hpp>

#include <random>

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

TEST_CASE("W M Wᵀ is what B lacks to a multiple of the identity", "[compact_bfgs]") {
  for (const Eigen::Index n : {3, 20, 150}) {
    CAPTURE(n);
    std::mt19937_64 random(6);
    Pairs pairs;
    pairs.clear(n, 6);
    for (int i = 0; i < 8; ++i) add(pairs, n, random);
    CompactBfgs<VectorXd> compact;
    compact.clear(pairs);
    REQUIRE(compact.factor_middle(pairs));
    Pairs::Column v = Pairs::Column::Zero(pairs.s.rows());
    v.head(n) = normal(n, random);
    CompactBfgs<VectorXd>::Weights w(12);
    compact.multiply(pairs, 6, v.data(), w);
    compact.multiply_middle(pairs, w);
    w *= -1;
    Pairs::Column product = v / pairs.scale;
    compact.add_columns(pairs, w, product);
    const VectorXd expected = matrix(pairs, n, 6) * v.head(n);
    CHECK((product.head(n) - expected).norm() < 1e-10 * expected.norm());
  }
}
