#include <mesaopt/models/group_penalty.hpp>

#include "models/differences.hpp"
#include "models/refusal.hpp"
#include "support/allocations.hpp"
#include "support/catch.hpp"

using mesaopt::models::GroupPenalty;
using Vector = Eigen::VectorXd;

namespace {

const GroupPenalty penalty({0, 0, 1, -1, 2, 2, 0, -1});
const Vector x = Eigen::Vector3d(-1, 0.5, 2), u = Eigen::Vector3d(1, -2, 0.3);
const Vector w = Vector::LinSpaced(8, -1, 2), v = Vector::LinSpaced(8, 3, 1);

}  // namespace

TEST_CASE("the penalty weighs the squares of each group by its own log penalty", "[models]") {
  const auto square = [](double t) { return t * t; };
  const double expected = std::exp(-1) * (square(w[0]) + square(w[1]) + square(w[6])) + std::exp(0.5) * square(w[2]) +
                          std::exp(2) * (square(w[4]) + square(w[5]));
  CHECK(penalty(x, w) == Approx(expected / 2).epsilon(1e-14));
  CHECK(penalty.groups() == 3);
  CHECK(penalty.weights() == 8);
}

TEST_CASE("the penalty adds its derivatives to what is there", "[models]") {
  const Vector old = Vector::LinSpaced(8, 5, 6);
  Vector gradient = old, product = old, direction = old, mixed = x;
  const auto gradient_at = [](const Vector& at_x, const Vector& at_w) {
    Vector g = Vector::Zero(8);
    penalty(at_x, at_w, g);
    return g;
  };
  CHECK(penalty(x, w, gradient) == Approx(penalty(x, w)).epsilon(1e-15));
  CHECK(differences::distance(gradient - old,
                              differences::gradient([](const Vector& at) { return penalty(x, at); }, w)) < 1e-9);
  penalty.hessian_product(x, w, v, product);
  CHECK(differences::distance(product - old, gradient_at(x, v)) < 1e-14);
  penalty.mixed_product(x, w, v, mixed);
  const auto along_v = [&](const Vector& at) { return gradient_at(at, w).dot(v); };
  CHECK(differences::distance(mixed - x, differences::gradient(along_v, x)) < 1e-9);
  penalty.mixed_direction(x, w, u, direction);
  CHECK((direction - old).dot(v) == Approx((mixed - x).dot(u)).epsilon(1e-12));
}

TEST_CASE("the penalty never allocates", "[models]") {
  Vector out = Vector::Zero(8), outer = Vector::Zero(3);
  const long before = allocations();
  penalty(x, w);
  penalty(x, w, out);
  penalty.hessian_product(x, w, v, out);
  penalty.mixed_product(x, w, v, outer);
  penalty.mixed_direction(x, w, u, out);
  CHECK(allocations() == before);
}

TEST_CASE("groups with gaps, and points that do not fit, are refused", "[models]") {
  CHECK(refuses([] { GroupPenalty({0, 2}); }, "group 1"));
  CHECK(refuses([] { GroupPenalty({0, -2}); }, "weight 1", "-2"));
  CHECK(refuses([] { GroupPenalty({-1, -1}); }, "none"));
  CHECK(refuses([] { penalty(w, w); }, "a group, 3", "size is 8"));
  CHECK(refuses([] { penalty(x, x); }, "8 weights", "size 3"));
}
