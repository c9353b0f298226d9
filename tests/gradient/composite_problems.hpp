#pragma once
// Objectives with regularizers whose solutions are known from elsewhere, for the proximal methods.

#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <type_traits>
#include <utility>

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <Eigen/QR>

#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/objective/regularized.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

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

/// A run whose solution is one soft threshold a coordinate; begun anew in place it allocates nothing, and with points
/// of fixed size not even when it is begun for the first time.
template <class X, class O>
void soft_thresholds_without_heap(const O& optimizer) {
  using namespace mesaopt;
  using S = ScalarOf<X>;
  struct Bowl {
    S operator()(const X& x, X& g) const {
      S sum = 0;
      for (Eigen::Index i = 0; i < x.size(); ++i) {
        const S a = x[i] - S(i) + 2;
        g[i] = S(i + 1) * a;
        sum += S(i + 1) * a * a / 2;
      }
      return sum;
    }
  };
  const auto f = regularized(Bowl{}, L1{0.5});
  X start;
  start.setZero(5);
  const GradientBelow stopping{std::is_same_v<S, double> ? 1e-10 : 1e-4};
  RunOf<O, GradientBelow, std::remove_const_t<decltype(f)>, X> run;
  const long first = allocations();
  begin(f, start, optimizer, stopping, run);
  const long before = allocations();
  resume(f, optimizer, stopping, run);
  begin(f, start, optimizer, stopping, run);
  resume(f, optimizer, stopping, run);
  const long after = allocations();
  if constexpr (counting_allocations) CHECK(after == before);
  if constexpr (counting_allocations && X::SizeAtCompileTime > 0) CHECK(before == first);
  CHECK(run.status == Status::gradient_below);
  for (Eigen::Index i = 0; i < 5; ++i) {
    const double at = double(i) - 2, off = 0.5 / double(i + 1);
    const double expected = at > off ? at - off : at < -off ? at + off : 0.0;
    CHECK(double(run.state.x[i]) == Approx(expected).margin(std::is_same_v<S, double> ? 1e-8 : 1e-3));
  }
}

}  // namespace composite_problems
