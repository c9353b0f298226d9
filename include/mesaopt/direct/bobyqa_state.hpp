#pragma once

#include <array>
#include <cstddef>
#include <limits>
#include <tuple>
#include <vector>

#include <Eigen/Core>
#include <Eigen/Eigenvalues>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/core/status.hpp>
#include <mesaopt/direct/bounded_step.hpp>
#include <mesaopt/direct/geometry_step.hpp>
#include <mesaopt/direct/quadratic_interpolation.hpp>

namespace mesaopt {

/// The State of Bobyqa: the points, the model through them, and the best point, which is one of them.
template <Point X, class M = Nothing>
struct BobyqaState {
  using S = ScalarOf<X>;
  using Vector = Eigen::VectorX<S>;
  static constexpr bool monotone = true;

  X x{};                                          ///< the best point
  S value = std::numeric_limits<S>::quiet_NaN();  ///< its value
  Evaluation<S> evaluation{};                     ///< its evaluation
  Status status = Status::running;                ///< why no more can be done
  Calls<X, M> calls{};                            ///< the way to the objective

  X base{};                                   ///< from which displacements count
  std::vector<Eigen::Index> free{};           ///< the variables whose bounds are not equal
  Vector scales{};                            ///< the unit of displacements in each of them
  Vector lower{}, upper{};                    ///< their bounds, as displacements
  detail::QuadraticInterpolation<S> model{};  ///< of f, in displacements
  Eigen::MatrixX<S> correlations{};           ///< of the curvature, from a prior; empty if none
  S rho = 0;                                  ///< the resolution
  S delta = 0;                                ///< radius of the trust region
  Eigen::Index known = 0;                     ///< how many of the first points have their values
  int tries = 0;                              ///< how often the next of them has failed
  Eigen::Index far = -1;                      ///< the point that the next step puts in a better place; −1: none
  std::array<S, 3> errors{};                  ///< of the last predictions of the model
  int since = 0;                              ///< evaluations since a step was longer than rho, or rho changed
  int least_better = 0;                       ///< how often in a row the model of least Hessian was flatter
  S rebuilt = 0;                              ///< the value at the last time that all points were put anew

  X trial{};                           ///< scratch
  Vector displacement{}, place{};      ///< scratch: the step proposed, and where it leads
  S predicted = 0;                     ///< scratch: what the model says it changes
  detail::BoundedStep<S> bounded{};    ///< scratch
  detail::GeometryStep<S> geometry{};  ///< scratch

  static constexpr auto fields() {
    using T = BobyqaState;
    return std::tuple{&T::x,     &T::value,        &T::evaluation, &T::status, &T::calls, &T::base,
                      &T::free,  &T::scales,       &T::lower,      &T::upper,  &T::model, &T::correlations,
                      &T::rho,   &T::delta,        &T::known,      &T::tries,  &T::far,   &T::errors,
                      &T::since, &T::least_better, &T::rebuilt};
  }

  void make_scratch() {
    const Eigen::Index n = scales.size();
    model.make_scratch();
    if (displacement.size() == n && bounded.step.size() == n && trial.size() == x.size()) return;
    trial = x;
    displacement.setZero(n);
    place.setZero(n);
    lower.conservativeResize(n);
    upper.conservativeResize(n);
    bounded.resize(n);
    geometry.resize(n);
  }

  /// The inverse of the model's Hessian, n × n: of its absolute value, should it not be positive definite, with
  /// eigenvalues of at least 1e-10 of the largest. Empty as long as there is no model, or where bounds hold a variable
  /// fixed.
  [[nodiscard]] MatrixOf<X> inverse_hessian() const {
    const Eigen::Index n = scales.size();
    if (n != x.size() || known == 0 || known < model.m()) return MatrixOf<X>();
    Eigen::MatrixX<S> H = model.hessian + model.points * model.weights.asDiagonal() * model.points.transpose();
    for (Eigen::Index j = 0; j < n; ++j)
      for (Eigen::Index i = 0; i < n; ++i) H(i, j) /= scales[i] * scales[j];
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixX<S>> eigen(H);
    Vector spectrum = eigen.eigenvalues().cwiseAbs();
    spectrum = spectrum.cwiseMax(S(1e-10) * spectrum.maxCoeff());
    return eigen.eigenvectors() * spectrum.cwiseInverse().asDiagonal() * eigen.eigenvectors().transpose();
  }
};

}  // namespace mesaopt
