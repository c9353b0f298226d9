#pragma once

#include <algorithm>
#include <cstdint>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>
#include <mesaopt/gradient/curvature_pairs.hpp>
#include <mesaopt/gradient/quasi_definite.hpp>

namespace mesaopt {

/// The matrix B of L-BFGS, whose inverse curvature pairs give, in compact form: B = θI − W M Wᵀ with W = (Y θS).
///
/// Byrd, Nocedal & Schnabel (1994), "Representations of quasi-Newton matrices and their use in limited memory methods",
/// theorem 2.3. The k pairs may be all, or the oldest of them, which make the B that the newer ones have updated. Vectors
/// with a number for each of the 2k columns of W have them in order of age, those of Y first; zeros follow.
template <Point X>
class CompactBfgs {
 public:
  using S = ScalarOf<X>;
  using Pairs = CurvaturePairs<X>;
  using Column = typename Pairs::Column;
  static constexpr int most = Pairs::most;
  using Square = Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic, Eigen::ColMajor, most, most>;
  using Weights =
      Eigen::Matrix<S, Eigen::Dynamic, 1, Eigen::ColMajor, most == Eigen::Dynamic ? Eigen::Dynamic : 2 * most, 1>;

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
    middle_.resize(pairs.s.cols());
    free_.resize(pairs.s.cols());
    weights_.setZero(2 * pairs.s.cols());
  }
  [[nodiscard]] bool prepared(const Pairs& pairs) const { return weights_.size() == 2 * pairs.s.cols(); }

  /// Where in the ring the pair is that `age` others are older than.
  static Eigen::Index place(const Pairs& pairs, Eigen::Index age) {
    const Eigen::Index i = pairs.next - pairs.count + age;
    return i < 0 ? i + pairs.s.cols() : i;
  }

  /// out = Wᵀv.
  void multiply(const Pairs& pairs, Eigen::Index k, const Column& v, Weights& out) const {
    out.setZero();
    in_blocks(pairs, [&]<int step>(Eigen::Index from, Eigen::Index size) {
      for (Eigen::Index a = 0; a < k; ++a) {
        const Eigen::Index at = place(pairs, a) * pairs.s.rows() + from;
        S sums[2];
        products<step>(v.data() + from, pairs.y.data() + at, pairs.s.data() + at, sums, size);
        out[a] += sums[0];
        out[k + a] += sums[1];
      }
    });
    out.segment(k, k) *= 1 / pairs.scale;
  }

  /// out = row i of W, but for the zeros.
  void row(const Pairs& pairs, Eigen::Index k, Eigen::Index i, Weights& out) const {
    const S theta = 1 / pairs.scale;
    for (Eigen::Index a = 0; a < k; ++a) {
      const Eigen::Index j = place(pairs, a);
      out[a] = pairs.y(i, j);
      out[k + a] = theta * pairs.s(i, j);
    }
  }

  /// Learns of the newest pairs and factors M⁻¹, for all pairs. False if it is not what it should be, for rounding.
  bool factor_middle(const Pairs& pairs) {
    const Eigen::Index k = pairs.count;
    for (Eigen::Index a = k - Eigen::Index(fresh); a < k; ++a) {
      const Eigen::Index i = place(pairs, a);
      multiply(pairs, k, pairs.s.col(i), weights_);
      for (Eigen::Index b = 0; b <= a; ++b) {
        const Eigen::Index j = place(pairs, b);
        sy(i, j) = weights_[b];
        ss(i, j) = weights_[k + b] * pairs.scale;
      }
    }
    fresh = 0;
    middle_.clear(k);
    for (Eigen::Index b = 0; b < k; ++b)
      for (Eigen::Index a = b; a < k; ++a) {
        const Eigen::Index i = place(pairs, a), j = place(pairs, b);
        (a == b ? middle_.c : middle_.t)(a, b) = a == b ? 1 / pairs.reciprocal[i] : sy(i, j);
        middle_.e(a, b) = ss(i, j) / pairs.scale;
      }
    return middle_.factor(k);
  }

  /// v becomes M v.
  void multiply_middle(Weights& v) { middle_.solve(v); }

