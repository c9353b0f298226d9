#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <tuple>
#include <type_traits>
#include <utility>

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/core/search.hpp>
#include <mesaopt/nested/active_constraints.hpp>
#include <mesaopt/nested/conjugate_gradient.hpp>
#include <mesaopt/nested/places.hpp>
#include <mesaopt/nested/solution_model.hpp>
#include <mesaopt/nested/start.hpp>

namespace mesaopt {

namespace detail {

/// The start of an inner run together with what the objective remembers from the last accepted one.
template <Point Y, class M>
struct InnerStart {
  const Y& x;
  const M& memory;
};
/// What is taken over from the last accepted inner run beside its point: multipliers, and the penalty of a method that
/// has one, 0 for others.
template <Point Y>
struct InnerMultipliers {
  ConstraintsOf<Y> multipliers{};
  ScalarOf<Y> penalty = 0;
  static constexpr auto fields() { return std::tuple{&InnerMultipliers::multipliers, &InnerMultipliers::penalty}; }
};
/// A start with these.
template <Point Y, class M>
struct RestrictedInnerStart {
  const Y& x;
  const M& memory;
  const ConstraintsOf<Y>& multipliers;
  const ScalarOf<Y>& penalty;
};
/// A start with the shape and the width of a distribution to draw from.
template <Point Y, class M>
struct DistributedInnerStart {
  const Y& x;
  const M& memory;
  const MatrixOf<Y>& covariance;
  ScalarOf<Y> step_size;
};
/// A start at a point where the new inner objective was evaluated already.
template <Point Y, class M>
struct EvaluatedInnerStart {
  struct Evaluated {};
  const Y& x;
  const mesaopt::Evaluation<ScalarOf<Y>>& value;
  const Y& gradient;
  const M& memory;
};

/// The relative error that a Hessian, or a product with it, has beyond rounding.
template <class F, class Y>
ScalarOf<Y> hessian_noise() {
  using S = ScalarOf<Y>;
  return differenced_hessian<F, Y> ? 100 * std::pow(std::numeric_limits<S>::epsilon(), S(2) / 3) : S(0);
}

/// Cholesky in place on the lower triangle of `factor`; false if it is not positive definite, `to_rounding`: also if
/// it is so only by rounding, or by the relative `noise` of the matrix.
template <class Matrix>
bool factorize(Matrix& factor, bool to_rounding = true, typename Matrix::Scalar noise = 0) {
  using S = typename Matrix::Scalar;
  Eigen::LLT<Eigen::Ref<Matrix>> llt(factor);
  if (llt.info() != Eigen::Success) return false;
  if (!to_rounding) return true;
  const auto pivots = factor.diagonal().array().square();
  return pivots.minCoeff() > std::max(S(factor.rows()) * std::numeric_limits<S>::epsilon(), noise) * pivots.maxCoeff();
}
template <class Matrix, class Y>
void solve_factorized(const Matrix& factor, Y& y) {
  factor.template triangularView<Eigen::Lower>().solveInPlace(y);
  factor.template triangularView<Eigen::Lower>().adjoint().solveInPlace(y);
}

/// ∂/∂x of an objective's gradient in y, along u: the family's own `mixed_direction`, else a central difference.
template <class Place, Point X, Point Y, class C>
void mixed_direction(const Place& place, const X& x, const Y& y, const X& u, Y& out, X& moved, Y& scratch, C& calls) {
  using S = ScalarOf<Y>;
  using F = PlacedOf<Place, X>;
  out.setZero(y.size());
  if constexpr (!depends_on_outer<Place>) {
    return;
  } else if constexpr (!Remembers<F, Y> && requires { place.g.mixed_direction(x, y, u, out); }) {
    ++calls.counts[0].hessian_products;
    place.g.mixed_direction(x, y, u, out);
  } else if constexpr (Remembers<F, Y> &&
                       requires(const Call<MemoryOf<F, Y>>& call) { place.g.mixed_direction(x, y, u, out, call); }) {
    ++calls.counts[0].hessian_products;
    calls.make([&](const auto& call) { place.g.mixed_direction(x, y, u, out, call); });
  } else {
    const S norm = u.norm();
    if (!(norm > 0)) return;
    const S h = std::cbrt(std::numeric_limits<S>::epsilon()) * std::max(S(1), x.norm()) / norm;
    scratch.resize(y.size());
    calls.counts[0].gradients += 2;
    moved = x + h * u;
    calls.make([&](const auto& call) { evaluate_gradient(placed(place, moved), y, out, call); });
    moved = x - h * u;
    calls.make([&](const auto& call) { evaluate_gradient(placed(place, moved), y, scratch, call); });
    out = (out - scratch) / (2 * h);
  }
}

}  // namespace detail

/// What an inner search answers to an outer point x:  y(x), the minimizer that `search` finds of `objective` from
/// `start`. Each of the three places is a constant or depends on x. Make one with `response`.
template <class ObjectivePlace, class SearchPlace, class StartPlace>
struct Response {
  ObjectivePlace objective;
  SearchPlace search;
  StartPlace start;

