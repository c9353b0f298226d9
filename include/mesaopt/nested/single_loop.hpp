#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/optimizer.hpp>
#include <mesaopt/core/prior.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/core/stopping.hpp>
#include <mesaopt/nested/batch_directions.hpp>
#include <mesaopt/nested/places.hpp>

namespace mesaopt {

/// Optimizes both levels of a bilevel problem at once, where both are means over many terms: no inner run, no linear
/// system, and a few terms a step. `Soba` is the plain one, `Saba` takes the noise away.
///
///     const auto f = nested(validation, response(family(training), Lbfgs{}, y0));
///     minimize(f, x0, Saba{.inner_rate = 0.1, .outer_rate = 0.1}, GradientBelow{1e-8} || MaxIterations{100'000});
///
/// Beside the outer point x the state holds an inner point y and an adjoint v, which follow the solution of the inner
/// problem and of ∂²g/∂y² v = −∂F/∂y. A step draws a batch of inner terms and one of outer terms, and moves all three
/// against
///
///     D_y = ∂g/∂y,    D_v = ∂²g/∂y² v + ∂F/∂y,    D_x = ∂/∂x (∂g/∂y · v) + ∂F/∂x,
///
/// y and v by `inner_rate`, x by `outer_rate`, both times (1 + steps taken)^−`decay`. With noise they end in a
/// neighbourhood of the solution that shrinks with the rates. Saba remembers the last directions of every batch and
/// moves, as SAGA does, by new − remembered + mean of the remembered ones: constant rates then converge, linearly where
/// F(x) has a strongly convex shape. What it remembers takes (3 dim y + dim x) numbers a batch of inner, (dim x + dim
/// y) a batch of outer terms, and begins as zeros.
///
/// Rates are to be below 1/L, L the largest curvature of g in y over batches, for the inner, and, as y and v have to
/// keep up, no larger for the outer. In theory Soba takes rates that fall as 1/√t (`decay` = 1/2), or as 1/√T for T
/// steps; Saba constant ones of the order (inner + outer terms)^−2/3.
///
/// The terms are divided into fixed batches of `size`, each drawn with the same probability, independently at every
/// step. The response brings the inner objective and the start of y; its search is not run. Let g and F be the inner
/// and the outer objective:
///
///     g.terms(), F.terms()
///     g(x, y, batch, gy) -> value              batch: a std::span<const Eigen::Index> of terms
///     g.hessian_product(x, y, batch, v, out)   if it has none, by central differences of two more gradients
///     g.mixed_product(x, y, batch, v, out)     or without batch, where all terms have it in common, as a penalty's
///     F(x, y, batch, gx, gy) -> value
///
/// with a Call last where they have a Memory. The value of the state is that of F over the last batch at (x, y), and
/// tells little. A step that leads to where something is not finite is halved, up to ten times. A step counts as one
/// outer and one inner gradient, and two inner Hessian products. Where a step moves nothing any more, for as many steps
/// as there are batches, the run has stalled; the answer is always the last point.
/// Dagréou, Ablin, Vaiter & Moreau (2022), "A framework for bilevel optimization that enables stochastic and global
/// variance reduction algorithms", algorithm 1 and section 2; in the paper v, y, g, F are v, z, G, F.
template <bool remembers>
struct SingleLoop {
  double inner_rate = 1e-2;              ///< of y and v, more than 0
  double outer_rate = 1e-2;              ///< of x, more than 0
  double decay = remembers ? 0.0 : 0.5;  ///< both rates fall as (1 + t)^−decay; 0 or more
  std::int64_t size = 1;                 ///< terms a batch, 1 or more; more than there are count as all
  std::uint64_t seed = 0;                ///< of the draws

  template <Point X, class M>
  struct State {
    using S = ScalarOf<X>;
    using Y = typename M::Y;
    using Vector = Eigen::VectorX<S>;
    static constexpr bool monotone = true;  // of noisy values the lowest means nothing: the last point is the answer

