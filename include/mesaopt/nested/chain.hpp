#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <limits>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include <Eigen/Core>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/run.hpp>
#include <mesaopt/core/search.hpp>
#include <mesaopt/core/solution.hpp>
#include <mesaopt/core/status.hpp>
#include <mesaopt/nested/handover.hpp>
#include <mesaopt/nested/race.hpp>
#include <mesaopt/nested/transfer.hpp>
#include <mesaopt/nested/transferred.hpp>

namespace mesaopt {

/// How a stage ended.
enum class StageEnd : std::uint8_t { not_run, complete, failed, threw, wrong_dimension, not_finite };

/// The end as a sentence.
constexpr const char* sentence(StageEnd end) {
  switch (end) {
    case StageEnd::not_run: return "It was not run.";
    case StageEnd::complete: return "It is complete.";
    case StageEnd::failed: return "Its search failed.";
    case StageEnd::threw: return "It threw an exception.";
    case StageEnd::wrong_dimension: return "Its map made a point of another size than its start.";
    case StageEnd::not_finite: return "Its map made a point that is not finite.";
  }
  return "Unknown end.";
}

/// What became of what a stage was handed.
enum class Transfer : std::uint8_t {
  none,     ///< there was none: the first stage
  trusted,  ///< taken without a race
  kept,     ///< taken: it won the race, or drew
  refused   ///< negative transfer: the cold start won the race
};

/// One stage of a chain: see `stage`.
template <class F, class S, Point X, class Map, class R>
struct Stage {
  std::string name;
  F objective;
  S search;
  X start;  ///< where it would begin alone; it sets the size
  Map map{};
  R race{};
  using Solution = mesaopt::Solution<StateOf<decltype(S::optimizer), F, X>>;
};

/// A stage: minimizes f by a search (or an optimizer, which brings its stopping rule) from what `map` makes of the
/// solution of the stage before; see transfer.hpp for maps. `start` is a point: where the first stage begins, where a
/// race's cold run does, and where variables that are new have their values from.
template <class F, class S, Point X, class Map = Keep, class R = NoRace>
auto stage(std::string name, F f, const S& search, X start, Map map = {}, R race = {}) {
  using Searching = decltype(as_search(search));
  static_assert(OptimizerFor<decltype(Searching::optimizer), F, X>,
                "mesaopt: the search of this stage cannot minimize its objective from a start of this type");
  return Stage<F, Searching, X, Map, R>{std::move(name),  std::move(f),   as_search(search),
                                        std::move(start), std::move(map), std::move(race)};
}

/// What is told of one stage.
template <class S>
struct StageReport {
  std::string name{};
  StageEnd end = StageEnd::not_run;
  Transfer transfer = Transfer::none;
  S solution{};  ///< if it was run, as far as it came; its counts are those of the run that went on
  double warm_value = std::numeric_limits<double>::quiet_NaN();  ///< at the end of the race: of the run handed over
  double cold_value = std::numeric_limits<double>::quiet_NaN();  ///< ... of the cold run
  std::uint64_t lost_evaluations = 0;                            ///< of the run that lost the race
  std::string message{};                                         ///< what an exception said
  std::uint8_t level = 0;  ///< where what ended it early arose: 0 in its own search, 1 in the inner run of that, ...
  Status inner_status = Status::running;  ///< how the run at that level ended, if it is one below
};

/// What a chain answers: a report for every stage. `std::get<i>(report.stages).solution` is that of stage i.
template <class... S>
struct ChainReport {
  std::tuple<StageReport<S>...> stages{};
  std::size_t completed = 0;        ///< stages that are complete: all before the one that ended the chain
  Status status = Status::running;  ///< of the last stage run; `threw` or `bad_handover` where that is why it ended
  std::exception_ptr error{};       ///< what a stage threw, to be thrown again

  /// Whether all stages are complete.
  [[nodiscard]] bool complete() const { return completed == sizeof...(S); }
  /// In one sentence, with the name of the stage that ended the chain early.
  [[nodiscard]] std::string message() const {
    std::string text;
    std::apply(
        [&](const auto&... each) {
          (
              [&] {
                if (!text.empty() || each.end == StageEnd::complete || each.end == StageEnd::not_run) return;
                text = "Stage " + each.name + ": " + sentence(each.end);
                if (each.end == StageEnd::failed) text += " " + mesaopt::message(each.solution);
                if (!each.message.empty()) text += " " + each.message;
                if (each.end == StageEnd::threw && each.level > 0)
                  text += " (" + detail::place(each.level, each.inner_status) + ")";
              }(),
              ...);
        },
        stages);
    return text.empty() ? "All stages are complete." : text;
  }
};

/// Searches of several objectives, each begun with what the one before has found and learnt. See `chain`.
template <class... Stages>
struct Chain {
  std::tuple<Stages...> stages;
  using Report = ChainReport<typename Stages::Solution...>;

  /// Runs the stages until one ends without a solution. What a stage throws ends the chain and is reported; the
  /// solutions of the stages before it stand.
  [[nodiscard]] Report operator()() const {
    Report report;
    run<0>(report);
    return report;
  }

