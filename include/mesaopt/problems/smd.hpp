#pragma once

#include <array>
#include <cmath>
#include <numbers>
#include <stdexcept>
#include <string>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>
#include <mesaopt/objective/box.hpp>
#include <mesaopt/problems/bilevel_levels.hpp>

namespace mesaopt::problems {

/// The bilevel problems SMD1 to SMD12, for any number n of outer and m of inner variables.
///
///     const Smd problem(1, 2, 3);
///     auto F = nested(problem.outer(), response(family(within(problem.inner(), problem.inner_box())), CmaEs{}, y0));
///     auto solution = minimize(within(F, problem.outer_box()), x0, CmaEs{});
///
/// x = (u1, u2) with p and r variables, y = (l1, l2) with q and r, where r = floor(n/2), p = n - r and q = m - r; in
/// SMD6 l1 has q + s = m - r, with q = floor((m - r - 1)/2). Inequalities, which the source writes as g >= 0, are
/// -g <= 0 here. Works for doubles and their dual numbers.
///
/// Sinha, Malo & Deb (2014), "Test problem construction for single-objective bilevel optimization", Evolutionary
/// Computation 22(3), and the authors' programs (BLEAQ-II). For r > 1 the point that they name for SMD12 is not the
/// optimum: the inner level only fixes |u2 - tan l2| = 1, so the outer one may put all of it where it pays most. Here
/// `outer_minimum` and the solution are the better ones, `published_minimum` is theirs.
class Smd : public BilevelProblem<Smd> {
 public:
  using Vector = Eigen::VectorXd;
  using Index = Eigen::Index;

