#pragma once

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>
#include <mesaopt/models/mlp.hpp>
#include <mesaopt/models/mlp_pass.hpp>

namespace mesaopt::models {

/// The logits, classes x examples, that a network with the weights w gives examples, which hold one a column.
///
/// Throws std::invalid_argument if sizes do not fit the network, as do the two functions below.
template <class S, Point W>
Eigen::MatrixX<S> logits(const Mlp<S>& model, const W& w, const std::type_identity_t<Eigen::MatrixX<S>>& examples) {
  model.require_shape();
  model.require_weights(w.size());
  if (examples.rows() != model.inputs())
    throw std::invalid_argument("Mlp: the network has " + std::to_string(model.inputs()) +
                                " inputs, but the examples have " + std::to_string(examples.rows()));
  Eigen::MatrixX<S> out(model.classes(), examples.cols());
  detail::MlpScratch<S> scratch;
  scratch.fit(model.widths);
  for (Eigen::Index j = 0; j < examples.cols(); j += detail::mlp_chunk) {
    const Eigen::Index count = std::min(detail::mlp_chunk, examples.cols() - j);
    detail::MlpPass<S> pass(model, w.data(), examples.col(j).data(), count, scratch);
    pass.forward();
    out.middleCols(j, count) = pass.logits();
  }
  return out;
}

/// The class of the largest logit of each example; the first of equal ones.
template <class S, Point W>
std::vector<int> predictions(const Mlp<S>& model, const W& w, const std::type_identity_t<Eigen::MatrixX<S>>& examples) {
  const Eigen::MatrixX<S> scores = logits(model, w, examples);
  std::vector<int> classes(static_cast<std::size_t>(scores.cols()));
  for (Eigen::Index j = 0; j < scores.cols(); ++j) {
    Eigen::Index best = 0;
    scores.col(j).maxCoeff(&best);
    classes[static_cast<std::size_t>(j)] = static_cast<int>(best);
  }
  return classes;
}

/// The fraction of examples, one or more, whose predicted class is their label.
template <class S, Point W>
double accuracy(const Mlp<S>& model, const W& w, const std::type_identity_t<Eigen::MatrixX<S>>& examples,
                const std::vector<int>& labels) {
  if (labels.empty() || static_cast<Eigen::Index>(labels.size()) != examples.cols())
    throw std::invalid_argument("Mlp: needs one label for each of at least one example, but there are " +
                                std::to_string(examples.cols()) + " examples and " + std::to_string(labels.size()) +
                                " labels");
  const std::vector<int> predicted = predictions(model, w, examples);
  long right = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) right += predicted[i] == labels[i] ? 1 : 0;
  return static_cast<double>(right) / static_cast<double>(labels.size());
}

}  // namespace mesaopt::models
