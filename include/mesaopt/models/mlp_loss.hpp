#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/call.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/models/mlp.hpp>
#include <mesaopt/models/mlp_pass.hpp>
#include <mesaopt/models/mlp_predictions.hpp>

namespace mesaopt::models {

/// The loss of a network as a function of its weights: softmax cross-entropy, the mean of -log(probability that the
/// network gives the label) over labelled examples.
///
/// Over all examples, or, as a finite sum of `terms()` examples, over a batch of them: `f(w, batch, gradient, call)`.
/// Weights are laid out as Mlp says. Logits may be of any size. Copies share the examples, which never change. The
/// first call with a record allocates its workspace, whose size depends on the widths alone; later ones allocate
/// nothing. Hessian products are exact (for relu, where no unit is at its kink): see detail::MlpPass for the sources.
template <class S>
class MlpLoss {
 public:
  template <class W>
  using Memory = Workspace<detail::MlpScratch<S>>;

  /// `inputs` holds one example a column, `labels` the class of each, from 0. Throws std::invalid_argument if there is
  /// no example, sizes do not fit, or a label is none of the model's classes.
  MlpLoss(Mlp<S> model, Eigen::MatrixX<S> inputs, std::vector<int> labels) : model_(std::move(model)) {
    model_.require_shape();
    if (inputs.rows() != model_.inputs())
      throw std::invalid_argument("MlpLoss: the network has " + std::to_string(model_.inputs()) +
                                  " inputs, but the examples have " + std::to_string(inputs.rows()));
    if (inputs.cols() < 1 || static_cast<Eigen::Index>(labels.size()) != inputs.cols())
      throw std::invalid_argument("MlpLoss: needs one label for each of at least one example, but there are " +
                                  std::to_string(inputs.cols()) + " examples and " + std::to_string(labels.size()) +
                                  " labels");
    for (std::size_t i = 0; i < labels.size(); ++i)
      if (labels[i] < 0 || labels[i] >= model_.classes())
        throw std::invalid_argument("MlpLoss: labels must be in 0 .. " + std::to_string(model_.classes() - 1) +
                                    ", but that of example " + std::to_string(i) + " is " + std::to_string(labels[i]));
    data_ = std::make_shared<const Data>(Data{std::move(inputs), std::move(labels)});
  }

  /// The network, and the examples.
  const Mlp<S>& model() const { return model_; }
  const Eigen::MatrixX<S>& inputs() const { return data_->inputs; }
  const std::vector<int>& labels() const { return data_->labels; }

  /// The number of examples.
  Eigen::Index terms() const { return data_->inputs.cols(); }

  /// The fraction of examples whose label the network with weights w gives the largest logit.
  template <Point W>
  double accuracy(const W& w) const {
    return models::accuracy(model_, w, data_->inputs, data_->labels);
  }

  /// The mean loss over all examples.
  template <Point W>
  S operator()(const W& w, const Call<Memory<W>>& call) const {
    return value(w, Whole{*this}, call.record);
  }

  /// The mean loss over all examples; fills the gradient, which has the size of w.
  template <Point W>
  S operator()(const W& w, W& gradient, const Call<Memory<W>>& call) const {
    return value_and_gradient(w, Whole{*this}, gradient, call.record);
  }

  /// The mean loss over a batch of examples, given by their columns; one may occur more than once. Throws
  /// std::invalid_argument for an empty batch or a column that is none.
  template <Point W>
  S operator()(const W& w, std::span<const Eigen::Index> batch, const Call<Memory<W>>& call) const {
    return value(w, Picked{*this, batch}, call.record);
  }

  /// The mean loss over a batch of examples; fills its gradient.
  template <Point W>
  S operator()(const W& w, std::span<const Eigen::Index> batch, W& gradient, const Call<Memory<W>>& call) const {
    return value_and_gradient(w, Picked{*this, batch}, gradient, call.record);
  }

