#include <mesaopt/nested/single_loop.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/gradient/gradient_descent.hpp>
#include <mesaopt/nested/nested.hpp>
#include <mesaopt/nested/response.hpp>
#include <mesaopt/problems/quadratic_bilevel.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::Index;
using Eigen::VectorXd;
using Some = std::span<const Index>;
using problems::QuadraticBilevel;

namespace {

constexpr Index n = 3, m = 4;

/// Term i is a quadratic bilevel problem of its own; the means over terms make another one.
struct Terms {
  std::vector<QuadraticBilevel> list;
  mutable long asked = 0;
  long throws_at = -1, nan_at = -1;
  double edge = std::numeric_limits<double>::infinity();  ///< where the outer objective ends, in |x|

  explicit Terms(Index count) {
    for (Index i = 0; i < count; ++i) list.push_back(QuadraticBilevel::random(n, m, std::uint64_t(i + 1)));
  }
  QuadraticBilevel mean(Index first = 0, Index count = -1) const {
    const Index size = count < 0 ? Index(list.size()) : count;
    QuadraticBilevel q = list[std::size_t(first)];
    for (auto part : {&QuadraticBilevel::A, &QuadraticBilevel::C, &QuadraticBilevel::H, &QuadraticBilevel::K,
                      &QuadraticBilevel::B}) {
      (q.*part).setZero();
      for (Index i = first; i < first + size; ++i) q.*part += list[std::size_t(i)].*part / double(size);
    }
    for (auto part : {&QuadraticBilevel::a, &QuadraticBilevel::h, &QuadraticBilevel::b}) {
      (q.*part).setZero();
      for (Index i = first; i < first + size; ++i) q.*part += list[std::size_t(i)].*part / double(size);
    }
    return q;
  }
};

struct Inner {
  const Terms& t;
  Index terms() const { return Index(t.list.size()); }
  double operator()(const VectorXd& x, const VectorXd& y, Some batch, VectorXd& gy) const {
    if (++t.asked == t.throws_at) throw std::runtime_error("asked too often");
    double value = 0;
    VectorXd g(m);
    gy.setZero();
    for (const Index i : batch) {
      value += t.list[std::size_t(i)].inner()(x, y, g) / double(batch.size());
      gy += g / double(batch.size());
    }
    return t.asked == t.nan_at ? std::nan("") : value;
  }
  double operator()(const VectorXd& x, const VectorXd& y, VectorXd& gy) const {
    const auto q = t.mean();
    return q.inner()(x, y, gy);
  }
  void hessian_product(const VectorXd&, const VectorXd&, Some batch, const VectorXd& v, VectorXd& out) const {
    out.setZero();
    for (const Index i : batch) out.noalias() += t.list[std::size_t(i)].A.lazyProduct(v) / double(batch.size());
  }
  void mixed_product(const VectorXd&, const VectorXd&, Some batch, const VectorXd& v, VectorXd& out) const {
    out.setZero();
    for (const Index i : batch) out.noalias() += t.list[std::size_t(i)].C.lazyProduct(v) / double(batch.size());
  }
};
/// The same without Hessian products, and with a Memory.
struct Bare {
  Inner g;
  template <class Y>
  using Memory = Workspace<VectorXd>;
  Index terms() const { return g.terms(); }
  double operator()(const VectorXd& x, const VectorXd& y, Some batch, VectorXd& gy,
                    const Call<Workspace<VectorXd>>& call) const {
    call.record.setZero(m);
    return g(x, y, batch, gy);
  }
  double operator()(const VectorXd& x, const VectorXd& y, VectorXd& gy, const Call<Workspace<VectorXd>>&) const {
    return g(x, y, gy);
  }
  void mixed_product(const VectorXd& x, const VectorXd& y, Some batch, const VectorXd& v, VectorXd& out,
                     const Call<Workspace<VectorXd>>&) const {
    g.mixed_product(x, y, batch, v, out);
  }
};
struct Outer {
  const Terms& t;
  Index terms() const { return Index(t.list.size()) - 1; }  // another number than that of the inner level
  double operator()(const VectorXd& x, const VectorXd& y, Some batch, VectorXd& gx, VectorXd& gy) const {
    double value = 0;
    gx.setZero();
    gy.setZero();
    for (const Index i : batch) {
      const auto& q = t.list[std::size_t(i)];
      gx.noalias() += (q.h + q.H.lazyProduct(x) + q.K.lazyProduct(y)) / double(batch.size());
      gy.noalias() += (q.b + q.B.lazyProduct(y) + q.K.transpose().lazyProduct(x)) / double(batch.size());
      value += q.outer()(x, y) / double(batch.size());
    }
    return x.norm() > t.edge ? std::nan("") : value;
  }
  double operator()(const VectorXd& x, const VectorXd& y) const {
    const auto q = t.mean(0, terms());
    return q.outer()(x, y);
  }
};

/// The problem of all terms together: the inner mean over all of them, the outer over all but the last.
QuadraticBilevel whole(const Terms& t) {
  QuadraticBilevel q = t.mean(0, Index(t.list.size()) - 1), inner = t.mean();
  q.A = inner.A;
  q.C = inner.C;
  q.a = inner.a;
  return q;
}

const VectorXd x0 = VectorXd::Constant(n, 0.5), inner0 = VectorXd::Constant(m, -0.25);
auto problem(const Terms& t) { return nested(Outer{t}, response(family(Inner{t}), GradientDescent{}, inner0)); }
using Problem = decltype(problem(std::declval<const Terms&>()));
template <class O>
using StateIn = StateOf<O, Problem, VectorXd>;
static_assert(OptimizerFor<Soba, Problem, VectorXd>);
static_assert(OptimizerFor<Saba, Problem, VectorXd>);

/// One stopping rule for all runs: it takes the compiler long.
auto until(std::int64_t evaluations, double directions = 0) {
  return GradientBelow{directions} || MaxEvaluations{evaluations};
}

/// Terms of a batch of `size`, as an interval.
std::pair<Index, Index> interval(Index batch, Index size, Index terms) {
  return {batch * size, std::min(size, terms - batch * size)};
}
/// D_x, D_y, D_v of single batches, written out, of the inner and of the outer level: the sum of both is the whole.
VectorXd inner_part(const Terms& t, std::pair<Index, Index> batch, const VectorXd& x, const VectorXd& y,
                    const VectorXd& v) {
  const auto q = t.mean(batch.first, batch.second);
  VectorXd d(n + 2 * m);
  d << q.C * v, q.A * y + q.a + q.C.transpose() * x, q.A * v;
  return d;
}
VectorXd outer_part(const Terms& t, std::pair<Index, Index> batch, const VectorXd& x, const VectorXd& y) {
  const auto q = t.mean(batch.first, batch.second);
  VectorXd d(n + 2 * m);
  d << q.h + q.H * x + q.K * y, VectorXd::Zero(m), q.b + q.B * y + q.K.transpose() * x;
  return d;
}

/// The paper's loop, with the library's draws.
template <bool remembers>
void check_formulas(double decay) {
  const Terms t(7);
  const auto f = problem(t);
  const SingleLoop<remembers> loop{.inner_rate = 0.1, .outer_rate = 0.05, .decay = decay, .size = 2, .seed = 9};
  StateIn<SingleLoop<remembers>> state;
  loop.init(f, x0, state);
  VectorXd x = x0, y = inner0, v = VectorXd::Zero(m);
  std::vector<VectorXd> inner(4, VectorXd::Zero(n + 2 * m)), outer(3, VectorXd::Zero(n + 2 * m));
  for (std::uint64_t k = 0; k < 60; ++k) {
    const auto i = Index(Random{9}.at(2 * k).below(4)), j = Index(Random{9}.at(2 * k + 1).below(3));
    const auto of_inner = interval(i, 2, 7), of_outer = interval(j, 2, 6);
    VectorXd now = inner_part(t, of_inner, x, y, v), direction = 4 * double(of_inner.second) / 7 * now;
    if (remembers) {
      direction -= 4 * double(of_inner.second) / 7 * inner[std::size_t(i)];
      for (Index b = 0; b < 4; ++b) direction += double(interval(b, 2, 7).second) / 7 * inner[std::size_t(b)];
      inner[std::size_t(i)] = now;
    }
    now = outer_part(t, of_outer, x, y);
    direction += now;
    if (remembers) {
      for (Index b = 0; b < 3; ++b) direction += outer[std::size_t(b)] / 3;
      direction -= outer[std::size_t(j)];
      outer[std::size_t(j)] = now;
    }
    const double fall = std::pow(double(k + 1), -decay);
    x -= 0.05 * fall * direction.head(n);
    y -= 0.1 * fall * direction.segment(n, m);
    v -= 0.1 * fall * direction.tail(m);
    loop.step(f, state);
    REQUIRE((state.directions - direction).norm() < 1e-12 * (1 + direction.norm()));
    REQUIRE((state.x - x).norm() + (state.y - y).norm() + (state.adjoint - v).norm() < 1e-12);
  }
}

using Vector2 = Eigen::Vector2f;
/// Inner terms |y - c x|²/2 with c = 1, 2, 3, outer ones |y - e|²/2 with e = 0, 1, 2: solved by x = 1/2, y = 1.
struct ThreeLines {
  Index terms() const { return 3; }
  float operator()(const Vector2& x, const Vector2& y, Some batch, Vector2& gy) const {
    gy = y - float(batch[0] + 1) * x;
    return gy.squaredNorm() / 2;
  }
  float operator()(const Vector2& x, const Vector2& y, Vector2& gy) const {
    gy = y - 2 * x;
    return gy.squaredNorm() / 2;
  }
  void mixed_product(const Vector2&, const Vector2&, Some batch, const Vector2& v, Vector2& out) const {
    out = -float(batch[0] + 1) * v;
  }
};
struct ThreePoints {
  Index terms() const { return 3; }
  float operator()(const Vector2&, const Vector2& y, Some batch, Vector2& gx, Vector2& gy) const {
    gx.setZero();
    gy = (y.array() - float(batch[0])).matrix();
    return gy.squaredNorm() / 2;
  }
};

}  // namespace

