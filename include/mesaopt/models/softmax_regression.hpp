#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/call.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/models/mlp.hpp>
#include <mesaopt/models/mlp_loss.hpp>
#include <mesaopt/models/mlp_training.hpp>
#include <mesaopt/models/softmax_hessian.hpp>

namespace mesaopt::models {

/// Groups for SoftmaxRegression: one a feature, for the weights it has in all classes; biases have no penalty.
inline std::vector<int> softmax_feature_groups(Eigen::Index features, Eigen::Index classes) {
  std::vector<int> groups;
  for (Eigen::Index feature = 0; feature < features; ++feature)
    groups.insert(groups.end(), static_cast<std::size_t>(classes), static_cast<int>(feature));
  groups.insert(groups.end(), static_cast<std::size_t>(classes), -1);
  return groups;
}

/// The loss of multinomial logistic regression as a function of its weights: mean softmax cross-entropy over labelled
/// examples, with the logits Wx + b. It is convex.
///
/// Weights are one flat point: W, classes x features, column by column, then the biases b. It is MlpLoss of a network
/// without hidden layers, and has all its functions: batches, exact Hessian products, accuracy; and a dense Hessian.
template <class S>
class SoftmaxLoss : public MlpLoss<S> {
 public:
  /// `inputs` holds one example a column, `labels` the class of each, from 0. Throws std::invalid_argument as MlpLoss.
  SoftmaxLoss(Eigen::MatrixX<S> inputs, std::vector<int> labels, Eigen::Index classes)
      : MlpLoss<S>{Mlp<S>{{inputs.rows(), classes}}, std::move(inputs), std::move(labels)} {}  // braces: in this order

  /// H = second derivative at w.
  template <Point W, class Matrix>
  void hessian(const W& w, Matrix& H, const Call<typename MlpLoss<S>::template Memory<W>>& call) const {
    detail::softmax_hessian(*this, w, H, call.record);
  }
};

/// Multinomial logistic regression with its penalties as the outer point: the family
/// g(x, w) = loss(w) + 1/2 sum over groups k of e^(x_k) |w_k|^2, with SoftmaxLoss.
///
/// The outer point x holds one log penalty a group of weights; `groups` names the group of each, as GroupPenalty takes
/// them. Default: 0 for W, 1 for b; softmax_feature_groups makes one a feature. If every weight is penalized, there is
/// one minimum for each x; without a penalty on b the loss stays flat along a constant added to b, so that second
/// derivatives are singular there, which conjugate gradients do not mind.
template <class S>
class SoftmaxRegression : public MlpTraining<S> {
 public:
  /// Throws std::invalid_argument as SoftmaxLoss and GroupPenalty do.
  SoftmaxRegression(Eigen::MatrixX<S> inputs, std::vector<int> labels, Eigen::Index classes)
      : MlpTraining<S>(SoftmaxLoss<S>(std::move(inputs), std::move(labels), classes)) {}
  SoftmaxRegression(Eigen::MatrixX<S> inputs, std::vector<int> labels, Eigen::Index classes,
                    const std::vector<int>& groups)
      : MlpTraining<S>(SoftmaxLoss<S>(std::move(inputs), std::move(labels), classes), groups) {}

  /// H = second derivative by w.
  template <Point X, Point W, class Matrix>
  void hessian(const X& x, const W& w, Matrix& H, const Call<typename MlpTraining<S>::template Memory<W>>& call) const {
    detail::softmax_hessian(this->loss(), w, H, call.record);
    this->penalty().hessian(x, H);
  }
};

}  // namespace mesaopt::models
