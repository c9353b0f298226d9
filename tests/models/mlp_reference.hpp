#pragma once
// The loss of a network once more, written for one example and one scalar at a time, and for any number type: with dual
// numbers of dual numbers it gives second derivatives without a formula of ours.

#include <cmath>
#include <vector>

#include <Eigen/Core>
#include <unsupported/Eigen/AutoDiff>

#include <mesaopt/models/mlp.hpp>

namespace reference {

using Dual = Eigen::AutoDiffScalar<Eigen::Matrix<double, 1, 1>>;
using DualOfDual = Eigen::AutoDiffScalar<Eigen::Matrix<Dual, 1, 1>>;

template <class T>
T mlp_loss(const std::vector<Eigen::Index>& widths, mesaopt::models::Activation activation, const std::vector<T>& w,
           const Eigen::MatrixXd& inputs, const std::vector<int>& labels) {
  using std::exp;
  using std::log;
  T sum(0.0);
  for (Eigen::Index example = 0; example < inputs.cols(); ++example) {
    std::vector<T> values;
    for (Eigen::Index i = 0; i < inputs.rows(); ++i) values.push_back(T(inputs(i, example)));
    std::size_t at = 0;
    for (std::size_t layer = 0; layer + 1 < widths.size(); ++layer) {
      const auto rows = std::size_t(widths[layer + 1]), columns = std::size_t(widths[layer]);
      std::vector<T> next;
      for (std::size_t i = 0; i < rows; ++i) {
        T z = w[at + rows * columns + i];
        for (std::size_t j = 0; j < columns; ++j) z = T(z + w[at + rows * j + i] * values[j]);
        if (layer + 2 < widths.size()) {
          if (activation == mesaopt::models::Activation::relu) {
            if (z < T(0.0)) z = T(0.0);
          } else {
            const T up = exp(z), down = exp(T(-z));
            z = T((up - down) / T(up + down));
          }
        }
        next.push_back(z);
      }
      values = next;
      at += rows * (columns + 1);
    }
    T normalizer(0.0);
    for (const T& logit : values) normalizer = T(normalizer + exp(logit));
    sum = T(sum + log(normalizer) - values[std::size_t(labels[std::size_t(example)])]);
  }
  return T(sum * T(1.0 / double(inputs.cols())));
}

/// The second derivative times v.
inline Eigen::VectorXd mlp_hessian_product(const std::vector<Eigen::Index>& widths,
                                           mesaopt::models::Activation activation, const Eigen::VectorXd& w,
                                           const Eigen::VectorXd& v, const Eigen::MatrixXd& inputs,
                                           const std::vector<int>& labels) {
  using Inner = Eigen::Matrix<double, 1, 1>;
  using Outer = Eigen::Matrix<Dual, 1, 1>;
  const auto constant = [](double value) { return Dual(value, Inner(0.0)); };
  Eigen::VectorXd out(w.size());
  for (Eigen::Index i = 0; i < w.size(); ++i) {
    std::vector<DualOfDual> duals;
    for (Eigen::Index k = 0; k < w.size(); ++k) {
      Outer slope;
      slope[0] = constant(k == i ? 1 : 0);
      duals.push_back(DualOfDual(Dual(w[k], Inner(v[k])), slope));
    }
    out[i] = mlp_loss(widths, activation, duals, inputs, labels).derivatives()[0].derivatives()[0];
  }
  return out;
}

}  // namespace reference
