#pragma once
// An adjoint system by itself, without the nested objective that it comes from.

#include <cstdint>

#include <Eigen/Core>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/nested/adjoint_system.hpp>
#include <mesaopt/nested/conjugate_gradient.hpp>

namespace adjoint {

using Eigen::MatrixXd;
using Eigen::VectorXd;

/// ½ y'Hy.
struct Form {
  MatrixXd H;
  double operator()(const VectorXd& y, VectorXd& gradient) const {
    gradient = H * y;
    return y.dot(gradient) / 2;
  }
  void hessian(const VectorXd&, MatrixXd& out) const { out = H; }
  void hessian_product(const VectorXd&, const VectorXd& v, VectorXd& out) const { out = H * v; }
};
struct Place {
  struct G {
    const MatrixXd* A = nullptr;  // whose transpose is used
    void adjoint_product(const VectorXd&, const VectorXd&, const VectorXd& v, VectorXd& out) const {
      out = A->transpose() * v;
    }
  } g;
};
struct Record {
  struct Run {
    struct State {
      mesaopt::Calls<VectorXd> calls{};
    } state;
  } run;
  bool factored = false, factor_exact = false;
  VectorXd adjoint{}, gradient{}, step{}, scratch{};
  MatrixXd hessian{}, factor{};
  mesaopt::detail::ConjugateGradientScratch<VectorXd> linear{};
};

struct Answer {
  mesaopt::Certificate certificate;
  VectorXd adjoint;
  std::uint64_t iterations;
};

/// What `solver` makes of H'λ = right, from the adjoint `guess`, the inner gradient being `gradient`.
template <class Solver>
Answer solve(const Solver& solver, const MatrixXd& H, const VectorXd& right, const VectorXd& gradient,
             const VectorXd& guess = {}, mesaopt::detail::AdjointSettings with = {1e-14, 1e-4, 1e-2, 256, 0}) {
  const Form f{H};
  const Place place{{&H}};
  const VectorXd x = VectorXd::Zero(1), y = VectorXd::Zero(right.size());
  Record record;
  record.gradient = gradient;
  record.adjoint = guess.size() > 0 ? guess : VectorXd(VectorXd::Zero(right.size()));
  record.scratch = record.step = y;
  const mesaopt::detail::AdjointSystem<Place, Form, VectorXd, VectorXd, Record> system{with, place,  f,    x,
                                                                                       y,    record, right};
  if constexpr (requires { typename Solver::template Scratch<VectorXd>; }) {
    typename Solver::template Scratch<VectorXd> scratch{};
    const auto c = solver(system, scratch);
    return {c, record.adjoint, record.run.state.calls.counts[0].linear_iterations};
  } else {
    mesaopt::detail::Empty scratch;
    const auto c = solver(system, scratch);
    return {c, record.adjoint, record.run.state.calls.counts[0].linear_iterations};
  }
}

/// A symmetric matrix with the given eigenvalues, in directions of no axis: Householder reflections of the diagonal.
inline MatrixXd with_eigenvalues(const VectorXd& values) {
  const auto n = values.size();
  MatrixXd H = values.asDiagonal();
  for (int k = 1; k < 4; ++k) {
    VectorXd u = VectorXd::NullaryExpr(n, [&](Eigen::Index i) { return std::sin(double((i + 1) * k) + 0.3); });
    u.normalize();
    const MatrixXd Q = MatrixXd::Identity(n, n) - 2 * u * u.transpose();
    H = (Q * H * Q).eval();
  }
  return (H + H.transpose()) / 2;
}
inline VectorXd some(Eigen::Index n, double phase = 0.7) {
  return VectorXd::NullaryExpr(n, [=](Eigen::Index i) { return std::cos(1.3 * double(i) + phase); });
}

}  // namespace adjoint
