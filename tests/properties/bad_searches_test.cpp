// Values, bounds and settings that no search without gradients can do anything with: each has its own status or is
// refused, and a run that can go on does. No optimizer calls it a success where there is no value.

#include <cmath>
#include <concepts>
#include <cstdint>
#include <functional>
#include <limits>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/direct/bobyqa.hpp>
#include <mesaopt/direct/brent.hpp>
#include <mesaopt/direct/compass_search.hpp>
#include <mesaopt/direct/direct_l.hpp>
#include <mesaopt/direct/golden_section.hpp>
#include <mesaopt/direct/grid_search.hpp>
#include <mesaopt/direct/nelder_mead.hpp>
#include <mesaopt/direct/quasi_random_search.hpp>
#include <mesaopt/direct/random_search.hpp>
#include <mesaopt/evolution/cma_es.hpp>
#include <mesaopt/evolution/differential_evolution.hpp>
#include <mesaopt/evolution/elitist_cma_es.hpp>
#include <mesaopt/evolution/limited_memory_cma_es.hpp>
#include <mesaopt/evolution/natural_evolution.hpp>
#include <mesaopt/evolution/openai_es.hpp>
#include <mesaopt/evolution/particle_swarm.hpp>
#include <mesaopt/evolution/restarts.hpp>
#include <mesaopt/evolution/separable_cma_es.hpp>
#include <mesaopt/evolution/uncertainty_handling.hpp>
#include <mesaopt/nested/nested.hpp>
#include <mesaopt/nested/response.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity(),
                 no_number = std::numeric_limits<double>::quiet_NaN();

/// Any function of a point in any box, also in one that is none.
struct Any {
  struct Bounds {
    VectorXd lower, upper;
  };
  std::function<Evaluation<double>(const VectorXd&)> f;
  Bounds bounds;

  Evaluation<double> operator()(const VectorXd& x) const { return f(x); }
  [[nodiscard]] const Bounds& box() const { return bounds; }
};

Any::Bounds cube(Eigen::Index n, double lower = -2, double upper = 3) {
  return {VectorXd::Constant(n, lower), VectorXd::Constant(n, upper)};
}

struct Ended {
  Status status;
  VectorXd x;
  double value;
  std::uint64_t evaluations;
};

/// An optimizer, its type forgotten.
struct Subject {
  std::string name;
  Eigen::Index most = 3;  ///< variables
  bool needs_box = false;
  /// A whole run.
  std::function<Ended(const Any&, const VectorXd&)> run;
  /// The nested objective |y(x)|² + x² of a response with this optimizer inside, at some x one after the other.
  std::function<std::vector<Evaluation<double>>(const std::function<Any(double)>&, const VectorXd&,
                                                const std::vector<double>&)>
      inside;
  /// Tries to begin with each setting out of range; answers what was not refused.
  std::function<std::vector<std::string>()> wrong_settings;
  /// Driven from outside, with wrong names thrown in or not; answers the best point.
  std::function<VectorXd(bool)> asked;
};

/// So small a budget that all of it is used up in no time; steps that cost none must end as well.
const auto budget = MaxEvaluations{600};

template <class O>
Ended run(const O& optimizer, const Any& f, const VectorXd& start) {
  RunOf<O, MaxEvaluations, Any, VectorXd> run;
  begin(f, start, optimizer, budget, run);
  for (int steps = 0; run.status == Status::running && steps < 3000; ++steps) advance(f, optimizer, budget, run);
  return {run.status, best_point(run), best_evaluation(run).value, run.state.calls.counts[0].evaluations()};
}

template <class O>
std::vector<Evaluation<double>> inside(const O& optimizer, const std::function<Any(double)>& family,
                                       const VectorXd& start, const std::vector<double>& at) {
  const auto F = nested(
      [](const VectorXd& x, const VectorXd& y) { return y.squaredNorm() + x.squaredNorm(); },
      response(by_outer([&](const VectorXd& x) { return family(x[0]); }), Search{optimizer, budget}, warm(start)));
  Calls<VectorXd, MemoryOf<decltype(F), VectorXd>> calls;
  std::vector<Evaluation<double>> evaluations;
  for (const double x : at) {
    evaluations.push_back(calls.value(F, VectorXd::Constant(1, x)));
    if (evaluations.back().usable()) calls.accept();
  }
  return evaluations;
}

