#pragma once

#include <algorithm>
#include <limits>
#include <type_traits>
#include <utility>

#include <Eigen/Core>

#include <mesaopt/core/call.hpp>
#include <mesaopt/core/constraints.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/prior.hpp>
#include <mesaopt/core/run.hpp>
#include <mesaopt/core/search.hpp>
#include <mesaopt/core/solution.hpp>
#include <mesaopt/core/status.hpp>
#include <mesaopt/nested/basin_jump.hpp>
#include <mesaopt/nested/handover.hpp>
#include <mesaopt/nested/inner_derivatives.hpp>
#include <mesaopt/nested/inner_start.hpp>
#include <mesaopt/nested/moved_starts.hpp>
#include <mesaopt/nested/places.hpp>
#include <mesaopt/nested/response_memory.hpp>
#include <mesaopt/nested/response_record.hpp>
#include <mesaopt/nested/response_types.hpp>
#include <mesaopt/nested/start.hpp>

namespace mesaopt {

/// What an inner search answers to an outer point x:  y(x), the minimizer that `search` finds of `objective` from
/// `start`. Each of the three places is a constant or depends on x. Make one with `response`.
template <class ObjectivePlace, class SearchPlace, class StartPlace>
struct Response {
  ObjectivePlace objective;
  SearchPlace search;
  StartPlace start;

  /// Types that follow from the type of the outer point.
  template <Point X>
  using Types = detail::ResponseTypes<ObjectivePlace, SearchPlace, StartPlace, X>;
  template <Point X>
  using Y = typename Types<X>::Y;
  /// One solve: the inner run with its workspace, and what the adjoint leaves behind.
  template <Point X>
  using Record = detail::ResponseRecord<Types<X>>;
  /// What the outer run remembers of the inner one, from accepted outer points only.
  template <Point X>
  using Memory = detail::ResponseMemory<Types<X>>;

  /// The inner solution at outer point x, from the start of this response; with the memory of an outer run that ended,
  /// `best.state.calls.memory.response`, from where that run would start it.
  template <Point X>
  auto operator()(const X& x, const Memory<X>& memory = {}) const -> Solution<decltype(Types<X>::Run::state)> {
    Record<X> record;
    solve(x, memory, record);
    auto answer = solution(std::move(record.run));
    answer.counts = record.counts;
    return answer;
  }

  /// Runs the inner search for outer point x, watched by the observers. Its solution is `best_point(record.run)`, valid
  /// if `record.solved`.
  ///
  /// With a tolerance the search ends as soon as its solution is known to that relative accuracy, by what the last
  /// certificate taught of distance against gradient; else, and where there was none, by its own stopping rule.
  template <Point X, class... Observers>
  void solve(const X& x, const Memory<X>& memory, Record<X>& record, double tolerance = 0,
             const Observers&... observers) const {
    const auto& f = detail::placed(objective, x);
    const auto& search_here = as_search(detail::placed(search, x));
    auto& run = record.run;
    const Spend<Record<X>> spend{record};
    if (!begin_at(f, search_here, x, memory, record, observers...)) return;
    if (tolerance > 0 && memory.reach > 0) {
      while (run.status == Status::running) {
        if (near_enough(run.state, tolerance / memory.reach))
          run.status = Status::gradient_below;
        else
          mesaopt::advance(f, search_here.optimizer, search_here.stopping, run, observers...);
      }
    } else {
      resume(f, search_here.optimizer, search_here.stopping, run, observers...);
    }
    conclude(f, x, memory, record);
  }

  /// An inner run that may not have ended, as a value: see `Nested::advance`. One that has not begun is empty.
  template <Point X>
  struct Paused {
    typename Types<X>::Run run{};
    bool begun = false;

    static constexpr auto fields() { return std::tuple{&Paused::run, &Paused::begun}; }
    /// Steps that it has made.
    [[nodiscard]] std::uint64_t iterations() const { return begun ? run.state.calls.counts[0].iterations : 0; }
    /// Whether it has ended, by its own stopping rule or because it can do no more.
    [[nodiscard]] bool complete() const { return begun && run.status != Status::running; }
    /// The inner solution so far.
    [[nodiscard]] const Y<X>& solution() const { return best_point(run); }
  };