  /// Types that follow from the type of the outer point.
  template <Point X>
  struct Types {
    using Objective = detail::PlacedOf<ObjectivePlace, X>;
    using Search = decltype(as_search(std::declval<const detail::PlacedOf<SearchPlace, X>&>()));
    using Optimizer = decltype(Search::optimizer);
    using Stopping = decltype(Search::stopping);
    using From = detail::PlacedOf<decltype(StartPlace::from), X>;
    using Y = PointOf<From>;
    static_assert(
        mesaopt::Objective<Objective, Y>,
        "mesaopt: the inner objective must be callable as f(y) or f(y, gradient), with y of the inner start's "
        "type; or write family(g), with g(x, y) or g(x, y, gradient), for one that depends on the outer point x");
    static_assert(
        !detail::needs_gradient<Optimizer> || Differentiable<Objective, Y>,
        "mesaopt: the inner optimizer needs gradients of the inner objective: give f(y, gradient) -> value, or "
        "g(x, y, gradient) -> value for a family, or wrap it in finite_difference or forward_mode");
    static_assert(!Bounded<Objective, Y> || detail::handles_bounds<Optimizer>,
                  "mesaopt: the inner optimizer does not keep the bounds of the inner objective");
    static_assert(!Constrained<Objective, Y> || detail::handles_constraints<Optimizer>,
                  "mesaopt: the inner optimizer does not heed the constraints of the inner objective");
    static_assert(!detail::lacks_jacobian<Optimizer, Objective, Y>,
                  "mesaopt: the inner optimizer needs the Jacobian of the inner constraints: give "
                  "f.constraints(y, c, J), or g.constraints(x, y, c, J) for a family");
    static_assert(!Regularized<Objective, Y> || detail::handles_regularizer<Optimizer>,
                  "mesaopt: the inner optimizer does not heed the regularizer of the inner objective");
    static constexpr bool restricted = Bounded<Objective, Y> || Constrained<Objective, Y> || Regularized<Objective, Y>;
    static_assert(!restricted || !(detail::is_tangent<StartPlace> || detail::is_newton_corrected<StartPlace>),
                  "mesaopt: tangent and newton_corrected know no bounds, constraints or regularizers; start an inner "
                  "objective that has some from warm(start) or nearest(start)");
    static_assert(
        OptimizerFor<Optimizer, Objective, Y> || detail::needs_gradient<Optimizer>,
        "mesaopt: the search of a response must be an optimizer, or Search{optimizer, stopping}; this type has "
        "no template State<X, M>, init(f, start, state) and step(f, state) for the inner objective");
    using Run = RunOf<Optimizer, Stopping, Objective, Y>;
    using InnerMemory = MemoryOf<Objective, Y>;
    /// Whether a warm start brings multipliers.
    static constexpr bool hands_on_multipliers =
        Constrained<Objective, Y> && !detail::is_cold<StartPlace> && HasMultipliers<decltype(Run::state)>;
    /// Whether a predicted start brings a distribution: where the inner search knows one.
    static constexpr bool hands_on_distribution =
        detail::is_predicted<StartPlace> && HasCovariance<decltype(Run::state)>;
  };
  template <Point X>
  using Y = typename Types<X>::Y;

