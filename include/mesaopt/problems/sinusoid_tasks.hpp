#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>

#include <Eigen/Core>

#include <mesaopt/core/random.hpp>

namespace mesaopt::problems {

/// A family of regression tasks: sine waves, by default of one period, each of its own amplitude and phase, of which a
/// learner sees a few points. All is a function of the seed and the numbers given, so any task can be had again.
///
/// Finn, Abbeel & Levine (2017), "Model-agnostic meta-learning for fast adaptation of deep networks", section 5.1:
/// amplitude in [0.1, 5], phase in [0, pi], inputs in [-5, 5], all uniform; y = amplitude sin(input - phase), as in the
/// authors' program. It is learnt by mean squared error. With `.least_frequency = 0.8, .most_frequency = 1.2` the waves
/// differ in period too, as in Li, Zhou, Chen & Li (2017), "Meta-SGD: learning to learn quickly for few-shot learning",
/// where the phase is added: the mirror image of these tasks.
struct SinusoidTasks {
  using Vector = Eigen::VectorXd;

  std::uint64_t seed = 1;
  double least_amplitude = 0.1, most_amplitude = 5;
  double most_phase = std::numbers::pi;
  double least_frequency = 1, most_frequency = 1;
  double widest_input = 5;

  /// One task.
  struct Task {
    double amplitude, phase, frequency = 1;
    /// The target at an input.
    [[nodiscard]] double operator()(double input) const { return amplitude * std::sin(frequency * input - phase); }
  };
  /// Points of a task: inputs and their targets, one an entry.
  struct Examples {
    Vector inputs, targets;
  };

  /// Task number `index`.
  [[nodiscard]] Task task(std::uint64_t index) const {
    Random random = stream(index, 0);
    const double amplitude = random.uniform<double>(least_amplitude, most_amplitude);
    const double phase = random.uniform<double>(0.0, most_phase);
    return {amplitude, phase, random.uniform<double>(least_frequency, most_frequency)};
  }
  /// `count` points of task number `index`: draw 0, 1, ... of it are independent, as training and test points are to
  /// be; more points of one draw begin with those of fewer.
  [[nodiscard]] Examples examples(std::uint64_t index, Eigen::Index count, std::uint64_t draw = 0) const {
    const Task wave = task(index);
    Random random = stream(index, draw + 1);
    Examples out{Vector(count), Vector(count)};
    for (Eigen::Index i = 0; i < count; ++i) {
      out.inputs[i] = random.uniform<double>(-widest_input, widest_input);
      out.targets[i] = wave(out.inputs[i]);
    }
    return out;
  }
  /// `count` points of task number `index` at equal distances over all inputs, for drawing and for exact comparisons.
  [[nodiscard]] Examples grid(std::uint64_t index, Eigen::Index count) const {
    const Task wave = task(index);
    Examples out{Vector::LinSpaced(count, -widest_input, widest_input), Vector(count)};
    for (Eigen::Index i = 0; i < count; ++i) out.targets[i] = wave(out.inputs[i]);
    return out;
  }

 private:
  [[nodiscard]] Random stream(std::uint64_t index, std::uint64_t k) const { return Random{seed}.split(index).split(k); }
};

}  // namespace mesaopt::problems
