#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>

#include <Eigen/Core>

#include <mesaopt/bayes/covariance.hpp>
#include <mesaopt/bayes/factor.hpp>
#include <mesaopt/bayes/gaussian_process_settings.hpp>
#include <mesaopt/bayes/jittered_cholesky.hpp>
#include <mesaopt/bayes/kernel.hpp>
#include <mesaopt/bayes/prediction.hpp>

namespace mesaopt {

/// Gaussian-process regression: y_i = f(x_i) + e_i, where f is a Gaussian process with the given kernel and a constant
/// or linear mean, and e_i is normal with variance noise_floor + noise (+ what is known of observation i).
///
/// Coefficients of the mean are learnt as parameters. To marginalize them instead, with normal priors, fix the mean and
/// add kernels: Constant of the variance of the one, Linear of those of the others (Rasmussen and Williams 2006,
/// equation 2.40).
///
/// The data may be replaced (`fit`, O(n³)), grown by a point or shortened by one (O(n²)). A covariance matrix that is
/// not numerically positive definite gets jitter on its diagonal, which `factorization()` reports; where none is
/// enough, the process predicts its prior. Rasmussen and Williams (2006), "Gaussian processes for machine learning",
/// algorithm 2.1 and section 5.4.1. Joint posteriors, samples and leave-one-out residuals: bayes/posterior.hpp.
template <kernels::Kernel K>
class GaussianProcess {
 public:
  using Scalar = typename K::Scalar;
  using S = Scalar;
  using Vector = Eigen::VectorX<S>;
  using Matrix = Eigen::MatrixX<S>;
  using Settings = GaussianProcessSettings<S>;
  using Predicted = Prediction<S>;  ///< what predictions fill

  GaussianProcess() = default;
  /// Throws std::invalid_argument for a setting out of range.
  explicit GaussianProcess(K kernel, const Settings& settings = {}) : kernel_(std::move(kernel)), settings_(settings) {
    settings_.check();
  }

  Eigen::Index size() const { return size_; }
  Eigen::Index dimension() const { return points_.rows(); }
  const K& kernel() const { return kernel_; }
  const Settings& settings() const { return settings_; }
  auto points() const { return points_.leftCols(size_); }
  auto values() const { return values_.head(size_); }
  /// The Cholesky factor L of the covariance matrix of the observations, in the lower triangle; the rest is scratch.
  auto factor() const { return factor_.topLeftCorner(size_, size_); }
  /// The inverse covariance matrix of the observations times (values - mean).
  auto weights() const { return weights_.head(size_); }
  /// The prior's mean at x.
  template <class X>
  S mean_at(const X& x) const {
    return settings_.mean_at(x);
  }
  /// The prior's variance at x, a column.
  template <class X>
  S prior_variance(const X& x) const {
    S variance;
    kernel_.values({x.derived().data(), x.size(), 1}, x.derived().data(), &variance);
    return variance;
  }
  /// The observations that predictions heed: all, or none if the factorization failed.
  Eigen::Index usable() const { return report_.succeeded ? size_ : 0; }
  /// How the covariance matrix was factorized last.
  const Factorization& factorization() const { return report_; }

  /// Takes X, one point a column, and the values y there; `extra_noise`, if not empty, holds a variance for each.
  /// Throws std::invalid_argument for sizes that do not fit, numbers that are not finite, or a negative variance.
  const Factorization& fit(const Matrix& X, const Vector& y, const Vector& extra_noise = {}) {
    if (X.cols() != y.size() || (extra_noise.size() != 0 && extra_noise.size() != y.size()))
      throw std::invalid_argument("GaussianProcess: " + std::to_string(X.cols()) + " points need as many values, got " +
                                  std::to_string(y.size()) + " and " + std::to_string(extra_noise.size()) +
                                  " variances");
    for (Eigen::Index i = 0; i < y.size(); ++i) check(X.col(i), y[i], extra_noise.size() ? extra_noise[i] : S(0));
    check_dimension(X.rows());
    size_ = 0;
    reserve(X.rows(), X.cols());
    size_ = X.cols();
    points_.leftCols(size_) = X;
    coordinates_.topRows(size_) = X.transpose();
    values_.head(size_) = y;
    if (extra_noise.size())
      extra_.head(size_) = extra_noise;
    else
      extra_.head(size_).setZero();
    return refit();
  }