TEST_CASE("a single loop takes floats of fixed size, and never allocates after its first init", "[nested]") {
  const Vector2 start(2, -1);
  const auto f = nested(ThreePoints{}, response(family(ThreeLines{}), GradientDescent{}, start));
  const Saba saba{.inner_rate = 0.2, .outer_rate = 0.02, .seed = 5};
  StateOf<Saba, decltype(f), Vector2> state;
  saba.init(f, start, state);
  const auto before = allocations();
  for (int again = 0; again < 2; ++again) {
    saba.init(f, start, state);
    for (int k = 0; k < 4000; ++k) saba.step(f, state);
    CHECK((state.x - Vector2(0.5F, 0.5F)).norm() < 1e-5F);
    CHECK((state.y - Vector2(1, 1)).norm() < 1e-5F);
  }
  CHECK(allocations() == before);
}

TEST_CASE("steps of both single loops are the paper's formulas", "[nested]") {
  check_formulas<false>(0.5);
  check_formulas<true>(0);
}

TEST_CASE("directions of both single loops are right in the mean, also where the last batch is smaller", "[nested]") {
  const Terms t(7);
  const auto f = problem(t);
  const auto check = [&](auto loop, int before) {
    using State = StateIn<decltype(loop)>;
    State state;
    loop.init(f, x0, state);
    for (int k = 0; k < before; ++k) loop.step(f, state);
    const VectorXd exact =
        inner_part(t, {0, 7}, state.x, state.y, state.adjoint) + outer_part(t, {0, 6}, state.x, state.y);
    VectorXd mean = VectorXd::Zero(exact.size()), square = mean;
    constexpr int draws = 3000;
    for (int s = 0; s < draws; ++s) {
      State copy = state;
      loop.seed = std::uint64_t(s + 100);
      loop.step(f, copy);
      const VectorXd off = copy.directions - exact;
      mean += off / draws;
      square += off.cwiseAbs2() / draws;
    }
    CHECK(square.minCoeff() > 0);
    for (Index i = 0; i < exact.size(); ++i) CHECK(std::abs(mean[i]) < 5 * std::sqrt(square[i] / draws));
  };
  check(Soba{.size = 2}, 0);
  check(Saba{.size = 2, .seed = 3}, 12);
}

