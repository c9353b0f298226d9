#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <tuple>

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include <mesaopt/core/status.hpp>
#include <mesaopt/gradient/active_set.hpp>
#include <mesaopt/gradient/working_factors.hpp>

namespace mesaopt::detail {

/// A quadratic program as a dual active-set method wants it: the gradient of each constraint is a column.
template <class S>
struct ProgramData {
  using Index = Eigen::Index;
  using Vector = Eigen::VectorX<S>;

  Eigen::MatrixX<S> Q{};        ///< n × n
  Vector c{};                   ///< n
  Eigen::MatrixX<S> normals{};  ///< n × m: equalities first
  Vector sides{};               ///< m: normals'x = sides, or <= sides
  Vector lower{}, upper{};      ///< n: infinite where there are none
  Index equalities = 0;
  bool same_curvature = false, same_normals = false;  ///< Q and normals are what they were at the load before

  static constexpr auto fields() {
    using D = ProgramData;
    return std::tuple{&D::Q,     &D::c,          &D::normals,        &D::sides,       &D::lower,
                      &D::upper, &D::equalities, &D::same_curvature, &D::same_normals};
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
};

/// A working set W of constraints and bounds, a point and multipliers, and the factors that solve for those of W.
///
/// Where Q is singular its diagonal is raised by a small D, the `shift`; who uses the set answers for that, by proximal
/// points: see DualMethod.
template <class S>
struct WorkingSet {
  using Index = Eigen::Index;
  using Vector = Eigen::VectorX<S>;
  static constexpr S epsilon = std::numeric_limits<S>::epsilon();

  ProgramData<S> data{};
  WorkingFactors<S> factors{};
  ActiveSet active{};          ///< W; variables whose bounds are equal are always in it
  Vector x{};                  ///< a point on W
  Vector multipliers{};        ///< one for every constraint
  Vector bound_multipliers{};  ///< one for every variable: 0 or more at a lower, 0 or less at an upper bound
  Vector norms{};              ///< of the constraints' gradients
  Vector shift{};              ///< D
  Vector centre{};             ///< where the proximal term is 0
  bool singular = false;       ///< D is in use
  bool convex = false;         ///< Q is known to be positive semidefinite
  S largest = 0;               ///< entry of Q in magnitude, which is on its diagonal
  S reach = 0;                 ///< how far from 0 the free optimum is, at least, about
  Index bounded = 0;           ///< number of bounds in W, but for variables whose bounds are equal

  Vector a{}, d{}, z{}, r{}, spare{};  ///< scratch

  static constexpr auto fields() {
    using W = WorkingSet;
    return std::tuple{&W::data,  &W::factors, &W::active, &W::x,        &W::multipliers, &W::bound_multipliers,
                      &W::norms, &W::shift,   &W::centre, &W::singular, &W::convex,      &W::largest,
                      &W::reach, &W::bounded};
  }

  [[nodiscard]] Index size() const { return data.size(); }
  [[nodiscard]] Index count() const { return data.count(); }
  [[nodiscard]] std::int8_t at(Index i) const { return active.bounds[std::size_t(i)]; }
  [[nodiscard]] bool holds(Index k) const { return active.constraints[std::size_t(k)] != 0; }
  [[nodiscard]] S bound(Index i) const { return at(i) < 0 ? data.lower[i] : data.upper[i]; }
  /// The length against which x is known: where x is 0, that of the way to it, of which rounding remains.
  [[nodiscard]] S length(const Vector& of, S tolerance) const {
    return std::max(of.cwiseAbs().maxCoeff(), epsilon / tolerance * reach);
  }
  /// Whether W holds variable i at a bound that it might leave.
  [[nodiscard]] bool held(Index i) const { return at(i) != 0 && !data.fixed(i); }

  /// Gives the scratch its size.
  void prepare() {
    const Index n = size(), least = std::min(n, count());
    for (Vector* v : {&a, &d, &z}) v->resize(n);
    for (Vector* v : {&r, &spare}) v->resize(least);
    factors.prepare();
  }

