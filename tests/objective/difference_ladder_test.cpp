#include <mesaopt/objective/difference_ladder.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/random.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {

struct Case {
  std::function<double(double)> f;
  double derivative;  // at 0
  double accuracy;    // relative
};

/// The derivatives of f at 0, all functions at once.
detail::Slopes<double> slopes(const std::vector<Case>& cases, double size = 1) {
  const auto at = [&](double t, VectorXd& values, double&) {
    for (std::size_t i = 0; i < cases.size(); ++i) values[Eigen::Index(i)] = cases[i].f(t);
    return true;
  };
  VectorXd here(Eigen::Index(cases.size()));
  double exact = 0;
  at(0, here, exact);
  return detail::DifferenceLadder<double>{}(at, here, size);
}

constexpr double none = std::numeric_limits<double>::quiet_NaN();

}  // namespace

TEST_CASE("differences are exact to ten digits at any scale of the functions, and know their error", "[objective]") {
  const std::vector<Case> cases{
      {[](double t) { return std::exp(t); }, 1, 1e-11},
      {[](double t) { return 1e6 * std::sin(t / 3); }, 1e6 / 3, 1e-11},
      {[](double t) { return std::sin(1e6 * t + 1); }, 1e6 * std::cos(1.0), 1e-10},
      {[](double t) { return std::exp(1e3 * t) * 1e-9; }, 1e-6, 1e-10},
      {[](double t) { return 1e4 + std::tanh(20 * t); }, 20, 1e-8},
      {[](double t) { return 1 / (1e-4 + t * t) + 3 * t; }, 3, 1e-6},
      {[](double t) { return 7 - 5 * t; }, -5, 1e-15},
      {[](double t) { return std::atan(1e-5 * t); }, 1e-5, 1e-11},
  };
  const auto found = slopes(cases);
  for (std::size_t i = 0; i < cases.size(); ++i) {
    CAPTURE(i);
    const double off = std::abs(found.value[Eigen::Index(i)] - cases[i].derivative);
    CHECK(off <= cases[i].accuracy * std::abs(cases[i].derivative));
    CHECK(off <= 3 * found.error[Eigen::Index(i)]);
    CHECK(found.error[Eigen::Index(i)] <= 10 * cases[i].accuracy * std::abs(cases[i].derivative));
  }
}

TEST_CASE("where one side has no values the other one serves, and where both have none nothing is said",
          "[objective]") {
  const std::vector<Case> cases{
      {[](double t) { return t < 0 ? none : std::exp(t); }, 1, 0},
      {[](double t) { return t > 1e-7 ? none : std::sin(t); }, 1, 0},
      {[](double t) { return std::abs(t) > 1e-3 ? none : std::cos(t) + t; }, 1, 0},
      {[](double t) { return t == 0 ? 1.0 : none; }, none, 0},
  };
  for (const Case& each : cases) {
    const auto at = [&](double t, VectorXd& values, double&) {
      values[0] = each.f(t);
      return std::isfinite(values[0]);
    };
    const auto found = detail::DifferenceLadder<double>{}(at, VectorXd::Constant(1, each.f(0)), 1.0);
    if (std::isnan(each.derivative)) {
      CHECK(std::isnan(found.value[0]));
      CHECK(std::isnan(found.error[0]));
    } else {
      CHECK(std::abs(found.value[0] - 1) < 1e-7);
      CHECK(std::abs(found.value[0] - 1) < 3 * found.error[0]);
    }
  }
}

TEST_CASE("noise that is told of, and noise that is not, is in the error", "[objective]") {
  for (const bool told : {true, false}) {
    const auto at = [&](double t, VectorXd& values, double& noise) {
      values[0] = std::sin(t) + 1e-6 * Random{.stream = std::bit_cast<std::uint64_t>(t)}.uniform(-1.0, 1.0);
      if (told) noise = 1e-6;
      return true;
    };
    const auto found = detail::DifferenceLadder<double>{}(at, VectorXd::Zero(1), 1.0);
    CHECK(std::abs(found.value[0] - 1) < 5 * found.error[0]);
    CHECK(found.error[0] < 1e-3);
    CHECK(found.error[0] > 1e-8);
  }
}

TEST_CASE("differences in float are exact to four digits", "[objective]") {
  const auto at = [](float t, Eigen::VectorXf& values, float&) {
    values[0] = std::exp(t);
    values[1] = std::sin(100 * t);
    return true;
  };
  const auto found = detail::DifferenceLadder<float>{}(at, Eigen::VectorXf(Eigen::Vector2f(1, 0)), 1.0f);
  CHECK(std::abs(found.value[0] - 1) < 1e-4f);
  CHECK(std::abs(found.value[1] - 100) < 1e-2f);
}
