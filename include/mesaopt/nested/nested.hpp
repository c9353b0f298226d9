#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <tuple>
#include <type_traits>
#include <utility>

#include <Eigen/Core>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/core/constraints.hpp>
#include <mesaopt/core/residuals.hpp>
#include <mesaopt/core/status.hpp>
#include <mesaopt/core/stopping.hpp>
#include <mesaopt/nested/outer.hpp>
#include <mesaopt/nested/response.hpp>
#include <mesaopt/nested/total_jacobian.hpp>

namespace mesaopt {

/// Says that a nested objective has no gradient: enough for an outer search that needs none.
struct NoHypergradient {};

namespace detail {
/// True if H makes a gradient of this outer objective: of most it needs `F(x, y, gx, gy)`; one that declares
/// `static constexpr bool needs_outer_gradient = false` does with values.
template <class H, class Outer, class X, class Y>
inline constexpr bool pulls = [] {
  if constexpr (std::same_as<H, NoHypergradient>)
    return false;
  else if constexpr (requires { requires !H::needs_outer_gradient; })
    return OuterValue<Outer, X, Y>;
  else
    return OuterGradient<Outer, X, Y>;
}();
/// Responses whose inner runs can be paused.
template <class R, class X>
concept HasPaused = requires {
  typename R::template Paused<X>;
};
template <class R, class X>
struct PausedOf {
  using type = Empty;
};
template <class R, class X>
requires HasPaused<R, X>
struct PausedOf<R, X> {
  using type = typename R::template Paused<X>;
};

/// True for the stopping rules that are a limit and nothing else.
template <class R>
inline constexpr bool only_a_limit =
    std::same_as<R, MaxIterations> || std::same_as<R, MaxEvaluations> || std::same_as<R, MaxTime>;
}  // namespace detail

/// An outer objective of what an inner search answers,  F(x) = outer(x, y(x)),  itself an objective of x again.
/// Make one with `nested`. With a hypergradient it is differentiable, so it nests to any depth, by gradients too.
///
/// If the outer objective has constraints G(x, y), the coupling constraints, or residuals, so has this one, of x: with
/// Jacobians, if it has a hypergradient. A call for them at the point of the last evaluation takes its inner solution.
template <class Outer, class ResponsePiece, class Hypergradient = NoHypergradient>
struct Nested {
  Outer outer;
  ResponsePiece response;
  Hypergradient hypergradient{};

  static constexpr bool differenced_hessian = true;

  template <Point X>
  struct Memory {
    using Y = typename ResponsePiece::template Y<X>;
    using OuterMemory = MemoryOf<Outer, Y>;
    using InnerRecord = typename ResponsePiece::template Record<X>;
    using OfHypergradient = typename detail::HypergradientMemory<Hypergradient, Outer, ResponsePiece, X>::type;
    static constexpr std::size_t levels_below = InnerRecord::levels;

    struct Record {
      InnerRecord response{};
      typename OuterMemory::Record outer{};
      typename OfHypergradient::Record hypergradient{};
      std::array<Counts, InnerRecord::levels> counts{};
      Y outer_y{};
      X mixed{}, point{}, other{};
      detail::JacobianScratch<X, Y> jacobians{};
      std::uint64_t epoch = 0, index = 0;  ///< the memory under which the response was solved, and for which evaluation
      bool current = false;                ///< ... if it was

      /// At which level below something threw that came out of this call; 0 if it was not below.
      [[nodiscard]] std::uint8_t thrown_below() const {
        const Event& thrown = response.run.state.calls.events[std::size_t(Reason::threw)];
        return thrown.count > 0 ? std::uint8_t(thrown.level + 1) : std::uint8_t(0);
      }
      Call<OuterMemory> outer_call(const Call<Memory>& call) {
        return {call.memory.outer, outer, call.tolerance, call.index};
      }
    };

    /// An inner run that may not have ended: see `advance`.
    using Paused = typename detail::PausedOf<ResponsePiece, X>::type;

    typename ResponsePiece::template Memory<X> response{};
    OuterMemory outer{};
    OfHypergradient hypergradient{};
    detail::Epoch epoch{};  ///< tells records apart, and is no part of the value

    static constexpr auto fields() { return std::tuple{&Memory::response, &Memory::outer, &Memory::hypergradient}; }
    void clear() {
      ++epoch.count;
      response.clear();
      detail::clear(outer);
      detail::clear(hypergradient);
    }
    void absorb(const Record& record) {
      ++epoch.count;
      response.absorb(record.response);
      outer.absorb(record.outer);
      hypergradient.absorb(record.hypergradient);
    }
  };

