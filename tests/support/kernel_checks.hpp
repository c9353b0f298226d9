#pragma once
// What every kernel must satisfy, whatever it is.

#include <algorithm>
#include <cmath>

#include <Eigen/Core>

#include <mesaopt/bayes/kernel.hpp>

/// The largest difference between the gradients of k(x, y) by x and by the logarithms of the parameters and central
/// differences; relative above 1.
template <class K>
double gradient_error(const K& k, const Eigen::VectorXd& x, const Eigen::VectorXd& y) {
  using namespace mesaopt::kernels;
  using Vector = Eigen::VectorXd;
  Vector by_x, by_parameters;
  double worst = std::abs(gradients(k, x, y, by_x, by_parameters) - k(x, y));
  const double h = 1e-5;
  const auto compare = [&](double slope, double up, double down) {
    worst = std::max(worst, std::abs(slope - (up - down) / (2 * h)) / (1 + std::abs(slope)));
  };
  for (Eigen::Index c = 0; c < x.size(); ++c) {
    const Vector step = h * Vector::Unit(x.size(), c);
    compare(by_x[c], k(Vector(x + step), y), k(Vector(x - step), y));
  }
  const Vector logs = log_parameters(k);
  if (by_parameters.size() != logs.size()) return HUGE_VAL;
  for (Eigen::Index c = 0; c < logs.size(); ++c) {
    K up = k, down = k;
    set_log_parameters(up, Vector(logs + h * Vector::Unit(logs.size(), c)));
    set_log_parameters(down, Vector(logs - h * Vector::Unit(logs.size(), c)));
    compare(by_parameters[c], up(x, y), down(x, y));
  }
  return worst;
}

/// The largest difference between what a kernel says of the columns of X, up to 64, and their first: all at once, one
/// by one, as rows, and from what it keeps.
template <class K>
double disagreement(const K& k, const Eigen::MatrixXd& X) {
  using namespace mesaopt::kernels;
  using Vector = Eigen::VectorXd;
  const Eigen::Index n = X.cols(), d = X.rows(), count = parameter_count(k);
  const Eigen::MatrixXd rows = X.transpose();
  const Vector y = X.col(0), weights = Vector::LinSpaced(n, 1, -2);
  const Points<double> as_columns(X.data(), d, n), as_rows(rows.data(), d, n, 1, n);
  Vector expected(n), values(n), gy = Vector::Zero(d), gp = Vector::Zero(count);
  for (Eigen::Index i = 0; i < n; ++i) {
    k.values(as_columns.some(i, 1), y.data(), &expected[i]);
    k.pull(as_columns.some(i, 1), y.data(), &weights[i], gy.data(), gp.data());
  }
  double worst = 0;
  const auto compare = [&](const auto& pull) {
    worst = std::max(worst, (values - expected).cwiseAbs().maxCoeff());
    Vector by_y = Vector::Zero(d), by_p = Vector::Zero(count);
    pull(by_y.data(), by_p.data());
    worst = std::max({worst, (by_y - gy).norm(), (by_p - gp).norm()});
  };
  for (const Points<double>& points : {as_columns, as_rows}) {
    k.values(points, y.data(), values.data());
    compare([&](double* by_y, double* by_p) { k.pull(points, y.data(), weights.data(), by_y, by_p); });
    Eigen::MatrixXd kept(n, detail::numbers_kept<K>());
    const Kept<double> place{kept.data(), n};
    detail::keep_values(k, points, y.data(), values.data(), place);
    compare(
        [&](double* by_y, double* by_p) { detail::pull_kept(k, points, y.data(), weights.data(), place, by_y, by_p); });
    detail::pull_kept(k, points, y.data(), weights.data(), place, nullptr, Vector(gp).data());
  }
  return worst;
}

/// Points in the unit cube.
inline Eigen::MatrixXd points_in_cube(Eigen::Index d, Eigen::Index n) {
  Eigen::MatrixXd X(d, n);
  for (Eigen::Index i = 0; i < X.size(); ++i) X.data()[i] = 0.5 + 0.5 * std::sin(1.7 * double(i * i % 1009) + 1);
  return X;
}
