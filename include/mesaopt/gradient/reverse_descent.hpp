#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <type_traits>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>
#include <mesaopt/core/vectors.hpp>
#include <mesaopt/gradient/first_order.hpp>
#include <mesaopt/gradient/fused.hpp>
#include <mesaopt/gradient/gradient_descent.hpp>
#include <mesaopt/gradient/momentum.hpp>

namespace mesaopt {

// How steps of first-order methods are differentiated backwards: from what a quantity changes by with the state after a
// step, its adjoint there, to the adjoints of the state before the step, of the gradient that was taken there, and of
// the method's settings. A method that has this is found by `reverse_rule(method)`, which answers a Rule:
//
//     Rule::settings()                      the settings that can be differentiated by, as pointers to members
//     Rule::rebound<D>(method)              the method with another number type for these
//     Rule::Kept<X>                         what has to be known of a state, to go on or to reverse the step after it
//     Rule::Adjoint<X>                      the adjoint of what a state has beside x
//     Rule::vectors                         how many vectors of x's size Kept holds
//     Rule::position(state)                 steps taken
//     rule.keep(state, kept), rule.load(kept, state)
//     rule.begin(x, adjoint)                the adjoint at the end: of x alone
//     rule.reverse(method, at, x, adjoint, gradient, settings)
//         at: a state, or Kept. x and adjoint: those after the step, then before it, less what goes through the
//         gradient, whose adjoint is assigned. settings: a pointer to an array that theirs are added to, or null.
//         False if the step is not differentiable.
//     rule.end(x, adjoint)                  x: adds what of the start went into other things
//
// A rule that is `restricted` is given the inner objective first, for its box and its regularizer, and has no begin and
// end: see reverse_proximal.hpp.

namespace detail {

/// What has to be known of a state of a first-order method. With `keeps_last`, the point before x is part of that.
template <class Method, Point X, bool keeps_last>
struct KeptFirstOrder {
  X x{}, gradient{}, other{};
  typename Method::template Memory<X> memory{};
  std::uint64_t age = 0;
};

/// What the rules of first-order methods have in common.
template <class Method, bool keeps_last, std::size_t more_vectors>
struct ReverseFirstOrder {
  static constexpr std::size_t vectors = 2 + (keeps_last ? 1 : 0) + more_vectors;
  template <Point X>
  using Kept = KeptFirstOrder<Method, X, keeps_last>;

  template <class State>
  static std::uint64_t position(const State& state) {
    return state.age;
  }
  template <class State, Point X>
  static void keep(const State& state, KeptFirstOrder<Method, X, keeps_last>& kept) {
    kept.x = state.x;
    kept.gradient = state.gradient;
    if constexpr (keeps_last) kept.other = state.other;
    kept.memory = state.memory;
    kept.age = state.age;
  }
  template <class State, Point X>
  static void load(const KeptFirstOrder<Method, X, keeps_last>& kept, State& state) {
    state.x = kept.x;
    state.gradient = kept.gradient;
    if constexpr (keeps_last)
      state.other = kept.other;
    else
      state.other.resize(kept.x.size());
    state.memory = kept.memory;
    state.age = kept.age;
    state.proposed = false;
    state.status = Status::running;
  }
};

/// The adjoint of a state that is nothing but x.
struct NoAdjoint {};

template <class T>
struct ReverseGradientDescent : ReverseFirstOrder<BasicGradientDescent<T>, false, 0> {
  using Method = BasicGradientDescent<T>;
  template <Point X>
  using Adjoint = NoAdjoint;

  static constexpr auto settings() { return std::tuple{&Method::learning_rate, &Method::weight_decay}; }
  template <class D>
  static BasicGradientDescent<D> rebound(const Method& m) {
    return {D(m.learning_rate), D(m.weight_decay), m.schedule};
  }

  template <Point X>
  static void begin(const X&, NoAdjoint&) {}
  template <class At, Point X>
  static bool reverse(const Method& m, const At& at, X& x, NoAdjoint&, X& gradient, ScalarOf<X>* settings) {
    using S = ScalarOf<X>;
    const T factor = T(m.schedule.factor(at.age)), rate = m.learning_rate * factor;
    if (settings != nullptr) {
      const S along = x.dot(at.x);
      settings[0] -= S(factor) * (x.dot(at.gradient) + S(m.weight_decay) * along);
      settings[1] -= S(rate) * along;
    }
    const S minus = -S(rate);
    with_decay<S>(rate, m.weight_decay, [&](const auto& keep) {
      fused(
          [=](auto& point, auto& slope) {
            slope = minus * point;
            point = keep * point;
          },
          x, gradient);
    });
    return true;
  }
  template <Point X>
  static void end(X&, const NoAdjoint&) {}
};

/// Adjoints of the point before x, and of what the last step multiplied that by.
template <Point X>
struct MomentumAdjoint {
  X last{};
  ScalarOf<X> kept = 0;
};

template <class T>
struct ReverseMomentum : ReverseFirstOrder<BasicMomentum<T>, true, 0> {
  using Method = BasicMomentum<T>;
  template <Point X>
  using Adjoint = MomentumAdjoint<X>;

