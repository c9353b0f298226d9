#pragma once

#include <algorithm>
#include <cstdint>
#include <ostream>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/stopping.hpp>

namespace mesaopt {

/// How derivatives are checked.
struct DerivativeCheck {
  double tolerance = 0;  ///< relative error of an entry that is overlooked; 0: ε^(3/8), 1e-6 in double, 3e-3 in float
  double typical = 1;    ///< coordinates smaller than this are moved as if they were of this size
  std::int64_t most = 500;  ///< coordinates that are moved one by one; of more, so many are drawn
  std::uint64_t seed = 0;   ///< of that draw

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (!(tolerance >= 0)) detail::refuse("DerivativeCheck::tolerance", tolerance, "it must be 0 or more");
    if (!(typical > 0)) detail::refuse("DerivativeCheck::typical", typical, "it must be more than 0");
    if (most < 1) detail::refuse("DerivativeCheck::most", double(most), "it must be 1 or more");
  }
};

/// One entry of a derivative as the objective gives it and as differences have it.
struct DerivativeEntry {
  Eigen::Index row = 0;     ///< function; 0 where there is one alone
  Eigen::Index column = 0;  ///< coordinate; −1: along a direction drawn at random, which all coordinates have part in
  double given = 0;
  double by_differences = 0;
  double uncertainty = 0;     ///< estimated error of by_differences, and what f says of the error of its gradient
  double relative_error = 0;  ///< |given − by_differences| / max(|given|, |by_differences|)
};

/// A derivative compared with differences, entry by entry. One is wrong if it is off by more than the tolerance and ten
/// times the uncertainty, and undecided if it is not, but differences are so inexact that half of it would not show.
struct DerivativeComparison {
  const char* name = "";
  std::int64_t compared = 0;
  std::int64_t wrong = 0;
  std::int64_t undecided = 0;
  DerivativeEntry worst{};  ///< the one that is off by the largest multiple of what is allowed
};

/// What `check_derivatives` found. It prints itself.
struct DerivativeReport {
  std::vector<DerivativeComparison> parts{};

  /// True if no entry is wrong.
  [[nodiscard]] bool right() const {
    return std::all_of(parts.begin(), parts.end(), [](const auto& part) { return part.wrong == 0; });
  }
};

/// Prints a line for every derivative, with its worst entry.
inline std::ostream& operator<<(std::ostream& out, const DerivativeReport& report) {
  for (const DerivativeComparison& part : report.parts) {
    out << part.name << ": ";
    if (part.wrong > 0)
      out << part.wrong << " of " << part.compared << " entries WRONG, the worst ";
    else
      out << part.compared << (part.compared == 1 ? " entry" : " entries") << " right, the worst ";
    const DerivativeEntry& worst = part.worst;
    if (worst.column < 0)
      out << "along a random direction";
    else
      out << "at (" << worst.row << ", " << worst.column << ")";
    const auto precision = out.precision(10);
    out << ": " << worst.given << " given, " << worst.by_differences << " by differences";
    out.precision(2);
    out << " (+-" << worst.uncertainty << "), relative error " << worst.relative_error;
    out.precision(precision);
    if (part.undecided > 0) out << "; " << part.undecided << " too inexact by differences to tell";
    out << '\n';
  }
  return out;
}

}  // namespace mesaopt
