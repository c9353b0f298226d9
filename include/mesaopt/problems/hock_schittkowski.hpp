#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>
#include <limits>
#include <numbers>
#include <stdexcept>
#include <string>

#include <Eigen/Core>

#include <mesaopt/objective/box.hpp>
#include <mesaopt/objective/dual.hpp>

namespace mesaopt::problems {

/// Constrained problems of Hock & Schittkowski (1981), "Test examples for nonlinear programming codes", by their
/// numbers there: objectives with constraints and bounds, of 2 to 15 variables.
///
///     for (int number : HockSchittkowski::numbers) {
///       const HockSchittkowski problem(number);
///       auto solution = minimize(problem, problem.start(), Sqp{});
///     }
///
/// Inequalities, which the book writes as g(x) >= 0, are −g(x) <= 0 here, after the equalities. `minimum` is the
/// published one; where the book is known to be wrong it is the corrected one (106, 112). Derivatives are exact, by
/// dual numbers.
class HockSchittkowski {
 public:
  using Vector = Eigen::VectorXd;

  /// The problems that are here.
  static constexpr std::array numbers{1,  2,  3,  4,  5,  6,  7,  8,  9,  10,  11,  12,  13,  14,  15,  16,  17,
                                      18, 19, 20, 21, 22, 23, 24, 25, 26, 27,  28,  29,  30,  31,  32,  33,  34,
                                      35, 36, 37, 38, 39, 40, 41, 42, 43, 44,  45,  46,  47,  48,  49,  50,  51,
                                      52, 53, 55, 56, 57, 60, 61, 62, 63, 64,  65,  66,  71,  72,  73,  74,  75,
                                      76, 77, 78, 79, 80, 81, 83, 86, 93, 100, 104, 106, 110, 111, 112, 113, 117};

  /// Throws std::invalid_argument for a number that is not among them.
  explicit HockSchittkowski(int number) : number_(number) { describe(); }

  [[nodiscard]] int number() const { return number_; }
  [[nodiscard]] Eigen::Index size() const { return start_.size(); }
  [[nodiscard]] const Vector& start() const { return start_; }
  [[nodiscard]] double minimum() const { return minimum_; }

  double operator()(const Vector& x) const {
    double f = 0;
    std::array<double, most> c;
    evaluate(x.data(), f, c.data());
    return f;
  }
  double operator()(const Vector& x, Vector& gradient) const {
    Tangent f = 0;
    std::array<Tangent, most> u, c;
    for (Eigen::Index j = 0; j < size(); ++j) {
      seed(x, j, u);
      evaluate(u.data(), f, c.data());
      gradient[j] = f.tangent[0];
    }
    return f.value;
  }
  [[nodiscard]] Eigen::Index equalities() const { return equal_; }
  [[nodiscard]] Eigen::Index inequalities() const { return unequal_; }
  void constraints(const Vector& x, Vector& out) const {
    double f = 0;
    std::array<double, most> c;
    evaluate(x.data(), f, c.data());
    for (Eigen::Index i = 0; i < out.size(); ++i) out[i] = i < equal_ ? c[std::size_t(i)] : -c[std::size_t(i)];
  }
  void constraints(const Vector& x, Vector& out, Eigen::MatrixXd& J) const {
    Tangent f = 0;
    std::array<Tangent, most> u, c;
    for (Eigen::Index j = 0; j < size(); ++j) {
      seed(x, j, u);
      evaluate(u.data(), f, c.data());
      for (Eigen::Index i = 0; i < out.size(); ++i) {
        const double sign = i < equal_ ? 1 : -1;
        out[i] = sign * c[std::size_t(i)].value;
        J(i, j) = sign * c[std::size_t(i)].tangent[0];
      }
    }
  }
  [[nodiscard]] const Box<Vector>& box() const { return box_; }

 private:
  static constexpr std::size_t most = 16;
  using Tangent = Dual<double, 1>;

  int number_;
  Eigen::Index equal_ = 0, unequal_ = 0;
  Vector start_;
  Box<Vector> box_;
  double minimum_ = 0;

  void seed(const Vector& x, Eigen::Index j, std::array<Tangent, most>& u) const {
    for (Eigen::Index i = 0; i < size(); ++i) {
      u[std::size_t(i)] = x[i];
      u[std::size_t(i)].tangent[0] = i == j;
    }
  }

  // Infinite bounds are written so in the tables below.
  static constexpr double oo = std::numeric_limits<double>::infinity();

  void set(std::initializer_list<double> start, double minimum, Eigen::Index equal, Eigen::Index unequal,
           std::initializer_list<double> lower = {}, std::initializer_list<double> upper = {}) {
    start_ = Eigen::Map<const Vector>(start.begin(), Eigen::Index(start.size()));
    minimum_ = minimum;
    equal_ = equal;
    unequal_ = unequal;
    box_.lower.setConstant(size(), -oo);
    box_.upper.setConstant(size(), oo);
    // One bound stands for all variables.
    if (lower.size() == 1) box_.lower.setConstant(*lower.begin());
    if (upper.size() == 1) box_.upper.setConstant(*upper.begin());
    if (lower.size() > 1) std::copy(lower.begin(), lower.end(), box_.lower.data());
    if (upper.size() > 1) std::copy(upper.begin(), upper.end(), box_.upper.data());
  }

