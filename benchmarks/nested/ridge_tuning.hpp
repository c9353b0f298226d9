#pragma once

#include <cmath>
#include <cstdint>

#include <Eigen/Core>

#include <mesaopt/core/random.hpp>
#include <mesaopt/models/ridge.hpp>

/// A ridge regression whose 20 penalties are to be chosen by validation loss.
struct RidgeTuning {
  static constexpr Eigen::Index weights = 20;
  mesaopt::models::RidgeTraining<double> training;
  mesaopt::models::RidgeValidation<double> validation;
};

/// Instance `seed`: standard normal inputs, every second true weight zero, noise 3, 1000 examples and 500 held out;
/// `scaled`: the columns of the inputs spread over 1.5 decades.
inline RidgeTuning ridge_tuning(std::uint64_t seed, bool scaled) {
  using Matrix = Eigen::MatrixXd;
  using Vector = Eigen::VectorXd;
  constexpr Eigen::Index n = RidgeTuning::weights;
  mesaopt::Random random{.seed = seed};
  const auto inputs = [&](Eigen::Index rows) {
    Matrix X(rows, n);
    random.fill_normal(X);
    if (scaled)
      for (Eigen::Index j = 0; j < n; ++j) X.col(j) *= std::pow(10.0, -1.5 * double(j) / double(n - 1));
    return X;
  };
  Vector truth(n);
  random.fill_normal(truth);
  for (Eigen::Index j = 1; j < n; j += 2) truth[j] = 0;
  const auto targets = [&](const Matrix& X) {
    Vector noise(X.rows());
    random.fill_normal(noise);
    return Vector(X * truth + 3 * noise);
  };
  const Matrix X = inputs(1000), Xv = inputs(500);
  const Vector y = targets(X), yv = targets(Xv);
  return {{X, y}, {Xv, yv}};
}
