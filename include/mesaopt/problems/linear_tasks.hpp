#pragma once

#include <cstdint>
#include <stdexcept>
#include <vector>

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include <mesaopt/core/random.hpp>

namespace mesaopt::problems {

/// Linear regression tasks for meta-learning, with everything in closed form: what a start w is worth after it was
/// adapted to each task by one step of gradient descent, and its gradient, exact and in the usual approximations.
///
/// Task t has the training loss w'At w/2 - at'w, and the validation loss w'Bt w/2 - bt'w + ct, of A = X'X/n, a = X'y/n
/// for inputs X and targets y = X wt + noise. Adapted, w becomes wt' = w - rate (At w - at), and the mean of the
/// validation losses at wt' is
///
///     M(w),    dM/dw = mean of (I - rate At) (Bt wt' - bt).
///
/// Finn, Abbeel & Levine (2017), "Model-agnostic meta-learning", equation 1, and "first-order approximation" in section
/// 5.2, which leaves out the first factor; Nichol, Achiam & Schulman (2018), "On first-order meta-learning algorithms"
/// (Reptile), whose step is w - w' of the training loss; Rajeswaran, Finn, Kakade & Levine (2019), "Meta-learning with
/// implicit gradients", equation 3, whose adapted point is that of the training loss + strength |v - w|²/2.
struct LinearTasks {
  using Matrix = Eigen::MatrixXd;
  using Vector = Eigen::VectorXd;

  struct Task {
    Matrix A;
    Vector a;
    Matrix B;
    Vector b;
    double c;

    [[nodiscard]] double training(const Vector& w) const { return w.dot(A * w) / 2 - a.dot(w); }
    [[nodiscard]] double validation(const Vector& w) const { return w.dot(B * w) / 2 - b.dot(w) + c; }
  };
  std::vector<Task> tasks;

  /// `count` random tasks of n weights: `shots` examples to adapt to, `tests` to be judged by, normal inputs, weights
  /// around a common normal center with deviation `spread`, noise of deviation `noise`.
  static LinearTasks random(std::size_t count, Eigen::Index n, Eigen::Index shots, Eigen::Index tests,
                            std::uint64_t seed, double spread = 0.5, double noise = 0.1) {
    if (count < 1 || n < 1 || shots < 1 || tests < 1)
      throw std::invalid_argument("LinearTasks: needs at least one task, weight, shot and test");
    Random source{seed};
    const auto normal = [&](Eigen::Index rows, Eigen::Index cols) {
      Matrix out(rows, cols);
      source.fill_normal(out);
      return out;
    };
    const Vector center = normal(n, 1);
    LinearTasks all;
    for (std::size_t t = 0; t < count; ++t) {
      const Vector truth = center + spread * normal(n, 1);
      const Matrix X = normal(shots, n), V = normal(tests, n);
      const Vector y = X * truth + noise * normal(shots, 1), v = V * truth + noise * normal(tests, 1);
      const double train = double(shots), test = double(tests);
      all.tasks.push_back({X.transpose().lazyProduct(X) / train, X.transpose() * y / train,
                           V.transpose().lazyProduct(V) / test, V.transpose() * v / test,
                           v.squaredNorm() / (2 * test)});
    }
    return all;
  }

  /// w after `steps` steps of gradient descent on the training loss of a task.
  [[nodiscard]] static Vector adapted(const Task& task, Vector w, double rate, int steps = 1) {
    for (int k = 0; k < steps; ++k) w -= rate * (task.A * w - task.a);
    return w;
  }
  /// argmin over v of the training loss + strength |v - w|²/2.
  [[nodiscard]] static Vector proximal(const Task& task, const Vector& w, double strength) {
    Matrix K = task.A;
    K.diagonal().array() += strength;
    const Vector right = task.a + strength * w;
    return K.ldlt().solve(right);
  }

  /// M(w) after `steps` steps.
  [[nodiscard]] double value(const Vector& w, double rate, int steps = 1) const {
    double sum = 0;
    for (const Task& t : tasks) sum += t.validation(adapted(t, w, rate, steps));
    return sum / double(tasks.size());
  }
  /// dM/dw.
  [[nodiscard]] Vector gradient(const Vector& w, double rate, int steps = 1) const {
    return mean(w, [&](const Task& t) {
      const Vector at = adapted(t, w, rate, steps);
      Vector g = t.B * at - t.b;
      for (int k = 0; k < steps; ++k) g -= rate * (t.A * g);
      return g;
    });
  }
  /// The same without the derivative of the steps: what first-order MAML descends along.
  [[nodiscard]] Vector first_order_gradient(const Vector& w, double rate, int steps = 1) const {
    return mean(w, [&](const Task& t) -> Vector { return t.B * adapted(t, w, rate, steps) - t.b; });
  }
  /// The mean of w - w', which Reptile descends along.
  [[nodiscard]] Vector reptile_direction(const Vector& w, double rate, int steps = 1) const {
    return mean(w, [&](const Task& t) -> Vector { return w - adapted(t, w, rate, steps); });
  }
  /// The mean of validation losses at the proximal points, and its gradient: that of MAML by implicit gradients.
  [[nodiscard]] double implicit_value(const Vector& w, double strength) const {
    double sum = 0;
    for (const Task& t : tasks) sum += t.validation(proximal(t, w, strength));
    return sum / double(tasks.size());
  }
  [[nodiscard]] Vector implicit_gradient(const Vector& w, double strength) const {
    return mean(w, [&](const Task& t) -> Vector {
      Matrix K = t.A / strength;
      K.diagonal().array() += 1;
      const Vector slope = t.B * proximal(t, w, strength) - t.b;
      return K.ldlt().solve(slope);
    });
  }
  /// The start that is best for one step: where dM/dw = 0. Throws std::domain_error if that is no single point.
  [[nodiscard]] Vector solution(double rate) const {
    const auto n = tasks.front().a.size();
    Matrix second = Matrix::Zero(n, n);
    for (const Task& t : tasks) {
      const Matrix step = Matrix::Identity(n, n) - rate * t.A;
      const Matrix half = t.B.lazyProduct(step);  // lazy, as other products take the compiler long
      second += step.lazyProduct(half) / double(tasks.size());
    }
    const Eigen::LDLT<Matrix> factors(second);
    const double largest = factors.vectorD().maxCoeff();
    if (factors.info() != Eigen::Success || !(factors.vectorD().minCoeff() > 1e-12 * largest))
      throw std::domain_error("LinearTasks: the best start is no single point; there are too few tasks or examples");
    return -factors.solve(gradient(Vector::Zero(n), rate));
  }

 private:
  template <class Of>
  [[nodiscard]] Vector mean(const Vector& w, const Of& of) const {
    Vector sum = Vector::Zero(w.size());
    for (const Task& t : tasks) sum += of(t);
    return sum / double(tasks.size());
  }
};

}  // namespace mesaopt::problems
