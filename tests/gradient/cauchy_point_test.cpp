#include <mesaopt/gradient/cauchy_point.hpp>

#include <algorithm>
#include <limits>
#include <random>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/objective/bounds.hpp>

#include "gradient/pairs_of_quadratic.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using namespace pairs_of_quadratic;

namespace {
struct Sum {
  double operator()(const VectorXd& x) const { return x.sum(); }
};

/// The first local minimum of the model along P(x − t g) − x, piece by piece, with the dense matrix.
VectorXd by_pieces(const MatrixXd& B, const VectorXd& x, const VectorXd& g, const Box<VectorXd>& box) {
  const auto path = [&](double t) -> VectorXd { return (x - t * g).cwiseMax(box.lower).cwiseMin(box.upper) - x; };
  std::vector<double> bends{0};
  for (Eigen::Index i = 0; i < x.size(); ++i)
    if (g[i] != 0) bends.push_back((x[i] - (g[i] < 0 ? box.upper[i] : box.lower[i])) / g[i]);
  std::erase_if(bends, [](double t) { return !(t < std::numeric_limits<double>::infinity()); });
  std::sort(bends.begin(), bends.end());
  for (std::size_t k = 0; k < bends.size(); ++k) {
    const double from = bends[k], to = k + 1 < bends.size() ? bends[k + 1] : from + 1;
    if (!(to > from)) continue;
    const VectorXd at = path(from), d = (path(to) - at) / (to - from);
    const double slope = g.dot(d) + at.dot(B * d), curvature = d.dot(B * d);
    if (slope >= 0) return at;
    if (k + 1 == bends.size() || -slope / curvature < to - from) return at - slope / curvature * d;
  }
  return path(bends.back());
}
}  // namespace

TEST_CASE("The Cauchy point is the first minimum along the bent path, whatever the guess", "[cauchy_point]") {
  int bent = 0;
  for (unsigned seed = 0; seed < 40; ++seed) {
    CAPTURE(seed);
    const Eigen::Index n = seed % 2 == 0 ? 7 : 25;
    std::mt19937_64 random(seed);
    Pairs pairs;
    pairs.clear(n, 4);
    for (unsigned i = 0; i < 1 + seed % 6; ++i) add(pairs, n, random);
    CompactBfgs<VectorXd> B;
    B.clear(pairs);
    REQUIRE(B.factor_middle(pairs));
    const VectorXd x = normal(n, random), g = 3 * normal(n, random);
    VectorXd lower = x - 0.5 * normal(n, random).cwiseAbs(), upper = x + 0.5 * normal(n, random).cwiseAbs();
    lower[1] = x[1];                                     // at a bound
    upper[2] = std::numeric_limits<double>::infinity();  // at none
    const Box<VectorXd> bounds{lower, upper};
    KeptBox<VectorXd> box;
    box.enter(within(Sum{}, bounds), x);
    const VectorXd expected = by_pieces(matrix(pairs, n, pairs.count), x, g, bounds);
    for (const double guess : {0.0, 0.05, 1e9}) {
      CAPTURE(guess);
      detail::CauchyPoint<VectorXd> point;
      point.resize(n, pairs.s.rows(), pairs.s.cols());
      for (Eigen::Index i = 0; i < n; ++i) {
        const bool held = (x[i] == lower[i] && g[i] >= 0) || (x[i] == upper[i] && g[i] <= 0);
        point.free[i] = held ? 0 : 1;
        point.descent[i] = held ? 0 : -g[i];
      }
      const bool left_some = point.find(x, g, box, pairs, B, guess);
      const VectorXd way = point.step + point.length * point.descent.head(n);
      CHECK((way - expected).norm() < 1e-9 * (1 + expected.norm()));
      bent += left_some;
      // What it says of the pieces is true.
      CompactBfgs<VectorXd>::Weights w(8);
      B.multiply(pairs, pairs.count, point.descent.data(), w);
      CHECK((w - point.along).norm() < 1e-9 * (1 + w.norm()));
      for (Eigen::Index i = 0; i < n; ++i)
        if (point.step[i] != 0) CHECK(point.free[i] == 0);
    }
  }
  CHECK(bent > 50);
}
