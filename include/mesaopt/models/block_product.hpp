#pragma once

#include <algorithm>

#include <Eigen/Core>

namespace mesaopt::detail {

/// Matrix products, added to what is there, in blocks so small that Eigen's copies of them fit on the stack, where it
/// would else allocate; no slower than one product. All operands have one type each, to be compiled once.
template <class S>
struct BlockProduct {
  using Matrix = Eigen::MatrixX<S>;
  using Reads = Eigen::Ref<const Matrix>;
  using Writes = Eigen::Ref<Matrix>;

  /// out += A B
  static void add(const Reads& A, const Reads& B, Writes out) { add_blocks(A, B, out); }

  /// out += A'B
  static void add_left_transposed(const Reads& A, const Reads& B, Writes out) { add_blocks(A.transpose(), B, out); }

  /// out += A B'
  static void add_right_transposed(const Reads& A, const Reads& B, Writes out) { add_blocks(A, B.transpose(), out); }

 private:
  template <class Left, class Right>
  static void add_blocks(const Left& left, const Right& right, Writes& out) {
    constexpr Eigen::Index block = 128;
    for (Eigen::Index k = 0; k < left.cols(); k += block) {
      const Eigen::Index depth = std::min(block, left.cols() - k);
      for (Eigen::Index j = 0; j < right.cols(); j += block) {
        const Eigen::Index columns = std::min(block, right.cols() - j);
        for (Eigen::Index i = 0; i < left.rows(); i += block) {
          const Eigen::Index rows = std::min(block, left.rows() - i);
          out.block(i, j, rows, columns).noalias() += left.block(i, k, rows, depth) * right.block(k, j, depth, columns);
        }
      }
    }
  }
};

}  // namespace mesaopt::detail
