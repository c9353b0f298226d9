#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/random.hpp>

namespace mesaopt::models {

/// What a hidden unit makes of its input z: tanh(z), or max(z, 0).
enum class Activation { tanh, relu };

/// A multilayer perceptron: the shape of a fully connected network of any depth, without its weights.
///
/// `widths` counts the inputs, the units of each hidden layer, and the outputs; {64, 32, 10} has one hidden layer.
/// Outputs are logits of classes, or numbers to be fitted. All weights are one flat point: for each layer, from the
/// inputs on, its matrix (units x inputs of the layer, column by column), then its biases. Functions throw
/// std::invalid_argument if a size does not fit.
template <class S = double>
struct Mlp {
  std::vector<Eigen::Index> widths;          ///< two or more, all positive
  Activation activation = Activation::tanh;  ///< of the hidden layers

  /// The number of weights, biases included.
  Eigen::Index size() const {
    Eigen::Index count = 0;
    for (std::size_t layer = 0; layer + 1 < widths.size(); ++layer) count += widths[layer + 1] * (widths[layer] + 1);
    return count;
  }

  /// The number of inputs, and of classes.
  Eigen::Index inputs() const { return widths.front(); }
  Eigen::Index classes() const { return widths.back(); }

  /// Throws std::invalid_argument unless there are two widths or more, all positive.
  void require_shape() const {
    if (widths.size() < 2)
      throw std::invalid_argument("Mlp: widths must count inputs and outputs at least, but has " +
                                  std::to_string(widths.size()) + " entries");
    for (const Eigen::Index width : widths)
      if (width < 1) throw std::invalid_argument("Mlp: widths must be positive, but one is " + std::to_string(width));
  }

  /// Throws std::invalid_argument unless w holds as many weights as the network has.
  void require_weights(Eigen::Index given) const {
    if (given != size())
      throw std::invalid_argument("Mlp: the network has " + std::to_string(size()) + " weights, but w has size " +
                                  std::to_string(given));
  }
};

/// Random weights from which training goes well: normal with variance 2 / (inputs + units) of the layer for tanh, and
/// 2 / inputs for relu; biases are zero. The same seed gives the same weights everywhere.
///
/// Glorot and Bengio (2010), "Understanding the difficulty of training deep feedforward neural networks", eq. 16;
/// He, Zhang, Ren and Sun (2015), "Delving deep into rectifiers", eq. 10.
template <class S = double>
Eigen::VectorX<S> initial_weights(const std::vector<Eigen::Index>& widths, std::uint64_t seed,
                                  Activation activation = Activation::tanh) {
  const Mlp<S> model{widths, activation};
  model.require_shape();
  Eigen::VectorX<S> w = Eigen::VectorX<S>::Zero(model.size());
  Random random{seed};
  Eigen::Index begin = 0;
  for (std::size_t layer = 0; layer + 1 < widths.size(); ++layer) {
    const Eigen::Index in = widths[layer], out = widths[layer + 1];
    const double fan = static_cast<double>(activation == Activation::relu ? in : in + out);
    auto matrix = w.segment(begin, in * out);
    random.fill_normal(matrix);
    matrix *= static_cast<S>(std::sqrt(2 / fan));
    begin += (in + 1) * out;
  }
  return w;
}

}  // namespace mesaopt::models