  void describe() {
    using std::sqrt, std::log, std::asin;
    constexpr double pi = std::numbers::pi;
    const double root2 = sqrt(2.0), root3 = sqrt(3.0);
    switch (number_) {
      case 1: return set({-2, 1}, 0, 0, 0, {-oo, -1.5});
      case 2: return set({-2, 1}, 0.0504261879, 0, 0, {-oo, 1.5});
      case 3: return set({10, 1}, 0, 0, 0, {-oo, 0});
      case 4: return set({1.125, 0.125}, 8.0 / 3, 0, 0, {1, 0});
      case 5: return set({0, 0}, -root3 / 2 - pi / 3, 0, 0, {-1.5, -3}, {4, 3});
      case 6: return set({-1.2, 1}, 0, 1, 0);
      case 7: return set({2, 2}, -root3, 1, 0);
      case 8: return set({2, 1}, -1, 2, 0);
      case 9: return set({0, 0}, -0.5, 1, 0);
      case 10: return set({-10, 10}, -1, 0, 1);
      case 11: return set({4.9, 0.1}, -8.498464223, 0, 1);
      case 12: return set({0, 0}, -30, 0, 1);
      case 13: return set({-2, -2}, 1, 0, 1, {0});
      case 14: return set({2, 2}, 9 - 2.875 * sqrt(7.0), 1, 1);
      case 15: return set({-2, 1}, 306.5, 0, 2, {}, {0.5, oo});
      case 16: return set({-2, 1}, 0.25, 0, 2, {-2, -oo}, {0.5, 1});
      case 17: return set({-2, 1}, 1, 0, 2, {-0.5, -oo}, {0.5, 1});
      case 18: return set({2, 2}, 5, 0, 2, {2, 0}, {50});
      case 19: return set({20.1, 5.84}, -6961.81381, 0, 2, {13, 0}, {100});
      case 20: return set({-2, 1}, 81.5 - 25 * root3, 0, 3, {-0.5, -oo}, {0.5, oo});
      case 21: return set({-1, -1}, -99.96, 0, 1, {2, -50}, {50});
      case 22: return set({2, 2}, 1, 0, 2);
      case 23: return set({3, 1}, 2, 0, 5, {-50}, {50});
      case 24: return set({1, 0.5}, -1, 0, 3, {0});
      case 25: return set({100, 12.5, 3}, 0, 0, 0, {0.1, 0, 0}, {100, 25.6, 5});
      case 26: return set({-2.6, 2, 2}, 0, 1, 0);
      case 27: return set({2, 2, 2}, 0.04, 1, 0);
      case 28: return set({-4, 1, 1}, 0, 1, 0);
      case 29: return set({1, 1, 1}, -16 * root2, 0, 1);
      case 30: return set({1, 1, 1}, 1, 0, 1, {1, -10, -10}, {10});
      case 31: return set({1, 1, 1}, 6, 0, 1, {-10, 1, -10}, {10, 10, 1});
      case 32: return set({0.1, 0.7, 0.2}, 1, 1, 1, {0});
      case 33: return set({0, 0, 3}, root2 - 6, 0, 2, {0}, {oo, oo, 5});
      case 34: return set({0, 1.05, 2.9}, -log(log(10.0)), 0, 2, {0}, {100, 100, 10});
      case 35: return set({0.5, 0.5, 0.5}, 1.0 / 9, 0, 1, {0});
      case 36: return set({10, 10, 10}, -3300, 0, 1, {0}, {20, 11, 42});
      case 37: return set({10, 10, 10}, -3456, 0, 2, {0}, {42});
      case 38: return set({-3, -1, -3, -1}, 0, 0, 0, {-10}, {10});
      case 39: return set({2, 2, 2, 2}, -1, 2, 0);
      case 40: return set({0.8, 0.8, 0.8, 0.8}, -0.25, 3, 0);
      case 41: return set({2, 2, 2, 2}, 52.0 / 27, 1, 0, {0}, {1, 1, 1, 2});
      case 42: return set({1, 1, 1, 1}, 28 - 10 * root2, 2, 0);
      case 43: return set({0, 0, 0, 0}, -44, 0, 3);
      case 44: return set({0, 0, 0, 0}, -15, 0, 6, {0});
      case 45: return set({2, 2, 2, 2, 2}, 1, 0, 0, {0}, {1, 2, 3, 4, 5});
      case 46: return set({root2 / 2, 1.75, 0.5, 2, 2}, 0, 2, 0);
      case 47: return set({2, root2, -1, 2 - root2, 0.5}, 0, 3, 0);
      case 48: return set({3, 5, -3, 2, -2}, 0, 2, 0);
      case 49: return set({10, 7, 2, -3, 0.8}, 0, 2, 0);
      case 50: return set({35, -31, 11, 5, -5}, 0, 3, 0);
      case 51: return set({2.5, 0.5, 2, -1, 0.5}, 0, 3, 0);
      case 52: return set({2, 2, 2, 2, 2}, 1859.0 / 349, 3, 0);
      case 53: return set({2, 2, 2, 2, 2}, 176.0 / 43, 3, 0, {-10}, {10});
      case 55: return set({1, 2, 0, 0, 0, 2}, 19.0 / 3, 6, 0, {0}, {1, oo, oo, 1, oo, oo});
      case 56: {
        const double a = asin(sqrt(1 / 4.2)), b = asin(sqrt(5 / 7.2));
        return set({1, 1, 1, a, a, a, b}, -3.456, 4, 0);
      }
      case 57: return set({0.42, 5}, 0.02845966972, 0, 1, {0.4, -4});
      case 60: return set({2, 2, 2}, 0.03256820025, 1, 0, {-10}, {10});
      case 61: return set({0, 0, 0}, -143.6461422, 2, 0);
      case 62: return set({0.7, 0.2, 0.1}, -26272.51448, 1, 0, {0}, {1});
      case 63: return set({2, 2, 2}, 961.7151721, 2, 0, {0});
      case 64: return set({1, 1, 1}, 6299.842428, 0, 1, {1e-5});
      case 65: return set({-5, 5, 0}, 0.9535288567, 0, 1, {-4.5, -4.5, -5}, {4.5, 4.5, 5});
      case 66: return set({0, 1.05, 2.9}, 0.5181632741, 0, 2, {0}, {100, 100, 10});
      case 71: return set({1, 5, 5, 1}, 17.0140173, 1, 1, {1}, {5});
      case 72: return set({1, 1, 1, 1}, 727.67937, 0, 2, {0.001}, {4e5, 3e5, 2e5, 1e5});
      case 73: return set({1, 1, 1, 1}, 29.89437816, 1, 2, {0});
      case 74: return set({0, 0, 0, 0}, 5126.4981, 3, 2, {0, 0, -0.55, -0.55}, {1200, 1200, 0.55, 0.55});
      case 75: return set({0, 0, 0, 0}, 5174.4129, 3, 2, {0, 0, -0.48, -0.48}, {1200, 1200, 0.48, 0.48});
      case 76: return set({0.5, 0.5, 0.5, 0.5}, -4.681818181, 0, 3, {0});
      case 77: return set({2, 2, 2, 2, 2}, 0.2415051288, 2, 0);
      case 78: return set({-2, 1.5, 2, -1, -1}, -2.91970041, 3, 0);
      case 79: return set({2, 2, 2, 2, 2}, 0.0787768209, 3, 0);
      case 80:
        return set({-2, 2, 2, -1, -1}, 0.0539498478, 3, 0, {-2.3, -2.3, -3.2, -3.2, -3.2}, {2.3, 2.3, 3.2, 3.2, 3.2});
      case 81:
        return set({-2, 2, 2, -1, -1}, 0.0539498478, 3, 0, {-2.3, -2.3, -3.2, -3.2, -3.2}, {2.3, 2.3, 3.2, 3.2, 3.2});
      case 83: return set({78, 33, 27, 27, 27}, -30665.53867, 0, 6, {78, 33, 27, 27, 27}, {102, 45, 45, 45, 45});
      case 86: return set({0, 0, 0, 0, 1}, -32.34867897, 0, 10, {0});
      case 93: return set({5.54, 4.4, 12.02, 11.82, 0.702, 0.852}, 135.075961, 0, 2, {0});
      case 100: return set({1, 2, 0, 4, 0, 1, 1}, 680.6300573, 0, 4);
      case 104: return set({6, 3, 0.4, 0.2, 6, 6, 1, 0.5}, 3.9511634396, 0, 6, {0.1}, {10});
      case 106:
        return set({5000, 5000, 5000, 200, 350, 150, 225, 425}, 7049.24802053, 0, 6,
                   {100, 1000, 1000, 10, 10, 10, 10, 10}, {10000, 10000, 10000, 1000, 1000, 1000, 1000, 1000});
      case 110: return set({9, 9, 9, 9, 9, 9, 9, 9, 9, 9}, -45.77846971, 0, 0, {2.001}, {9.999});
      case 111:
        return set({-2.3, -2.3, -2.3, -2.3, -2.3, -2.3, -2.3, -2.3, -2.3, -2.3}, -47.76109026, 3, 0, {-100}, {100});
      case 112: return set({0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1}, -47.76109086, 3, 0, {1e-6});
      case 113: return set({2, 3, 5, 5, 1, 2, 7, 3, 6, 10}, 24.3062091, 0, 8);
      case 117:
        return set({1e-3, 1e-3, 1e-3, 1e-3, 1e-3, 1e-3, 60, 1e-3, 1e-3, 1e-3, 1e-3, 1e-3, 1e-3, 1e-3, 1e-3},
                   32.34867897, 0, 5, {0});
      default:
        throw std::invalid_argument("HockSchittkowski: number: is " + std::to_string(number_) +
                                    "; it must be one of HockSchittkowski::numbers");
    }
  }

