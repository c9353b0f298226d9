#pragma once

#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <limits>
#include <numbers>
#include <ostream>
#include <type_traits>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>

namespace mesaopt {

/// A number with its derivatives in N directions: value + Σ tangent_k ε_k with ε_j ε_k = 0. Arithmetic and the
/// functions of <cmath> carry the derivatives along, to rounding; so a function written as a template over its number
/// type is differentiated by calling it. S may be a dual itself, for second derivatives.
///
/// Write `using std::exp; exp(x)` or Eigen's array functions, not `std::exp(x)`, in such a template. Comparisons look
/// at the value alone; where a function has a kink (abs, min, max) the derivative is the one of the branch taken, 0 for
/// abs at 0. Clifford (1873); Griewank & Walther (2008), "Evaluating Derivatives", chapter 3.
template <class S, int N>
struct Dual {
  S value{};
  std::array<S, std::size_t(N)> tangent{};

  constexpr Dual() = default;
  constexpr Dual(const S& v) : value(v) {}  // NOLINT(google-explicit-constructor): a number is a dual of no tangent
  template <class T>
  requires(std::is_arithmetic_v<T> && !std::same_as<T, S>) constexpr Dual(T v)
      : value(S(v)) {}  // NOLINT(google-explicit-constructor)
  /// f(u), where f has this value and this slope at u.
  constexpr Dual(const S& v, const S& slope, const Dual& u) : value(v) {
    for (std::size_t k = 0; k < tangent.size(); ++k) tangent[k] = slope * u.tangent[k];
  }

  /// The value alone.
  template <class T>
  requires std::is_arithmetic_v<T>
  constexpr explicit operator T() const { return T(value); }

  constexpr Dual& operator+=(const Dual& b) {
    value += b.value;
    for (std::size_t k = 0; k < tangent.size(); ++k) tangent[k] += b.tangent[k];
    return *this;
  }
  constexpr Dual& operator-=(const Dual& b) {
    value -= b.value;
    for (std::size_t k = 0; k < tangent.size(); ++k) tangent[k] -= b.tangent[k];
    return *this;
  }
  constexpr Dual& operator*=(const Dual& b) {
    for (std::size_t k = 0; k < tangent.size(); ++k) tangent[k] = tangent[k] * b.value + value * b.tangent[k];
    value *= b.value;
    return *this;
  }
  constexpr Dual& operator/=(const Dual& b) {
    const S inverse = S(1) / b.value;
    value /= b.value;
    for (std::size_t k = 0; k < tangent.size(); ++k) tangent[k] = (tangent[k] - value * b.tangent[k]) * inverse;
    return *this;
  }
  // Plain numbers have no tangents to multiply by.
  template <class T>
  requires std::is_arithmetic_v<T>
  constexpr Dual& operator*=(T b) {
    value *= S(b);
    for (S& t : tangent) t *= S(b);
    return *this;
  }
  template <class T>
  requires std::is_arithmetic_v<T>
  constexpr Dual& operator/=(T b) {
    value /= S(b);
    for (S& t : tangent) t /= S(b);
    return *this;
  }

  friend constexpr Dual operator+(const Dual& a) { return a; }
  friend constexpr Dual operator-(const Dual& a) { return Dual(-a.value, S(-1), a); }
  friend constexpr Dual operator+(Dual a, const Dual& b) { return a += b; }
  friend constexpr Dual operator-(Dual a, const Dual& b) { return a -= b; }
  friend constexpr Dual operator*(Dual a, const Dual& b) { return a *= b; }
  friend constexpr Dual operator/(Dual a, const Dual& b) { return a /= b; }
  template <class T>
  requires std::is_arithmetic_v<T>
  friend constexpr Dual operator+(Dual a, T b) {
    a.value += S(b);
    return a;
  }
  template <class T>
  requires std::is_arithmetic_v<T>
  friend constexpr Dual operator+(T a, Dual b) {
    b.value += S(a);
    return b;
  }
  template <class T>
  requires std::is_arithmetic_v<T>
  friend constexpr Dual operator-(Dual a, T b) {
    a.value -= S(b);
    return a;
  }
  template <class T>
  requires std::is_arithmetic_v<T>
  friend constexpr Dual operator-(T a, const Dual& b) { return Dual(S(a) - b.value, S(-1), b); }
  template <class T>
  requires std::is_arithmetic_v<T>
  friend constexpr Dual operator*(Dual a, T b) { return a *= b; }
  template <class T>
  requires std::is_arithmetic_v<T>
  friend constexpr Dual operator*(T a, Dual b) { return b *= a; }
  template <class T>
  requires std::is_arithmetic_v<T>
  friend constexpr Dual operator/(Dual a, T b) { return a /= b; }