  /// One solve: the inner run with its workspace, and what the adjoint leaves behind.
  template <Point X>
  struct Record {
    using Inner = typename Response::template Y<X>;
    static constexpr std::size_t levels = std::remove_cvref_t<decltype(Types<X>::Run::state.calls)>::levels;

    typename Types<X>::Run run{};
    std::array<Counts, levels> counts{};  ///< what this call did, inner level first
    X x{};
    Eigen::Index remember = 0;  ///< solutions to hold, for `nearest`
    bool solved = false;
    bool factored = false;      ///< `factor` holds the Cholesky factor of an inner Hessian at x
    bool factor_exact = false;  ///< ... at the solution itself, not only near it
    bool start_rejected = false;
    bool other_basin = false;
    bool adjoint_known = false;
    double reach = 0;           ///< relative distance to the solution over the norm of the gradient; 0: not known
    ScalarOf<Inner> doubt = 0;  ///< of the model that predicted `start`; 0: none did
    ScalarOf<Inner> outer_value = std::numeric_limits<ScalarOf<Inner>>::quiet_NaN();  ///< told by who evaluates it
    std::conditional_t<detail::is_predicted<StartPlace>, detail::PredictionScratch<X, Inner>, detail::Empty>
        prediction{};
    Inner start{}, gradient{}, step{}, adjoint{};
    MatrixOf<Inner> hessian{}, factor{};
    X direction{}, moved{};
    Inner scratch{}, mixed{};
    detail::ConjugateGradientScratch<Inner> linear{};
    std::conditional_t<Types<X>::restricted, detail::RestrictedScratch<X, Inner>, detail::Empty> restricted{};
  };

  /// What the outer run remembers of the inner one, from accepted outer points only.
  template <Point X>
  struct Memory {
    using Inner = typename Response::template Y<X>;
    using Record = typename Response::template Record<X>;
    static constexpr std::size_t levels_below = Record::levels;

    bool known = false;
    X x{};      ///< the last accepted outer point
    Inner y{};  ///< its inner solution
    bool factored = false;
    MatrixOf<Inner> factor{};  ///< Cholesky factor of the inner Hessian there, for the tangent
    bool adjoint_known = false;
    Inner adjoint{};                  ///< the adjoint there, to start the next one
    ScalarOf<Inner> sensitivity = 0;  ///< |Δy| / |Δx| lately
    double reach = 0;                 ///< distance / |gradient| lately, see Record
    PointsOf<X> xs{};                 ///< a ring of solved points, for `nearest`
    PointsOf<Inner> ys{};
    std::int64_t held = 0, next = 0;
    std::conditional_t<Types<X>::hands_on_multipliers, detail::InnerMultipliers<Inner>, detail::Empty> held_by{};
    std::conditional_t<detail::is_predicted<StartPlace>, detail::SolutionModel<X, Inner>, detail::Empty> model{};
    typename Types<X>::InnerMemory inner{};  ///< what the inner objective remembers