  /// Begins the run in the record unless it has `begun`, and takes it on by at most so many steps. One that was taken
  /// on in portions has made the steps of `solve`. What it has counted stays with it; the record is told of what is
  /// new.
  template <Point X>
  void advance(const X& x, const Memory<X>& memory, Record<X>& record, bool& begun, std::uint64_t iterations) const {
    const auto& f = detail::placed(objective, x);
    const auto& search_here = as_search(detail::placed(search, x));
    auto& run = record.run;
    if (!begun) run.state.calls.counts = {};
    const Charge<Record<X>> charge{record, run.state.calls.counts};
    if (begun) {
      reset(x, record);
    } else {
      run.status = Status::bad_start;
      begin_at(f, search_here, x, memory, record);
      begun = true;
    }
    for (std::uint64_t i = 0; i < iterations && run.status == Status::running; ++i)
      mesaopt::advance(f, search_here.optimizer, search_here.stopping, run);
    conclude(f, x, memory, record);
  }

 private:
  template <Point X>
  static void reset(const X& x, Record<X>& record) {
    record.x = x;
    record.solved = record.factored = record.factor_exact = false;
    record.start_rejected = record.other_basin = record.adjoint_known = false;
    record.reach = 0;
  }

  /// Begins the inner run for x in the record; false where there is no finite start.
  template <class F, class Search, Point X, class... Observers>
  bool begin_at(const F& f, const Search& search_here, const X& x, const Memory<X>& memory, Record<X>& record,
                const Observers&... observers) const {
    using Inner = Y<X>;
    using M = MemoryOf<F, Inner>;
    const auto& from = detail::placed(start.from, x);
    auto& run = record.run;
    reset(x, record);
    run.state.calls.events = {};  // should something throw before the run begins
    bool evaluated = false;
    Evaluation<ScalarOf<Inner>> evaluation;
    // A start that x makes may fail for some x; one that is given is right or wrong from the beginning.
    if (!detail::depends_on_outer<std::remove_cvref_t<decltype(start.from)>> || detail::start_point(from).size() == 0)
      detail::check_start(from, "inner start");
    record.start = detail::start_point(from);
    if constexpr (detail::is_nearest<StartPlace>) {
      if (start.remember < 1) detail::refuse("nearest: remember", double(start.remember), "it must be 1 or more");
      record.remember = start.remember;
      if (memory.held > 0) {
        Eigen::Index closest = 0;
        (memory.xs.leftCols(memory.held).colwise() - x).colwise().squaredNorm().minCoeff(&closest);
        record.start = memory.ys.col(closest);
      }
    } else if constexpr (detail::is_predicted<StartPlace>) {
      if (start.remember < 1) detail::refuse("predicted: remember", double(start.remember), "it must be 1 or more");
      if (!(start.narrowest > 0)) detail::refuse("predicted: narrowest", start.narrowest, "it must be more than 0");
      record.remember = start.remember;
      record.outer_value = std::numeric_limits<ScalarOf<Inner>>::quiet_NaN();
      detail::foresee(f, x, memory, record);
    } else if constexpr (!detail::is_cold<StartPlace>) {
      if (memory.known) record.start = memory.y;
    }
    if constexpr (detail::is_tangent<StartPlace>) {
      if (memory.known) detail::follow_tangent(objective, x, memory, record);
    }
    if (!record.start.allFinite()) return false;
    if constexpr (Bounded<F, Inner> && detail::bounds_depend_on_outer<ObjectivePlace, X>()) {
      const auto& box = f.box();  // which may have moved away from the start
      record.start = record.start.cwiseMax(box.lower).cwiseMin(box.upper);
    }
    for (Inner* later : {&record.scratch, &run.state.calls.slot.scratch})
      later->resize(record.start.size());  // so that no later step is the first to need it
    if constexpr (detail::is_newton_corrected<StartPlace>) {
      record.mixed.resize(record.start.size());
      record.step.resize(record.start.size());
      static_assert(TwiceDifferentiable<F, Inner> || Differentiable<F, Inner>,
                    "mesaopt: newton_corrected needs an inner objective with gradients");
      evaluated = detail::newton_correct(f, memory, record, evaluation);
    }

    if (evaluated)
      begin(f, detail::EvaluatedInnerStart<Inner, M>{record.start, evaluation, record.gradient, memory.inner},
            search_here.optimizer, search_here.stopping, run, observers...);
    else if constexpr (Prior<typename Types<X>::From>)
      begin_from(f, from, search_here, memory, record, observers...);
    else
      begin_warm(f, search_here, memory, record, observers...);
    return true;
  }