/// Sets a member to each of the values, tries to begin, and notes what is not refused by the member's name.
template <class T>
void refuses(const std::function<void()>& begin, const std::string& name, T& member, const std::vector<double>& values,
             std::vector<std::string>& missed) {
  const T before = member;
  for (const double value : values) {
    if (!std::is_floating_point_v<T> && !std::isfinite(value)) continue;
    member = T(value);
    try {
      begin();
      missed.push_back(name + " = " + std::to_string(value));
    } catch (const std::invalid_argument& refused) {
      if (std::string(refused.what()).find(name) == std::string::npos)
        missed.push_back(name + " = " + std::to_string(value) + ", saying " + refused.what());
    }
  }
  member = before;
}
#define REFUSES(name, ...) \
  if constexpr (requires { changed.name; }) refuses(begin, #name, changed.name, {__VA_ARGS__}, missed)

template <class O>
std::vector<std::string> wrong_settings(const O& optimizer, Eigen::Index n) {
  std::vector<std::string> missed;
  const VectorXd start = VectorXd::Constant(n, 0.5);
  const Any f{[](const VectorXd& x) { return x.squaredNorm(); }, cube(n)};
  O changed = optimizer;
  const std::function<void()> begin = [&] {
    StateOf<O, Any, VectorXd> state;
    changed.init(f, start, state);
  };
  REFUSES(step_size, -1, no_number, infinity);
  if constexpr (!std::same_as<O, CompassSearch> && !std::same_as<O, NelderMead>) {
    REFUSES(step_size, 0);
  }
  REFUSES(radius, -1, no_number, infinity);
  REFUSES(tolerance, -1, no_number, infinity);
  REFUSES(step_tolerance, -1, no_number);
  REFUSES(value_tolerance, -1, no_number);
  REFUSES(relative_tolerance, -1, no_number, infinity);
  REFUSES(absolute_tolerance, -1, no_number, infinity);
  REFUSES(population, -1, 1);
  REFUSES(batch, -1, 0);
  REFUSES(points, -1);
  REFUSES(epsilon, -1, no_number, infinity);
  REFUSES(learning_rate, -1, 0, no_number, infinity);
  REFUSES(decay, -1, 0, no_number, 2);
  REFUSES(weight_decay, -1, no_number, infinity);
  REFUSES(margin, -1, no_number, infinity);
  REFUSES(inertia, -1, no_number, 1);
  REFUSES(attraction, -1, no_number, infinity);
  REFUSES(informed, -1, 0);
  REFUSES(restarts, -1);
  REFUSES(spread, -1, no_number, infinity);
  REFUSES(patience, -1, no_number, infinity);
  REFUSES(repetitions, -1, 0, no_number, infinity);
  REFUSES(theta, -1, no_number, 2);
  REFUSES(growth, -1, 1, no_number, infinity);
  return missed;
}

template <class O>
VectorXd asked(const O& optimizer, bool mistaken) {
  typename O::template State<VectorXd, Nothing> state;
  const VectorXd start = VectorXd::Constant(2, 0.5);
  const Any f{[](const VectorXd& x) { return Evaluation<double>(x.squaredNorm()); }, cube(2)};
  optimizer.init(f, start, state);  // DirectL evaluates the middle of the box
  const auto refused = [&](const std::vector<std::uint64_t>& ids, std::size_t answers) {
    const std::vector<Evaluation<double>> all(answers, Evaluation<double>(-1e9));
    CHECK_THROWS_AS(optimizer.tell(state, ids, all), std::invalid_argument);
  };
  for (int generation = 0; generation < 12 && state.status == Status::running; ++generation) {
    const auto batch = optimizer.ask(state);
    const auto ids = batch.ids;
    std::vector<Evaluation<double>> answers;
    for (Eigen::Index k = 0; k < batch.points.cols(); ++k) answers.emplace_back(batch.points.col(k).squaredNorm());
    if (mistaken) {
      refused({ids[0] + 1'000'000}, 1);
      refused({ids.back(), ids.back()}, 2);
      refused({ids.back(), ids[0] + 1'000'000}, 2);
      refused(ids, ids.size() + 1);
    }
    optimizer.tell(state, ids, answers);
    if (mistaken) refused({ids[0]}, 1);
  }
  return state.x;
}

template <class O>
Subject subject(std::string name, O optimizer, Eigen::Index most = 3, bool needs_box = false) {
  Subject s{.name = std::move(name),
            .most = most,
            .needs_box = needs_box,
            .run = {},
            .inside = {},
            .wrong_settings = {},
            .asked = {}};
  s.run = [=](const Any& f, const VectorXd& start) { return run(optimizer, f, start); };
  s.inside = [=](const auto& family, const VectorXd& start, const auto& at) {
    return inside(optimizer, family, start, at);
  };
  s.wrong_settings = [=] { return wrong_settings(optimizer, most); };
  if constexpr (requires(typename O::template State<VectorXd, Nothing> & state) { optimizer.ask(state); })
    s.asked = [=](bool mistaken) { return asked(optimizer, mistaken); };
  return s;
}

const std::vector<Subject>& all() {
  static const std::vector<Subject> subjects{
      subject("CmaEs", CmaEs{}),
      subject("SeparableCmaEs", SeparableCmaEs{}),
      subject("LimitedMemoryCmaEs", LimitedMemoryCmaEs{}),
      subject("Xnes", Xnes{}),
      subject("Snes", Snes{}),
      subject("CmaEs with a penalty", CmaEs{.penalty = true, .mirrored = true, .two_point = true}),
      subject("OpenAiEs", OpenAiEs{}),
      subject("ElitistCmaEs", ElitistCmaEs{}),
      subject("DifferentialEvolution", DifferentialEvolution{}),
      subject("ParticleSwarm", ParticleSwarm{}),
      subject("Restarts", Restarts{CmaEs{}, Bipop{}}),
      subject("UncertaintyHandling", UncertaintyHandling<>{.optimizer = CmaEs{}, .repetitions = 4}),
      subject("RandomSearch", RandomSearch{}),
      subject("QuasiRandomSearch", QuasiRandomSearch{}),
      subject("HaltonSearch", HaltonSearch{}),
      subject("GridSearch", GridSearch{}),
      subject("DirectL", DirectL{}, 3, true),
      subject("NelderMead", NelderMead{}),
      subject("CompassSearch", CompassSearch{}),
      subject("Bobyqa", Bobyqa{}),
      subject("Brent", Brent{}, 1, true),
      subject("GoldenSection", GoldenSection{}, 1, true)};
  return subjects;
}

/// A function by the number of calls before it.
using Values = std::function<Evaluation<double>(const VectorXd&, int)>;

/// Runs it, and checks what must hold whatever the values are.
Ended run_on(const Subject& s, const Values& values, const VectorXd& start, const Any::Bounds& bounds) {
  int calls = 0;
  bool kept = true;
  const Any f{[&](const VectorXd& x) {
                kept = kept && x.allFinite() && (x.array() >= bounds.lower.array()).all() &&
                       (x.array() <= bounds.upper.array()).all();
                return values(x, calls++);
              },
              bounds};
  const Ended end = s.run(f, start);
  INFO(s.name << " in " << start.size() << ": " << sentence(end.status) << " Value " << end.value << " after "
              << end.evaluations);
  CHECK(kept);
  CHECK(end.status != Status::running);
  CHECK(end.x.allFinite());
  CHECK(end.evaluations <= 600);
  CHECK(end.evaluations == std::uint64_t(calls));
  if (!std::isfinite(end.value)) {
    CHECK_FALSE(succeeded(end.status));
    CHECK((failed(end.status) || end.status == Status::max_evaluations));
  }
  return end;
}

double bowl(const VectorXd& x) { return (x.array() - 0.25).square().sum(); }

}  // namespace

