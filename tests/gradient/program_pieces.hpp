#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <limits>

#include <Eigen/Core>

#include <mesaopt/core/random.hpp>
#include <mesaopt/gradient/working_set.hpp>

// Quadratic programs in the form that the parts of the dual active-set method share, and a judge of their solutions
// that is loops alone, so that it is compiled at once.

using ProgramData = mesaopt::detail::ProgramData<double>;
using WorkingSet = mesaopt::detail::WorkingSet<double>;

/// A strictly convex program without bounds, whose constraints 0 keeps, inequalities with room to spare.
inline ProgramData random_program(std::uint64_t seed, Eigen::Index n, Eigen::Index equalities,
                                  Eigen::Index inequalities) {
  mesaopt::Random random{.seed = seed};
  ProgramData data;
  data.resize(n, equalities + inequalities, equalities);
  for (auto& entry : data.c) entry = random.normal();
  for (Eigen::Index k = 0; k < data.count(); ++k)
    for (Eigen::Index i = 0; i < n; ++i) data.normals(i, k) = random.normal();
  for (Eigen::Index k = equalities; k < data.count(); ++k) data.sides[k] = random.uniform();
  for (Eigen::Index i = 0; i < n; ++i) {  // diagonally dominant
    for (Eigen::Index j = 0; j < i; ++j) data.Q(i, j) = data.Q(j, i) = random.uniform() - 0.5;
    data.Q(i, i) = double(n) / 2;
  }
  return data;
}

/// A working set with nothing in it but equations, at 0.
inline WorkingSet begun(const ProgramData& data) {
  WorkingSet set;
  set.data = data;
  set.x.setZero(data.size());
  set.multipliers.setZero(data.count());
  set.bound_multipliers.setZero(data.size());
  set.active.constraints.assign(std::size_t(data.count()), 0);
  set.active.bounds.assign(std::size_t(data.size()), 0);
  Eigen::Index broken = -1;
  set.begin(1e-12, broken);
  return set;
}

/// Whether these are the entries of v.
inline bool holds(const Eigen::VectorXd& v, std::initializer_list<double> entries) {
  return std::equal(v.data(), v.data() + v.size(), entries.begin(), entries.end());
}

/// n'x for the gradient n of constraint k.
inline double along(const ProgramData& data, Eigen::Index k, const Eigen::VectorXd& x) {
  double sum = 0;
  for (Eigen::Index i = 0; i < x.size(); ++i) sum += data.normals(i, k) * x[i];
  return sum;
}

/// By how much the point and the multipliers of a working set are not those that are optimal where all that is in it
/// holds: the largest entry of the gradient of the Lagrangian, or of what is missing to its equations.
inline double off_optimum(const WorkingSet& set) {
  const auto& data = set.data;
  double worst = 0;
  for (Eigen::Index i = 0; i < set.size(); ++i) {
    double sum = data.c[i] - set.bound_multipliers[i];
    for (Eigen::Index j = 0; j < set.size(); ++j) sum += data.Q(i, j) * set.x[j];
    for (Eigen::Index k = 0; k < set.count(); ++k) sum += data.normals(i, k) * set.multipliers[k];
    worst = std::max({worst, std::abs(sum), set.at(i) == 0 ? 0.0 : std::abs(set.x[i] - set.bound(i))});
    if (set.at(i) == 0 && set.bound_multipliers[i] != 0) worst = std::numeric_limits<double>::infinity();
  }
  for (Eigen::Index k = 0; k < set.count(); ++k) {
    if (set.holds(k)) worst = std::max(worst, std::abs(along(data, k, set.x) - data.sides[k]));
    if (!set.holds(k) && set.multipliers[k] != 0) worst = std::numeric_limits<double>::infinity();
  }
  return worst;
}
