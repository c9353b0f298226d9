#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <tuple>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/call.hpp>
#include <mesaopt/core/constraints.hpp>
#include <mesaopt/core/counts.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/evaluator.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/prior.hpp>
#include <mesaopt/core/residuals.hpp>
#include <mesaopt/core/status.hpp>

namespace mesaopt {

/// How often something worth telling happened in a run, and at which evaluation first.
struct Event {
  std::uint64_t count = 0;
  std::uint64_t first = 0;  ///< index of the evaluation
  std::uint8_t level = 0;   ///< where the first one arose: 0 here, 1 in the inner run, 2 in the one in that, ...
  Status inner_status = Status::running;  ///< how the run at that level ended, if it is one below
  static constexpr auto fields() {
    return std::tuple{&Event::count, &Event::first, &Event::level, &Event::inner_status};
  }
};

namespace detail {

/// Of all that happened what arose at the deepest level, and of that what happened most often.
inline Reason deepest(const std::array<Event, reasons>& events) {
  std::size_t found = 0;
  for (std::size_t i = 1; i < reasons; ++i)
    if (events[i].count > 0 && (events[i].level > events[found].level ||
                                (events[i].level == events[found].level && events[i].count > events[found].count)))
      found = i;
  return Reason(found);
}

/// Levels of optimization below an objective with memory M.
template <class M>
inline constexpr std::size_t levels_below = [] {
  if constexpr (requires { M::levels_below; })
    return std::size_t(M::levels_below);
  else
    return std::size_t(0);
}();

/// Eigen adds up the numbers of a fixed-size point in an order that depends on their address, unless that is aligned,
/// as those of dynamic ones always are. So points are, and with them every state, for the same bits in every place.
template <class X>
inline constexpr std::size_t point_alignment = X::SizeAtCompileTime == Eigen::Dynamic
                                                   ? alignof(X)
                                                   : std::max<std::size_t>(alignof(X), EIGEN_MAX_ALIGN_BYTES);

/// The workspace of one call: its record, and what the run needs to make the call.
template <Point X, class M>
struct Slot {
  typename M::Record record{};
  alignas(point_alignment<X>) X point{};
  alignas(point_alignment<X>) X scratch{};
  alignas(point_alignment<X>) X plus{};
};

template <class M>
void clear(M& memory) {
  if constexpr (requires { memory.clear(); })
    memory.clear();
  else
    memory = M{};
}

}  // namespace detail

/// A run's way to its objective: every optimizer calls through this.
///
/// It owns the objective's memory and records, counts per level, names each evaluation by an index, refuses to evaluate
/// beyond `limit` (also in the middle of a line search), and notes what went wrong. The objective itself is handed in
/// at each call, so a state never holds one.
template <Point X, class M = Nothing>
struct Calls {
  using S = ScalarOf<X>;
  using Memory = M;
  static constexpr std::size_t levels = 1 + detail::levels_below<M>;

  std::array<Counts, levels> counts{};                              ///< this level, then the levels below
  M memory{};                                                       ///< what accepted evaluations taught
  double tolerance = 0;                                             ///< handed to every call
  std::uint64_t limit = std::numeric_limits<std::uint64_t>::max();  ///< on counts[0].evaluations()
  std::array<Event, reasons> events{};                              ///< by Reason

  detail::Slot<X, M> slot{};              ///< scratch of single calls, not part of the value
  std::vector<detail::Slot<X, M>> slots;  ///< scratch of batches, not part of the value

  static constexpr auto fields() {
    return std::tuple{&Calls::counts, &Calls::memory, &Calls::tolerance, &Calls::limit, &Calls::events};
  }

  /// For an optimizer's `init`: forgets all but the limit and the tolerance, then takes what `start` remembers.
  template <class Start>
  void begin(const Start& start) {
    counts = {};
    events = {};
    detail::clear(memory);
    if constexpr (HasMemory<Start, M>) memory = start.memory;
  }

  [[nodiscard]] bool exhausted() const { return counts[0].evaluations() >= limit; }