    static constexpr auto fields() {
      using M = Memory;
      return std::tuple{&M::known,   &M::x,           &M::y,     &M::factored, &M::factor, &M::adjoint_known,
                        &M::adjoint, &M::sensitivity, &M::reach, &M::xs,       &M::ys,     &M::held,
                        &M::next,    &M::held_by,     &M::model, &M::inner};
    }
    void clear() {
      known = factored = adjoint_known = false;
      x.setZero();
      y.setZero();
      factor.setZero();
      adjoint.setZero();
      xs.setZero();
      ys.setZero();
      sensitivity = 0;
      reach = 0;
      held = next = 0;
      if constexpr (Types<X>::hands_on_multipliers) {
        held_by.multipliers.setZero();
        held_by.penalty = 0;
      }
      if constexpr (detail::is_predicted<StartPlace>) model.clear();
      detail::clear(inner);
    }
    void absorb(const Record& record) {
      if (!record.solved) return;
      const auto& solution = best_point(record.run);
      if (known) {
        const auto moved = (solution - y).norm(), by = (record.x - x).norm();
        if (by > 0 && !record.other_basin) sensitivity = std::max(moved / by, sensitivity / 2);
      }
      known = true;
      x = record.x;
      y = solution;
      if constexpr (detail::is_tangent<StartPlace>) {
        factored = record.factored && record.factor_exact;
        if (factored) factor = record.factor;
      }
      if (record.reach > 0) reach = std::max(record.reach, reach / 2);
      adjoint_known = record.adjoint_known;
      if (adjoint_known)
        adjoint = record.adjoint;
      else if (adjoint.size() != record.adjoint.size())
        adjoint.setZero(record.adjoint.size());
      if constexpr (detail::is_nearest<StartPlace>) {
        if (xs.cols() != record.remember) reserve(x, y, record.remember);
        xs.col(next) = x;
        ys.col(next) = y;
        next = (next + 1) % xs.cols();
        held = std::min<std::int64_t>(held + 1, xs.cols());
      }
      if constexpr (detail::is_predicted<StartPlace>) {
        model.absorb(x, y, record.outer_value, record.start, record.doubt, record.remember);
        if constexpr (Types<X>::hands_on_distribution) {
          // Of mean variance 1, and definite beyond rounding; what is no covariance any more is not taken.
          const auto& C = detail::covariance_of(record.run.state);
          const auto size = C.trace() / ScalarOf<Inner>(C.rows());
          if (size > 0 && std::isfinite(size)) {
            model.shape = C / size;
            model.shape.diagonal().array() += 1e4 * std::numeric_limits<ScalarOf<Inner>>::epsilon();
            model.shaped = true;
          }
        }
      }
      if constexpr (Types<X>::hands_on_multipliers) {
        held_by.multipliers = record.run.state.multipliers;
        if constexpr (requires { record.run.state.penalty; }) held_by.penalty = record.run.state.penalty;
      }
      if constexpr (!detail::is_cold<StartPlace>) inner = record.run.state.calls.memory;
    }

