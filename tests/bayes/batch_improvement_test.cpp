#include <mesaopt/bayes/batch_improvement.hpp>

#include <cmath>

#include <mesaopt/bayes/kernels.hpp>
#include <mesaopt/core/objective.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using kernels::Matern52;
using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;

namespace {

GaussianProcess<Matern52> process(double noise = 0.01) {
  Matrix X(2, 6);
  X << 0.1, 0.4, 0.75, 0.3, 0.95, 0.6, 0.9, 0.2, 0.6, 0.55, 0.05, 1.3;
  GaussianProcess<Matern52> gp(Matern52{Vector::LinSpaced(2, 0.6, 1.4)}, {.noise = noise, .mean = 0.25});
  gp.fit(X, (Vector(6) << 0.3, -0.7, 1.1, 0.2, -1.4, 0.9).finished());
  return gp;
}
struct Asked {
  BatchImprovement<Matern52> f;
  Workspace<BatchImprovement<Matern52>::Scratch> memory{};
  BatchImprovement<Matern52>::Scratch record{};
  using M = decltype(memory);

  Evaluation<double> operator()(const Vector& x) { return f(x, Call<M>{memory, record}); }
  Evaluation<double> operator()(const Vector& x, Vector& gradient) { return f(x, gradient, Call<M>{memory, record}); }
};
double gradient_error(Asked f, const Vector& x) {
  Vector gradient(x.size());
  CHECK(f(x, gradient).value == Approx(f(x).value).epsilon(1e-13));
  double worst = 0;
  for (Eigen::Index c = 0; c < x.size(); ++c) {
    const Vector step = 1e-6 * Vector::Unit(x.size(), c);
    worst = std::max(worst, std::abs(gradient[c] - (f(x + step).value - f(x - step).value) / 2e-6));
  }
  return worst;
}
const Vector pair = (Vector(4) << 1.2, -0.5, 0.5, -0.7).finished();

}  // namespace

static_assert(Differentiable<BatchImprovement<Matern52>, Vector>);

TEST_CASE("the improvement of two points is that of numerical integration", "[bayes]") {
  // scipy.integrate.quad over the one of the closed form of the other given it, in numpy with the same kernel.
  const auto gp = process();
  Asked f{batch_improvement(gp, -2.1, 2, {}, {.samples = 4096})};
  CHECK(std::exp(-f(pair).value) == Approx(0.38626674385028476).epsilon(2e-3));
  Vector swapped(4);
  swapped << pair.tail(2), pair.head(2);
  CHECK(std::exp(-f(swapped).value) == Approx(0.38626674385028476).epsilon(2e-3));
  // One of them alone, in closed form, and the other pending.
  Asked one{batch_improvement(gp, -2.1, 1, {}, {.samples = 4096})};
  CHECK(std::exp(-one(Vector(pair.head(2))).value) == Approx(0.2573106857310888).epsilon(2e-3));
  Asked beside{batch_improvement(gp, -2.1, 1, Matrix(pair.tail(2)), {.samples = 4096})};
  CHECK(std::exp(-beside(Vector(pair.head(2))).value) == Approx(0.38626674385028476).epsilon(2e-3));
}

TEST_CASE("gradients of the batch agree with differences, beside pending points too", "[bayes]") {
  const auto gp = process();
  const BatchSettings smooth{.samples = 32, .improvement_temperature = 0.1, .maximum_temperature = 0.1};
  CHECK(gradient_error({batch_improvement(gp, -0.5, 2, {}, smooth)}, pair) < 1e-6);
  CHECK(gradient_error(
            {batch_improvement(gp, -0.5, 2, Matrix(Matrix::Constant(2, 2, 0.3) + Matrix::Identity(2, 2)), smooth)},
            pair) < 1e-6);
  CHECK(gradient_error({batch_improvement(gp, -0.5, 2)}, pair) < 1e-3);
}

TEST_CASE("where no sample improves, the gradient still leads on", "[bayes]") {
  const auto gp = process();
  Asked f{batch_improvement(gp, -50.0, 2)};
  Vector gradient(4);
  const Evaluation<double> far = f(pair, gradient);
  CHECK(far.usable());
  CHECK(far.value > 10);
  CHECK(gradient.norm() > 1e-3);
  CHECK(f(Vector(pair - 1e-3 * gradient / gradient.norm())).value < far.value);
}

TEST_CASE("a second point at the first one's place or at an observation adds nothing and does no harm", "[bayes]") {
  const auto gp = process(1e-12);
  Asked one{batch_improvement(gp, -1.4, 1)}, two{batch_improvement(gp, -1.4, 2)};
  Vector twice(4), gradient(4);
  twice << pair.head(2), pair.head(2);
  CHECK(two(twice, gradient).value == Approx(one(Vector(pair.head(2))).value).margin(0.2));
  CHECK(gradient.allFinite());
  twice << pair.head(2), gp.points().col(3);
  CHECK(two(twice, gradient).value == Approx(one(Vector(pair.head(2))).value).margin(0.2));
  CHECK(gradient.allFinite());
  twice << gp.points().col(2), gp.points().col(3);
  CHECK(two(twice, gradient).usable());
  CHECK_FALSE(two(Vector(Vector::Constant(4, std::nan("")))).usable());
}

TEST_CASE("evaluating a batch again allocates nothing and answers the same", "[bayes]") {
  const auto gp = process();
  Asked f{batch_improvement(gp, -1.4, 2)}, other{batch_improvement(gp, -1.4, 2)};
  Vector gradient(4);
  const double value = f(pair, gradient).value;
  const long before = allocations();
  const double again = f(pair, gradient).value;
  CHECK(allocations() == before);
  CHECK(again == value);
  CHECK(other(pair).value == value);
}

TEST_CASE("settings and sizes that make no batch are refused", "[bayes]") {
  const auto gp = process();
  CHECK_THROWS_WITH(batch_improvement(gp, 0.0, 2, {}, {.samples = 0}), Catch::Matchers::Contains("got 0"));
  CHECK_THROWS_WITH(batch_improvement(gp, 0.0, 2, {}, {.improvement_temperature = 0}),
                    Catch::Matchers::Contains("must be positive, got 0"));
  CHECK_THROWS_WITH(batch_improvement(gp, 0.0, 0), Catch::Matchers::Contains("at least 1"));
  Asked f{batch_improvement(gp, 0.0, 2)};
  CHECK_THROWS_WITH(f(Vector(Vector::Zero(3))), Catch::Matchers::Contains("not 2 points"));
}
