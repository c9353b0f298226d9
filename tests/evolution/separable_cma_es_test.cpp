#include <mesaopt/evolution/separable_cma_es.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/evolution/cma_es.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {
enum class Kind { ellipsoid, hyper_ellipsoid, powers };
/// Σ 10^(6 i / (n − 1)) x_i²; or Σ (i + 1)² x_i²; or Σ |x_i|^(2 + 10 i / (n − 1))
struct Ellipsoid {
  Kind kind = Kind::ellipsoid;
  double operator()(const VectorXd& x) const {
    double sum = 0;
    for (Eigen::Index i = 0; i < x.size(); ++i) {
      const double share = double(i) / double(x.size() - 1);
      if (kind == Kind::powers)
        sum += std::pow(std::abs(x[i]), 2 + 10 * share);
      else
        sum += (kind == Kind::ellipsoid ? std::pow(1e6, share) : double((i + 1) * (i + 1))) * x[i] * x[i];
    }
    return sum;
  }
};

SeparableDistribution<VectorXd> distribution(Eigen::Index n, Eigen::Index lambda) {
  SeparableDistribution<VectorXd> d;
  d.mean = VectorXd::LinSpaced(n, -1, 1);
  d.step_size = 0.7;
  d.variances = VectorXd::LinSpaced(n, 0.5, 3);
  REQUIRE(d.begin(lambda, true));
  return d;
}
}  // namespace

TEST_CASE("one generation teaches the variances what the equations of the tutorial say", "[separable_cma_es]") {
  const Eigen::Index n = 5, lambda = 8;
  auto d = distribution(n, lambda);
  const auto before = d;
  Random random{.seed = 4};
  MatrixXd draws(n, lambda), steps(n, lambda);
  random.fill_normal(draws);
  d.shape(draws, steps);
  CHECK((steps - before.variances.cwiseSqrt().asDiagonal() * draws).norm() < 1e-14);
  const std::vector<Eigen::Index> order{3, 1, 4, 0, 5, 7, 2, 6};
  d.learn(order, draws, steps);

  // Equations (42) to (47), with the covariance's diagonal alone.
  const auto& p = d.parameters;
  VectorXd y_w = VectorXd::Zero(n), z_w = VectorXd::Zero(n);
  for (Eigen::Index i = 0; i < p.mu; ++i) {
    y_w += p.weights[i] * steps.col(order[std::size_t(i)]);
    z_w += p.weights[i] * draws.col(order[std::size_t(i)]);
  }
  CHECK((d.mean - (before.mean + 0.7 * y_w)).norm() < 1e-14);
  const VectorXd p_sigma = std::sqrt(p.c_sigma * (2 - p.c_sigma) * p.mu_eff) * z_w;
  CHECK((d.conjugate_path - p_sigma).norm() < 1e-14);
  CHECK(d.step_size == Approx(0.7 * std::exp(p.c_sigma / p.d_sigma * (p_sigma.norm() / p.chi_n - 1))).epsilon(1e-14));
  REQUIRE(p_sigma.norm() / std::sqrt(1 - std::pow(1 - p.c_sigma, 2)) < (1.4 + 2.0 / (n + 1)) * p.chi_n);
  const VectorXd p_c = std::sqrt(p.c_c * (2 - p.c_c) * p.mu_eff) * y_w;
  CHECK((d.evolution_path - p_c).norm() < 1e-14);
  VectorXd variances = (1 - p.c_1 - p.c_mu * p.weights.sum()) * before.variances + p.c_1 * p_c.cwiseAbs2();
  for (Eigen::Index i = 0; i < lambda; ++i) {
    const Eigen::Index k = order[std::size_t(i)];
    const double w = p.weights[i] < 0 ? p.weights[i] * double(n) / draws.col(k).squaredNorm() : p.weights[i];
    variances += p.c_mu * w * steps.col(k).cwiseAbs2();
  }
  CHECK((d.variances - variances).norm() < 1e-14);
}

