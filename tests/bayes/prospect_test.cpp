#include <mesaopt/bayes/prospect.hpp>

#include <cmath>

#include <Eigen/Core>

#include <mesaopt/bayes/kernels.hpp>
#include <mesaopt/bayes/log_expected_improvement.hpp>
#include <mesaopt/bayes/ranking_ensemble.hpp>
#include <mesaopt/core/objective.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd, Eigen::VectorXd;
using K = kernels::SquaredExponential;
using Prospect = detail::Prospect<K, LogExpectedImprovement, RankingEnsemble<K>>;

static_assert(Differentiable<Prospect, VectorXd>);

namespace {

struct Case {
  GaussianProcess<K> process{K{VectorXd{{0.3}}}, GaussianProcessSettings<double>{.noise = 1e-4}};
  GaussianProcess<Scaled<K>> feasibility{Scaled<K>{{9}, K{VectorXd{{0.3}}}},
                                         GaussianProcessSettings<double>{.noise = 1e-4}};
  RankingEnsemble<K> ensemble;
  Case() {
    const MatrixXd X{{0.1, 0.4, 0.7, 0.9}};
    process.fit(X, VectorXd{{1, 0.3, -0.4, 0.8}});
    feasibility.fit(X, VectorXd{{-3, -2, 1, 3}});  // of values that stand for the latent ones
    ensemble = RankingEnsemble<K>(process);
  }
};
struct Asked {
  using M = MemoryOf<Prospect, VectorXd>;
  M memory{};
  M::Record record{};
  Evaluation<double> operator()(const Prospect& f, const VectorXd& x) { return f(x, Call<M>{memory, record}); }
  Evaluation<double> operator()(const Prospect& f, const VectorXd& x, VectorXd& gradient) {
    return f(x, gradient, Call<M>{memory, record});
  }
};

}  // namespace

TEST_CASE("gradients of what a search promises itself agree with differences, and columns with points",
          "[bayes][prospect]") {
  const Case c;
  const double best = 0.35;
  for (int kind = 0; kind < 8; ++kind) {
    Prospect f = kind % 4 == 0   ? Prospect(c.process, best)
                 : kind % 4 == 1 ? Prospect(c.process, LogExpectedImprovement{}, best)
                 : kind % 4 == 2 ? Prospect(c.ensemble, best)
                                 : Prospect(c.ensemble, LogExpectedImprovement{}, best);
    if (kind >= 4) f.heed(c.feasibility, 0.5);
    Asked ask;
    const VectorXd x{{0.43}};
    VectorXd gradient(1), values;
    constexpr double h = 1e-6;
    const double value = ask(f, x, gradient).value;
    REQUIRE(std::isfinite(value));
    CHECK(ask(f, x).value == Approx(value).epsilon(1e-12));
    CHECK(gradient[0] ==
          Approx((ask(f, VectorXd{{0.43 + h}}).value - ask(f, VectorXd{{0.43 - h}}).value) / (2 * h)).epsilon(1e-5));
    f.values(MatrixXd{{0.43, 0.8}}, ask.record, values);
    CHECK(values[0] == Approx(value).epsilon(1e-12));
    // Where failure is more probable than success, there is no promise.
    CHECK(std::isfinite(values[1]) == (kind < 4));
    CHECK(ask(f, VectorXd{{0.8}}).usable() == (kind < 4));
  }
}

TEST_CASE("with failures, a mean promises its improvement times the probability of success", "[bayes][prospect]") {
  const Case c;
  Asked ask;
  const VectorXd x{{0.43}};
  const double mean = ask(Prospect(c.process, 0.35), x).value;
  Prospect f(c.process, 0.35);
  f.heed(c.feasibility, 0.5);
  Prediction<double> latent;
  c.feasibility.predict(x, latent);
  const double chance = std::erfc(latent.mean[0] / std::sqrt(2 * (1 + latent.variance[0]))) / 2;
  CHECK(ask(f, x).value == Approx(-std::log((0.35 - mean) * chance)).epsilon(1e-10));
  Prospect none(c.process, mean - 0.1);
  none.heed(c.feasibility, 0.5);
  CHECK_FALSE(ask(none, x).usable());
}
