#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <limits>
#include <tuple>
#include <type_traits>
#include <utility>

#include <Eigen/Core>

#include <mesaopt/nested/response.hpp>

namespace mesaopt {

/// Says that a nested objective has no gradient: enough for an outer search that needs none.
struct NoHypergradient {};

/// An objective of the inner solution alone, as an outer objective: F(x, y) = f(y). See `of_solution`.
template <class F>
struct OfSolution {
  F f;

  template <class Y>
  requires Remembers<F, Y>
  using Memory = MemoryOf<F, Y>;

  template <Point X, Point Y, class... Last>
  requires(!Point<Last> && ...) auto operator()(const X&, const Y& y, const Last&... call) const
      -> Evaluation<ScalarOf<Y>> {
    if constexpr (std::invocable<const F&, const Y&, const Last&...>) {
      return f(y, call...);
    } else {
      Y unused(y.size());
      return f(y, unused, call...);
    }
  }
  template <Point X, Point Y, class... Last>
  requires std::invocable<const F&, const Y&, Y&, const Last&...>
  auto operator()(const X&, const Y& y, X& gx, Y& gy, const Last&... call) const -> Evaluation<ScalarOf<Y>> {
    gx.setZero();
    return f(y, gy, call...);
  }
};

/// Makes an outer objective F(x, y) = f(y) of a plain objective f, such as a held-out loss.
template <class F>
OfSolution<F> of_solution(F f) {
  return {std::move(f)};
}

namespace detail {
template <class Outer, class X, class Y>
concept OuterValue = (!Remembers<Outer, Y> &&
                      requires(const Outer& F, const X& x, const Y& y) {
                        { F(x, y) } -> std::convertible_to<Evaluation<ScalarOf<X>>>;
                      }) ||
                     (Remembers<Outer, Y> &&
                      requires(const Outer& F, const X& x, const Y& y, const Call<MemoryOf<Outer, Y>>& call) {
                        { F(x, y, call) } -> std::convertible_to<Evaluation<ScalarOf<X>>>;
                      });
template <class Outer, class X, class Y>
concept OuterGradient = (!Remembers<Outer, Y> &&
                         requires(const Outer& F, const X& x, const Y& y, X& gx, Y& gy) {
                           { F(x, y, gx, gy) } -> std::convertible_to<Evaluation<ScalarOf<X>>>;
                         }) ||
                        (Remembers<Outer, Y> && requires(const Outer& F, const X& x, const Y& y, X& gx, Y& gy,
                                                         const Call<MemoryOf<Outer, Y>>& call) {
                          { F(x, y, gx, gy, call) } -> std::convertible_to<Evaluation<ScalarOf<X>>>;
                        });

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

/// What a hypergradient keeps between calls, and its workspace in one: its own `Memory<Outer, Response, X>`, or only a
/// workspace, `Record<Response, X>`, or nothing.
template <class H, class Outer, class R, class X>
struct HypergradientMemory {
  using type = Nothing;
};
template <class H, class Outer, class R, class X>
requires requires { typename H::template Memory<Outer, R, X>; }
struct HypergradientMemory<H, Outer, R, X> {
  using type = typename H::template Memory<Outer, R, X>;
};
template <class H, class Outer, class R, class X>
requires requires { typename H::template Record<R, X>; }
struct HypergradientMemory<H, Outer, R, X> {
  using type = Workspace<typename H::template Record<R, X>>;
};
}  // namespace detail

/// An outer objective of what an inner search answers,  F(x) = outer(x, y(x)),  itself an objective of x again.
/// Make one with `nested`. With a hypergradient it is differentiable, so it nests to any depth, by gradients too.
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

      Call<OuterMemory> outer_call(const Call<Memory>& call) {
        return {call.memory.outer, outer, call.tolerance, call.index};
      }
    };

    typename ResponsePiece::template Memory<X> response{};
    OuterMemory outer{};
    OfHypergradient hypergradient{};

    static constexpr auto fields() { return std::tuple{&Memory::response, &Memory::outer, &Memory::hypergradient}; }
    void clear() {
      response.clear();
      detail::clear(outer);
      detail::clear(hypergradient);
    }
    void absorb(const Record& record) {
      response.absorb(record.response);
      outer.absorb(record.outer);
      hypergradient.absorb(record.hypergradient);
    }
  };

  /// F(x).
  template <Point X>
  Evaluation<ScalarOf<X>> operator()(const X& x, const Call<Memory<X>>& call) const {
    using S = ScalarOf<X>;
    using Y = typename ResponsePiece::template Y<X>;
    static_assert(
        detail::OuterValue<Outer, X, Y>,
        "mesaopt: the outer objective must be callable as F(x, y) with the outer point and the inner solution; "
        "for one of the inner solution alone write of_solution(f)");
    auto& record = call.record;
    const Spend<typename Memory<X>::Record> spend{record};
    if constexpr (requires { record.hypergradient.advanced; }) record.hypergradient.advanced = false;
    response.solve(x, call.memory.response, record.response, call.tolerance);
    if (!record.response.solved) return Evaluation<S>::failure(Reason::inner_failed);
    Evaluation<S> evaluation = detail::with_call<Outer, Y>(
        record.outer_call(call),
        [&](const auto&... last) -> Evaluation<S> { return outer(x, best_point(record.response.run), last...); });
    return remark(evaluation, record.response);
  }

  /// F(x) and its hypergradient. Where the certificate fails, the evaluation says so and the gradient is NaN.
  template <Point X>
  requires detail::pulls<Hypergradient, Outer, X, typename ResponsePiece::template Y<X>> Evaluation<ScalarOf<X>>
  operator()(const X& x, X& gradient, const Call<Memory<X>>& call) const {
    const Spend<typename Memory<X>::Record> spend{call.record};
    return remark(hypergradient.pull(outer, response, x, call, gradient), call.record.response);
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

  /// Fails to compile with what is missing for a gradient.
  template <Point X>
  static constexpr void explain_no_gradient() {
    using Y = typename ResponsePiece::template Y<X>;
    static_assert(!std::same_as<Hypergradient, NoHypergradient>,
                  "mesaopt: this nested objective has no gradient, which the optimizer needs. Give it a hypergradient: "
                  "nested(outer, response, Implicit{})");
    static_assert(
        detail::OuterGradient<Outer, X, Y>,
        "mesaopt: for a hypergradient the outer objective must be callable as F(x, y, gx, gy) -> value with the "
        "outer point, the inner solution, and a gradient for each; for one of the inner solution alone write "
        "of_solution(f) with f(y, gradient) -> value");
  }

 private:
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

  /// Adds what is to be said of the inner run.
  template <class S, class R>
  static Evaluation<S> remark(Evaluation<S> evaluation, const R& record) {
    if (!evaluation.usable()) return evaluation;
    if (failed(record.run.status)) {
      evaluation.verdict = std::max(evaluation.verdict, Verdict::inexact);
      if (evaluation.reason == Reason::none) evaluation.reason = Reason::inner_failed;
    }
    if (evaluation.reason == Reason::none && record.other_basin) evaluation.reason = Reason::another_basin;
    if (evaluation.reason == Reason::none && record.start_rejected) evaluation.reason = Reason::start_rejected;
    return evaluation;
  }
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
/// direct part ∂F/∂x. Without a hypergradient the result has values only.
template <class Outer, class ResponsePiece, class Hypergradient = NoHypergradient>
Nested<Outer, ResponsePiece, Hypergradient> nested(Outer outer, ResponsePiece response,
                                                   Hypergradient hypergradient = {}) {
  return {std::move(outer), std::move(response), std::move(hypergradient)};
}

}  // namespace mesaopt
