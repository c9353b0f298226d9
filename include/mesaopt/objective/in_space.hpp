#pragma once

#include <concepts>
#include <utility>

#include <Eigen/Core>

#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/space.hpp>
#include <mesaopt/objective/box.hpp>

namespace mesaopt {

/// A function of the configurations of a search space: `f(configuration)` is a number or an Evaluation.
template <class F>
concept ObjectiveOfConfigurations = requires(const F& f, const Configuration& configuration) {
  { f(configuration) } -> std::convertible_to<Evaluation<double>>;
};

/// A function of configurations as an objective of points. See `in_space`.
template <ObjectiveOfConfigurations F>
class InSpace {
 public:
  static constexpr bool stochastic = is_stochastic<F>;
  Space space;  ///< by which an optimizer tells integers and categories from real numbers

  InSpace(F f, Space parameters) : space(std::move(parameters)), f_(std::move(f)) {
    const Eigen::Index n = space.dimension();
    box_ = {Eigen::VectorXd::Zero(n), Eigen::VectorXd::Ones(n)};
  }

  /// f at the configuration that x stands for. Throws std::invalid_argument unless x has a coordinate for each
  /// parameter.
  template <SpacePoint X>
  Evaluation<double> operator()(const X& x) const {
    return f_(space.configuration(x));
  }

  /// The unit cube.
  [[nodiscard]] const Box<Eigen::VectorXd>& box() const { return box_; }

 private:
  F f_;
  Box<Eigen::VectorXd> box_;
};

/// An objective that knows the search space of its coordinates.
template <class F>
concept HasSpace = requires(const F& f) {
  { f.space } -> std::convertible_to<const Space&>;
};

/// The objective f(configuration) as one of points of the unit cube, for optimizers that keep bounds and need no
/// gradient:
///
///     const auto rate = real("learning_rate", 1e-5, 1e-1).log();
///     const auto layers = integer("layers", 1, 8);
///     const auto f = in_space([&](const Configuration& c) { return loss(c[rate], c[layers]); }, Space{rate, layers});
///     const auto solution = minimize(f, f.space.point(), CmaEs{.step_size = 0.2});
///     std::cout << f.space.configuration(solution.x);
template <ObjectiveOfConfigurations F>
InSpace<F> in_space(F f, Space space) {
  return {std::move(f), std::move(space)};
}

}  // namespace mesaopt
