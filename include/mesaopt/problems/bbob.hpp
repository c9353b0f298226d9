#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <type_traits>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>
#include <mesaopt/objective/box.hpp>
#include <mesaopt/problems/bbob_functions.hpp>

namespace mesaopt::problems {

/// The 24 functions of the black-box optimization benchmark BBOB, in any number of variables and in all instances, as
/// COCO defines them.
///
///     for (int function = 1; function <= Bbob::count; ++function) {
///       const Bbob f(function, 10, instance);
///       auto solution = minimize(f, x0, CmaEs{.step_size = 2}, TargetReached{f.optimum_value() + 1e-8});
///     }
///
/// Functions 1 to 5 are separable, 6 to 9 of low or moderate condition, 10 to 14 of high condition, 15 to 19 multimodal
/// with a global structure, 20 to 24 with a weak one. An instance moves the optimum, its value and the rotations.
/// Optima lie in [-5, 5]^n, all but that of the linear slope in [-4, 4]^n; nothing forbids points outside, and those
/// who want bounds take `within(f, f.bounds())`. The arithmetic is that of doubles for every point; nothing is
/// allocated in a call. Making a function of n variables takes time in proportion to n^3.
///
/// Hansen, Finck, Ros and Auger (2009), "Real-parameter black-box optimization benchmarking 2009: noiseless functions
/// definitions", INRIA research report RR-6829; instances by the generators of COCO's bbob suite.
class Bbob {
 public:
  static constexpr int count = 24;

  /// Function 1 to 24 of n >= 2 variables; instance 1 to 200000, of which COCO takes 1-5 and others below 200. Throws
  /// std::invalid_argument for any other.
  Bbob(int function, Eigen::Index n, int instance = 1)
      : instance_(instance), data_((check(function, n, instance), function), n, instance) {}

  [[nodiscard]] int function() const { return data_.function; }
  /// The number of variables, n.
  [[nodiscard]] Eigen::Index dimension() const { return data_.n; }
  [[nodiscard]] int instance() const { return instance_; }

  /// What the function is called.
  [[nodiscard]] const char* name() const {
    static constexpr std::array<const char*, count> names{
        "sphere",
        "ellipsoid, separable",
        "Rastrigin, separable",
        "Büche-Rastrigin",
        "linear slope",
        "attractive sector",
        "step ellipsoid",
        "Rosenbrock",
        "Rosenbrock, rotated",
        "ellipsoid, rotated",
        "discus",
        "bent cigar",
        "sharp ridge",
        "different powers",
        "Rastrigin, rotated",
        "Weierstrass",
        "Schaffer F7",
        "Schaffer F7, ill-conditioned",
        "Griewank-Rosenbrock",
        "Schwefel",
        "Gallagher, 101 peaks",
        "Gallagher, 21 peaks",
        "Katsuura",
        "Lunacek bi-Rastrigin",
    };
    return names[std::size_t(data_.function - 1)];
  }

  /// The value at x. Throws std::invalid_argument unless x has n entries.
  template <Point X>
  requires std::is_floating_point_v<ScalarOf<X>> ScalarOf<X>
  operator()(const X& x) const {
    const Eigen::Index n = dimension();
    if (x.size() != n)
      throw std::invalid_argument("x: has size " + std::to_string(x.size()) + ", but the function " +
                                  std::to_string(n) + " variables");
    // Room on the stack, as an objective is shared by all who call it, and a call must not ask the heap.
    auto* const room = static_cast<double*>(__builtin_alloca(std::size_t(3 * n) * sizeof(double)));
    std::copy_n(x.data(), n, room);
    return ScalarOf<X>(data_(room, room + n, room + 2 * n));
  }

  /// Where the value is least.
  template <Point X = Eigen::VectorXd>
  [[nodiscard]] X optimum() const {
    return data_.x_opt.template cast<ScalarOf<X>>();
  }
  /// The value there.
  [[nodiscard]] double optimum_value() const { return data_.f_opt; }

  /// The box to search, [-5, 5]^n.
  template <Point X = Eigen::VectorXd>
  [[nodiscard]] Box<X> bounds() const {
    X five;
    five.resize(dimension());
    five.setConstant(5);
    return {-five, five};
  }

 private:
  int instance_;
  detail::BbobFunction data_;

  static void check(int function, Eigen::Index n, int instance) {
    const auto refuse = [](const char* what, std::ptrdiff_t value, const char* wants) {
      throw std::invalid_argument("Bbob: " + std::string(what) + " is " + std::to_string(value) + "; " + wants);
    };
    if (function < 1 || function > count) refuse("function", function, "it must be in 1 ... 24");
    if (n < 2) refuse("dimension", n, "it must be 2 or more");
    if (instance < 1 || instance > 200000) refuse("instance", instance, "it must be in 1 ... 200000");
  }
};

}  // namespace mesaopt::problems