  /// Replaces the values, in O(n²). Throws std::invalid_argument for a size that does not fit, or NaN or infinity.
  void set_values(const Vector& y) {
    if (y.size() != size_)
      throw std::invalid_argument("GaussianProcess: needs " + std::to_string(size_) + " values, got " +
                                  std::to_string(y.size()));
    for (const S value : y)
      if (!std::isfinite(value)) Settings::refuse("a value", "finite", value);
    values_.head(size_) = y;
    if (report_.succeeded) solve();
  }

  /// Adds an observation in O(n²); where it is too close to the others for that, the matrix is factorized anew with
  /// jitter. Allocates only when the capacity is exhausted, which doubles then. Throws as `fit` does.
  const Factorization& append(const Vector& x, S y, S extra_noise = 0) {
    if (size_ > 0 && x.size() != dimension())
      throw std::invalid_argument("GaussianProcess: needs a point of size " + std::to_string(dimension()) + ", got " +
                                  std::to_string(x.size()));
    check(x, y, extra_noise);
    check_dimension(x.size());
    if (size_ == 0 || size_ == values_.size()) reserve(x.size(), std::max<Eigen::Index>(8, 2 * size_));
    const Eigen::Index n = size_++;
    points_.col(n) = x;
    coordinates_.row(n) = x.transpose();
    values_[n] = y;
    extra_[n] = extra_noise;
    if (n == 0 || !report_.succeeded) return refit();
    kernels::detail::covariance_column(kernel_, data(n + 1), x.data(), factor_.col(n).data());
    const S diagonal = factor_(n, n) + noise(n) + S(report_.jitter);
    auto row = work_.head(n);
    row = factor_.col(n).head(n);
    lower(n).solveInPlace(row);
    const S square = diagonal - row.squaredNorm();
    if (!detail::sound_pivot(square, diagonal, n + 1)) return refit();
    factor_.row(n).head(n) = row.transpose();
    factor_(n, n) = std::sqrt(square);
    whitened_[n] = (y - mean_at(x) - row.dot(whitened_.head(n))) / factor_(n, n);
    solve_weights();
    return report_;
  }

  /// Forgets observation i in O(n²). Throws std::out_of_range if there is none.
  const Factorization& remove(Eigen::Index i) {
    if (i < 0 || i >= size_)
      throw std::out_of_range("GaussianProcess: there is no observation " + std::to_string(i) + " of " +
                              std::to_string(size_));
    if (report_.succeeded) detail::remove_from_factor<S>(factor_.topLeftCorner(size_, size_), i, work_.head(size_));
    --size_;
    for (Eigen::Index j = i; j < size_; ++j) {
      points_.col(j) = points_.col(j + 1);
      coordinates_.row(j) = coordinates_.row(j + 1);
      values_[j] = values_[j + 1];
      extra_[j] = extra_[j + 1];
    }
    if (!report_.succeeded || size_ == 0) return refit();
    solve();
    return report_;
  }

  Eigen::Index parameter_count() const {
    return kernels::parameter_count(kernel_) + (settings_.learn_noise ? 1 : 0) + (settings_.learn_mean ? 1 : 0) +
           settings_.learnt_slopes();
  }
  /// The logarithms of the kernel's parameters, then log(noise), the mean and the slopes as far as they are learnt.
  Vector parameters() const {
    Vector out(parameter_count());
    Eigen::Index at = kernels::parameter_count(kernel_);
    out.head(at) = kernels::log_parameters(kernel_);
    if (settings_.learn_noise) out[at++] = std::log(settings_.noise);
    if (settings_.learn_mean) out[at++] = settings_.mean;
    out.tail(settings_.learnt_slopes()) = settings_.slopes.head(settings_.learnt_slopes());
    return out;
  }
  /// Replaces the parameters and factorizes anew. Throws std::invalid_argument if their number differs. What `kept`
  /// then holds saves a gradient of the likelihood some work.
  const Factorization& set_parameters(const Vector& parameters, Matrix* kept = nullptr) {
    if (parameters.size() != parameter_count())
      throw std::invalid_argument("GaussianProcess: needs " + std::to_string(parameter_count()) + " parameters, got " +
                                  std::to_string(parameters.size()));
    Eigen::Index at = kernels::parameter_count(kernel_);
    kernels::detail::set_log_parameters(kernel_, parameters.data());
    if (settings_.learn_noise) settings_.noise = std::exp(parameters[at++]);
    if (settings_.learn_mean) settings_.mean = parameters[at++];
    settings_.slopes.head(settings_.learnt_slopes()) = parameters.tail(settings_.learnt_slopes());
    return refit(kept);
  }

