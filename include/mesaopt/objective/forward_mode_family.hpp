#pragma once

#include <concepts>
#include <cstddef>
#include <utility>

#include <Eigen/Core>

#include <mesaopt/core/call.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/objective/forward_mode.hpp>

namespace mesaopt {

namespace detail {

/// The x part is of dynamic size, as a family's workspace knows the type of y alone.
template <class Y>
struct ForwardModeFamilyScratch : ForwardModeScratch<Y> {
  Eigen::VectorX<First<Y>> x_first{};
  Eigen::VectorX<Along<Y>> x_along{};
  Eigen::VectorX<Second<Y>> x_second{};
};

}  // namespace detail

/// A two-argument function with the derivatives that it lacks, from dual numbers. See `forward_mode_family`.
template <class G>
struct ForwardModeFamily {
  G g;

  static constexpr bool quadratic = is_quadratic<G>;

  template <class Y>
  using Memory = Workspace<detail::ForwardModeFamilyScratch<Y>>;

  /// g(x, y).
  template <Point X, Point Y>
  Evaluation<ScalarOf<Y>> operator()(const X& x, const Y& y, const Call<Memory<Y>>&) const {
    return g(x, y);
  }

  /// g(x, y); fills the derivative by y.
  template <Point X, Point Y>
  Evaluation<ScalarOf<Y>> operator()(const X& x, const Y& y, Y& gy, const Call<Memory<Y>>& call) const {
    auto& s = call.record;
    if constexpr (own_gradient<X, Y>) {
      return g(x, y, gy);
    } else {
      static_assert(
          dual_value<detail::First<Y>, Y>,
          "mesaopt: forward_mode_family needs a function that is a template over both point types, and so can "
          "be called with dual numbers");
      Evaluation<detail::First<Y>> now;
      enter(x, y, s.x_first, s.first);
      detail::sweep(
          s.first, [&] { now = g(s.x_first, s.first); },
          [&](Eigen::Index i, std::size_t k) { gy[i] = now.value.tangent[k]; });
      return detail::plain<ScalarOf<Y>>(now);
    }
  }

  /// g(x, y); fills the derivatives by x, with y held, and by y: what an outer objective gives.
  template <Point X, Point Y>
  Evaluation<ScalarOf<Y>> operator()(const X& x, const Y& y, X& gx, Y& gy, const Call<Memory<Y>>& call) const {
    auto& s = call.record;
    if constexpr (requires {
                    { g(x, y, gx, gy) } -> std::convertible_to<Evaluation<ScalarOf<Y>>>;
                  }) {
      return g(x, y, gx, gy);
    } else {
      Evaluation<detail::First<Y>> now;
      enter(x, y, s.x_first, s.first);
      const auto evaluate = [&] { now = g(s.x_first, s.first); };
      detail::sweep(s.x_first, evaluate, [&](Eigen::Index i, std::size_t k) { gx[i] = now.value.tangent[k]; });
      if constexpr (own_gradient<X, Y>) return g(x, y, gy);
      detail::sweep(s.first, evaluate, [&](Eigen::Index i, std::size_t k) { gy[i] = now.value.tangent[k]; });
      return detail::plain<ScalarOf<Y>>(now);
    }
  }

  /// out = (second derivative by y) v.
  template <Point X, Point Y>
  void hessian_product(const X& x, const Y& y, const Y& v, Y& out, const Call<Memory<Y>>& call) const {
    auto& s = call.record;
    out.resize(y.size());
    if constexpr (requires { g.hessian_product(x, y, v, out); }) {
      g.hessian_product(x, y, v, out);
    } else if constexpr (dual_gradient<detail::Along<Y>, Y>) {
      detail::lift(x, s.x_along);
      detail::lift(y, v, s.along);
      gradient_along(s, out);
    } else {
      detail::lift(x, s.x_second);
      detail::lift(y, v, s.second);
      second(s, s.second, out);
    }
  }

  /// H = second derivative by y.
  template <Point X, Point Y>
  void hessian(const X& x, const Y& y, MatrixOf<Y>& H, const Call<Memory<Y>>& call) const {
    auto& s = call.record;
    const Eigen::Index n = y.size();
    H.resize(n, n);
    if constexpr (requires { g.hessian(x, y, H); }) {
      g.hessian(x, y, H);
    } else if constexpr (dual_gradient<detail::First<Y>, Y>) {
      enter(x, y, s.x_first, s.first);
      s.first_gradient.resize(n);
      detail::sweep(
          s.first, [&] { g(s.x_first, s.first, s.first_gradient); },
          [&](Eigen::Index j, std::size_t k) {
            for (Eigen::Index i = 0; i < n; ++i) H(i, j) = s.first_gradient[i].tangent[k];
          });
    } else {
      enter(x, y, s.x_second, s.second);
      for (Eigen::Index j = 0; j < n; ++j) {
        s.second[j].value.tangent[0] = 1;
        auto column = H.col(j);
        second(s, s.second, column);
        s.second[j].value.tangent[0] = 0;
      }
    }
  }

