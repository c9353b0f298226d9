#pragma once

#include <array>
#include <cstddef>
#include <limits>
#include <type_traits>

#include <Eigen/Core>

#include <mesaopt/core/call.hpp>
#include <mesaopt/core/counts.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/nested/active_constraints.hpp>
#include <mesaopt/nested/conjugate_gradient.hpp>
#include <mesaopt/nested/response_types.hpp>
#include <mesaopt/nested/solution_model.hpp>

namespace mesaopt::detail {

/// One solve: the inner run with its workspace, and what the adjoint leaves behind. T is a ResponseTypes.
template <class T>
struct ResponseRecord {
  using Types = T;
  using X = typename T::X;
  using Inner = typename T::Y;
  static constexpr std::size_t levels = std::remove_cvref_t<decltype(T::Run::state.calls)>::levels;

  typename T::Run run{};
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
  std::conditional_t<is_predicted<typename T::Start>, PredictionScratch<X, Inner>, Empty> prediction{};
  Inner start{}, gradient{}, step{}, adjoint{};
  MatrixOf<Inner> hessian{}, factor{};
  X direction{}, moved{};
  Inner scratch{}, mixed{};
  ConjugateGradientScratch<Inner> linear{};
  std::conditional_t<T::restricted, RestrictedScratch<X, Inner>, Empty> restricted{};

  /// Moves what the inner run's calls have counted since into `counts`.
  void collect() {
    auto& counted = run.state.calls.counts;
    for (std::size_t i = 0; i < counted.size(); ++i) counts[i] += counted[i];
    counted = {};
  }
};

}  // namespace mesaopt::detail
