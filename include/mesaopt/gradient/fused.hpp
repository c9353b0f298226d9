#pragma once

#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>
#include <mesaopt/core/vectors.hpp>

namespace mesaopt::detail {

/// A few numbers of a vector, next to each other, computed with as one: in a register where they are floating-point
/// numbers, else one alone. Eigen's fixed arrays would do, but that each of their expressions is some thirty functions
/// to compile.
template <int count, class S>
struct Part {
  Pack<count, S> numbers;

  friend Part operator+(Part a, Part b) { return {a.numbers + b.numbers}; }
  friend Part operator-(Part a, Part b) { return {a.numbers - b.numbers}; }
  friend Part operator*(Part a, Part b) { return {a.numbers * b.numbers}; }
  friend Part operator/(Part a, Part b) { return {a.numbers / b.numbers}; }
  friend Part operator*(S a, Part b) { return {a * b.numbers}; }
  friend Part operator+(Part a, S b) { return {a.numbers + b}; }

  friend Part larger(Part a, Part b) { return {a.numbers > b.numbers ? a.numbers : b.numbers}; }
  friend Part larger(Part a, S b) { return larger(a, Part{} + b); }
  friend Part sign(Part a) {
    // A quotient takes the numbers together; 0 of 0 as well.
    return a / larger(larger(a, Part{-a.numbers}), std::numeric_limits<S>::min());
  }
  friend Part root(Part a) {
    using Packet = typename Eigen::internal::packet_traits<S>::type;
    if constexpr (sizeof(Packet) == sizeof(Pack<count, S>) && sizeof(Packet) > sizeof(S)) {
      Packet packet;
      std::memcpy(&packet, &a.numbers, sizeof packet);
      packet = Eigen::internal::psqrt(packet);
      std::memcpy(&a.numbers, &packet, sizeof packet);
    } else {
      for (int i = 0; i < count; ++i) a.numbers[i] = std::sqrt(a.numbers[i]);
    }
    return a;
  }
};

template <class S>
struct Part<1, S> {
  S number;

  friend Part operator+(const Part& a, const Part& b) { return {a.number + b.number}; }
  friend Part operator-(const Part& a, const Part& b) { return {a.number - b.number}; }
  friend Part operator*(const Part& a, const Part& b) { return {a.number * b.number}; }
  friend Part operator/(const Part& a, const Part& b) { return {a.number / b.number}; }
  friend Part operator*(const S& a, const Part& b) { return {a * b.number}; }
  friend Part operator+(const Part& a, const S& b) { return {a.number + b}; }

  friend Part larger(const Part& a, const Part& b) { return {a.number > b.number ? a.number : b.number}; }
  friend Part larger(const Part& a, const S& b) { return {a.number > b ? a.number : b}; }
  friend Part sign(const Part& a) {
    const S zero(0);
    return {a.number > zero ? S(1) : a.number < zero ? S(-1) : a.number == zero ? zero : a.number};
  }
  friend Part root(const Part& a) {
    using std::sqrt;
    return {sqrt(a.number)};
  }
};

template <int count, class S>
[[gnu::always_inline]] inline Part<count, std::remove_const_t<S>> fused_part(S* data) {
  Part<count, std::remove_const_t<S>> part;
  if constexpr (count > 1)
    read<count>(data, part.numbers);
  else
    part.number = *data;
  return part;
}

template <int count, class S>
[[gnu::always_inline]] inline void keep_part([[maybe_unused]] const Part<count, std::remove_const_t<S>>& part,
                                             [[maybe_unused]] S* data) {
  if constexpr (!std::is_const_v<S>) {
    if constexpr (count > 1)
      write<count>(part.numbers, data);
    else
      *data = part.number;
  }
}

template <int count, class Body, class... S>
[[gnu::always_inline]] inline void fused_from(const Body& body, Eigen::Index from, Eigen::Index size, S*... data) {
  for (; from + count <= size; from += count)
    [&](auto... parts) {
      body(parts...);
      (keep_part<count>(parts, data + from), ...);
    }(fused_part<count>(data + from)...);
  if constexpr (count > 1) fused_from<count / 2>(body, from, size, data...);
}

/// Calls body(parts...) for one run of coordinates after the other, each part being that run of one of the vectors, to
/// be read, and changed if the vector is not constant: what body computes from several vectors stays in registers, and
/// the memory is gone through once.
template <class Body, class X, class... Rest>
[[gnu::always_inline]] inline void fused(const Body& body, X& first, Rest&... rest) {
  using S = ScalarOf<X>;
  if constexpr (std::is_floating_point_v<S>)
    fused_from<lanes<S>>(body, 0, first.size(), first.data(), rest.data()...);
  else
    fused_from<1>(body, 0, first.size(), first.data(), rest.data()...);
}

/// Stands for a factor of 1, which costs nothing.
struct One {
  template <class E>
  friend const E& operator*(One, const E& expression) {
    return expression;
  }
};

/// Calls body(keep), where keep is the factor 1 − rate · weight_decay by which decoupled weight decay shrinks a point:
/// One where there is none.
template <class S, class T, class Body>
void with_decay(const T& rate, const T& weight_decay, const Body& body) {
  if constexpr (std::is_floating_point_v<T>)
    if (weight_decay == T(0)) return body(One{});
  body(S(T(1) - rate * weight_decay));
}

}  // namespace mesaopt::detail
