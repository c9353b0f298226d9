#include <mesaopt/objective/simplex.hpp>

#include <algorithm>
#include <functional>
#include <stdexcept>

#include "objective/regularizer_laws.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {
/// Duchi, Shalev-Shwartz, Singer & Chandra (2008), figure 1: by sorting.
VectorXd by_sorting(const VectorXd& v, double total) {
  VectorXd u = v;
  std::sort(u.begin(), u.end(), std::greater<>());
  double sum = 0, threshold = 0;
  for (Eigen::Index j = 0; j < u.size(); ++j) {
    sum += u[j];
    if (u[j] - (sum - total) / double(j + 1) > 0) threshold = (sum - total) / double(j + 1);
  }
  return (v.array() - threshold).max(0);
}
}  // namespace

TEST_CASE("Simplex satisfies the laws of regularizers", "[simplex]") {
  regularizer_laws::check(Simplex{}, 6);
  regularizer_laws::check(Simplex{20}, 7);
  regularizer_laws::check(Simplex{0.01}, 4);
}

TEST_CASE("The nearest point of a simplex is that found by sorting", "[simplex]") {
  std::mt19937_64 random(3);
  for (const Eigen::Index n : {1, 2, 5, 100, 5000})
    for (const double spread : {1e-3, 1.0, 50.0})
      for (const double total : {0.1, 1.0, 30.0}) {
        CAPTURE(n, spread, total);
        const VectorXd v = spread * regularizer_laws::normal(n, random);
        VectorXd x(n);
        Simplex{total}.proximal(v, 1.0, x);
        CHECK((x - by_sorting(v, total)).norm() < 1e-12 * (1 + v.norm()));
        CHECK(x.minCoeff() >= 0);
        CHECK(x.sum() == Approx(total).epsilon(1e-14));
      }
}

TEST_CASE("Simplex does not lose the sum where coordinates are large, or spread over many sizes", "[simplex]") {
  VectorXd v(3), x(3);
  v << 1e12, 1e12 - 0.25, 3;
  Simplex{}.proximal(v, 1.0, x);
  CHECK((x - VectorXd(Eigen::Vector3d(0.625, 0.375, 0))).norm() < 1e-15);
  v = VectorXd::NullaryExpr(200, [](Eigen::Index i) { return std::exp2(double(i) - 100); });
  x.resize(200);
  Simplex{1e20}.proximal(v, 1.0, x);
  CHECK(x.sum() == Approx(1e20).epsilon(1e-14));
}

TEST_CASE("The margin of a simplex is 0 where a coordinate has just left, and infinite for a lone one", "[simplex]") {
  CHECK(Simplex{}.margin(Eigen::Vector2d(1.5, 0.5), 1.0) == 0);
  CHECK(Simplex{}.margin(Eigen::Vector2d(0.75, 0.25), 1.0) == 0.25);
  CHECK(Simplex{}.margin(Eigen::Vector2d(3, 0), 1.0) == 2);
  CHECK(Simplex{}.margin(Eigen::Vector<double, 1>(5), 1.0) == std::numeric_limits<double>::infinity());
}

TEST_CASE("Simplex refuses a total that is not positive", "[simplex]") {
  CHECK_THROWS_AS(Simplex{0}.check(), std::invalid_argument);
  CHECK_THROWS_AS(Simplex{-1}.check(), std::invalid_argument);
}
