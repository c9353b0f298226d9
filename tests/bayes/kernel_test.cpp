#include <mesaopt/bayes/kernel.hpp>

#include <cmath>
#include <stdexcept>

#include "support/catch.hpp"

using namespace mesaopt::kernels;
using Vector = Eigen::VectorXd;

namespace {

/// A kernel of one's own, without the library's: variance (1 + x'y)².
struct Quadratic {
  using Scalar = double;
  double variance = 1;

  double operator()(const Vector& x, const Vector& y) const { return variance * std::pow(1 + x.dot(y), 2); }
  void check(Eigen::Index) const {}
  template <class Self, class Visitor>
  static void visit(Self& self, Visitor&& visitor) {
    visitor(Role::variance, self.variance);
  }
  void values(Points<double> X, const double* y, double* out) const {
    for (Eigen::Index i = 0; i < X.count; ++i) out[i] = variance * std::pow(base(X, y, i), 2);
  }
  void pull(Points<double> X, const double* y, const double* weights, double* gy, double* gp) const {
    for (Eigen::Index i = 0; i < X.count; ++i) {
      const double slope = weights[i] * variance * 2 * base(X, y, i);
      for (Eigen::Index c = 0; gy && c < X.dimension; ++c) gy[c] += slope * X(c, i);
      if (gp) *gp += slope * base(X, y, i) / 2;
    }
  }

 private:
  static double base(Points<double> X, const double* y, Eigen::Index i) {
    double sum = 1;
    for (Eigen::Index c = 0; c < X.dimension; ++c) sum += y[c] * X(c, i);
    return sum;
  }
};

}  // namespace

static_assert(Kernel<Quadratic>);
static_assert(!Kernel<Vector>);

TEST_CASE("a kernel of one's own has its parameters read and written, and its gradients in the first point",
          "[bayes]") {
  Quadratic k{2};
  CHECK(parameter_count(k) == 1);
  CHECK(log_parameters(k)[0] == std::log(2.0));
  const Vector x = Vector::LinSpaced(2, 1, 2), y = Vector::LinSpaced(2, 3, 0.5);
  Vector by_x, by_parameters;
  CHECK(gradients(k, x, y, by_x, by_parameters) == Approx(2 * 25));
  CHECK((by_x - 20 * y).norm() < 1e-12);
  CHECK(by_parameters[0] == Approx(50));
  set_log_parameters(k, Vector(Vector::Constant(1, std::log(3.0))));
  CHECK(k.variance == Approx(3));
  CHECK_THROWS_WITH(set_log_parameters(k, Vector(Vector::Zero(2))),
                    Catch::Matchers::Contains("needs 1 numbers, got 2"));
}