  /// The problems that are here.
  static constexpr std::array numbers{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

  /// Throws std::invalid_argument unless 1 <= number <= 12, n >= 2, r >= 1, and q >= 1: 2 in SMD10 and SMD12.
  explicit Smd(int number, Index n = 2, Index m = 3) : number_(number), n_(n), m_(m), r_(n / 2), p_(n - r_) {
    if (number < 1 || number > 12)
      throw std::invalid_argument("Smd: there are problems 1 to 12, but the number is " + std::to_string(number));
    const Index least = r_ + (number == 10 || number == 12 ? 2 : 1);
    if (n < 2 || m < least)
      throw std::invalid_argument("Smd: needs n >= 2 and, for this n, m >= " + std::to_string(least) + ", but n is " +
                                  std::to_string(n) + " and m is " + std::to_string(m));
    q_ = m - r_;
    if (number == 6) q_ = (m - r_ - 1) / 2, s_ = m - r_ - q_;
  }

  [[nodiscard]] int number() const { return number_; }
  [[nodiscard]] std::string name() const { return "SMD" + std::to_string(number_); }
  [[nodiscard]] Index outer_size() const { return n_; }
  [[nodiscard]] Index inner_size() const { return m_; }

  /// The bounds of x.
  [[nodiscard]] Box<Vector> outer_box() const {
    Box<Vector> box{Vector::Constant(n_, -5), Vector::Constant(n_, 10)};
    const bool unit = number_ == 4 || number_ == 11 || number_ == 12;
    if (unit || number_ == 2 || number_ == 7 || number_ == 9) box.upper.tail(r_).setConstant(1);
    if (unit) box.lower.tail(r_).setConstant(-1);
    return box;
  }

  /// The bounds of y; open ends are held off by 1e-5, as in the source.
  [[nodiscard]] Box<Vector> inner_box() const {
    constexpr double pi = std::numbers::pi, e = std::numbers::e, off = 1e-5;
    Box<Vector> box{Vector::Constant(m_, -5), Vector::Constant(m_, 10)};
    const auto set = [&](double lower, double upper) {
      box.lower.tail(r_).setConstant(lower);
      box.upper.tail(r_).setConstant(upper);
    };
    switch (number_) {
      case 1:
      case 3:
      case 10: set(-pi / 2 + off, pi / 2 - off); break;
      case 2:
      case 7: set(off, e); break;
      case 4: set(0, e); break;
      case 9: set(-1 + off, e - 1); break;
      case 11: set(1 / e, e); break;
      case 12: set(-pi / 4 + off, pi / 4 - off); break;
      default: break;
    }
    return box;
  }

  /// F(x, y).
  template <class X, class Y>
  ScalarOf<Y> outer_value(const X& x, const Y& y) const {
    using S = ScalarOf<Y>;
    using std::abs, std::cos, std::exp, std::sqrt, std::tan;
    const auto u1 = x.head(p_), u2 = x.tail(r_);
    const auto l1 = y.head(m_ - r_), l2 = y.tail(r_);
    const S inner = links(x, y), squares_u = squares(u1, 0) + squares(u2, 0);
    switch (number_) {
      case 1:
      case 3: return squares_u + squares(l1, 0) + inner;
      case 6: return squares_u - squares(l1.head(q_), 0) + squares(l1.tail(s_), 0) - inner;
      case 5: return squares_u - valley(l1) - inner;
      case 7: {
        S product(1);
        for (Index i = 0; i < p_; ++i) product *= cos(u1[i] / std::sqrt(double(i + 1)));
        return 1 + squares(u1, 0) / 400.0 - product - squares(l1, 0) + squares(u2, 0) - inner;
      }
      case 8: {
        const S size = squares(u1, 0) / double(p_);
        S waves(0);
        for (Index i = 0; i < p_; ++i) waves += cos(2 * std::numbers::pi * u1[i]);
        const S root = size > 0 ? sqrt(size) : S(0);  // with the subgradient 0 of a norm at 0
        return 20 + std::numbers::e - 20 * exp(-0.2 * root) - exp(waves / double(p_)) - valley(l1) + squares(u2, 0) -
               inner;
      }
      case 10: return squares(u1, 2) + squares(u2, 2) + squares(l1, 0) - inner;
      case 12: {
        S steep(0);
        for (Index i = 0; i < r_; ++i) steep += tan(abs(l2[i]));
        return squares(u1, 2) + squares(u2, 2) + squares(l1, 0) + steep - inner;
      }
      default: return squares_u - squares(l1, 0) - inner;  // 2, 4, 9, 11
    }
  }

  /// f(x, y).
  template <class X, class Y>
  ScalarOf<Y> inner_value(const X& x, const Y& y) const {
    using S = ScalarOf<Y>;
    using std::abs, std::cos;
    const auto u1 = x.head(p_);
    const auto l1 = y.head(m_ - r_);
    const S inner = links(x, y);
    switch (number_) {
      case 3:
      case 4: {
        S ripples(double(l1.size()));
        for (Index i = 0; i < l1.size(); ++i) ripples += l1[i] * l1[i] - cos(2 * std::numbers::pi * l1[i]);
        return squares(u1, 0) + ripples + inner;
      }
      case 5: return squares(u1, 0) + valley(l1) + inner;
      case 6: {
        S pairs(0);
        for (Index i = q_; i + 1 < q_ + s_; i += 2) pairs += (l1[i + 1] - l1[i]) * (l1[i + 1] - l1[i]);
        return squares(u1, 0) + squares(l1.head(q_), 0) + pairs + inner;
      }
      case 7: {
        S cubes(0);
        for (Index i = 0; i < p_; ++i) cubes += u1[i] * u1[i] * u1[i];
        return cubes + squares(l1, 0) + inner;
      }
      case 8: {
        S sizes(0);
        for (Index i = 0; i < p_; ++i) sizes += abs(u1[i]);
        return sizes + valley(l1) + inner;
      }
      case 10:
      case 12: return squares(u1, 0) + squares(l1, 2) + inner;
      default: return squares(u1, 0) + squares(l1, 0) + inner;  // 1, 2, 9, 11
    }
  }

  /// How many constraints each level has.
  [[nodiscard]] Index outer_inequalities() const {
    return number_ == 9 ? 1 : number_ == 10 ? n_ : number_ == 11 ? r_ : number_ == 12 ? n_ + r_ : 0;
  }
  [[nodiscard]] Index inner_inequalities() const {
    return number_ == 9 || number_ == 11 ? 1 : number_ == 10 ? q_ : number_ == 12 ? q_ + 1 : 0;
  }

  /// G(x, y) <= 0.
  template <class X, class Y, class C>
  void outer_constraints(const X& x, const Y& y, C& c) const {
    using S = ScalarOf<Y>;
    using std::log, std::tan;
    const auto u2 = x.tail(r_);
    const auto l2 = y.tail(r_);
    if (number_ == 9) c[0] = -ring(S(squares(x, 0)));
    if (number_ == 11)
      for (Index i = 0; i < r_; ++i) c[i] = 1 / std::sqrt(double(r_)) - u2[i] + log(l2[i]);
    if (number_ == 10 || number_ == 12) shares(x, n_, c);
    if (number_ == 12)
      for (Index i = 0; i < r_; ++i) c[n_ + i] = tan(l2[i]) - u2[i];
  }

  /// g(x, y) <= 0.
  template <class X, class Y, class C>
  void inner_constraints(const X& x, const Y& y, C& c) const {
    using S = ScalarOf<Y>;
    if (number_ == 9) c[0] = -ring(S(squares(y, 0)));
    if (number_ == 10 || number_ == 12) shares(y, q_, c);
    if (number_ == 11 || number_ == 12) c[inner_inequalities() - 1] = 1 - links(x, y);
  }

  /// The outer part of the optimum.
  [[nodiscard]] Vector outer_solution() const {
    return number_ == 10 || number_ == 12 ? Vector::Constant(n_, share(n_)) : Vector::Zero(n_);
  }

  /// The inner part of the optimum: of SMD12 one of r, which differ by their order.
  [[nodiscard]] Vector inner_solution() const {
    Vector y = Vector::Zero(m_);
    auto l1 = y.head(m_ - r_), l2 = y.tail(r_);
    switch (number_) {
      case 2:
      case 7: l2.setOnes(); break;
      case 5:
      case 8: l1.setOnes(); break;
      case 10: l2.setConstant(std::atan(share(n_))); break;
      case 11: l2.setConstant(std::exp(-1 / std::sqrt(double(r_)))); break;
      case 12: {
        const double u = share(n_);
        l2[r_ - 1] = std::atan(u - std::sqrt(1 - double(r_ - 1) * u * u));
        break;
      }
      default: break;
    }
    if (number_ == 10 || number_ == 12) l1.setConstant(share(q_));
    return y;
  }

  /// F at the optimum, and f there.
  [[nodiscard]] double outer_minimum() const { return outer_value(outer_solution(), inner_solution()); }
  [[nodiscard]] double inner_minimum() const { return inner_value(outer_solution(), inner_solution()); }

  /// F at the point that the source names.
  [[nodiscard]] double published_minimum() const {
    if (number_ != 12) return outer_minimum();
    Vector y = inner_solution();
    y.tail(r_).setConstant(std::atan(share(n_) - 1 / std::sqrt(double(r_))));
    return outer_value(outer_solution(), y);
  }

 private:
  int number_;
  Index n_, m_, r_, p_, q_ = 0, s_ = 0;

  /// The sum of (v_i - middle)².
  template <class V>
  static auto squares(const V& v, double middle) {
    typename V::Scalar sum(0);
    for (Index i = 0; i < v.size(); ++i) sum += (v[i] - middle) * (v[i] - middle);
    return sum;
  }

  /// The chained Rosenbrock valley without its factor of 100.
  template <class V>
  static auto valley(const V& v) {
    typename V::Scalar sum(0);
    for (Index i = 0; i + 1 < v.size(); ++i) {
      const typename V::Scalar bend = v[i + 1] - v[i] * v[i], away = v[i] - 1.0;
      sum += bend * bend + away * away;
    }
    return sum;
  }

  /// What ties l2 to u2: the sum of squares of u2, its square or its size, less a function of l2.
  template <class X, class Y>
  ScalarOf<Y> links(const X& x, const Y& y) const {
    using S = ScalarOf<Y>;
    using std::abs, std::log, std::tan;
    S sum(0);
    for (Index i = 0; i < r_; ++i) {
      const S u = x[p_ + i], l = y[m_ - r_ + i];
      const S link = [&]() -> S {
        switch (number_) {
          case 3: return u * u - tan(l);
          case 4: return abs(u) - log(1 + l);
          case 5: return abs(u) - l * l;
          case 6: return u - l;
          case 8: return u - l * l * l;
          case 9: return u - log(1 + l);
          case 2:
          case 7:
          case 11: return u - log(l);
          default: return u - tan(l);  // 1, 10, 12
        }
      }();
      sum += link * link;
    }
    return sum;
  }

  /// t less the nearest integer.
  template <class S>
  static S ring(const S& t) {
    using std::floor;
    return t - floor(t + 0.5);
  }

  /// c_i = sum of z_k³ - z_i - z_i³ over the first `count` entries of v.
  template <class V, class C>
  static void shares(const V& v, Index count, C& c) {
    typename V::Scalar cubes(0);
    for (Index i = 0; i < count; ++i) cubes += v[i] * v[i] * v[i];
    for (Index i = 0; i < count; ++i) c[i] = cubes - v[i] - v[i] * v[i] * v[i];
  }
  /// Where all of these are 0.
  static double share(Index count) { return 1 / std::sqrt(double(count - 1)); }
};

}  // namespace mesaopt::problems
