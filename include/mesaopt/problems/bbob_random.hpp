#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <numeric>
#include <vector>

#include <Eigen/Core>

namespace mesaopt::problems::detail {

// What makes an instance of a BBOB function: optimum, value there, rotations, all functions of one integer. These are
// the generators of COCO's bbob suite (its `legacy` ones), draw by draw: Hansen, Auger, Ros, Mersmann, Tušar and
// Brockhoff (2021), "COCO: a platform for comparing continuous optimizers in a black-box setting".

/// Fills `values` with numbers between 0 and 1: the minimal standard generator of Park and Miller (1988), shuffled by
/// the method of Bays and Durham.
inline void bbob_uniform(std::int64_t seed, double* values, std::size_t count) {
  std::int64_t state = std::max<std::int64_t>(1, seed < 0 ? -seed : seed);
  const auto advance = [&state] {
    state = 16807 * (state % 127773) - 2836 * (state / 127773);
    if (state < 0) state += 2147483647;
  };
  std::array<std::int64_t, 32> table{};
  for (std::size_t i = 40; i-- > 0;) {
    advance();
    if (i < table.size()) table[i] = state;
  }
  std::int64_t last = table[0];
  for (std::size_t k = 0; k < count; ++k) {
    advance();
    std::int64_t& entry = table[std::size_t(last / 67108865)];
    last = entry;
    entry = state;
    values[k] = last == 0 ? 1e-99 : double(last) / 2.147483647e9;
  }
}

inline Eigen::VectorXd bbob_uniform(std::int64_t seed, Eigen::Index count) {
  Eigen::VectorXd values(count);
  bbob_uniform(seed, values.data(), std::size_t(count));
  return values;
}

/// Normal numbers, by the method of Box and Muller, its cosines alone.
inline Eigen::VectorXd bbob_normal(std::int64_t seed, Eigen::Index count) {
  const Eigen::VectorXd uniform = bbob_uniform(seed, 2 * count);
  Eigen::VectorXd values(count);
  for (Eigen::Index i = 0; i < count; ++i) {
    const double value = std::sqrt(-2 * std::log(uniform[i])) * std::cos(2 * std::numbers::pi * uniform[count + i]);
    values[i] = value == 0 ? 1e-99 : value;
  }
  return values;
}

/// An orthonormal n × n matrix: normal numbers, column by column, made so by Gram and Schmidt. Summed up one by one, as
/// Eigen's order depends on the machine, and some functions magnify the last digit.
inline Eigen::MatrixXd bbob_rotation(std::int64_t seed, Eigen::Index n) {
  const Eigen::VectorXd normal = bbob_normal(seed, n * n);
  Eigen::MatrixXd B = Eigen::Map<const Eigen::MatrixXd>(normal.data(), n, n);
  const auto product = [&](Eigen::Index i, Eigen::Index j) {
    double sum = 0;
    for (Eigen::Index k = 0; k < n; ++k) sum += B(k, i) * B(k, j);
    return sum;
  };
  for (Eigen::Index i = 0; i < n; ++i) {
    for (Eigen::Index j = 0; j < i; ++j) {
      const double along = product(i, j);
      for (Eigen::Index k = 0; k < n; ++k) B(k, i) -= along * B(k, j);
    }
    const double length = std::sqrt(product(i, i));
    for (Eigen::Index k = 0; k < n; ++k) B(k, i) /= length;
  }
  return B;
}

/// A diag(scales) B, summed up one by one.
inline Eigen::MatrixXd bbob_product(const Eigen::MatrixXd& A, const Eigen::VectorXd& scales, const Eigen::MatrixXd& B) {
  Eigen::MatrixXd out = Eigen::MatrixXd::Zero(A.rows(), B.cols());
  for (Eigen::Index j = 0; j < B.cols(); ++j)
    for (Eigen::Index k = 0; k < B.rows(); ++k)
      for (Eigen::Index i = 0; i < A.rows(); ++i) out(i, j) += A(i, k) * scales[k] * B(k, j);
  return out;
}

/// The seed of an instance. Two functions share that of the function they vary.
inline std::int64_t bbob_seed(int function, int instance) {
  const int as = function == 4 ? 3 : function == 18 ? 17 : function;
  return as + std::int64_t{10000} * instance;
}

/// A point of [-4, 4]^n with four digits after the point, where most functions have their optimum.
inline Eigen::VectorXd bbob_optimum(std::int64_t seed, Eigen::Index n) {
  Eigen::VectorXd x = bbob_uniform(seed, n);
  for (double& entry : x) {
    entry = 8 * std::floor(1e4 * entry) / 1e4 - 4;
    if (entry == 0) entry = -1e-5;
  }
  return x;
}

/// The value at the optimum: Cauchy distributed, of two digits after the point, at most 1000 in size.
inline double bbob_optimum_value(std::int64_t seed) {
  const double ratio = bbob_normal(seed, 1)[0] / bbob_normal(seed + 1, 1)[0];
  return std::clamp(std::floor(100 * 100 * ratio + 0.5) / 100, -1000.0, 1000.0);
}

/// The places of `count` numbers in order of size, the smallest first.
inline std::vector<Eigen::Index> bbob_permutation(std::int64_t seed, Eigen::Index count) {
  const Eigen::VectorXd keys = bbob_uniform(seed, count);
  std::vector<Eigen::Index> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), Eigen::Index(0));
  std::sort(order.begin(), order.end(), [&](Eigen::Index a, Eigen::Index b) { return keys[a] < keys[b]; });
  return order;
}

}  // namespace mesaopt::problems::detail
