#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <tuple>
#include <vector>

#include <Eigen/Core>

namespace mesaopt {

/// Points of the unit cube and what was observed there, a growing list. A failed observation has the value NaN.
class Observations {
 public:
  /// The variance, on the scale of a surrogate, by which a failed observation is taken to be uncertain.
  static constexpr double noise_of_failures = 0.1;

  Observations() = default;
  explicit Observations(Eigen::Index dimension) : dimension_(dimension) {}

  static constexpr auto fields() {
    using T = Observations;
    return std::tuple{&T::dimension_, &T::coordinates_, &T::values_, &T::noises_, &T::worst_, &T::usable_};
  }

  [[nodiscard]] Eigen::Index dimension() const { return dimension_; }
  [[nodiscard]] Eigen::Index size() const { return Eigen::Index(values_.size()); }
  /// How many did not fail.
  [[nodiscard]] Eigen::Index usable() const { return usable_; }
  [[nodiscard]] bool usable(Eigen::Index i) const { return std::isfinite(value(i)); }
  [[nodiscard]] double value(Eigen::Index i) const { return values_[std::size_t(i)]; }
  /// A variance to be added for observation i, on the scale of a surrogate.
  [[nodiscard]] double noise(Eigen::Index i) const { return usable(i) ? noises_[std::size_t(i)] : noise_of_failures; }
  /// The largest value; 0 if there is none.
  [[nodiscard]] double worst() const { return usable_ > 0 ? worst_ : 0; }
  [[nodiscard]] Eigen::Map<const Eigen::VectorXd> point(Eigen::Index i) const {
    return {coordinates_.data() + i * dimension_, dimension_};
  }
  /// All of them, one a column.
  [[nodiscard]] Eigen::Map<const Eigen::MatrixXd> points() const { return {coordinates_.data(), dimension_, size()}; }

  template <class D>
  void add(const Eigen::MatrixBase<D>& x, double value, double noise = 0) {
    for (Eigen::Index i = 0; i < dimension_; ++i) coordinates_.push_back(double(x[i]));
    const bool fine = std::isfinite(value);
    if (fine && (usable_ == 0 || value > worst_)) worst_ = value;
    if (fine) ++usable_;
    values_.push_back(fine ? value : std::numeric_limits<double>::quiet_NaN());
    noises_.push_back(noise);
  }

  /// The largest difference to the nearest observation in any coordinate; 1 if there is none.
  template <class D>
  [[nodiscard]] double distance(const Eigen::MatrixBase<D>& x) const {
    double least = 1;
    for (Eigen::Index i = 0; i < size(); ++i) least = std::min(least, (point(i) - x).cwiseAbs().maxCoeff());
    return least;
  }

 private:
  Eigen::Index dimension_ = 0;
  std::vector<double> coordinates_{}, values_{}, noises_{};
  double worst_ = 0;
  Eigen::Index usable_ = 0;
};

}  // namespace mesaopt