  static constexpr auto settings() {
    return std::tuple{&Method::learning_rate, &Method::weight_decay, &Method::momentum};
  }
  template <class D>
  static BasicMomentum<D> rebound(const Method& m) {
    return {D(m.learning_rate), D(m.momentum), D(m.weight_decay), m.schedule};
  }

  template <Point X>
  static void begin(const X& x, MomentumAdjoint<X>& a) {
    a.last.setZero(x.size());
    a.kept = 0;
  }
  template <class At, Point X>
  static bool reverse(const Method& m, const At& at, X& x, MomentumAdjoint<X>& a, X& gradient, ScalarOf<X>* settings) {
    using S = ScalarOf<X>;
    const T factor = T(m.schedule.factor(at.age)), rate = m.learning_rate * factor;
    if (settings != nullptr) {
      const S along = x.dot(at.x), back = x.dot(at.other);
      settings[0] -= S(factor) * (x.dot(at.gradient) + S(m.weight_decay) * (along + a.kept));
      settings[1] -= S(rate) * (along + a.kept);
      settings[2] += along - S(at.memory.kept) * back;
      a.kept = -S(m.momentum) * back;
    }
    const S minus = -S(rate), beta = S(m.momentum), to_last = -beta * S(at.memory.kept);
    const S keep = S(T(1) - rate * m.weight_decay) + beta;
    fused(
        [=](auto& point, auto& last, auto& slope) {
          const auto before = to_last * point;
          slope = minus * point;
          point = keep * point + last;
          last = before;
        },
        x, a.last, gradient);
    return true;
  }
  template <Point X>
  static void end(X& x, const MomentumAdjoint<X>& a) {
    x += a.last;
  }
};

/// The adjoint of y, the point before momentum was added.
template <Point X>
struct NesterovAdjoint {
  X y{};
};

template <class T>
struct ReverseNesterov : ReverseFirstOrder<BasicNesterov<T>, false, 1> {
  using Method = BasicNesterov<T>;
  template <Point X>
  using Adjoint = NesterovAdjoint<X>;

  static constexpr auto settings() {
    return std::tuple{&Method::learning_rate, &Method::weight_decay, &Method::momentum};
  }
  template <class D>
  static BasicNesterov<D> rebound(const Method& m) {
    return {D(m.learning_rate), D(m.momentum), D(m.weight_decay), m.rising, m.schedule};
  }

  template <Point X>
  static void begin(const X& x, NesterovAdjoint<X>& a) {
    a.y.setZero(x.size());
  }
  template <class At, Point X>
  static bool reverse(const Method& m, const At& at, X& x, NesterovAdjoint<X>& a, X& gradient, ScalarOf<X>* settings) {
    using S = ScalarOf<X>;
    const T factor = T(m.schedule.factor(at.age)), rate = m.learning_rate * factor;
    S beta = S(m.momentum);
    if (m.rising) beta = S((at.memory.a - 1) / ((1 + std::sqrt(4 * at.memory.a * at.memory.a + 1)) / 2));
    if (settings != nullptr) {
      const S along = x.dot(at.x), slope = x.dot(at.gradient), behind = x.dot(at.memory.y), pull = a.y.dot(at.x);
      settings[0] -= S(factor) * ((1 + beta) * slope + a.y.dot(at.gradient) + S(m.weight_decay) * (along + pull));
      settings[1] -= S(rate) * (along + pull);
      if (!m.rising) settings[2] += along - S(rate) * slope - behind;
    }
    const S minus = -S(rate), keep = S(T(1) - rate * m.weight_decay);
    fused(
        [=](auto& point, auto& y, auto& slope) {
          const auto ahead = point + y, speed = beta * point;
          slope = minus * (ahead + speed);
          point = keep * ahead + speed;
          y = S(-1) * speed;
        },
        x, a.y, gradient);
    return true;
  }
  template <Point X>
  static void end(X& x, const NesterovAdjoint<X>& a) {
    x += a.y;
  }
};

}  // namespace detail

template <class T>
detail::ReverseGradientDescent<T> reverse_rule(const BasicGradientDescent<T>&) {
  return {};
}
template <class T>
detail::ReverseMomentum<T> reverse_rule(const BasicMomentum<T>&) {
  return {};
}
template <class T>
detail::ReverseNesterov<T> reverse_rule(const BasicNesterov<T>&) {
  return {};
}

}  // namespace mesaopt
