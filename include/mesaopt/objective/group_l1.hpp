#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>
#include <mesaopt/core/stopping.hpp>
#include <mesaopt/core/vectors.hpp>

namespace mesaopt {

/// Coordinates that belong together, one after the other.
struct IndexRange {
  Eigen::Index first = 0, size = 0;
  double weight = 1;  ///< that of the group beside others; the square root of its size is customary
};

/// The regularizer weight · Σ over groups of group.weight · |x_group|, with Euclidean norms, which makes whole groups
/// of coordinates exactly zero: the group lasso's. Coordinates in no group are free. See objective/regularized.hpp.
///
///     GroupL1 h{0.1, {{0, 3}, {3, 5}}};  // coordinates 0 to 2, and 3 to 7
///
/// Yuan & Lin (2006), "Model selection and estimation in regression with grouped variables", J. R. Stat. Soc. B 68.
struct GroupL1 {
  double weight = 1;               ///< 0 or more
  std::vector<IndexRange> groups;  ///< in order, apart from one another

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (!(weight >= 0) || !std::isfinite(weight))
      detail::refuse("GroupL1::weight", weight, "it must be 0 or more, and finite");
    Eigen::Index end = 0;
    for (const IndexRange& group : groups) {
      if (!(group.weight >= 0) || !std::isfinite(group.weight))
        detail::refuse("GroupL1::groups: a weight", group.weight, "it must be 0 or more, and finite");
      if (group.size < 1) detail::refuse("GroupL1::groups: a size", double(group.size), "it must be 1 or more");
      if (group.first < end)
        detail::refuse("GroupL1::groups: a first index", double(group.first),
                       "groups must be in order, and not overlap");
      end = group.first + group.size;
    }
  }

  template <Point X>
  ScalarOf<X> value(const X& x) const {
    check_size(x.size());
    ScalarOf<X> sum(0);
    for (const IndexRange& group : groups) sum += ScalarOf<X>(group.weight) * norm(x, group);
    return ScalarOf<X>(weight) * sum;
  }

  template <Point X>
  void proximal(const X& v, ScalarOf<X> t, X& x) const {
    using S = ScalarOf<X>;
    check_size(v.size());
    if (&x != &v) detail::copy(v, x);
    for (const IndexRange& group : groups) {
      const S off = t * S(weight * group.weight), size = norm(v, group);
      const S left = size > off ? 1 - off / size : off > 0 ? S(0) : S(1);
      for (Eigen::Index i = group.first; i < group.first + group.size; ++i) x[i] *= left;
    }
  }

  template <Point X>
  void derivative(const X& v, ScalarOf<X> t, const X& d, X& out) const {
    using S = ScalarOf<X>;
    check_size(v.size());
    if (&out != &d) detail::copy(d, out);
    for (const IndexRange& group : groups) {
      const S off = t * S(weight * group.weight), size = norm(v, group);
      if (off == 0) continue;
      const S left = size > off ? 1 - off / size : S(0);
      const S along =
          size > off ? off / size * detail::product(v.data() + group.first, d.data() + group.first, group.size) : S(0);
      for (Eigen::Index i = group.first; i < group.first + group.size; ++i)
        out[i] = left * d[i] + (size > off ? along / size * (v[i] / size) : S(0));
    }
  }

  template <Point X>
  ScalarOf<X> margin(const X& v, ScalarOf<X> t) const {
    using S = ScalarOf<X>;
    using std::abs;
    check_size(v.size());
    S least = std::numeric_limits<S>::infinity();
    for (const IndexRange& group : groups) {
      const S off = t * S(weight * group.weight);
      if (off > 0) least = std::min(least, S(abs(norm(v, group) - off)));
    }
    return least;
  }

 private:
  template <class X>
  static ScalarOf<X> norm(const X& x, const IndexRange& group) {
    using std::sqrt;
    const auto* const part = x.data() + group.first;
    return sqrt(detail::product(part, part, group.size));
  }
  void check_size(Eigen::Index size) const {
    const Eigen::Index end = groups.empty() ? 0 : groups.back().first + groups.back().size;
    if (end > size)
      throw std::invalid_argument("GroupL1::groups: they end at coordinate " + std::to_string(end - 1) +
                                  ", but the point has " + std::to_string(size));
  }
};

}  // namespace mesaopt
