#include <mesaopt/bayes/ranking_weights.hpp>

#include <cmath>

#include <mesaopt/bayes/kernels.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Vector = Eigen::VectorXd;
using Matrix = Eigen::MatrixXd;

TEST_CASE("a ranking loss counts the pairs in the wrong order", "[bayes]") {
  const Vector values = (Vector(4) << 1, 2, 3, 4).finished(), guesses = (Vector(4) << 10, 30, 20, 40).finished();
  CHECK(ranking_loss(guesses, values, 0) == 0);
  CHECK(ranking_loss(guesses, values, 1) == 1);
  CHECK(ranking_loss(guesses, values, 2) == 1);
  CHECK(ranking_loss(Vector(-guesses), values, 0) == 3);
  CHECK(ranking_loss(Vector(-guesses), values, 1) == 2);
}

TEST_CASE("weights are how often each is best, ties shared, those with the current one its own", "[bayes]") {
  Matrix losses(3, 4);
  losses << 1, 2, 5, 3,  //
      1, 4, 4, 3,        //
      2, 3, 4, 4;
  // Sample 0: shared by the two. 1: the first. 2: a tie with the current one. 3: shared.
  CHECK((ranking_weights(losses) - (Vector(3) << 2.0, 1.0, 1.0).finished() / 4).norm() < 1e-15);
}

TEST_CASE("what is mostly worse than the current one gets nothing, however often it is best by chance", "[bayes]") {
  Matrix losses(2, 20);
  losses.row(1).setConstant(5);
  losses.row(0).setConstant(9);
  losses.row(0).head(9).setConstant(1);
  CHECK(ranking_weights(losses) == (Vector(2) << 0, 1).finished());
  losses.row(0).head(11).setConstant(1);
  CHECK((ranking_weights(losses) - (Vector(2) << 0.55, 0.45).finished()).norm() < 1e-15);
}

TEST_CASE("losses of a process that knows the function are none, and without it about half the pairs", "[bayes]") {
  const Matrix X = Vector::LinSpaced(12, 0, 1).transpose();
  const Vector y = X.row(0).transpose().unaryExpr([](double u) { return std::sin(7 * u) + u; });
  using K = kernels::SquaredExponential;
  const K kernel{Vector::Constant(1, 0.3)};
  GaussianProcess<K> current(kernel, {.noise = 1e-6}), nothing(kernel);
  current.fit(X, y);
  const std::vector<Eigen::Index> firsts{0, 3, 6, 9, 11};
  Random random{1};
  Vector losses(400);
  ranking_losses(current, current, firsts, random, losses);
  CHECK(losses.mean() < 1);
  ranking_losses(nothing, current, firsts, random, losses);
  CHECK(losses.mean() == Approx(5 * 11 / 2.0).epsilon(0.1));
  // Left out, an observation is not known but from its neighbours.
  GaussianProcess<K> rough(K{Vector::Constant(1, 0.01)}, {.noise = 1e-6});
  rough.fit(X, y);
  ranking_losses(rough, rough, firsts, random, losses);
  CHECK(losses.mean() < 0.1);
  leave_one_out_ranking_losses(rough, firsts, random, losses);
  CHECK(losses.mean() > 15);
  leave_one_out_ranking_losses(current, firsts, random, losses);
  CHECK(losses.mean() < 5);
}
