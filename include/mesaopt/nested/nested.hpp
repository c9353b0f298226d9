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
/// What hypergradient H keeps of one call, if it declares a Record.
template <class H, class R, class X>
struct HypergradientRecordOf {
  using type = Empty;
};
template <class H, class R, class X>
requires requires { typename H::template Record<R, X>; }
struct HypergradientRecordOf<H, R, X> {
  using type = typename H::template Record<R, X>;
};

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
    static constexpr std::size_t levels_below = InnerRecord::levels;

    struct Record {
      InnerRecord response{};
      typename OuterMemory::Record outer{};
      std::array<Counts, InnerRecord::levels> counts{};
      Y outer_y{};
      X mixed{}, point{}, other{};
      typename detail::HypergradientRecordOf<Hypergradient, ResponsePiece, X>::type hypergradient{};

      Call<OuterMemory> outer_call(const Call<Memory>& call) {
        return {call.memory.outer, outer, call.tolerance, call.index};
      }
    };

    typename ResponsePiece::template Memory<X> response{};
    OuterMemory outer{};

    static constexpr auto fields() { return std::tuple{&Memory::response, &Memory::outer}; }
    void clear() {
      response.clear();
      detail::clear(outer);
    }
    void absorb(const Record& record) {
      response.absorb(record.response);
      outer.absorb(record.outer);
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
    response.solve(x, call.memory.response, record.response);
    if (!record.response.solved) return Evaluation<S>::failure(Reason::inner_failed);
    Evaluation<S> evaluation = detail::with_call<Outer, Y>(
        record.outer_call(call),
        [&](const auto&... last) -> Evaluation<S> { return outer(x, best_point(record.response.run), last...); });
    return remark(evaluation, record.response);
  }

  /// F(x) and its hypergradient. Where the certificate fails, the evaluation says so and the gradient is NaN.
  template <Point X>
  requires(!std::same_as<Hypergradient, NoHypergradient> &&
           detail::OuterGradient<Outer, X, typename ResponsePiece::template Y<X>>) Evaluation<ScalarOf<X>>
  operator()(const X& x, X& gradient, const Call<Memory<X>>& call) const {
    const Spend<typename Memory<X>::Record> spend{call.record};
    return remark(hypergradient.pull(outer, response, x, call, gradient), call.record.response);
  }

  /// out ≈ (d²F/dx²) v by central differences of hypergradients: two inner solves. Where either is not differentiable,
  /// out is NaN. For an inner problem solved to rounding about 10 digits, 13 if F is quadratic.
  template <Point X>
  requires(
      !std::same_as<Hypergradient, NoHypergradient> &&
      detail::OuterGradient<
          Outer, X, typename ResponsePiece::template Y<X>>) void hessian_product(const X& x, const X& v, X& out,
                                                                                 const Call<Memory<X>>& call) const {
    using S = ScalarOf<X>;
    auto& record = call.record;
    const Spend<typename Memory<X>::Record> spend{record};
    const S norm = v.norm();
    out.setZero(x.size());
    if (!(norm > 0)) return;
    const S h = 8 * std::cbrt(std::numeric_limits<S>::epsilon()) * std::max(S(1), x.norm()) / norm;
    record.other.resize(x.size());
    record.point = x + h * v;
    hypergradient.pull(outer, response, record.point, call, out);
    record.point = x - h * v;
    hypergradient.pull(outer, response, record.point, call, record.other);
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
