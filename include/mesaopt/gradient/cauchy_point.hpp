#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>
#include <mesaopt/core/vectors.hpp>
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
  /// which are not free any more. B has its middle matrix factored. The search is faster if the point is no further
  /// than `guess` times the gradient.
  bool find(const X& x, const X& gradient, const KeptBox<X>& box, const CurvaturePairs<X>& pairs, CompactBfgs<X>& B,
            S guess) {
    const S theta = 1 / pairs.scale;
    step.setZero();
    moved.setZero();
    B.multiply(pairs, pairs.count, descent.data(), along);
    middle_along_ = along;
    B.multiply_middle(pairs, middle_along_);
    middle_way_.setZero();  // M Wᵀ (the way so far)
    row_.setZero();
    // Slope and curvature of the model along the present piece of the path.
    S slope = -product(descent, descent);
    S curvature = -theta * slope - product(along, middle_along_);
    const S least = std::numeric_limits<S>::epsilon() * curvature;
    S now = 0;
    meet_bounds(x, box);
    Eigen::Index left = line_up(-1, guess);
    bool bent = false, all = false;
    for (;;) {
      if (left == 0) {
        if (all || now - slope / curvature <= guess) break;
        left = line_up(guess, std::numeric_limits<S>::max());
        all = true;
        continue;
      }
      const Eigen::Index i = queue_[0];
      const S dt = when_[i] - now, g = gradient[i];
      if (-slope < dt * curvature) break;
      std::pop_heap(queue_.data(), queue_.data() + left--, later());
      bent = true;
      now = when_[i];
      step[i] = (g < 0 ? box.box.upper[i] : box.box.lower[i]) - x[i];
      middle_way_ += dt * middle_along_;
      B.row(pairs, pairs.count, i, row_);
      middle_row_ = row_;
      B.multiply_middle(pairs, middle_row_);
      slope += dt * curvature + g * (g + theta * step[i] - product(row_, middle_way_));
      curvature -= g * (theta * g + 2 * product(row_, middle_along_) + g * product(row_, middle_row_));
      curvature = std::max(curvature, least);
      along += g * row_;
      middle_along_ += g * middle_row_;
      moved += step[i] * row_;
      descent[i] = 0;
      free[i] = 0;
    }
    length = now + std::max(S(0), -slope / curvature);
    return bent;
  }

 private:
  template <class V>
  static S product(const V& a, const V& b) {
    return detail::product(a.data(), b.data(), a.size());
  }

  /// Finds where along the path the variables meet their bounds; NaN or infinite for those that do not.
  void meet_bounds(const X& x, const KeptBox<X>& box) {
    const S *const at = x.data(), *const way = descent.data();
    const S *const lower = box.box.lower.data(), *const upper = box.box.upper.data();
    S* const when = when_.data();
    for (Eigen::Index i = 0; i < x.size(); ++i) {
      const S up = (upper[i] - at[i]) / way[i], down = (lower[i] - at[i]) / way[i];
      when[i] = way[i] > 0 ? up : down;
    }
  }

  /// Puts the variables that meet their bounds later than `from`, but not later than `to`, into a heap, the first on
  /// top. Answers how many they are.
  Eigen::Index line_up(S from, S to) {
    Eigen::Index count = 0;
    for (Eigen::Index i = 0; i < when_.size(); ++i) {
      queue_[count] = std::int32_t(i);
      count += when_[i] > from && when_[i] <= to ? 1 : 0;
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
