#pragma once

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>

namespace mesaopt::models {

/// The penalty 1/2 sum over groups k of e^(x_k) |w_k|^2 on weights w, with one log penalty x_k for each group of
/// weights.
///
/// Its derivatives have the names of a family's, and they are added to what is there, so that a training objective is
/// its loss and then this. Nothing is allocated in a call. Runs of neighbours in one group are handled at once.
class GroupPenalty {
 public:
  /// `groups` names the group of each weight: 0, 1, ..., without gaps; -1 means no penalty. Throws
  /// std::invalid_argument for a group below -1, or one that no weight is in while a later one has some, or no group at
  /// all.
  explicit GroupPenalty(const std::vector<int>& groups) : weights_(static_cast<Eigen::Index>(groups.size())) {
    for (std::size_t i = 0; i < groups.size(); ++i) {
      if (groups[i] < -1)
        throw std::invalid_argument("GroupPenalty: groups are 0, 1, ..., or -1 for no penalty, but weight " +
                                    std::to_string(i) + " is in " + std::to_string(groups[i]));
      const auto at = static_cast<Eigen::Index>(i);
      const Eigen::Index group = groups[i];
      if (group >= groups_) groups_ = group + 1;
      if (group < 0) continue;
      if (!runs_.empty() && runs_.back().group == group && runs_.back().begin + runs_.back().size == at)
        ++runs_.back().size;
      else
        runs_.push_back({at, 1, group});
    }
    std::vector<char> used(static_cast<std::size_t>(groups_), 0);
    for (const Run& run : runs_) used[static_cast<std::size_t>(run.group)] = 1;
    for (std::size_t k = 0; k < used.size(); ++k)
      if (used[k] == 0) throw std::invalid_argument("GroupPenalty: no weight is in group " + std::to_string(k));
    if (groups_ == 0)
      throw std::invalid_argument("GroupPenalty: there must be one group at least, but groups has none");
  }

  /// The number of groups, which is the size of x.
  Eigen::Index groups() const { return groups_; }

  /// The number of weights, which is the size of w.
  Eigen::Index weights() const { return weights_; }

  /// The value at (x, w).
  template <Point X, Point W>
  ScalarOf<W> operator()(const X& x, const W& w) const {
    require(x.size(), w.size());
    ScalarOf<W> value(0);
    for (const Run& run : runs_) value += std::exp(x[run.group]) * part(w, run).squaredNorm();
    return value / 2;
  }

  /// The value at (x, w); adds the derivative by w to gw.
  template <Point X, Point W>
  ScalarOf<W> operator()(const X& x, const W& w, W& gw) const {
    require(x.size(), w.size());
    ScalarOf<W> value(0);
    for (const Run& run : runs_) {
      const ScalarOf<W> penalty = std::exp(x[run.group]);
      part(gw, run) += penalty * part(w, run);
      value += penalty * part(w, run).squaredNorm();
    }
    return value / 2;
  }

  /// out += (second derivative by w) v.
  template <Point X, Point W>
  void hessian_product(const X& x, const W& w, const W& v, W& out) const {
    require(x.size(), w.size());
    for (const Run& run : runs_) part(out, run) += std::exp(x[run.group]) * part(v, run);
  }

  /// H += second derivative by w, which is diagonal.
  template <Point X, class Matrix>
  void hessian(const X& x, Matrix& H) const {
    require(x.size(), H.rows());
    for (const Run& run : runs_) H.diagonal().segment(run.begin, run.size).array() += std::exp(x[run.group]);
  }

  /// out += derivative by x of (derivative by w) . v.
  template <Point X, Point W>
  void mixed_product(const X& x, const W& w, const W& v, X& out) const {
    require(x.size(), w.size());
    for (const Run& run : runs_) out[run.group] += std::exp(x[run.group]) * part(w, run).dot(part(v, run));
  }

  /// out += change of the derivative by w along the direction u of x.
  template <Point X, Point W>
  void mixed_direction(const X& x, const W& w, const X& u, W& out) const {
    require(x.size(), w.size());
    for (const Run& run : runs_) part(out, run) += std::exp(x[run.group]) * u[run.group] * part(w, run);
  }

 private:
  struct Run {
    Eigen::Index begin, size, group;
  };

  template <class W>
  static auto part(W& w, const Run& run) {
    return w.segment(run.begin, run.size);
  }

  void require(Eigen::Index x_size, Eigen::Index w_size) const {
    if (x_size != groups_)
      throw std::invalid_argument("GroupPenalty: x must be one log penalty a group, " + std::to_string(groups_) +
                                  ", but its size is " + std::to_string(x_size));
    if (w_size != weights_)
      throw std::invalid_argument("GroupPenalty: groups names " + std::to_string(weights_) +
                                  " weights, but w has size " + std::to_string(w_size));
  }

  std::vector<Run> runs_;
  Eigen::Index groups_ = 0;
  Eigen::Index weights_ = 0;
};

}  // namespace mesaopt::models
