#pragma once

#include <algorithm>
#include <cmath>
#include <tuple>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>
#include <mesaopt/core/vectors.hpp>

namespace mesaopt {

/// Two-point step-size adaptation: the last two draws of a generation lie on the line of the latest step of the mean,
/// one further on and one as far back, and whichever is better tells whether steps should be longer or shorter.
///
/// Hansen, Atamna and Auger (2014), "How to assess step-size adaptation mechanisms in randomised search", PPSN XIII,
/// with c_s = 0.3 and d_sigma = sqrt(n); after Hansen (2008), "CMA-ES with two-point step-size
/// adaptation", INRIA research report RR-6527.
template <Point X>
struct TwoPoint {
  using S = ScalarOf<X>;

  Eigen::VectorX<S> shift{};  ///< the latest step of the mean; empty if it is not used
  bool known = false;         ///< whether there was one
  bool placed = false;        ///< whether the present generation has the two points
  S smoothed = 0;             ///< s: by how much the point further on was the better one, in ranks

  static constexpr auto fields() {
    using T = TwoPoint;
    return std::tuple{&T::shift, &T::known, &T::placed, &T::smoothed};
  }

  /// Whether it is used.
  [[nodiscard]] bool active() const { return shift.size() > 0; }

  /// Begins a run of n variables; n is 0 where it is not used.
  void begin(Eigen::Index n) {
    detail::zeros(shift, n, 1);
    known = placed = false;
    smoothed = 0;
  }

  /// Puts the two points in the place of the last two draws, as long as the second last one was.
  template <class State>
  void place(State& state) {
    placed = false;
    if (!active() || !known) return;
    const Eigen::Index n = state.mean.size(), k = state.draws.cols() - 2;
    S* const z = state.draws.data() + n * k;
    S* const y = state.steps.data() + n * k;
    const S wanted = std::sqrt(detail::product(z, z, n));
    const S length = state.draw_of(shift.data(), z);
    if (!(length > 0) || !std::isfinite(length)) {
      known = false;
      for (Eigen::Index i = 0; i < n; ++i) z[i] = y[i] = z[i + n] = y[i + n] = 0;
      return;
    }
    for (Eigen::Index i = 0; i < n; ++i) {
      z[i] *= wanted / length;
      y[i] = shift[i] * (wanted / length);
      z[i + n] = -z[i];
      y[i + n] = -y[i];
    }
    placed = true;
  }

  /// Before the distribution learns: keeps what it will change.
  template <class State>
  void remember(const State& state) {
    if (!active()) return;
    std::copy_n(state.mean.data(), shift.size(), shift.data());
    before_ = state.step_size;
  }

  /// After it has learnt from a generation in this order: sets the step size.
  template <class State>
  void adapt(const std::vector<Eigen::Index>& best_first, State& state) {
    if (!active()) return;
    for (Eigen::Index i = 0; i < shift.size(); ++i) shift[i] = (state.mean[i] - shift[i]) / before_;
    known = true;
    state.step_size = before_;
    const Eigen::Index last = state.draws.cols() - 1;
    const auto rank = [&](Eigen::Index k) { return std::find(best_first.begin(), best_first.end(), k); };
    if (!placed || rank(last) == best_first.end() || rank(last - 1) == best_first.end()) return;
    smoothed += S(0.3) * (S(rank(last) - rank(last - 1)) / S(last) - smoothed);
    state.step_size *= std::exp(smoothed / std::sqrt(S(shift.size())));
  }

 private:
  S before_ = 1;
};

}  // namespace mesaopt
