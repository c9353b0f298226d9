#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <string>

#include <Eigen/Core>

#include <mesaopt/bayes/covariance.hpp>
#include <mesaopt/bayes/gaussian_process.hpp>
#include <mesaopt/bayes/kernel.hpp>
#include <mesaopt/bayes/spectral.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/core/random.hpp>

namespace mesaopt {

/// One function drawn from the posterior of a Gaussian process, as an objective: it can be evaluated anywhere, is the
/// same function at every call, and has a gradient. To minimize it is Thompson sampling. See `sample_function`.
///
/// A function of the prior, as a sum of random waves, and the correction by the data that turns it into one of the
/// posterior. Wilson, Borovitskiy, Terenin, Mostowsky and Deisenroth (2020), "Efficiently sampling functions from
/// Gaussian process posteriors", equations 12 and 13. Allocates nothing when evaluated.
template <kernels::SpectralKernel K>
class PosteriorFunction {
 public:
  using S = typename K::Scalar;
  using Vector = Eigen::VectorX<S>;
  using Matrix = Eigen::MatrixX<S>;

  PosteriorFunction(const GaussianProcess<K>& process, Random& random, Eigen::Index waves)
      : kernel_(process.kernel()),
        mean_(process.settings().mean),
        points_(process.points().leftCols(process.usable())),
        frequencies_(process.dimension(), waves),
        cosines_(waves),
        sines_(waves),
        weights_(process.usable()) {
    if (waves < 1) throw std::invalid_argument("sample_function: needs at least 1 wave, got " + std::to_string(waves));
    if (process.size() == 0) throw std::invalid_argument("sample_function: the process has no observations");
    Vector w(process.dimension());
    S variance = 0;
    for (Eigen::Index i = 0; i < waves; ++i) {
      variance = draw_frequency(kernel_, random, w);
      frequencies_.col(i) = w;
    }
    random.fill_normal(cosines_);
    random.fill_normal(sines_);
    cosines_ *= std::sqrt(variance / S(waves));
    sines_ *= std::sqrt(variance / S(waves));
    const Eigen::Index n = points_.cols();
    for (Eigen::Index j = 0; j < n; ++j) {
      S own;
      kernel_.values({points_.col(j).data(), points_.rows(), 1}, points_.col(j).data(), &own);
      // What the diagonal has beside the kernel: noise, and jitter.
      const S noise = std::max(S(0), process.factor().row(j).head(j + 1).squaredNorm() - own);
      weights_[j] = process.values()[j] - prior(points_.col(j), nullptr) - std::sqrt(noise) * random.normal<S>();
    }
    process.factor().template triangularView<Eigen::Lower>().solveInPlace(weights_);
    process.factor().transpose().template triangularView<Eigen::Upper>().solveInPlace(weights_);
  }

  template <Point X>
  S operator()(const X& x) const {
    check(x.size());
    kernels::detail::Buffer<S> k;
    S value = prior(x, nullptr);
    for (Eigen::Index i = 0; i < points_.cols(); i += kernels::most_points) {
      const Eigen::Index some = std::min(kernels::most_points, points_.cols() - i);
      kernel_.values(kernels::detail::points_of(points_, i, some), x.data(), k.data());
      for (Eigen::Index j = 0; j < some; ++j) value += weights_[i + j] * k[std::size_t(j)];
    }
    return value;
  }
  template <Point X>
  S operator()(const X& x, X& gradient) const {
    const S value = (*this)(x);
    gradient.setZero();
    prior(x, gradient.data());
    kernels::detail::pull_column<K>(kernel_, kernels::detail::points_of(points_, 0, points_.cols()), x.data(),
                                    weights_.data(), gradient.data(), nullptr);
    return value;
  }

 private:
  void check(Eigen::Index size) const {
    if (size != points_.rows() && size != frequencies_.rows())
      throw std::invalid_argument("PosteriorFunction: needs a point of size " + std::to_string(frequencies_.rows()) +
                                  ", got " + std::to_string(size));
  }

  /// The function of the prior; adds its gradient, if that is wanted.
  template <class X>
  S prior(const X& x, S* gradient) const {
    S value = mean_;
    for (Eigen::Index i = 0; i < frequencies_.cols(); ++i) {
      const S phase = frequencies_.col(i).dot(x), cosine = std::cos(phase), sine = std::sin(phase);
      value += cosines_[i] * cosine + sines_[i] * sine;
      if (!gradient) continue;
      const S slope = sines_[i] * cosine - cosines_[i] * sine;
      for (Eigen::Index c = 0; c < frequencies_.rows(); ++c) gradient[c] += slope * frequencies_(c, i);
    }
    return value;
  }

  K kernel_;
  S mean_;
  Matrix points_, frequencies_;
  Vector cosines_, sines_, weights_;
};

/// Draws a function from the posterior, of so many waves: the more, the closer is the distribution of the drawn
/// functions to that of the process. Throws std::invalid_argument for a process without observations.
template <kernels::SpectralKernel K>
PosteriorFunction<K> sample_function(const GaussianProcess<K>& process, Random& random, Eigen::Index waves = 1024) {
  return {process, random, waves};
}

}  // namespace mesaopt
