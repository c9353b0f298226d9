#pragma once

#include <algorithm>
#include <vector>

#include <Eigen/Core>

namespace mesaopt::detail {

// Draws that come in pairs z and −z, of which the better one recombines. Brockhoff, Auger, Hansen, Arnold & Hohm
// (2010), "Mirrored sampling and sequential selection for evolution strategies", PPSN XI, with the pairwise selection
// of Auger, Brockhoff & Hansen (2011), "Mirrored sampling in evolution strategies with weighted recombination", GECCO.

/// Makes the second half of the columns the mirror images of the first. Of an odd number the last one has none.
template <class Draws>
void mirror(Draws& draws) {
  const Eigen::Index half = draws.rows() * (draws.cols() / 2);
  for (Eigen::Index i = 0; i < half; ++i) draws.data()[half + i] = -draws.data()[i];
}

/// Puts the better one of each pair of mirrored draws first, as many as recombine: before all that are worse than their
/// mirror image. In both parts the order stays as it is. The last is scratch.
inline void better_of_pairs_first(std::vector<Eigen::Index>& best_first, std::vector<Eigen::Index>& losers) {
  const Eigen::Index pairs = Eigen::Index(best_first.size()) / 2;
  auto place = best_first.begin();
  losers.clear();
  for (const Eigen::Index k : best_first) {
    const Eigen::Index other = k < pairs ? k + pairs : k - pairs;
    const bool loses = k < 2 * pairs && std::find(best_first.begin(), place, other) != place;
    if (loses)
      losers.push_back(k);
    else
      *place++ = k;
  }
  std::copy(losers.begin(), losers.end(), place);
}

}  // namespace mesaopt::detail
