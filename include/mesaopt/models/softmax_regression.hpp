#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/call.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/models/block_product.hpp>
#include <mesaopt/models/mlp.hpp>
#include <mesaopt/models/mlp_loss.hpp>
#include <mesaopt/models/mlp_pass.hpp>
#include <mesaopt/models/mlp_training.hpp>

namespace mesaopt::detail {

/// H = the second derivative of the loss of a network without hidden layers: the mean over examples of
/// (diag p − pp') ⊗ (x 1)(x 1)', p the probabilities of its classes. Allocates in the first call with a workspace only.
/// Böhning (1992), "Multinomial logistic regression algorithm", Ann. Inst. Statist. Math. 44(1).
template <class S, class W, class Matrix>
void softmax_hessian(const models::MlpLoss<S>& loss, const W& w, Matrix& H, MlpScratch<S>& scratch) {
  const auto& model = loss.model();
  model.require_weights(w.size());
  scratch.fit(model.widths);
  const Eigen::Index features = model.inputs(), classes = model.classes(), examples = loss.terms();
  auto& block = scratch.block;
  block.resize(features, features);
  H.setZero(w.size(), w.size());
  for (Eigen::Index first = 0; first < examples; first += mlp_chunk) {
    const Eigen::Index size = std::min(mlp_chunk, examples - first);
    const S* const columns = loss.inputs().col(first).data();
    const Eigen::Map<const Eigen::MatrixX<S>> X(columns, features, size);
    MlpPass<S> pass(model, w.data(), columns, size, scratch);
    pass.forward();
    pass.loss(loss.labels().data() + first);
    const auto p = pass.logits();  // probabilities by now
    auto weighted = scratch.inputs.leftCols(size);
    for (Eigen::Index a = 0; a < classes; ++a)
      for (Eigen::Index b = 0; b <= a; ++b) {
        S last(0);  // the bias is a feature that is 1
        for (Eigen::Index i = 0; i < size; ++i) {
          const S weight = p(a, i) * (S(a == b ? 1 : 0) - p(b, i)) / S(examples);
          weighted.col(i) = weight * X.col(i);
          last += weight;
        }
        block.setZero();
        BlockProduct<S>::add_right_transposed(weighted, X, block);
        const auto add = [&](Eigen::Index f, Eigen::Index g, S value) {
          H(f * classes + a, g * classes + b) += value;
          if (a != b) H(f * classes + b, g * classes + a) += value;
        };
        for (Eigen::Index g = 0; g < features; ++g)
          for (Eigen::Index f = 0; f < features; ++f) add(f, g, (block(f, g) + block(g, f)) / S(2));
        for (Eigen::Index f = 0; f < features; ++f) {
          const S sum = weighted.row(f).sum();
          add(f, features, sum);
          add(features, f, sum);
        }
        add(features, features, last);
      }
  }
}

}  // namespace mesaopt::detail

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
    mesaopt::detail::softmax_hessian(*this, w, H, call.record);
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
    mesaopt::detail::softmax_hessian(this->loss(), w, H, call.record);
    this->penalty().hessian(x, H);
  }
};

}  // namespace mesaopt::models
