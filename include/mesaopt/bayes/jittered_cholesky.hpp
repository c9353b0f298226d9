#pragma once

#include <cmath>
#include <limits>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/bayes/panels.hpp>

namespace mesaopt {

/// What it took to factorize a covariance matrix.
struct Factorization {
  bool succeeded = true;  ///< false: the matrix holds NaN or infinity, or no jitter up to its own scale was enough
  double jitter = 0;      ///< what was added to the diagonal
  int attempts = 1;       ///< how many factorizations were tried

  static constexpr auto fields() {
    return std::tuple{&Factorization::succeeded, &Factorization::jitter, &Factorization::attempts};
  }
};

namespace detail {

/// Whether a squared pivot stands above the rounding of the diagonal entry that it is the rest of.
template <class S>
bool sound_pivot(S square, S diagonal, Eigen::Index n) {
  return square > 4 * S(n) * std::numeric_limits<S>::epsilon() * diagonal;
}

/// Factorizes A = LL' in place. On entry A's strict upper triangle and `diagonal` hold the symmetric matrix; on exit
/// its lower triangle holds L.
///
/// As it is, if that can be done; else with the first jitter of n ε m {1, 10, 100, ...} that suffices, up to m, the
/// mean of the diagonal. A pivot within rounding of zero counts as a failure.
template <class S>
Factorization jittered_cholesky(Eigen::Ref<Eigen::MatrixX<S>> A, const Eigen::Ref<const Eigen::VectorX<S>>& diagonal) {
  const Eigen::Index n = A.rows();
  Factorization report;
  if (n == 0) return report;
  const S mean = diagonal.mean();
  S jitter = 0, next = S(n) * std::numeric_limits<S>::epsilon() * mean;
  for (report.attempts = 1; std::isfinite(mean) && mean > 0; ++report.attempts) {
    for (Eigen::Index j = 0; j < n; ++j) {
      A(j, j) = diagonal[j] + jitter;
      for (Eigen::Index i = j + 1; i < n; ++i) A(i, j) = A(j, i);
    }
    bool sound = factorize_lower<S>(A);
    // Written so that a NaN fails.
    for (Eigen::Index j = 0; j < n && sound; ++j) sound = sound_pivot(A(j, j) * A(j, j), diagonal[j], n);
    report.jitter = double(jitter);
    if (sound) return report;
    if (!(next <= mean)) break;
    jitter = next;
    next *= 10;
  }
  report.succeeded = false;
  return report;
}

}  // namespace detail

}  // namespace mesaopt
