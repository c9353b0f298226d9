#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <tuple>
#include <vector>

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <Eigen/Jacobi>

namespace mesaopt::detail {

/// The factors with which an active-set method solves for the point that is optimal on its working set: some variables
/// sit on their bounds, and some constraints, linear in the free variables F, hold as equations.
///
/// J is |F| × |F| and R upper triangular, such that J'Q_FF J = I and J'A' = [R; 0] for the gradients A' of those
/// constraints with respect to F. Goldfarb & Idnani (1983), "A numerically stable dual method for solving strictly
/// convex quadratic programs", section 4, with two differences: a reflection in place of a chain of rotations where a
/// constraint comes in, and bounds take their variable out of F, so that a step costs O(|F|²).
template <class S>
struct WorkingFactors {
  using Index = Eigen::Index;
  using Vector = Eigen::VectorX<S>;
  using Rows = Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

  Eigen::MatrixX<S> J{};                   ///< in its upper left |F| × |F|
  Rows R{};                                ///< in its upper left q × q
  std::vector<Index> free{};               ///< the variables of F, in the order of the rows of J
  std::vector<Index> place{};              ///< where each variable is in `free`; −1 if it is not
  std::vector<Index> working{};            ///< the constraints, in the order of the columns of R
  std::uint64_t updates = 0;               ///< changes since J was computed afresh
  Eigen::MatrixX<S> cholesky{};            ///< scratch
  Vector row{}, reflector{}, w{}, swap{};  ///< scratch

  static constexpr auto fields() {
    using F = WorkingFactors;
    return std::tuple{&F::J, &F::R, &F::free, &F::place, &F::working, &F::updates};
  }

  [[nodiscard]] Index size() const { return Index(free.size()); }      ///< |F|
  [[nodiscard]] Index count() const { return Index(working.size()); }  ///< q

  /// Makes room for n variables and m constraints.
  void reserve(Index n, Index m) {
    const Index most = std::min(n, m);
    if (J.rows() != n) J.resize(n, n);
    if (R.rows() != most) R.resize(most, most);
    place.resize(std::size_t(n));
    free.reserve(std::size_t(n));
    working.reserve(std::size_t(most));
    prepare();
  }
  /// Gives the scratch its size.
  void prepare() {
    const Index n = J.rows();
    if (row.size() == n && cholesky.rows() == n) return;
    for (Vector* scratch : {&row, &reflector, &w, &swap}) scratch->resize(n);
    cholesky.resize(n, n);
  }

  /// Puts the entries of v that belong to free variables into `out`, in the order of F.
  template <class V, class Out>
  void gather(const V& v, Out& out) const {
    for (std::size_t i = 0; i < free.size(); ++i) out[Index(i)] = v[free[i]];
  }

  /// Begins afresh with the variables of `free`, no constraints, and Q + diag(shift), of which `known` says that its
  /// Cholesky factor, of all variables in order, is in `cholesky` already. False if that is not positive definite.
  template <class Matrix>
  bool build(const Matrix& Q, const Vector& shift, bool known = false) {
    const Index nf = size();
    working.clear();
    updates = 0;
    J.setZero();
    R.setZero();
    std::fill(place.begin(), place.end(), Index(-1));
    for (Index i = 0; i < nf; ++i) place[std::size_t(free[std::size_t(i)])] = i;
    if (nf == 0) return true;
    auto L = cholesky.topLeftCorner(nf, nf);
    if (!known || nf < J.rows()) {
      for (Index j = 0; j < nf; ++j) {
        const Index variable = free[std::size_t(j)];
        for (Index i = j; i < nf; ++i) L(i, j) = Q(free[std::size_t(i)], variable);
        L(j, j) += shift[variable];
      }
      Eigen::Ref<Eigen::MatrixX<S>> in_place(L);
      if (Eigen::LLT<Eigen::Ref<Eigen::MatrixX<S>>>(in_place).info() != Eigen::Success) return false;
    }
    // J = inverse of L', which is upper triangular: a block of columns needs the upper left part of L alone.
    constexpr Index block = 24;
    for (Index from = 0; from < nf; from += block) {
      const Index width = std::min(block, nf - from), rows = from + width;
      auto columns = J.block(0, from, rows, width);
      columns.bottomRows(width).setIdentity();
      L.topLeftCorner(rows, rows).transpose().template triangularView<Eigen::Upper>().solveInPlace(columns);
    }
    return J.topLeftCorner(nf, nf).allFinite();
  }

