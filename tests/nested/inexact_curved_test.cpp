// Inexact inner runs of inner problems that are not quadratic.

#include <mesaopt/nested/inexact.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include <Eigen/Core>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/gradient/gradient_descent.hpp>
#include <mesaopt/gradient/lbfgs.hpp>
#include <mesaopt/nested/implicit.hpp>
#include <mesaopt/nested/nested.hpp>
#include <mesaopt/nested/response.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

constexpr Eigen::Index features = 6;

/// Examples of two classes, by a teacher, with a few wrong labels; features in units from 1/3 to 3.
struct Examples {
  MatrixXd inputs;
  VectorXd signs;
  explicit Examples(std::uint64_t seed) : inputs(40, features), signs(40) {
    Random random = Random{.seed = 3}.split(seed);
    for (Eigen::Index i = 0; i < inputs.rows(); ++i) {
      VectorXd row(features);
      random.fill_normal(row);
      signs[i] = row.sum() - 2 * row[0] + random.normal<double>() > 0 ? 1 : -1;
      for (Eigen::Index j = 0; j < features; ++j) row[j] *= std::pow(3.0, double(j) / 2.5 - 1);
      inputs.row(i) = row;
    }
  }
  /// Mean of log(1 + e^−z) over the margins z.
  double loss(const VectorXd& w, VectorXd& gradient) const {
    double value = 0;
    gradient.setZero(w.size());
    for (Eigen::Index i = 0; i < signs.size(); ++i) {
      const double z = signs[i] * inputs.row(i).dot(w), e = std::exp(-std::abs(z));
      value += (std::log1p(e) + std::max(-z, 0.0)) / double(signs.size());
      gradient -= signs[i] * (z > 0 ? e : 1.0) / (1 + e) / double(signs.size()) * inputs.row(i).transpose();
    }
    return value;
  }
};
const Examples seen(1), held_out(2);

/// Logistic regression with a penalty for each feature, e^x / 2 · w²; or, with `quartic`, e^x / 4 · w⁴ as well.
struct Training {
  bool quartic;
  double operator()(const VectorXd& x, const VectorXd& w, VectorXd& gradient) const {
    double value = seen.loss(w, gradient);
    for (Eigen::Index j = 0; j < w.size(); ++j) {
      const double a = std::exp(x[j]), w2 = w[j] * w[j], bent = quartic ? 10.0 : 0.0;
      value += a * (w2 / 2 + bent * w2 * w2 / 4);
      gradient[j] += a * w[j] * (1 + bent * w2);
    }
    return value;
  }
};
/// The loss on others, and a little of |x|², without which a penalty may be driven to nothing.
struct HeldOut {
  double operator()(const VectorXd& x, const VectorXd& w) const {
    VectorXd unused;
    return held_out.loss(w, unused) + 0.01 * x.squaredNorm();
  }
  double operator()(const VectorXd& x, const VectorXd& w, VectorXd& gx, VectorXd& gw) const {
    gx = 0.02 * x;
    return held_out.loss(w, gw) + 0.01 * x.squaredNorm();
  }
};

// Gradient descent comes nearer by a constant factor a step, so that every digit that is not asked for is saved.
const Search inner{GradientDescent{.learning_rate = 0.25}, GradientBelow{1e-12} || MaxIterations{20000}};
const VectorXd zero = VectorXd::Zero(features), x0 = VectorXd::Constant(features, -1);

}  // namespace

TEST_CASE("with inexact inner runs of curved problems every step lowers the outer objective itself, and most is saved",
          "[nested]") {
  for (const bool quartic : {false, true}) {
    const auto F =
        nested(HeldOut{}, response(family(Training{quartic}), inner, warm(zero)), Implicit{.dense_limit = 0});
    // The outer objective as it is: solved anew from nothing, to the end.
    const auto itself = [&](const VectorXd& x) {
      const auto w = response(family(Training{quartic}), inner, zero)(x);
      CHECK(w.status == Status::gradient_below);
      return HeldOut{}(x, w.x);
    };
    using Method = Inexact<Lbfgs>;
    const Method method{};
    Method::State<VectorXd, MemoryOf<decltype(F), VectorXd>> state;
    method.init(F, x0, state);
    double before = itself(x0);
    int loose = 0, steps = 0;
    while (steps < 40 && state.gradient.norm() > 1e-6 && state.status == Status::running) {
      method.step(F, state);
      const double now = itself(state.x);
      CHECK(now < before);
      loose += std::abs(now - state.value) > 1e-9;
      before = now;
      ++steps;
    }
    CHECK(state.gradient.norm() <= 1e-6);
    CHECK(loose > 2);  // or the tolerances were none

    const auto exact = minimize(F, x0, Lbfgs{}, GradientBelow{1e-6} || MaxIterations{200});
    CHECK(before == Approx(exact.value).epsilon(1e-8));
    CAPTURE(quartic, steps, exact.counts[0].iterations, state.calls.counts[1].gradients, exact.counts[1].gradients);
    CHECK(4 * state.calls.counts[1].gradients < 3 * exact.counts[1].gradients);
  }
}
