#pragma once
// What holds for the runs of every method.

#include <cstdint>
#include <functional>
#include <limits>
#include <stdexcept>
#include <type_traits>

#include <Eigen/Core>

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/problems/rosenbrock.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

namespace run_laws {

using namespace mesaopt;
using Functional = std::function<double(const Eigen::VectorXd&, Eigen::VectorXd&)>;

/// A run, its copy, what was saved and loaded of it after some steps, and one begun anew in place end alike, bit for
/// bit; and the steps allocate nothing.
template <class F, class O, class R>
void goes_on_to_the_same_bits(const F& f, const Eigen::VectorXd& start, const O& optimizer, const R& stopping,
                              int steps) {
  using Kept = RunOf<O, R, F, Eigen::VectorXd>;
  Kept whole;
  begin(f, start, optimizer, stopping, whole);
  for (int k = 0; k < steps; ++k) advance(f, optimizer, stopping, whole);
  Kept fork = whole, loaded;
  load(save(whole), loaded);
  for (Kept* run : {&whole, &fork, &loaded}) resume(f, optimizer, stopping, *run);
  CHECK(whole.status == Status::gradient_below);
  CHECK(identical(fork, whole));
  CHECK(identical(loaded, whole));
  begin(f, start, optimizer, stopping, fork);
  resume(f, optimizer, stopping, fork);
  CHECK(identical(fork, whole));
}

/// Whichever evaluation of Rosenbrock's valley is NaN or throws, the state stays whole, and the run gets to its end.
template <class O, class R>
void survives_any_evaluation(const O& optimizer, const R& stopping, std::uint64_t evaluations, std::uint64_t step) {
  const Eigen::VectorXd start = problems::Rosenbrock::start(2);
  RunOf<O, R, Functional, Eigen::VectorXd> run;
  for (std::uint64_t at = 1; at < evaluations; at += step)
    for (const bool thrown : {false, true}) {
      CAPTURE(at, thrown);
      std::uint64_t calls = 0;
      const Functional f = [&](const Eigen::VectorXd& x, Eigen::VectorXd& g) {
        const double value = problems::Rosenbrock{}(x, g);
        if (calls++ != at) return value;
        if (thrown) throw std::runtime_error("lost");
        return std::numeric_limits<double>::quiet_NaN();
      };
      begin(f, start, optimizer, stopping, run);
      if (thrown) {
        CHECK_THROWS_AS(resume(f, optimizer, stopping, run), std::runtime_error);
        Eigen::VectorXd gradient(2);
        CHECK(problems::Rosenbrock{}(run.state.x, gradient) == run.state.value);
        CHECK(gradient == run.state.gradient);
      }
      resume(f, optimizer, stopping, run);
      CHECK(run.status == Status::gradient_below);
    }
}

/// No more evaluations of Rosenbrock's valley are made than there may be, and value and point of the answer are of one
/// another.
template <class O>
void keeps_to_the_limit(const O& optimizer, std::int64_t most) {
  for (std::int64_t limit = 1; limit < most; limit += 3) {
    CAPTURE(limit);
    std::int64_t calls = 0;
    const Functional f = [&](const Eigen::VectorXd& x, Eigen::VectorXd& g) {
      return ++calls, problems::Rosenbrock{}(x, g);
    };
    const auto s = minimize(f, Eigen::VectorXd(problems::Rosenbrock::start(2)), optimizer,
                            GradientBelow{1e-8} || MaxEvaluations{limit});
    CHECK(s.status == Status::max_evaluations);
    CHECK(calls == limit);
    CHECK(s.value == problems::Rosenbrock{}(s.x));
  }
}

}  // namespace run_laws
