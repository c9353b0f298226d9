#pragma once
// Objectives with regularizers whose solutions are known from elsewhere, for the proximal methods.

#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <utility>

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <Eigen/QR>

#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/point.hpp>

namespace composite_problems {

using Eigen::MatrixXd;
using Eigen::VectorXd;

/// Whatever can be called with a point and room for a gradient.
struct Any {
  std::function<mesaopt::Evaluation<double>(const VectorXd&, VectorXd&)> f;
  mesaopt::Evaluation<double> operator()(const VectorXd& x, VectorXd& g) const { return f(x, g); }
};

inline MatrixXd normal(Eigen::Index rows, Eigen::Index cols, unsigned seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> draw;
  MatrixXd out(rows, cols);
  for (double& entry : out.reshaped()) entry = draw(random);
  return out;
}

/// Orthonormal columns.
inline MatrixXd orthonormal(Eigen::Index rows, Eigen::Index cols, unsigned seed) {
  return normal(rows, cols, seed).householderQr().householderQ() * MatrixXd::Identity(rows, cols);
}

/// ½|Ax − b|².
inline Any least_squares(MatrixXd A, VectorXd b) {
  return {[A = std::move(A), b = std::move(b)](const VectorXd& x, VectorXd& g) -> mesaopt::Evaluation<double> {
    const VectorXd r = A * x - b;
    g = A.transpose() * r;
    return r.squaredNorm() / 2;
  }};
}

/// A nonnegative least squares problem made around its solution.
struct NonnegativeProblem {
  MatrixXd A;
  VectorXd b, solution;
  explicit NonnegativeProblem(unsigned seed, Eigen::Index n = 12) : A(normal(2 * n, n, seed)), solution(n) {
    VectorXd push = VectorXd::Zero(n);
    for (Eigen::Index i = 0; i < n; ++i) {
      solution[i] = i % 3 == 0 ? 0 : 0.5 + double(i % 4);
      push[i] = i % 3 == 0 ? 1 + double(i % 5) : 0;  // A'(Ax − b) = push >= 0
    }
    // b = Ax − r with A'r = push.
    b = A * solution - A * (A.transpose() * A).ldlt().solve(push);
  }
};

}  // namespace composite_problems