  /// F(x).
  template <Point X>
  Evaluation<ScalarOf<X>> operator()(const X& x, const Call<Memory<X>>& call) const {
    using Y = typename ResponsePiece::template Y<X>;
    static_assert(
        detail::OuterValue<Outer, X, Y>,
        "mesaopt: the outer objective must be callable as F(x, y) with the outer point and the inner solution; "
        "for one of the inner solution alone write of_solution(f)");
    auto& record = call.record;
    const Spend<typename Memory<X>::Record> spend{record};
    solve(x, call);
    return outer_value(x, call);
  }

  /// Takes an inner run on by at most so many iterations, or begins it, and answers outer(x, y) with the y that it has
  /// come to: F(x), once the run is complete. It makes the steps of `F(x)`, in portions: what makes it
  /// Pausable (objective/pausable.hpp).
  template <Point X>
  requires detail::HasPaused<ResponsePiece, X> Evaluation<ScalarOf<X>> advance(const X& x,
                                                                               typename Memory<X>::Paused& paused,
                                                                               std::uint64_t iterations,
                                                                               const Call<Memory<X>>& call)
  const {
    auto& record = call.record;
    const Spend<typename Memory<X>::Record> spend{record};
    record.current = false;
    struct Lend {
      decltype(paused.run)&lent, &run;
      Lend(decltype(paused.run)& a, decltype(paused.run)& b) : lent(a), run(b) { std::swap(lent, run); }
      Lend(const Lend&) = delete;
      Lend& operator=(const Lend&) = delete;
      ~Lend() { std::swap(lent, run); }
    } lend(paused.run, record.response.run);
    response.advance(x, call.memory.response, record.response, paused.begun, iterations);
    return outer_value(x, call);
  }

  /// F(x) and its hypergradient. Where the certificate fails, the evaluation says so and the gradient is NaN.
  template <Point X>
  requires detail::pulls<Hypergradient, Outer, X, typename ResponsePiece::template Y<X>> Evaluation<ScalarOf<X>>
  operator()(const X& x, X& gradient, const Call<Memory<X>>& call) const {
    const Spend<typename Memory<X>::Record> spend{call.record};
    const Mark mark(call);
    const Evaluation<ScalarOf<X>> evaluation = hypergradient.pull(outer, response, x, call, gradient);
    call.record.response.outer_value = evaluation.value;
    return detail::remark(evaluation, call.record.response);
  }

  /// out ≈ (d²F/dx²) v by central differences of hypergradients: two inner solves. Where either is not differentiable,
  /// out is NaN. For an inner problem solved to rounding about 10 digits, 13 if F is quadratic.
  template <Point X>
  requires detail::pulls<Hypergradient, Outer, X, typename ResponsePiece::template Y<X>>
  void hessian_product(const X& x, const X& v, X& out, const Call<Memory<X>>& call) const {
    using S = ScalarOf<X>;
    auto& record = call.record;
    const Spend<typename Memory<X>::Record> spend{record};
    const S norm = v.norm();
    out.setZero(x.size());
    if (!(norm > 0)) return;
    const S h = 8 * std::cbrt(std::numeric_limits<S>::epsilon()) * std::max(S(1), x.norm()) / norm;
    record.other.resize(x.size());
    record.point = x + h * v;
    const Call<Memory<X>> exactly{call.memory, record, 0, call.index};  // whatever the tolerance: differences need it
    hypergradient.pull(outer, response, record.point, exactly, out);
    record.point = x - h * v;
    hypergradient.pull(outer, response, record.point, exactly, record.other);
    out = (out - record.other) / (2 * h);
  }

  /// How many constraints the outer objective has.
  [[nodiscard]] Eigen::Index equalities() const requires requires(const Outer& F) { F.equalities(); }
  { return outer.equalities(); }
  [[nodiscard]] Eigen::Index inequalities() const requires requires(const Outer& F) { F.inequalities(); }
  { return outer.inequalities(); }