TEST_CASE("where all values are alike, a search ends at one of them, and is no failure", "[properties]") {
  for (const Subject& s : all())
    for (const Eigen::Index n : {Eigen::Index(1), s.most})
      for (const double value : {0.0, 1.0, -1e300, 1e-300}) {
        const Ended end = run_on(
            s, [&](const VectorXd&, int) { return value; }, VectorXd::Constant(n, 0.5), cube(n));
        INFO(s.name << ", " << value << ": " << sentence(end.status));
        CHECK(end.value == value);
        CHECK_FALSE(failed(end.status));
      }
}

TEST_CASE("where there is no value at all, a search has found nothing, and says so", "[properties]") {
  const std::vector<Evaluation<double>> nothing{no_number, infinity, -infinity,
                                                Evaluation<double>::failure(Reason::inner_failed)};
  for (const Subject& s : all())
    for (const Eigen::Index n : {Eigen::Index(1), s.most})
      for (const auto& value : nothing) {
        const Ended end = run_on(
            s, [&](const VectorXd&, int) { return value; }, VectorXd::Constant(n, 0.5), cube(n));
        INFO(s.name << ", " << value.value);
        CHECK_FALSE(std::isfinite(end.value));
        CHECK(end.x.size() == n);
      }
}

TEST_CASE("a search whose first value is NaN finds a minimum or fails, and never succeeds at NaN", "[properties]") {
  for (const Subject& s : all())
    for (const Eigen::Index n : {Eigen::Index(1), s.most})
      for (const double first : {no_number, infinity, -infinity}) {
        const Ended end = run_on(
            s, [&](const VectorXd& x, int before) { return before == 0 ? first : bowl(x); }, VectorXd::Constant(n, 0.5),
            cube(n));
        INFO(s.name << ": " << sentence(end.status));
        if (end.status == Status::bad_start)
          CHECK_FALSE(std::isfinite(end.value));
        else
          CHECK(end.value < 0.5);
      }
}

