#include <mesaopt/bayes/log_product.hpp>

#include <cmath>

#include <mesaopt/bayes/acquisition.hpp>
#include <mesaopt/bayes/kernels.hpp>
#include <mesaopt/bayes/known_constraint.hpp>
#include <mesaopt/bayes/log_expected_improvement.hpp>
#include <mesaopt/bayes/lower_confidence_bound.hpp>
#include <mesaopt/bayes/probability_of_improvement.hpp>
#include <mesaopt/core/objective.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using kernels::SquaredExponential;
using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;

namespace {

GaussianProcess<SquaredExponential> process(double a, double b, double c) {
  GaussianProcess<SquaredExponential> gp(SquaredExponential{Vector::Constant(1, 0.3)}, {.noise = 1e-4});
  Matrix X(1, 3);
  X << 0.1, 0.5, 0.9;
  gp.fit(X, (Vector(3) << a, b, c).finished());
  return gp;
}

struct Allows {
  bool operator()(const Vector& x) const { return x[0] < 0.6; }
};
const auto objective = process(1, 0.2, -0.5), constraint = process(-1, -0.3, 0.8), cost = process(0, 1, 2);
const auto product = log_product(acquisition(objective, LogExpectedImprovement{}, 0.2),
                                 acquisition(constraint, LogProbabilityOfImprovement{}, 0.0),
                                 acquisition(cost, PosteriorMean{}, 0.0), known_constraint(Allows{}));
using F = std::remove_const_t<decltype(product)>;
using M = F::Memory<Vector>;

}  // namespace

static_assert(Differentiable<F, Vector>);

TEST_CASE("the product is improvement times feasibility over cost", "[bayes]") {
  const M memory{};
  M::Record record{};
  Prediction<double> f, c, t;
  const Vector x = Vector::Constant(1, 0.37);
  objective.predict(x, f);
  constraint.predict(x, c);
  cost.predict(x, t);
  const auto Phi = [](double z) { return std::erfc(-z / std::sqrt(2.0)) / 2; };
  const double s = std::sqrt(f.variance[0]), z = (0.2 - f.mean[0]) / s;
  const double improvement = s * (z * Phi(z) + std::exp(-z * z / 2) / std::sqrt(8 * std::atan(1.0)));
  const double expected = improvement * Phi(-c.mean[0] / std::sqrt(c.variance[0])) / std::exp(t.mean[0]);
  CHECK(product(x, Call<M>{memory, record}).value == Approx(-std::log(expected)).epsilon(1e-12));
}

TEST_CASE("the gradient of a product is the sum of those of its parts, without allocations", "[bayes]") {
  const M memory{};
  M::Record record{};
  const Call<M> call{memory, record};
  Vector x = Vector::Constant(1, 0.37), gradient(1);
  const double value = product(x, gradient, call).value;
  CHECK(product(x, call).value == Approx(value).epsilon(1e-14));
  const long quiet = allocations();
  product(x, gradient, call);
  CHECK(allocations() == quiet);
  x[0] += 1e-5;
  const double above = product(x, call).value;
  x[0] -= 2e-5;
  CHECK(gradient[0] == Approx((above - product(x, call).value) / 2e-5).epsilon(1e-7));
}

TEST_CASE("a product has failed where a part has", "[bayes]") {
  const M memory{};
  M::Record record{};
  Vector gradient(1);
  CHECK_FALSE(product(Vector(Vector::Constant(1, 0.7)), gradient, Call<M>{memory, record}).usable());
}
