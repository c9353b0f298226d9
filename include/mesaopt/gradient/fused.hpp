#pragma once

#include <algorithm>
#include <type_traits>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>

namespace mesaopt::detail {

/// As many numbers as fit into a register of the machine compiled for.
template <class S>
inline constexpr int register_size = std::is_floating_point_v<S>
                                         ? std::max(1, EIGEN_MAX_STATIC_ALIGN_BYTES / int(sizeof(S)))
                                         : 1;

/// `count` coordinates from `data` on, as an array.
template <int count, bool aligned, class S>
[[gnu::always_inline]] inline auto fused_part(S* data) {
  using Plain = Eigen::Array<std::remove_const_t<S>, count, 1>;
  constexpr int alignment = aligned && count > 1 ? count * int(sizeof(S)) : 0;
  return Eigen::Map<std::conditional_t<std::is_const_v<S>, const Plain, Plain>, alignment>(data);
}

template <int count, bool aligned, class Body, class... S>
[[gnu::always_inline]] inline void fused_from(Body body, Eigen::Index from, Eigen::Index size, S*... data) {
  for (; from + count <= size; from += count) body(fused_part<count, aligned>(data + from)...);
  if constexpr (count > 1) fused_from<count / 2, aligned>(body, from, size, data...);
}

/// Calls body(parts...) for one run of coordinates after the other, each part being that run of one of the vectors, as
/// an array of fixed size: what body computes from several vectors, and keeps by eval(), stays in registers, and the
/// memory is gone through once.
template <class Body, class X, class... Rest>
[[gnu::always_inline]] inline void fused(const Body& body, X& first, Rest&... rest) {
  if constexpr (X::SizeAtCompileTime != Eigen::Dynamic)
    body(first.array(), rest.array()...);
  else
    fused_from<register_size<ScalarOf<X>>, !(int(X::Options) & Eigen::DontAlign)>(body, 0, first.size(), first.data(),
                                                                                  rest.data()...);
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