  /// Begins with the program in `data` and the active set, the point and the multipliers that are there, made such that
  /// they can be: bounds that are infinite are not active, and multipliers have the right signs. `running` if all is
  /// well, else what is wrong with the program; `broken` is then a constraint, or m + a variable, that is impossible.
  Status begin(S tolerance, Index& broken) {
    const Index n = size(), m = count();
    const bool known = convex && data.same_curvature && factors.J.rows() == n;
    const bool fresh = !(known && data.same_normals && factors.updates < std::uint64_t(10 * (n + m) + 100));
    factors.reserve(n, m);
    if (shift.size() != n) shift.setZero(n);
    prepare();
    if (!finite()) {
      convex = false;
      return Status::bad_start;
    }
    if (fresh) {
      norms.resize(m);
      for (Index k = 0; k < m; ++k) norms[k] = data.normals.col(k).norm();
    }
    if ((broken = impossible(tolerance)) >= 0) return Status::infeasible;
    const bool linear = known && largest == S(0);  // D depends on c then
    if (!known) largest = data.Q.cwiseAbs().maxCoeff();
    bool factored = false;
    if (!known || linear) {
      convex = classify(factored);
      if (!convex) return Status::not_convex;
    }
    reach = data.c.cwiseAbs().maxCoeff() / (largest > S(0) ? largest : shift.maxCoeff());
    centre = x;
    const bool same = take();
    if (fresh || linear || !same)
      if (!build(factored)) return Status::stalled;
    return Status::running;
  }

  /// Factors W anew. Constraints that depend on those before leave it. False if that fails.
  bool build(bool factored = false) {
    for (int attempt = 0;; ++attempt) {
      factors.free.clear();
      bounded = 0;
      for (Index i = 0; i < size(); ++i) {
        if (at(i) == 0) factors.free.push_back(i);
        bounded += held(i);
      }
      if (factors.build(data.Q, shift, factored && attempt == 0)) break;
      if (singular || attempt > 0) return false;
      regularize();
    }
    for (Index k = 0; k < count(); ++k) {
      if (!holds(k)) continue;
      project(k);
      if (depends()) {
        leave(k);
      } else {
        factors.direct(d, z);
        factors.add(k, d, z);
      }
    }
    return true;
  }

  /// Raises the diagonal of Q, which is singular, or nearly.
  void regularize() {
    constexpr S relative = S(0.5) * S(1e-7), least = S(1e-3);
    shift = relative * data.Q.diagonal().array().max(least * largest);
    singular = true;
    centre = x;
  }

  /// Leaves in a and d the gradient a of constraint k in the order of F, and J'a.
  void project(Index k) {
    factors.gather(data.normals.col(k), a);
    factors.project(a, d);
  }
  /// The same for the bound of a free variable.
  void project_bound(Index i) {
    const Index place = factors.place[std::size_t(i)];
    a.head(factors.size()).setZero();
    a[place] = 1;
    factors.project_unit(place, d);
  }

  /// Whether a, with d = J'a, is a combination of the gradients of W, by the coefficients r, which it leaves.
  bool depends() {
    const Index nf = factors.size(), q = factors.count();
    const auto upper = factors.R.topLeftCorner(q, q).template triangularView<Eigen::Upper>();
    r.head(q) = d.head(q);
    upper.solveInPlace(r.head(q));
    if (q == nf) return true;
    const S outside = d.segment(q, nf - q).norm(), whole = d.head(nf).norm();
    if (outside > std::sqrt(epsilon) * whole) return false;
    if (whole == S(0)) return true;
    // What J says is as good as the condition of Q allows; so look at the gradients themselves.
    for (int pass = 0;; ++pass) {
      z.head(nf) = a.head(nf);
      for (Index k = 0; k < q; ++k) {
        const auto normal = data.normals.col(factors.working[std::size_t(k)]);
        for (Index i = 0; i < nf; ++i) z[i] -= r[k] * normal[factors.free[std::size_t(i)]];
      }
      if (pass == 1) break;
      factors.project(z, d);
      spare.head(q) = d.head(q);
      upper.solveInPlace(spare.head(q));
      r.head(q) += spare.head(q);
    }
    S sum = a.head(nf).norm();
    for (Index k = 0; k < q; ++k) sum += std::abs(r[k]) * norms[factors.working[std::size_t(k)]];
    factors.project(a, d);
    return z.head(nf).norm() <= 1000 * epsilon * sum;
  }

  /// Takes a constraint out of W.
  void drop(Index k) {
    const auto place = std::find(factors.working.begin(), factors.working.end(), k);
    factors.drop(Index(place - factors.working.begin()));
    leave(k);
  }

  /// Takes the bound of a variable out of W. False if all had to be built anew, with `stalled` if that failed.
  bool release(Index i) {
    x[i] = bound(i);
    active.bounds[std::size_t(i)] = 0;
    bound_multipliers[i] = 0;
    --bounded;
    return factors.release(i, data.Q, shift, data.normals);
  }

  /// Takes a constraint, or the bound of a variable, into W, given a and d of `project` and z of `direct`.
  void add(Index k) {
    active.constraints[std::size_t(k)] = 1;
    factors.add(k, d, z);
  }
  void fix(Index i, std::int8_t side) {
    active.bounds[std::size_t(i)] = side;
    x[i] = bound(i);
    ++bounded;
    factors.fix(factors.place[std::size_t(i)], z);
  }

