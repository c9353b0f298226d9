#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/gradient/kept_box.hpp>
#include <mesaopt/gradient/proximal_descent.hpp>
#include <mesaopt/gradient/proximal_step.hpp>
#include <mesaopt/objective/regularized.hpp>

namespace mesaopt {

namespace detail {

/// A state of proximal descent, as far as it has to be known.
template <Point X>
struct KeptProximal {
  X x{}, gradient{};
  std::uint64_t age = 0;
};

/// A proximal step u = prox_t(v), clamped to the box if there is one, and how it is differentiated.
///
/// Its derivative by v is that of the regularizer, `h.derivative`, and of a box the identity on the coordinates that
/// are strictly inside of their bounds after that; on those at a bound it is 0, on the very kink as well. By t it is
/// that derivative along −(v − prox_t(v)) / t, as prox_{t + δ}(v + δ (v − p) / t) = p where p = prox_t(v).
template <Point X>
struct ProximalMap {
  using S = ScalarOf<X>;

  X v{}, free{}, u{};  ///< the argument, what the regularizer makes of it, and the box of that
  S t = 0;
  KeptBox<X> box{};

  /// Takes sizes, and the box of f, in which x lies.
  template <class F>
  void enter(const F& f, const X& x) {
    for (X* point : {&v, &free, &u}) point->resize(x.size());
    box.enter(f, x);
  }

  /// Finds u, for v and t that were set.
  template <class F>
  void map([[maybe_unused]] const F& f) {
    free = v;
    if constexpr (Regularized<F, X>) f.regularizer().proximal(v, t, free);
    u = free;
    if constexpr (Bounded<F, X>)
      for (Eigen::Index i = 0; i < v.size(); ++i) u[i] = std::clamp(u[i], box.box.lower[i], box.box.upper[i]);
  }

  /// The step from a point along its negative gradient.
  template <class F>
  void step(const F& f, const X& from, const X& gradient, S rate) {
    t = rate;
    for (Eigen::Index i = 0; i < v.size(); ++i) v[i] = from[i] - rate * gradient[i];
    map(f);
  }

  /// Less than 0 where the lower bound holds u, more where the upper one does, else 0.
  [[nodiscard]] int side(Eigen::Index i) const {
    return free[i] <= box.box.lower[i] ? -1 : free[i] >= box.box.upper[i] ? 1 : 0;
  }

  /// d = 0 where the box holds u.
  template <class F>
  void release([[maybe_unused]] X& d) const {
    if constexpr (Bounded<F, X>)
      for (Eigen::Index i = 0; i < d.size(); ++i)
        if (side(i) != 0) d[i] = S(0);
  }

  /// d = P d, for the derivative P of u by v, or for its transpose: these are the same, as a regularizer with a box is
  /// separable.
  template <class F>
  void derivative([[maybe_unused]] const F& f, X& d) const {
    release<F>(d);
    if constexpr (Regularized<F, X>) {
      const auto& h = f.regularizer();
      static_assert(DifferentiableRegularizer<decltype(h), X>,
                    "mesaopt: to be differentiated through, a regularizer needs h.derivative(v, t, d, out) and "
                    "h.margin(v, t): see objective/regularized.hpp");
      h.derivative(v, t, d, d);
    }
  }

  /// Whether v is so near to where the map bends that rounding might have put it on the other side.
  template <class F>
  [[nodiscard]] bool on_kink([[maybe_unused]] const F& f) const {
    S margin = std::numeric_limits<S>::infinity(), size(1);
    for (Eigen::Index i = 0; i < v.size(); ++i) size = std::max(size, S(std::abs(v[i])));
    if constexpr (Regularized<F, X>) margin = S(f.regularizer().margin(v, t));
    if constexpr (Bounded<F, X>)
      for (Eigen::Index i = 0; i < v.size(); ++i)
        if (box.box.lower[i] < box.box.upper[i])
          margin = std::min({margin, S(std::abs(free[i] - box.box.lower[i])), S(std::abs(free[i] - box.box.upper[i]))});
    return !(margin > S(1e2) * std::numeric_limits<S>::epsilon() * size);
  }
};

/// The reverse of a step of proximal descent, and its derivative forwards. See reverse_descent.hpp: this rule is
/// `restricted`, so it is given the objective as well, for its box and its regularizer.
template <class T>
struct ReverseProximalDescent {
  using Method = BasicProximalDescent<T>;
  static constexpr bool restricted = true;
  static constexpr std::size_t vectors = 2;
  template <Point X>
  using Kept = KeptProximal<X>;
  template <Point X>
  using Adjoint = ProximalMap<X>;

  static constexpr auto settings() { return std::tuple{&Method::learning_rate}; }
  template <class D>
  static BasicProximalDescent<D> rebound(const Method& m) {
    return {D(m.learning_rate), m.schedule};
  }

  template <class State>
  static std::uint64_t position(const State& state) {
    return state.age;
  }
  template <class State, Point X>
  static void keep(const State& state, KeptProximal<X>& kept) {
    kept.x = state.x;
    kept.gradient = state.gradient;
    kept.age = state.age;
  }
  template <class State, Point X>
  static void load(const KeptProximal<X>& kept, State& state) {
    state.x = kept.x;
    state.gradient = kept.gradient;
    state.age = kept.age;
    state.proposed = false;
    state.status = Status::running;
  }

  /// map: the step from the state `at`.
  template <class F, class At, Point X>
  static void step(const F& f, const Method& m, const At& at, ProximalMap<X>& map) {
    map.step(f, at.x, at.gradient, ScalarOf<X>(m.learning_rate * T(m.schedule.factor(at.age))));
  }

  /// Backwards through the step that `map` stands for: see reverse_descent.hpp.
  template <class F, class At, Point X>
  static void reverse(const F& f, const Method& m, const At& at, X& x, const ProximalMap<X>& map, X& gradient,
                      ScalarOf<X>* settings) {
    using S = ScalarOf<X>;
    map.derivative(f, x);
    if (settings != nullptr) {
      S along(0);
      for (Eigen::Index i = 0; i < x.size(); ++i) along += x[i] * slope<F>(at, map, i);
      settings[0] -= S(m.schedule.factor(at.age)) * along;
    }
    for (Eigen::Index i = 0; i < x.size(); ++i) gradient[i] = -map.t * x[i];
  }

  /// Forwards: x = the derivative of the point after the step, from those of the point and the gradient before it, and
  /// from `faster`, that of the step size.
  template <class F, class At, Point X>
  static void forward(const F& f, const At& at, X& x, const X& gradient, ScalarOf<X> faster,
                      const ProximalMap<X>& map) {
    for (Eigen::Index i = 0; i < x.size(); ++i) x[i] -= map.t * gradient[i] + faster * slope<F>(at, map, i);
    map.derivative(f, x);
  }

 private:
  /// What a coordinate moves by for each unit of the step, but for the sign: (x − prox_t(v)) / t.
  template <class F, class At, Point X>
  static ScalarOf<X> slope(const At& at, const ProximalMap<X>& map, Eigen::Index i) {
    if constexpr (Regularized<F, X>)
      return (at.x[i] - map.free[i]) / map.t;
    else
      return at.gradient[i];
  }
};

}  // namespace detail

template <class T>
detail::ReverseProximalDescent<T> reverse_rule(const BasicProximalDescent<T>&) {
  return {};
}

}  // namespace mesaopt
