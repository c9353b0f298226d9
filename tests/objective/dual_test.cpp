#include <mesaopt/objective/dual.hpp>

#include <cmath>
#include <limits>

#include <Eigen/Core>

#include "support/catch.hpp"

using namespace mesaopt;

using D = Dual<double, 2>;
using DD = Dual<Dual<double, 1>, 1>;

static_assert(Point<Eigen::VectorX<D>>);
static_assert(Point<Eigen::Vector<DD, 3>>);
static_assert(std::is_trivially_copyable_v<D>);

namespace {

D at(double value) {
  D u(value);
  u.tangent = {1, -2};
  return u;
}

DD twice(double value) {
  DD u(value);
  u.value.tangent[0] = 1;
  u.tangent[0] = 1;
  return u;
}

/// f at u, called with a dual and with a number, against the value's slope as given.
template <class F>
void agrees(const F& f, double u, double slope) {
  const D y = f(at(u));
  CHECK(y.value == Approx(f(u)).epsilon(1e-15));
  CHECK(y.tangent[0] == Approx(slope).epsilon(1e-15));
  CHECK(y.tangent[1] == Approx(-2 * slope).epsilon(1e-15));
}

}  // namespace

TEST_CASE("functions of duals have the derivatives of the textbook", "[objective]") {
  using namespace std;  // beside the functions of duals, which are found by their argument
  agrees([](auto u) { return exp(u); }, 0.7, exp(0.7));
  agrees([](auto u) { return exp2(u); }, 0.7, exp2(0.7) * std::log(2.0));
  agrees([](auto u) { return expm1(u); }, 1e-9, exp(1e-9));
  agrees([](auto u) { return log(u); }, 0.7, 1 / 0.7);
  agrees([](auto u) { return log2(u); }, 0.7, 1 / (0.7 * std::log(2.0)));
  agrees([](auto u) { return log10(u); }, 0.7, 1 / (0.7 * std::log(10.0)));
  agrees([](auto u) { return log1p(u); }, 0.7, 1 / 1.7);
  agrees([](auto u) { return sqrt(u); }, 0.7, 0.5 / std::sqrt(0.7));
  agrees([](auto u) { return cbrt(u); }, 0.7, 1 / (3 * std::pow(std::cbrt(0.7), 2)));
  agrees([](auto u) { return sin(u); }, 0.7, std::cos(0.7));
  agrees([](auto u) { return cos(u); }, 0.7, -std::sin(0.7));
  agrees([](auto u) { return tan(u); }, 0.7, 1 + std::tan(0.7) * std::tan(0.7));
  agrees([](auto u) { return asin(u); }, 0.7, 1 / std::sqrt(1 - 0.49));
  agrees([](auto u) { return acos(u); }, 0.7, -1 / std::sqrt(1 - 0.49));
  agrees([](auto u) { return atan(u); }, 0.7, 1 / 1.49);
  agrees([](auto u) { return sinh(u); }, 0.7, std::cosh(0.7));
  agrees([](auto u) { return cosh(u); }, 0.7, std::sinh(0.7));
  agrees([](auto u) { return tanh(u); }, 0.7, 1 - std::tanh(0.7) * std::tanh(0.7));
  agrees([](auto u) { return erf(u); }, 0.7, 2 / std::sqrt(std::acos(-1.0)) * std::exp(-0.49));
  agrees([](auto u) { return abs(u); }, -0.7, -1);
  agrees([](auto u) { return abs(u); }, 0.7, 1);
}

TEST_CASE("arithmetic of duals follows the product and quotient rules", "[objective]") {
  const D u = at(3);
  D v(2);
  v.tangent = {5, 7};
  CHECK((u * v).tangent[0] == 1 * 2 + 3 * 5);
  CHECK((u / v).tangent[1] == Approx((-2 * 2 - 3 * 7) / 4.0));
  CHECK((u - v).tangent[0] == -4);
  CHECK((1 / v).tangent[0] == -1.25);
  CHECK((2 * u + 1 - u / 4).tangent[1] == -2 * 1.75);
  CHECK((-u).tangent[1] == 2);
  CHECK(pow(u, 2).tangent[0] == 6);
  CHECK(pow(u, v).tangent[0] == Approx(2 * 3 + 5 * 9 * std::log(3)));
  CHECK(pow(2.0, u).tangent[0] == Approx(8 * std::log(2)));
  CHECK(pow(at(0), 2).tangent[0] == 0);
  CHECK(pow(at(0), 0).tangent[0] == 0);
  CHECK(pow(at(-2), D(3)).tangent[0] == 12);
  CHECK(atan2(u, v).tangent[0] == Approx((2.0 * 1 - 3.0 * 5) / 13));
  CHECK(hypot(u, v).tangent[0] == Approx((3 * 1 + 2 * 5) / std::sqrt(13)));
  CHECK(max(u, v).tangent[0] == 1);
  CHECK(min(u, v).tangent[0] == 5);
  CHECK((u > v && v < 3 && u == 3.0));
}

TEST_CASE("duals of duals hold second derivatives", "[objective]") {
  CHECK(exp(twice(0.5) * twice(0.5)).tangent[0].tangent[0] == Approx(3 * std::exp(0.25)));
  CHECK(sin(twice(0.5)).tangent[0].tangent[0] == -std::sin(0.5));
  CHECK(pow(twice(2), 5).tangent[0].tangent[0] == 160);
  CHECK((1 / twice(2)).tangent[0].tangent[0] == 0.25);
  CHECK(tanh(twice(0.3)).tangent[0].tangent[0] == Approx(-2 * std::tanh(0.3) * (1 - std::pow(std::tanh(0.3), 2))));
  CHECK(sqrt(twice(2)).tangent[0].tangent[0] == Approx(-0.25 * std::pow(2, -1.5)));
}

TEST_CASE("a dual is finite only with all its tangents", "[objective]") {
  D u = at(1);
  CHECK(isfinite(u));
  u.tangent[1] = std::numeric_limits<double>::quiet_NaN();
  CHECK_FALSE(isfinite(u));
  CHECK(isnan(u));
  CHECK(isinf(D(std::numeric_limits<double>::infinity())));
  CHECK(std::numeric_limits<D>::epsilon() == std::numeric_limits<double>::epsilon());
}

TEST_CASE("Eigen computes with duals, also beside plain numbers", "[objective]") {
  const Eigen::Matrix2d A{{1, 2}, {3, 4}};
  Eigen::VectorX<D> x(2);
  x << at(1), D(5);
  const Eigen::VectorX<D> y = A * x;
  CHECK(y[1].value == 23);
  CHECK(y[1].tangent[0] == 3);
  CHECK((2 * x).eval()[0].tangent[1] == -4);
  CHECK((2.0 * x).dot(x).tangent[0] == 4);
  CHECK(x.array().exp().sum().tangent[0] == Approx(std::exp(1)));
  CHECK(x.squaredNorm().tangent[0] == 2);
  CHECK(x.norm().tangent[0] == Approx(1 / std::sqrt(26)));
  CHECK(x.allFinite());
  CHECK(A.col(0).dot(x).tangent[0] == 1);
}
