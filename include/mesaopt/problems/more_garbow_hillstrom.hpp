#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <stdexcept>
#include <string>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>
#include <mesaopt/objective/box.hpp>
#include <mesaopt/problems/more_garbow_hillstrom_residuals.hpp>

namespace mesaopt::problems {

namespace detail {

/// What is known of a problem: half the least sum of squares, at its usual size, without and with bounds.
struct MoreGarbowHillstromEntry {
  const char* name;
  int n, m;
  double minimum, bounded;
};

inline constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

inline constexpr std::array<MoreGarbowHillstromEntry, 35> more_garbow_hillstrom_table{{
    {"Rosenbrock", 2, 2, 0, unknown},
    {"Freudenstein and Roth", 2, 2, 0, unknown},
    {"Powell, badly scaled", 2, 2, 0, 7.562968362198322e-11},
    {"Brown, badly scaled", 2, 3, 0, 391.999999647592},
    {"Beale", 2, 3, 0, 0},
    {"Jennrich and Sampson", 2, 10, 62.18109117780742, unknown},
    {"Helical valley", 3, 3, 0, 0.4952110604807},
    {"Bard", 3, 15, 0.00410743865328949, unknown},
    {"Gaussian", 3, 15, 5.639663848095057e-09, 5.639663848095057e-09},
    {"Meyer", 3, 16, 43.97292758542555, unknown},
    {"Gulf research and development", 3, 99, 0, 2.560842857791585},
    {"Box, three-dimensional", 3, 10, 0, 5.717409013207292e-05},
    {"Powell, singular", 4, 4, 0, unknown},
    {"Wood", 4, 6, 0, 0.7783504002192825},
    {"Kowalik and Osborne", 4, 11, 0.0001537528019246189, unknown},
    {"Brown and Dennis", 4, 20, 42911.10081317817, 44430.23988375024},
    {"Osborne 1", 5, 33, 2.732447348741456e-05, unknown},
    {"Biggs, six exponentials", 6, 13, 0, 0.0002660493295391272},
    {"Osborne 2", 11, 65, 0.02006886814677387, unknown},
    {"Watson", 9, 31, 6.998800690495098e-07, unknown},
    {"Rosenbrock, extended", 10, 10, 0, unknown},
    {"Powell, singular, extended", 12, 12, 0, unknown},
    {"Penalty I", 10, 11, 3.543825733545185e-05, unknown},
    {"Penalty II", 10, 20, 0.000146830268728373, unknown},
    {"Variably dimensioned", 10, 12, 0, unknown},
    {"Trigonometric", 10, 10, 0, unknown},
    {"Brown, almost linear", 10, 10, 0, unknown},
    {"Discrete boundary value", 10, 10, 0, unknown},
    {"Discrete integral equation", 10, 10, 0, unknown},
    {"Broyden, tridiagonal", 10, 10, 0, unknown},
    {"Broyden, banded", 10, 10, 0, unknown},
    {"Linear, full rank", 10, 20, 10. / 2, unknown},
    {"Linear, rank 1", 10, 20, 190. / 41 / 2, unknown},
    {"Linear, rank 1, with zeros", 10, 20, 454. / 74 / 2, unknown},
    {"Chebyquad", 8, 8, 0.001758436862838966, unknown},
}};

}  // namespace detail

/// The 35 problems of Moré, Garbow and Hillstrom as sums of squares: value 1/2 |r(x)|^2, so half of what the authors
/// report, with gradient, residuals and Jacobian, for every scalar.
///
///     for (int i = 1; i <= MoreGarbowHillstrom::count; ++i) {
///       const MoreGarbowHillstrom f(i);
///       auto s = minimize(f, f.start(), LevenbergMarquardt{});
///     }
///
/// The numbers are theirs. Ten problems also have bounds, those of Gay. Nothing is allocated in a call.
/// Moré, Garbow and Hillstrom (1981), "Testing unconstrained optimization software", ACM Transactions on Mathematical
/// Software 7, 17-41. Gay (1984), "A trust-region approach to linearly constrained optimization".
class MoreGarbowHillstrom {
 public:
  static constexpr int count = 35;

