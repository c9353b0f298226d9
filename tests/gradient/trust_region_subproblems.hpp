#pragma once
// Subproblems of trust regions, and what is known of their solutions.

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>

#include <Eigen/Core>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/core/point.hpp>

namespace trust_region {

using Eigen::MatrixXd;
using Eigen::VectorXd;

/// An objective that is only asked for its Hessian.
struct Matrix {
  MatrixXd H;
  double operator()(const VectorXd&, VectorXd&) const { return 0; }
  void hessian(const VectorXd&, MatrixXd& out) const { out = H; }
};

struct Solved {
  VectorXd d;
  double predicted = 0;
  mesaopt::Counts counts{};
};

/// Solves one subproblem by a piece.
template <class Piece>
Solved solve(const Piece& piece, const MatrixXd& H, const VectorXd& g, double radius, double nearness = 1) {
  typename Piece::template Memory<VectorXd> memory;
  mesaopt::Calls<VectorXd> calls;
  Solved solved;
  solved.d.setZero(g.size());
  piece.reserve(g, memory);
  if (!piece.prepare(Matrix{H}, calls, g, g, memory)) return solved;
  solved.predicted = piece.solve(Matrix{H}, calls, g, g, radius, nearness, memory, solved.d);
  solved.counts = calls.counts[0];
  return solved;
}

/// −m(d) = −g'd − d'Hd/2.
inline double decrease(const MatrixXd& H, const VectorXd& g, const VectorXd& d) {
  double sum = 0;
  for (Eigen::Index i = 0; i < g.size(); ++i) sum -= d[i] * (g[i] + H.col(i).dot(d) / 2);
  return sum;
}

/// The decrease at the Cauchy point, which no piece may miss.
inline double cauchy(const MatrixXd& H, const VectorXd& g, double radius) {
  const double norm = g.norm(), bend = -2 * (decrease(H, g, g) + norm * norm);  // g'Hg
  const double most = radius / norm, t = bend > 0 ? std::min(most, norm * norm / bend) : most;
  return t * norm * norm - t * t * bend / 2;
}

/// A gradient of no particular direction.
inline VectorXd gradient(Eigen::Index n, double phase = 1) {
  return VectorXd::LinSpaced(n, phase, phase + 9 * double(n)).array().sin();
}

/// A diagonal matrix turned by a reflection, so that its eigenvectors are known: column k of I − 2vv'.
inline MatrixXd turned(const VectorXd& eigenvalues, VectorXd v) {
  v /= v.norm();
  const Eigen::Index n = v.size();
  MatrixXd A(n, n);
  const auto entry = [&](Eigen::Index i, Eigen::Index k) { return (i == k ? 1.0 : 0.0) - 2 * v[i] * v[k]; };
  for (Eigen::Index i = 0; i < n; ++i)
    for (Eigen::Index j = 0; j < n; ++j) {
      A(i, j) = 0;
      for (Eigen::Index k = 0; k < n; ++k) A(i, j) += eigenvalues[k] * entry(i, k) * entry(j, k);
    }
  return A;
}

}  // namespace trust_region