  /// out = derivative by x of (derivative by y) . v.
  template <Point X, Point Y>
  void mixed_product(const X& x, const Y& y, const Y& v, X& out, const Call<Memory<Y>>& call) const {
    auto& s = call.record;
    out.resize(x.size());
    if constexpr (requires { g.mixed_product(x, y, v, out); }) {
      g.mixed_product(x, y, v, out);
    } else if constexpr (dual_value<detail::Second<Y>, Y>) {
      detail::lift(x, s.x_second);
      detail::lift(y, v, s.second);
      second(s, s.x_second, out);
    } else {
      enter(x, y, s.x_first, s.first);
      s.first_gradient.resize(y.size());
      detail::sweep(
          s.x_first, [&] { g(s.x_first, s.first, s.first_gradient); },
          [&](Eigen::Index i, std::size_t k) {
            out[i] = 0;
            for (Eigen::Index j = 0; j < y.size(); ++j) out[i] += s.first_gradient[j].tangent[k] * v[j];
          });
    }
  }

  /// out = change of the derivative by y along the direction u of x.
  template <Point X, Point Y>
  void mixed_direction(const X& x, const Y& y, const X& u, Y& out, const Call<Memory<Y>>& call) const {
    auto& s = call.record;
    out.resize(y.size());
    if constexpr (requires { g.mixed_direction(x, y, u, out); }) {
      g.mixed_direction(x, y, u, out);
    } else if constexpr (dual_gradient<detail::Along<Y>, Y>) {
      detail::lift(x, u, s.x_along);
      detail::lift(y, s.along);
      gradient_along(s, out);
    } else {
      detail::lift(x, u, s.x_second);
      detail::lift(y, s.second);
      second(s, s.second, out);
    }
  }

  /// out = (Gauss-Newton matrix by y) v, where g gives it.
  template <Point X, Point Y>
  void gauss_newton_product(const X& x, const Y& y, const Y& v, Y& out,
                            const Call<Memory<Y>>&) const requires requires {
    g.gauss_newton_product(x, y, v, out);
  }
  { g.gauss_newton_product(x, y, v, out); }

 private:
  template <class X, class Y>
  static constexpr bool own_gradient = requires(const G& h, const X& x, const Y& y, Y& gy) {
    { h(x, y, gy) } -> std::convertible_to<Evaluation<ScalarOf<Y>>>;
  };
  template <class D, class Y>
  static constexpr bool dual_gradient = own_gradient<Eigen::VectorX<D>, detail::Rebound<Y, D>>;
  template <class D, class Y>
  static constexpr bool dual_value = requires(const G& h, const Eigen::VectorX<D>& x, const detail::Rebound<Y, D>& y) {
    { h(x, y) } -> std::convertible_to<Evaluation<D>>;
  };

  template <class X, class Y, class DX, class DY>
  static void enter(const X& x, const Y& y, DX& dual_x, DY& dual_y) {
    detail::lift(x, dual_x);
    detail::lift(y, dual_y);
  }

  /// out = the derivative by y along the one direction that x or y was given.
  template <class Scratch, class Y>
  void gradient_along(Scratch& s, Y& out) const {
    s.along_gradient.resize(s.along.size());
    g(s.x_along, s.along, s.along_gradient);
    for (Eigen::Index i = 0; i < out.size(); ++i) out[i] = s.along_gradient[i].tangent[0];
  }

  /// out = the derivative by p, which is the x or the y part, along the direction that either was given.
  template <class Scratch, class P, class Out>
  void second(Scratch& s, P& p, Out& out) const {
    using D = ScalarOf<P>;
    Evaluation<D> now;
    detail::sweep(
        p, [&] { now = g(s.x_second, s.second); },
        [&](Eigen::Index i, std::size_t k) { out[i] = now.value.tangent[k].tangent[0]; });
  }
};

template <class G>
ForwardModeFamily(G) -> ForwardModeFamily<G>;

/// The two-argument function g(x, y), an inner family or an outer objective, with all derivatives that a hypergradient
/// asks for, exactly: by y, by x and y, Hessian and mixed products. g is a template over both point types, called with
/// both of the same number type: `template <Point X, Point Y> ScalarOf<Y> operator()(const X& x, const Y& y) const`.
///
///     nested(forward_mode_family(F), response(family(forward_mode_family(g)), Lbfgs{}, y0), Implicit{});
///
/// What g gives itself is taken from it; from a gradient by y as a template come cheaper second derivatives. Inside, x
/// is of dynamic size. Costs are those of `forward_mode`.
template <class G>
ForwardModeFamily<G> forward_mode_family(G g) {
  return {std::move(g)};
}

}  // namespace mesaopt
