#include <mesaopt/gradient/working_factors.hpp>

#include <cmath>
#include <cstdint>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/random.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using Factors = detail::WorkingFactors<double>;

namespace {

double largest(const MatrixXd& M) { return M.size() == 0 ? 0 : M.cwiseAbs().maxCoeff(); }
MatrixXd product(const MatrixXd& A, const MatrixXd& B) { return A.lazyProduct(B); }
/// A'B.
MatrixXd inner(const MatrixXd& A, const MatrixXd& B) { return A.transpose().lazyProduct(B); }
MatrixXd upper_left(const MatrixXd& A, Index rows, Index columns) { return A.topLeftCorner(rows, columns); }

/// The numbers of a program, and what the optimizer does with the factors of its working set.
struct Program {
  MatrixXd Q, normals;
  VectorXd shift, a, d, z;
  Program(std::uint64_t seed, Index n, Index m) : Q(n, n), normals(n, m), shift(n), a(n), d(n), z(n) {
    Random random{.seed = seed};
    MatrixXd G(n, n);
    random.fill_normal(G);
    random.fill_normal(normals);
    Q = inner(G, G);
    for (auto& entry : shift) entry = random.uniform();
  }
  [[nodiscard]] Factors begun() const {
    Factors f;
    f.reserve(Q.rows(), normals.cols());
    for (Index i = 0; i < Q.rows(); ++i) f.free.push_back(i);
    f.build(Q, shift);
    return f;
  }
  void add(Factors& f, Index k) {
    f.gather(normals.col(k), a);
    f.project(a, d);
    f.direct(d, z);
    f.add(k, d, z);
  }
  void fix(Factors& f, Index i) {
    f.project_unit(i, d);
    f.direct(d, z);
    f.fix(i, z);
  }
  /// Changes the working set at random, as often as is asked; the bounds of half of the variables at most are in it.
  void wander(Factors& f, Random& random, int changes) {
    for (int change = 0; change < changes; ++change) {
      const auto what = random.below(4);
      if (what == 0 && f.count() < f.size() - 1 && f.count() < normals.cols()) {
        Index k = Index(random.below(std::uint64_t(normals.cols())));
        while (std::find(f.working.begin(), f.working.end(), k) != f.working.end()) k = (k + 1) % normals.cols();
        add(f, k);
      } else if (what == 1 && f.count() > 0) {
        f.drop(Index(random.below(std::uint64_t(f.count()))));
      } else if (what == 2 && f.size() > Q.rows() / 2 && f.count() < f.size() - 1) {
        fix(f, Index(random.below(std::uint64_t(f.size()))));
      } else if (what == 3 && f.size() < Q.rows()) {
        Index variable = Index(random.below(std::uint64_t(Q.rows())));
        while (f.place[std::size_t(variable)] >= 0) variable = (variable + 1) % Q.rows();
        f.release(variable, Q, shift, normals);
      }
    }
  }
  /// Q_FF + D, in the order of F.
  [[nodiscard]] MatrixXd curvature(const Factors& f) const {
    MatrixXd part(f.size(), f.size());
    for (Index j = 0; j < f.size(); ++j)
      for (Index i = 0; i < f.size(); ++i) part(i, j) = Q(f.free[std::size_t(i)], f.free[std::size_t(j)]);
    for (Index i = 0; i < f.size(); ++i) part(i, i) += shift[f.free[std::size_t(i)]];
    return part;
  }
  [[nodiscard]] MatrixXd gradients(const Factors& f) const {
    MatrixXd part(f.size(), f.count());
    for (Index k = 0; k < f.count(); ++k)
      for (Index i = 0; i < f.size(); ++i) part(i, k) = normals(f.free[std::size_t(i)], f.working[std::size_t(k)]);
    return part;
  }
};

}  // namespace

TEST_CASE("Of a diagonal Q the factors are what a page of arithmetic says", "[working_factors]") {
  Program p(1, 2, 1);
  p.Q << 4, 0, 0, 9;
  p.shift << 0, 0;
  p.normals << 1, 1;
  Factors f = p.begun();
  CHECK(f.J(0, 0) == Approx(0.5).epsilon(1e-15));
  CHECK(f.J(1, 1) == Approx(1.0 / 3).epsilon(1e-15));
  CHECK(f.J(0, 1) == 0);
  p.add(f, 0);
  CHECK(std::abs(f.R(0, 0)) == Approx(std::sqrt(1.0 / 4 + 1.0 / 9)));
  // min 2 x₁² + 4.5 x₂² − 4 x₁ subject to x₁ + x₂ = 1: x = (1, 0), with the multiplier 0.
  VectorXd g(2), r(1);
  g << -4, 0;
  r << 1;
  f.solve(g, r);
  CHECK(g[0] == Approx(1).epsilon(1e-15));
  CHECK(std::abs(g[1]) < 1e-15);
  CHECK(std::abs(r[0]) < 1e-14);
  f.drop(0);
  CHECK(f.count() == 0);
  CHECK(f.R(0, 0) == 0);
}

