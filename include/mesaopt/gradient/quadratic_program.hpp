#pragma once
#include <mesaopt/gradient/dual_method.hpp>
#include <mesaopt/objective/quadratic_program.hpp>

namespace mesaopt {
template <class S>
struct QuadraticState {
  detail::DualMethod<S> method;
  Eigen::VectorX<S> x, multipliers, bound_multipliers;
  S value;
  Status status;
  std::uint64_t iterations;
  bool fresh = true;
  void forget() { fresh = true; }
};

template <class S>
void solve(const QuadraticProgram<S>& p, QuadraticState<S>& s) {
  using D = detail::ProgramData<S>;
  const Eigen::Index n = p.size(), me = p.equalities(), m = me + p.inequalities();
  auto& w = s.method.set;
  auto& d = w.data;
  const bool same = d.resize(n, m, me) && !s.fresh;
  if (!same) {
    w.x.setZero(n);
    w.multipliers.setZero(m);
    w.bound_multipliers.setZero(n);
    w.active.constraints.assign(std::size_t(m), 0);
    w.active.bounds.assign(std::size_t(n), 0);
  }
  s.fresh = false;
  d.same_curvature = D::take(p.Q, d.Q) && same;
  bool sn = true;
  if (me > 0) sn &= D::take(p.A_eq.transpose(), d.normals.leftCols(me));
  if (m > me) sn &= D::take(p.A.transpose(), d.normals.rightCols(m - me));
  d.same_normals = sn && same;
  d.c = p.c;
  d.sides << p.b_eq, p.b;
  if (p.lower.size()) d.lower = p.lower;
  if (p.upper.size()) d.upper = p.upper;
  const S tol = std::pow(std::numeric_limits<S>::epsilon(), S(0.75));
  s.method.begin(tol);
  while (s.method.status == Status::running) s.method.advance(tol);
  s.x = w.x;
  s.multipliers = w.multipliers;
  s.bound_multipliers = w.bound_multipliers;
  s.status = s.method.status;
  s.value = s.method.value;
  s.iterations = s.method.iterations;
}
}  // namespace mesaopt