  /// Whether the limit leaves room for the 2 `products` gradients that so many products of the Hessian of f with a
  /// vector cost where they are made from differences; n make a Hessian. Neither looks at the limit by itself, as a
  /// hypergradient has to be had also when the inner search has spent its budget: an optimizer asks before.
  template <class F>
  [[nodiscard]] bool allows_products(const F&, Eigen::Index products) const {
    if constexpr (detail::HasHessianProduct<F, X>)
      return !exhausted();  // an adaptor's own may cost evaluations
    else
      return !exhausted() && limit - counts[0].evaluations() >= 2 * std::uint64_t(products);
  }
  template <class F>
  [[nodiscard]] bool allows_hessian(const F& f, Eigen::Index n) const {
    if constexpr (detail::HasHessian<F, X>)
      return true;
    else
      return allows_products(f, n);
  }

  template <class F>
  Evaluation<S> value(const F& f, const X& x) {
    if (exhausted()) return spent();
    const auto index = counts[0].evaluations();
    ++counts[0].values;
    Collect collect{*this, slot, index};
    const auto evaluation = detail::evaluate(f, x, slot.scratch, call(slot, index));
    return note(collect.done(evaluation), index);
  }

  template <class F>
  Evaluation<S> gradient(const F& f, const X& x, X& gradient) {
    if (exhausted()) return spent();
    const auto index = counts[0].evaluations();
    ++counts[0].gradients;
    gradient.resize(x.size());  // a loaded state comes without its scratch
    Collect collect{*this, slot, index};
    const auto evaluation = detail::evaluate_gradient(f, x, gradient, call(slot, index));
    return note(collect.done(evaluation), index);
  }

  /// The Hessian at x times v: the objective's own, else by central differences of gradients along v, with the step
  /// ε^(1/3) max(1, |x|) / |v|, which gives about 10 digits in double and 4 in float.
  template <class F>
  void hessian_product(const F& f, const X& x, const X& v, X& out) {
    const auto index = counts[0].evaluations();
    Collect collect{*this, slot, index};
    if constexpr (detail::HasHessianProduct<F, X>) {
      ++counts[0].hessian_products;
      detail::evaluate_hessian_product(f, x, v, out, call(slot, index));
    } else {
      const S norm = v.norm();
      if (!(norm > 0)) {
        out.setZero(x.size());
        return void(collect.done());
      }
      const S h = std::cbrt(std::numeric_limits<S>::epsilon()) * std::max(S(1), x.norm()) / norm;
      slot.scratch.resize(x.size());
      counts[0].gradients += 2;
      slot.point = x + h * v;
      detail::evaluate_gradient(f, slot.point, out, call(slot, index));
      slot.point = x - h * v;
      detail::evaluate_gradient(f, slot.point, slot.scratch, call(slot, index + 1));
      out = (out - slot.scratch) / (2 * h);
    }
    collect.done();
  }

  /// The Hessian at x: the objective's own, else column by column from Hessian products, made symmetric.
  template <class F>
  void hessian(const F& f, const X& x, MatrixOf<X>& out) {
    out.resize(x.size(), x.size());
    if constexpr (detail::HasHessian<F, X>) {
      Collect collect{*this, slot, counts[0].evaluations()};
      ++counts[0].hessians;
      detail::evaluate_hessian(f, x, out, call(slot, collect.index));
      collect.done();
    } else {
      slot.plus.setZero(x.size());
      for (Eigen::Index j = 0; j < x.size(); ++j) {
        slot.plus[j] = 1;
        X& column = column_;
        column.resize(x.size());
        hessian_product(f, x, slot.plus, column);
        out.col(j) = column;
        slot.plus[j] = 0;
      }
      for (Eigen::Index j = 0; j < x.size(); ++j)
        for (Eigen::Index i = 0; i < j; ++i) out(i, j) = out(j, i) = (out(i, j) + out(j, i)) / 2;
    }
  }

