#include <mesaopt/bayes/surrogate.hpp>

#include <cmath>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/bayes/kernels.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd, Eigen::VectorXd;

namespace {

/// Answers the start itself, and counts.
struct NoSearch {
  int* calls;
  struct Found {
    VectorXd x;
    double value;
    Evaluation<double> evaluation;
  };
  template <class F>
  Found operator()(const F& f, const VectorXd& start) const {
    ++*calls;
    CHECK(f.box().contains(start));
    return {start, 0, Evaluation<double>(0.0)};
  }
};

}  // namespace

TEST_CASE("a surrogate of 60 observations is fitted again at 63 and grows in between", "[bayes][surrogate]") {
  using K = kernels::SquaredExponential;
  const GaussianProcess<K> blank(K{VectorXd::Constant(1, 0.3)}, GaussianProcessSettings<double>{.noise = 1e-6});
  int calls = 0;
  Observations all(1);
  Surrogate<K> surrogate;
  const auto add = [&](int count) {
    for (int k = 0; k < count; ++k) {
      const double x = double(all.size() % 50) / 50 + double(all.size() / 50) / 130;
      all.add(VectorXd{{x}}, 5 + std::sin(6 * x));
    }
    surrogate.follow(all, {}, blank, {}, NoSearch{&calls});
  };
  add(60);
  const auto fits = surrogate.fits;
  add(1), add(1);
  CHECK(surrogate.fits == fits);
  CHECK(surrogate.process.size() == 62);
  add(1);
  CHECK(surrogate.fits == fits + 1);
  CHECK(calls >= 2);

  Prediction<double> prediction;
  surrogate.process.predict(MatrixXd{{0.31}}, prediction);
  CHECK(prediction.mean[0] == Approx(surrogate.scale(5 + std::sin(6 * 0.31))).epsilon(1e-3));
}

TEST_CASE("a surrogate takes a failure for the worst value and adds what fills the wells", "[bayes][surrogate]") {
  using K = kernels::SquaredExponential;
  Observations all(1);
  all.add(VectorXd{{0.25}}, 1);
  all.add(VectorXd{{0.5}}, 7);
  all.add(VectorXd{{0.75}}, std::nan(""));
  const std::vector<Well> wells{{VectorXd{{0.25}}, MatrixXd{{1e4}}, 2}};
  CHECK(Surrogate<K>::raw(all, wells, 0) == 3);
  CHECK(Surrogate<K>::raw(all, wells, 1) == Approx(7));
  CHECK(Surrogate<K>::raw(all, wells, 2) == 7);
}