    X x{};
    Y y{};
    Y adjoint{};  ///< v
    S value = std::numeric_limits<S>::quiet_NaN();
    X gradient{};  ///< D_x of the last step, an estimate of the hypergradient
    Evaluation<S> evaluation{};
    Status status = Status::running;
    Vector directions{};  ///< of the last step: D_x, D_y, D_v
    Vector last{};        ///< x, y and v before the last step
    std::uint64_t age = 0;
    std::uint64_t idle = 0;                      ///< steps that moved nothing, since one did
    detail::DirectionTable<S> inner{}, outer{};  ///< what is remembered of batches
    Calls<X, M> calls{};

    detail::DirectionScratch<X, Y> scratch{};

    /// What vanishes at a solution, and what GradientBelow looks at: the last directions of all three.
    [[nodiscard]] const Vector& stationarity() const { return directions; }

    static constexpr auto fields() {
      using T = State;
      return std::tuple{&T::x,          &T::y,    &T::adjoint, &T::value, &T::gradient, &T::evaluation, &T::status,
                        &T::directions, &T::last, &T::age,     &T::idle,  &T::inner,    &T::outer,      &T::calls};
    }
  };

  /// For Saba the directions below 1e-6; at most 100 000 steps.
  [[nodiscard]] auto default_stopping() const {
    if constexpr (remembers)
      return GradientBelow{1e-6} || MaxIterations{100000};
    else
      return MaxIterations{100000};
  }

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    const auto refuse = [](const char* argument, double value, const char* wants) {
      detail::refuse((std::string(remembers ? "Saba::" : "Soba::") + argument).c_str(), value, wants);
    };
    if (!(inner_rate > 0)) refuse("inner_rate", inner_rate, "it must be more than 0");
    if (!(outer_rate > 0)) refuse("outer_rate", outer_rate, "it must be more than 0");
    if (!(decay >= 0)) refuse("decay", decay, "it must be 0 or more");
    if (size < 1) refuse("size", double(size), "it must be 1 or more");
  }

  /// Begins at x and the response's start for y. Throws std::invalid_argument for a setting out of its range, a start
  /// that is empty or not finite, or a sum without terms.
  template <class F, Start P, class M>
  requires detail::BilevelSum<F, PointOf<P>>
  void init(const F& f, const P& start, State<PointOf<P>, M>& state) const {
    check();
    detail::check_start(start);
    check_terms("the inner objective", Eigen::Index(f.response.objective.g.terms()));
    check_terms("the outer objective", Eigen::Index(f.outer.terms()));
    state.calls.begin(start);
    state.x = detail::start_point(start);
    state.y = detail::start_point(detail::placed(f.response.start.from, state.x));
    detail::check_start(state.y, "inner start");
    state.adjoint.setZero(state.y.size());
    const auto n = state.x.size(), m = state.y.size();
    state.directions.setConstant(n + 2 * m, std::numeric_limits<ScalarOf<PointOf<P>>>::quiet_NaN());
    state.gradient = state.directions.head(n);
    state.last.resize(n + 2 * m);
    save(state);
    state.age = state.idle = 0;
    state.status = Status::running;
    state.inner.begin(n + 2 * m, remembers ? inner_batches(f).count() : 0);
    state.outer.begin(n + m, remembers ? outer_batches(f).count() : 0);
    state.evaluation = {};
    if (state.calls.exhausted()) {
      state.status = Status::bad_start;
    } else if (!look(f, state)) {
      state.status = Status::bad_start;
      state.evaluation = Evaluation<ScalarOf<PointOf<P>>>::failure(Reason::non_finite_value);
      state.evaluation.level = state.scratch.inner.allFinite() ? 0 : 1;
    }
  }

