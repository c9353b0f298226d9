#include <mesaopt/nested/then.hpp>

#include <cmath>
#include <stdexcept>

#include <Eigen/Core>

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/evolution/cma_es.hpp>
#include <mesaopt/gradient/bfgs.hpp>
#include <mesaopt/gradient/lbfgs.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {

/// Ripples on a narrow bowl: Rastrigin's function, its coordinates scaled from 1 to 30 near the minimum.
struct Ripples {
  bool fails = false;
  int* left = nullptr;  ///< evaluations until it throws
  double operator()(const VectorXd& x) const {
    VectorXd unused(x.size());
    return (*this)(x, unused);
  }
  double operator()(const VectorXd& x, VectorXd& gradient) const {
    if (fails) return std::nan("");
    if (left != nullptr && --*left < 0) throw std::runtime_error("no more");
    double f = 0;
    for (Eigen::Index i = 0; i < x.size(); ++i) {
      const double a = std::pow(30.0, double(i) / double(x.size() - 1)), z = a * x[i];
      f += z * z + 2 - 2 * std::cos(3 * z);
      gradient[i] = a * (2 * z + 6 * std::sin(3 * z));
    }
    return f;
  }
};

const VectorXd x0 = VectorXd::Constant(6, 1.3);
const Search global{CmaEs{.step_size = 1, .population = 30, .seed = 3}, MaxEvaluations{2400}};
const Search local{Bfgs{}, GradientBelow{1e-9} || MaxIterations{200}};
const auto both = then(global, local);
using Both = decltype(both.optimizer);
using Running = RunOf<Both, WhenDone, Ripples, VectorXd>;

}  // namespace

TEST_CASE("a global search and then a local one find the bottom that neither finds alone", "[nested]") {
  const auto s = minimize(Ripples{}, x0, both);
  CHECK(s.status == Status::gradient_below);
  CHECK(s.x.norm() < 1e-9);
  CHECK(minimize(Ripples{}, x0, local).value > 1);
  CHECK(minimize(Ripples{}, x0, global).x.norm() > 1e-6);
  CHECK(s.counts[0].values == s.state.first.state.calls.counts[0].values);
  CHECK(s.counts[0].gradients == s.state.second.state.calls.counts[0].gradients);
  CHECK(s.counts[0].values == 2400);
}

TEST_CASE("the covariance becomes the inverse Hessian, and spares evaluations against a cold start", "[nested]") {
  const auto first = minimize(Ripples{}, x0, global);
  const auto cold = minimize(Ripples{}, first.x, local);
  const auto warm = minimize(Ripples{}, x0, both);
  CHECK(cold.x.norm() < 1e-8);
  CHECK(10 * warm.counts[0].gradients <= 7 * cold.counts[0].gradients);
}

TEST_CASE("an evaluation limit around the whole counts both searches", "[nested]") {
  const auto f = Ripples{};
  for (const int limit : {1000, 2405}) {
    const auto s = minimize(f, x0, both.optimizer, MaxEvaluations{limit});
    CHECK(s.status == Status::max_evaluations);
    CHECK(s.counts[0].evaluations() == std::uint64_t(limit));
  }
}

TEST_CASE("searches in sequence can be saved, loaded and copied in the middle", "[nested]") {
  Running run, copied, loaded;
  begin(Ripples{}, x0, both.optimizer, WhenDone{}, run);
  for (int k = 0; run.status == Status::running; ++k) {
    if (k == 40 || k == 83) {
      REQUIRE(run.state.handed_over == (k == 83));
      copied = run;
      load(save(run), loaded);
      for (Running* other : {&copied, &loaded}) {
        resume(Ripples{}, both.optimizer, WhenDone{}, *other);
        CHECK(other->status == Status::gradient_below);
      }
    }
    advance(Ripples{}, both.optimizer, WhenDone{}, run);
  }
  CHECK(identical(run, copied));
  CHECK(identical(run, loaded));
  begin(Ripples{}, x0, both.optimizer, WhenDone{}, copied);  // anew, in place
  resume(Ripples{}, both.optimizer, WhenDone{}, copied);
  CHECK(identical(run, copied));
}

TEST_CASE("without a usable point the second search is not begun", "[nested]") {
  const auto s = minimize(Ripples{.fails = true}, x0, both);
  CHECK(failed(s.status));
  CHECK_FALSE(s.state.handed_over);
}

TEST_CASE("an exception passes through, and the best point of both searches stands", "[nested]") {
  for (int calls : {700, 2410}) {
    int left = calls;
    const Ripples f{.left = &left};
    Running run;
    begin(f, x0, both.optimizer, WhenDone{}, run);
    CHECK_THROWS_AS(resume(f, both.optimizer, WhenDone{}, run), std::runtime_error);
    left = 100000;
    CHECK(best_evaluation(run).value == f(best_point(run)));
    resume(f, both.optimizer, WhenDone{}, run);
    CHECK(run.status == Status::gradient_below);
    CHECK(best_point(run).norm() < 1e-9);
  }
}

TEST_CASE("three searches in sequence are one", "[nested]") {
  const auto s = minimize(Ripples{}, x0, then(then(global, Search{Bfgs{}, MaxIterations{3}}), local));
  CHECK(s.status == Status::gradient_below);
  CHECK(s.x.norm() < 1e-9);
}

namespace {
/// ½ Σ aᵢ zᵢ² of a point that is reflected, so that no coordinate is an axis; a from 1 to 10^6.
struct Ellipsoid {
  double operator()(const VectorXd& x) const {
    VectorXd unused(x.size());
    return (*this)(x, unused);
  }
  double operator()(const VectorXd& x, VectorXd& gradient) const {
    const VectorXd v = VectorXd::LinSpaced(x.size(), 1, 2).normalized();
    VectorXd z = x - 2 * v.dot(x) * v;
    double f = 0;
    for (Eigen::Index i = 0; i < z.size(); ++i) {
      const double a = std::pow(1e6, double(i) / double(z.size() - 1));
      f += a * z[i] * z[i] / 2;
      z[i] *= a;
    }
    gradient = z - 2 * v.dot(z) * v;
    return f;
  }
};
}  // namespace

TEMPLATE_TEST_CASE("the covariance is the initial inverse Hessian of a local search", "[nested]", Bfgs, Lbfgs) {
  const Search evolving{CmaEs{.step_size = 1, .seed = 3}, MaxEvaluations{4000}};
  const Search nearby{TestType{}, GradientBelow{1e-9} || MaxIterations{1000}};
  const VectorXd start = VectorXd::Constant(8, 1.0);
  const auto first = minimize(Ellipsoid{}, start, evolving);
  // From far away, where the point alone is worth nothing.
  const struct {
    VectorXd x;
    const decltype(first.state)& state;
  } prior{start, first.state};
  const auto warm = nearby(Ellipsoid{}, prior), cold = nearby(Ellipsoid{}, start);
  CHECK(warm.status == Status::gradient_below);
  CHECK(warm.x.norm() < 1e-8);
  CHECK(4 * warm.counts[0].gradients <= cold.counts[0].gradients);
  CHECK(warm.counts[0].gradients <= 25);

  const auto whole = minimize(Ellipsoid{}, start, then(evolving, nearby));
  CHECK(whole.counts[0].gradients <= warm.counts[0].gradients);
}
