#pragma once

#include <concepts>
#include <type_traits>
#include <utility>

#include <mesaopt/core/run.hpp>

namespace mesaopt {

/// An optimizer with a stopping rule: a thing that, given an objective and a start, finds a minimum.
///
///     Search search{Lbfgs{}, GradientBelow{1e-10} || MaxEvaluations{500}};
///     auto solution = search(f, x0);
template <class O, StoppingRule R>
struct Search {
  O optimizer;
  R stopping;

  template <class F, Start P>
  requires OptimizerFor<O, F, PointOf<P>> Solution<StateOf<O, F, PointOf<P>>>
  operator()(const F& f, const P& start) const {
    RunOf<O, R, F, PointOf<P>> run;
    begin(f, start, optimizer, stopping, run);
    resume(f, optimizer, stopping, run);
    return solution(std::move(run));
  }
};

template <class O, class R>
Search(O, R) -> Search<O, R>;

namespace detail {
template <class T>
struct IsSearch : std::false_type {};
template <class O, class R>
struct IsSearch<Search<O, R>> : std::true_type {};
}  // namespace detail

/// The stopping rule that an optimizer brings with it.
template <class O>
requires requires(const O& optimizer) {
  { optimizer.default_stopping() } -> StoppingRule;
}
auto default_stopping(const O& optimizer) { return optimizer.default_stopping(); }

/// A Search as it is; a bare optimizer with its default stopping rule.
template <class O>
auto as_search(const O& optimizer) {
  if constexpr (detail::IsSearch<O>::value) {
    return optimizer;
  } else {
    static_assert(
        requires { optimizer.default_stopping(); },
        "mesaopt: this is neither a Search nor an optimizer with a default stopping rule; "
        "write Search{optimizer, stopping}");
    return Search{optimizer, optimizer.default_stopping()};
  }
}

}  // namespace mesaopt