TEST_CASE("Saba converges linearly to the closed form at constant rates, where Soba stays in a neighbourhood",
          "[nested]") {
  const Terms t(12);
  const auto f = problem(t);
  const auto q = whole(t);
  const VectorXd solution = q.solution(), y = q.response(solution);
  const VectorXd slope = q.b + q.B * y + q.K.transpose() * solution, v = -q.A.ldlt().solve(slope);
  const Saba saba{.inner_rate = 0.06, .outer_rate = 0.03};
  StateIn<Saba> state;
  saba.init(f, x0, state);
  const double first = (x0 - solution).norm();
  std::vector<double> errors;
  for (int k = 1; k <= 8000; ++k) {
    saba.step(f, state);
    if (k % 1000 == 0) errors.push_back((state.x - solution).norm() / first);
  }
  for (std::size_t i = 0; i + 1 < errors.size(); ++i) CHECK(errors[i + 1] < std::max(0.2 * errors[i], 1e-13));
  CHECK(errors.back() < 1e-12);
  CHECK((state.y - y).norm() + (state.adjoint - v).norm() < 1e-11);

  const auto away = [&](const Soba& soba, std::int64_t steps) {
    StateIn<Soba> s;
    soba.init(f, x0, s);
    double mean = 0;
    for (std::int64_t k = 0; k < steps; ++k) {
      soba.step(f, s);
      if (k >= steps / 2) mean += (s.x - solution).norm() / first / double(steps - steps / 2);
    }
    return mean;
  };
  const double large = away({.inner_rate = 0.06, .outer_rate = 0.03, .decay = 0}, 4000);
  const double small = away({.inner_rate = 0.006, .outer_rate = 0.003, .decay = 0}, 40000);
  CHECK((large > 0.01 && large < 0.5));
  CHECK(small < 0.5 * large);
  CHECK(away({.inner_rate = 0.06, .outer_rate = 0.03}, 40000) < 0.5 * large);

  const auto found = minimize(f, x0, saba, until(20000, 1e-9));
  CHECK(found.status == Status::gradient_below);
  CHECK((found.x - solution).norm() < 1e-8);
  CHECK(found.evaluation.reason == Reason::sampled_gradient);
  const auto until_rest = minimize(f, x0, Saba{.inner_rate = 0.06, .outer_rate = 0.03, .size = 100}, until(100000));
  CHECK(until_rest.status == Status::stalled);
}