  friend constexpr bool operator==(const Dual& a, const Dual& b) { return a.value == b.value; }
  friend constexpr bool operator!=(const Dual& a, const Dual& b) { return a.value != b.value; }
  friend constexpr bool operator<(const Dual& a, const Dual& b) { return a.value < b.value; }
  friend constexpr bool operator>(const Dual& a, const Dual& b) { return a.value > b.value; }
  friend constexpr bool operator<=(const Dual& a, const Dual& b) { return a.value <= b.value; }
  friend constexpr bool operator>=(const Dual& a, const Dual& b) { return a.value >= b.value; }
  friend std::ostream& operator<<(std::ostream& out, const Dual& a) { return out << a.value; }

  // The functions of <cmath>, found by the type of their argument.

  friend Dual abs(const Dual& u) {
    using std::abs;
    return Dual(abs(u.value), S(u.value > S(0) ? 1 : u.value < S(0) ? -1 : 0), u);
  }
  friend Dual fabs(const Dual& u) { return abs(u); }
  friend Dual sqrt(const Dual& u) {
    using std::sqrt;
    const S root = sqrt(u.value);
    return Dual(root, S(0.5) / root, u);
  }
  friend Dual cbrt(const Dual& u) {
    using std::cbrt;
    const S root = cbrt(u.value);
    return Dual(root, S(1) / (S(3) * root * root), u);
  }
  friend Dual exp(const Dual& u) {
    using std::exp;
    const S v = exp(u.value);
    return Dual(v, v, u);
  }
  friend Dual exp2(const Dual& u) {
    using std::exp2;
    const S v = exp2(u.value);
    return Dual(v, v * S(std::numbers::ln2), u);
  }
  friend Dual expm1(const Dual& u) {
    using std::exp, std::expm1;
    return Dual(expm1(u.value), exp(u.value), u);
  }
  friend Dual log(const Dual& u) {
    using std::log;
    return Dual(log(u.value), S(1) / u.value, u);
  }
  friend Dual log2(const Dual& u) {
    using std::log2;
    return Dual(log2(u.value), S(std::numbers::log2e) / u.value, u);
  }
  friend Dual log10(const Dual& u) {
    using std::log10;
    return Dual(log10(u.value), S(std::numbers::log10e) / u.value, u);
  }
  friend Dual log1p(const Dual& u) {
    using std::log1p;
    return Dual(log1p(u.value), S(1) / (S(1) + u.value), u);
  }
  friend Dual sin(const Dual& u) {
    using std::sin, std::cos;
    return Dual(sin(u.value), cos(u.value), u);
  }
  friend Dual cos(const Dual& u) {
    using std::sin, std::cos;
    return Dual(cos(u.value), -sin(u.value), u);
  }
  friend Dual tan(const Dual& u) {
    using std::tan;
    const S v = tan(u.value);
    return Dual(v, S(1) + v * v, u);
  }
  friend Dual asin(const Dual& u) {
    using std::asin, std::sqrt;
    return Dual(asin(u.value), S(1) / sqrt((S(1) - u.value) * (S(1) + u.value)), u);
  }
  friend Dual acos(const Dual& u) {
    using std::acos, std::sqrt;
    return Dual(acos(u.value), S(-1) / sqrt((S(1) - u.value) * (S(1) + u.value)), u);
  }
  friend Dual atan(const Dual& u) {
    using std::atan;
    return Dual(atan(u.value), S(1) / (S(1) + u.value * u.value), u);
  }
  friend Dual sinh(const Dual& u) {
    using std::sinh, std::cosh;
    return Dual(sinh(u.value), cosh(u.value), u);
  }
  friend Dual cosh(const Dual& u) {
    using std::sinh, std::cosh;
    return Dual(cosh(u.value), sinh(u.value), u);
  }
  friend Dual tanh(const Dual& u) {
    using std::tanh;
    const S v = tanh(u.value);
    return Dual(v, (S(1) - v) * (S(1) + v), u);
  }
  friend Dual erf(const Dual& u) {
    using std::erf, std::exp;
    return Dual(erf(u.value), S(2 * std::numbers::inv_sqrtpi) * exp(-u.value * u.value), u);
  }
  friend Dual floor(const Dual& u) {
    using std::floor;
    return Dual(floor(u.value));
  }
  friend Dual ceil(const Dual& u) {
    using std::ceil;
    return Dual(ceil(u.value));
  }
  friend Dual pow(const Dual& u, const Dual& p) {
    using std::pow, std::log;
    Dual v = Dual(pow(u.value, p.value), p.value == S(0) ? S(0) : p.value * pow(u.value, p.value - S(1)), u);
    // A base that is not positive has no logarithm, and needs none where the exponent is a constant.
    bool constant = true;
    for (const S& t : p.tangent) constant = constant && is_zero(t);
    return constant ? v : v + Dual(S(0), v.value * log(u.value), p);
  }
  template <class T>
  requires std::is_arithmetic_v<T>
  friend Dual pow(const Dual& u, T p) {
    using std::pow;
    return Dual(pow(u.value, S(p)), p == T(0) ? S(0) : S(p) * pow(u.value, S(p) - S(1)), u);
  }
  template <class T>
  requires std::is_arithmetic_v<T>
  friend Dual pow(T u, const Dual& p) {
    using std::pow, std::log;
    const S v = pow(S(u), p.value);
    return Dual(v, v * log(S(u)), p);
  }
  friend Dual atan2(const Dual& y, const Dual& x) {
    using std::atan2;
    const S square = x.value * x.value + y.value * y.value;
    return Dual(atan2(y.value, x.value), x.value / square, y) + Dual(S(0), -y.value / square, x);
  }
  friend Dual hypot(const Dual& x, const Dual& y) {
    using std::hypot;
    const S v = hypot(x.value, y.value);
    return Dual(v, x.value / v, x) + Dual(S(0), y.value / v, y);
  }
  friend Dual max(const Dual& a, const Dual& b) { return a < b ? b : a; }
  friend Dual min(const Dual& a, const Dual& b) { return b < a ? b : a; }
  friend Dual fmax(const Dual& a, const Dual& b) { return max(a, b); }
  friend Dual fmin(const Dual& a, const Dual& b) { return min(a, b); }
  friend Dual copysign(const Dual& a, const Dual& b) { return signbit(a) == signbit(b) ? a : -a; }

