#include <mesaopt/problems/three_levels.hpp>

#include "models/differences.hpp"
#include "support/catch.hpp"

using mesaopt::problems::ThreeLevels;
using Vector = Eigen::VectorXd;

namespace {

const Vector u = Eigen::Vector2d(0.3, -1.2), z = Eigen::Vector<double, 1>(0.7), v = Eigen::Vector<double, 1>(1.9);

}  // namespace

TEST_CASE("the closed forms of the three levels are where each level is flat", "[problems]") {
  const double x = -0.7, y = ThreeLevels::middle_response(x), bottom = ThreeLevels::bottom_response(x, y);
  const Vector both = Eigen::Vector2d(x, y);
  Vector at = Vector::Constant(1, bottom), gz(1), gu(2);
  ThreeLevels::Bottom{}(both, at, gz);
  CHECK(std::abs(gz[0]) < 1e-15);
  ThreeLevels::Middle{}(both, at, gu, gz);
  CHECK(std::abs(gu[1] + 0.5 * gz[0]) < 1e-14);  // z* moves by 1/2 along y
  CHECK(ThreeLevels::top_derivative(ThreeLevels::x_star) == Approx(0).margin(1e-14));
}

TEST_CASE("the solution of the three levels is consistent with their closed forms", "[problems]") {
  CHECK(ThreeLevels::middle_response(ThreeLevels::x_star) == Approx(ThreeLevels::y_star));
  CHECK(ThreeLevels::bottom_response(ThreeLevels::x_star, ThreeLevels::y_star) == Approx(ThreeLevels::z_star));
  CHECK(ThreeLevels::top_value(ThreeLevels::x_star) == Approx(ThreeLevels::minimum));
  const Vector x = Vector::Constant(1, ThreeLevels::x_star), y = Vector::Constant(1, ThreeLevels::y_star),
               bottom = Vector::Constant(1, ThreeLevels::z_star);
  const Vector w = Eigen::Vector2d(ThreeLevels::y_star, ThreeLevels::z_star);
  CHECK(ThreeLevels::Top{}(x, w) == Approx(ThreeLevels::minimum));
  CHECK(ThreeLevels::Top{}(x, y, bottom) == Approx(ThreeLevels::minimum));
}

TEST_CASE("the derivatives of the bottom level agree with differences", "[problems]") {
  const ThreeLevels::Bottom g;
  const auto gradient = [&](const Vector& at_u, const Vector& at_z) {
    Vector gz(1);
    g(at_u, at_z, gz);
    return gz;
  };
  Vector gz(1), product(1), mixed(2), direction(1);
  Eigen::MatrixXd H(1, 1);
  CHECK(g(u, z, gz) == g(u, z));
  g.hessian(u, z, H);
  g.hessian_product(u, z, v, product);
  g.mixed_product(u, z, v, mixed);
  g.mixed_direction(u, z, u, direction);
  CHECK(gz[0] == Approx(differences::gradient([&](const Vector& at) { return g(u, at); }, z)[0]));
  CHECK(product[0] == Approx(H(0, 0) * v[0]));
  CHECK(product[0] == Approx(differences::along([&](const Vector& at) { return gradient(u, at); }, z, v)[0]));
  CHECK(differences::distance(
            mixed, differences::gradient([&](const Vector& at) { return gradient(at, z).dot(v); }, u)) < 1e-9);
  CHECK(direction[0] == Approx(differences::along([&](const Vector& at) { return gradient(at, z); }, u, u)[0]));
}

TEST_CASE("the derivatives of the middle and the top level agree with differences", "[problems]") {
  const ThreeLevels::Middle middle;
  Vector gu(2), gz(1);
  CHECK(middle(u, z, gu, gz) == middle(u, z));
  CHECK(differences::distance(gu, differences::gradient([&](const Vector& at) { return middle(at, z); }, u)) < 1e-9);
  CHECK(differences::distance(gz, differences::gradient([&](const Vector& at) { return middle(u, at); }, z)) < 1e-9);

  const ThreeLevels::Top top;
  const Vector &x = z, &w = u, &y = v;
  Vector gx(1), gw(2), gy(1);
  CHECK(top(x, w, gx, gw) == top(x, w));
  CHECK(differences::distance(gx, differences::gradient([&](const Vector& at) { return top(at, w); }, x)) < 1e-9);
  CHECK(differences::distance(gw, differences::gradient([&](const Vector& at) { return top(x, at); }, w)) < 1e-9);
  CHECK(top(x, y, z, gx, gy, gz) == top(x, y, z));
  CHECK(differences::distance(gy, differences::gradient([&](const Vector& at) { return top(x, at, z); }, y)) < 1e-9);
  CHECK(differences::distance(gz, differences::gradient([&](const Vector& at) { return top(x, y, at); }, z)) < 1e-9);
}
