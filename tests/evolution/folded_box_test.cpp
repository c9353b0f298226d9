#include <mesaopt/evolution/folded_box.hpp>

#include <cmath>
#include <limits>

#include <mesaopt/core/random.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd, Eigen::VectorXf;

namespace {
constexpr double infinity = std::numeric_limits<double>::infinity();

/// Two bounds far apart, two close together, either one, none, and two that are equal.
FoldedBox<VectorXd> folded() {
  VectorXd lower(6), upper(6);
  lower << -3, 0, 1, -infinity, -infinity, 3;
  upper << 5, 0.25, infinity, -1, infinity, 3;
  return {true, {lower, upper}, 0.5};
}
}  // namespace

TEST_CASE("wherever u is, x is in the box, and every x comes from a u", "[evolution][bounds]") {
  const auto fold = folded();
  Random random{1};
  for (int repetition = 0; repetition < 300; ++repetition) {
    VectorXd x(6), again(6);
    for (Eigen::Index i = 0; i < 6; ++i)
      x[i] = fold.to_box(i, random.normal() * std::pow(10.0, random.uniform(-8.0, 8.0)));
    CHECK(fold.box.contains(x));
    for (Eigen::Index i = 0; i < 6; ++i) again[i] = fold.to_box(i, fold.from_box(i, x[i]));
    for (Eigen::Index i = 0; i < 6; ++i) CHECK(again[i] == Approx(x[i]).epsilon(1e-14).margin(1e-15));
  }
  for (const Eigen::Index i : {0, 1})
    for (const double u : {infinity, -infinity, std::nan(""), 1e308, -1e308}) {
      CAPTURE(i, u);
      CHECK(fold.to_box(i, u) >= fold.box.lower[i]);
      CHECK(fold.to_box(i, u) <= fold.box.upper[i]);
    }
  for (Eigen::Index i = 0; i < 6; ++i) {
    if (std::isfinite(fold.box.lower[i]))
      CHECK(fold.to_box(i, fold.from_box(i, fold.box.lower[i])) == fold.box.lower[i]);
    if (std::isfinite(fold.box.upper[i]))
      CHECK(fold.to_box(i, fold.from_box(i, fold.box.upper[i])) == fold.box.upper[i]);
  }
}

TEST_CASE("away from the bounds x is u, to the last bit", "[evolution][bounds]") {
  const auto fold = folded();
  for (const double u : {-2.5, -0.1, 1e-300, 4.5}) CHECK(fold.to_box(0, u) == u);
  for (const double u : {1.5, 1e10}) CHECK(fold.to_box(2, u) == u);
  for (const double u : {-1.5, -1e10}) CHECK(fold.to_box(3, u) == u);
  for (const double u : {0.0, -1e300, 1e300}) CHECK(fold.to_box(4, u) == u);
  CHECK(fold.fixed(5));
  CHECK(fold.to_box(5, 17) == 3);
  CHECK_FALSE(fold.fixed(1));
}

TEST_CASE("the fold is continuous with a continuous slope, symmetric about its vertices, and periodic",
          "[evolution][bounds]") {
  const auto fold = folded();
  const double h = 1e-6;
  for (Eigen::Index i : {0, 1}) {
    const double lower = fold.box.lower[i], upper = fold.box.upper[i];
    const double margin = std::min(0.5, (upper - lower) / 2);
    double slope = (fold.to_box(i, -20.0 + h) - fold.to_box(i, -20.0 - h)) / (2 * h);
    for (double u = -20; u < 20; u += 1e-2) {
      const double next = (fold.to_box(i, u + 1e-2 + h) - fold.to_box(i, u + 1e-2 - h)) / (2 * h);
      CHECK(std::abs(next - slope) < 1e-2 / (2 * margin) + 1e-8);
      CHECK(std::abs(next) < 1 + 1e-8);
      slope = next;
      CHECK(fold.to_box(i, 2 * (lower - margin) - u) == Approx(fold.to_box(i, u)).margin(1e-13));
      CHECK(fold.to_box(i, 2 * (upper + margin) - u) == Approx(fold.to_box(i, u)).margin(1e-13));
    }
  }
  for (double u = -20; u < 20; u += 0.01) {
    CHECK(fold.to_box(2, u) == Approx(fold.to_box(2, 1.0 - u)).margin(1e-14));   // vertex at 1 - 0.5
    CHECK(fold.to_box(3, u) == Approx(fold.to_box(3, -1.0 - u)).margin(1e-14));  // vertex at -1 + 0.5
  }
}

TEST_CASE("float folds as well", "[evolution][bounds]") {
  const FoldedBox<VectorXf> fold{true, {VectorXf::Constant(1, 0.1f), VectorXf::Constant(1, 0.7f)}, 0.2f};
  for (float u = -3; u < 3; u += 0.01f) {
    CHECK(fold.to_box(0, u) >= 0.1f);
    CHECK(fold.to_box(0, u) <= 0.7f);
  }
  CHECK(fold.to_box(0, 0.4f) == 0.4f);
}
