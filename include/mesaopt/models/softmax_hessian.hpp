#pragma once

#include <algorithm>

#include <Eigen/Core>

#include <mesaopt/models/block_product.hpp>
#include <mesaopt/models/mlp_loss.hpp>
#include <mesaopt/models/mlp_pass.hpp>

namespace mesaopt::detail {

/// H = the second derivative of the loss of a network without hidden layers: the mean over examples of
/// (diag p − pp') ⊗ (x 1)(x 1)', p the probabilities of its classes. It costs about as much as a quarter of as many
/// Hessian products as there are weights. Allocates in the first call with a workspace only.
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
