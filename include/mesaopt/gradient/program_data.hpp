#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include <mesaopt/core/status.hpp>

namespace mesaopt::detail {

/// A quadratic program as a dual active-set method wants it: the gradient of each constraint is a column, and it is
/// known whether Q is positive definite.
///
/// If Q is singular, a small diagonal D, the `shift`, makes up for that; who uses it answers for what it changes.
template <class S>
struct ProgramData {
  using Index = Eigen::Index;
  using Vector = Eigen::VectorX<S>;
  static constexpr S epsilon = std::numeric_limits<S>::epsilon();

  Eigen::MatrixX<S> Q{};        ///< n × n
  Vector c{};                   ///< n
  Eigen::MatrixX<S> normals{};  ///< n × m: equalities first
  Vector sides{};               ///< m: normals'x = sides, or <= sides
  Vector lower{}, upper{};      ///< n: infinite where there are none
  Index equalities = 0;
  bool same_curvature = false, same_normals = false;  ///< Q and normals are what they were when they were studied last

  bool convex = false;    ///< Q is known to be positive semidefinite
  bool singular = false;  ///< ... and not positive definite, to rounding
  Vector shift{};         ///< D: 0 if Q is regular
  Vector norms{};         ///< of the constraints' gradients
  S largest = 0;          ///< entry of Q in magnitude, which is on its diagonal
  S reach = 0;            ///< how far from 0 the free optimum is, at least, about

  static constexpr auto fields() {
    using D = ProgramData;
    return std::tuple{&D::Q,        &D::c,          &D::normals,        &D::sides,        &D::lower,
                      &D::upper,    &D::equalities, &D::same_curvature, &D::same_normals, &D::convex,
                      &D::singular, &D::shift,      &D::norms,          &D::largest,      &D::reach};
  }

  [[nodiscard]] Index size() const { return c.size(); }
  [[nodiscard]] Index count() const { return sides.size(); }
  [[nodiscard]] bool inequality(Index k) const { return k >= equalities; }
  [[nodiscard]] bool fixed(Index i) const { return lower[i] == upper[i]; }

  /// Makes room for n variables and m constraints, the first `equals` of them equations. True if it was there before.
  bool resize(Index n, Index m, Index equals) {
    if (size() == n && count() == m && equalities == equals) return true;
    Q.setZero(n, n);
    c.setZero(n);
    normals.setZero(n, m);
    sides.setZero(m);
    lower.setConstant(n, -std::numeric_limits<S>::infinity());
    upper.setConstant(n, std::numeric_limits<S>::infinity());
    equalities = equals;
    return false;
  }

  /// Copies `from` to `to`, and answers whether that changed nothing.
  static bool take(const Eigen::MatrixX<S>& from, Eigen::MatrixX<S>& to) {
    if (std::equal(from.data(), from.data() + from.size(), to.data())) return true;
    to = from;
    return false;
  }
  template <class From, class To>
  static bool take(const From& from, To&& to) {
    bool same = true;
    for (Index j = 0; j < from.cols() && same; ++j)
      for (Index i = 0; i < from.rows() && same; ++i) same = from(i, j) == to(i, j);
    if (!same) to = from;
    return same;
  }

  /// out = Qv, which is cheap where most of v is 0.
  void multiply(const Vector& v, Vector& out) const {
    Index entries = 0;
    for (Index i = 0; i < size(); ++i) entries += v[i] != S(0);
    if (2 * entries > size()) {
      out.noalias() = Q * v;
      return;
    }
    out.setZero();
    for (Index i = 0; i < size(); ++i)
      if (v[i] != S(0)) out += v[i] * Q.col(i);
  }

  /// The length against which x is known: where x is 0, that of the way to it, of which rounding remains.
  [[nodiscard]] S length(const Vector& x, S tolerance) const {
    return std::max(x.cwiseAbs().maxCoeff(), epsilon / tolerance * reach);
  }