  /// Says whether the run in the record has a solution.
  template <class F, Point X>
  void conclude(const F& f, const X& x, const Memory<X>& memory, Record<X>& record) const {
    const auto& run = record.run;
    const auto& y = best_point(run);
    record.solved = finds(run.status) && y.allFinite() && best_evaluation(run).usable();
    if (record.solved) detail::look_for_jump(f, x, memory, record);
  }

  /// Whether a run that ended so has found something. One that could not even begin has not, though the value at its
  /// start may be finite, nor one of a problem that has no solution.
  static constexpr bool finds(Status status) {
    return status != Status::bad_start && status != Status::infeasible && status != Status::unbounded &&
           status != Status::not_convex;
  }
  /// Moves what the inner run counted into the record, also when it throws.
  template <class R>
  struct Spend {
    R& record;
    explicit Spend(R& r) : record(r) { record.run.state.calls.counts = {}; }
    Spend(const Spend&) = delete;
    Spend& operator=(const Spend&) = delete;
    ~Spend() { record.collect(); }
  };
  /// Tells the record what the inner run has counted beyond what it had, also when it throws.
  template <class R>
  struct Charge {
    R& record;
    decltype(R::counts) before;
    Charge(R& r, const decltype(R::counts)& had) : record(r), before(had) {}
    Charge(const Charge&) = delete;
    Charge& operator=(const Charge&) = delete;
    ~Charge() {
      const auto& now = record.run.state.calls.counts;
      const auto add = [&](auto... member) {
        for (std::size_t i = 0; i < now.size(); ++i)
          ((record.counts[i].*member += now[i].*member - before[i].*member), ...);
      };
      std::apply(add, Counts::fields());
    }
  };

 public:
  /// Moves what the inner run's calls have counted since into `record.counts`.
  template <class R>
  static void collect(R& record) {
    record.collect();
  }

 private:
  template <class State>
  static bool near_enough(const State& state, double gradient) {
    if constexpr (requires { state.gradient; })
      return double(detail::stationarity(state).norm()) <= gradient;
    else
      return false;
  }

  template <class F, class From, class Search, Point X, class... Observers>
  void begin_from(const F& f, const From& from, const Search& search_here, const Memory<X>& memory, Record<X>& record,
                  const Observers&... observers) const {
    if (memory.known && !detail::is_cold<StartPlace>)
      begin_warm(f, search_here, memory, record, observers...);
    else
      begin(f, from, search_here.optimizer, search_here.stopping, record.run, observers...);
  }

