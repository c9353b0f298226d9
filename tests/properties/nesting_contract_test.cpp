// What nesting must never do: change the run that it happens in. Bit for bit.

#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/evaluator.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/core/threads.hpp>
#include <mesaopt/evolution/cma_es.hpp>
#include <mesaopt/gradient/lbfgs.hpp>
#include <mesaopt/nested/implicit.hpp>
#include <mesaopt/nested/joint.hpp>
#include <mesaopt/nested/nested.hpp>
#include <mesaopt/nested/response.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

/// ½|x − 1|² + Σx⁴/20: the outer problem when nobody listens to the inner one.
struct Bowl {
  double operator()(const VectorXd& x) const {
    return (x.array() - 1).square().sum() / 2 + x.array().pow(4).sum() / 20;
  }
  double operator()(const VectorXd& x, VectorXd& gradient) const {
    gradient = x.array() - 1 + x.array().cube() / 5;
    return (*this)(x);
  }
};

/// The bowl of x, or of the first entries of [x; y], and ½|y|² if it listens.
struct Outer {
  bool listens;
  Eigen::Index entries = 2;

  double operator()(const VectorXd& x, const VectorXd& y) const {
    const VectorXd first = x.head(entries);
    const double value = Bowl{}(first);
    return listens ? value + y.squaredNorm() / 2 + x.tail(x.size() - entries).squaredNorm() / 3 : value;
  }
  double operator()(const VectorXd& x, const VectorXd& y, VectorXd& gx, VectorXd& gy) const {
    VectorXd first = x.head(entries), g(entries);
    Bowl{}(first, g);
    gx.setZero();
    gx.head(entries) = g;
    gy.setZero(y.size());
    if (listens) {
      gy = y;
      gx.tail(x.size() - entries) = x.tail(x.size() - entries) / 1.5;
    }
    return (*this)(x, y);
  }
};

/// ½|y − s(x)|² + ¼ Σ y⁴ with s(x) = sin of pairwise sums of x: convex in y, curved in x.
struct Inner {
  static VectorXd aim(const VectorXd& x, Eigen::Index size) {
    VectorXd s(size);
    for (Eigen::Index i = 0; i < size; ++i) s[i] = std::sin(x[i % x.size()] + x[(i + 1) % x.size()] / 2);
    return s;
  }
  double operator()(const VectorXd& x, const VectorXd& y) const {
    return (y - aim(x, y.size())).squaredNorm() / 2 + y.array().pow(4).sum() / 4;
  }
  double operator()(const VectorXd& x, const VectorXd& y, VectorXd& gy) const {
    gy = y - aim(x, y.size());
    gy.array() += y.array().cube();
    return (*this)(x, y);
  }
  void hessian(const VectorXd&, const VectorXd& y, MatrixXd& H) const {
    H.setZero();
    H.diagonal() = 1 + 3 * y.array().square();
  }
};

const VectorXd x0 = (VectorXd(2) << -0.3, 0.8).finished();
const VectorXd y0 = VectorXd::Constant(2, 0.2);
const CmaEs cma{.step_size = 0.4, .seed = 7};
const Search few_generations{cma, MaxIterations{8}};
const Search to_the_end{Lbfgs{}, GradientBelow{1e-9} || MaxIterations{100}};

auto cma_inside(bool listens) { return nested(Outer{listens}, response(family(Inner{}), few_generations, warm(y0))); }
auto lbfgs_inside(bool listens) {
  return nested(Outer{listens}, response(family(Inner{}), to_the_end, warm(y0)), Implicit{});
}
auto two_lbfgs_inside(bool listens) {
  const auto bottom = response(family(Inner{}), to_the_end, warm(y0));
  const auto middle = nested(Outer{true, 4}, bottom, Implicit{});
  return nested(joint(nested(Outer{listens}, bottom, Implicit{})),
                response(family(joint(middle)), to_the_end, warm(y0)));
}

/// A run of so many steps.
template <class F, class O>
auto run(const F& f, const O& optimizer, int steps) {
  RunOf<O, MaxIterations, F, VectorXd> r;
  begin(f, x0, optimizer, MaxIterations{1000}, r);
  for (int i = 0; i < steps; ++i) advance(f, optimizer, MaxIterations{1000}, r);
  return r;
}

