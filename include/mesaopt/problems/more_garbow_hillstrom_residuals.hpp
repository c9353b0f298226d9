#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>

#include <Eigen/Core>

namespace mesaopt::problems::detail {

/// Where residuals go, one after the other, each followed by its derivatives: into a vector, a Jacobian, a gradient,
/// and the sum of squares. So every problem is written once, whatever is asked for.
template <class S>
struct ResidualSink {
  S* r = nullptr;         ///< m residuals
  S* J = nullptr;         ///< m × n, column by column, zero beforehand
  S* gradient = nullptr;  ///< n entries, zero beforehand
  Eigen::Index m = 0;
  S sum = S(0);  ///< of squares
  S last = S(0);
  Eigen::Index row = 0;

  void add(const S& residual) {
    if (r) r[row] = residual;
    sum += residual * residual;
    last = residual;
    ++row;
  }
  /// ∂/∂x_j of the residual that was added last.
  void slope(Eigen::Index j, const S& d) {
    if (J)
      J[j * m + row - 1] = d;
    else if (gradient)
      gradient[j] += last * d;
  }
  /// A residual with all of its derivatives.
  template <class... D>
  void add(const S& residual, const D&... derivatives) {
    add(residual);
    Eigen::Index j = 0;
    (slope(j++, S(derivatives)), ...);
  }
};

inline constexpr double bard_y[] = {.14, .18, .22, .25, .29, .32, .35, .39, .37, .58, .73, .96, 1.34, 2.10, 4.39};
inline constexpr double gaussian_y[] = {.0009, .0044, .0175, .0540, .1295, .2420, .3521, .3989,
                                        .3521, .2420, .1295, .0540, .0175, .0044, .0009};
inline constexpr double meyer_y[] = {34780, 28610, 23650, 19630, 16370, 13720, 11540, 9744,
                                     8261,  7030,  6005,  5147,  4427,  3820,  3307,  2872};
inline constexpr double kowalik_y[] = {.1957, .1947, .1735, .1600, .0844, .0627, .0456, .0342, .0323, .0235, .0246};
inline constexpr double kowalik_u[] = {4, 2, 1, .5, .25, .167, .125, .1, .0833, .0714, .0625};
inline constexpr double osborne_1_y[] = {.844, .908, .932, .936, .925, .908, .881, .850, .818, .784, .751,
                                         .718, .685, .658, .628, .603, .580, .558, .538, .522, .506, .490,
                                         .478, .467, .457, .448, .438, .431, .424, .420, .414, .411, .406};
inline constexpr double osborne_2_y[] = {
    1.366, 1.191, 1.112, 1.013, .991, .885, .831, .847, .786, .725, .746, .679, .608, .655, .616, .606, .602,
    .626,  .651,  .724,  .649,  .649, .694, .644, .624, .661, .612, .558, .533, .495, .500, .423, .395, .375,
    .372,  .391,  .396,  .405,  .428, .429, .523, .562, .607, .653, .672, .708, .633, .668, .645, .632, .591,
    .559,  .597,  .625,  .739,  .710, .729, .720, .636, .581, .428, .292, .162, .098, .054};

/// Problems 1 to 19, of a fixed number of variables.
template <class S>
void few_variables(int number, Eigen::Index m, const S* x, ResidualSink<S>& out) {
  using std::abs, std::atan, std::cos, std::exp, std::log, std::pow, std::sin, std::sqrt;
  const auto value = [](const double* table, Eigen::Index i) { return S(table[i]); };
  const S ten = sqrt(S(10)), pi = S(std::numbers::pi_v<long double>);
  switch (number) {
    case 1:  // Rosenbrock
      out.add(10 * (x[1] - x[0] * x[0]), -20 * x[0], 10);
      out.add(1 - x[0], -1, 0);
      break;
    case 2:  // Freudenstein and Roth
      out.add(-13 + x[0] + ((5 - x[1]) * x[1] - 2) * x[1], 1, (10 - 3 * x[1]) * x[1] - 2);
      out.add(-29 + x[0] + ((x[1] + 1) * x[1] - 14) * x[1], 1, (3 * x[1] + 2) * x[1] - 14);
      break;
    case 3: {  // Powell, badly scaled
      const S a = exp(-x[0]), b = exp(-x[1]);
      out.add(10000 * x[0] * x[1] - 1, 10000 * x[1], 10000 * x[0]);
      out.add(a + b - S(1.0001L), -a, -b);
      break;
    }
    case 4:  // Brown, badly scaled
      out.add(x[0] - 1000000, 1, 0);
      out.add(x[1] - S(2e-6L), 0, 1);
      out.add(x[0] * x[1] - 2, x[1], x[0]);
      break;
    case 5:  // Beale
      out.add(S(1.5) - x[0] * (1 - x[1]), x[1] - 1, x[0]);
      out.add(S(2.25) - x[0] * (1 - x[1] * x[1]), x[1] * x[1] - 1, 2 * x[0] * x[1]);
      out.add(S(2.625) - x[0] * (1 - x[1] * x[1] * x[1]), x[1] * x[1] * x[1] - 1, 3 * x[0] * x[1] * x[1]);
      break;
    case 6:  // Jennrich and Sampson
      for (int i = 1; i <= m; ++i) {
        const S a = exp(S(i) * x[0]), b = exp(S(i) * x[1]);
        out.add(S(2 + 2 * i) - (a + b), S(-i) * a, S(-i) * b);
      }
      break;
    case 7: {  // Helical valley
      const S square = x[0] * x[0] + x[1] * x[1], radius = sqrt(square);
      const S turns = atan(x[1] / x[0]) / (2 * pi) + (x[0] < S(0) ? S(0.5) : S(0)), slope = 50 / (pi * square);
      out.add(10 * (x[2] - 10 * turns), slope * x[1], -slope * x[0], 10);
      out.add(10 * (radius - 1), 10 * x[0] / radius, 10 * x[1] / radius, 0);
      out.add(x[2], 0, 0, 1);
      break;
    }
    case 8:  // Bard
      for (Eigen::Index i = 1; i <= 15; ++i) {
        const S u = S(double(i)), v = S(double(16 - i)), w = S(double(std::min(i, 16 - i)));
        const S bottom = v * x[1] + w * x[2], slope = u / (bottom * bottom);
        out.add(value(bard_y, i - 1) - (x[0] + u / bottom), -1, slope * v, slope * w);
      }
      break;
    case 9:  // Gaussian
      for (int i = 1; i <= 15; ++i) {
        const S d = S(8 - i) / 2 - x[2], e = exp(-x[1] * d * d / 2);
        out.add(x[0] * e - value(gaussian_y, i - 1), e, -x[0] * e * d * d / 2, x[0] * e * x[1] * d);
      }
      break;
    case 10:  // Meyer
      for (int i = 1; i <= 16; ++i) {
        const S t = S(45 + 5 * i) + x[2], e = exp(x[1] / t);
        out.add(x[0] * e - value(meyer_y, i - 1), e, x[0] * e / t, -x[0] * e * x[1] / (t * t));
      }
      break;
    case 11:  // Gulf research and development; |y_i - x_2| as the authors corrected it
      for (int i = 1; i <= m; ++i) {
        const S t = S(i) / 100, u = 25 + pow(-50 * log(t), S(2) / 3) - x[1], a = abs(u);
        const S p = pow(a, x[2]), e = exp(-p / x[0]);
        out.add(e - t, e * p / (x[0] * x[0]), e * x[2] * p / (u * x[0]), -e * p * log(a) / x[0]);
      }
      break;
    case 12:  // Box, three-dimensional
      for (int i = 1; i <= m; ++i) {
        const S t = S(i) / 10, a = exp(-t * x[0]), b = exp(-t * x[1]), c = exp(-t) - exp(-10 * t);
        out.add(a - b - x[2] * c, -t * a, t * b, -c);
      }
      break;
    case 13: {  // Powell, singular
      const S a = x[1] - 2 * x[2], b = x[0] - x[3], root = sqrt(S(5));
      out.add(x[0] + 10 * x[1], 1, 10, 0, 0);
      out.add(root * (x[2] - x[3]), 0, 0, root, -root);
      out.add(a * a, 0, 2 * a, -4 * a, 0);
      out.add(ten * b * b, 2 * ten * b, 0, 0, -2 * ten * b);
      break;
    }
    case 14: {  // Wood
      const S root = sqrt(S(90));
      out.add(10 * (x[1] - x[0] * x[0]), -20 * x[0], 10, 0, 0);
      out.add(1 - x[0], -1, 0, 0, 0);
      out.add(root * (x[3] - x[2] * x[2]), 0, 0, -2 * root * x[2], root);
      out.add(1 - x[2], 0, 0, -1, 0);
      out.add(ten * (x[1] + x[3] - 2), 0, ten, 0, ten);
      out.add((x[1] - x[3]) / ten, 0, 1 / ten, 0, -1 / ten);
      break;
    }
    case 15:  // Kowalik and Osborne
      for (Eigen::Index i = 0; i < 11; ++i) {
        const S u = value(kowalik_u, i), top = u * (u + x[1]), bottom = u * (u + x[2]) + x[3];
        const S slope = x[0] * top / (bottom * bottom);
        out.add(value(kowalik_y, i) - x[0] * top / bottom, -top / bottom, -x[0] * u / bottom, slope * u, slope);
      }
      break;
    case 16:  // Brown and Dennis
      for (int i = 1; i <= m; ++i) {
        const S t = S(i) / 5, sine = sin(t), a = x[0] + t * x[1] - exp(t), b = x[2] + x[3] * sine - cos(t);
        out.add(a * a + b * b, 2 * a, 2 * a * t, 2 * b, 2 * b * sine);
      }
      break;
    case 17:  // Osborne 1
      for (int i = 0; i < 33; ++i) {
        const S t = S(10 * i), a = exp(-t * x[3]), b = exp(-t * x[4]);
        out.add(value(osborne_1_y, i) - (x[0] + x[1] * a + x[2] * b), -1, -a, -b, t * x[1] * a, t * x[2] * b);
      }
      break;
    case 18:  // Biggs, six exponentials
      for (int i = 1; i <= m; ++i) {
        const S t = S(i) / 10, y = exp(-t) - 5 * exp(-10 * t) + 3 * exp(-4 * t);
        const S a = exp(-t * x[0]), b = exp(-t * x[1]), c = exp(-t * x[4]);
        out.add(x[2] * a - x[3] * b + x[5] * c - y, -t * x[2] * a, t * x[3] * b, a, -b, -t * x[5] * c, c);
      }
      break;
    case 19:  // Osborne 2
      for (int i = 0; i < 65; ++i) {
        const S t = S(i) / 10, e = exp(-t * x[4]);
        S model = x[0] * e, bell[3], away[3];
        for (int k = 0; k < 3; ++k) {
          away[k] = t - x[8 + k];
          bell[k] = exp(-away[k] * away[k] * x[5 + k]);
          model += x[1 + k] * bell[k];
        }
        out.add(value(osborne_2_y, i) - model, -e, -bell[0], -bell[1], -bell[2], x[0] * t * e);
        for (int k = 0; k < 3; ++k) {
          out.slope(5 + k, x[1 + k] * bell[k] * away[k] * away[k]);
          out.slope(8 + k, -2 * x[1 + k] * bell[k] * away[k] * x[5 + k]);
        }
      }
      break;
    default: break;
  }
}

/// Problems 20 to 35, of any number n of variables.
template <class S>
void many_variables(int number, Eigen::Index n, Eigen::Index m, const S* x, ResidualSink<S>& out) {
  using std::cos, std::exp, std::sin, std::sqrt;
  using Index = Eigen::Index;
  const auto real = [](Index i) { return S(double(i)); };
  const auto total = [&](auto term) {
    S sum(0);
    for (Index j = 0; j < n; ++j) sum += term(j);
    return sum;
  };
  const S small = sqrt(S(1e-5L)), ten = sqrt(S(10)), h = S(1) / real(n + 1);
  switch (number) {
    case 20:  // Watson
      for (int i = 1; i <= 29; ++i) {
        const S t = S(i) / 29;
        S series(0), derivative(0), power(1), before(0);  // power = t^j, before = t^(j - 1)
        for (Index j = 0; j < n; ++j, before = power, power *= t) {
          series += x[j] * power;
          derivative += real(j) * x[j] * before;
        }
        out.add(derivative - series * series - 1);
        power = S(1);
        before = S(0);
        for (Index j = 0; j < n; ++j, before = power, power *= t) out.slope(j, real(j) * before - 2 * series * power);
      }
      out.add(x[0], 1);
      out.add(x[1] - x[0] * x[0] - 1, -2 * x[0], 1);
      break;
    case 21:  // Rosenbrock, extended
      for (Index i = 0; i < n; i += 2) {
        out.add(10 * (x[i + 1] - x[i] * x[i]));
        out.slope(i, -20 * x[i]);
        out.slope(i + 1, S(10));
        out.add(1 - x[i]);
        out.slope(i, S(-1));
      }
      break;
    case 22: {  // Powell, singular, extended
      const S root = sqrt(S(5));
      for (Index i = 0; i < n; i += 4) {
        const S a = x[i + 1] - 2 * x[i + 2], b = x[i] - x[i + 3];
        out.add(x[i] + 10 * x[i + 1]);
        out.slope(i, S(1));
        out.slope(i + 1, S(10));
        out.add(root * (x[i + 2] - x[i + 3]));
        out.slope(i + 2, root);
        out.slope(i + 3, -root);
        out.add(a * a);
        out.slope(i + 1, 2 * a);
        out.slope(i + 2, -4 * a);
        out.add(ten * b * b);
        out.slope(i, 2 * ten * b);
        out.slope(i + 3, -2 * ten * b);
      }
      break;
    }
    case 23:  // Penalty I
      for (Index i = 0; i < n; ++i) {
        out.add(small * (x[i] - 1));
        out.slope(i, small);
      }
      out.add(total([&](Index j) { return x[j] * x[j]; }) - S(0.25));
      for (Index j = 0; j < n; ++j) out.slope(j, 2 * x[j]);
      break;
    case 24:  // Penalty II
      out.add(x[0] - S(0.2L), 1);
      for (Index i = 1; i < n; ++i) {
        const S a = exp(x[i] / 10), b = exp(x[i - 1] / 10);
        out.add(small * (a + b - (exp(real(i + 1) / 10) + exp(real(i) / 10))));
        out.slope(i, small * a / 10);
        out.slope(i - 1, small * b / 10);
      }
      for (Index i = 1; i < n; ++i) {
        const S a = exp(x[i] / 10);
        out.add(small * (a - exp(S(-1) / 10)));
        out.slope(i, small * a / 10);
      }
      out.add(total([&](Index j) { return real(n - j) * x[j] * x[j]; }) - 1);
      for (Index j = 0; j < n; ++j) out.slope(j, 2 * real(n - j) * x[j]);
      break;
    case 25: {  // Variably dimensioned
      for (Index i = 0; i < n; ++i) {
        out.add(x[i] - 1);
        out.slope(i, S(1));
      }
      const S sum = total([&](Index j) { return real(j + 1) * (x[j] - 1); });
      out.add(sum);
      for (Index j = 0; j < n; ++j) out.slope(j, real(j + 1));
      out.add(sum * sum);
      for (Index j = 0; j < n; ++j) out.slope(j, 2 * sum * real(j + 1));
      break;
    }
    case 26: {  // Trigonometric
      const S sum = total([&](Index j) { return cos(x[j]); });
      for (Index i = 0; i < n; ++i) {
        const S s = sin(x[i]), c = cos(x[i]);
        out.add(real(n) - sum + real(i + 1) * (1 - c) - s);
        for (Index j = 0; j < n; ++j) out.slope(j, j == i ? real(i + 2) * s - c : sin(x[j]));
      }
      break;
    }
    case 27: {  // Brown, almost linear
      const auto product = [&](Index without) {
        S p(1);
        for (Index k = 0; k < n; ++k)
          if (k != without) p *= x[k];
        return p;
      };
      const S sum = total([&](Index j) { return x[j]; });
      for (Index i = 0; i + 1 < n; ++i) {
        out.add(x[i] + sum - real(n + 1));
        for (Index j = 0; j < n; ++j) out.slope(j, S(j == i ? 2 : 1));
      }
      out.add(product(n) - 1);
      for (Index j = 0; j < n; ++j) out.slope(j, product(j));
      break;
    }
    case 28:  // Discrete boundary value
      for (Index i = 0; i < n; ++i) {
        const S a = x[i] + real(i + 1) * h + 1;
        out.add(2 * x[i] - (i > 0 ? x[i - 1] : S(0)) - (i + 1 < n ? x[i + 1] : S(0)) + h * h * a * a * a / 2);
        out.slope(i, 2 + 3 * h * h * a * a / 2);
        if (i > 0) out.slope(i - 1, S(-1));
        if (i + 1 < n) out.slope(i + 1, S(-1));
      }
      break;
    case 29:  // Discrete integral equation
      for (Index i = 0; i < n; ++i) {
        const S t = real(i + 1) * h;
        const auto kernel = [&](Index j) {
          const S s = real(j + 1) * h;
          return h * (j <= i ? (1 - t) * s : t * (1 - s)) / 2;
        };
        const auto base = [&](Index j) { return x[j] + real(j + 1) * h + 1; };
        out.add(x[i] + total([&](Index j) { return kernel(j) * base(j) * base(j) * base(j); }));
        for (Index j = 0; j < n; ++j) out.slope(j, S(j == i ? 1 : 0) + 3 * kernel(j) * base(j) * base(j));
      }
      break;
    case 30:  // Broyden, tridiagonal
      for (Index i = 0; i < n; ++i) {
        out.add((3 - 2 * x[i]) * x[i] - (i > 0 ? x[i - 1] : S(0)) - 2 * (i + 1 < n ? x[i + 1] : S(0)) + 1);
        out.slope(i, 3 - 4 * x[i]);
        if (i > 0) out.slope(i - 1, S(-1));
        if (i + 1 < n) out.slope(i + 1, S(-2));
      }
      break;
    case 31:  // Broyden, banded
      for (Index i = 0; i < n; ++i) {
        S sum(0);
        const Index first = std::max(Index(0), i - 5), last = std::min(n - 1, i + 1);
        for (Index j = first; j <= last; ++j)
          if (j != i) sum += x[j] * (1 + x[j]);
        out.add(x[i] * (2 + 5 * x[i] * x[i]) + 1 - sum);
        for (Index j = first; j <= last; ++j) out.slope(j, j == i ? 2 + 15 * x[i] * x[i] : -1 - 2 * x[j]);
      }
      break;
    case 32: {  // Linear, full rank
      const S scaled = 2 / real(m), sum = scaled * total([&](Index j) { return x[j]; });
      for (Index i = 0; i < m; ++i) {
        out.add((i < n ? x[i] : S(0)) - sum - 1);
        for (Index j = 0; j < n; ++j) out.slope(j, S(j == i ? 1 : 0) - scaled);
      }
      break;
    }
    case 33: {  // Linear, rank 1
      const S sum = total([&](Index j) { return real(j + 1) * x[j]; });
      for (Index i = 0; i < m; ++i) {
        out.add(real(i + 1) * sum - 1);
        for (Index j = 0; j < n; ++j) out.slope(j, real((i + 1) * (j + 1)));
      }
      break;
    }
    case 34: {  // Linear, rank 1, with columns and rows of zeros
      const S sum = total([&](Index j) { return j > 0 && j + 1 < n ? real(j + 1) * x[j] : S(0); });
      for (Index i = 0; i < m; ++i) {
        const Index factor = i + 1 < m ? i : 0;
        out.add(real(factor) * sum - 1);
        for (Index j = 1; j + 1 < n; ++j) out.slope(j, real(factor * (j + 1)));
      }
      break;
    }
    case 35:  // Chebyquad
      for (Index i = 1; i <= m; ++i) {
        S polynomial(0), slope(0);  // of degree i, on [0, 1]
        const auto evaluate = [&](const S& at) {
          const S y = 2 * at - 1;
          S before(1), slope_before(0);
          polynomial = y;
          slope = S(2);
          for (Index k = 1; k < i; ++k) {
            const S next = 2 * y * polynomial - before, next_slope = 4 * polynomial + 2 * y * slope - slope_before;
            before = polynomial;
            slope_before = slope;
            polynomial = next;
            slope = next_slope;
          }
        };
        S mean = i % 2 == 0 ? 1 / real(i * i - 1) : S(0);  // less the integral
        for (Index j = 0; j < n; ++j) {
          evaluate(x[j]);
          mean += polynomial / real(n);
        }
        out.add(mean);
        for (Index j = 0; j < n; ++j) {
          evaluate(x[j]);
          out.slope(j, slope / real(n));
        }
      }
      break;
    default: break;
  }
}

}  // namespace mesaopt::problems::detail
