#pragma once

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include <Eigen/Core>

#include <mesaopt/core/call.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/models/mlp.hpp>
#include <mesaopt/models/mlp_pass.hpp>

namespace mesaopt::models {

/// The mean squared error of a network as a function of its weights: the mean over examples of |outputs − targets|².
///
/// Weights are laid out as Mlp says. Copies share the examples, which never change. The first call with a record
/// allocates its workspace, whose size depends on the widths alone; later ones allocate nothing. Hessian products are
/// exact (for relu, where no unit is at its kink): see detail::MlpPass for the sources.
template <class S>
class MlpRegression {
 public:
  template <class W>
  using Memory = Workspace<detail::MlpScratch<S>>;

  /// `inputs` and `targets` hold one example a column. Throws std::invalid_argument if there is no example, or sizes do
  /// not fit.
  MlpRegression(Mlp<S> model, Eigen::MatrixX<S> inputs, Eigen::MatrixX<S> targets) : model_(std::move(model)) {
    model_.require_shape();
    if (inputs.rows() != model_.inputs() || targets.rows() != model_.classes())
      throw std::invalid_argument("MlpRegression: the network has " + std::to_string(model_.inputs()) + " inputs and " +
                                  std::to_string(model_.classes()) + " outputs, but the examples have " +
                                  std::to_string(inputs.rows()) + " and " + std::to_string(targets.rows()));
    if (inputs.cols() < 1 || targets.cols() != inputs.cols())
      throw std::invalid_argument("MlpRegression: needs targets for each of at least one example, but there are " +
                                  std::to_string(inputs.cols()) + " inputs and " + std::to_string(targets.cols()) +
                                  " targets");
    data_ = std::make_shared<const Data>(Data{std::move(inputs), std::move(targets)});
  }

  /// The network, and the examples.
  const Mlp<S>& model() const { return model_; }
  const Eigen::MatrixX<S>& inputs() const { return data_->inputs; }
  const Eigen::MatrixX<S>& targets() const { return data_->targets; }

  /// The mean squared error at w.
  template <Point W>
  S operator()(const W& w, const Call<Memory<W>>& call) const {
    S sum(0);
    for_each_chunk(w, call.record, [&](detail::MlpPass<S>& pass, const S* targets, S) { sum += pass.loss(targets); });
    return sum / S(inputs().cols());
  }

  /// The mean squared error at w; fills the gradient, which has the size of w.
  template <Point W>
  S operator()(const W& w, W& gradient, const Call<Memory<W>>& call) const {
    S sum(0);
    gradient.setZero();
    for_each_chunk(w, call.record, [&](detail::MlpPass<S>& pass, const S* targets, S scale) {
      sum += pass.loss(targets);
      pass.backward(targets, scale, gradient.data());
    });
    return sum / S(inputs().cols());
  }

  /// out = (second derivative at w) v.
  template <Point W>
  void hessian_product(const W& w, const W& v, W& out, const Call<Memory<W>>& call) const {
    out.setZero();
    for_each_chunk(w, call.record, [&](detail::MlpPass<S>& pass, const S* targets, S scale) {
      pass.loss(targets);
      pass.add_hessian_product(targets, scale, v.data(), out.data());
    });
  }

  /// out = (Gauss-Newton matrix at w) v: the second derivative with the outputs taken as linear in w, which is never
  /// negative.
  template <Point W>
  void gauss_newton_product(const W& w, const W& v, W& out, const Call<Memory<W>>& call) const {
    out.setZero();
    for_each_chunk(w, call.record, [&](detail::MlpPass<S>& pass, const S* targets, S scale) {
      pass.add_gauss_newton_product(targets, scale, v.data(), out.data());
    });
  }

 private:
  struct Data {
    Eigen::MatrixX<S> inputs, targets;
  };

  /// Calls use(pass, targets, 1 / examples) for every chunk of examples, with their outputs in the pass.
  template <class W, class Use>
  void for_each_chunk(const W& w, detail::MlpScratch<S>& scratch, const Use& use) const {
    model_.require_weights(w.size());
    scratch.fit(model_.widths);
    const Eigen::Index count = inputs().cols();
    for (Eigen::Index first = 0; first < count; first += detail::mlp_chunk) {
      const Eigen::Index size = std::min(detail::mlp_chunk, count - first);
      detail::MlpPass<S> pass(model_, w.data(), inputs().col(first).data(), size, scratch);
      pass.forward();
      use(pass, targets().col(first).data(), S(1) / S(count));
    }
  }

  Mlp<S> model_;
  std::shared_ptr<const Data> data_;
};

}  // namespace mesaopt::models