  // Colville's first problem and Shell's dual of it (86 and 117) share these.
  static constexpr double e[5] = {-15, -27, -36, -18, -12};
  static constexpr double cubic[5] = {4, 8, 10, 6, 2};
  static constexpr double quadratic_part[5][5] = {{30, -20, -10, 32, -10},
                                                  {-20, 39, -6, -31, 32},
                                                  {-10, -6, 10, -6, -10},
                                                  {32, -31, -6, 39, -20},
                                                  {-10, 32, -10, -20, 30}};
  static constexpr double rows[10][5] = {
      {-16, 2, 0, 1, 0}, {0, -2, 0, 4, 2},     {-3.5, 0, 2, 0, 0},   {0, -2, 0, -4, -1}, {0, -9, -2, 1, -2.8},
      {2, 0, -4, 0, 0},  {-1, -1, -1, -1, -1}, {-1, -2, -3, -2, -1}, {1, 2, 3, 4, 5},    {1, 1, 1, 1, 1}};
  static constexpr double sides[10] = {-40, -2, -0.25, -4, -4, -1, -40, -60, 5, 1};
  // The free energies of the chemical equilibrium (111 and 112).
  static constexpr double energies[10] = {-6.089,  -17.164, -34.054, -5.914,  -24.721,
                                          -14.986, -24.1,   -10.708, -26.662, -22.179};
  // The measurements of 57.
  static constexpr double chlorine[44] = {.49, .49, .48, .47, .48, .47, .46, .46, .45, .43, .45, .43, .43, .44, .43,
                                          .43, .46, .45, .42, .42, .43, .41, .41, .40, .42, .40, .40, .41, .40, .41,
                                          .41, .40, .40, .40, .38, .41, .40, .40, .41, .38, .40, .40, .39, .39};
  static constexpr double weeks[44] = {8,  8,  10, 10, 10, 10, 12, 12, 12, 12, 14, 14, 14, 16, 16,
                                       16, 18, 18, 20, 20, 20, 22, 22, 22, 24, 24, 24, 26, 26, 26,
                                       28, 28, 30, 30, 30, 32, 32, 34, 36, 36, 38, 38, 40, 42};

