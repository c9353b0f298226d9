#include <mesaopt/direct/quadratic_interpolation.hpp>

#include <cmath>
#include <utility>

#include <Eigen/Core>

#include "support/catch.hpp"

using Eigen::VectorXd;
using Model = mesaopt::detail::QuadraticInterpolation<double>;

namespace {

const VectorXd origin{{0.3, -0.2, 0.5}};

double f(const VectorXd& displacement) {
  const VectorXd x = origin + displacement;
  return std::sin(x[0]) * x[1] + std::exp(x[2] - x[0]) + x[1] * x[1] * x[2];
}

/// The base, steps of various lengths along the axes, and as many corners as asked for.
Model made(Eigen::Index m) {
  Model model;
  model.resize(3, m);
  const double one[] = {0.1, -0.2, 0.3}, two[] = {0.2, 0.25, -0.1};
  const auto pair = [](Eigen::Index k) { return std::pair<Eigen::Index, Eigen::Index>{(k - 7) % 3, (k - 6) % 3}; };
  for (Eigen::Index i = 0; i < 3; ++i) {
    model.points(i, 1 + i) = one[i];
    if (4 + i < m) model.points(i, 4 + i) = two[i];
  }
  for (Eigen::Index k = 7; k < m; ++k) {
    const auto [p, q] = pair(k);
    model.points(p, k) = one[p];
    model.points(q, k) = two[q];
  }
  for (Eigen::Index k = 0; k < m; ++k) model.values[k] = f(model.points.col(k));
  model.begin(pair);
  return model;
}

double worst(Model& model) {
  double most = 0;
  for (Eigen::Index k = 0; k < model.m(); ++k) {
    const VectorXd step = model.points.col(k) - model.points.col(model.best);
    most = std::max(most, std::abs(model.values[model.best] + model.change(step) - model.values[k]));
  }
  return most;
}

}  // namespace

TEST_CASE("a model meets the values at all points, however often points are replaced and the base is moved",
          "[direct][quadratic_interpolation]") {
  for (const Eigen::Index m : {5, 6, 7, 9, 10}) {
    CAPTURE(m);
    Model model = made(m);
    CHECK(worst(model) < 1e-13);
    VectorXd base = VectorXd::Zero(3);
    for (int round = 0; round < 40; ++round) {
      VectorXd step(3);
      for (Eigen::Index i = 0; i < 3; ++i) step[i] = 0.2 * std::sin(double(7 * round + 3 * i + m));
      model.prepare(step);
      Eigen::Index t = model.best == 0 ? 1 : 0;
      for (Eigen::Index k = 0; k < m; ++k)
        if (k != model.best && model.denominator(k) > model.denominator(t)) t = k;
      const VectorXd to = base + model.points.col(model.best) + step;
      const double value = f(to), before = model.values[model.best];
      model.replace(t, step, value, value - before - model.change(step));
      if (round % 3 == 0) model.recenter(t, step);
      if (round % 7 == 0) {
        base += model.points.col(model.best);
        model.shift_base();
        CHECK(model.points.col(model.best).norm() == 0);
      }
      CHECK(worst(model) < 1e-9);
    }

    VectorXd gradient(3);
    model.least_model(gradient);
    model.take_least(gradient);
    CHECK(worst(model) < 1e-9);

    // A Lagrange function is 1 at its own point and 0 at the others.
    for (Eigen::Index k = 0; k < m; ++k) {
      const VectorXd step = model.points.col(k) - model.points.col(model.best);
      model.prepare(step);
      for (Eigen::Index j = 0; j < m; ++j) CHECK(model.lagrange[j] == Approx(double(j == k)).margin(1e-7));
      CHECK(model.beta == Approx(0).margin(1e-7));
    }
  }
}

TEST_CASE("of Lagrange functions the gradient is that of differences", "[direct][quadratic_interpolation]") {
  Model model = made(7);
  const VectorXd to_second = model.points.col(2);
  model.recenter(2, to_second);
  VectorXd gradient(3);
  for (Eigen::Index t = 0; t < 7; ++t) {
    model.lagrange_gradient(t, gradient);
    for (Eigen::Index i = 0; i < 3; ++i) {
      const double h = 1e-5;
      VectorXd step = VectorXd::Zero(3);
      step[i] = h;
      model.prepare(step);
      const double plus = model.lagrange[t];
      step[i] = -h;
      model.prepare(step);
      CHECK(gradient[i] == Approx((plus - model.lagrange[t]) / (2 * h)).margin(1e-6));
    }
  }
}

TEST_CASE("as many points as determine a quadratic give its derivatives", "[direct][quadratic_interpolation]") {
  Model model = made(10);
  const VectorXd g{{1, -2, 3}};
  Eigen::Matrix3d H;
  H << 4, 1, -1, 1, 3, 0.5, -1, 0.5, 2;
  for (Eigen::Index k = 0; k < 10; ++k) {
    const VectorXd x = model.points.col(k);
    model.values[k] = g.dot(x) + x.dot(H * x) / 2;
  }
  model.begin([](Eigen::Index k) { return std::pair<Eigen::Index, Eigen::Index>{(k - 7) % 3, (k - 6) % 3}; });
  CHECK((model.gradient - g).norm() < 1e-12);
  CHECK((model.hessian - H).norm() < 1e-11);
}