  /// c = G(x, y(x)); NaN where there is no inner solution.
  template <Point X>
  requires detail::OuterConstraints<Outer, X, typename ResponsePiece::template Y<X>>
  void constraints(const X& x, ConstraintsOf<X>& c, const Call<Memory<X>>& call) const {
    const Spend<typename Memory<X>::Record> spend{call.record};
    if (!solve_once(x, call)) return void(c.setConstant(std::numeric_limits<ScalarOf<X>>::quiet_NaN()));
    with_outer(call, [&](const auto&... last) { outer.constraints(x, solution_of(call), c, last...); });
  }
  /// The same with the Jacobian dG/dx = ∂G/∂x + ∂G/∂y dy/dx, NaN where it cannot be had.
  template <Point X>
  requires(!std::same_as<Hypergradient, NoHypergradient> &&
           detail::OuterConstraints<Outer, X, typename ResponsePiece::template Y<X>, JacobianOf<X>,
                                    JacobianOf<typename ResponsePiece::template Y<X>>>)  //
      void constraints(const X& x, ConstraintsOf<X>& c, JacobianOf<X>& J, const Call<Memory<X>>& call) const {
    const Spend<typename Memory<X>::Record> spend{call.record};
    if (!solve_once(x, call)) return void(c.setConstant(std::numeric_limits<ScalarOf<X>>::quiet_NaN()));
    auto& s = room(x, c.size(), call);
    with_outer(call, [&](const auto&... last) { outer.constraints(x, solution_of(call), c, s.by_x, s.by_y, last...); });
    total(x, J, call);
  }

  /// How many residuals the outer objective has.
  [[nodiscard]] Eigen::Index residual_count() const requires requires(const Outer& F) { F.residual_count(); }
  { return outer.residual_count(); }

  /// r = residuals of the outer objective at x and y(x). Answers half the sum of their squares.
  template <Point X>
  requires detail::OuterResiduals<Outer, X, typename ResponsePiece::template Y<X>> Evaluation<ScalarOf<X>> residuals(
      const X& x, ResidualsOf<X>& r, const Call<Memory<X>>& call)
  const {
    const Spend<typename Memory<X>::Record> spend{call.record};
    if (!solve_once(x, call)) return no_residuals(r, call);
    with_outer(call, [&](const auto&... last) { outer.residuals(x, solution_of(call), r, last...); });
    return detail::remark(Evaluation<ScalarOf<X>>(r.squaredNorm() / 2), call.record.response);
  }
  /// The same with their Jacobian, by the sensitivities dy/dx: for Gauss-Newton methods.
  template <Point X>
  requires(!std::same_as<Hypergradient, NoHypergradient> &&
           detail::OuterResiduals<Outer, X, typename ResponsePiece::template Y<X>, JacobianOf<X>,
                                  JacobianOf<typename ResponsePiece::template Y<X>>>)
      Evaluation<ScalarOf<X>> residuals(const X& x, ResidualsOf<X>& r, JacobianOf<X>& J, const Call<Memory<X>>& call)
  const {
    const Spend<typename Memory<X>::Record> spend{call.record};
    if (!solve_once(x, call)) return no_residuals(r, call);
    auto& s = room(x, r.size(), call);
    with_outer(call, [&](const auto&... last) { outer.residuals(x, solution_of(call), r, s.by_x, s.by_y, last...); });
    Evaluation<ScalarOf<X>> evaluation = total(x, J, call);
    evaluation.value = r.squaredNorm() / 2;
    return detail::remark(evaluation, call.record.response);
  }

  /// Fails to compile with what is missing for a gradient.
  template <Point X>
  static constexpr void explain_no_gradient() {
    using Y = typename ResponsePiece::template Y<X>;
    static_assert(!std::same_as<Hypergradient, NoHypergradient>,
                  "mesaopt: this nested objective has no gradient, which the optimizer needs. Give it a hypergradient: "
                  "nested(outer, response, Implicit{})");
    if constexpr (requires { requires !Hypergradient::needs_outer_gradient; })
      static_assert(detail::OuterValue<Outer, X, Y>,
                    "mesaopt: this hypergradient takes values of the outer objective, which must be callable as "
                    "F(x, y) -> value with the outer point and the inner solution; for one of the inner solution alone "
                    "write of_solution(f)");
    else
      static_assert(
          detail::OuterGradient<Outer, X, Y>,
          "mesaopt: for a hypergradient the outer objective must be callable as F(x, y, gx, gy) -> value with the "
          "outer point, the inner solution, and a gradient for each; for one of the inner solution alone write "
          "of_solution(f) with f(y, gradient) -> value");
  }

 private:
  /// Notes for which evaluation, and under which memory, the record is solved, unless that throws.
  struct Mark {
    template <class M>
    explicit Mark(const Call<M>& call) {
      call.record.epoch = call.memory.epoch.count;
      call.record.index = call.index;
      call.record.current = true;
    }
  };

