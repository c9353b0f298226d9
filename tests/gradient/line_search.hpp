#pragma once
// What the tests of line searches share.

#include <cmath>
#include <limits>
#include <numbers>

#include <mesaopt/gradient/line_status.hpp>

namespace line_search {

template <class S>
struct Sample {
  S value, slope;
};

template <class S>
struct Found {
  mesaopt::LineStatus status = mesaopt::LineStatus::searching;
  int evaluations = 0;
  S step = 0, value = 0, slope = 0;
};

/// Searches along phi from 0, given the first step; a NaN value is told as a failure.
template <class S, class Rule, class Phi>
Found<S> search(const Rule& rule, const Phi& phi, S first, S noise = 0, S doubt = 0) {
  const Sample<S> start = phi(S(0));
  typename Rule::template Line<S> line(rule, start.value, start.slope, first, noise, doubt);
  Found<S> found;
  while (found.status == mesaopt::LineStatus::searching) {
    const Sample<S> now = phi(line.trial());
    ++found.evaluations;
    found.step = line.trial();
    found.value = now.value;
    found.slope = now.slope;
    found.status =
        std::isfinite(now.value) && std::isfinite(now.slope) ? line.tell(now.value, now.slope) : line.tell_failure();
  }
  return found;
}

/// A quartic with waves, downhill at 0 and growing far away, of random shape; `draw()` is uniform in [0, 1).
template <class S, class Draw>
auto wavy(const Draw& draw, S x, S f) {
  const S waves = S(0.4 * draw()), slope = S(0.1 + draw()), quartic = S(draw());
  return [=](S t) -> Sample<S> {
    const S u = t / x;
    return {f * (-slope * u + u * u / 2 + quartic * u * u * u * u + waves * (1 - std::cos(3 * u)) / 3),
            f / x * (-slope + u + 4 * quartic * u * u * u + waves * std::sin(3 * u))};
  };
}

// Test functions of Moré & Thuente (1994), section 5.
inline Sample<double> function_5_1(double a) {
  const double beta = 2, q = a * a + beta;
  return {-a / q, (a * a - beta) / (q * q)};
}
inline Sample<double> function_5_2(double a) {
  const double u = a + 0.004;
  return {std::pow(u, 5) - 2 * std::pow(u, 4), 5 * std::pow(u, 4) - 8 * std::pow(u, 3)};
}
inline Sample<double> function_5_3(double a) {
  constexpr double beta = 0.01, l = 39, pi = std::numbers::pi;
  const double value = a <= 1 - beta ? 1 - a : a >= 1 + beta ? a - 1 : (a - 1) * (a - 1) / (2 * beta) + beta / 2;
  const double slope = a <= 1 - beta ? -1 : a >= 1 + beta ? 1 : (a - 1) / beta;
  return {value + 2 * (1 - beta) / (l * pi) * std::sin(l * pi / 2 * a), slope + (1 - beta) * std::cos(l * pi / 2 * a)};
}
inline auto function_5_4(double beta1, double beta2) {
  return [=](double a) -> Sample<double> {
    const auto gamma = [](double beta) { return std::sqrt(1 + beta * beta) - beta; };
    const double u = std::sqrt((1 - a) * (1 - a) + beta2 * beta2), v = std::sqrt(a * a + beta1 * beta1);
    return {gamma(beta1) * u + gamma(beta2) * v, gamma(beta2) * a / v - gamma(beta1) * (1 - a) / u};
  };
}

}  // namespace line_search