  /// Fills r with the residuals of f at x, or r and J with residuals and Jacobian, all sized as needed. Counts as an
  /// evaluation of the value, or of value and gradient. The answer is half the sum of squares, or the value that f
  /// itself answers, with a verdict.
  template <class F, class... J>
  Evaluation<S> residuals(const F& f, const X& x, ResidualsOf<X>& r, J&... jacobian) {
    static_assert(sizeof...(J) <= 1);
    if (exhausted()) return spent();
    const auto index = counts[0].evaluations();
    ++(sizeof...(J) == 0 ? counts[0].values : counts[0].gradients);
    r.resize(f.residual_count());
    (jacobian.resize(r.size(), x.size()), ...);
    Collect collect{*this, slot, index};
    auto evaluation = detail::evaluate_residuals(f, x, call(slot, index), r, jacobian...);
    collect.done();
    // 0 · ∞ and 0 · NaN are NaN: all entries in one pass.
    if (evaluation.usable() && !(((jacobian.array() * S(0)).sum() == S(0)) && ...)) {
      evaluation.verdict = Verdict::not_differentiable;
      evaluation.reason = Reason::non_finite_gradient;
    }
    return note(evaluation, index);
  }

  /// Fills c with the constraints of f at x, or c and J with constraints and Jacobian, all sized as needed. False if
  /// something in them is not finite.
  template <class F, class... J>
  bool constraints(const F& f, const X& x, ConstraintsOf<X>& c, J&... jacobian) {
    static_assert(sizeof...(J) <= 1);
    const auto index = counts[0].evaluations();
    ++counts[0].constraints;
    c.resize(Eigen::Index(f.equalities()) + Eigen::Index(f.inequalities()));
    (jacobian.resize(c.size(), x.size()), ...);
    Collect collect{*this, slot, index};
    detail::evaluate_constraints(f, x, call(slot, index), c, jacobian...);
    collect.done();
    if (c.allFinite() && (jacobian.allFinite() && ...)) return true;
    note(Evaluation<S>::failure(Reason::non_finite_constraint), index);
    return false;
  }

  /// Fills c with the constraints at column k of the batch that `values` evaluated last, at x, in that column's record:
  /// an objective that has solved something there need not do it again. False if something in them is not finite.
  template <class F>
  bool constraints_in_batch(const F& f, std::size_t k, const X& x, ConstraintsOf<X>& c) {
    if (k >= slots.size()) return constraints(f, x, c);
    const auto index = batch_ + k;
    ++counts[0].constraints;
    c.resize(Eigen::Index(f.equalities()) + Eigen::Index(f.inequalities()));
    Collect collect{*this, slots[k], index};
    detail::evaluate_constraints(f, x, call(slots[k], index), c);
    collect.done();
    if (c.allFinite()) return true;
    note(Evaluation<S>::failure(Reason::non_finite_constraint), index);
    return false;
  }

  /// Makes another kind of call of the objective's, `function(call)`, and collects what it costs at the levels below.
  template <class Function>
  void make(Function&& function) {
    Collect collect{*this, slot, counts[0].evaluations()};
    function(call(slot, collect.index));
    collect.done();
  }

  /// Evaluates the columns of `points` by the objective's evaluator, in one batch.
  ///
  /// An objective with `f.batch(points, values)` is handed all of them at once. Beyond the limit columns are failures.
  /// If a call throws, the exception of the first such column reaches the caller.
  template <class F>
  void values(const F& f, const PointsOf<X>& points, std::vector<Evaluation<S>>& out);

  /// Tells the memory that the last single evaluation was accepted.
  void accept() { memory.absorb(slot.record); }

  /// Tells the memory, in order, which evaluations of the last batch can be learnt from.
  void accept_batch(const std::vector<Evaluation<S>>& evaluations) {
    for (std::size_t i = 0; i < evaluations.size() && i < slots.size(); ++i)
      if (evaluations[i].usable()) memory.absorb(slots[i].record);
  }

 private:
  X column_{};
  std::uint64_t batch_ = 0;  // the index of the first evaluation of the last batch