TEST_CASE("values that come and go, are huge or hardly differ stop no search from falling", "[properties]") {
  const std::vector<Values> odd{[](const VectorXd& x, int) { return x[0] > 0.5 ? no_number : bowl(x); },
                                [](const VectorXd& x, int) { return x[0] > 0.5 ? -infinity : bowl(x); },
                                [](const VectorXd& x, int before) { return before % 3 == 1 ? no_number : bowl(x); },
                                [](const VectorXd& x, int before) { return before == 0 ? bowl(x) : no_number; },
                                [](const VectorXd& x, int) { return 1e308 * (bowl(x) / 50 - 1); },
                                [](const VectorXd& x, int) { return 1e308 * (x[0] > 0.5 ? 1 : -1); },
                                [](const VectorXd& x, int) { return 1e-315 * bowl(x); },
                                [](const VectorXd& x, int) { return std::floor(bowl(x)); }};
  for (const Subject& s : all())
    for (const Eigen::Index n : {Eigen::Index(1), s.most})
      for (std::size_t which = 0; which < odd.size(); ++which) {
        INFO(s.name << ", function " << which << " of " << n);
        const VectorXd start = VectorXd::Constant(n, 0.5);
        const double first = odd[which](start, 0).value;
        const Ended end = run_on(s, odd[which], start, cube(n));
        CHECK(std::isfinite(end.value));
        if (which != 3 && which != 4 && s.most > 1) CHECK(end.value <= first);
      }
}

TEST_CASE("bounds of no width, of one side, or as wide as numbers go are kept", "[properties]") {
  for (const Subject& s : all())
    for (const Eigen::Index n : {Eigen::Index(1), s.most}) {
      const VectorXd start = VectorXd::Constant(n, 0.5);
      const Values values = [](const VectorXd& x, int) { return bowl(x); };
      {
        INFO("no width");
        const Ended end = run_on(s, values, start, cube(n, 0.5, 0.5));
        CHECK(identical(end.x, start));
        CHECK(end.value == bowl(start));
        CHECK_FALSE(failed(end.status));
      }
      {
        INFO("no width in the first coordinate");
        auto bounds = cube(n);
        bounds.lower[0] = bounds.upper[0] = 0.5;
        const Ended end = run_on(s, values, start, bounds);
        CHECK(end.x[0] == 0.5);
        CHECK(end.value <= bowl(start));
      }
      {
        INFO("hardly any width");
        const Ended end = run_on(s, values, start, cube(n, 0.5, std::nextafter(0.5, 1.0)));
        CHECK_FALSE(failed(end.status));
      }
      {
        INFO("very wide");
        const Ended end = run_on(s, values, start, cube(n, -1e300, 1.5e308));
        CHECK((std::isfinite(end.value) || s.needs_box));
      }
      if (s.needs_box) {
        CHECK_THROWS_AS(run_on(s, values, start, cube(n, -infinity, infinity)), std::invalid_argument);
        CHECK_THROWS_AS(run_on(s, values, start, cube(n, 0, infinity)), std::invalid_argument);
      } else {
        INFO("one side, or none");
        CHECK(run_on(s, values, start, cube(n, 0.5, infinity)).value < bowl(start) + 0.01);
        CHECK(run_on(s, values, start, cube(n, -infinity, 0.5)).value < bowl(start) + 0.01);
        CHECK(run_on(s, values, start, cube(n, -infinity, infinity)).value < bowl(start) + 0.01);
      }
    }
}

