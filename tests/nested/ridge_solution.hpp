#pragma once

#include <cmath>

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include <mesaopt/models/ridge.hpp>
#include <mesaopt/problems/ridge_instance.hpp>

// The nested ridge regression of problems/ridge_instance.hpp solved by linear algebra in extended precision.
struct RidgeSolution {
  Eigen::VectorXd weights;       // the inner solution
  Eigen::VectorXd adjoint;       // H^-1 of the outer gradient there
  Eigen::MatrixXd slope;         // of the inner solution by theta, one log penalty a column
  double value = 0;              // F
  Eigen::VectorXd gradient;      // of F
  double second_derivative = 0;  // of F, for a single penalty

  // theta holds one log penalty for all weights, or one a weight.
  explicit RidgeSolution(const Eigen::VectorXd& theta) {
    using R = mesaopt::problems::RidgeInstance;
    using L = long double;
    using Matrix = Eigen::MatrixX<L>;
    using Vector = Eigen::VectorX<L>;
    const Matrix X = R::inputs().cast<L>(), Xv = R::validation_inputs().cast<L>();
    const Vector y = R::targets().cast<L>(), yv = R::validation_targets().cast<L>();
    const L n = L(X.rows()), m = L(Xv.rows());
    Vector penalty(R::weights);
    for (Eigen::Index j = 0; j < R::weights; ++j) penalty[j] = std::exp(L(theta[theta.size() == 1 ? 0 : j]));
    Matrix H = X.transpose() * X / n;
    H.diagonal() += penalty;
    const Eigen::LLT<Matrix> factor(H);
    const Vector w = factor.solve(X.transpose() * y / n);
    const Vector error = Xv * w - yv;
    const Vector gv = Xv.transpose() * error / m;
    const Vector lambda = factor.solve(gv);
    const Vector terms = -penalty.cwiseProduct(w).cwiseProduct(lambda);
    weights = w.cast<double>();
    adjoint = lambda.cast<double>();
    value = double(error.squaredNorm() / (2 * m));
    Matrix pull;
    if (theta.size() == 1)
      pull = penalty.cwiseProduct(w);
    else
      pull = penalty.cwiseProduct(w).asDiagonal();
    slope = (-factor.solve(pull)).eval().cast<double>();
    if (theta.size() == 1) {
      gradient = Eigen::VectorXd::Constant(1, double(terms.sum()));
      const Vector w1 = -penalty[0] * factor.solve(w);
      const Vector w2 = w1 - 2 * penalty[0] * factor.solve(w1);
      second_derivative = double(w2.dot(gv) + w1.dot(Xv.transpose() * (Xv * w1)) / m);
    } else {
      gradient = terms.cast<double>();
    }
  }
};

inline mesaopt::models::RidgeTraining<double> ridge_training() {
  using R = mesaopt::problems::RidgeInstance;
  return {R::inputs(), R::targets()};
}
inline mesaopt::models::RidgeValidation<double> ridge_validation() {
  using R = mesaopt::problems::RidgeInstance;
  return {R::validation_inputs(), R::validation_targets()};
}
