#pragma once

#include <algorithm>
#include <cstdint>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>
#include <mesaopt/core/vectors.hpp>
#include <mesaopt/gradient/curvature_pairs.hpp>
#include <mesaopt/gradient/quasi_definite.hpp>
#include <mesaopt/gradient/row_blocks.hpp>

namespace mesaopt {

/// The matrix B of L-BFGS, whose inverse curvature pairs give, in compact form: B = θI − W M Wᵀ with W = (Y θS).
///
/// Byrd, Nocedal & Schnabel (1994), "Representations of quasi-Newton matrices and their use in limited memory methods",
/// theorem 2.3. The k pairs may be all, or the oldest of them, which make the B that the newer ones have updated.
/// Vectors with a number for each of the 2k columns of W have them in order of age, those of Y first; zeros follow.
template <Point X>
class CompactBfgs {
 public:
  using S = ScalarOf<X>;
  using Pairs = CurvaturePairs<X>;
  using Column = typename Pairs::Column;
  static constexpr int most = Pairs::most;
  using Square = Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic, Eigen::ColMajor, most, most>;
  static constexpr int twice = most == Eigen::Dynamic ? Eigen::Dynamic : 2 * most;
  using Weights = Eigen::Matrix<S, Eigen::Dynamic, 1, Eigen::ColMajor, twice, 1>;

  Square ss{};             ///< sᵢ'sⱼ by places in the ring, pair i not older than j
  Square sy{};             ///< sᵢ'yⱼ by places in the ring, pair i newer than j
  std::int64_t fresh = 0;  ///< how many of the newest pairs these do not know yet

  static constexpr auto fields() { return std::tuple{&CompactBfgs::ss, &CompactBfgs::sy, &CompactBfgs::fresh}; }

  /// Begins anew with pairs of which it knows nothing.
  void clear(const Pairs& pairs) {
    ss.setZero(pairs.s.cols(), pairs.s.cols());
    sy.setZero(pairs.s.cols(), pairs.s.cols());
    fresh = pairs.count;
    prepare(pairs);
  }
  /// Gives the scratch its size: a state that was loaded has none.
  void prepare(const Pairs& pairs) {
    factor_.resize(pairs.s.cols());
    inverse_.resize(2 * pairs.s.cols(), 2 * pairs.s.cols());
    weights_.setZero(2 * pairs.s.cols());
  }
  [[nodiscard]] bool prepared(const Pairs& pairs) const { return weights_.size() == 2 * pairs.s.cols(); }

  /// out = Wᵀv, where v is padded as the pairs are.
  void multiply(const Pairs& pairs, Eigen::Index k, const S* v, Weights& out) const {
    out.setZero();
    detail::in_blocks(pairs, [&]<int step>(Eigen::Index from, Eigen::Index size) {
      for (Eigen::Index a = 0; a < k; ++a) {
        const Eigen::Index at = pairs.place(a) * pairs.s.rows() + from;
        detail::add_products<step>(v + from, pairs.y.data() + at, pairs.s.data() + at, out[a], out[k + a], size);
      }
    });
    out.segment(k, k) *= 1 / pairs.scale;
  }

  /// out = row i of W, but for the zeros.
  void row(const Pairs& pairs, Eigen::Index k, Eigen::Index i, Weights& out) const {
    const S theta = 1 / pairs.scale;
    for (Eigen::Index a = 0; a < k; ++a) {
      const Eigen::Index j = pairs.place(a);
      out[a] = pairs.y(i, j);
      out[k + a] = theta * pairs.s(i, j);
    }
  }

  /// Learns of the newest pairs and factors M⁻¹, for all pairs. False if it is not what it should be, for rounding.
  bool factor_middle(const Pairs& pairs) {
    const Eigen::Index k = pairs.count;
    for (Eigen::Index a = k - Eigen::Index(fresh); a < k; ++a) {
      const Eigen::Index i = pairs.place(a);
      multiply(pairs, a + 1, pairs.s.col(i).data(), weights_);
      for (Eigen::Index b = 0; b <= a; ++b) {
        const Eigen::Index j = pairs.place(b);
        sy(i, j) = weights_[b];
        ss(i, j) = weights_[a + 1 + b] * pairs.scale;
      }
    }
    fresh = 0;
    products_ = 0;
    factor_.clear(k);
    for (Eigen::Index b = 0; b < k; ++b)
      for (Eigen::Index a = b; a < k; ++a) {
        const Eigen::Index i = pairs.place(a), j = pairs.place(b);
        (a == b ? factor_.c : factor_.t)(a, b) = a == b ? 1 / pairs.reciprocal[i] : sy(i, j);
        factor_.e(a, b) = ss(i, j) / pairs.scale;
      }
    return factor_.factor(k);
  }

  /// v becomes M v. M⁻¹ has been factored.
  void multiply_middle(const Pairs& pairs, Weights& v) {
    const Eigen::Index size = 2 * pairs.count;
    if (products_ < size) {
      ++products_;
      return factor_.solve(v);
    }
    if (products_++ == size)  // enough of them for the inverse to pay
      for (Eigen::Index j = 0; j < size; ++j) {
        weights_.setZero();
        weights_[j] = 1;
        factor_.solve(weights_);
        inverse_.col(j).head(size) = weights_.head(size);
      }
    for (Eigen::Index j = 0; j < size; ++j) weights_[j] = detail::product(inverse_.col(j).data(), v.data(), size);
    v.head(size) = weights_.head(size);
  }

  /// Adds W v to q, where q is padded as the pairs are.
  void add_columns(const Pairs& pairs, const Weights& v, Column& q) const {
    const Eigen::Index k = pairs.count;
    detail::in_blocks(pairs, [&]<int step>(Eigen::Index from, Eigen::Index size) {
      for (Eigen::Index a = 0; a < k; ++a) {
        const Eigen::Index at = pairs.place(a) * pairs.s.rows() + from;
        add<step>(v[a], pairs.y.data() + at, v[k + a] / pairs.scale, pairs.s.data() + at, q.data() + from, size);
      }
    });
  }

 private:
  /// out += a x + b y.
  template <int step>
  static void add(S a, const S* x, S b, const S* y, S* out, Eigen::Index size) {
    for (Eigen::Index i = 0; i < size; i += step) {
      detail::Pack<step, S> u, v, to;
      detail::read<step>(x + i, u);
      detail::read<step>(y + i, v);
      detail::read<step>(out + i, to);
      to += a * u + b * v;
      detail::write<step>(to, out + i);
    }
  }

  detail::QuasiDefinite<S, most> factor_{};                                                    // of M⁻¹
  Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic, Eigen::ColMajor, twice, twice> inverse_{};  // M
  Eigen::Index products_ = 0;                                                                  // taken with M
  Weights weights_{};
};

}  // namespace mesaopt