 private:
  template <std::size_t i>
  void run(Report& report) const {
    if constexpr (i < sizeof...(Stages)) {
      auto& mine = std::get<i>(report.stages);
      const auto& stage = std::get<i>(stages);
      mine.name = stage.name;
      try {
        if constexpr (i == 0) {
          minimize_from(stage, stage.start, mine);
        } else {
          auto y = stage.start;
          const auto& last = std::get<i - 1>(report.stages).solution;
          stage.map(last.x, y);
          if (y.size() != stage.start.size())
            mine.end = StageEnd::wrong_dimension;
          else if (!y.allFinite())
            mine.end = StageEnd::not_finite;
          else
            hand_over(stage, last, y, mine);
        }
      } catch (const std::exception& thrown) {
        mine.end = StageEnd::threw;
        mine.message = thrown.what();
        report.error = std::current_exception();
      } catch (...) {
        mine.end = StageEnd::threw;
        report.error = std::current_exception();
      }
      if (mine.end == StageEnd::threw) mine.solution.status = Status::threw;
      report.status = mine.end == StageEnd::wrong_dimension || mine.end == StageEnd::not_finite ? Status::bad_handover
                                                                                                : mine.solution.status;
      if (mine.end != StageEnd::complete) return;
      ++report.completed;
      run<i + 1>(report);
    }
  }

  template <class Stage, class Last, class Y, class Report>
  static void hand_over(const Stage& stage, const Last& last, const Y& y, Report& mine) {
    mine.transfer = Transfer::trusted;
    if constexpr (std::is_same_v<decltype(Stage::map), Keep> && std::is_same_v<typename Last::X, Y>)
      minimize_from(stage,
                    detail::Handover<Y, std::remove_cvref_t<decltype(last.state)>,
                                     std::remove_cvref_t<decltype(last.state.calls.memory)>>{last.x, last.state,
                                                                                             last.state.calls.memory},
                    mine);  // with all that it knows
    else
      detail::transfer(stage.map, last.state, y, [&](const auto& prior) { minimize_from(stage, prior, mine); });
  }

  template <class Stage, class P, class Report>
  static void minimize_from(const Stage& stage, const P& start, Report& mine) {
    const auto& [optimizer, stopping] = stage.search;
    using Running = RunOf<decltype(stage.search.optimizer), decltype(stage.search.stopping), decltype(stage.objective),
                          decltype(stage.start)>;
    Running warm;
    try {
      begin(stage.objective, start, optimizer, stopping, warm);
      if constexpr (!std::is_same_v<decltype(Stage::race), NoRace>) {
        if (mine.transfer != Transfer::none) race(stage, warm, mine);
      }
      resume(stage.objective, optimizer, stopping, warm);
    } catch (...) {  // what it had found until then
      mine.solution = solution(std::move(warm));
      locate(Reason::threw, mine);
      throw;
    }
    mine.solution = solution(std::move(warm));
    mine.end =
        failed(mine.solution.status) || !mine.solution.evaluation.usable() ? StageEnd::failed : StageEnd::complete;
    if (mine.end == StageEnd::failed) locate(detail::deepest(mine.solution.events), mine);
  }

  /// Where what ended a stage arose.
  template <class Report>
  static void locate(Reason reason, Report& mine) {
    const Event& event = mine.solution.events[std::size_t(reason)];
    mine.level = event.level;
    mine.inner_status = event.inner_status;
  }

  /// Runs the race; `warm` becomes the winner.
  template <class Stage, class Running, class Report>
  static void race(const Stage& stage, Running& warm, Report& mine) {
    const auto length = detail::length(stage.race, detail::evaluation_limit(stage.search.stopping));
    Running cold;
    begin(stage.objective, stage.start, stage.search.optimizer, stage.search.stopping, cold);
    detail::Racer of_warm(stage.objective, stage.search, warm), of_cold(stage.objective, stage.search, cold);
    const bool refused = detail::cold_wins(stage.race, length, of_warm, of_cold);
    mine.transfer = refused ? Transfer::refused : Transfer::kept;
    mine.warm_value = of_warm.value();
    mine.cold_value = of_cold.value();
    mine.lost_evaluations = (refused ? of_warm : of_cold).spent();
    if (refused) std::swap(warm, cold);
  }
};

/// Runs searches of several objectives, each from what the one before found and learnt: networks of growing width,
/// portfolios month after month.
///
///     auto report = chain(stage("narrow", f, Bfgs{}, x0),
///                         stage("wide", g, Bfgs{}, y0, pad(), Race{.evaluations = 50}))();
///     if (!report.complete()) std::cout << report.message() << '\n';
///     std::cout << std::get<1>(report.stages).solution;
///
/// Handed on are the point and what else both searches know of: with the same variables all of the state, through a
/// map that knows where coordinates go a covariance or an inverse Hessian. A stage with a Race finds out whether that
/// harms it, and then begins alone: negative transfer.
template <class... Stages>
Chain<Stages...> chain(Stages... stages) {
  static_assert(sizeof...(Stages) > 0, "mesaopt: a chain has one stage or more");
  return {{std::move(stages)...}};
}

}  // namespace mesaopt
