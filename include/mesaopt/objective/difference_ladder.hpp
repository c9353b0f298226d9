#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>

namespace mesaopt::detail {

/// What differences say of derivatives: each with an estimate of its error, both NaN where nothing can be said.
template <Real S>
struct Slopes {
  Eigen::VectorX<S> value{}, error{};
};

/// The derivatives at t = 0 of a vector of functions of t, as exactly as differences allow, whatever the functions' own
/// scale: from steps that become four times smaller, from 4 · size down to 4ε · size.
///
/// `function(t, values, noise)` fills values (of any fixed length) and the absolute error known of them, moves t to
/// what floating point made of it, and answers false where there are no values. `at_zero` is what it gives at 0. On
/// every step the difference is the central one, or, where one side has no values, the one of three points on the
/// other; two steps together are freed of the error in t² (Richardson). The smallest steps show how large rounding is,
/// which is known then for larger ones too. From there up, for each function, larger steps are preferred as long as
/// they lie within the error of smaller ones, up to where they differ from both neighbours by more than rounding: so a
/// function that is smooth from afar, but not near, does not pass for smooth. Ridders (1982), "Accurate computation of
/// F'(x) and F'(x)F''(x)", lets a table of differences judge itself in the same way, from large steps down.
template <Real S>
class DifferenceLadder {
 public:
  template <class Function>
  Slopes<S> operator()(const Function& function, const Eigen::VectorX<S>& at_zero, S size) {
    climb(function, at_zero, size);
    Slopes<S> slopes{Eigen::VectorX<S>::Constant(at_zero.size(), unknown),
                     Eigen::VectorX<S>::Constant(at_zero.size(), unknown)};
    for (Eigen::Index i = 0; i < at_zero.size(); ++i) judge(i, slopes.value[i], slopes.error[i]);
    return slopes;
  }

 private:
  static constexpr S unknown = std::numeric_limits<S>::quiet_NaN();
  static constexpr int rungs = 2 + std::numeric_limits<S>::digits / 2;
  static constexpr int lowest = rungs / 6;  ///< rungs that show nothing but rounding

  struct Side {
    Eigen::VectorX<S> values{};
    S t = 0, noise = 0;
    bool known = false;
  };
  struct Rung {
    Side ahead{}, behind{};
  };

  std::array<Rung, std::size_t(rungs)> ladder_{};
  std::array<S, std::size_t(rungs)> steps_{};
  Eigen::MatrixX<S> plain_{}, improved_{}, rounding_{};  // a row a function, a column a rung

  template <class Function>
  void climb(const Function& function, const Eigen::VectorX<S>& at_zero, S size) {
    constexpr S epsilon = std::numeric_limits<S>::epsilon();
    for (auto* matrix : {&plain_, &improved_, &rounding_}) matrix->setConstant(at_zero.size(), rungs, unknown);
    S step = 4 * std::exp2(std::round(std::log2(size)));
    for (int k = 0; k < rungs; ++k, step /= 4) {
      steps_[std::size_t(k)] = step;
      Rung& rung = ladder_[std::size_t(k)];
      for (Side* side : {&rung.ahead, &rung.behind}) {
        side->values.resize(at_zero.size());
        side->t = side == &rung.ahead ? step : -step;
        side->noise = 0;
        side->known = function(side->t, side->values, side->noise) && side->t != 0;
      }
      const Side &ahead = rung.ahead, &behind = rung.behind;
      if (ahead.known && behind.known) {
        const S width = ahead.t - behind.t;
        plain_.col(k) = (ahead.values - behind.values) / width;
        rounding_.col(k) = (ahead.values.cwiseAbs() + behind.values.cwiseAbs()) * (epsilon / width);
        rounding_.col(k).array() += (ahead.noise + behind.noise) / width;
      } else if (k > 0 && (ahead.known || behind.known)) {
        const Rung& before = ladder_[std::size_t(k - 1)];
        const Side &near = ahead.known ? ahead : behind, &far = ahead.known ? before.ahead : before.behind;
        if (far.known) {
          const S ratio = far.t / near.t, width = far.t - near.t;  // the slope of the parabola through three points
          plain_.col(k) = ((near.values - at_zero) * ratio - (far.values - at_zero) / ratio) / width;
          rounding_.col(k) = near.values.cwiseAbs() * (4 * ratio * epsilon / std::abs(width));
          rounding_.col(k).array() += 2 * ratio * near.noise / std::abs(width);
        }
      }
      if (k > 0) improved_.col(k) = plain_.col(k) + (plain_.col(k) - plain_.col(k - 1)) / 15;
    }
  }

  /// How much the slope of function i on rung k differs from those of its neighbours.
  [[nodiscard]] S spread(Eigen::Index i, int k) const {
    return std::max(std::abs(improved_(i, k) - improved_(i, k - 1)), std::abs(improved_(i, k) - improved_(i, k + 1)));
  }

  void judge(Eigen::Index i, S& value, S& error) const {
    S noise = 0;  // of the values, as a difference on the smallest steps has it
    for (int k = rungs - 1 - lowest; k < rungs - 1; ++k)
      if (const S here = spread(i, k); std::isfinite(here)) noise = std::max(noise, here * steps_[std::size_t(k)]);
    for (int k = rungs - 2; k >= 2; --k) {
      const S here = improved_(i, k);
      const S allowance = spread(i, k) + noise / steps_[std::size_t(k)] + rounding_(i, k);
      if (!std::isfinite(allowance)) continue;
      if (std::isfinite(error) && !(std::abs(here - value) <= 3 * error)) break;
      if (!(allowance >= error)) {
        value = here;
        error = allowance;
      }
    }
  }
};

}  // namespace mesaopt::detail
