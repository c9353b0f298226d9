#include <mesaopt/nested/learned_rates.hpp>

#include <cmath>

#include <Eigen/Core>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/gradient/gradient_descent.hpp>
#include <mesaopt/gradient/reverse_descent.hpp>
#include <mesaopt/nested/nested.hpp>
#include <mesaopt/nested/response.hpp>
#include <mesaopt/nested/unrolled.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Vector = Eigen::VectorXd;

namespace {

/// (y₀ y₁ − c)² + y₁⁴, which takes a call.
struct Task {
  double c;
  template <class Y>
  using Memory = Workspace<Vector>;
  using C = Call<Workspace<Vector>>;

  double operator()(const Vector& y, const C&) const { return std::pow(y[0] * y[1] - c, 2) + std::pow(y[1], 4); }
  double operator()(const Vector& y, Vector& gy, const C& call) const {
    gy << 2 * (y[0] * y[1] - c) * y[1], 2 * (y[0] * y[1] - c) * y[0] + 4 * std::pow(y[1], 3);
    return (*this)(y, call);
  }
  void hessian_product(const Vector& y, const Vector& v, Vector& out, const C&) const {
    const double cross = 4 * y[0] * y[1] - 2 * c;
    out << 2 * y[1] * y[1] * v[0] + cross * v[1], cross * v[0] + (2 * y[0] * y[0] + 12 * y[1] * y[1]) * v[1];
  }
};

double value(const Vector& y, double c) { return std::pow(y[0] * y[1] - c, 2) + std::pow(y[1], 4); }

/// The test value after `steps` steps at rates sᵢ².
double adapted(const Vector& x, int steps) {
  Vector y = x.head(2), g(2);
  Workspace<Vector> memory;
  Vector record;
  for (int k = 0; k < steps; ++k) {
    Task{0.3}(y, g, {memory, record, 0, 0});
    y -= x.tail(2).cwiseAbs2().cwiseProduct(g);
  }
  return value(y, 0.5);
}

}  // namespace

TEST_CASE("steps with learned rates are gradient descent with a rate for each coordinate, and are differentiated",
          "[nested]") {
  for (const int steps : {1, 3}) {
    const Search brief{GradientDescent{.learning_rate = 1}, MaxIterations{steps}};
    const Vector zero = Vector::Zero(2);
    const auto F =
        nested(learned_rates(Task{0.5}), response(family(learned_rates(Task{0.3})), brief, zero), Unrolled{});
    Vector x(4), gradient(4);
    x << 0.9, -0.6, 0.3, 0.2;
    Calls<Vector, MemoryOf<decltype(F), Vector>> calls;
    CHECK(calls.gradient(F, x, gradient).value == Approx(adapted(x, steps)).epsilon(1e-13));
    for (Eigen::Index i = 0; i < 4; ++i) {
      const Vector h = 1e-5 * Vector::Unit(4, i);
      CHECK(gradient[i] == Approx((adapted(x + h, steps) - adapted(x - h, steps)) / 2e-5).epsilon(1e-7));
    }
    CHECK(calls.value(F, x).value == Approx(adapted(x, steps)).epsilon(1e-13));
    const auto before = allocations();
    calls.gradient(F, x, gradient);
    CHECK(allocations() == before);
  }
}