  template <class T>
  static T square(const T& t) {
    return t * t;
  }
  template <class T>
  static T cube(const T& t) {
    return t * t * t;
  }

  /// f and the constraints as in the book: equalities first, then inequalities >= 0. x₁ of the book is x[0].
  template <class T>
  void evaluate(const T* x, T& f, T* c) const {
    using std::exp, std::log, std::sin, std::cos, std::sqrt, std::pow;
    const double root2 = sqrt(2.0), root3 = sqrt(3.0);
    const auto valley = [&] { return 100 * square(x[1] - square(x[0])) + square(1 - x[0]); };
    switch (number_) {
      case 1:
      case 2: f = valley(); return;
      case 3: f = x[1] + 1e-5 * square(x[1] - x[0]); return;
      case 4: f = cube(x[0] + 1) / 3 + x[1]; return;
      case 5: f = sin(x[0] + x[1]) + square(x[0] - x[1]) - 1.5 * x[0] + 2.5 * x[1] + 1; return;
      case 6:
        f = square(1 - x[0]);
        c[0] = 10 * (x[1] - square(x[0]));
        return;
      case 7:
        f = log(1 + square(x[0])) - x[1];
        c[0] = square(1 + square(x[0])) + square(x[1]) - 4;
        return;
      case 8:
        f = T(-1);
        c[0] = square(x[0]) + square(x[1]) - 25;
        c[1] = x[0] * x[1] - 9;
        return;
      case 9:
        f = sin(std::numbers::pi / 12 * x[0]) * cos(std::numbers::pi / 16 * x[1]);
        c[0] = 4 * x[0] - 3 * x[1];
        return;
      case 10:
        f = x[0] - x[1];
        c[0] = -3 * square(x[0]) + 2 * x[0] * x[1] - square(x[1]) + 1;
        return;
      case 11:
        f = square(x[0] - 5) + square(x[1]) - 25;
        c[0] = x[1] - square(x[0]);
        return;
      case 12:
        f = 0.5 * square(x[0]) + square(x[1]) - x[0] * x[1] - 7 * x[0] - 7 * x[1];
        c[0] = 25 - 4 * square(x[0]) - square(x[1]);
        return;
      case 13:
        f = square(x[0] - 2) + square(x[1]);
        c[0] = cube(1 - x[0]) - x[1];
        return;
      case 14:
        f = square(x[0] - 2) + square(x[1] - 1);
        c[0] = x[0] - 2 * x[1] + 1;
        c[1] = 1 - 0.25 * square(x[0]) - square(x[1]);
        return;
      case 15:
        f = valley();
        c[0] = x[0] * x[1] - 1;
        c[1] = x[0] + square(x[1]);
        return;
      case 16:
        f = valley();
        c[0] = x[0] + square(x[1]);
        c[1] = square(x[0]) + x[1];
        return;
      case 17:
        f = valley();
        c[0] = square(x[1]) - x[0];
        c[1] = square(x[0]) - x[1];
        return;
      case 18:
        f = 0.01 * square(x[0]) + square(x[1]);
        c[0] = x[0] * x[1] - 25;
        c[1] = square(x[0]) + square(x[1]) - 25;
        return;
      case 19:
        f = cube(x[0] - 10) + cube(x[1] - 20);
        c[0] = square(x[0] - 5) + square(x[1] - 5) - 100;
        c[1] = 82.81 - square(x[1] - 5) - square(x[0] - 6);
        return;
      case 20:
        f = valley();
        c[0] = x[0] + square(x[1]);
        c[1] = square(x[0]) + x[1];
        c[2] = square(x[0]) + square(x[1]) - 1;
        return;
      case 21:
        f = 0.01 * square(x[0]) + square(x[1]) - 100;
        c[0] = 10 * x[0] - x[1] - 10;
        return;
      case 22:
        f = square(x[0] - 2) + square(x[1] - 1);
        c[0] = 2 - x[0] - x[1];
        c[1] = x[1] - square(x[0]);
        return;
      case 23:
        f = square(x[0]) + square(x[1]);
        c[0] = x[0] + x[1] - 1;
        c[1] = square(x[0]) + square(x[1]) - 1;
        c[2] = 9 * square(x[0]) + square(x[1]) - 9;
        c[3] = square(x[0]) - x[1];
        c[4] = square(x[1]) - x[0];
        return;
      case 24:
        f = (square(x[0] - 3) - 9) * cube(x[1]) / (27 * root3);
        c[0] = x[0] / root3 - x[1];
        c[1] = x[0] + root3 * x[1];
        c[2] = 6 - x[0] - root3 * x[1];
        return;
      case 25:
        f = T(0);
        for (int i = 1; i < 100; ++i) {
          const double u = 25 + std::pow(-50 * std::log(0.01 * i), 2.0 / 3);
          f += square(exp(-pow(u - x[1], x[2]) / x[0]) - 0.01 * i);
        }
        return;
      case 26:
        f = square(x[0] - x[1]) + square(square(x[1] - x[2]));
        c[0] = (1 + square(x[1])) * x[0] + square(square(x[2])) - 3;
        return;
      case 27:
        f = 0.01 * square(x[0] - 1) + square(x[1] - square(x[0]));
        c[0] = x[0] + square(x[2]) + 1;
        return;
      case 28:
        f = square(x[0] + x[1]) + square(x[1] + x[2]);
        c[0] = x[0] + 2 * x[1] + 3 * x[2] - 1;
        return;
      case 29:
        f = -x[0] * x[1] * x[2];
        c[0] = 48 - square(x[0]) - 2 * square(x[1]) - 4 * square(x[2]);
        return;
      case 30:
        f = square(x[0]) + square(x[1]) + square(x[2]);
        c[0] = square(x[0]) + square(x[1]) - 1;
        return;
      case 31:
        f = 9 * square(x[0]) + square(x[1]) + 9 * square(x[2]);
        c[0] = x[0] * x[1] - 1;
        return;
      case 32:
        f = square(x[0] + 3 * x[1] + x[2]) + 4 * square(x[0] - x[1]);
        c[0] = 1 - x[0] - x[1] - x[2];
        c[1] = 6 * x[1] + 4 * x[2] - cube(x[0]) - 3;
        return;
      case 33:
        f = (x[0] - 1) * (x[0] - 2) * (x[0] - 3) + x[2];
        c[0] = square(x[2]) - square(x[1]) - square(x[0]);
        c[1] = square(x[0]) + square(x[1]) + square(x[2]) - 4;
        return;
      case 34:
        f = -x[0];
        c[0] = x[1] - exp(x[0]);
        c[1] = x[2] - exp(x[1]);
        return;
      case 35:
        f = 9 - 8 * x[0] - 6 * x[1] - 4 * x[2] + 2 * square(x[0]) + 2 * square(x[1]) + square(x[2]) + 2 * x[0] * x[1] +
            2 * x[0] * x[2];
        c[0] = 3 - x[0] - x[1] - 2 * x[2];
        return;
      case 36:
        f = -x[0] * x[1] * x[2];
        c[0] = 72 - x[0] - 2 * x[1] - 2 * x[2];
        return;
      case 37:
        f = -x[0] * x[1] * x[2];
        c[0] = 72 - x[0] - 2 * x[1] - 2 * x[2];
        c[1] = x[0] + 2 * x[1] + 2 * x[2];
        return;
      case 38:
        f = valley() + 90 * square(x[3] - square(x[2])) + square(1 - x[2]) +
            10.1 * (square(x[1] - 1) + square(x[3] - 1)) + 19.8 * (x[1] - 1) * (x[3] - 1);
        return;
      case 39:
        f = -x[0];
        c[0] = x[1] - cube(x[0]) - square(x[2]);
        c[1] = square(x[0]) - x[1] - square(x[3]);
        return;
      case 40:
        f = -x[0] * x[1] * x[2] * x[3];
        c[0] = cube(x[0]) + square(x[1]) - 1;
        c[1] = square(x[0]) * x[3] - x[2];
        c[2] = square(x[3]) - x[1];
        return;
      case 41:
        f = 2 - x[0] * x[1] * x[2];
        c[0] = x[0] + 2 * x[1] + 2 * x[2] - x[3];
        return;
      case 42:
        f = square(x[0] - 1) + square(x[1] - 2) + square(x[2] - 3) + square(x[3] - 4);
        c[0] = x[0] - 2;
        c[1] = square(x[2]) + square(x[3]) - 2;
        return;
      case 43:
        f = square(x[0]) + square(x[1]) + 2 * square(x[2]) + square(x[3]) - 5 * x[0] - 5 * x[1] - 21 * x[2] + 7 * x[3];
        c[0] = 8 - square(x[0]) - square(x[1]) - square(x[2]) - square(x[3]) - x[0] + x[1] - x[2] + x[3];
        c[1] = 10 - square(x[0]) - 2 * square(x[1]) - square(x[2]) - 2 * square(x[3]) + x[0] + x[3];
        c[2] = 5 - 2 * square(x[0]) - square(x[1]) - square(x[2]) - 2 * x[0] + x[1] + x[3];
        return;
      case 44:
        f = x[0] - x[1] - x[2] - x[0] * x[2] + x[0] * x[3] + x[1] * x[2] - x[1] * x[3];
        c[0] = 8 - x[0] - 2 * x[1];
        c[1] = 12 - 4 * x[0] - x[1];
        c[2] = 12 - 3 * x[0] - 4 * x[1];
        c[3] = 8 - 2 * x[2] - x[3];
        c[4] = 8 - x[2] - 2 * x[3];
        c[5] = 5 - x[2] - x[3];
        return;
      case 45: f = 2 - x[0] * x[1] * x[2] * x[3] * x[4] / 120; return;
      case 46:
        f = square(x[0] - x[1]) + square(x[2] - 1) + square(square(x[3] - 1)) + square(cube(x[4] - 1));
        c[0] = square(x[0]) * x[3] + sin(x[3] - x[4]) - 1;
        c[1] = x[1] + square(square(x[2])) * square(x[3]) - 2;
        return;
      case 47:
        f = square(x[0] - x[1]) + cube(x[1] - x[2]) + square(square(x[2] - x[3])) + square(square(x[3] - x[4]));
        c[0] = x[0] + square(x[1]) + cube(x[2]) - 3;
        c[1] = x[1] - square(x[2]) + x[3] - 1;
        c[2] = x[0] * x[4] - 1;
        return;
      case 48:
        f = square(x[0] - 1) + square(x[1] - x[2]) + square(x[3] - x[4]);
        c[0] = x[0] + x[1] + x[2] + x[3] + x[4] - 5;
        c[1] = x[2] - 2 * (x[3] + x[4]) + 3;
        return;
      case 49:
        f = square(x[0] - x[1]) + square(x[2] - 1) + square(square(x[3] - 1)) + square(cube(x[4] - 1));
        c[0] = x[0] + x[1] + x[2] + 4 * x[3] - 7;
        c[1] = x[2] + 5 * x[4] - 6;
        return;
      case 50:
        f = square(x[0] - x[1]) + square(x[1] - x[2]) + square(square(x[2] - x[3])) + square(x[3] - x[4]);
        c[0] = x[0] + 2 * x[1] + 3 * x[2] - 6;
        c[1] = x[1] + 2 * x[2] + 3 * x[3] - 6;
        c[2] = x[2] + 2 * x[3] + 3 * x[4] - 6;
        return;
      case 51:
      case 52:
      case 53:
        f = square(number_ == 52 ? 4 * x[0] - x[1] : x[0] - x[1]) + square(x[1] + x[2] - 2) + square(x[3] - 1) +
            square(x[4] - 1);
        c[0] = x[0] + 3 * x[1] - (number_ == 51 ? 4 : 0);
        c[1] = x[2] + x[3] - 2 * x[4];
        c[2] = x[1] - x[4];
        return;
      case 55:
        f = x[0] + 2 * x[1] + 4 * x[4] + exp(x[0] * x[3]);
        c[0] = x[0] + 2 * x[1] + 5 * x[4] - 6;
        c[1] = x[0] + x[1] + x[2] - 3;
        c[2] = x[3] + x[4] + x[5] - 2;
        c[3] = x[0] + x[3] - 1;
        c[4] = x[1] + x[4] - 2;
        c[5] = x[2] + x[5] - 2;
        return;
      case 56:
        f = -x[0] * x[1] * x[2];
        c[0] = x[0] - 4.2 * square(sin(x[3]));
        c[1] = x[1] - 4.2 * square(sin(x[4]));
        c[2] = x[2] - 4.2 * square(sin(x[5]));
        c[3] = x[0] + 2 * x[1] + 2 * x[2] - 7.2 * square(sin(x[6]));
        return;
      case 57:
        f = T(0);
        for (int i = 0; i < 44; ++i) f += square(chlorine[i] - x[0] - (0.49 - x[0]) * exp(-x[1] * (weeks[i] - 8)));
        c[0] = 0.49 * x[1] - x[0] * x[1] - 0.09;
        return;
      case 60:
        f = square(x[0] - 1) + square(x[0] - x[1]) + square(square(x[1] - x[2]));
        c[0] = x[0] * (1 + square(x[1])) + square(square(x[2])) - 4 - 3 * root2;
        return;
      case 61:
        f = 4 * square(x[0]) + 2 * square(x[1]) + 2 * square(x[2]) - 33 * x[0] + 16 * x[1] - 24 * x[2];
        c[0] = 3 * x[0] - 2 * square(x[1]) - 7;
        c[1] = 4 * x[0] - square(x[2]) - 11;
        return;
      case 62:
        f = -32.174 * (255 * log((x[0] + x[1] + x[2] + 0.03) / (0.09 * x[0] + x[1] + x[2] + 0.03)) +
                       280 * log((x[1] + x[2] + 0.03) / (0.07 * x[1] + x[2] + 0.03)) +
                       290 * log((x[2] + 0.03) / (0.13 * x[2] + 0.03)));
        c[0] = x[0] + x[1] + x[2] - 1;
        return;
      case 63:
        f = 1000 - square(x[0]) - 2 * square(x[1]) - square(x[2]) - x[0] * x[1] - x[0] * x[2];
        c[0] = 8 * x[0] + 14 * x[1] + 7 * x[2] - 56;
        c[1] = square(x[0]) + square(x[1]) + square(x[2]) - 25;
        return;
      case 64:
        f = 5 * x[0] + 50000 / x[0] + 20 * x[1] + 72000 / x[1] + 10 * x[2] + 144000 / x[2];
        c[0] = 1 - 4 / x[0] - 32 / x[1] - 120 / x[2];
        return;
      case 65:
        f = square(x[0] - x[1]) + square(x[0] + x[1] - 10) / 9 + square(x[2] - 5);
        c[0] = 48 - square(x[0]) - square(x[1]) - square(x[2]);
        return;
      case 66:
        f = 0.2 * x[2] - 0.8 * x[0];
        c[0] = x[1] - exp(x[0]);
        c[1] = x[2] - exp(x[1]);
        return;
      case 71:
        f = x[0] * x[3] * (x[0] + x[1] + x[2]) + x[2];
        c[0] = square(x[0]) + square(x[1]) + square(x[2]) + square(x[3]) - 40;
        c[1] = x[0] * x[1] * x[2] * x[3] - 25;
        return;
      case 72:
        f = 1 + x[0] + x[1] + x[2] + x[3];
        c[0] = 0.0401 - 4 / x[0] - 2.25 / x[1] - 1 / x[2] - 0.25 / x[3];
        c[1] = 0.010085 - 0.16 / x[0] - 0.36 / x[1] - 0.64 / x[2] - 0.64 / x[3];
        return;
      case 73:
        f = 24.55 * x[0] + 26.75 * x[1] + 39 * x[2] + 40.5 * x[3];
        c[0] = x[0] + x[1] + x[2] + x[3] - 1;
        c[1] = 2.3 * x[0] + 5.6 * x[1] + 11.1 * x[2] + 1.3 * x[3] - 5;
        c[2] = 12 * x[0] + 11.9 * x[1] + 41.8 * x[2] + 52.1 * x[3] - 21 -
               1.645 * sqrt(0.28 * square(x[0]) + 0.19 * square(x[1]) + 20.5 * square(x[2]) + 0.62 * square(x[3]));
        return;
      case 74:
      case 75: {
        const double a = number_ == 74 ? 0.55 : 0.48;
        f = 3 * x[0] + 1e-6 * cube(x[0]) + 2 * x[1] + 2e-6 / 3 * cube(x[1]);
        c[0] = 1000 * sin(-x[2] - 0.25) + 1000 * sin(-x[3] - 0.25) + 894.8 - x[0];
        c[1] = 1000 * sin(x[2] - 0.25) + 1000 * sin(x[2] - x[3] - 0.25) + 894.8 - x[1];
        c[2] = 1000 * sin(x[3] - 0.25) + 1000 * sin(x[3] - x[2] - 0.25) + 1294.8;
        c[3] = x[3] - x[2] + a;
        c[4] = x[2] - x[3] + a;
        return;
      }
      case 76:
        f = square(x[0]) + 0.5 * square(x[1]) + square(x[2]) + 0.5 * square(x[3]) - x[0] * x[2] + x[2] * x[3] - x[0] -
            3 * x[1] + x[2] - x[3];
        c[0] = 5 - x[0] - 2 * x[1] - x[2] - x[3];
        c[1] = 4 - 3 * x[0] - x[1] - 2 * x[2] + x[3];
        c[2] = x[1] + 4 * x[2] - 1.5;
        return;
      case 77:
        f = square(x[0] - 1) + square(x[0] - x[1]) + square(x[2] - 1) + square(square(x[3] - 1)) +
            square(cube(x[4] - 1));
        c[0] = square(x[0]) * x[3] + sin(x[3] - x[4]) - 2 * root2;
        c[1] = x[1] + square(square(x[2])) * square(x[3]) - 8 - root2;
        return;
      case 79:
        f = square(x[0] - 1) + square(x[0] - x[1]) + square(x[1] - x[2]) + square(square(x[2] - x[3])) +
            square(square(x[3] - x[4]));
        c[0] = x[0] + square(x[1]) + cube(x[2]) - 2 - 3 * root2;
        c[1] = x[1] - square(x[2]) + x[3] + 2 - 2 * root2;
        c[2] = x[0] * x[4] - 2;
        return;
      case 78:
      case 80:
      case 81: {
        const T product = x[0] * x[1] * x[2] * x[3] * x[4];
        c[0] = square(x[0]) + square(x[1]) + square(x[2]) + square(x[3]) + square(x[4]) - 10;
        c[1] = x[1] * x[2] - 5 * x[3] * x[4];
        c[2] = cube(x[0]) + cube(x[1]) + 1;
        f = number_ == 78 ? product : exp(product);
        if (number_ == 81) f -= 0.5 * square(c[2]);
        return;
      }
      case 83: {
        f = 5.3578547 * square(x[2]) + 0.8356891 * x[0] * x[4] + 37.293239 * x[0] - 40792.141;
        const T a = 85.334407 + 0.0056858 * x[1] * x[4] + 0.0006262 * x[0] * x[3] - 0.0022053 * x[2] * x[4];
        const T b = 80.51249 + 0.0071317 * x[1] * x[4] + 0.0029955 * x[0] * x[1] + 0.0021813 * square(x[2]);
        const T d = 9.300961 + 0.0047026 * x[2] * x[4] + 0.0012547 * x[0] * x[2] + 0.0019085 * x[2] * x[3];
        c[0] = a;
        c[1] = 92 - a;
        c[2] = b - 90;
        c[3] = 110 - b;
        c[4] = d - 20;
        c[5] = 25 - d;
        return;
      }
      case 86:
        f = T(0);
        for (int j = 0; j < 5; ++j) {
          f += e[j] * x[j] + cubic[j] * cube(x[j]);
          for (int i = 0; i < 5; ++i) f += quadratic_part[i][j] * x[i] * x[j];
        }
        for (int i = 0; i < 10; ++i) {
          c[i] = T(-sides[i]);
          for (int j = 0; j < 5; ++j) c[i] += rows[i][j] * x[j];
        }
        return;
      case 93: {
        const T a = x[0] * x[3] * (x[0] + x[1] + x[2]), b = x[1] * x[2] * (x[0] + 1.57 * x[1] + x[3]);
        f = 0.0204 * a + 0.0187 * b + 0.0607 * a * square(x[4]) + 0.0437 * b * square(x[5]);
        c[0] = 0.001 * x[0] * x[1] * x[2] * x[3] * x[4] * x[5] - 2.07;
        c[1] = 1 - 0.00062 * a * square(x[4]) - 0.00058 * b * square(x[5]);
        return;
      }
      case 100:
        f = square(x[0] - 10) + 5 * square(x[1] - 12) + square(square(x[2])) + 3 * square(x[3] - 11) +
            10 * square(cube(x[4])) + 7 * square(x[5]) + square(square(x[6])) - 4 * x[5] * x[6] - 10 * x[5] - 8 * x[6];
        c[0] = 127 - 2 * square(x[0]) - 3 * square(square(x[1])) - x[2] - 4 * square(x[3]) - 5 * x[4];
        c[1] = 282 - 7 * x[0] - 3 * x[1] - 10 * square(x[2]) - x[3] + x[4];
        c[2] = 196 - 23 * x[0] - square(x[1]) - 6 * square(x[5]) + 8 * x[6];
        c[3] = -4 * square(x[0]) - square(x[1]) + 3 * x[0] * x[1] - 2 * square(x[2]) - 5 * x[5] + 11 * x[6];
        return;
      case 104:
        f = 0.4 * pow(x[0], 0.67) * pow(x[6], -0.67) + 0.4 * pow(x[1], 0.67) * pow(x[7], -0.67) + 10 - x[0] - x[1];
        c[0] = 1 - 0.0588 * x[4] * x[6] - 0.1 * x[0];
        c[1] = 1 - 0.0588 * x[5] * x[7] - 0.1 * x[0] - 0.1 * x[1];
        c[2] = 1 - 4 * x[2] / x[4] - 2 * pow(x[2], -0.71) / x[4] - 0.0588 * pow(x[2], -1.3) * x[6];
        c[3] = 1 - 4 * x[3] / x[5] - 2 * pow(x[3], -0.71) / x[5] - 0.0588 * pow(x[3], -1.3) * x[7];
        c[4] = f - 1;
        c[5] = 4.2 - f;
        return;
      case 106:
        f = x[0] + x[1] + x[2];
        c[0] = 1 - 0.0025 * (x[3] + x[5]);
        c[1] = 1 - 0.0025 * (x[4] + x[6] - x[3]);
        c[2] = 1 - 0.01 * (x[7] - x[4]);
        c[3] = x[0] * x[5] - 833.33252 * x[3] - 100 * x[0] + 83333.333;
        c[4] = x[1] * x[6] - 1250 * x[4] - x[1] * x[3] + 1250 * x[3];
        c[5] = x[2] * x[7] - 1250000 - x[2] * x[4] + 2500 * x[4];
        return;
      case 110: {
        T product = T(1);
        f = T(0);
        for (int i = 0; i < 10; ++i) {
          f += square(log(x[i] - 2)) + square(log(10 - x[i]));
          product *= x[i];
        }
        f -= pow(product, 0.2);
        return;
      }
      case 111:
      case 112: {
        std::array<T, 10> amount;
        T total = T(0);
        for (std::size_t j = 0; j < 10; ++j) {
          amount[j] = number_ == 111 ? exp(x[j]) : x[j];
          total += amount[j];
        }
        f = T(0);
        for (std::size_t j = 0; j < 10; ++j)
          f += amount[j] * (energies[j] + (number_ == 111 ? x[j] - log(total) : log(x[j] / total)));
        c[0] = amount[0] + 2 * amount[1] + 2 * amount[2] + amount[5] + amount[9] - 2;
        c[1] = amount[3] + 2 * amount[4] + amount[5] + amount[6] - 1;
        c[2] = amount[2] + amount[6] + amount[7] + 2 * amount[8] + amount[9] - 1;
        return;
      }
      case 113:
        f = square(x[0]) + square(x[1]) + x[0] * x[1] - 14 * x[0] - 16 * x[1] + square(x[2] - 10) +
            4 * square(x[3] - 5) + square(x[4] - 3) + 2 * square(x[5] - 1) + 5 * square(x[6]) + 7 * square(x[7] - 11) +
            2 * square(x[8] - 10) + square(x[9] - 7) + 45;
        c[0] = 105 - 4 * x[0] - 5 * x[1] + 3 * x[6] - 9 * x[7];
        c[1] = -10 * x[0] + 8 * x[1] + 17 * x[6] - 2 * x[7];
        c[2] = 8 * x[0] - 2 * x[1] - 5 * x[8] + 2 * x[9] + 12;
        c[3] = -3 * square(x[0] - 2) - 4 * square(x[1] - 3) - 2 * square(x[2]) + 7 * x[3] + 120;
        c[4] = -5 * square(x[0]) - 8 * x[1] - square(x[2] - 6) + 2 * x[3] + 40;
        c[5] = -0.5 * square(x[0] - 8) - 2 * square(x[1] - 4) - 3 * square(x[4]) + x[5] + 30;
        c[6] = -square(x[0]) - 2 * square(x[1] - 2) + 2 * x[0] * x[1] - 14 * x[4] + 6 * x[5];
        c[7] = 3 * x[0] - 6 * x[1] - 12 * square(x[8] - 8) + 7 * x[9];
        return;
      case 117:
        f = T(0);
        for (int i = 0; i < 10; ++i) f -= sides[i] * x[i];
        for (int j = 0; j < 5; ++j) {
          f += 2 * cubic[j] * cube(x[10 + j]);
          c[j] = 3 * cubic[j] * square(x[10 + j]) + e[j];
          for (int k = 0; k < 5; ++k) {
            f += quadratic_part[k][j] * x[10 + k] * x[10 + j];
            c[j] += 2 * quadratic_part[k][j] * x[10 + k];
          }
          for (int k = 0; k < 10; ++k) c[j] -= rows[k][j] * x[k];
        }
        return;
      default: return;
    }
  }
};

}  // namespace mesaopt::problems
