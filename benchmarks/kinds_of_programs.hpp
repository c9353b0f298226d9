#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

#include <Eigen/Core>

#include <mesaopt/core/random.hpp>
#include <mesaopt/core/status.hpp>
#include <mesaopt/objective/quadratic_program.hpp>
#include <mesaopt/problems/random_quadratic_program.hpp>

// Random quadratic programs by kind: strictly convex ones, and degenerate, singular, infeasible, unbounded and
// indefinite ones, each made from a seed.

namespace kinds_of_programs {

using namespace mesaopt;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using Program = QuadraticProgram<double>;
using problems::RandomQuadraticProgram;

inline constexpr double infinity = std::numeric_limits<double>::infinity();

/// What a program is made from; every kind makes its own of it.
struct Draw {
  Index n;
  Random random;
  RandomQuadraticProgram::Made made;
  Index active, idle, free;  ///< an active and an inactive inequality, a variable at no bound; −1 if there are none
};

/// The first of `values` that is zero, or is not.
template <class V>
Index first(const V& values, bool zero) {
  for (Index k = 0; k < values.size(); ++k)
    if ((values[k] == 0) == zero) return k;
  return -1;
}

inline Draw draw(std::uint64_t seed, Index nullity_of_ten = 0, double condition = 1e4) {
  Random random{.seed = seed, .stream = 9};
  const Index n = 5 + Index(random.below(96));
  Draw d{n,
         random,
         RandomQuadraticProgram{.variables = n,
                                .equalities = n / 6,
                                .inequalities = n,
                                .condition = condition,
                                .nullity = nullity_of_ten * n / 10}(seed),
         -1,
         -1,
         -1};
  const VectorXd multipliers = d.made.multipliers.tail(n);
  d.active = first(multipliers, false);
  d.idle = first(multipliers, true);
  d.free = first(d.made.bound_multipliers, true);
  return d;
}

inline void append(MatrixXd& A, VectorXd& b, const Eigen::RowVectorXd& row, double side) {
  A.conservativeResize(b.size() + 1, row.size());
  b.conservativeResize(b.size() + 1);
  A.bottomRows(1) = row;
  b[b.size() - 1] = side;
}
inline void drop_constraints(Program& p) {
  p.A.resize(0, p.size());
  p.b.resize(0);
  p.A_eq.resize(0, p.size());
  p.b_eq.resize(0);
}
inline void drop_bounds(Program& p) {
  p.lower.setConstant(p.size(), -infinity);
  p.upper.setConstant(p.size(), infinity);
}

/// A kind of program: made from a seed, and what its answer has to be. Seeds that do not give one are left out.
struct Kind {
  const char* name;
  Status expected;
  bool degenerate;  ///< the answer has to say so
  bool (*make)(std::uint64_t seed, Program& p, VectorXd& x);
};

inline bool strictly_convex(std::uint64_t seed, Program& p, VectorXd& x) {
  const Draw d = draw(seed, 0, std::pow(10.0, 6 * Random{.seed = seed, .stream = 8}.uniform()));
  p = d.made.program;
  x = d.made.x;
  return true;
}
inline bool singular(std::uint64_t seed, Program& p, VectorXd&) {
  p = draw(seed, 3).made.program;
  return true;
}
inline bool zero_multiplier(std::uint64_t seed, Program& p, VectorXd& x) {
  const Draw d = draw(seed);
  p = d.made.program;
  x = d.made.x;
  if (d.active < 0) return false;
  p.c += d.made.multipliers[p.b_eq.size() + d.active] * p.A.row(d.active).transpose();
  return true;
}
inline bool zero_slack(std::uint64_t seed, Program& p, VectorXd& x) {
  const Draw d = draw(seed);
  p = d.made.program;
  x = d.made.x;
  if (d.idle < 0) return false;
  p.b[d.idle] = p.A.row(d.idle).dot(d.made.x);
  return true;
}
inline bool bound_met(std::uint64_t seed, Program& p, VectorXd& x) {
  const Draw d = draw(seed);
  p = d.made.program;
  x = d.made.x;
  if (d.free < 0) return false;
  p.lower[d.free] = d.made.x[d.free];
  return true;
}
inline bool active_twice(std::uint64_t seed, Program& p, VectorXd& x) {
  const Draw d = draw(seed);
  p = d.made.program;
  x = d.made.x;
  if (d.active < 0) return false;
  append(p.A, p.b, 3 * p.A.row(d.active), 3 * p.b[d.active]);
  return true;
}
inline bool equations_dependent(std::uint64_t seed, Program& p, VectorXd& x) {
  const Draw d = draw(seed);
  p = d.made.program;
  x = d.made.x;
  if (p.b_eq.size() < 2) return false;
  append(p.A_eq, p.b_eq, p.A_eq.row(0) - 2 * p.A_eq.row(1), p.b_eq[0] - 2 * p.b_eq[1]);
  return true;
}
inline bool one_point(std::uint64_t seed, Program& p, VectorXd& x) {
  p = draw(seed).made.program;
  drop_constraints(p);
  x = VectorXd::Constant(p.size(), 1.0 / double(p.size()));
  p.lower.setZero(p.size());
  p.upper = x;
  append(p.A_eq, p.b_eq, Eigen::RowVectorXd::Ones(p.size()), 1);
  return true;
}
inline bool flat(std::uint64_t seed, Program& p, VectorXd&) {
  const Draw d = draw(seed, 3);
  p = d.made.program;
  if (d.n < 4) return false;
  drop_constraints(p);
  drop_bounds(p);
  p.c = -p.Q * d.made.x;
  return true;
}
inline bool inequalities_contradict(std::uint64_t seed, Program& p, VectorXd&) {
  Draw d = draw(seed);
  p = d.made.program;
  VectorXd y(p.b.size());
  for (auto& entry : y) entry = d.random.uniform();
  const Eigen::RowVectorXd row = -(y.transpose() * p.A);
  append(p.A, p.b, row, -y.dot(p.b) - 0.01);
  return true;
}
inline bool equations_contradict(std::uint64_t seed, Program& p, VectorXd& x) {
  if (!equations_dependent(seed, p, x)) return false;
  p.b_eq[p.b_eq.size() - 1] += 0.01;
  return true;
}
inline bool bounds_leave_too_little(std::uint64_t seed, Program& p, VectorXd& x) {
  if (!one_point(seed, p, x)) return false;
  p.upper *= 0.99;
  return true;
}
inline bool falls_where_flat(std::uint64_t seed, Program& p, VectorXd& x) {
  if (!flat(seed, p, x)) return false;
  Random random{.seed = seed, .stream = 7};
  for (auto& entry : p.c) entry += random.normal();
  return true;
}
inline bool linear_falls(std::uint64_t seed, Program& p, VectorXd&) {
  Draw d = draw(seed);
  p = d.made.program;
  p.Q.resize(0, 0);
  p.A_eq.resize(0, d.n);
  p.b_eq.resize(0);
  drop_bounds(p);
  VectorXd along(d.n);
  d.random.fill_normal(along);
  for (Index k = 0; k < p.b.size(); ++k)
    if (p.A.row(k).dot(along) > 0) p.A.row(k) *= -1;
  p.b.setOnes();
  p.c = -along;
  return true;
}
inline bool indefinite(std::uint64_t seed, Program& p, VectorXd&) {
  p = draw(seed, 0, 100).made.program;
  p.Q.diagonal().array() -= 0.02;  // the least eigenvalue was 0.01
  return true;
}

inline constexpr Kind kinds[] = {
    {"strictly convex, condition up to 1e6", Status::converged, false, strictly_convex},
    {"Q singular", Status::converged, false, singular},
    {"an active inequality has the multiplier 0", Status::converged, true, zero_multiplier},
    {"an idle inequality has the slack 0", Status::converged, true, zero_slack},
    {"a free variable meets its bound", Status::converged, true, bound_met},
    {"an active inequality stands there twice", Status::converged, true, active_twice},
    {"an equation follows from others", Status::converged, true, equations_dependent},
    {"one point is feasible", Status::converged, true, one_point},
    {"Q singular, without constraints", Status::converged, true, flat},
    {"inequalities contradict each other", Status::infeasible, false, inequalities_contradict},
    {"equations contradict each other", Status::infeasible, false, equations_contradict},
    {"bounds leave too little for an equation", Status::infeasible, false, bounds_leave_too_little},
    {"falls where Q is flat", Status::unbounded, false, falls_where_flat},
    {"linear, falls along a direction", Status::unbounded, false, linear_falls},
    {"indefinite", Status::not_convex, false, indefinite},
};

}  // namespace kinds_of_programs
