#pragma once

#include <algorithm>
#include <cmath>
#include <complex>
#include <functional>
#include <initializer_list>
#include <numbers>
#include <utility>
#include <vector>

#include <Eigen/Core>

namespace tests {

using Number = std::complex<double>;

/// An analytic function with the derivatives of its complex extension: gradients are exact to rounding, by a step along
/// the imaginary axis; Hessians are differences of gradients, to about 10 digits. One type for all problems, so that an
/// optimizer is compiled once for them.
struct Analytic {
  std::function<Number(const Eigen::VectorXcd&)> function;

  double operator()(const Eigen::VectorXd& x, Eigen::VectorXd& gradient) const {
    Eigen::VectorXcd z = x.cast<Number>();
    constexpr double h = 1e-150;
    for (Eigen::Index i = 0; i < x.size(); ++i) {
      z[i] = {x[i], h};
      gradient[i] = function(z).imag() / h;
      z[i] = x[i];
    }
    return function(z).real();
  }
  void hessian(const Eigen::VectorXd& x, Eigen::MatrixXd& H) const {
    Eigen::VectorXd at = x, above = x, below = x;
    for (Eigen::Index i = 0; i < x.size(); ++i) {
      const double h = 6e-6 * std::max(1e-2, std::abs(x[i]));
      at[i] = x[i] + h;
      (*this)(at, above);
      at[i] = x[i] - h;
      (*this)(at, below);
      at[i] = x[i];
      H.col(i) = (above - below) / (2 * h);
    }
    H = ((H + H.transpose()) / 2).eval();
  }
};

/// The symmetric matrix of the eigenvectors of the discrete cosine transform and eigenvalues from 1 to `condition`,
/// evenly in the logarithm, each to the power given: −1 for the inverse.
inline Eigen::MatrixXd spread(Eigen::Index n, double condition, double power = 1) {
  const auto entry = [n](Eigen::Index i, Eigen::Index k) {
    return std::sqrt((k == 0 ? 1.0 : 2.0) / double(n)) *
           std::cos(std::numbers::pi * double((2 * i + 1) * k) / double(2 * n));
  };
  Eigen::MatrixXd A(n, n);
  for (Eigen::Index i = 0; i < n; ++i)
    for (Eigen::Index j = 0; j <= i; ++j) {
      double sum = 0;
      for (Eigen::Index k = 0; k < n; ++k)
        sum += std::pow(condition, power * double(k) / double(n - 1)) * entry(i, k) * entry(j, k);
      A(i, j) = A(j, i) = sum;
    }
  return A;
}

/// x'Ax/2 − b'x with b from −1 to 1.
struct Quadratic {
  Eigen::MatrixXd A;