  /// Studies the program. `running` if all is well, else what is wrong with it: if it is infeasible, `broken` is a
  /// constraint, or m + a variable, that is impossible. `factored` if a Cholesky factor of Q is left in `scratch`.
  Status study(S tolerance, Index& broken, Eigen::MatrixX<S>& scratch, bool& factored) {
    factored = false;
    broken = -1;
    if (shift.size() != size()) shift.setZero(size());
    const bool known = convex && same_curvature, normed = convex && same_normals;
    if (!finite(known, normed)) {
      convex = false;
      return Status::bad_start;
    }
    if (!normed) {
      norms.resize(count());
      for (Index k = 0; k < count(); ++k) norms[k] = norm(k);
    }
    broken = impossible(tolerance);
    if (broken >= 0) {
      convex = false;  // norms may be new, and Q unknown
      return Status::infeasible;
    }
    if (!known) largest = size() > 0 ? Q.cwiseAbs().maxCoeff() : S(0);
    if (!known || largest == S(0)) convex = classify(scratch, factored);  // in linear programs D depends on c
    if (!convex) return Status::not_convex;
    reach = c.cwiseAbs().maxCoeff() / (largest > S(0) ? largest : shift.maxCoeff());
    return Status::running;
  }

  /// Takes Q for singular.
  void regularize() {
    constexpr S least = S(1e-3);
    shift = 3 * std::sqrt(epsilon) * Q.diagonal().array().max(least * largest);
    singular = true;
  }

 private:
  /// Of the gradient of constraint k, also where its squares are too large or too small for numbers.
  [[nodiscard]] S norm(Index k) const {
    const S most = size() > 0 ? normals.col(k).cwiseAbs().maxCoeff() : S(0);
    return most > 0 ? most * (normals.col(k) / most).norm() : S(0);
  }
  [[nodiscard]] bool finite(bool known, bool normed) const {
    constexpr S infinity = std::numeric_limits<S>::infinity();
    return c.allFinite() && sides.allFinite() && !lower.hasNaN() && !upper.hasNaN() &&
           !(lower.array() == infinity).any() && !(upper.array() == -infinity).any() && (known || Q.allFinite()) &&
           (normed || normals.allFinite());
  }

  /// A constraint without variables that cannot hold, or m + a variable whose lower bound is above its upper one by
  /// more than rounding; −1 if there are none.
  Index impossible(S tolerance) {
    for (Index k = 0; k < count(); ++k)
      if (norms[k] == S(0) && (sides[k] < 0 || (!inequality(k) && sides[k] > 0))) return k;
    for (Index i = 0; i < size(); ++i) {
      const S gap = lower[i] - upper[i];
      if (!(gap > 0)) continue;
      if (gap > tolerance * std::max(std::abs(lower[i]), std::abs(upper[i]))) return count() + i;
      upper[i] = lower[i];
    }
    return -1;
  }

  /// Whether Q is positive semidefinite to rounding; sets D if it is singular.
  bool classify(Eigen::MatrixX<S>& scratch, bool& factored) {
    const S rounding = 100 * S(size()) * epsilon * largest;
    shift.setZero();
    singular = false;
    if (largest == S(0)) {
      shift.setConstant(linear_shift());
      singular = true;
      return true;
    }
    if (!(Q.diagonal().minCoeff() >= -rounding && Q.diagonal().maxCoeff() >= largest - rounding)) return false;
    if (positive_definite(S(0), std::pow(epsilon, S(0.7)), scratch)) {
      factored = true;
      return true;
    }
    if (!positive_definite(rounding, S(0), scratch)) return false;
    regularize();
    return true;
  }
  bool positive_definite(S added, S least, Eigen::MatrixX<S>& scratch) const {
    scratch = Q;
    scratch.diagonal().array() += added;
    Eigen::Ref<Eigen::MatrixX<S>> in_place(scratch);
    if (Eigen::LLT<Eigen::Ref<Eigen::MatrixX<S>>>(in_place).info() != Eigen::Success) return false;
    return (scratch.diagonal().array().square() > least * Q.diagonal().array()).all();
  }

  /// For a linear program: such that a proximal step goes some hundred times as far as the constraints are apart.
  [[nodiscard]] S linear_shift() const {
    constexpr S endless = S(1e10);  // bounds that stand for none
    S apart = 0;
    for (Index i = 0; i < size(); ++i)
      for (const S bound : {std::abs(lower[i]), std::abs(upper[i])})
        if (bound < endless) apart = std::max(apart, bound);
    for (Index k = 0; k < count(); ++k)
      if (norms[k] > 0 && std::abs(sides[k]) < endless * norms[k])
        apart = std::max(apart, std::abs(sides[k]) / norms[k]);
    const S steep = c.cwiseAbs().maxCoeff();
    return steep > 0 ? steep / (100 * (apart > 0 ? apart : S(1))) : S(1);
  }
};

}  // namespace mesaopt::detail
