#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>

namespace mesaopt::detail {

/// What differences say of derivatives: each with an estimate of its error, both NaN where nothing can be said.
template <Real S>
struct Slopes {
  Eigen::VectorX<S> value{}, error{};
};

/// The derivatives at t = 0 of a vector of functions of t, as exactly as differences allow, whatever the functions' own
/// scale: from steps that become four times smaller, from 4 · size down to about ε^(3/4) · size.
///
/// `function(t, values, noise)` fills values (of any fixed length) and the absolute error known of them, and answers
/// false where there are none. `at_zero` is what it gives at 0. On every step the difference is the central one, or,
/// where one side has no values, the one of three points on the other; two steps together are freed of the error in t²
/// (Richardson). Of these, for each function, the one is taken that differs least from both neighbours: larger steps
/// show truncation, smaller ones rounding. Ridders (1982), "Accurate computation of F'(x) and F'(x)F''(x)", lets
/// differences judge themselves in the same way.
template <Real S>
class DifferenceLadder {
 public:
  template <class Function>
  Slopes<S> operator()(const Function& function, const Eigen::VectorX<S>& at_zero, S size) {
    climb(function, at_zero, size);
    Slopes<S> slopes{Eigen::VectorX<S>::Constant(at_zero.size(), nan),
                     Eigen::VectorX<S>::Constant(at_zero.size(), nan)};
    for (Eigen::Index i = 0; i < at_zero.size(); ++i) {
      for (Eigen::Index k = 2; k + 1 < rungs; ++k) {
        const S here = improved_(i, k);
        const S spread = std::max(std::abs(here - improved_(i, k - 1)), std::abs(here - improved_(i, k + 1)));
        const S error = spread + rounding_(i, k);
        if (std::isfinite(error) && !(error >= slopes.error[i])) {
          slopes.value[i] = here;
          slopes.error[i] = error;
        }
      }
    }
    return slopes;
  }

 private:
  static constexpr S nan = std::numeric_limits<S>::quiet_NaN();
  static constexpr Eigen::Index rungs = 3 + std::numeric_limits<S>::digits * 3 / 8;

  struct Side {
    Eigen::VectorX<S> values{};
    S noise = 0;
    bool known = false;
  };
  struct Rung {
    S step = 0;
    Side ahead{}, behind{};
  };

  std::vector<Rung> rungs_ = std::vector<Rung>(std::size_t(rungs));
  Eigen::MatrixX<S> plain_{}, improved_{}, rounding_{};  // a row a function, a column a rung

  template <class Function>
  void climb(const Function& function, const Eigen::VectorX<S>& at_zero, S size) {
    for (auto* matrix : {&plain_, &improved_, &rounding_}) matrix->setConstant(at_zero.size(), rungs, nan);
    S step = 4 * std::exp2(std::round(std::log2(size)));
    for (Eigen::Index k = 0; k < rungs; ++k, step /= 4) {
      Rung& rung = rungs_[std::size_t(k)];
      rung.step = step;
      for (const S sign : {S(1), S(-1)}) {
        Side& side = sign > 0 ? rung.ahead : rung.behind;
        side.values.resize(at_zero.size());
        side.noise = 0;
        side.known = function(sign * step, side.values, side.noise);
      }
      constexpr S epsilon = std::numeric_limits<S>::epsilon();
      if (rung.ahead.known && rung.behind.known) {
        plain_.col(k) = (rung.ahead.values - rung.behind.values) / (2 * step);
        rounding_.col(k) = ((rung.ahead.values.cwiseAbs() + rung.behind.values.cwiseAbs()) * epsilon).array() +
                           (rung.ahead.noise + rung.behind.noise);
        rounding_.col(k) /= 2 * step;
      } else if (k > 0) {
        const Rung& before = rungs_[std::size_t(k - 1)];
        const bool forwards = rung.ahead.known;
        const Side& near = forwards ? rung.ahead : rung.behind;
        const Side& far = forwards ? before.ahead : before.behind;
        const S t = forwards ? step : -step;
        if (near.known && far.known) {
          plain_.col(k) = (16 * near.values - far.values - 15 * at_zero) / (12 * t);
          rounding_.col(k) = (near.values.cwiseAbs() * (32 * epsilon)).array() + 16 * near.noise;
          rounding_.col(k) /= 12 * step;
        }
      }
      if (k > 0) improved_.col(k) = plain_.col(k) + (plain_.col(k) - plain_.col(k - 1)) / 15;
    }
  }
};

}  // namespace mesaopt::detail