  /// d = J'a, for a in the order of F.
  void project(const Vector& a, Vector& d) const {
    const Index nf = size();
    d.head(nf).noalias() = J.topLeftCorner(nf, nf).transpose() * a.head(nf);
  }
  /// The same for the unit vector at position i of F.
  void project_unit(Index i, Vector& d) const { d.head(size()) = J.row(i).head(size()).transpose(); }

  /// z = J₂J₂'a, for d = J'a: the direction, in the order of F, in which a'x changes most for its cost, and which the
  /// constraints of the working set do not feel.
  void direct(const Vector& d, Vector& z) const { times(count(), d, z); }

  /// Takes a constraint into the working set, given d = J'a for its gradient a, which depends on no others there, and z
  /// of `direct`.
  void add(Index constraint, const Vector& d, const Vector& z) {
    const Index q = count();
    R.col(q).head(q) = d.head(q);
    R(q, q) = reflect(d, z);
    working.push_back(constraint);
    ++updates;
  }

  /// Takes the constraint at position k out of the working set.
  void drop(Index k) {
    const Index q = count();
    for (Index i = 0; i < q; ++i)
      for (Index j = k; j + 1 < q; ++j) R(i, j) = R(i, j + 1);
    for (Index j = k; j + 1 < q; ++j) {
      const S x = R(j, j), y = R(j + 1, j), h = std::hypot(x, y);
      if (h == S(0)) continue;
      rotate(j, j + 1, x / h, y / h);
      rotate_rows(j, j + 1, j, q - 1, x / h, y / h);
      R(j + 1, j) = 0;
    }
    R.row(q - 1).head(q).setZero();
    R.col(q - 1).head(q).setZero();
    working.erase(working.begin() + std::ptrdiff_t(k));
    ++updates;
  }

  /// Takes the variable at position i out of F, given z of `direct` for its unit vector, which must not depend on the
  /// constraints of the working set.
  void fix(Index i, const Vector& z) {
    const Index q = count(), last = size() - 1;
    project_unit(i, row);
    S pivot = reflect(row, z);
    // The row is (row[0..q), pivot, 0 ...): rotations bring all of it into column q, which then leaves with the row.
    w.head(q).setZero();
    for (Index k = q - 1; k >= 0; --k) {
      const S h = std::hypot(row[k], pivot);
      if (h == S(0)) continue;
      const S c = pivot / h, s = row[k] / h;
      rotate(q, k, c, s);
      for (Index j = k; j < q; ++j) {
        const S above = R(k, j);
        R(k, j) = c * above - s * w[j];
        w[j] = c * w[j] + s * above;
      }
      pivot = h;
    }
    J.col(q).head(last + 1) = J.col(last).head(last + 1);
    J.row(i).head(last) = J.row(last).head(last);
    J.col(last).head(last + 1).setZero();
    J.row(last).head(last + 1).setZero();
    place[std::size_t(free[std::size_t(i)])] = -1;
    free[std::size_t(i)] = free[std::size_t(last)];
    if (i != last) place[std::size_t(free[std::size_t(i)])] = i;
    free.pop_back();
    ++updates;
  }