/// The bits of two CMA-ES states but for what their objectives remember.
template <class A, class B>
bool same_cma(const A& a, const B& b) {
  using D = CmaDistribution<VectorXd>;
  return identical(static_cast<const D&>(a), static_cast<const D&>(b)) && identical(a.x, b.x) &&
         identical(a.value, b.value) && identical(a.status, b.status) && identical(a.random, b.random) &&
         identical(a.termination, b.termination) && identical(a.points, b.points) && identical(a.ids, b.ids) &&
         identical(a.calls.counts[0], b.calls.counts[0]);
}
/// The same of two L-BFGS states.
template <class A, class B>
bool same_lbfgs(const A& a, const B& b) {
  return identical(a.x, b.x) && identical(a.value, b.value) && identical(a.gradient, b.gradient) &&
         identical(a.status, b.status) && identical(a.memory, b.memory) && identical(a.step, b.step) &&
         identical(a.slope, b.slope) && identical(a.calls.counts[0], b.calls.counts[0]);
}

/// Straight, restarted in place, copied in the middle, saved in the middle, beside another one, on threads: one run.
template <class F, class O>
void holds(const F& f, const O& optimizer, int steps) {
  const auto straight = run(f, optimizer, steps);
  CHECK(straight.state.x != x0);
  CHECK(identical(straight, run(f, optimizer, steps)));

  auto used = run(f, optimizer, 3);
  const VectorXd elsewhere = VectorXd::Constant(2, 2);
  begin(f, elsewhere, optimizer, MaxIterations{1000}, used);
  for (int i = 0; i < 3; ++i) advance(f, optimizer, MaxIterations{1000}, used);
  begin(f, x0, optimizer, MaxIterations{1000}, used);
  for (int i = 0; i < steps; ++i) advance(f, optimizer, MaxIterations{1000}, used);
  CHECK(identical(straight, used));

  auto original = run(f, optimizer, steps / 2);
  auto copy = original;
  const auto bytes = save(original);
  auto loaded = load<decltype(original)>(bytes);
  CHECK(identical(original, loaded));
  for (int i = steps / 2; i < steps; ++i)
    for (auto* r : {&copy, &loaded, &original}) advance(f, optimizer, MaxIterations{1000}, *r);
  CHECK(identical(straight, original));
  CHECK(identical(straight, copy));
  CHECK(identical(straight, loaded));
  CHECK(save(straight) == save(loaded));

  CHECK(identical(straight, run(on(Threads{1}, f), optimizer, steps)));
  CHECK(identical(straight, run(on(Threads{2}, f), optimizer, steps)));
  CHECK(identical(straight, run(on(Threads{5}, f), optimizer, steps)));
}

}  // namespace

TEST_CASE("CMA-ES inside the objective of CMA-ES leaves the outer run as it is", "[nested][properties]") {
  const auto alone = run(Bowl{}, cma, 15);
  const auto with = run(cma_inside(false), cma, 15);
  CHECK(same_cma(alone.state, with.state));
  CHECK(with.state.calls.counts[1].values > 10 * alone.state.calls.counts[0].values);
}

TEST_CASE("L-BFGS inside the objective of L-BFGS leaves the outer run as it is", "[nested][properties]") {
  const auto alone = run(Bowl{}, Lbfgs{}, 6);
  const auto with = run(lbfgs_inside(false), Lbfgs{}, 6);
  CHECK(same_lbfgs(alone.state, with.state));
  CHECK(with.state.calls.counts[1].gradients > alone.state.calls.counts[0].gradients);
}

TEST_CASE("L-BFGS over L-BFGS inside the objective of CMA-ES leaves the outer run as it is", "[nested][properties]") {
  const auto alone = run(Bowl{}, cma, 6);
  const auto with = run(two_lbfgs_inside(false), cma, 6);
  CHECK(same_cma(alone.state, with.state));
  CHECK(with.state.calls.counts[2].gradients > with.state.calls.counts[1].gradients);
}

TEST_CASE("CMA-ES over CMA-ES is one run, however it is run", "[nested][properties]") {
  holds(cma_inside(true), cma, 10);
}

TEST_CASE("L-BFGS over L-BFGS is one run, however it is run", "[nested][properties]") {
  holds(lbfgs_inside(true), Lbfgs{}, 6);
}

TEST_CASE("CMA-ES over L-BFGS over L-BFGS is one run, however it is run", "[nested][properties]") {
  holds(two_lbfgs_inside(true), cma, 4);
}