  /// Makes a multiplier of the bounds of variable i one of the right sign.
  void clip(Index i, S& multiplier) const {
    if (at(i) == 0)
      multiplier = 0;
    else if (!data.fixed(i))
      multiplier = at(i) < 0 ? std::max(multiplier, S(0)) : std::min(multiplier, S(0));
  }

 private:
  void leave(Index k) {
    active.constraints[std::size_t(k)] = 0;
    multipliers[k] = 0;
  }

  [[nodiscard]] bool finite() const {
    constexpr S infinity = std::numeric_limits<S>::infinity();
    return data.c.allFinite() && data.sides.allFinite() && x.allFinite() && !data.lower.hasNaN() &&
           !data.upper.hasNaN() && !(data.lower.array() == infinity).any() &&
           !(data.upper.array() == -infinity).any() && multipliers.allFinite() && bound_multipliers.allFinite() &&
           ((data.same_curvature && convex) || data.Q.allFinite()) &&
           ((data.same_normals && convex) || data.normals.allFinite());
  }

  /// A constraint without variables that cannot hold, or m + a variable whose lower bound is above its upper one by
  /// more than rounding; −1 if there are none.
  Index impossible(S tolerance) {
    for (Index k = 0; k < count(); ++k)
      if (norms[k] == S(0) && (data.sides[k] < 0 || (!data.inequality(k) && data.sides[k] > 0))) return k;
    for (Index i = 0; i < size(); ++i) {
      const S gap = data.lower[i] - data.upper[i];
      if (!(gap > 0)) continue;
      if (gap > tolerance * std::max(std::abs(data.lower[i]), std::abs(data.upper[i]))) return count() + i;
      data.upper[i] = data.lower[i];
    }
    return -1;
  }

  /// For a linear program: such that a proximal step goes some hundred times as far as the constraints are apart.
  [[nodiscard]] S linear_shift() const {
    constexpr S endless = S(1e10);  // bounds that stand for none
    S apart = 0;
    for (Index i = 0; i < size(); ++i)
      for (const S b : {std::abs(data.lower[i]), std::abs(data.upper[i])})
        if (b < endless) apart = std::max(apart, b);
    for (Index k = 0; k < count(); ++k)
      if (norms[k] > 0 && std::abs(data.sides[k]) < endless * norms[k])
        apart = std::max(apart, std::abs(data.sides[k]) / norms[k]);
    const S steep = data.c.cwiseAbs().maxCoeff();
    return steep > 0 ? steep / (100 * (apart > 0 ? apart : S(1))) : S(1);
  }

  /// Whether Q is positive semidefinite to rounding; sets D if it is singular. `factored` if Q is and its factor is
  /// there.
  bool classify(bool& factored) {
    const S rounding = 100 * S(size()) * epsilon * largest;
    shift.setZero();
    singular = false;
    if (largest == S(0)) {
      shift.setConstant(linear_shift());
      singular = true;
      return true;
    }
    if (!(data.Q.diagonal().minCoeff() >= -rounding && data.Q.diagonal().maxCoeff() >= largest - rounding))
      return false;
    if (positive_definite(S(0), std::pow(epsilon, S(0.7)))) {
      factored = true;
      return true;
    }
    if (!positive_definite(rounding, S(0))) return false;
    regularize();
    return true;
  }
  bool positive_definite(S added, S least) {
    auto& L = factors.cholesky;
    L = data.Q;
    L.diagonal().array() += added;
    Eigen::Ref<Eigen::MatrixX<S>> in_place(L);
    if (Eigen::LLT<Eigen::Ref<Eigen::MatrixX<S>>>(in_place).info() != Eigen::Success) return false;
    return (L.diagonal().array().square() > least * data.Q.diagonal().array()).all();
  }

  /// Makes W of `active` one that can be. True if it is that of the factors.
  bool take() {
    bool same = Index(factors.place.size()) == size();
    bounded = 0;
    for (Index i = 0; i < size(); ++i) {
      auto& side = active.bounds[std::size_t(i)];
      if (data.fixed(i))
        side = side == 0 ? std::int8_t(-1) : side;
      else if (side != 0 && !std::isfinite(bound(i)))
        side = 0;
      bounded += held(i);
      clip(i, bound_multipliers[i]);
      same = same && (factors.place[std::size_t(i)] >= 0) == (side == 0);
    }
    Index constraints = 0;
    for (Index k = 0; k < count(); ++k) {
      if (!data.inequality(k)) active.constraints[std::size_t(k)] = 1;
      if (!holds(k)) multipliers[k] = 0;
      if (data.inequality(k)) multipliers[k] = std::max(multipliers[k], S(0));
      constraints += holds(k);
    }
    for (const Index k : factors.working) same = same && holds(k);
    return same && constraints == factors.count();
  }
};

}  // namespace mesaopt::detail
