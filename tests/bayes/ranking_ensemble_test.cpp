#include <mesaopt/bayes/ranking_ensemble.hpp>

#include <cmath>
#include <limits>

#include <mesaopt/bayes/kernels.hpp>
#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Vector = Eigen::VectorXd;
using Matrix = Eigen::MatrixXd;

namespace {

using K = kernels::SquaredExponential;
double height(double u) { return std::sin(9 * u) + u; }
Matrix grid(Eigen::Index n) { return Vector::LinSpaced(n, 0.02, 0.98).transpose(); }

/// The process of a task whose values are factor * height(u + shift) + 100, at n points.
GaussianProcess<K> task(double factor, double shift, Eigen::Index n) {
  const Vector values =
      grid(n).row(0).transpose().unaryExpr([&](double u) { return factor * height(u + shift) + 100; });
  return earlier_process(K{Vector::Constant(1, 0.2)}, grid(n), values, {.noise = 1e-4});
}

/// The root of the mean squared error of the standardized height, up to a factor and a constant of the best fit.
double error(const RankingEnsemble<K>& ensemble) {
  RankingEnsemble<K>::Predicted out;
  ensemble.predict(grid(101), out);
  const Vector truth = grid(101).row(0).transpose().unaryExpr(&height);
  const Vector a = truth.array() - truth.mean(), b = out.mean.array() - out.mean.mean();
  return (a / a.norm() - b / b.norm()).norm();
}

}  // namespace

TEST_CASE("a task like the current one gets weight and helps, a misleading one gets none and does no harm", "[bayes]") {
  Random random{3};
  RankingEnsemble<K> alone(task(1, 0, 4)), helped = alone, misled = alone, both = alone;
  helped.add(task(30, 0.005, 30));
  misled.add(task(-1, 0, 30));
  both.add(task(-1, 0, 30));
  both.add(task(30, 0.005, 30));
  CHECK(helped.weights() == Vector::Constant(2, 0.5));
  for (auto* ensemble : {&alone, &helped, &misled, &both}) ensemble->weigh(random);
  CHECK(helped.weights()[0] > 0.6);
  CHECK(error(helped) < 0.5 * error(alone));
  CHECK(misled.weights() == (Vector(2) << 0, 1).finished());
  CHECK(error(misled) == error(alone));
  CHECK(both.weights()[0] == 0);
  CHECK(both.weights()[1] > 0.6);
  CHECK(both.weights().sum() == Approx(1).epsilon(1e-14));
}

TEST_CASE("a current task that is known well needs no other", "[bayes]") {
  Random random{3};
  RankingEnsemble<K> ensemble(task(1, 0, 40));
  ensemble.add(task(1, 0.3, 30));
  ensemble.weigh(random, 128, 10);
  CHECK(ensemble.weights() == (Vector(2) << 0, 1).finished());
}

TEST_CASE("an ensemble's mean and variance are the weighted ones, with their gradients", "[bayes]") {
  Random random{3};
  RankingEnsemble<K> ensemble(task(1, 0, 5));
  ensemble.add(task(2, 0.05, 20));
  ensemble.add(task(2, 0.5, 20));
  const auto check = [&] {
    const Vector& w = ensemble.weights();
    const Matrix Q = grid(7);
    RankingEnsemble<K>::Predicted out, up, down;
    Prediction<double> of_a, of_b, of_current;
    ensemble.predict_with_gradients(Q, out);
    ensemble.earlier()[0].predict(Q, of_a);
    ensemble.earlier()[1].predict(Q, of_b);
    ensemble.current().predict(Q, of_current);
    CHECK((out.mean - w[0] * of_a.mean - w[1] * of_b.mean - w[2] * of_current.mean).norm() < 1e-13);
    CHECK((out.variance - w[0] * w[0] * of_a.variance - w[1] * w[1] * of_b.variance - w[2] * w[2] * of_current.variance)
              .norm() < 1e-13);
    ensemble.predict(Q.array() + 1e-5, up);
    ensemble.predict(Q.array() - 1e-5, down);
    CHECK((out.mean_gradient.transpose() - (up.mean - down.mean) / 2e-5).norm() < 1e-6);
    CHECK((out.variance_gradient.transpose() - (up.variance - down.variance) / 2e-5).norm() < 1e-6);
    CHECK(ensemble.prior_variance(Q.col(0)) == Approx(w.squaredNorm()));
  };
  check();
  ensemble.weigh(random);
  CHECK(ensemble.weights() != Vector::Constant(3, 1.0 / 3));
  check();
}

TEST_CASE("weights are those of their random stream, and two observations leave them equal", "[bayes]") {
  Random random{3}, same{3};
  RankingEnsemble<K> a(task(1, 0, 6)), two(task(1, 0, 2));
  a.add(task(2, 0.1, 20));
  RankingEnsemble<K> b = a;
  a.weigh(random);
  b.weigh(same);
  CHECK(identical(a, b));
  RankingEnsemble<K> loaded;
  load(save(a), loaded);
  CHECK(identical(a, loaded));
  two.add(task(-1, 0, 20));
  two.weigh(random);
  CHECK(two.weights() == Vector::Constant(2, 0.5));
  CHECK_THROWS_AS(a.weigh(random, 0), std::invalid_argument);
}

TEST_CASE("predictions of an ensemble allocate nothing from the second time on", "[bayes]") {
  RankingEnsemble<K> ensemble(task(1, 0, 200));
  ensemble.add(task(2, 0.1, 150));
  const Matrix Q = grid(70);
  RankingEnsemble<K>::Predicted out;
  ensemble.predict_with_gradients(Q, out);
  const long before = allocations();
  ensemble.predict_with_gradients(Q, out);
  ensemble.predict(Q, out);
  CHECK(allocations() == before);
}

TEST_CASE("earlier processes are standardized, and do without failed observations", "[bayes]") {
  Vector values = (Vector(4) << 3, std::nan(""), 7, std::numeric_limits<double>::infinity()).finished();
  const auto process = earlier_process(K{}, grid(4), values);
  CHECK(process.size() == 2);
  CHECK(process.values() == (Vector(2) << -1, 1).finished());
  CHECK(process.points().col(1) == grid(4).col(2));
  values.setConstant(std::nan(""));
  CHECK_THROWS_WITH(earlier_process(K{}, grid(4), values), Catch::Matchers::Contains("at least one finite value"));
  CHECK(earlier_process(K{}, grid(4), Vector(Vector::Constant(4, 5))).values().isZero(0));
}
