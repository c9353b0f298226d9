#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>
#include <mesaopt/core/vectors.hpp>
#include <mesaopt/evolution/columns.hpp>

namespace mesaopt::detail {

/// What all distributions of CMA-ES learn in the same way: mean, paths and step size, and by which factors their
/// covariance takes up what is new. Scratch: nothing in it lasts longer than a generation.
///
/// Hansen (2016), "The CMA evolution strategy: a tutorial", arXiv:1604.00772, figure 6, in its letters.
template <Point X>
struct CmaLearning {
  using S = ScalarOf<X>;

  X mean_draw{};                ///< <z>, weighted, of the points that recombine
  X mean_step{};                ///< <y>, the same of their steps
  S decay = 1;                  ///< the factor of the old covariance; that of p_c p_c' is c_1
  Eigen::VectorX<S> factors{};  ///< of y y', by rank
  Eigen::Index used = 0;        ///< how many of these count

  /// Makes room for n variables and generations of so many points.
  void reserve(Eigen::Index n, Eigen::Index lambda) {
    for (X* part : {&mean_draw, &mean_step})
      if (part->size() != n) part->resize(n);
    if (factors.size() != lambda) factors.resize(lambda);
  }

  /// Teaches a distribution one generation, its columns `best_first`, but for the covariance. `add_round(a, z, path)`
  /// adds a C^(-1/2) <y> to the path, where z is <z>, which it may overwrite.
  template <class Distribution, class AddRound>
  void teach(Distribution& to, const std::vector<Eigen::Index>& best_first, const PointsOf<X>& draws,
             const PointsOf<X>& steps, const AddRound& add_round) {
    using std::sqrt;
    const auto& [w, mu, mu_eff, c_sigma, d_sigma, c_c, c_1, c_mu, chi_n, gap] = to.parameters;
    const Eigen::Index n = to.mean.size();
    const auto ranked = [&](const PointsOf<X>& points, Eigen::Index rank) {
      return points.data() + n * best_first[std::size_t(rank)];
    };

    reserve(n, w.size());
    zeros(mean_draw, n, 1);
    zeros(mean_step, n, 1);
    for (Eigen::Index i = 0; i < mu; ++i) {
      add_multiple(n, w[i], ranked(draws, i), mean_draw.data());
      add_multiple(n, w[i], ranked(steps, i), mean_step.data());
    }
    add_multiple(n, to.step_size, mean_step.data(), to.mean.data());

    S* const conjugate_path = to.conjugate_path.data();
    S* const evolution_path = to.evolution_path.data();
    scale(1 - c_sigma, conjugate_path, conjugate_path, n);
    add_round(sqrt(c_sigma * (2 - c_sigma) * mu_eff), mean_draw.data(), conjugate_path);
    const S length = sqrt(product(conjugate_path, conjugate_path, n));
    ++to.generation;
    const S usual = sqrt(1 - std::pow(1 - c_sigma, 2 * S(to.generation)));
    const bool stall = !(length < usual * (S(1.4) + 2 / (S(n) + 1)) * chi_n);  // h_sigma = 0
    scale(1 - c_c, evolution_path, evolution_path, n);
    if (!stall) add_multiple(n, sqrt(c_c * (2 - c_c) * mu_eff), mean_step.data(), evolution_path);

    // C = decay C + c_1 p_c p_c' + sum of factors y y'
    decay = 1 - c_1 + (stall ? c_1 * c_c * (2 - c_c) : S(0));
    for (Eigen::Index i = 0; i < w.size(); ++i) {
      factors[i] = c_mu * w[i];
      if (w[i] < 0) {
        const S* const z = ranked(draws, i);
        const S squares = product(z, z, n);
        if (!(squares > 0)) {  // a point that was made nothing of: see Injected
          factors[i] = 0;
          continue;
        }
        factors[i] *= S(n) / std::max(squares, std::numeric_limits<S>::min());
      }
      decay -= c_mu * w[i];
    }
    used = w[w.size() - 1] < 0 ? w.size() : mu;

    // Draws cannot change it that much; points from outside can.
    to.step_size *= std::exp(std::min(S(1), c_sigma / d_sigma * (length / chi_n - 1)));
  }
};

}  // namespace mesaopt::detail
