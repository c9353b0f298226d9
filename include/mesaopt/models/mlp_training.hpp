#pragma once

#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/call.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/models/group_penalty.hpp>
#include <mesaopt/models/mlp.hpp>
#include <mesaopt/models/mlp_loss.hpp>

namespace mesaopt::models {

/// Groups of weights to be penalized together, one group a layer for its matrix, the next for its biases: 2 l and 2 l +
/// 1 for layer l = 0, 1, ... Answers the group of each weight, as GroupPenalty takes it.
inline std::vector<int> mlp_groups(const std::vector<Eigen::Index>& widths) {
  const Mlp<> model{widths};
  model.require_shape();
  std::vector<int> groups;
  groups.reserve(static_cast<std::size_t>(model.size()));
  for (std::size_t layer = 0; layer + 1 < widths.size(); ++layer) {
    groups.insert(groups.end(), static_cast<std::size_t>(widths[layer] * widths[layer + 1]),
                  static_cast<int>(2 * layer));
    groups.insert(groups.end(), static_cast<std::size_t>(widths[layer + 1]), static_cast<int>(2 * layer + 1));
  }
  return groups;
}

/// Training a network with its penalties as the outer point: the family
/// g(x, w) = loss(w) + 1/2 sum over groups k of e^(x_k) |w_k|^2.
///
/// The loss is MlpLoss on the training examples; the outer point x holds one log penalty a group, by default two a
/// layer (mlp_groups). To validate, take MlpLoss on other examples. Second derivatives by w need not be positive
/// definite; the Gauss-Newton matrix is. Allocates as MlpLoss does: in the first call with a record only.
template <class S>
class MlpTraining {
 public:
  template <class W>
  using Memory = typename MlpLoss<S>::template Memory<W>;

  /// Throws std::invalid_argument as MlpLoss and GroupPenalty do, and if `groups` does not name one group a weight.
  MlpTraining(MlpLoss<S> loss, const std::vector<int>& groups) : loss_(std::move(loss)), penalty_(groups) {
    if (penalty_.weights() != loss_.model().size())
      throw std::invalid_argument("MlpTraining: groups must name the group of each of " +
                                  std::to_string(loss_.model().size()) + " weights, but has " +
                                  std::to_string(penalty_.weights()) + " entries");
  }
  explicit MlpTraining(MlpLoss<S> loss) : MlpTraining(loss, mlp_groups(loss.model().widths)) {}
  MlpTraining(Mlp<S> model, Eigen::MatrixX<S> inputs, std::vector<int> labels)
      : MlpTraining(MlpLoss<S>(std::move(model), std::move(inputs), std::move(labels))) {}

  /// The loss without penalties, and the penalty.
  const MlpLoss<S>& loss() const { return loss_; }
  const GroupPenalty& penalty() const { return penalty_; }

  /// The number of training examples.
  Eigen::Index terms() const { return loss_.terms(); }

  /// The value at (x, w).
  template <Point X, Point W>
  S operator()(const X& x, const W& w, const Call<Memory<W>>& call) const {
    return loss_(w, call) + penalty_(x, w);
  }

  /// The value at (x, w); fills the derivative by w.
  template <Point X, Point W>
  S operator()(const X& x, const W& w, W& gw, const Call<Memory<W>>& call) const {
    const S loss = loss_(w, gw, call);
    return loss + penalty_(x, w, gw);
  }

  /// The value at (x, w) with the loss taken over a batch of examples.
  template <Point X, Point W>
  S operator()(const X& x, const W& w, std::span<const Eigen::Index> batch, const Call<Memory<W>>& call) const {
    return loss_(w, batch, call) + penalty_(x, w);
  }

  /// The value at (x, w) with the loss taken over a batch of examples; fills the derivative by w.
  template <Point X, Point W>
  S operator()(const X& x, const W& w, std::span<const Eigen::Index> batch, W& gw, const Call<Memory<W>>& call) const {
    const S loss = loss_(w, batch, gw, call);
    return loss + penalty_(x, w, gw);
  }

  /// out = (second derivative by w) v.
  template <Point X, Point W>
  void hessian_product(const X& x, const W& w, const W& v, W& out, const Call<Memory<W>>& call) const {
    loss_.hessian_product(w, v, out, call);
    penalty_.hessian_product(x, w, v, out);
  }

  /// out = (Gauss-Newton matrix of the loss, and penalties) v.
  template <Point X, Point W>
  void gauss_newton_product(const X& x, const W& w, const W& v, W& out, const Call<Memory<W>>& call) const {
    loss_.gauss_newton_product(w, v, out, call);
    penalty_.hessian_product(x, w, v, out);
  }

  /// out = derivative by x of (derivative by w) . v.
  template <Point X, Point W>
  void mixed_product(const X& x, const W& w, const W& v, X& out, const Call<Memory<W>>&) const {
    out.setZero();
    penalty_.mixed_product(x, w, v, out);
  }

  /// out = change of the derivative by w along the direction u of x.
  template <Point X, Point W>
  void mixed_direction(const X& x, const W& w, const X& u, W& out, const Call<Memory<W>>&) const {
    out.setZero();
    penalty_.mixed_direction(x, w, u, out);
  }

 private:
  MlpLoss<S> loss_;
  GroupPenalty penalty_;
};

}  // namespace mesaopt::models