  /// Collects what a call cost when it has been made, or has thrown, which is noted.
  struct Collect {
    Calls& calls;
    detail::Slot<X, M>& from;
    std::uint64_t index;
    bool returned = false;
    Collect(Calls& c, detail::Slot<X, M>& s, std::uint64_t i) : calls(c), from(s), index(i) {}
    Collect(const Collect&) = delete;
    Collect& operator=(const Collect&) = delete;
    ~Collect() {
      calls.collect(from);
      if (!returned) calls.note_thrown(level_of(from), index);
    }
    void done() { returned = true; }
    template <class E>
    const E& done(const E& evaluation) {
      returned = true;
      return evaluation;
    }
  };
  /// At which level something threw: a record of levels below knows whether it was there.
  static std::uint8_t level_of(const detail::Slot<X, M>& from) {
    if constexpr (requires { from.record.thrown_below(); })
      return from.record.thrown_below();
    else
      return 0;
  }
  void note_thrown(std::uint8_t level, std::uint64_t index) {
    Event& event = events[std::size_t(Reason::threw)];
    if (event.count++ == 0) {
      event.first = index;
      event.level = level;
    }
  }

  Call<M> call(detail::Slot<X, M>& s, std::uint64_t index) const { return {memory, s.record, tolerance, index}; }

  static Evaluation<S> spent() { return Evaluation<S>::failure(Reason::budget_spent); }

  /// Adds what a call did below, and what it did at this level beyond being called (`record.cost`).
  void collect(detail::Slot<X, M>& from) {
    if constexpr (requires { from.record.counts; }) {
      for (std::size_t i = 0; i + 1 < levels; ++i) counts[i + 1] += from.record.counts[i];
      from.record.counts = {};
    }
    if constexpr (requires { from.record.cost; }) {
      counts[0] += from.record.cost;
      from.record.cost = {};
    }
  }

  Evaluation<S> note(Evaluation<S> evaluation, std::uint64_t index) {
    if (evaluation.verdict != Verdict::failed && !evaluation.usable()) {
      evaluation.verdict = Verdict::failed;
      evaluation.reason = Reason::non_finite_value;
    }
    if (evaluation.reason != Reason::none) {
      Event& event = events[std::size_t(evaluation.reason)];
      if (event.count++ == 0) {
        event.first = index;
        event.level = evaluation.level;
        event.inner_status = evaluation.inner_status;
      }
    }
    return evaluation;
  }
};

template <Point X, class M>
template <class F>
void Calls<X, M>::values(const F& f, const PointsOf<X>& points, std::vector<Evaluation<S>>& out) {
  const auto size = std::size_t(points.cols());
  const auto index = counts[0].evaluations();
  const auto allowed = std::min<std::uint64_t>(size, index >= limit ? 0 : limit - index);
  batch_ = index;
  out.assign(size, spent());
  counts[0].values += allowed;
  if constexpr (requires(Eigen::VectorX<S> & v) { f.batch(points, v); }) {
    Eigen::VectorX<S> answers(points.cols());
    if (allowed == size) {
      f.batch(points, answers);
    } else {
      const PointsOf<X> some = points.leftCols(Eigen::Index(allowed));
      f.batch(some, answers);
    }
    for (std::size_t i = 0; i < allowed; ++i) out[i] = note(answers[Eigen::Index(i)], index + i);
  } else {
    if (slots.size() < size) slots.resize(size);
    struct CollectAll {
      Calls& calls;
      std::size_t size;
      std::uint64_t index;
      bool returned = false;
      ~CollectAll() {
        for (std::size_t i = 0; i < size; ++i) calls.collect(calls.slots[i]);
        if (returned) return;
        std::uint8_t level = 0;
        for (std::size_t i = 0; i < size; ++i) level = std::max(level, level_of(calls.slots[i]));
        calls.note_thrown(level, index);
      }
    } collect_all{*this, size, index};
    detail::evaluator_of(f)(std::size_t(allowed), [&](std::size_t i) {
      auto& s = slots[i];
      s.point = points.col(Eigen::Index(i));
      out[i] = detail::evaluate(f, s.point, s.scratch, call(s, index + i));
    });
    collect_all.returned = true;
    for (std::size_t i = 0; i < allowed; ++i) out[i] = note(out[i], index + i);
  }
}

}  // namespace mesaopt
