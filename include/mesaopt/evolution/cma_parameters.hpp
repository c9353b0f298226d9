#pragma once

#include <algorithm>
#include <cmath>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>

namespace mesaopt {

/// The constants of CMA-ES for n variables and a population of lambda, in the letters of its tutorial.
///
/// Hansen (2016), "The CMA evolution strategy: a tutorial", arXiv:1604.00772, table 1 with equations (49) to (58);
/// but c_sigma = (mu_eff + 2) / (n + mu_eff + 3), as in N. Hansen's pycma, which learns the step size a little faster.
template <Real S>
struct CmaParameters {
  Eigen::VectorX<S>
      weights{};        ///< by rank, best first; the first mu sum to 1, the rest are negative, or 0 if not active
  Eigen::Index mu = 0;  ///< how many recombine into the new mean
  S mu_eff = 0;         ///< their variance-effective number
  S c_sigma = 0, d_sigma = 0;    ///< step size: learning rate of its path, damping
  S c_c = 0, c_1 = 0, c_mu = 0;  ///< covariance: learning rates of its path, of the rank-one and of the rank-mu update
  S chi_n = 0;                   ///< expected length of a standard normal vector, approximately
  S gap = 0;                     ///< generations between two decompositions of the covariance: 1 / (2 n (c_1 + c_mu))

  static constexpr auto fields() {
    using P = CmaParameters;
    return std::tuple{&P::weights, &P::mu,  &P::mu_eff, &P::c_sigma, &P::d_sigma,
                      &P::c_c,     &P::c_1, &P::c_mu,   &P::chi_n,   &P::gap};
  }

  /// Sets all of them; does not allocate if the population stays as large. `active` asks for negative weights. The
  /// learning rates of the covariance are `faster` times as large, as far as they can be: for one of fewer parameters.
  void set(Eigen::Index variables, Eigen::Index lambda, bool active, double faster = 1) {
    const double n = double(variables);
    if (weights.size() != lambda) weights.resize(lambda);
    mu = lambda / 2;
    const auto raw = [&](Eigen::Index i) { return std::log((double(lambda) + 1) / 2) - std::log(double(i) + 1); };
    double sum = 0, squares = 0, negative = 0, negative_squares = 0;
    for (Eigen::Index i = 0; i < lambda; ++i) {
      const double w = raw(i);
      (i < mu ? sum : negative) += w;
      (i < mu ? squares : negative_squares) += w * w;
    }
    const double m = sum * sum / squares;
    const double m_negative = negative_squares > 0 ? negative * negative / negative_squares : 0;

    const double cs = (m + 2) / (n + m + 3);
    const double c1 = std::min(1.0, faster * 2 / ((n + 1.3) * (n + 1.3) + m));
    const double cm = std::min(1 - c1, faster * 2 * (0.25 + m + 1 / m - 2) / ((n + 2) * (n + 2) + m));
    // How much may be taken away: no more than is given, and never so much that the covariance ceases to be one.
    const double most = std::min({1 + c1 / cm, 1 + 2 * m_negative / (m + 2), (1 - c1 - cm) / (n * cm)});
    for (Eigen::Index i = 0; i < lambda; ++i) {
      const double w = raw(i);
      weights[i] = S(i < mu ? w / sum : active && negative < 0 ? -most * w / negative : 0.0);
    }

    mu_eff = S(m);
    c_sigma = S(cs);
    d_sigma = S(1 + 2 * std::max(0.0, std::sqrt((m - 1) / (n + 1)) - 1) + cs);
    c_c = S((4 + m / n) / (n + 4 + 2 * m / n));
    c_1 = S(c1);
    c_mu = S(cm);
    chi_n = S(std::sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n)));
    gap = S(1 / (2 * n * (c1 + cm)));
  }
};

}  // namespace mesaopt