  /// Problem `number` (1 to 35) with its usual size, or with n variables (20 to 35) and m residuals (6, 11, 12, 16, 18,
  /// 32 to 35). Throws std::invalid_argument for a number or a size that it cannot have.
  explicit MoreGarbowHillstrom(int number, Eigen::Index n = 0, Eigen::Index m = 0) : number_(number) {
    require(number >= 1 && number <= count, "number", number, "it must be in 1 ... 35");
    n_ = n == 0 ? entry().n : n;
    require(n_ == entry().n || number >= 20, "n", n, "this problem has a fixed number of variables");
    const Eigen::Index least = number == 20 ? 2 : number == 34 ? 3 : 1;
    require(n_ >= least, "n", n, "that is too few");
    require(number != 20 || n_ <= 31, "n", n, "Watson's problem has at most 31 variables");
    require(number != 21 || n_ % 2 == 0, "n", n, "it must be even");
    require(number != 22 || n_ % 4 == 0, "n", n, "it must be a multiple of 4");
    const Eigen::Index usual = usual_residuals();
    m_ = m == 0 ? usual : m;
    const bool free = number == 6 || number == 11 || number == 12 || number == 16 || number == 18 || number >= 32;
    require(m_ == usual || free, "m", m, "this problem has a fixed number of residuals");
    require(m_ >= n_, "m", m, "it must be at least the number of variables");
    require(number != 11 || m_ <= 99, "m", m, "this problem has at most 99 residuals");
  }

  [[nodiscard]] int number() const { return number_; }
  [[nodiscard]] const char* name() const { return entry().name; }
  /// The number of variables, n.
  [[nodiscard]] Eigen::Index variables() const { return n_; }
  /// The number of residuals, m.
  [[nodiscard]] Eigen::Index residual_count() const { return m_; }

  /// The value at x.
  template <Point X>
  ScalarOf<X> operator()(const X& x) const {
    detail::ResidualSink<ScalarOf<X>> sink;
    return evaluate(x, sink);
  }

  /// The value at x; fills the gradient, which has the size of x.
  template <Point X>
  ScalarOf<X> operator()(const X& x, X& gradient) const {
    detail::ResidualSink<ScalarOf<X>> sink;
    gradient.setZero();
    sink.gradient = gradient.data();
    return evaluate(x, sink);
  }

  /// Fills r, of size m.
  template <Point X, class R>
  void residuals(const X& x, R& r) const {
    detail::ResidualSink<ScalarOf<X>> sink;
    sink.r = r.data();
    evaluate(x, sink);
  }

  /// Fills r, of size m, and the Jacobian J, m × n.
  template <Point X, class R, class Jacobian>
  void residuals(const X& x, R& r, Jacobian& J) const {
    detail::ResidualSink<ScalarOf<X>> sink;
    J.setZero();
    sink.r = r.data();
    sink.J = J.data();
    evaluate(x, sink);
  }

  /// The standard start times `factor`; the authors take 1, 10 and 100.
  template <Point X = Eigen::VectorXd>
  [[nodiscard]] X start(double factor = 1) const {
    static constexpr double few[19][11] = {{-1.2, 1},
                                           {0.5, -2},
                                           {0, 1},
                                           {1, 1},
                                           {1, 1},
                                           {0.3, 0.4},
                                           {-1, 0, 0},
                                           {1, 1, 1},
                                           {0.4, 1, 0},
                                           {0.02, 4000, 250},
                                           {5, 2.5, 0.15},
                                           {0, 10, 20},
                                           {3, -1, 0, 1},
                                           {-3, -1, -3, -1},
                                           {0.25, 0.39, 0.415, 0.39},
                                           {25, 5, -5, -1},
                                           {0.5, 1.5, -1, 0.01, 0.02},
                                           {1, 2, 1, 1, 1, 1},
                                           {1.3, 0.65, 0.65, 0.7, 0.6, 3, 5, 7, 2, 4.5, 5.5}};
    X x;
    x.resize(n_);
    for (Eigen::Index j = 0; j < n_; ++j) x[j] = ScalarOf<X>(factor * (number_ <= 19 ? few[number_ - 1][j] : many(j)));
    return x;
  }

  /// The least value known, to 15 digits; NaN at sizes where it is not.
  [[nodiscard]] double minimum() const {
    const double n = double(n_), m = double(m_);
    if (number_ == 32) return (m - n) / 2;
    if (number_ == 33) return m * (m - 1) / (2 * m + 1) / 4;
    if (number_ == 34) return (m * m + 3 * m - 6) / (2 * m - 3) / 4;
    const bool usual = n_ == entry().n && m_ == entry().m;
    return usual || (entry().minimum == 0 && number_ != 35) ? entry().minimum : detail::unknown;
  }

