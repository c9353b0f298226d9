#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <span>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/optimizer.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/core/status.hpp>
#include <mesaopt/core/stopping.hpp>
#include <mesaopt/evolution/principal_axes.hpp>

namespace mesaopt {

/// A normal distribution mean + step_size * N(0, covariance) as a prior: where good points are believed to lie.
template <Point X>
struct NormalPrior {
  using S = ScalarOf<X>;
  X x{};  ///< the best point known
  X mean{};
  MatrixOf<X> covariance{};  ///< of determinant 1
  S step_size = 0;

  static constexpr auto fields() {
    using T = NormalPrior;
    return std::tuple{&T::x, &T::mean, &T::covariance, &T::step_size};
  }
};

/// How `promising_distribution` takes observations.
struct PromisingSettings {
  double gamma = 0.1;  ///< the share of the best that counts, in (0, 1]
  double alpha = 0.1;  ///< a standard deviation in each coordinate that is added to theirs: positive
};

/// The distribution of the best points of an earlier, similar task, to begin a CMA-ES with:
///
///     auto solution = minimize(f, promising_distribution(points, values), CmaEs{});
///
/// Of the points, one a column, those with the lowest values count, floor(gamma N) of them: their mean, and their
/// covariance plus alpha^2 on its diagonal. The coordinates are taken to be of about the same range, of length 1 for
/// the default alpha; a box that holds all of them, or its logarithm, is a good unit. Values that are NaN or infinite
/// do not count. A search with a step size takes it from here, whatever its own is.
///
/// Throws std::invalid_argument if there are not as many values as points, a setting is out of its range, no point
/// counts, or one that does is not finite.
///
/// Nomura, Watanabe, Akimoto, Ozaki & Onishi (2021), "Warm starting CMA-ES for hyperparameter optimization", AAAI:
/// WS-CMA-ES.
template <class Matrix, class S = typename Matrix::Scalar, class X = Eigen::Matrix<S, Matrix::RowsAtCompileTime, 1>>
NormalPrior<X> promising_distribution(const Matrix& points, std::span<const std::type_identity_t<S>> values,
                                      const PromisingSettings& settings = {}) {
  if (std::size_t(points.cols()) != values.size())
    throw std::invalid_argument("values: are " + std::to_string(values.size()) + ", but points " +
                                std::to_string(points.cols()));
  if (!(settings.gamma > 0 && settings.gamma <= 1))
    detail::refuse("PromisingSettings::gamma", settings.gamma, "it must be in (0, 1]");
  if (!(settings.alpha > 0) || !std::isfinite(settings.alpha))
    detail::refuse("PromisingSettings::alpha", settings.alpha, "it must be positive and finite");

  std::vector<Eigen::Index> best_first;
  for (std::size_t k = 0; k < values.size(); ++k)
    if (std::isfinite(values[k])) best_first.push_back(Eigen::Index(k));
  std::stable_sort(best_first.begin(), best_first.end(),
                   [&](Eigen::Index a, Eigen::Index b) { return values[std::size_t(a)] < values[std::size_t(b)]; });
  // 0.1 times 30 is 3 also in floating point.
  const auto count = std::size_t(settings.gamma * double(best_first.size()) * (1 + 1e-12));
  if (count == 0)
    throw std::invalid_argument("values: of " + std::to_string(best_first.size()) +
                                " that are finite none counts; needs at least 1 / gamma of them");
  best_first.resize(count);

  const Eigen::Index n = points.rows();
  NormalPrior<X> prior;
  prior.x = points.col(best_first.front());
  prior.mean.setZero(n);
  for (const Eigen::Index k : best_first) prior.mean += points.col(k) / S(count);
  prior.covariance.setZero(n, n);
  for (Eigen::Index i = 0; i < n; ++i) prior.covariance(i, i) = S(settings.alpha * settings.alpha);
  for (const Eigen::Index k : best_first) {
    const X step = points.col(k) - prior.mean;
    for (Eigen::Index j = 0; j < n; ++j)
      for (Eigen::Index i = 0; i < n; ++i) prior.covariance(i, j) += step[i] * step[j] / S(count);
  }

  X lengths;
  MatrixOf<X> axes;
  detail::PrincipalAxes<X> principal_axes;
  if (n == 0 || !principal_axes(prior.covariance, axes, lengths))
    throw std::invalid_argument("points: those that count must have coordinates, all of them finite");
  S logarithm(0);
  for (Eigen::Index i = 0; i < n; ++i)
    logarithm += std::log(std::max(lengths[i], S(settings.alpha * settings.alpha))) / S(n);
  prior.step_size = std::exp(logarithm / 2);
  prior.covariance /= std::exp(logarithm);
  return prior;
}

}  // namespace mesaopt
