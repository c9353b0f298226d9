#include <mesaopt/objective/forward_mode_family.hpp>

#include <cmath>

#include <Eigen/Core>

#include <mesaopt/problems/three_levels.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;

namespace {

/// exp(x_0) y'y / 2 + sin(x_1 y_0) + x_0 x_1 y_1 + y_2⁴ x_1.
template <class X, class Y>
ScalarOf<Y> formula(const X& x, const Y& y) {
  using std::exp, std::sin;
  return exp(x[0]) * y.squaredNorm() / 2 + sin(x[1] * y[0]) + x[0] * x[1] * y[1] + y[2] * y[2] * y[2] * y[2] * x[1];
}
template <class X, class Y>
void slope(const X& x, const Y& y, Y& gy) {
  using std::exp, std::cos;
  gy = exp(x[0]) * y;
  gy[0] += x[1] * cos(x[1] * y[0]);
  gy[1] += x[0] * x[1];
  gy[2] += 4 * y[2] * y[2] * y[2] * x[1];
}

struct Value {
  template <Point X, Point Y>
  ScalarOf<Y> operator()(const X& x, const Y& y) const {
    return formula(x, y);
  }
};
struct Gradient {
  template <Point X, Point Y>
  ScalarOf<Y> operator()(const X& x, const Y& y) const {
    return formula(x, y);
  }
  template <Point X, Point Y>
  ScalarOf<Y> operator()(const X& x, const Y& y, Y& gy) const {
    slope(x, y, gy);
    return formula(x, y);
  }
};
struct GradientOnly {
  template <Point X, Point Y>
  ScalarOf<Y> operator()(const X& x, const Y& y, Y& gy) const {
    slope(x, y, gy);
    return formula(x, y);
  }
};

template <class X, class Y>
struct Expected {
  Eigen::Matrix3d H = Eigen::Matrix3d::Zero();
  Eigen::Matrix<double, 3, 2> mixed;  // of ∂g/∂y by x
  Eigen::Vector2d gx;
  Eigen::Vector3d gy;
  Expected(const X& x, const Y& y) {
    const double e = std::exp(x[0]), s = std::sin(x[1] * y[0]), c = std::cos(x[1] * y[0]);
    H.diagonal().setConstant(e);
    H(0, 0) -= x[1] * x[1] * s;
    H(2, 2) += 12 * y[2] * y[2] * x[1];
    mixed.col(0) = e * y;
    mixed(1, 0) += x[1];
    mixed.col(1) << c - x[1] * y[0] * s, x[0], 4 * std::pow(y[2], 3);
    gx << e * y.squaredNorm() / 2 + x[1] * y[1], y[0] * c + x[0] * y[1] + std::pow(y[2], 4);
    Y g(3);
    slope(x, y, g);
    gy = g;
  }
};

template <class G, class X, class Y>
void check_all() {
  const X x = Eigen::Vector2d(0.3, -0.7);
  const Y y = Eigen::Vector3d(0.5, 1.5, -0.8), v = Eigen::Vector3d(-1, 0.25, 2);
  const X u = Eigen::Vector2d(0.9, -1.1);
  const Expected<X, Y> expected(x, y);
  const ForwardModeFamily<G> g{G{}};
  typename ForwardModeFamily<G>::template Memory<Y> memory;
  typename decltype(memory)::Record record;
  const Call<decltype(memory)> call{memory, record};
  Y gy(3), out(3);
  X gx(2), out_x(2);
  MatrixOf<Y> H(3, 3);
  const auto all = [&] {
    const double value = g(x, y, gy, call).value;
    CHECK(value == Approx(formula(x, y)).epsilon(1e-15));
    CHECK((gy - expected.gy).norm() < 1e-14);
    g.hessian_product(x, y, v, out, call);
    CHECK((out - expected.H * v).norm() < 1e-14);
    g.hessian(x, y, H, call);
    CHECK((H - expected.H).norm() < 1e-14);
    g.mixed_product(x, y, v, out_x, call);
    CHECK((out_x - expected.mixed.transpose() * v).norm() < 1e-14);
    g.mixed_direction(x, y, u, out, call);
    CHECK((out - expected.mixed * u).norm() < 1e-14);
    if constexpr (!std::is_same_v<G, GradientOnly>) {
      CHECK(g(x, y, call).value == formula(x, y));
      CHECK(g(x, y, gx, gy, call).value == Approx(formula(x, y)).epsilon(1e-15));
      CHECK((gx - expected.gx).norm() < 1e-14);
      CHECK((gy - expected.gy).norm() < 1e-14);
    }
  };
  all();
  const long before = allocations();
  g(x, y, gy, call);
  g.hessian_product(x, y, v, out, call);
  g.hessian(x, y, H, call);
  g.mixed_product(x, y, v, out_x, call);
  g.mixed_direction(x, y, u, out, call);
  CHECK(allocations() == before);
}

}  // namespace

TEMPLATE_TEST_CASE("a family's derivatives agree with the analytic ones to rounding, without allocating", "[objective]",
                   Value, Gradient, GradientOnly) {
  check_all<TestType, Eigen::VectorXd, Eigen::VectorXd>();
  check_all<TestType, Eigen::Vector2d, Eigen::Vector3d>();
  check_all<TestType, Eigen::Vector2d, Eigen::VectorXd>();
}

TEST_CASE("forward mode keeps what a family gives itself", "[objective]") {
  using Bottom = problems::ThreeLevels::Bottom;
  const auto g = forward_mode_family(Bottom{});
  static_assert(is_quadratic<decltype(g)>);
  using Y = Eigen::Vector<double, 1>;
  decltype(g)::Memory<Y> memory;
  decltype(memory)::Record record;
  const Call<decltype(memory)> call{memory, record};
  Eigen::Vector2d out;
  g.mixed_product(Eigen::Vector2d(1, 2), Y(3), Y(5), out, call);
  CHECK(out == Eigen::Vector2d(-5, -5));
}
