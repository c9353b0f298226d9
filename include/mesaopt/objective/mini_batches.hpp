#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/permutation.hpp>
#include <mesaopt/core/stopping.hpp>
#include <mesaopt/objective/wrapped.hpp>

namespace mesaopt {

namespace detail {
struct BatchScratch {
  std::vector<Eigen::Index> terms{};
};

/// Batches of `size` out of `terms` terms: every epoch goes through all of them, each once, in an order of its own.
struct BatchOrder {
  std::uint64_t terms;
  std::uint64_t size;
  std::uint64_t seed;

  [[nodiscard]] std::uint64_t per_epoch() const { return (terms + size - 1) / size; }

  /// Fills `batch` with batch 0, 1, 2, ... in all; the last one of an epoch is what is left.
  void fill(std::uint64_t index, std::vector<Eigen::Index>& batch) const {
    const auto shuffle = Permutation{terms, seed, index / per_epoch()}.prepared();
    const std::uint64_t first = index % per_epoch() * size;
    batch.resize(std::size_t(std::min(size, terms - first)));
    for (std::size_t i = 0; i < batch.size(); ++i) batch[i] = Eigen::Index(shuffle(first + i));
  }
};
}  // namespace detail

/// A finite sum, seen through a few of its terms at a time. See `mini_batches`.
template <class F>
struct MiniBatches {
  F f;
  Eigen::Index size = 32;  ///< terms a batch
  std::uint64_t seed = 0;

  static constexpr bool stochastic = true;

  template <class X>
  using Memory = detail::WrappedMemory<MemoryOf<F, X>, detail::BatchScratch>;

  /// Batches in which every term is met once.
  [[nodiscard]] std::uint64_t batches_per_epoch() const { return order().per_epoch(); }

  /// Fills `terms` with the batch of evaluation `index`: epoch index / batches_per_epoch().
  void batch(std::uint64_t index, std::vector<Eigen::Index>& terms) const { order().fill(index, terms); }

  /// Value and gradient of the mean over the call's batch.
  template <Point X>
  requires FiniteSum<F, X> Evaluation<ScalarOf<X>>
  operator()(const X& x, X& gradient, const Call<Memory<X>>& call) const {
    auto& terms = call.record.scratch.terms;
    terms.reserve(std::size_t(size));
    batch(call.index, terms);
    const detail::WrappedCall<MemoryOf<F, X>, detail::BatchScratch> inner(call);
    return detail::with_call<F, X>(inner, f, x, std::span<const Eigen::Index>(terms), gradient);
  }

 private:
  [[nodiscard]] detail::BatchOrder order() const { return {std::uint64_t(f.terms()), std::uint64_t(size), seed}; }
};

/// The finite sum f (core/objective.hpp) as a stochastic objective: value and gradient at x are those of the mean over
/// `size` terms, a new batch at every evaluation.
///
///     minimize(mini_batches(loss, 64, seed), w0, Adam{}, MaxIterations{5000});
///
/// An epoch goes through all terms, each once, in an order of its own; if size does not divide their number the last
/// batch of an epoch is the rest, whose terms weigh more. The batch is a function of seed and index of the evaluation
/// alone, so runs repeat bit by bit, also when resumed. Runs answer their last point, for values of different batches
/// do not compare.
/// Throws std::invalid_argument unless size is between 1 and the number of terms.
template <class F>
MiniBatches<F> mini_batches(F f, Eigen::Index size, std::uint64_t seed = 0) {
  if (size < 1) detail::refuse("mini_batches: size", double(size), "it must be 1 or more");
  if (size > Eigen::Index(f.terms()))
    detail::refuse("mini_batches: size", double(size), "it must be at most the number of terms");
  return {std::move(f), size, seed};
}

}  // namespace mesaopt