TEST_CASE("a single loop makes Hessian products by differences, and hands an objective its memory", "[nested]") {
  const Terms t(5);
  const auto f = problem(t);
  const auto bare = nested(Outer{t}, response(family(Bare{{t}}), GradientDescent{}, inner0));
  const Saba saba{.inner_rate = 0.05, .outer_rate = 0.02, .seed = 4};
  const auto one = minimize(f, x0, saba, until(201));
  StateOf<Saba, decltype(bare), VectorXd> other;
  saba.init(bare, x0, other);
  for (int k = 0; k < 200; ++k) saba.step(bare, other);
  CHECK((one.x - other.x).norm() < 1e-8);
  CHECK(one.x != x0);
  CHECK(one.counts[0].gradients == 201);
  CHECK(one.counts[1].gradients == 201);
  CHECK(one.counts[1].hessian_products == 402);
  CHECK(other.calls.counts[1].gradients == 3 * 201 - 4);  // at the start, looked at twice, the adjoint is 0
  CHECK(other.calls.counts[1].hessian_products == 201);
}

TEST_CASE("a single loop goes on from a copy or from bytes with the same bits", "[nested]") {
  const Terms t(6);
  const auto f = problem(t);
  const auto check = [&](const auto& loop) {
    StateIn<std::remove_cvref_t<decltype(loop)>> state, loaded;
    loop.init(f, x0, state);
    for (int k = 0; k < 30; ++k) loop.step(f, state);
    load(save(state), loaded);
    auto copy = state;
    for (int k = 0; k < 30; ++k)
      for (auto* each : {&state, &loaded, &copy}) loop.step(f, *each);
    CHECK(identical(state, loaded));
    CHECK(identical(state, copy));
    const auto last = state;
    loop.init(f, x0, state);
    for (int k = 0; k < 60; ++k) loop.step(f, state);
    CHECK(identical(state, last));
    auto other = loop;
    other.seed = 77;
    other.init(f, x0, copy);
    for (int k = 0; k < 60; ++k) other.step(f, copy);
    CHECK(copy.x != state.x);
  };
  check(Soba{.size = 2});
  check(Saba{.size = 2});
}

TEST_CASE("a single loop heeds its budget, and survives exceptions and numbers that are none", "[nested]") {
  Terms t(6);
  const auto f = problem(t);
  const Saba saba{.inner_rate = 0.05, .outer_rate = 0.05};
  CHECK(minimize(f, x0, saba, until(17)).counts[0].evaluations() == 17);

  StateIn<Saba> state, undisturbed;
  saba.init(f, x0, state);
  for (int k = 0; k < 5; ++k) saba.step(f, state);
  undisturbed = state;
  t.throws_at = t.asked + 1;
  CHECK_THROWS_AS(saba.step(f, state), std::runtime_error);
  CHECK(state.x == undisturbed.x);
  saba.step(f, state);
  saba.step(f, undisturbed);
  CHECK(state.x == undisturbed.x);
  CHECK(state.directions == undisturbed.directions);

  // A step over the edge is halved until it is inside; beyond the edge nothing can begin.
  t.edge = x0.norm() + 1e-3;
  StateIn<Soba> far;
  const Soba fast{.inner_rate = 0.05, .outer_rate = 0.1, .decay = 0};
  fast.init(f, x0, far);
  for (int k = 0; k < 300 && far.status == Status::running; ++k) {
    fast.step(f, far);
    CHECK(far.x.allFinite());
    CHECK(std::isfinite(far.value));
  }
  t.edge = 0.1;
  CHECK(minimize(f, x0, saba, until(5)).status == Status::bad_start);
  Terms empty(6);
  empty.list.clear();
  CHECK_THROWS_WITH(saba.init(problem(empty), x0, state), Catch::Contains("terms of the inner objective: is 0"));
  CHECK_THROWS_WITH((Saba{.inner_rate = 0}.check()), Catch::Contains("Saba::inner_rate"));
  CHECK_THROWS_WITH((Soba{.size = 0}.init(f, x0, far)), Catch::Contains("Soba::size"));
}
