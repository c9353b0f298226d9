#include <mesaopt/bayes/joint_posterior.hpp>

#include <mesaopt/bayes/kernels.hpp>
#include <mesaopt/bayes/posterior.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using kernels::Matern52;
using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;

namespace {
GaussianProcess<Matern52> process(bool empty = false) {
  Matrix X(2, 6);
  X << 0.1, 0.4, 0.75, 0.3, 0.95, 0.6, 0.9, 0.2, 0.6, 0.55, 0.05, 1.3;
  GaussianProcess<Matern52> gp(Matern52{Vector::LinSpaced(2, 0.6, 1.4)}, {.noise = 0.01, .mean = 0.25});
  if (!empty) gp.fit(X, (Vector(6) << 0.3, -0.7, 1.1, 0.2, -1.4, 0.9).finished());
  return gp;
}
Matrix queries() {
  Matrix Q(2, 3);
  Q << 0.5, 0.1, 2, 0.5, 0.9, -1;
  return Q;
}
/// A number that depends on all of the posterior.
double number(const JointPosterior<double>& p, const Vector& by_mean, const Matrix& by_covariance) {
  return p.mean.dot(by_mean) + p.covariance.cwiseProduct(by_covariance).sum();
}
}  // namespace

TEST_CASE("the joint posterior is that of predict_jointly", "[bayes]") {
  for (const bool empty : {false, true}) {
    const auto gp = process(empty);
    JointPosterior<double> joint;
    Prediction<double> prediction;
    Matrix covariance;
    predict(gp, queries(), joint);
    predict_jointly(gp, queries(), prediction, covariance);
    CHECK((joint.mean - prediction.mean).norm() < 1e-14);
    CHECK((joint.covariance - covariance).norm() < 1e-14);
  }
}

TEST_CASE("derivatives pulled through the joint posterior agree with differences", "[bayes]") {
  const Vector by_mean = (Vector(3) << 0.7, -1.1, 0.4).finished();
  Matrix by_covariance(3, 3), by_points;
  by_covariance << 1, -0.3, 0.6, -0.3, 0.5, 2, 0.6, 2, -1;
  for (const bool empty : {false, true}) {
    const auto gp = process(empty);
    Matrix Q = queries();
    JointPosterior<double> joint, moved;
    predict(gp, Q, joint);
    pull(gp, Q, joint, by_mean, by_covariance, by_points);
    for (Eigen::Index k = 0; k < 6; ++k) {
      Q.data()[k] += 1e-5;
      predict(gp, Q, moved);
      const double above = number(moved, by_mean, by_covariance);
      Q.data()[k] -= 2e-5;
      predict(gp, Q, moved);
      const double below = number(moved, by_mean, by_covariance);
      Q.data()[k] += 1e-5;
      CHECK(by_points.data()[k] == Approx((above - below) / 2e-5).margin(1e-7));
    }
  }
}

TEST_CASE("a joint posterior and its derivatives a second time allocate nothing", "[bayes]") {
  const auto gp = process();
  const Matrix Q = queries(), by_covariance = Matrix::Ones(3, 3);
  const Vector by_mean = Vector::Ones(3);
  Matrix by_points;
  JointPosterior<double> joint;
  predict(gp, Q, joint);
  pull(gp, Q, joint, by_mean, by_covariance, by_points);
  const long before = allocations();
  predict(gp, Q, joint);
  pull(gp, Q, joint, by_mean, by_covariance, by_points);
  CHECK(allocations() == before);
  CHECK_THROWS_AS(predict(gp, Matrix(Matrix::Zero(3, 1)), joint), std::invalid_argument);
}
