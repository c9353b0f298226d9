#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>
#include <mesaopt/gradient/compact_bfgs.hpp>
#include <mesaopt/gradient/curvature_pairs.hpp>
#include <mesaopt/gradient/kept_box.hpp>

namespace mesaopt::detail {

/// The first local minimum of the quadratic model along the path from x down the gradient, which bends where it meets
/// the bounds: the generalized Cauchy point, which says which bounds to go to.
///
/// Byrd, Lu, Nocedal & Zhu (1995), "A limited memory algorithm for bound constrained optimization", SIAM J. Sci.
/// Comput. 16(5), algorithm CP. All of it is scratch.
template <Point X>
struct CauchyPoint {
  using S = ScalarOf<X>;
  using Column = typename CurvaturePairs<X>::Column;
  using Weights = typename CompactBfgs<X>::Weights;

  using Indices = Eigen::Matrix<std::int32_t, X::RowsAtCompileTime, 1, 0, X::MaxRowsAtCompileTime, 1>;

  Column free{};     ///< 1 for the variables that may move, 0 for those that stay at a bound or go to one
  Column descent{};  ///< −g of the free variables, 0 for the others
  X step{};          ///< the way from x to the point, of the variables that go to a bound; 0 for the others
  S length = 0;      ///< the free variables go on by this times −g
  Weights along{};   ///< Wᵀ descent
  Weights moved{};   ///< Wᵀ step

  void resize(Eigen::Index n, Eigen::Index rows, Eigen::Index memory) {
    for (Column* column : {&free, &descent}) column->setZero(rows);
    for (X* point : {&step, &when_}) point->setZero(n);
    queue_.setZero(n);
    for (Weights* weights : {&along, &moved, &middle_along_, &middle_way_, &row_, &middle_row_})
      weights->setZero(2 * memory);
  }

  /// Goes from x, whose `free` and `descent` are given, to the point. True if variables have gone to bounds on the way,
  /// which are not free any more. B has its middle matrix factored.
  bool find(const X& x, const X& gradient, const KeptBox<X>& box, const CurvaturePairs<X>& pairs,
            CompactBfgs<X>& B) {
    const S theta = 1 / pairs.scale;
    Eigen::Index left = line_up(x, box);
    step.setZero();
    moved.setZero();
    B.multiply(pairs, pairs.count, descent, along);
    middle_along_ = along;
    B.multiply_middle(middle_along_);
    middle_way_.setZero();  // M Wᵀ (the way so far)
    row_.setZero();
    // Slope and curvature of the model along the present piece of the path.
    S slope = -descent.squaredNorm();
    S curvature = -theta * slope - along.dot(middle_along_);
    const S least = std::numeric_limits<S>::epsilon() * curvature;
    S now = 0;
    std::int32_t* const queue = queue_.data();
    const Eigen::Index lined_up = left;
    for (; left > 0; --left) {
      const Eigen::Index i = queue[0];
      const S dt = when_[i] - now, g = gradient[i];
      if (-slope < dt * curvature) break;
      std::pop_heap(queue, queue + left, later());
      now = when_[i];
      step[i] = (g < 0 ? box.box.upper[i] : box.box.lower[i]) - x[i];
      middle_way_ += dt * middle_along_;
      B.row(pairs, pairs.count, i, row_);
      middle_row_ = row_;
      B.multiply_middle(middle_row_);
      slope += dt * curvature + g * (g + theta * step[i] - row_.dot(middle_way_));
      curvature -= g * (theta * g + 2 * row_.dot(middle_along_) + g * row_.dot(middle_row_));
      curvature = std::max(curvature, least);
      along += g * row_;
      middle_along_ += g * middle_row_;
      moved += step[i] * row_;
      descent[i] = 0;
      free[i] = 0;
    }
    length = now + std::max(S(0), -slope / curvature);
    return left < lined_up;
  }

 private:
  /// Puts the variables that meet a bound into a heap, the first on top. Answers how many they are.
  Eigen::Index line_up(const X& x, const KeptBox<X>& box) {
    Eigen::Index count = 0;
    for (Eigen::Index i = 0; i < x.size(); ++i) {
      const S way = descent[i], bound = way > 0 ? box.box.upper[i] : box.box.lower[i];
      when_[i] = (bound - x[i]) / way;
      if (way != 0 && when_[i] < std::numeric_limits<S>::infinity()) queue_[count++] = std::int32_t(i);
    }
    std::make_heap(queue_.data(), queue_.data() + count, later());
    return count;
  }
  auto later() const {
    return [this](std::int32_t i, std::int32_t j) { return when_[i] != when_[j] ? when_[i] > when_[j] : i > j; };
  }

  X when_{};  ///< where along the path a variable meets its bound
  Indices queue_{};
  Weights middle_along_{}, middle_way_{}, row_{}, middle_row_{};
};

}  // namespace mesaopt::detail
