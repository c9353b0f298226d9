// The first minimum: Rosenbrock's valley, by L-BFGS.

#include <iomanip>
#include <iostream>

#include <mesaopt/mesaopt.hpp>

using Eigen::Vector2d;

// The value at x; fills the gradient.
double rosenbrock(const Vector2d& x, Vector2d& gradient) {
  const double a = 1 - x[0], b = x[1] - x[0] * x[0];
  gradient << -2 * a - 400 * b * x[0], 200 * b;
  return a * a + 100 * b * b;
}

int main() {
  const Vector2d start(-1.2, 1);
  const auto solution = mesaopt::minimize(rosenbrock, start, mesaopt::Lbfgs{});
  std::cout << solution << '\n';

  // The same with a stopping rule of our own, and an observer that looks on after every step.
  const auto print = [](const auto& state, const auto& progress) {
    if (progress.counts.iterations % 5 != 0) return;
    std::cout << "step " << std::setw(2) << progress.counts.iterations << "   value " << std::setw(12) << state.value
              << "   at " << state.x.transpose() << '\n';
  };
  mesaopt::minimize(rosenbrock, start, mesaopt::Lbfgs{.memory = 5},
                    mesaopt::GradientBelow{1e-6} || mesaopt::MaxEvaluations{100}, print);
}
