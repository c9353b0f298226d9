#pragma once

#include <cstddef>
#include <cstdint>
#include <tuple>
#include <type_traits>
#include <utility>

#include <Eigen/Core>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/nested/places.hpp>

namespace mesaopt {

/// An objective of the stacked point u = [x; y], as a two-argument function g(x, y). See `joint`.
template <class F>
struct Joint {
  F f;
  static constexpr bool quadratic = is_quadratic<F>;
  static constexpr bool differenced_hessian = detail::says_differenced<F>;

  /// Stacked points are dynamic in size.
  template <class Y>
  using Stacked = Eigen::VectorX<ScalarOf<Y>>;

  template <Point Y>
  struct Memory {
    using M = MemoryOf<F, Stacked<Y>>;
    static constexpr std::size_t levels_below = detail::levels_below<M>;
    struct Record {
      typename M::Record record{};
      Stacked<Y> u{}, v{}, out{};
      std::array<Counts, levels_below> counts{};
      Counts cost{};
      [[nodiscard]] std::uint8_t thrown_below() const {
        if constexpr (requires { record.thrown_below(); })
          return record.thrown_below();
        else
          return 0;
      }
    };
    M memory{};
    static constexpr auto fields() { return std::tuple{&Memory::memory}; }
    void clear() { detail::clear(memory); }
    void absorb(const Record& r) { memory.absorb(r.record); }
  };

  template <Point X, Point Y>
  requires Objective<F, Stacked<Y>> Evaluation<ScalarOf<Y>>
  operator()(const X& x, const Y& y, const Call<Memory<Y>>& call) const {
    const Within<Call<Memory<Y>>> within(x, y, call);
    return detail::evaluate(f, call.record.u, call.record.out, within.inner(call));
  }
  template <Point X, Point Y>
  requires Differentiable<F, Stacked<Y>> Evaluation<ScalarOf<Y>>
  operator()(const X& x, const Y& y, Y& gy, const Call<Memory<Y>>& call) const {
    const Within<Call<Memory<Y>>> within(x, y, call);
    const auto evaluation = detail::evaluate_gradient(f, call.record.u, call.record.out, within.inner(call));
    gy = call.record.out.tail(y.size());
    return evaluation;
  }
  template <Point X, Point Y>
  requires Differentiable<F, Stacked<Y>> Evaluation<ScalarOf<Y>>
  operator()(const X& x, const Y& y, X& gx, Y& gy, const Call<Memory<Y>>& call) const {
    const Within<Call<Memory<Y>>> within(x, y, call);
    const auto evaluation = detail::evaluate_gradient(f, call.record.u, call.record.out, within.inner(call));
    gx = call.record.out.head(x.size());
    gy = call.record.out.tail(y.size());
    return evaluation;
  }
  template <Point X, Point Y>
  requires detail::HasHessianProduct<F, Stacked<Y>>
  void hessian_product(const X& x, const Y& y, const Y& v, Y& out, const Call<Memory<Y>>& call) const {
    const Within<Call<Memory<Y>>> within(x, y, call);
    call.record.v.head(x.size()).setZero();
    call.record.v.tail(y.size()) = v;
    detail::evaluate_hessian_product(f, call.record.u, call.record.v, call.record.out, within.inner(call));
    out = call.record.out.tail(y.size());
  }
  template <Point X, Point Y>
  requires detail::HasHessianProduct<F, Stacked<Y>>
  void mixed_product(const X& x, const Y& y, const Y& v, X& out, const Call<Memory<Y>>& call) const {
    const Within<Call<Memory<Y>>> within(x, y, call);
    call.record.v.head(x.size()).setZero();
    call.record.v.tail(y.size()) = v;
    detail::evaluate_hessian_product(f, call.record.u, call.record.v, call.record.out, within.inner(call));
    out = call.record.out.head(x.size());
  }
  template <Point X, Point Y>
  requires detail::HasHessianProduct<F, Stacked<Y>>
  void mixed_direction(const X& x, const Y& y, const X& u, Y& out, const Call<Memory<Y>>& call) const {
    const Within<Call<Memory<Y>>> within(x, y, call);
    call.record.v.head(x.size()) = u;
    call.record.v.tail(y.size()).setZero();
    detail::evaluate_hessian_product(f, call.record.u, call.record.v, call.record.out, within.inner(call));
    out = call.record.out.tail(y.size());
  }

 private:
  /// Stacks the point, and passes on what the call cost.
  template <class C>
  struct Within {
    const C& call;
    template <class X, class Y>
    Within(const X& x, const Y& y, const C& c) : call(c) {
      auto& r = call.record;
      const auto n = x.size() + y.size();
      r.u.resize(n);
      r.v.resize(n);
      r.out.resize(n);
      r.u.head(x.size()) = x;
      r.u.tail(y.size()) = y;
    }
    Within(const Within&) = delete;
    Within& operator=(const Within&) = delete;
    ~Within() {
      auto& r = call.record;
      if constexpr (requires { r.record.counts; }) {
        for (std::size_t i = 0; i < r.counts.size(); ++i) r.counts[i] += r.record.counts[i];
        r.record.counts = {};
      }
      if constexpr (requires { r.record.cost; }) {
        r.cost += r.record.cost;
        r.record.cost = {};
      }
    }
    auto inner(const C& c) const {
      using M = std::remove_cvref_t<decltype(c.memory.memory)>;
      return Call<M>{c.memory.memory, c.record.record, c.tolerance, c.index};
    }
  };
};

/// Makes a two-argument function g(x, y) = f([x; y]) of an objective of the stacked point.
///
/// It is how levels nest by gradients: where f is itself nested, one Hessian product of f at [0; v] gives both
/// ∂²g/∂y² v and the mixed product ∂/∂x (∂g/∂y · v), so `family(joint(f))` is all that the level above needs.
/// Usable as an outer objective too.
template <class F>
Joint<F> joint(F f) {
  return {std::move(f)};
}

}  // namespace mesaopt
