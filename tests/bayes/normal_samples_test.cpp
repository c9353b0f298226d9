#include <mesaopt/bayes/normal_samples.hpp>

#include <cmath>

#include "support/catch.hpp"

using namespace mesaopt::detail;

TEST_CASE("quantiles are those of scipy's norm.ppf", "[bayes]") {
  CHECK(normal_quantile(0.975) == Approx(1.959963984540054).epsilon(1e-14));
  CHECK(normal_quantile(0.3) == Approx(-0.5244005127080407).epsilon(1e-14));
  CHECK(normal_quantile(1e-10) == Approx(-6.361340902404056).epsilon(1e-14));
  CHECK(normal_quantile(1e-300) == Approx(-37.0470962993612).epsilon(1e-14));
  CHECK(normal_quantile(0x1p-54) == Approx(-8.292361075813597).epsilon(1e-14));
  CHECK(std::abs(normal_quantile(0.5)) < 1e-15);
  CHECK(normal_quantile(0.975f) == Approx(1.95996f).epsilon(1e-5));
}

TEST_CASE("samples have the moments of normal numbers more closely than random ones", "[bayes]") {
  Eigen::MatrixXd samples(5, 1024), again(5, 1024);
  fill_normal_samples(3, samples);
  fill_normal_samples(3, again);
  CHECK(samples == again);
  CHECK(samples.rowwise().mean().lpNorm<Eigen::Infinity>() < 2e-3);  // of random ones 3e-2
  const Eigen::MatrixXd covariance = samples * samples.transpose() / 1024;
  CHECK((covariance - Eigen::MatrixXd::Identity(5, 5)).lpNorm<Eigen::Infinity>() < 3e-2);
}

TEST_CASE("samples of more dimensions than the sequence has are random", "[bayes]") {
  Eigen::MatrixXd samples(200, 100);
  fill_normal_samples(3, samples);
  CHECK(samples.allFinite());
  CHECK(samples.squaredNorm() / 20000 == Approx(1).epsilon(0.05));
}
