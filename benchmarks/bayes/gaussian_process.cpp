// What the parts of a suggestion of Bayesian optimization cost that a Gaussian process answers for, in 6 dimensions:
// one likelihood with its gradient, a fit of the hyperparameters from scratch, the mean of ten after one more
// observation each, which start from the one before, and predictions.

#include <chrono>
#include <cmath>
#include <cstdio>
#include <functional>
#include <limits>
#include <vector>

#include <mesaopt/bayes/gaussian_process.hpp>
#include <mesaopt/bayes/kernels.hpp>
#include <mesaopt/bayes/likelihood.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/core/sobol.hpp>
#include <mesaopt/gradient/lbfgs.hpp>

namespace {

using namespace mesaopt;
using Vector = Eigen::VectorXd;
using Matrix = Eigen::MatrixXd;
using Process = GaussianProcess<kernels::Matern52>;

/// The least time in milliseconds of one call, over about a tenth of a second.
double least_time(const std::function<void()>& call) {
  using Clock = std::chrono::steady_clock;
  double least = std::numeric_limits<double>::infinity(), spent = 0;
  while (spent < 100) {
    const auto began = Clock::now();
    call();
    const double milliseconds = std::chrono::duration<double, std::milli>(Clock::now() - began).count();
    least = std::min(least, milliseconds);
    spent += milliseconds;
  }
  return least;
}

/// A smooth function with a few humps, standardized well enough.
double value(const Vector& x) {
  double sum = 0;
  for (Eigen::Index c = 0; c < x.size(); ++c) sum += std::sin(4 * x[c] + double(c)) / (1 + 0.5 * double(c));
  return sum + 0.5 * std::exp(-8 * (x.array() - 0.4).square().sum());
}

Process process(Eigen::Index n, Eigen::Index d) {
  Matrix X(d, n);
  for (Eigen::Index i = 0; i < X.size(); ++i)
    X.data()[i] = std::fmod(0.754877666 * double(i + 1) * double(i % 89 + 1), 1);
  Vector y(n);
  for (Eigen::Index i = 0; i < n; ++i) y[i] = value(X.col(i));
  Process gp(kernels::Matern52{Vector::Constant(d, 1)}, {.noise = 1e-3, .noise_floor = 1e-8});
  gp.fit(X, y);
  return gp;
}

}  // namespace

int main() {
  const Eigen::Index d = 6;
  std::printf(
      "| observations | likelihood and gradient | first fit (evaluations) | refit (evaluations) |"
      " 1 prediction, gradients | 256 predictions |\n| --- | --- | --- | --- | --- | --- |\n");
  for (const Eigen::Index n : {25, 50, 100, 200, 400}) {
    const Process gp = process(n, d);
    using Likelihood = GaussianProcessLikelihood<kernels::Matern52>;
    const Likelihood f = likelihood(gp, DimensionScaledPriors{});
    Likelihood::Scratch record;
    const Likelihood::Memory<Vector> memory;
    const Vector start = gp.parameters();
    Vector gradient(start.size());
    const double once = least_time([&] { f(start, gradient, Call<Likelihood::Memory<Vector>>{memory, record}); });
    const auto stopping = GradientBelow{0.1} || MaxIterations{100};
    auto first = minimize(f, start, Lbfgs{}, stopping);
    const double fit = least_time([&] { first = minimize(f, start, Lbfgs{}, stopping); });
    // The next ten observations, one after another, each fit from the one before.
    Process more = gp;
    auto second = first;
    double refit = 0;
    long evaluations = 0;
    const int steps = 10;
    for (int k = 0; k < steps; ++k) {
      more.set_parameters(second.x);
      Vector x(d);
      for (Eigen::Index c = 0; c < d; ++c) x[c] = std::fmod(0.3819660113 * double((7 * k + c + 1) * (c + 2)), 1);
      more.append(x, value(x));
      const Likelihood next = likelihood(more, DimensionScaledPriors{});
      const auto last = second;
      refit += least_time([&] { second = minimize(next, last, Lbfgs{}, stopping); }) / steps;
      evaluations += long(second.counts[0].gradients);
    }
    Matrix Q(d, 256);
    for (Eigen::Index i = 0; i < Q.size(); ++i) Q.data()[i] = std::fmod(0.569840291 * double(i + 1), 1);
    const Matrix q = Q.leftCols(1);
    Prediction<double> one, many;
    const double single = least_time([&] { more.predict_with_gradients(q, one); });
    const double batch = least_time([&] { more.predict(Q, many); });
    std::printf("| %ld | %.3f ms | %.2f ms (%ld) | %.2f ms (%.1f) | %.4f ms | %.3f ms |\n", long(n), once, fit,
                long(first.counts[0].gradients), refit, double(evaluations) / steps, single, batch);
    std::fflush(stdout);
  }
}