  friend bool signbit(const Dual& u) {
    using std::signbit;
    return signbit(u.value);
  }
  friend bool isfinite(const Dual& u) {
    return all(u, [](const S& s) {
      using std::isfinite;
      return bool(isfinite(s));
    });
  }
  friend bool isnan(const Dual& u) {
    return !all(u, [](const S& s) {
      using std::isnan;
      return !isnan(s);
    });
  }
  friend bool isinf(const Dual& u) { return !isfinite(u) && !isnan(u); }

 private:
  template <class Test>
  static bool all(const Dual& u, const Test& test) {
    bool so = test(u.value);
    for (const S& t : u.tangent) so = so && test(t);
    return so;
  }
  template <class T>
  static bool is_zero(const T& t) {
    if constexpr (std::is_arithmetic_v<T>) {
      return t == T(0);
    } else {
      bool zero = is_zero(t.value);
      for (const auto& s : t.tangent) zero = zero && is_zero(s);
      return zero;
    }
  }
};

template <class S, int N>
struct IsReal<Dual<S, N>> : IsReal<S> {};

}  // namespace mesaopt

/// The limits of a dual are those of its value.
template <class S, int N>
struct std::numeric_limits<mesaopt::Dual<S, N>> : std::numeric_limits<S> {};

namespace Eigen {

template <class S, int N>
struct NumTraits<mesaopt::Dual<S, N>> : NumTraits<S> {
  using Real = mesaopt::Dual<S, N>;
  using NonInteger = mesaopt::Dual<S, N>;
  using Nested = mesaopt::Dual<S, N>;
  using Literal = typename NumTraits<S>::Literal;
  enum {
    IsComplex = 0,
    IsInteger = 0,
    IsSigned = 1,
    RequireInitialization = 1,
    ReadCost = (N + 1) * int(NumTraits<S>::ReadCost),
    AddCost = (N + 1) * int(NumTraits<S>::AddCost),
    MulCost = (2 * N + 1) * int(NumTraits<S>::MulCost)
  };
};

// Products of plain matrices with vectors of duals, and the like.
template <class S, int N, class Operation>
struct ScalarBinaryOpTraits<mesaopt::Dual<S, N>, typename NumTraits<S>::Literal, Operation> {
  using ReturnType = mesaopt::Dual<S, N>;
};
template <class S, int N, class Operation>
struct ScalarBinaryOpTraits<typename NumTraits<S>::Literal, mesaopt::Dual<S, N>, Operation> {
  using ReturnType = mesaopt::Dual<S, N>;
};

}  // namespace Eigen
