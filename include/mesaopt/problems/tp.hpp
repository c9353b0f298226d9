#pragma once

#include <array>
#include <cmath>
#include <initializer_list>
#include <numbers>
#include <stdexcept>
#include <string>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>
#include <mesaopt/objective/box.hpp>
#include <mesaopt/problems/bilevel_levels.hpp>

namespace mesaopt::problems {

/// The bilevel problems TP1 to TP10, of 1 to 10 variables a level: small ones with linear, quadratic and fractional
/// levels and constraints on both.
///
///     const Tp problem(3);
///     auto F = nested(problem.outer(), response(family(problem.constrained_inner()), Sqp{}, y0), Implicit{});
///
/// All constraints are G <= 0 and g <= 0. The optima are checked numerically; that of TP4 is not the point named in the
/// source's comment, which is worse. TP2 and TP8 have two optima. TP9 and TP10 are any size in the source, and 5 and 10
/// here.
///
/// Sinha, Malo & Deb (2013), "Efficient evolutionary algorithm for single-objective bilevel optimization",
/// arXiv:1303.3901, and the authors' programs (BLEAQ-II), where the origins are named.
class Tp : public BilevelProblem<Tp> {
 public:
  using Vector = Eigen::VectorXd;
  using Index = Eigen::Index;

  /// The problems that are here.
  static constexpr std::array numbers{1, 2, 3, 4, 5, 6, 7, 8, 9, 10};

  /// Throws std::invalid_argument unless 1 <= number <= 10.
  explicit Tp(int number) : number_(number) {
    if (number < 1 || number > 10)
      throw std::invalid_argument("Tp: there are problems 1 to 10, but the number is " + std::to_string(number));
    describe();
  }

  [[nodiscard]] int number() const { return number_; }
  [[nodiscard]] std::string name() const { return "TP" + std::to_string(number_); }
  [[nodiscard]] Index outer_size() const { return x_.size(); }
  [[nodiscard]] Index inner_size() const { return y_.size(); }
  /// The bounds of x, and of y.
  [[nodiscard]] const Box<Vector>& outer_box() const { return outer_box_; }
  [[nodiscard]] const Box<Vector>& inner_box() const { return inner_box_; }
  /// The optimum, and the values of both levels there.
  [[nodiscard]] const Vector& outer_solution() const { return x_; }
  [[nodiscard]] const Vector& inner_solution() const { return y_; }
  [[nodiscard]] double outer_minimum() const { return outer_value(x_, y_); }
  [[nodiscard]] double inner_minimum() const { return inner_value(x_, y_); }

  /// F(x, y).
  template <class X, class Y>
  ScalarOf<Y> outer_value(const X& x, const Y& y) const {
    using S = ScalarOf<Y>;
    using std::abs;
    switch (number_) {
      case 1: return square(x[0] - 30.0) + square(x[1] - 20.0) - 20.0 * y[0] + 20.0 * y[1];
      case 2: return 2.0 * x[0] + 2.0 * x[1] - 3.0 * y[0] - 3.0 * y[1] - 60.0;
      case 3: return -x[0] * x[0] - 3.0 * x[1] * x[1] - 4.0 * y[0] + y[1] * y[1];
      case 4: return -8.0 * x[0] - 4.0 * x[1] + 4.0 * y[0] - 40.0 * y[1] - 4.0 * y[2];
      case 5:
        return 0.1 * (square(x[0]) + square(x[1])) - 3.0 * y[0] - 4.0 * y[1] + 0.5 * (square(y[0]) + square(y[1]));
      case 6: return square(x[0] - 1.0) + 2.0 * y[0] - 2.0 * x[0];
      case 7: return -(x[0] + y[0]) * (x[1] + y[1]) / (1.0 + x[0] * y[0] + x[1] * y[1]);
      case 8: return abs(S(2.0 * x[0] + 2.0 * x[1] - 3.0 * y[0] - 3.0 * y[1] - 60.0));
      default: {
        S sum(0);
        for (Index i = 0; i < x.size(); ++i) sum += abs(S(x[i] - 1.0)) + abs(S(y[i]));
        return sum;
      }
    }
  }

  /// f(x, y).
  template <class X, class Y>
  ScalarOf<Y> inner_value(const X& x, const Y& y) const {
    using S = ScalarOf<Y>;
    using std::cos, std::exp;
    switch (number_) {
      case 1: return square(x[0] - y[0]) + square(x[1] - y[1]);
      case 2:
      case 8: return square(y[0] - x[0] + 20.0) + square(y[1] - x[1] + 20.0);
      case 3: return 2.0 * x[0] * x[0] + y[0] * y[0] - 5.0 * y[1];
      case 4: return x[0] + 2.0 * x[1] + y[0] + y[1] + 2.0 * y[2];
      case 5:
        return 0.5 * (y[0] * y[0] + 6.0 * y[0] * y[1] + 10.0 * y[1] * y[1]) + (2.0 * x[1] - x[0]) * y[0] +
               3.0 * (x[0] - x[1]) * y[1];
      case 6: return square(2.0 * y[0] - 4.0) + square(2.0 * y[1] - 1.0) + x[0] * y[0];
      case 7: return (x[0] + y[0]) * (x[1] + y[1]) / (1.0 + x[0] * y[0] + x[1] * y[1]);
      default: {  // Griewank's function of y, or of the products of x and y
        S sum(0), product(1), weight(0);
        for (Index i = 0; i < y.size(); ++i) {
          const S z = number_ == 9 ? S(y[i]) : S(x[i] * y[i]);
          sum += z * z;
          product *= cos(z / std::sqrt(double(i + 1)));
          weight += x[i] * x[i];
        }
        const S griewank = 1.0 + sum / 4000.0 - product;
        return number_ == 9 ? S(exp(griewank * weight)) : S(exp(griewank));
      }
    }
  }