  /// Mean and variance at each column of X. Thread-safe, as the scratch is the caller's.
  void predict(const Matrix& X, Prediction<S>& out) const { predict(X, out, false); }
  /// The same with their gradients by the points.
  void predict_with_gradients(const Matrix& X, Prediction<S>& out) const { predict(X, out, true); }

  /// log p(y | X, parameters); NaN if the factorization failed.
  S log_marginal_likelihood() const {
    if (!report_.succeeded) return std::numeric_limits<S>::quiet_NaN();
    S logs = 0;
    for (Eigen::Index i = 0; i < size_; ++i) logs += std::log(factor_(i, i));
    return S(-0.5) * whitened_.head(size_).squaredNorm() - logs -
           S(0.5) * S(size_) * std::log(2 * std::numbers::pi_v<S>);
  }
  /// The same, with its gradient by `parameters()`. `a` and `b` are scratch, `kept` is of the last set_parameters;
  /// O(n³).
  S log_marginal_likelihood(Vector& gradient, Matrix& a, Matrix& b, const Matrix* kept = nullptr) const {
    gradient.setZero(parameter_count());
    if (!report_.succeeded) return std::numeric_limits<S>::quiet_NaN();
    detail::invert_factored(factor(), a, b);
    S by_noise = 0;
    for (Eigen::Index j = 0; j < size_; ++j) {
      // Derivatives by the entries of the covariance matrix, (i, j) and (j, i) together.
      auto column = b.col(j);
      for (Eigen::Index i = 0; i <= j; ++i) column[i] = weights_[i] * weights_[j] - column[i];
      column[j] *= S(0.5);
      by_noise += column[j];
      const S *const x = points_.col(j).data(), *const weights = column.data();
      if (kept)
        kernels::detail::pull_kept_column<K>(kernel_, data(j + 1), x, weights, kernels::detail::kept_of<K>(*kept, j),
                                             nullptr, gradient.data());
      else
        kernels::detail::pull_column<K>(kernel_, data(j + 1), x, weights, nullptr, gradient.data());
    }
    Eigen::Index at = kernels::parameter_count(kernel_);
    if (settings_.learn_noise) gradient[at++] = by_noise * settings_.noise;
    if (settings_.learn_mean) gradient[at++] = weights_.head(size_).sum();
    for (Eigen::Index c = 0; c < settings_.learnt_slopes(); ++c)
      gradient[at++] = weights_.head(size_).dot(coordinates_.col(c).head(size_));
    return log_marginal_likelihood();
  }

  /// Takes all of another process but its factorization, without allocating if the sizes agree.
  void take_data(const GaussianProcess& other) {
    kernel_ = other.kernel_;
    settings_ = other.settings_;
    if (values_.size() != other.values_.size() || dimension() != other.dimension()) {
      size_ = 0;
      reserve(other.dimension(), other.values_.size());
    }
    size_ = other.size_;
    points_.leftCols(size_) = other.points_.leftCols(size_);
    coordinates_.topRows(size_) = other.coordinates_.topRows(size_);
    values_.head(size_) = other.values_.head(size_);
    extra_.head(size_) = other.extra_.head(size_);
  }

  static constexpr auto fields() {
    using G = GaussianProcess;
    return std::tuple{&G::kernel_, &G::settings_, &G::size_,     &G::points_,  &G::coordinates_, &G::values_,
                      &G::extra_,  &G::factor_,   &G::whitened_, &G::weights_, &G::work_,        &G::report_};
  }