  template <class F, Point X, class M>
  void step(const F& f, State<X, M>& state) const {
    using S = ScalarOf<X>;
    constexpr int halvings = 10;
    for (int i = 0;; ++i) {
      if (state.calls.exhausted()) return;
      if (look(f, state)) break;
      const S half = i < halvings ? S(0.5) : S(0);
      const auto n = state.x.size(), m = state.y.size();
      state.x = state.last.head(n) + half * (state.x - state.last.head(n));
      state.y = state.last.segment(n, m) + half * (state.y - state.last.segment(n, m));
      state.adjoint = state.last.tail(m) + half * (state.adjoint - state.last.tail(m));
      if (i == halvings) {
        state.status = Status::non_finite;
        return;
      }
    }
    move(f, state);
  }

 private:
  static void check_terms(const char* of, Eigen::Index terms) {
    if (terms < 1) detail::refuse((std::string("terms of ") + of).c_str(), double(terms), "it must be 1 or more");
  }
  template <class F>
  detail::FixedBatches inner_batches(const F& f) const {
    return {f.response.objective.g.terms(), Eigen::Index(size)};
  }
  template <class F>
  detail::FixedBatches outer_batches(const F& f) const {
    return {f.outer.terms(), Eigen::Index(size)};
  }

  template <Point X, class M>
  static void save(State<X, M>& state) {
    const auto n = state.x.size(), m = state.y.size();
    state.last.head(n) = state.x;
    state.last.segment(n, m) = state.y;
    state.last.tail(m) = state.adjoint;
  }

  /// Evaluates the batches of this step where the state is. False if something is not finite.
  template <class F, Point X, class M>
  bool look(const F& f, State<X, M>& state) const {
    const Random random{seed};
    auto& s = state.scratch;
    s.resize(state.x.size(), state.y.size());
    s.inner_batch = detail::draw(random.at(2 * state.age), inner_batches(f), s.inner_terms);
    s.outer_batch = detail::draw(random.at(2 * state.age + 1), outer_batches(f), s.outer_terms);
    const auto now = detail::batch_directions(f, state.x, state.y, state.adjoint, state.calls, s);
    if (!now.usable() || !s.inner.allFinite() || !s.outer.allFinite()) return false;
    state.evaluation = now;
    state.evaluation.verdict = Verdict::inexact;
    state.evaluation.reason = Reason::sampled_gradient;
    state.value = now.value;
    return true;
  }

  template <class F, Point X, class M>
  void move(const F& f, State<X, M>& state) const {
    using S = ScalarOf<X>;
    auto& s = state.scratch;
    const auto n = state.x.size(), m = state.y.size();
    state.inner.direction(inner_batches(f), s.inner_batch, s.inner);
    state.outer.direction(outer_batches(f), s.outer_batch, s.outer);
    state.directions.head(n) = s.inner.tail(n) + s.outer.head(n);
    state.gradient = state.directions.head(n);
    state.directions.segment(n, m) = s.inner.head(m);
    state.directions.tail(m) = s.inner.segment(m, m) + s.outer.tail(m);
    const double fall = std::pow(1 + double(state.age), -decay);
    const S inner = S(inner_rate * fall), outer = S(outer_rate * fall);
    save(state);
    state.x -= outer * state.directions.head(n);
    state.y -= inner * state.directions.segment(n, m);
    state.adjoint -= inner * state.directions.tail(m);
    ++state.age;
    const bool moved =
        state.x != state.last.head(n) || state.y != state.last.segment(n, m) || state.adjoint != state.last.tail(m);
    state.idle = moved ? 0 : state.idle + 1;
    const auto batches = std::uint64_t(inner_batches(f).count() + outer_batches(f).count());
    state.status = state.idle >= batches ? Status::stalled : Status::running;
  }
};

/// The single loop without memory: any smooth problem, rates that fall.
using Soba = SingleLoop<false>;
/// The single loop with memory: constant rates.
using Saba = SingleLoop<true>;

}  // namespace mesaopt
