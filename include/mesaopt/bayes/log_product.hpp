#pragma once

#include <cstddef>
#include <tuple>
#include <utility>

#include <mesaopt/core/call.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/point.hpp>

namespace mesaopt {

/// The sum of objectives that are negative logarithms, so the negative logarithm of a product: of an improvement, of
/// the probabilities that constraints are met, of the reciprocal of a cost. See `log_product`.
///
/// It has failed where a part has.
template <class... F>
class LogProduct {
 public:
  template <class X>
  struct Memory {
    struct Record {
      std::tuple<typename MemoryOf<F, X>::Record...> parts;
      X gradient;  // of one part
      static constexpr auto fields() { return std::tuple{&Record::parts}; }
    };
    std::tuple<MemoryOf<F, X>...> parts;

    void absorb(const Record& record) {
      [&]<std::size_t... i>(std::index_sequence<i...>) { (std::get<i>(parts).absorb(std::get<i>(record.parts)), ...); }
      (std::index_sequence_for<F...>{});
    }
    static constexpr auto fields() { return std::tuple{&Memory::parts}; }
  };

  explicit LogProduct(F... parts) : parts_(std::move(parts)...) {}

  template <Point X>
  requires(Objective<F, X>&&...) Evaluation<ScalarOf<X>>
  operator()(const X& x, const Call<Memory<X>>& call) const {
    Evaluation<ScalarOf<X>> sum(ScalarOf<X>(0));
    visit<X>(call, [&](const auto& part, const auto& own) {
      add(detail::evaluate(part, x, call.record.gradient, own), sum);
    });
    return sum;
  }
  template <Point X>
  requires(Differentiable<F, X>&&...) Evaluation<ScalarOf<X>>
  operator()(const X& x, X& gradient, const Call<Memory<X>>& call) const {
    Evaluation<ScalarOf<X>> sum(ScalarOf<X>(0));
    gradient.setZero();
    X& of_part = call.record.gradient;
    if (of_part.size() != x.size()) of_part.resize(x.size());
    visit<X>(call, [&](const auto& part, const auto& own) {
      add(detail::evaluate_gradient(part, x, of_part, own), sum);
      gradient += of_part;
    });
    return sum;
  }

 private:
  /// Calls visitor(part, its call) for each.
  template <class X, class Visitor>
  void visit(const Call<Memory<X>>& call, const Visitor& visitor) const {
    [&]<std::size_t... i>(std::index_sequence<i...>) {
      (visitor(std::get<i>(parts_), Call<MemoryOf<F, X>>{std::get<i>(call.memory.parts), std::get<i>(call.record.parts),
                                                         call.tolerance, call.index}),
       ...);
    }
    (std::index_sequence_for<F...>{});
  }

  template <class S>
  static void add(const Evaluation<S>& part, Evaluation<S>& sum) {
    sum.value += part.value;
    sum.value_error += part.value_error;
    sum.gradient_error += part.gradient_error;
    if (part.verdict <= sum.verdict) return;
    sum.verdict = part.verdict;
    sum.reason = part.reason;
  }

  std::tuple<F...> parts_;
};

/// Log-space product of objectives for one search:
///
///     log_product(acquisition(process, LogExpectedImprovement{}, best),               // -log of the improvement
///                 acquisition(constraint, LogProbabilityOfImprovement{}, 0.0),        // -log P(c(x) ≤ 0)
///                 acquisition(log_cost, PosteriorMean{}, 0.0))                        // log of the predicted cost
///
/// is expected improvement with an unknown constraint, per unit of cost. Improvement times the probability of
/// feasibility: Gardner, Kusner, Xu, Weinberger and Cunningham (2014), "Bayesian optimization with inequality
/// constraints", equation 4, where `best` is that of the feasible observations; while there are none, search by the
/// feasibility alone. Improvement per second, by a process that models the logarithm of the cost: Snoek, Larochelle and
/// Adams (2012), "Practical Bayesian optimization of machine learning algorithms", section 3.2.
template <class... F>
LogProduct<F...> log_product(F... parts) {
  return LogProduct<F...>(std::move(parts)...);
}

}  // namespace mesaopt