 private:
  template <class X>
  static void check(const X& x, S y, S extra_noise) {
    if (!x.allFinite()) throw std::invalid_argument("GaussianProcess: a point holds NaN or infinity");
    if (!std::isfinite(y)) Settings::refuse("a value", "finite", y);
    if (!(extra_noise >= 0) || !std::isfinite(extra_noise)) Settings::refuse("extra_noise", "at least 0", extra_noise);
  }

  void check_dimension(Eigen::Index dimension) const {
    kernel_.check(dimension);
    settings_.check_dimension(dimension);
  }
  /// The first n observed points.
  kernels::Points<S> data(Eigen::Index n) const {
    return {coordinates_.data(), dimension(), n, 1, coordinates_.rows()};
  }
  S noise(Eigen::Index i) const { return settings_.noise_floor + settings_.noise + extra_[i]; }
  auto lower(Eigen::Index n) const { return factor_.topLeftCorner(n, n).template triangularView<Eigen::Lower>(); }

  auto upper(Eigen::Index n) const {
    return factor_.topLeftCorner(n, n).transpose().template triangularView<Eigen::Upper>();
  }

  void reserve(Eigen::Index dimension, Eigen::Index count) {
    if (points_.rows() == dimension && count <= values_.size()) return;
    const Eigen::Index old = std::min(size_, count);
    points_.conservativeResize(dimension, count);
    coordinates_.conservativeResize(count, dimension);
    factor_.conservativeResize(count, count);
    // What is unused is zero, so that copies and saved processes are the same bits.
    factor_.rightCols(count - old).setZero();
    factor_.bottomRows(count - old).setZero();
    points_.rightCols(count - old).setZero();
    coordinates_.bottomRows(count - old).setZero();
    for (Vector* v : {&values_, &extra_, &whitened_, &weights_, &work_}) {
      v->conservativeResize(count);
      v->tail(count - old).setZero();
    }
  }

  const Factorization& refit(Matrix* kept = nullptr) {
    if (kept) kept->resize(size_, size_ * kernels::detail::numbers_kept<K>());
    for (Eigen::Index j = 0; j < size_; ++j) {
      const S* const x = points_.col(j).data();
      if (kept)
        kernels::detail::keep_column(kernel_, data(j + 1), x, factor_.col(j).data(),
                                     kernels::detail::kept_of<K>(*kept, j));
      else
        kernels::detail::covariance_column(kernel_, data(j + 1), x, factor_.col(j).data());
      work_[j] = factor_(j, j) + noise(j);
    }
    report_ = detail::jittered_cholesky<S>(factor_.topLeftCorner(size_, size_), work_.head(size_));
    if (report_.succeeded) solve();
    return report_;
  }
  void solve() {
    auto z = whitened_.head(size_);
    z = values_.head(size_).array() - settings_.mean;
    if (settings_.slopes.size()) z.noalias() -= coordinates_.topRows(size_) * settings_.slopes;
    lower(size_).solveInPlace(z);
    solve_weights();
  }
  void solve_weights() {
    auto weights = weights_.head(size_);
    weights = whitened_.head(size_);
    upper(size_).solveInPlace(weights);
  }

  void predict(const Matrix& X, Prediction<S>& out, bool gradients) const {
    check_dimension(X.rows());
    const Eigen::Index n = usable();
    if (n > 0 && X.rows() != dimension())
      throw std::invalid_argument("GaussianProcess: needs points of size " + std::to_string(dimension()) + ", got " +
                                  std::to_string(X.rows()));
    detail::predict<K>({kernel_, settings_, data(n), factor_.topLeftCorner(n, n), weights_.head(n)}, X, gradients, out);
  }

  K kernel_;
  Settings settings_;
  Eigen::Index size_ = 0;
  // Of the capacity's size, of which the first size_ are used. The strict upper triangle of factor_ is scratch.
  Matrix points_, coordinates_;  // the same points, one a column and one a row, as which kernels are faster
  Matrix factor_;
  Vector values_, extra_;
  Vector whitened_, weights_;  // L⁻¹(y - mean), and L'⁻¹ of that
  Vector work_;
  Factorization report_;
};

template <kernels::Kernel K>
GaussianProcess(K) -> GaussianProcess<K>;
template <kernels::Kernel K, class Settings>
GaussianProcess(K, Settings) -> GaussianProcess<K>;

}  // namespace mesaopt
