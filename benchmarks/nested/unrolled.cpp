// What does it cost to differentiate backwards through 10 000 steps of Adam on 10 000 weights, in 48 MiB?
//
// Inner: ½m⁻¹|Xw − y|² + ½Σ e^{xj} wj² over 10 000 weights and m examples, from 0. Outer: half the mean squared error
// on as many held-out examples, by 10 000 log penalties. All of it is drawn by Random{.seed = 1}. A gradient costs two
// products with X and 10 000 exponentials, a Hessian product as much, a mixed product 10 000 exponentials.
//
// "memory" is by how much the peak of the resident set is above what inputs and program take before; "steps" all
// forward steps, "optimum" revolve's for as many checkpoints; "ratio" the time by that of a run without hypergradient,
// the least of the repetitions of each, in turns. "products" is what a Hessian and a mixed product take, in gradients.
// The row of the full tape is run last, as it takes 3 GB; leave it out by --quick, which makes 1000 steps.

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>

#include <unistd.h>

#include <Eigen/Core>

#include <mesaopt/core/random.hpp>
#include <mesaopt/gradient/reverse_adam.hpp>
#include <mesaopt/mesaopt.hpp>
#include <mesaopt/models/ridge.hpp>
#include <mesaopt/nested/unrolled.hpp>

namespace {

using namespace mesaopt;
using Vector = Eigen::VectorXd;
using Matrix = Eigen::MatrixXd;
constexpr Eigen::Index size = 10'000;

double resident() {
  std::ifstream statm("/proc/self/statm");
  double pages = 0, held = 0;
  statm >> pages >> held;
  return held * double(sysconf(_SC_PAGESIZE)) / (1 << 20);
}
double peak() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return double(usage.ru_maxrss) / 1024;
}
template <class Function>
double seconds(const Function& function) {
  const auto began = std::chrono::steady_clock::now();
  function();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

Matrix draw(Random& random, Eigen::Index rows) {
  Matrix X(rows, size);
  random.fill_normal(X);
  return X;
}

struct Problem {
  models::RidgeTraining<double> training;
  models::RidgeValidation<double> validation;
  Vector x;
  double products;
};

Problem problem(Eigen::Index examples) {
  Random random{.seed = 1};
  Vector truth(size), noise(examples);
  random.fill_normal(truth);
  const Matrix X = draw(random, examples), Xv = draw(random, examples);
  random.fill_normal(noise);
  Problem p{{X, X * truth + noise}, {Xv, Xv * truth + noise}, Vector::Constant(size, -1), 0};
  // What products cost, by themselves.
  Vector out = truth, outer = truth;
  double gradient = 1e9, both = 1e9;
  for (int i = 0; i < 200; ++i) {
    gradient = std::min(gradient, seconds([&] { p.training(p.x, truth, out); }));
    both = std::min(both, seconds([&] {
                      p.training.hessian_product(p.x, truth, truth, out);
                      p.training.mixed_product(p.x, truth, truth, outer);
                    }));
  }
  p.products = both / gradient;
  return p;
}

void row(const char* name, const Problem& p, std::int64_t steps, Unrolled unrolled, int repetitions) {
  const Vector w0 = Vector::Zero(size);
  const auto F =
      nested(of_solution(p.validation),
             response(family(p.training), Search{Adam{.learning_rate = 2e-5}, MaxIterations{steps}}, w0), unrolled);
  Vector gradient(size);
  double memory = 0, plain = 1e9, with = 1e9, error = 0;
  std::uint64_t made = 0;
  for (int i = 0; i < repetitions; ++i) {
    {
      Calls<Vector, MemoryOf<decltype(F), Vector>> calls;
      const double before = resident();
      with =
          std::min(with, seconds([&] { error = double(calls.gradient(F, p.x, gradient).verdict != Verdict::fine); }));
      memory = std::max(memory, peak() - before);
      made = calls.counts[1].gradients - 1;
    }
    Calls<Vector, MemoryOf<decltype(F), Vector>> calls;
    plain = std::min(plain, seconds([&] { calls.value(F, p.x); }));
  }
  using T = Unrolled::Record<std::remove_cvref_t<decltype(F.response)>, Vector>;
  std::uint64_t slots = unrolled.checkpoints > 0 ? std::uint64_t(unrolled.checkpoints) : std::uint64_t(steps);
  if (unrolled.memory > 0) slots = std::uint64_t(unrolled.memory) / T::bytes(size) - 2;
  std::printf("| %s | %ld | %.1f | %lu | %lu | %.2f | %.2f | %.2f | %.2f |%s\n", name, long(steps), memory,
              (unsigned long)made, (unsigned long)(detail::optimal_advances(std::uint64_t(steps), slots) + 1), plain,
              with, with / plain, p.products, error > 0 ? " not fine" : "");
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const bool quick = argc > 1 && std::string(argv[1]) == "--quick";
  const std::int64_t steps = quick ? 1000 : 10'000;
  std::printf(
      "| checkpoints | steps | memory, MiB | steps made | optimum | plain, s | with gradient, s | ratio | products "
      "|\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
  for (const Eigen::Index examples : {4, 16}) {
    const Problem p = problem(examples);
    const int repetitions = quick ? 3 : 2;
    const std::string with = ", " + std::to_string(examples) + " examples";
    row(("in 46 MiB" + with).c_str(), p, steps, {.memory = std::int64_t(46) << 20}, repetitions);
    if (!quick && examples == 16) row(("all" + with).c_str(), p, steps, {}, 1);
  }
}