  /// out = (second derivative at w) v, over all examples.
  template <Point W>
  void hessian_product(const W& w, const W& v, W& out, const Call<Memory<W>>& call) const {
    out.setZero();
    for_each_chunk(w, Whole{*this}, call.record, [&](detail::MlpPass<S>& pass, const int* labels, S scale) {
      pass.loss(labels);
      pass.add_hessian_product(labels, scale, v.data(), out.data());
    });
  }

  /// out = (Gauss-Newton matrix at w) v, over all examples: the second derivative with the logits taken as linear in w,
  /// which is never negative.
  template <Point W>
  void gauss_newton_product(const W& w, const W& v, W& out, const Call<Memory<W>>& call) const {
    out.setZero();
    for_each_chunk(w, Whole{*this}, call.record, [&](detail::MlpPass<S>& pass, const int* labels, S scale) {
      pass.loss(labels);
      pass.add_gauss_newton_product(labels, scale, v.data(), out.data());
    });
  }

 private:
  struct Data {
    Eigen::MatrixX<S> inputs;
    std::vector<int> labels;
  };

  struct Chunk {
    const S* inputs;
    const int* labels;
  };

  struct Whole {
    const MlpLoss& loss;
    Eigen::Index size() const { return loss.terms(); }
    Chunk chunk(Eigen::Index first, Eigen::Index, detail::MlpScratch<S>&) const {
      return {loss.inputs().col(first).data(), loss.labels().data() + first};
    }
  };

  struct Picked {
    const MlpLoss& loss;
    std::span<const Eigen::Index> batch;
    Eigen::Index size() const {
      if (batch.empty()) throw std::invalid_argument("MlpLoss: batch must name one example at least, but is empty");
      return static_cast<Eigen::Index>(batch.size());
    }
    Chunk chunk(Eigen::Index first, Eigen::Index count, detail::MlpScratch<S>& scratch) const {
      for (Eigen::Index k = 0; k < count; ++k) {
        const Eigen::Index column = batch[static_cast<std::size_t>(first + k)];
        if (column < 0 || column >= loss.terms())
          throw std::invalid_argument("MlpLoss: batch names example " + std::to_string(column) + " of " +
                                      std::to_string(loss.terms()));
        scratch.inputs.col(k) = loss.inputs().col(column);
        scratch.labels[static_cast<std::size_t>(k)] = loss.labels()[static_cast<std::size_t>(column)];
      }
      return {scratch.inputs.data(), scratch.labels.data()};
    }
  };

  template <class W, class Examples>
  S value(const W& w, const Examples& examples, detail::MlpScratch<S>& scratch) const {
    S sum(0);
    for_each_chunk(w, examples, scratch,
                   [&](detail::MlpPass<S>& pass, const int* labels, S) { sum += pass.loss(labels); });
    return sum / static_cast<S>(examples.size());
  }

  template <class W, class Examples>
  S value_and_gradient(const W& w, const Examples& examples, W& gradient, detail::MlpScratch<S>& scratch) const {
    S sum(0);
    gradient.setZero();
    for_each_chunk(w, examples, scratch, [&](detail::MlpPass<S>& pass, const int* labels, S scale) {
      sum += pass.loss(labels);
      pass.backward(labels, scale, gradient.data());
    });
    return sum / static_cast<S>(examples.size());
  }

  template <class W, class Examples, class Use>
  void for_each_chunk(const W& w, const Examples& examples, detail::MlpScratch<S>& scratch, const Use& use) const {
    model_.require_weights(w.size());
    scratch.fit(model_.widths);
    const Eigen::Index count = examples.size();
    const S scale = S(1) / static_cast<S>(count);
    for (Eigen::Index first = 0; first < count; first += detail::mlp_chunk) {
      const Eigen::Index size = std::min(detail::mlp_chunk, count - first);
      const Chunk chunk = examples.chunk(first, size, scratch);
      detail::MlpPass<S> pass(model_, w.data(), chunk.inputs, size, scratch);
      pass.forward();
      use(pass, chunk.labels, scale);
    }
  }

  Mlp<S> model_;
  std::shared_ptr<const Data> data_;
};

}  // namespace mesaopt::models