  /// How many constraints each level has.
  [[nodiscard]] Index outer_inequalities() const {
    constexpr std::array<Index, 10> count{2, 1, 1, 0, 0, 0, 2, 1, 0, 0};
    return count[std::size_t(number_ - 1)];
  }
  [[nodiscard]] Index inner_inequalities() const {
    constexpr std::array<Index, 10> count{0, 2, 2, 3, 2, 4, 2, 2, 0, 0};
    return count[std::size_t(number_ - 1)];
  }

  /// G(x, y) <= 0.
  template <class X, class Y, class C>
  void outer_constraints(const X& x, const Y& y, C& c) const {
    switch (number_) {
      case 1:
        c[0] = 30.0 - x[0] - 2.0 * x[1];
        c[1] = x[0] + x[1] - 25.0;
        return;
      case 2:
      case 8: c[0] = x[0] + x[1] + y[0] - 2.0 * y[1] - 40.0; return;
      case 3: c[0] = x[0] * x[0] + 2.0 * x[1] - 4.0; return;
      case 7:
        c[0] = x[0] * x[0] + x[1] * x[1] - 100.0;
        c[1] = x[0] - x[1];
        return;
      default: return;
    }
  }

  /// g(x, y) <= 0.
  template <class X, class Y, class C>
  void inner_constraints(const X& x, const Y& y, C& c) const {
    switch (number_) {
      case 2:
      case 8:
        c[0] = 10.0 - x[0] + 2.0 * y[0];
        c[1] = 10.0 - x[1] + 2.0 * y[1];
        return;
      case 3:
        c[0] = -3.0 - x[0] * x[0] + 2.0 * x[0] - x[1] * x[1] + 2.0 * y[0] - y[1];
        c[1] = 4.0 - x[1] - 3.0 * y[0] + 4.0 * y[1];
        return;
      case 4:
        c[0] = y[1] + y[2] - y[0] - 1.0;
        c[1] = 2.0 * x[0] - y[0] + 2.0 * y[1] - 0.5 * y[2] - 1.0;
        c[2] = 2.0 * x[1] + 2.0 * y[0] - y[1] - 0.5 * y[2] - 1.0;
        return;
      case 5:
        c[0] = -0.333 * y[0] + y[1] - 2.0;
        c[1] = y[0] - 0.333 * y[1] - 2.0;
        return;
      case 6:
        c[0] = 4.0 * x[0] + 5.0 * y[0] + 4.0 * y[1] - 12.0;
        c[1] = 4.0 * y[1] - 4.0 * x[0] - 5.0 * y[0] + 4.0;
        c[2] = 4.0 * x[0] - 4.0 * y[0] + 5.0 * y[1] - 4.0;
        c[3] = 4.0 * y[0] - 4.0 * x[0] + 5.0 * y[1] - 4.0;
        return;
      case 7:
        c[0] = y[0] - x[0];
        c[1] = y[1] - x[1];
        return;
      default: return;
    }
  }

 private:
  int number_;
  Vector x_, y_;
  Box<Vector> outer_box_, inner_box_;

  template <class T>
  static auto square(const T& t) {
    return t * t;
  }

  using List = std::initializer_list<double>;
  static Vector vector(List list) { return Eigen::Map<const Vector>(list.begin(), Index(list.size())); }

  /// One bound stands for all variables.
  void set(List x, List y, List outer_lower, List outer_upper, List inner_lower, List inner_upper) {
    x_ = vector(x);
    y_ = vector(y);
    const auto bounds = [](List list, Index n) -> Vector {
      return list.size() == 1 ? Vector::Constant(n, *list.begin()) : vector(list);
    };
    outer_box_ = {bounds(outer_lower, x_.size()), bounds(outer_upper, x_.size())};
    inner_box_ = {bounds(inner_lower, y_.size()), bounds(inner_upper, y_.size())};
  }

  void describe() {
    constexpr double pi = std::numbers::pi;
    const double root = std::sqrt(50.0);
    switch (number_) {
      case 1: return set({20, 5}, {10, 5}, {-30}, {30, 15}, {0}, {10});
      case 2:
      case 8: return set({0, 30}, {-10, 10}, {0}, {50}, {-10}, {20});
      case 3: return set({0, 2}, {1.875, 0.90625}, {0}, {10}, {0}, {10});
      case 4: return set({0, 0.9}, {0, 0.6, 0.4}, {0}, {1}, {0}, {1});
      case 5: return set({2, 0}, {2, 0}, {0}, {10}, {0}, {10});
      case 6: return set({17.0 / 9}, {8.0 / 9, 0}, {0}, {2}, {0}, {2});
      case 7: return set({root, root}, {0, root}, {0}, {10}, {0}, {1, 10});
      default: break;
    }
    set({0}, {0}, {-1}, {1}, {-pi}, {pi});
    const Index n = number_ == 9 ? 5 : 10;
    x_.setOnes(n);
    y_.setZero(n);
    outer_box_ = {Vector::Constant(n, -1), Vector::Constant(n, 1)};
    inner_box_ = {Vector::Constant(n, -pi), Vector::Constant(n, pi)};
  }
};

}  // namespace mesaopt::problems