  /// Takes a variable into F, given its column of Q, what is added to its diagonal entry, and the gradients of all
  /// constraints, one a column. False, with nothing changed, if Q is singular to rounding on the new F.
  template <class Matrix, class Normals>
  bool release(Index variable, const Matrix& Q, const Vector& shift, const Normals& normals) {
    const Index nf = size(), q = count();
    const S diagonal = Q(variable, variable) + shift[variable];
    gather(Q.col(variable), row);
    project(row, reflector);
    times(0, reflector, swap);
    w.head(nf) = -swap.head(nf);
    S curvature = diagonal - reflector.head(nf).squaredNorm();
    if (!(curvature > S(1e-3) * diagonal)) {  // digits cancelled: orthogonalize once more
      for (Index i = 0; i < nf; ++i) {
        const Index there = free[std::size_t(i)];
        S sum = row[i] + shift[there] * w[i];
        for (Index j = 0; j < nf; ++j) sum += Q(free[std::size_t(j)], there) * w[j];
        swap[i] = sum;
      }
      project(swap, reflector);
      curvature = diagonal + w.head(nf).dot(swap.head(nf));
      for (Index i = 0; i < nf; ++i) curvature += w[i] * Q(free[std::size_t(i)], variable);
      curvature -= reflector.head(nf).squaredNorm();
      times(0, reflector, swap);
      w.head(nf) -= swap.head(nf);
    }
    constexpr S rounding = 100 * std::numeric_limits<S>::epsilon();
    if (!(curvature > rounding * S(nf + 1) * diagonal)) return false;
    const S scale = 1 / std::sqrt(curvature);
    J.col(nf).head(nf) = scale * w.head(nf);
    J.row(nf).head(nf).setZero();
    J(nf, nf) = scale;
    free.push_back(variable);
    place[std::size_t(variable)] = nf;
    for (Index k = 0; k < q; ++k) {
      const auto normal = normals.col(working[std::size_t(k)]);
      S sum = 0;
      for (Index i = 0; i <= nf; ++i) sum += normal[free[std::size_t(i)]] * J(i, nf);
      reflector[k] = sum;
    }
    for (Index k = 0; k < q; ++k) {  // R has a new row, the products with the new column: rotate it away
      const S x = R(k, k), y = reflector[k], h = std::hypot(x, y);
      if (y == S(0)) continue;
      const S c = x / h, s = y / h;
      rotate(k, nf, c, s);
      for (Index j = k; j < q; ++j) {
        const S above = R(k, j), below = reflector[j];
        R(k, j) = c * above + s * below;
        reflector[j] = c * below - s * above;
      }
    }
    ++updates;
    return true;
  }

  /// Solves  Q_FF x + A'y = −g,  A x = r  for the changes x of the free variables and y of the multipliers, given
  /// `g` in the order of F and `r` in that of the working set, in place.
  void solve(Vector& g, Vector& r) {
    const Index nf = size(), q = count();
    project(g, row);
    const auto upper = R.topLeftCorner(q, q).template triangularView<Eigen::Upper>();
    R.topLeftCorner(q, q).transpose().template triangularView<Eigen::Lower>().solveInPlace(r.head(q));
    w.head(q) = r.head(q);
    w.segment(q, nf - q) = -row.segment(q, nf - q);
    r.head(q) = -row.head(q) - r.head(q);
    upper.solveInPlace(r.head(q));
    times(0, w, g);
  }

 private:
  /// out = the columns of J from one on, times the entries of v from there on.
  void times(Index from, const Vector& v, Vector& out) const {
    const Index nf = size();
    out.head(nf).noalias() = J.block(0, from, nf, nf - from) * v.segment(from, nf - from);
  }

  /// Reflects the columns q and up of J so that of d = J'a only entry q remains there, which is returned.
  S reflect(const Vector& d, const Vector& z) {
    const Index nf = size(), q = count(), rest = nf - q;
    auto v = reflector.head(rest);
    v = d.segment(q, rest);
    const S norm = v.norm(), pivot = v[0] > S(0) ? -norm : norm;
    v[0] -= pivot;
    const S square = v.squaredNorm();
    if (square == S(0)) return pivot;
    w.head(nf) = z.head(nf) - pivot * J.col(q).head(nf);
    v *= -2 / square;
    J.block(0, q, nf, rest).noalias() += w.head(nf) * v.transpose();
    return pivot;
  }

  /// Columns a and b of J become c a + s b and c b − s a.
  void rotate(Index a, Index b, S c, S s) { J.topRows(size()).applyOnTheRight(a, b, Eigen::JacobiRotation<S>(c, -s)); }

  void rotate_rows(Index a, Index b, Index from, Index to, S c, S s) {
    for (Index j = from; j < to; ++j) {
      const S above = R(a, j), below = R(b, j);
      R(a, j) = c * above + s * below;
      R(b, j) = c * below - s * above;
    }
  }
};

}  // namespace mesaopt::detail
