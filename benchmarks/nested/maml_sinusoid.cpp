// Meta-learning on sine waves: a network that is to fit a wave from 5 points after one step of adaptation.

#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/adam.hpp>
#include <mesaopt/gradient/averaged.hpp>
#include <mesaopt/gradient/gradient_descent.hpp>
#include <mesaopt/gradient/reverse_descent.hpp>
#include <mesaopt/models/mlp_regression.hpp>
#include <mesaopt/nested/learned_rates.hpp>
#include <mesaopt/nested/nested.hpp>
#include <mesaopt/nested/over_tasks.hpp>
#include <mesaopt/nested/start_gradients.hpp>
#include <mesaopt/nested/unrolled.hpp>
#include <mesaopt/objective/mini_batches.hpp>
#include <mesaopt/problems/sinusoid_tasks.hpp>

namespace {

using namespace mesaopt;
using Vector = Eigen::VectorXd;
using Regression = models::MlpRegression<double>;
using problems::SinusoidTasks;

const models::Mlp<double> network{{1, 40, 40, 1}, models::Activation::relu};

Regression error_on(const SinusoidTasks::Examples& e) { return {network, e.inputs.transpose(), e.targets.transpose()}; }

struct Protocol {
  SinusoidTasks tasks;
  Eigen::Index shots = 5, queries = 10;
  std::int64_t iterations = 60000;
  Eigen::Index tasks_each = 4;
  double learning_rate = 1e-3;
  bool decay = false;
};

/// Meta-training: Adam on the mean over a few tasks.
template <class Task>
Vector meta_train(const Protocol& p, std::uint64_t seed, const Vector& x0, const Task& task) {
  const auto f = mini_batches(over_tasks(task, Eigen::Index(p.iterations + 1) * p.tasks_each), p.tasks_each, seed);
  Adam adam{.learning_rate = p.learning_rate};
  if (p.decay) adam.schedule = {.kind = Schedule::cosine, .steps = p.iterations};
  double sum = 0;
  std::int64_t step = 0;
  const auto began = std::chrono::steady_clock::now();
  return minimize(f, x0, adam, MaxIterations{p.iterations},
                  [&](const auto& state, const Progress&) {
                    sum += state.value;
                    if (++step % 5000 == 0) {
                      std::fprintf(stderr, "%lld %.4f  %.1f s\n", (long long)step, sum / 5000,
                                   std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
                      sum = 0;
                    }
                  })
      .x;
}

struct Tested {
  double mean = 0, interval = 0;
};

/// Mean squared error on 100 points over the inputs of 100 waves, 100 times each. adapt(examples) -> weights.
template <class Adapt>
Tested meta_test(const SinusoidTasks& tasks, Eigen::Index shots, const Adapt& adapt, int repetitions = 100) {
  constexpr int waves = 100;
  double sum = 0, squares = 0;
  for (int i = 0; i < waves; ++i) {
    const auto wave = std::uint64_t(i);
    const Regression test = error_on(tasks.grid(wave, 100));
    Calls<Vector, MemoryOf<Regression, Vector>> calls;
    double mean = 0;
    for (int r = 0; r < repetitions; ++r)
      mean += calls.value(test, adapt(error_on(tasks.examples(wave, shots, std::uint64_t(r))))).value / repetitions;
    sum += mean;
    squares += mean * mean;
  }
  const double mean = sum / waves;
  return {mean, 1.96 * std::sqrt((squares / waves - mean * mean) / (waves - 1))};
}

template <class Adapt>
void report(const char* name, std::uint64_t test_seed, SinusoidTasks tasks, const Adapt& adapt, int repetitions) {
  tasks.seed = test_seed;
  std::printf("| %s |", name);
  for (const Eigen::Index shots : {5, 10, 20}) {
    const Tested t = meta_test(tasks, shots, adapt, repetitions);
    std::printf(" %.3f ± %.3f |", t.mean, t.interval);
  }
  std::printf("\n");
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string kind = argc > 1 ? argv[1] : "maml";
  const auto number = [&](int i, double otherwise) { return argc > i ? std::atof(argv[i]) : otherwise; };
  Protocol p;
  const double rate = number(2, 0.01);
  p.tasks_each = Eigen::Index(number(3, 4));
  p.decay = number(4, 0) > 0;
  p.iterations = std::int64_t(number(5, 60000));
  const std::uint64_t seed = std::uint64_t(number(6, 1));
  p.learning_rate = number(7, 1e-3);
  const double spread = number(8, 0.2);
  p.queries = Eigen::Index(number(9, 10));
  p.tasks = {.seed = seed, .least_frequency = 1 - spread, .most_frequency = 1 + spread};
  const int repetitions = 20;

  const Vector w0 = models::initial_weights<double>(network.widths, seed, network.activation);
  const auto training = [&](std::uint64_t i) { return error_on(p.tasks.examples(i, p.shots, 0)); };
  const auto test = [&](std::uint64_t i) { return error_on(p.tasks.examples(i, p.queries, 1)); };

  if (kind == "maml" || kind == "fomaml") {
    const Search step{GradientDescent{.learning_rate = rate}, MaxIterations{1}};
    Vector x;
    if (kind == "maml")
      x = meta_train(p, seed, w0, [&](std::uint64_t i) {
        return nested(of_solution(test(i)), response(training(i), step, from_outer()), Unrolled{});
      });
    else
      x = meta_train(p, seed, w0, [&](std::uint64_t i) {
        return nested(of_solution(test(i)), response(training(i), step, from_outer()), FirstOrderMaml{});
      });
    report(
        kind.c_str(), seed + 1000, p.tasks,
        [&](const Regression& few) { return Vector(response(few, step, from_outer())(x).x); }, repetitions);
  } else if (kind == "rates") {
    const Search step{GradientDescent{.learning_rate = 1}, MaxIterations{1}};
    const Vector zero = Vector::Zero(w0.size());
    Vector x0(2 * w0.size());
    x0 << w0, Vector::Constant(w0.size(), std::sqrt(rate));
    const Vector x = meta_train(p, seed, x0, [&](std::uint64_t i) {
      return nested(learned_rates(test(i)), response(family(learned_rates(training(i))), step, zero), Unrolled{});
    });
    report(
        kind.c_str(), seed + 1000, p.tasks,
        [&](const Regression& few) {
          const Vector u = response(family(learned_rates(few)), step, zero)(x).x;
          return Vector(x.head(u.size()) + x.tail(u.size()).cwiseProduct(u));
        },
        repetitions);
  }
}