  /// outer(x, y) with the inner solution in the record.
  template <Point X>
  Evaluation<ScalarOf<X>> outer_value(const X& x, const Call<Memory<X>>& call) const {
    using S = ScalarOf<X>;
    auto& record = call.record;
    if (!record.response.solved) return detail::inner_failure<S>(record.response);
    Evaluation<S> evaluation = detail::with_call<Outer, typename ResponsePiece::template Y<X>>(
        record.outer_call(call),
        [&](const auto&... last) -> Evaluation<S> { return outer(x, best_point(record.response.run), last...); });
    record.response.outer_value = evaluation.value;
    evaluation = detail::remark(evaluation, record.response);
    // Without a hypergradient there is no certificate that would tell. A limit that is the only rule is no accident.
    using Rule = typename ResponsePiece::template Types<X>::Stopping;
    const Status status = record.response.run.status;
    if (!detail::only_a_limit<Rule> && evaluation.reason == Reason::none && status >= Status::max_iterations &&
        status <= Status::max_time) {
      evaluation.reason = Reason::inner_stopped_early;
      evaluation.level = 1;
      evaluation.inner_status = status;
    }
    return evaluation;
  }

  template <Point X>
  void solve(const X& x, const Call<Memory<X>>& call) const {
    const Mark mark(call);
    if constexpr (requires { call.record.hypergradient.advanced; }) call.record.hypergradient.advanced = false;
    response.solve(x, call.memory.response, call.record.response, call.tolerance);
  }
  /// Whether there is an inner solution at x: the one of the evaluation just made, if it was made there.
  template <Point X>
  bool solve_once(const X& x, const Call<Memory<X>>& call) const {
    const auto& record = call.record;
    const bool here = record.current && record.epoch == call.memory.epoch.count &&
                      (record.index == call.index || record.index + 1 == call.index) && record.response.solved &&
                      record.response.x.size() == x.size() && record.response.x == x;
    if (!here) solve(x, call);
    return record.response.solved;
  }
  template <class C>
  static const auto& solution_of(const C& call) {
    return best_point(call.record.response.run);
  }
  template <Point X, class Function>
  void with_outer(const Call<Memory<X>>& call, const Function& function) const {
    detail::with_call<Outer, typename ResponsePiece::template Y<X>>(call.record.outer_call(call), function);
  }
  /// The Jacobians by x and by y, sized.
  template <Point X>
  static auto& room(const X& x, Eigen::Index rows, const Call<Memory<X>>& call) {
    auto& s = call.record.jacobians;
    s.by_x.setZero(rows, x.size());
    s.by_y.setZero(rows, solution_of(call).size());
    return s;
  }
  template <Point X>
  Evaluation<ScalarOf<X>> total(const X& x, JacobianOf<X>& J, const Call<Memory<X>>& call) const {
    auto& record = call.record;
    return detail::total_jacobian(hypergradient, response, x, call.memory.response, record.response, record.outer_y,
                                  record.mixed, record.jacobians, J);
  }
  template <class V, class C>
  static auto no_residuals(V& r, const C& call) {
    r.setConstant(std::numeric_limits<typename V::Scalar>::quiet_NaN());
    return detail::inner_failure<typename V::Scalar>(call.record.response);
  }

  /// Moves the counts of the levels below to where the run collects them, also when something throws.
  template <class R>
  struct Spend {
    R& record;
    explicit Spend(R& r) : record(r) {}
    Spend(const Spend&) = delete;
    Spend& operator=(const Spend&) = delete;
    ~Spend() {
      for (std::size_t i = 0; i < record.counts.size(); ++i) record.counts[i] += record.response.counts[i];
      record.response.counts = {};
    }
  };
};

template <class O, class R, class H>
Nested(O, R, H) -> Nested<O, R, H>;
template <class O, class R>
Nested(O, R) -> Nested<O, R, NoHypergradient>;

/// F(x) = outer(x, y(x)), y being the response: an objective like any other.
///
///     auto validation = nested(of_solution(holdout), response(family(training), Lbfgs{}, w0), Implicit{});
///     auto best       = minimize(validation, log_penalty0, Lbfgs{});
///
/// outer is callable as `outer(x, y) -> value` and, for hypergradients, `outer(x, y, gx, gy) -> value`, where gx is the
/// direct part ∂F/∂x. Without a hypergradient the result has values only. With constraints or residuals, outer also has
/// `equalities()`, `inequalities()` and `constraints(x, y, c)`, or `residual_count()` and `residuals(x, y, r)`, each
/// also with Jacobians by x and by y last.
template <class Outer, class ResponsePiece, class Hypergradient = NoHypergradient>
Nested<Outer, ResponsePiece, Hypergradient> nested(Outer outer, ResponsePiece response,
                                                   Hypergradient hypergradient = {}) {
  return {std::move(outer), std::move(response), std::move(hypergradient)};
}

}  // namespace mesaopt