TEST_CASE("learning rates are (n + 2) / 3 times those of the full covariance", "[separable_cma_es]") {
  const auto d = distribution(20, 12);
  CmaParameters<double> full;
  full.set(20, 12, true);
  CHECK(d.parameters.c_1 == Approx(full.c_1 * 22 / 3));
  CHECK(d.parameters.c_mu == Approx(full.c_mu * 22 / 3));
  CHECK(d.parameters.c_1 + d.parameters.c_mu <= 1);
}

TEST_CASE("a separable ellipsoid takes no more evaluations than libcmaes' separable active variant",
          "[separable_cma_es]") {
  // Medians of 15 seeds to 1e-8, from x0 uniform in [-2, 2]^n: libcmaes needs 2390 at n = 10 and 11 520 at n = 40.
  for (const auto& [n, most] : {std::pair{10, 2390.0}, std::pair{40, 11520.0}}) {
    std::vector<double> evaluations;
    for (std::uint64_t seed = 1; seed <= 15; ++seed) {
      Random random{.seed = seed, .stream = 9};
      VectorXd x0(n);
      for (double& v : x0) v = random.uniform(-2.0, 2.0);
      const auto s = minimize(Ellipsoid{}, x0, SeparableCmaEs{.seed = seed}, TargetReached{1e-8});
      REQUIRE(s.status == Status::target_reached);
      evaluations.push_back(double(s.counts[0].evaluations()));
    }
    std::sort(evaluations.begin(), evaluations.end());
    CHECK(evaluations[7] <= 1.05 * most);
  }
}

TEST_CASE("the separable CMA-ES takes the evaluations that Ros and Hansen have published", "[separable_cma_es]") {
  // Ros and Hansen (2008), tables 2 and 3, without negative weights. At the end of the different powers the variances
  // differ by more than a full covariance could bear.
  struct Published {
    Kind kind;
    Eigen::Index n;
    double target, evaluations;
  };
  for (const auto& [kind, n, target, published] :
       {Published{Kind::hyper_ellipsoid, 30, 1e-10, 5.9e3}, Published{Kind::powers, 30, 1e-20, 9.6e3},
        Published{Kind::ellipsoid, 20, 1e-9, 5.4e3}}) {
    double mean = 0;
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
      const SeparableCmaEs es{.step_size = 1, .seed = seed, .active = false, .value_tolerance = 0};
      const auto s =
          minimize(Ellipsoid{kind}, VectorXd(VectorXd::Ones(n)), es, TargetReached{target} || MaxEvaluations{20'000});
      CHECK(s.status == Status::target_reached);
      mean += double(s.counts[0].evaluations()) / 5;
    }
    CHECK(mean == Approx(published).epsilon(0.12));
  }
}

TEST_CASE("a step allocates nothing, and a run saved in the middle goes on with the same bits", "[separable_cma_es]") {
  const SeparableCmaEs es{};
  SeparableCmaEs::State<VectorXd> state, loaded;
  const Ellipsoid f;
  es.init(f, VectorXd(VectorXd::Constant(30, 1.0)), state);
  es.step(f, state);
  const long before = allocations();
  for (int i = 0; i < 50; ++i) es.step(f, state);
  CHECK(allocations() == before);
  load(save(state), loaded);
  for (int i = 0; i < 20; ++i) {
    es.step(f, state);
    es.step(f, loaded);
  }
  CHECK(identical(state, loaded));
}

TEST_CASE("variances go on to a full covariance, and its diagonal to variances", "[separable_cma_es]") {
  const Ellipsoid f;
  const VectorXd x0 = VectorXd::Constant(8, 1.0);
  const auto first = minimize(f, x0, SeparableCmaEs{}, TargetReached{1e-4});
  const auto cold = minimize(f, first.x, CmaEs{}, TargetReached{1e-10});
  const auto warm = minimize(f, first, CmaEs{}, TargetReached{1e-10});
  CHECK(warm.status == Status::target_reached);
  CHECK(2 * warm.counts[0].evaluations() < cold.counts[0].evaluations());
  const auto back = minimize(f, warm, SeparableCmaEs{}, TargetReached{1e-14});
  CHECK(back.status == Status::target_reached);
  CHECK(2 * back.counts[0].evaluations() < cold.counts[0].evaluations());
}