TEST_CASE("After any changes the factors are still those of the working set", "[working_factors]") {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    Program p(seed, 14, 9);
    Factors f = p.begun();
    Random random{.seed = seed, .stream = 1};
    for (int round = 0; round < 20; ++round) {
      CAPTURE(seed, round);
      p.wander(f, random, 10);
      const Index nf = f.size(), q = f.count();
      const MatrixXd J = upper_left(f.J, nf, nf);
      MatrixXd unit = inner(J, product(p.curvature(f), J)), gradients = inner(J, p.gradients(f));
      for (Index i = 0; i < nf; ++i) unit(i, i) -= 1;
      bool upper = true;
      for (Index i = 0; i < q; ++i)
        for (Index k = 0; k < q; ++k) {
          gradients(i, k) -= f.R(i, k);
          upper = upper && (i <= k || f.R(i, k) == 0);
        }
      CHECK(largest(unit) < 1e-10);
      CHECK(largest(gradients) < 1e-10);
      CHECK(upper);
      for (Index i = 0; i < nf; ++i) CHECK(f.place[std::size_t(f.free[std::size_t(i)])] == i);
      CHECK(std::count(f.place.begin(), f.place.end(), Index(-1)) == 14 - nf);
    }
  }
}

TEST_CASE("Factors after changes equal those computed afresh but for signs", "[working_factors]") {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    CAPTURE(seed);
    Program p(seed, 12, 8);
    Factors f = p.begun();
    Random random{.seed = seed, .stream = 2};
    p.wander(f, random, 150);
    if (f.count() == 0) p.add(f, 0);
    Factors fresh;
    fresh.reserve(12, 8);
    fresh.free = f.free;
    REQUIRE(fresh.build(p.Q, p.shift));
    for (const Index k : f.working) p.add(fresh, k);
    const Index nf = f.size(), q = f.count();
    CHECK(fresh.working == f.working);
    CHECK(fresh.updates == std::uint64_t(q));
    CHECK(f.updates > 100);
    // R is a Cholesky factor, and J's first columns follow from it: rows and columns may differ in sign.
    double off = 0;
    for (Index k = 0; k < q; ++k) {
      for (Index i = 0; i < q; ++i) off = std::max(off, std::abs(std::abs(f.R(i, k)) - std::abs(fresh.R(i, k))));
      for (Index i = 0; i < nf; ++i) off = std::max(off, std::abs(std::abs(f.J(i, k)) - std::abs(fresh.J(i, k))));
    }
    CHECK(off < 1e-10);
    const auto inverse = [&](const Factors& of) {
      const MatrixXd J = upper_left(of.J, nf, nf);
      return product(J, J.transpose());
    };
    const MatrixXd mine = inverse(f), theirs = inverse(fresh);
    CHECK(largest(mine - theirs) < 1e-10);
  }
}

TEST_CASE("The factors solve the equations of the working set", "[working_factors]") {
  Program p(3, 10, 6);
  Factors f = p.begun();
  Random random{.seed = 4};
  p.wander(f, random, 60);
  for (Index k = 0; k < 3 && f.count() < 2; ++k) p.add(f, k);
  const Index nf = f.size(), q = f.count();
  REQUIRE(q > 1);
  REQUIRE(nf < 10);
  VectorXd g(10), r(6);
  random.fill_normal(g);
  random.fill_normal(r);
  const MatrixXd gradient = upper_left(g, nf, 1), sides = upper_left(r, q, 1), A = p.gradients(f);
  f.solve(g, r);
  const MatrixXd x = upper_left(g, nf, 1), y = upper_left(r, q, 1);
  const MatrixXd curved = product(p.curvature(f), x), pulled = product(A, y), along = inner(A, x);
  CHECK(largest(curved + pulled + gradient) < 1e-10);
  CHECK(largest(along - sides) < 1e-10);
  CHECK(largest(x) > 0.01);
}

TEST_CASE("A known Cholesky factor gives the same bits as one computed here", "[working_factors]") {
  Program p(5, 7, 3);
  const Factors f = p.begun();
  Factors other;
  other.reserve(7, 3);
  other.free = f.free;
  other.cholesky = f.cholesky;
  REQUIRE(other.build(p.Q, p.shift, true));
  CHECK(identical(other.J, f.J));
}

TEST_CASE("What is not positive definite has no factors, and a flat variable is not released", "[working_factors]") {
  Program p(6, 5, 2);
  p.shift.setZero();
  for (Index i = 0; i < 5; ++i) p.Q(3, i) = p.Q(1, i);
  for (Index i = 0; i < 5; ++i) p.Q(i, 3) = p.Q(i, 1);
  Factors f;
  f.reserve(5, 2);
  f.free = {0, 1, 2, 4};
  REQUIRE(f.build(p.Q, p.shift));
  p.add(f, 0);
  const Factors before = f;
  CHECK_FALSE(f.release(3, p.Q, p.shift, p.normals));
  CHECK(identical(f, before));
  f.free = {0, 1, 2, 3, 4};
  p.Q(3, 3) -= 1e-3;
  CHECK_FALSE(f.build(p.Q, p.shift));
}

TEST_CASE("Changes of the factors allocate nothing", "[working_factors]") {
  Program p(7, 20, 12);
  Factors f = p.begun();
  Random random{.seed = 8};
  const long before = allocations();
  p.wander(f, random, 100);
  const bool built = f.build(p.Q, p.shift);
  CHECK(allocations() == before);
  CHECK(built);
}
