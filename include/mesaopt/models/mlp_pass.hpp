#pragma once

#include <cstddef>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/models/block_product.hpp>
#include <mesaopt/models/mlp.hpp>

namespace mesaopt::detail {

// Networks see their examples in chunks of so many: the intermediate results of a chunk stay in the cache, and scratch
// depends on the widths alone.
inline constexpr Eigen::Index mlp_chunk = 128;

/// The workspace of a network: for one chunk of examples, what goes forward and back through each layer.
template <class S>
struct MlpScratch {
  struct Layer {
    Eigen::MatrixX<S> activation;     ///< what leaves the layer
    Eigen::MatrixX<S> tangent;        ///< its change along a direction of the weights
    Eigen::MatrixX<S> delta;          ///< derivative of the loss by what comes before the activation function
    Eigen::MatrixX<S> delta_tangent;  ///< its change along the direction
  };
  std::vector<Layer> layers;
  Eigen::MatrixX<S> inputs;      ///< of examples picked for a mini-batch
  std::vector<int> labels;       ///< and their labels
  Eigen::RowVectorX<S> columns;  ///< one number an example
  Eigen::MatrixX<S> block;       ///< of a dense Hessian, sized by who asks for one

  /// Makes room, unless there is: afterwards nothing is allocated for any number of examples.
  void fit(const std::vector<Eigen::Index>& widths) {
    layers.resize(widths.size() - 1);
    labels.resize(mlp_chunk);
    columns.resize(mlp_chunk);
    inputs.resize(widths.front(), mlp_chunk);
    for (std::size_t l = 0; l < layers.size(); ++l)
      for (auto* matrix : {&layers[l].activation, &layers[l].tangent, &layers[l].delta, &layers[l].delta_tangent})
        matrix->resize(widths[l + 1], mlp_chunk);
  }
};

/// Takes one chunk of examples through a network, and derivatives back. Layer l = 0, 1, ... has the weights w(l) and
/// biases, takes before(l), and gives after(l).
///
/// What examples are to be told is their label, for the softmax cross-entropy of the outputs, or their targets, outputs
/// x examples, for squared errors: a pointer to int or to S chooses the loss.
///
/// The change of the gradient along a direction: Pearlmutter (1994), "Fast exact multiplication by the Hessian";
/// without the curvature of the network: Schraudolph (2002), "Fast curvature matrix-vector products for second-order
/// gradient descent".
template <class S>
class MlpPass {
 public:
  using Matrix = Eigen::MatrixX<S>;
  using Reads = Eigen::Map<const Matrix>;
  using Writes = Eigen::Map<Matrix>;
  using Product = BlockProduct<S>;

  MlpPass(const models::Mlp<S>& model, const S* weights, const S* inputs, Eigen::Index examples, MlpScratch<S>& scratch)
      : model_(model), weights_(weights), inputs_(inputs), examples_(examples), scratch_(scratch) {}

  /// The outputs, or logits: the last after(l).
  void forward() {
    for (std::size_t l = 0; l < layers(); ++l) {
      Writes out = after(l);
      out.colwise() = biases(weights_, l);
      Product::add(matrix(weights_, l), before(l), out);
      if (l + 1 < layers()) activate(out);
    }
  }

  Reads logits() const { return Reads(scratch_.layers.back().activation.data(), model_.classes(), examples_); }

  /// Turns logits into probabilities, and returns the sum of -log(probability of the label).
  S loss(const int* labels) {
    Writes logit = after(layers() - 1);
    auto columns = scratch_.columns.head(examples_);
    // Shifted so that the largest is zero, else exponentials overflow.
    columns = logit.colwise().maxCoeff();
    logit.rowwise() -= columns;
    S chosen(0);
    for (Eigen::Index j = 0; j < examples_; ++j) chosen += logit(labels[j], j);
    logit.array() = logit.array().exp();
    columns = logit.colwise().sum();
    logit.array().rowwise() /= columns.array();
    return columns.array().log().sum() - chosen;
  }

  /// Turns outputs into errors, and returns the sum of their squares.
  S loss(const S* targets) {
    Writes error = after(layers() - 1);
    error -= Reads(targets, model_.classes(), examples_);
    return error.squaredNorm();
  }

  /// After `loss`: adds scale times the derivative of that sum to the gradient.
  template <class Told>
  void backward(const Told* told, S scale, S* gradient) {
    seed_delta(told, scale);
    for (std::size_t l = layers(); l-- > 0;) {
      add_layer_gradient(delta(l), l, gradient);
      if (l == 0) break;
      delta(l - 1).setZero();
      Product::add_left_transposed(matrix(weights_, l), delta(l), delta(l - 1));
      slope(l - 1, delta(l - 1));
    }
  }

  /// After `loss`: adds scale times (second derivative of that sum) v to out.
  template <class Told>
  void add_hessian_product(const Told* told, S scale, const S* v, S* out) {
    forward_tangent(v);
    seed_delta(told, scale);
    seed_delta_tangent(told, scale);
    for (std::size_t l = layers(); l-- > 0;) {
      add_layer_gradient(delta_tangent(l), l, out);
      if (l == 0) break;
      Product::add_right_transposed(delta(l), tangent(l - 1), matrix(out, l));
      delta(l - 1).setZero();
      Product::add_left_transposed(matrix(weights_, l), delta(l), delta(l - 1));
      delta_tangent(l - 1).setZero();
      Product::add_left_transposed(matrix(weights_, l), delta_tangent(l), delta_tangent(l - 1));
      Product::add_left_transposed(matrix(v, l), delta(l), delta_tangent(l - 1));
      slope(l - 1, delta_tangent(l - 1));
      if (model_.activation == models::Activation::tanh)
        delta_tangent(l - 1).array() -= S(2) * after(l - 1).array() * tangent(l - 1).array() * delta(l - 1).array();
      slope(l - 1, delta(l - 1));
    }
  }