  double operator()(const Eigen::VectorXd& x, Eigen::VectorXd& gradient) const {
    double value = 0;
    for (Eigen::Index i = 0; i < x.size(); ++i) {
      const double b = 2 * double(i) / double(x.size() - 1) - 1;
      double sum = 0;
      for (Eigen::Index j = 0; j < x.size(); ++j) sum += A(i, j) * x[j];
      gradient[i] = sum - b;
      value += (sum / 2 - b) * x[i];
    }
    return value;
  }
  void hessian(const Eigen::VectorXd&, Eigen::MatrixXd& H) const { H = A; }
};

/// A test function with its customary start and its published least value.
struct Published {
  const char* name;
  Analytic f;
  Eigen::VectorXd start;
  double minimum;
  double lower = minimum;  ///< a minimum below the published one
};

/// Moré, Garbow & Hillstrom (1981), "Testing unconstrained optimization software", ACM TOMS 7(1); numbered as there.
inline std::vector<Published> published() {
  using Z = Eigen::VectorXcd;
  using Eigen::VectorXd;
  const auto point = [](std::initializer_list<double> values) {
    return VectorXd(VectorXd::Map(values.begin(), Eigen::Index(values.size())));
  };
  const auto squares = [](std::initializer_list<Number> residuals) {
    Number sum = 0;
    for (const Number& r : residuals) sum += r * r;
    return sum;
  };
  const auto watson = [](const Z& x) {
    Number sum = x[0] * x[0] + std::pow(x[1] - x[0] * x[0] - 1.0, 2);
    for (int i = 1; i <= 29; ++i) {
      const double t = i / 29.0;
      Number value = 0, slope = 0;
      for (Eigen::Index j = x.size() - 1; j >= 0; --j) {  // Horner, for both
        slope = slope * t + value;
        value = value * t + x[j];
      }
      sum += std::pow(slope - value * value - 1.0, 2);
    }
    return sum;
  };
  const auto penalty = [](const Z& x) {
    Number sum = 0, square = -0.25;
    for (const Number& z : x) {
      sum += 1e-5 * (z - 1.0) * (z - 1.0);
      square += z * z;
    }
    return sum + square * square;
  };
  const auto chebyquad = [](const Z& x) {
    const Eigen::Index n = x.size();
    Z mean = Z::Zero(n);
    for (const Number& z : x) {
      Number before = 1, now = 2.0 * z - 1.0;
      for (Eigen::Index i = 0; i < n; ++i) {
        mean[i] += now / double(n);
        before = std::exchange(now, 2.0 * (2.0 * z - 1.0) * now - before);
      }
    }
    Number sum = 0;
    for (Eigen::Index i = 0; i < n; ++i) sum += std::pow(mean[i] + (i % 2 == 1 ? 1.0 / double(i * (i + 2)) : 0.0), 2);
    return sum;
  };
  return {
      {"1 Rosenbrock",
       {[=](const Z& x) {
         return squares({10.0 * (x[1] - x[0] * x[0]), 1.0 - x[0]});
       }},
       point({-1.2, 1}),
       0},
      {"3 Powell badly scaled",
       {[=](const Z& x) {
         return squares({1e4 * x[0] * x[1] - 1.0, std::exp(-x[0]) + std::exp(-x[1]) - 1.0001});
       }},
       point({0, 1}),
       0},
      {"5 Beale",
       {[=](const Z& x) {
         const Number y = x[1], one = 1;
         return squares({1.5 - x[0] * (one - y), 2.25 - x[0] * (one - y * y), 2.625 - x[0] * (one - y * y * y)});
       }},
       point({1, 1}),
       0},
      {"7 helical valley",
       {[=](const Z& x) {
         const Number turn = std::atan(x[1] / x[0]) / (2 * std::numbers::pi) + (x[0].real() < 0 ? 0.5 : 0.0);
         return squares({10.0 * (x[2] - 10.0 * turn), 10.0 * (std::sqrt(x[0] * x[0] + x[1] * x[1]) - 1.0), x[2]});
       }},
       point({-1, 0, 0}),
       0},
      {"12 box three-dimensional",
       {[](const Z& x) {
         Number sum = 0;
         for (int i = 1; i <= 10; ++i) {
           const double t = 0.1 * i;
           const Number r = std::exp(-t * x[0]) - std::exp(-t * x[1]) - x[2] * (std::exp(-t) - std::exp(-10 * t));
           sum += r * r;
         }
         return sum;
       }},
       point({0, 10, 20}),
       0},
      {"13 Powell singular",
       {[=](const Z& x) {
         const Number a = x[1] - 2.0 * x[2], b = x[0] - x[3];
         return squares({x[0] + 10.0 * x[1], std::sqrt(5.0) * (x[2] - x[3]), a * a, std::sqrt(10.0) * b * b});
       }},
       point({3, -1, 0, 1}),
       0},
      {"14 Wood",
       {[=](const Z& x) {
         return squares({10.0 * (x[1] - x[0] * x[0]), 1.0 - x[0], std::sqrt(90.0) * (x[3] - x[2] * x[2]), 1.0 - x[2],
                         std::sqrt(10.0) * (x[1] + x[3] - 2.0), (x[1] - x[3]) / std::sqrt(10.0)});
       }},
       point({-3, -1, -3, -1}),
       0},
      {"16 Brown and Dennis",
       {[](const Z& x) {
         Number sum = 0;
         for (int i = 1; i <= 20; ++i) {
           const double t = i / 5.0;
           const Number a = x[0] + t * x[1] - std::exp(t), b = x[2] + x[3] * std::sin(t) - std::cos(t);
           sum += std::pow(a * a + b * b, 2);
         }
         return sum;
       }},
       point({25, 5, -5, -1}),
       85822.2},
      {"20 Watson, 6", {watson}, VectorXd::Zero(6), 2.28767e-3},
      {"20 Watson, 9", {watson}, VectorXd::Zero(9), 1.39976e-6},
      {"23 penalty I, 4", {penalty}, VectorXd::LinSpaced(4, 1, 4), 2.24997e-5},
      {"23 penalty I, 10", {penalty}, VectorXd::LinSpaced(10, 1, 10), 7.08765e-5},
      {"25 variably dimensioned, 10",
       {[](const Z& x) {
         Number sum = 0, weighted = 0;
         for (Eigen::Index i = 0; i < x.size(); ++i) {
           sum += (x[i] - 1.0) * (x[i] - 1.0);
           weighted += double(i + 1) * (x[i] - 1.0);
         }
         return sum + weighted * weighted + std::pow(weighted, 4);
       }},
       VectorXd::LinSpaced(10, 0.9, 0),
       0},
      {"35 Chebyquad, 8", {chebyquad}, VectorXd::LinSpaced(8, 1 / 9.0, 8 / 9.0), 3.51687e-3},
      {"35 Chebyquad, 10", {chebyquad}, VectorXd::LinSpaced(10, 1 / 11.0, 10 / 11.0), 6.50395e-3, 4.77271e-3},
  };
}

/// Whether a value is the published one, which is given to six digits, or is 0.
inline bool is_minimum(const Published& problem, double value) {
  if (problem.minimum == 0) return value < 1e-10;
  return std::abs(value / problem.minimum - 1) < 1e-5 || std::abs(value / problem.lower - 1) < 1e-5;
}

}  // namespace tests
