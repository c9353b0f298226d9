#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <tuple>
#include <type_traits>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/nested/places.hpp>

namespace mesaopt::detail {

/// Terms 0, 1, ... divided into batches of `size`, the last one being what is left.
struct FixedBatches {
  Eigen::Index terms;
  Eigen::Index size;

  [[nodiscard]] Eigen::Index width() const { return std::min(size, terms); }
  [[nodiscard]] Eigen::Index count() const { return (terms + width() - 1) / width(); }
  [[nodiscard]] Eigen::Index size_of(Eigen::Index batch) const { return std::min(width(), terms - batch * width()); }
};

/// Draws one of the batches, all of them with the same probability, fills its terms, and answers its number.
inline Eigen::Index draw(Random random, const FixedBatches& batches, std::vector<Eigen::Index>& terms) {
  const auto batch = Eigen::Index(random.below(std::uint64_t(batches.count())));
  terms.reserve(std::size_t(batches.width()));
  terms.resize(std::size_t(batches.size_of(batch)));
  for (std::size_t i = 0; i < terms.size(); ++i) terms[i] = batch * batches.width() + Eigen::Index(i);
  return batch;
}

/// What is remembered of the derivatives over each batch, and their mean over all terms: nothing, or what SAGA takes
/// the noise away with. Defazio, Bach & Lacoste-Julien (2014), "SAGA: a fast incremental gradient method with support
/// for non-strongly convex composite objectives".
template <class S>
struct DirectionTable {
  Eigen::MatrixX<S> remembered{};  ///< one batch a column, or none
  Eigen::VectorX<S> mean{};

  static constexpr auto fields() { return std::tuple{&DirectionTable::remembered, &DirectionTable::mean}; }

  void begin(Eigen::Index size, Eigen::Index batches) {
    remembered.setZero(size, batches);
    mean.setZero(size);
  }

  /// Turns the derivatives over a batch that was drawn into an unbiased estimate of those over all terms, and remembers
  /// them.
  void direction(const FixedBatches& batches, Eigen::Index batch, Eigen::VectorX<S>& now) {
    const S share = S(batches.size_of(batch)) / S(batches.terms);
    const S weight = share * S(batches.count());
    if (remembered.cols() == 0) {
      now *= weight;
      return;
    }
    for (Eigen::Index i = 0; i < now.size(); ++i) {
      const S change = now[i] - remembered(i, batch);
      remembered(i, batch) = now[i];
      now[i] = weight * change + mean[i];
      mean[i] += share * change;
    }
  }
};

/// The workspace of `batch_directions`, and what it answers.
template <Point X, Point Y>
struct DirectionScratch {
  std::vector<Eigen::Index> inner_terms{}, outer_terms{};
  Eigen::Index inner_batch = 0, outer_batch = 0;
  Eigen::VectorX<ScalarOf<X>> inner{};  ///< ∂g/∂y, ∂²g/∂y² v, ∂/∂x (∂g/∂y · v)
  Eigen::VectorX<ScalarOf<X>> outer{};  ///< ∂F/∂x, ∂F/∂y
  X gx{};
  Y gy{}, product{}, point{};

  void resize(Eigen::Index n, Eigen::Index m) {
    inner.resize(2 * m + n);
    outer.resize(n + m);
    gx.resize(n);
    for (Y* each : {&gy, &product, &point}) each->resize(m);
  }
};

using Terms = std::span<const Eigen::Index>;

template <class F, class X>
concept BilevelSum = requires(const F& f) {
  { f.outer.terms() } -> std::convertible_to<Eigen::Index>;
  { f.response.objective.g.terms() } -> std::convertible_to<Eigen::Index>;
  f.response.start.from;
};

/// out = (second derivative of g over the batch) v; by central differences of its gradient if g has none.
template <class G, Point X, Point Y, class Scratch, class... Last>
void batch_hessian_product(const G& g, const X& x, const Y& y, Terms batch, const Y& v, Scratch& s, Counts& counts,
                           Y& out, const Last&... call) {
  using S = ScalarOf<Y>;
  if constexpr (requires { g.hessian_product(x, y, batch, v, out, call...); }) {
    ++counts.hessian_products;
    g.hessian_product(x, y, batch, v, out, call...);
  } else {
    const S norm = v.norm();
    out.setZero();
    if (!(norm > 0)) return;
    const S h = std::cbrt(std::numeric_limits<S>::epsilon()) * std::max(S(1), y.norm()) / norm;
    counts.gradients += 2;
    s.point = y + h * v;
    g(x, s.point, batch, out, call...);
    s.point = y - h * v;
    g(x, s.point, batch, s.gy, call...);
    out = (out - s.gy) / (2 * h);
  }
}

/// Fills s.inner and s.outer with the derivatives over the batches s.inner_terms and s.outer_terms, and answers the
/// value of the outer objective over its batch.
template <class F, Point X, Point Y, class M, class Scratch>
Evaluation<ScalarOf<X>> batch_directions(const F& f, const X& x, const Y& y, const Y& v, Calls<X, M>& calls,
                                         Scratch& s) {
  using Outer = std::remove_cvref_t<decltype(f.outer)>;
  using G = std::remove_cvref_t<decltype(f.response.objective.g)>;
  const G& g = f.response.objective.g;
  const auto n = x.size(), m = y.size();
  Evaluation<ScalarOf<X>> value;
  ++calls.counts[0].gradients;
  calls.make([&](const Call<M>& call) {
    auto& record = call.record;
    struct Collect {
      decltype(record)& all;
      ~Collect() {
        std::remove_cvref_t<decltype(f.response)>::collect(all.response);
        for (std::size_t i = 0; i < all.counts.size(); ++i) all.counts[i] += all.response.counts[i];
        all.response.counts = {};
      }
    } const collect{record};
    auto& inner_calls = record.response.run.state.calls;
    Counts& counts = inner_calls.counts[0];
    const Terms some(s.inner_terms);
    inner_calls.make([&](const auto& inner) {
      with_call<At<G, X>, Y>(inner, [&](const auto&... last) {
        batch_hessian_product(g, x, y, some, v, s, counts, s.product, last...);
        s.inner.segment(m, m) = s.product;
        ++counts.gradients;
        g(x, y, some, s.gy, last...);
        s.inner.head(m) = s.gy;
        ++counts.hessian_products;
        if constexpr (requires { g.mixed_product(x, y, some, v, s.gx, last...); })
          g.mixed_product(x, y, some, v, s.gx, last...);
        else
          g.mixed_product(x, y, v, s.gx, last...);
        s.inner.tail(n) = s.gx;
      });
    });
    with_call<Outer, Y>(record.outer_call(call),
                        [&](const auto&... last) { value = f.outer(x, y, Terms(s.outer_terms), s.gx, s.gy, last...); });
    s.outer.head(n) = s.gx;
    s.outer.tail(m) = s.gy;
  });
  return value;
}

}  // namespace mesaopt::detail