  /// From `record.start`, with what was remembered of the last accepted inner run.
  template <class F, class Search, Point X, class... Observers>
  void begin_warm(const F& f, const Search& search_here, const Memory<X>& memory, Record<X>& record,
                  const Observers&... observers) const {
    using Inner = Y<X>;
    using M = MemoryOf<F, Inner>;
    [[maybe_unused]] const auto& held = memory.held_by;
    if constexpr (Types<X>::hands_on_distribution) {
      const auto& model = memory.model;
      const auto width = std::max(model.miss * record.doubt, ScalarOf<Inner>(start.narrowest));
      if (record.doubt > 0 && model.shaped && model.miss > 0) {
        if constexpr (Types<X>::hands_on_penalties)
          return begin(f,
                       detail::PenalizedDistributedInnerStart<Inner, M>{record.start, memory.inner, model.shape, width,
                                                                        held.multipliers, held.weights, held.settled},
                       search_here.optimizer, search_here.stopping, record.run, observers...);
        else
          return begin(f, detail::DistributedInnerStart<Inner, M>{record.start, memory.inner, model.shape, width},
                       search_here.optimizer, search_here.stopping, record.run, observers...);
      }
    }
    if constexpr (Types<X>::hands_on_state)
      if (memory.knowledge.known && begin_knowing(f, search_here, memory, record, observers...)) return;
    if constexpr (Types<X>::hands_on_penalties)
      begin(f,
            detail::PenalizedInnerStart<Inner, M>{record.start, memory.inner, held.multipliers, held.weights,
                                                  held.settled},
            search_here.optimizer, search_here.stopping, record.run, observers...);
    else if constexpr (Types<X>::hands_on_multipliers)
      begin(f, detail::RestrictedInnerStart<Inner, M>{record.start, memory.inner, held.multipliers, held.penalty},
            search_here.optimizer, search_here.stopping, record.run, observers...);
    else
      begin(f, detail::InnerStart<Inner, M>{record.start, memory.inner}, search_here.optimizer, search_here.stopping,
            record.run, observers...);
  }

  /// ... and what else that knew. False if the point is to be taken alone.
  template <class F, class Search, Point X, class... Observers>
  bool begin_knowing(const F& f, const Search& search_here, const Memory<X>& memory, Record<X>& record,
                     const Observers&... observers) const {
    using Inner = Y<X>;
    using S = ScalarOf<Inner>;
    using M = MemoryOf<F, Inner>;
    const auto& known = memory.knowledge;
    const auto go = [&](const auto& prior) {
      begin(f, prior, search_here.optimizer, search_here.stopping, record.run, observers...);
      return true;
    };
    // As far in each coordinate as solutions have moved lately for such a way of the outer point.
    [[maybe_unused]] const auto width = [&] {
      using std::sqrt;
      return S(memory.sensitivity * (record.x - memory.x).norm() / sqrt(S(record.start.size())));
    };
    if constexpr (requires { known.shape; }) {
      const S w = width();
      return w > 0 && go(detail::DistributedInnerStart<Inner, M>{record.start, memory.inner, known.shape, w});
    } else if constexpr (requires { known.variances; }) {
      const S w = width();
      return w > 0 && go(detail::SpreadInnerStart<Inner, M>{record.start, memory.inner, known.variances, w});
    } else if constexpr (requires { known.points; }) {
      return go(detail::ObservedInnerStart<Inner, M>{record.start, memory.inner, known.points, known.values});
    } else {
      return go(detail::Handover<Inner, std::remove_cvref_t<decltype(known.state)>, M>{record.start, known.state,
                                                                                       memory.inner});
    }
  }
};

/// What an inner search answers to an outer point.
///
///     response(family(g), Lbfgs{}, y0)                                             x parameterizes the objective g(x,
///     y) response(f, by_outer([](const auto& x) { return Adam{...}; }), y0)           x parameterizes the optimizer
///     response(f, Lbfgs{}, by_outer([](const auto& x) { return x; }))              x seeds it
///
/// The search is a Search, or an optimizer, which brings its default stopping rule. A bare start is `cold(start)`;
/// `warm`, `continued`, `nearest`, `predicted`, `tangent` and `newton_corrected` look back to the last accepted outer
/// point.
template <class ObjectivePlace, class SearchPlace, class StartPlace>
auto response(ObjectivePlace objective, SearchPlace search, StartPlace start) {
  using Policy = decltype(detail::as_start(std::move(start)));
  return Response<ObjectivePlace, SearchPlace, Policy>{std::move(objective), std::move(search),
                                                       detail::as_start(std::move(start))};
}

}  // namespace mesaopt