  /// After `loss`: adds scale times (second derivative of that sum with the network taken as linear in w) v to out.
  template <class Told>
  void add_gauss_newton_product(const Told* told, S scale, const S* v, S* out) {
    forward_tangent(v);
    seed_delta_tangent(told, scale);
    for (std::size_t l = layers(); l-- > 0;) {
      add_layer_gradient(delta_tangent(l), l, out);
      if (l == 0) break;
      delta_tangent(l - 1).setZero();
      Product::add_left_transposed(matrix(weights_, l), delta_tangent(l), delta_tangent(l - 1));
      slope(l - 1, delta_tangent(l - 1));
    }
  }

 private:
  std::size_t layers() const { return model_.widths.size() - 1; }

  Eigen::Index begin(std::size_t layer) const {
    Eigen::Index begin = 0;
    for (std::size_t l = 0; l < layer; ++l) begin += model_.widths[l + 1] * (model_.widths[l] + 1);
    return begin;
  }

  // The matrix and the biases of a layer in a flat point: weights, a direction, or a gradient to write to.
  Reads matrix(const S* flat, std::size_t l) const {
    return Reads(flat + begin(l), model_.widths[l + 1], model_.widths[l]);
  }
  Writes matrix(S* flat, std::size_t l) const {
    return Writes(flat + begin(l), model_.widths[l + 1], model_.widths[l]);
  }
  Eigen::Map<const Eigen::VectorX<S>> biases(const S* flat, std::size_t l) const {
    return {flat + begin(l) + model_.widths[l + 1] * model_.widths[l], model_.widths[l + 1]};
  }
  Eigen::Map<Eigen::VectorX<S>> biases(S* flat, std::size_t l) const {
    return {flat + begin(l) + model_.widths[l + 1] * model_.widths[l], model_.widths[l + 1]};
  }

  Writes view(Matrix& matrix) const { return Writes(matrix.data(), matrix.rows(), examples_); }
  Writes after(std::size_t l) { return view(scratch_.layers[l].activation); }
  Writes tangent(std::size_t l) { return view(scratch_.layers[l].tangent); }
  Writes delta(std::size_t l) { return view(scratch_.layers[l].delta); }
  Writes delta_tangent(std::size_t l) { return view(scratch_.layers[l].delta_tangent); }
  Reads before(std::size_t l) const {
    return Reads(l == 0 ? inputs_ : scratch_.layers[l - 1].activation.data(), model_.widths[l], examples_);
  }

  void activate(Writes z) const {
    // By the exponential, which Eigen vectorizes for doubles too; this way around, overflow ends in 1.
    if (model_.activation == models::Activation::tanh)
      z.array() = S(1) - S(2) / ((S(2) * z.array()).exp() + S(1));
    else
      z.array() = z.array().max(S(0));
  }

  /// values *= derivative of the activation function of layer l, which its output tells.
  void slope(std::size_t l, Writes values) {
    if (model_.activation == models::Activation::tanh)
      values.array() *= S(1) - after(l).array().square();
    else
      values.array() *= (after(l).array() > S(0)).template cast<S>();
  }

  void forward_tangent(const S* v) {
    for (std::size_t l = 0; l < layers(); ++l) {
      Writes out = tangent(l);
      out.colwise() = biases(v, l);
      Product::add(matrix(v, l), before(l), out);
      if (l > 0) Product::add(matrix(weights_, l), tangent(l - 1), out);
      if (l + 1 < layers()) slope(l, out);
    }
  }

  void seed_delta(const int* labels, S scale) {
    Writes out = delta(layers() - 1);
    out = scale * after(layers() - 1);
    for (Eigen::Index j = 0; j < examples_; ++j) out(labels[j], j) -= scale;
  }

  void seed_delta(const S*, S scale) { delta(layers() - 1) = S(2) * scale * after(layers() - 1); }
  void seed_delta_tangent(const S*, S scale) { delta_tangent(layers() - 1) = S(2) * scale * tangent(layers() - 1); }

  /// scale (diag p - pp') t for the probabilities p and the tangents t of each example.
  void seed_delta_tangent(const int*, S scale) {
    const Writes p = after(layers() - 1), t = tangent(layers() - 1);
    auto columns = scratch_.columns.head(examples_);
    columns = p.cwiseProduct(t).colwise().sum();
    delta_tangent(layers() - 1).array() = scale * p.array() * (t.rowwise() - columns).array();
  }

  void add_layer_gradient(const Writes& derivative, std::size_t l, S* gradient) const {
    Product::add_right_transposed(derivative, before(l), matrix(gradient, l));
    biases(gradient, l) += derivative.rowwise().sum();
  }

  const models::Mlp<S>& model_;
  const S* weights_;
  const S* inputs_;
  Eigen::Index examples_;
  MlpScratch<S>& scratch_;
};

}  // namespace mesaopt::detail