   private:
    void reserve(const X& at, const Inner& solution, Eigen::Index remember) {
      xs.setZero(at.size(), remember);
      ys.setZero(solution.size(), remember);
    }
  };

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
    using Inner = Y<X>;
    using F = typename Types<X>::Objective;
    using M = MemoryOf<F, Inner>;
    const auto& f = detail::placed(objective, x);
    const auto& search_here = as_search(detail::placed(search, x));
    const auto& from = detail::placed(start.from, x);
    auto& run = record.run;
    record.x = x;
    record.solved = record.factored = record.factor_exact = false;
    record.start_rejected = record.other_basin = record.adjoint_known = false;
    record.reach = 0;
    run.state.calls.events = {};  // should something throw before the run begins
    const Spend<Record<X>> spend{record};

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
      record.remember = start.remember;
      record.outer_value = std::numeric_limits<ScalarOf<Inner>>::quiet_NaN();
      foresee(f, x, memory, record);
    } else if constexpr (!detail::is_cold<StartPlace>) {
      if (memory.known) record.start = memory.y;
    }
    if constexpr (detail::is_tangent<StartPlace>) {
      if (memory.known) follow_tangent(x, memory, record);
    }
    if (!record.start.allFinite()) return;
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
      evaluated = correct(f, memory, record, evaluation);
    }

    if (evaluated)
      begin(f, detail::EvaluatedInnerStart<Inner, M>{record.start, evaluation, record.gradient, memory.inner},
            search_here.optimizer, search_here.stopping, run, observers...);
    else if constexpr (Prior<typename Types<X>::From>)
      begin_from(f, from, search_here, memory, record, observers...);
    else
      begin_warm(f, search_here, memory, record, observers...);
    if (tolerance > 0 && memory.reach > 0) {
      while (run.status == Status::running) {
        if (near_enough(run.state, tolerance / memory.reach))
          run.status = Status::gradient_below;
        else
          advance(f, search_here.optimizer, search_here.stopping, run, observers...);
      }
    } else {
      resume(f, search_here.optimizer, search_here.stopping, run, observers...);
    }

    const auto& y = best_point(run);
    record.solved = finds(run.status) && y.allFinite() && best_evaluation(run).usable();
    if (record.solved) look_for_jump(f, x, memory, record);
  }

 private:
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
    ~Spend() { collect(record); }
  };

 public:
  /// Moves what the inner run's calls have counted since into `record.counts`.
  template <class R>
  static void collect(R& record) {
    auto& counted = record.run.state.calls.counts;
    for (std::size_t i = 0; i < counted.size(); ++i) record.counts[i] += counted[i];
    counted = {};
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
    if constexpr (Types<X>::hands_on_distribution) {
      if (record.doubt > 0 && memory.model.shaped && memory.model.miss > 0)
        return begin(f,
                     detail::DistributedInnerStart<Inner, M>{record.start, memory.inner, memory.model.shape,
                                                             memory.model.miss * record.doubt},
                     search_here.optimizer, search_here.stopping, record.run);
    }
    if constexpr (Types<X>::hands_on_multipliers)
      begin(f,
            detail::RestrictedInnerStart<Inner, M>{record.start, memory.inner, memory.held_by.multipliers,
                                                   memory.held_by.penalty},
            search_here.optimizer, search_here.stopping, record.run, observers...);
    else
      begin(f, detail::InnerStart<Inner, M>{record.start, memory.inner}, search_here.optimizer, search_here.stopping,
            record.run, observers...);
  }

  /// record.start = what the model predicts, or the solution at the nearest remembered point if that is lower.
  template <class F, Point X>
  void foresee(const F& f, const X& x, const Memory<X>& memory, Record<X>& record) const {
    const auto& model = memory.model;
    record.doubt = detail::predict(model, x, record.prediction, record.start);
    if (model.held == 0) return;
    Eigen::Index closest = 0;
    (model.xs.leftCols(model.held).colwise() - x).colwise().squaredNorm().minCoeff(&closest);
    record.scratch = model.ys.col(closest);
    if constexpr (Bounded<F, Y<X>>) {
      const auto& box = f.box();
      for (auto* y : {&record.start, &record.scratch}) *y = y->cwiseMax(box.lower).cwiseMin(box.upper);
    }
    auto& calls = record.run.state.calls;
    calls.limit = std::numeric_limits<std::uint64_t>::max();
    calls.begin(detail::InnerStart<Y<X>, typename Types<X>::InnerMemory>{record.start, memory.inner});
    const auto there = calls.value(f, record.start), near = calls.value(f, record.scratch);
    if (near.usable() && !(there.usable() && there.value <= near.value)) record.start.swap(record.scratch);
    collect(record);
  }

  /// record.start = y + dy/dx (x − x_last), with dy/dx = −H⁻¹ ∂²g/∂y∂x at the last accepted point.
  template <Point X>
  void follow_tangent(const X& x, const Memory<X>& memory, Record<X>& record) const {
    auto& calls = record.run.state.calls;
    record.direction = x - memory.x;
    calls.begin(memory.y);
    detail::mixed_direction(objective, memory.x, memory.y, record.direction, record.mixed, record.moved, record.scratch,
                            calls);
    if (memory.factored) {
      detail::solve_factorized(memory.factor, record.mixed);
      record.start = memory.y - record.mixed;
    } else {
      const auto& f = detail::placed(objective, memory.x);
      record.step.setZero(memory.y.size());
      const auto outcome = detail::conjugate_gradient(
          record.mixed, record.step, record.linear, 1e-6, std::uint64_t(2 * memory.y.size()),
          [&](const auto& p, auto& q) { calls.hessian_product(f, memory.y, p, q); },
          [](const auto& r, auto& z) { z = r; }, detail::hessian_noise<typename Types<X>::Objective, Y<X>>());
      calls.counts[0].linear_iterations += outcome.iterations;
      record.start = memory.y - record.step;
      record.start_rejected = outcome.negative_curvature;
    }
    if (record.start_rejected || !record.start.allFinite()) {
      record.start = memory.y;
      record.start_rejected = true;
    }
    collect(record);
  }

  /// One Newton step of the new inner problem from record.start. True if value and gradient there are known afterwards.
  template <class F, Point X>
  bool correct(const F& f, const Memory<X>& memory, Record<X>& record, Evaluation<ScalarOf<Y<X>>>& evaluation) const {
    using Inner = Y<X>;
    using S = ScalarOf<Inner>;
    auto& calls = record.run.state.calls;
    calls.limit = std::numeric_limits<std::uint64_t>::max();
    calls.begin(detail::InnerStart<Inner, MemoryOf<F, Inner>>{record.start, memory.inner});
    record.gradient.resize(record.start.size());
    evaluation = calls.gradient(f, record.start, record.gradient);
    if (!evaluation.differentiable() || !record.gradient.allFinite()) {
      collect(record);
      return false;
    }
    calls.hessian(f, record.start, record.hessian);
    record.factor = record.hessian;
    ++calls.counts[0].factorizations;
    record.factored = detail::factorize(record.factor, true, detail::hessian_noise<F, Inner>());
    if (!record.factored) {
      record.start_rejected = true;
      collect(record);
      return true;
    }
    record.step = -record.gradient;
    detail::solve_factorized(record.factor, record.step);
    if constexpr (is_quadratic<F>) {
      // The model is the objective itself: value and gradient at its minimum follow without another evaluation.
      record.scratch.noalias() = record.hessian * record.step;
      evaluation.value += record.gradient.dot(record.step) + record.step.dot(record.scratch) / 2;
      record.gradient += record.scratch;
      record.start += record.step;
      record.factor_exact = true;
    } else {
      record.mixed = record.start + record.step;
      record.scratch.resize(record.start.size());
      const auto there = calls.gradient(f, record.mixed, record.scratch);
      if (there.differentiable() && record.scratch.allFinite() &&
          there.value <= evaluation.value + there.value_error +
                             8 * std::numeric_limits<S>::epsilon() * std::abs(evaluation.value)) {
        record.start.swap(record.mixed);
        record.gradient.swap(record.scratch);
        evaluation = there;
      } else {
        record.start_rejected = true;
      }
    }
    collect(record);
    return true;
  }

  /// A solution that moved much further than lately, over a ridge or off a shoulder of the new inner objective, is in
  /// another basin than the last accepted one. At the second point, when nothing is known of how far is far, ridge or
  /// shoulder have to be high.
  template <class F, Point X>
  void look_for_jump(const F& f, const X& x, const Memory<X>& memory, Record<X>& record) const {
    if constexpr (!is_quadratic<F> && !is_stochastic<F> && !Constrained<F, Y<X>> && !Regularized<F, Y<X>>) {
      using S = ScalarOf<Y<X>>;
      if (!memory.known) return;
      const S height = memory.sensitivity > 0 ? S(1e-3) : S(0.1);
      const auto& y = best_point(record.run);
      const S moved = (y - memory.y).norm(), by = (x - memory.x).norm();
      if (!(moved > 4 * memory.sensitivity * by + S(1e-4) * std::max(S(1), y.norm()))) return;
      auto& calls = record.run.state.calls;
      const auto limit = std::exchange(calls.limit, std::numeric_limits<std::uint64_t>::max());
      const S there = best_evaluation(record.run).value;
      const S here = calls.value(f, memory.y).value;
      const S rounding = 100 * std::numeric_limits<S>::epsilon() * std::max(std::abs(here), std::abs(there));
      for (const S t : {S(0.1), S(0.3), S(0.5), S(0.7), S(0.9)}) {
        record.scratch = memory.y + t * (y - memory.y);
        const S between = calls.value(f, record.scratch).value;
        const S chord = here + t * (there - here);
        if (between > chord + height * std::abs(here - there) + rounding) record.other_basin = true;
      }
      calls.limit = limit;
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
/// `warm`, `nearest`, `tangent` and `newton_corrected` look back to the last accepted outer point.
template <class ObjectivePlace, class SearchPlace, class StartPlace>
auto response(ObjectivePlace objective, SearchPlace search, StartPlace start) {
  using Policy = decltype(detail::as_start(std::move(start)));
  return Response<ObjectivePlace, SearchPlace, Policy>{std::move(objective), std::move(search),
                                                       detail::as_start(std::move(start))};
}

}  // namespace mesaopt
