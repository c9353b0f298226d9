#pragma once

#include <algorithm>
#include <cmath>

/// What a rule answers.
template <class S>
struct Answer {
  S value, by_mean, by_variance;
};
template <class S, class A>
Answer<S> ask(const A& rule, S mean, S variance, S best) {
  Answer<S> answer{};
  answer.value = rule(mean, variance, best, answer.by_mean, answer.by_variance);
  return answer;
}

/// The largest error of the derivatives against central differences, relative to the derivative or 1.
template <class A>
double derivative_error(const A& rule, double mean, double variance, double best) {
  const Answer<double> answer = ask(rule, mean, variance, best);
  const double h = 1e-6 * std::sqrt(variance), hv = 1e-6 * variance;
  const double by_mean =
      (ask(rule, mean + h, variance, best).value - ask(rule, mean - h, variance, best).value) / (2 * h);
  const double by_variance =
      (ask(rule, mean, variance + hv, best).value - ask(rule, mean, variance - hv, best).value) / (2 * hv);
  return std::max(std::abs(answer.by_mean - by_mean) / std::max(1.0, std::abs(by_mean)),
                  std::abs(answer.by_variance - by_variance) / std::max(1.0, std::abs(by_variance)));
}