TEST_CASE("a box that is none, and a start that is none or outside, is refused", "[properties]") {
  for (const Subject& s : all()) {
    const Eigen::Index n = s.most;
    const VectorXd start = VectorXd::Constant(n, 0.5);
    const auto refuses = [&](const char* what, const VectorXd& x, const Any::Bounds& bounds) {
      INFO(s.name << ": " << what);
      int calls = 0;
      const Any f{[&](const VectorXd& p) { return ++calls, bowl(p); }, bounds};
      CHECK_THROWS_AS(s.run(f, x), std::invalid_argument);
      CHECK(calls == 0);
    };
    refuses("upper below lower", start, cube(n, 1, 0));
    refuses("lower is NaN", start, cube(n, no_number, 1));
    refuses("upper is NaN", start, cube(n, 0, no_number));
    refuses("box of another size", start, cube(n + 1));
    refuses("box of two sizes", start, {VectorXd::Zero(n), VectorXd::Ones(n + 1)});
    refuses("empty start", VectorXd(), cube(n));
    refuses("start is NaN", VectorXd::Constant(n, no_number), cube(n));
    refuses("start is infinite", VectorXd::Constant(n, infinity), cube(n, -infinity, infinity));
    if (s.name != "DirectL") refuses("start outside", start, cube(n, 1, 2));
  }
}

TEST_CASE("settings out of range are refused by name", "[properties]") {
  for (const Subject& s : all())
    for (const std::string& missed : s.wrong_settings()) {
      INFO(s.name << " took " << missed);
      CHECK(false);
    }
}

TEST_CASE("what is told about unknown points, or twice, is refused, and the run goes on as if nothing had been",
          "[properties]") {
  for (const Subject& s : all()) {
    if (!s.asked) continue;
    INFO(s.name);
    CHECK(identical(s.asked(false), s.asked(true)));
  }
}

TEST_CASE("an inner search without values answers no value, and the outer run can go on", "[properties][nested]") {
  for (const Subject& s : all()) {
    const Eigen::Index n = s.most;
    const VectorXd start = VectorXd::Constant(n, 0.5);
    const auto family = [&](double x) {
      int calls = 0;
      return Any{[x, calls](const VectorXd& y) mutable -> Evaluation<double> {
                   if (x == 1) return no_number;
                   if (x == 2) return infinity;
                   if (x == 3) return 7.0;
                   if (x == 4 && calls++ == 0) return no_number;
                   return bowl(y);
                 },
                 x == 5 ? cube(n, 0.5, 0.5) : cube(n)};
    };
    for (const double bad : {1.0, 2.0}) {
      const auto evaluations = s.inside(family, start, {bad, 0.5, bad});
      INFO(s.name << ": " << sentence(evaluations[0].reason) << " " << evaluations[0].value);
      CHECK_FALSE(evaluations[0].usable());
      CHECK(evaluations[0].verdict == Verdict::failed);
      CHECK(evaluations[0].reason == Reason::inner_failed);
      CHECK(evaluations[1].usable());
      CHECK(evaluations[1].verdict == Verdict::fine);
      CHECK_FALSE(evaluations[2].usable());
      // What has failed leaves no trace.
      CHECK(identical(evaluations[1], s.inside(family, start, {0.5})[0]));
    }
    const auto odd = s.inside(family, start, {3, 4, 5});
    INFO(s.name << ": " << odd[0].value << ", " << odd[1].value << ", " << odd[2].value);
    CHECK(odd[0].usable());
    CHECK((odd[1].usable() || odd[1].verdict == Verdict::failed));
    CHECK(odd[2].value == Approx(25 + 0.25 * double(n)));
  }
}

TEST_CASE("a search over an inner one that fails here and there finds the minimum where it does not",
          "[properties][nested]") {
  const auto F = nested(
      [](const VectorXd& x, const VectorXd& y) { return bowl(x) + y.squaredNorm(); },
      response(by_outer([](const VectorXd& x) {
                 return Any{[&x](const VectorXd& y) { return x[0] > 0.5 ? no_number : y.squaredNorm(); }, cube(1)};
               }),
               Search{CompassSearch{}, MaxEvaluations{40}}, VectorXd(VectorXd::Constant(1, 1))));
  for (const Subject& s : all())
    for (const Eigen::Index n : {Eigen::Index(1), s.most}) {
      INFO(s.name << " of " << n);
      const Ended end = run_on(
          s,
          [&](const VectorXd& x, int) {
            Calls<VectorXd, MemoryOf<decltype(F), VectorXd>> calls;
            return calls.value(F, x);
          },
          VectorXd::Constant(n, 0.5), cube(n));
      CHECK(end.x[0] <= 0.5);
      CHECK(end.value < 0.25);
      const Ended never = run_on(
          s,
          [&](const VectorXd& x, int) {
            Calls<VectorXd, MemoryOf<decltype(F), VectorXd>> calls;
            return calls.value(F, x);
          },
          VectorXd::Constant(n, 0.75), cube(n, 0.6, 0.9));
      CHECK_FALSE(std::isfinite(never.value));
    }
}