  /// Factors N = M⁻¹ − Wᵀ F W / θ, where F keeps the free variables, of which `free` has a one; `moved` lists those of
  /// the others that steps of the k pairs have moved. False if it is not what it should be, for rounding.
  ///
  /// No entry of N is a difference: Byrd, Lu, Nocedal & Zhu (1995), section 5.1.
  bool factor_free(const Pairs& pairs, Eigen::Index k, const Column& free, const std::int32_t* moved,
                   Eigen::Index moved_count) {
    free_.clear(k);
    in_blocks(pairs, [&]<int step>(Eigen::Index from, Eigen::Index size) {
      alignas(64) S y_free[block];
      S sums[2];
      for (Eigen::Index a = 0; a < k; ++a) {
        const S* const y = pairs.y.data() + place(pairs, a) * pairs.s.rows() + from;
        for (Eigen::Index i = 0; i < size; ++i) y_free[i] = free[from + i] * y[i];
        for (Eigen::Index b = 0; b <= a; ++b) {
          const Eigen::Index at = place(pairs, b) * pairs.s.rows() + from;
          products<step>(y_free, pairs.y.data() + at, pairs.s.data() + at, sums, size);
          free_.c(a, b) += sums[0];
          free_.t(b, a) -= sums[1];
        }
      }
    });
    for (const std::int32_t* i = moved; i != moved + moved_count; ++i) {
      row(pairs, k, *i, weights_);
      for (Eigen::Index b = 0; b < k; ++b) {
        const S s = weights_[k + b] * pairs.scale, y = weights_[b] * pairs.scale;
        free_.e(b, b) += s * weights_[k + b];
        for (Eigen::Index a = b + 1; a < k; ++a) {
          free_.e(a, b) += s * weights_[k + a];
          free_.t(a, b) += y * weights_[k + a];
        }
      }
    }
    free_.c.leftCols(k) *= pairs.scale;
    for (Eigen::Index a = 0; a < k; ++a) free_.c(a, a) += 1 / pairs.reciprocal[place(pairs, a)];
    return free_.factor(k);
  }

  /// q, which is F q, becomes (F B F)⁻¹ q / γ on the free variables; what is in other places then means nothing. By the
  /// formula of Sherman, Morrison & Woodbury this is q + W N⁻¹ w / θ with w = Wᵀq. w becomes scratch.
  ///
  /// If the others have made a step z, then with θWᵀz added to w, d = γq is where the model −q'd + d'Bd/2 is least over
  /// the free variables: all terms in M cancel.
  void invert_free(const Pairs& pairs, Eigen::Index k, Weights& w, Column& q) {
    free_.solve(w);
    in_blocks(pairs, [&]<int step>(Eigen::Index from, Eigen::Index size) {
      for (Eigen::Index a = 0; a < k; ++a) {
        const Eigen::Index at = place(pairs, a) * pairs.s.rows() + from;
        add<step>(pairs.scale * w[a], pairs.y.data() + at, w[k + a], pairs.s.data() + at, q.data() + from, size);
      }
    });
  }

 private:
  // So short that the same rows of all pairs stay in the nearest cache.
  static constexpr Eigen::Index block = 128;

  /// Calls body<step>(from, size) for the rows of the pairs, block by block; step, the numbers that go into a register,
  /// divides the size.
  template <class Body>
  static void in_blocks(const Pairs& pairs, const Body& body) {
    constexpr int wide = detail::lanes<S>, narrow = std::min(wide, 2);
    const Eigen::Index rows = pairs.s.rows();
    for (Eigen::Index from = 0; from < rows; from += block) {
      const Eigen::Index size = std::min(block, rows - from);
      if (size % wide == 0)
        body.template operator()<wide>(from, size);
      else
        body.template operator()<narrow>(from, size);
    }
  }

  /// The products of v with two vectors.
  template <int step>
  static void products(const S* v, const S* first, const S* second, S* sums, Eigen::Index size) {
    using P = detail::Pack<step, S>;
    P a{}, b{};
    for (Eigen::Index i = 0; i < size; i += step) {
      P x, y, z;
      detail::read<step>(v + i, x);
      detail::read<step>(first + i, y);
      detail::read<step>(second + i, z);
      a += x * y;
      b += x * z;
    }
    sums[0] = detail::sum<step, S>(a);
    sums[1] = detail::sum<step, S>(b);
  }

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

  detail::QuasiDefinite<S, most> middle_{}, free_{};
  Weights weights_{};
};

}  // namespace mesaopt