  /// True for the problems that Gay gave bounds: 3, 4, 5, 7, 9, 11, 12, 14, 16, 18.
  [[nodiscard]] bool has_bounds() const { return !std::isnan(entry().bounded); }

  /// Gay's bounds; infinite ones where there are none. The standard start may lie outside.
  template <Point X = Eigen::VectorXd>
  [[nodiscard]] Box<X> bounds() const {
    struct Bounds {
      int number;
      double lower[6], upper[6];
    };
    static constexpr Bounds all[] = {{3, {0, 1}, {1, 9}},
                                     {4, {0, 0.00003}, {1e6, 100}},
                                     {5, {0.6, 0.5}, {10, 100}},
                                     {7, {-100, -1, -1}, {0.8, 1, 1}},
                                     {9, {0.398, 1, -0.5}, {4.2, 2, 0.1}},
                                     {11, {1e-16, 0, 0}, {10, 10, 10}},
                                     {12, {0, 5, 0}, {2, 9.5, 20}},
                                     {14, {-100, -100, -100, -100}, {0, 10, 100, 100}},
                                     {16, {-10, 0, -100, -20}, {100, 15, 0, 0.2}},
                                     {18, {0, 0, 0, 1, 0, 0}, {2, 8, 1, 7, 5, 5}}};
    using S = ScalarOf<X>;
    X lower, upper;
    lower.setConstant(n_, -std::numeric_limits<S>::infinity());
    upper.setConstant(n_, std::numeric_limits<S>::infinity());
    for (const Bounds& some : all)
      for (Eigen::Index j = 0; some.number == number_ && j < n_; ++j) {
        lower[j] = S(some.lower[j]);
        upper[j] = S(some.upper[j]);
      }
    return {lower, upper};
  }

  /// The least value known within the bounds, to 13 digits or more; NaN without. Known for problems 11 and 12 with
  /// three residuals too, as which Gay took them.
  [[nodiscard]] double bounded_minimum() const {
    if (number_ == 11 && m_ == 3) return 2.91407155839455e-05;
    if (number_ == 12 && m_ == 3) return 1.54990767161469e-06;
    return m_ == entry().m ? entry().bounded : detail::unknown;
  }

 private:
  int number_;
  Eigen::Index n_ = 0, m_ = 0;

  const detail::MoreGarbowHillstromEntry& entry() const {
    return detail::more_garbow_hillstrom_table[std::size_t(number_ - 1)];
  }

  void require(bool good, const char* argument, Eigen::Index value, const char* wants) const {
    if (!good)
      throw std::invalid_argument("MoreGarbowHillstrom(" + std::to_string(number_) + "): " + argument + " is " +
                                  std::to_string(value) + "; " + wants);
  }

  Eigen::Index usual_residuals() const {
    switch (number_) {
      case 23: return n_ + 1;
      case 24: return 2 * n_;
      case 25: return n_ + 2;
      case 32:
      case 33:
      case 34: return std::max(Eigen::Index(entry().m), n_);
      default: return number_ > 20 ? n_ : Eigen::Index(entry().m);
    }
  }

  double many(Eigen::Index j) const {
    const double n = double(n_), i = double(j + 1), t = i / (n + 1);
    switch (number_) {
      case 20: return 0;
      case 21: return j % 2 == 0 ? -1.2 : 1;
      case 22: return few_powell[j % 4];
      case 23: return i;
      case 24: return 0.5;
      case 25: return 1 - i / n;
      case 26: return 1 / n;
      case 27: return 0.5;
      case 28:
      case 29: return t * (t - 1);
      case 30:
      case 31: return -1;
      case 35: return t;
      default: return 1;
    }
  }
  static constexpr double few_powell[4] = {3, -1, 0, 1};

  template <class X, class S = ScalarOf<X>>
  S evaluate(const X& x, detail::ResidualSink<S>& sink) const {
    if (x.size() != n_)
      throw std::invalid_argument(std::string("MoreGarbowHillstrom: ") + name() + " has " + std::to_string(n_) +
                                  " variables, but x has size " + std::to_string(x.size()));
    sink.m = m_;
    if (number_ < 20)
      detail::few_variables(number_, m_, x.data(), sink);
    else
      detail::many_variables(number_, n_, m_, x.data(), sink);
    return sink.sum / 2;
  }
};

}  // namespace mesaopt::problems
