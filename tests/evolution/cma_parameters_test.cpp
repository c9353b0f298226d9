#include <mesaopt/evolution/cma_parameters.hpp>

#include <cmath>

#include "support/catch.hpp"

using namespace mesaopt;

namespace {
CmaParameters<double> parameters(Eigen::Index n, Eigen::Index lambda, bool active = true) {
  CmaParameters<double> p;
  p.set(n, lambda, active);
  return p;
}
}  // namespace

TEST_CASE("weights and learning rates of the covariance are those of pycma 4.5", "[evolution][cma]") {
  const auto p = parameters(10, 10);
  CHECK(p.mu == 5);
  CHECK(p.mu_eff == Approx(3.1672992814107017).epsilon(1e-14));
  CHECK(p.c_1 == Approx(0.015283824524751714).epsilon(1e-14));
  CHECK(p.c_mu == Approx(0.02355177665041747).epsilon(1e-14));
  CHECK(p.c_c == Approx(0.29499038303562225).epsilon(1e-14));
  CHECK(p.weights[0] == Approx(0.45627264690340597).epsilon(1e-14));
  CHECK(p.weights[9] == Approx(-0.5497499176973853).epsilon(1e-13));
  CHECK(p.weights.sum() == Approx(-0.6489457144406467).epsilon(1e-13));
  CHECK(p.chi_n == Approx(3.0847265651690123).epsilon(1e-14));

  const auto q = parameters(40, 15);
  CHECK(q.mu_eff == Approx(4.5409152090759575).epsilon(1e-14));
  CHECK(q.c_1 == Approx(0.0011694327252618397).epsilon(1e-14));
  CHECK(q.c_mu == Approx(0.003405219643706347).epsilon(1e-14));
  CHECK(q.weights[14] == Approx(-0.3083672593205417).epsilon(1e-13));

  const auto r = parameters(2, 6);
  CHECK(r.weights.sum() == Approx(-1.207323654840602).epsilon(1e-13));
}

TEST_CASE("step-size adaptation follows equation (55) of the tutorial with the learning rate of pycma",
          "[evolution][cma]") {
  const auto p = parameters(10, 10);
  CHECK(p.c_sigma == Approx((p.mu_eff + 2) / (10 + p.mu_eff + 3)).epsilon(1e-15));
  CHECK(p.d_sigma == Approx(1 + p.c_sigma).epsilon(1e-15));
  const auto large = parameters(2, 1000);
  CHECK(large.d_sigma == Approx(1 + 2 * (std::sqrt((large.mu_eff - 1) / 3) - 1) + large.c_sigma).epsilon(1e-14));
}

TEST_CASE("the covariance stays positive definite whatever the sizes", "[evolution][cma]") {
  for (const Eigen::Index n : {1, 2, 3, 10, 100, 1000})
    for (const Eigen::Index lambda : {2, 3, 4, 7, 20, 500}) {
      CAPTURE(n, lambda);
      const auto p = parameters(n, lambda);
      CHECK(p.weights.head(p.mu).sum() == Approx(1).epsilon(1e-13));
      CHECK(p.weights.head(p.mu).minCoeff() > 0);
      CHECK(p.weights.tail(lambda - p.mu).maxCoeff() <= 0);
      CHECK(p.c_1 + p.c_mu <= 1 + 1e-15);
      // What the negative weights can take from a variance of 1, all together: n each, by equation (46).
      const double taken = -p.c_mu * double(n) * p.weights.tail(lambda - p.mu).sum();
      CHECK(taken <= 1 - p.c_1 - p.c_mu + 1e-14);
      CHECK(p.c_sigma < 1);
      CHECK(p.mu_eff >= 1);
    }
}

TEST_CASE("without negative weights the better half alone counts", "[evolution][cma]") {
  const auto p = parameters(10, 10, false);
  CHECK(p.weights.tail(5).isZero(0));
  CHECK(p.weights.head(5) == parameters(10, 10).weights.head(5));
}
