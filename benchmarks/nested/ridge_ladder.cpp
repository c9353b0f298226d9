// How much inner work does it take to choose 20 ridge penalties by validation loss?
//
// Inner: ½n⁻¹|Xw − y|² + ½Σ e^{λj} wj² over 20 weights, 1000 examples, by L-BFGS to a gradient of 1e-8. Outer: half the
// mean squared error on 500 held-out examples, over λ in [−12, 6]^20 from 0, until 1e-3 of the gap to the best value is
// left. 20 instances: standard normal inputs, every second true weight zero, noise 3; "scaled" has its columns spread
// over 1.5 decades. Instance s is drawn by Random{.seed = s}. Prints medians over the instances on which a run gets
// there, as a Markdown table; those that do not end in another local minimum of the outer problem, or at 5000 outer
// evaluations.
//
// The rungs: what an engineer glues by hand with NLopt, then mesaopt's starts of the inner run.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/random.hpp>
#include <mesaopt/mesaopt.hpp>
#include <mesaopt/models/ridge.hpp>
#include <mesaopt/objective/in_box.hpp>

#include "ridge_tuning.hpp"

#ifdef MESAOPT_PEER_NLOPT
#include <nlopt.hpp>
#endif

namespace {

using namespace mesaopt;
using Vector = Eigen::VectorXd;
using Matrix = Eigen::MatrixXd;
constexpr Eigen::Index dimension = RidgeTuning::weights;

using Instance = RidgeTuning;

struct Work {
  double outer = 0, inner = 0, hessians = 0, factorizations = 0, products = 0, milliseconds = 0;
  bool reached = false;
};

const Search inner_search{Lbfgs{}, GradientBelow{1e-8} || MaxIterations{10000}};
const Box<Vector> box{Vector::Constant(dimension, -12), Vector::Constant(dimension, 6)};

template <class N>
Work run(const N& validation, double target, std::int64_t limit) {
  const auto free = in_box(validation, box);
  const Vector start = free.from_box(Vector::Zero(dimension));
  const auto began = std::chrono::steady_clock::now();
  const auto s = minimize(free, start, Lbfgs{}, TargetReached{target} || MaxEvaluations{limit});
  const auto took = std::chrono::steady_clock::now() - began;
  const auto& inner = s.counts[1];
  return {double(s.counts[0].evaluations()),
          double(inner.gradients),
          double(inner.hessians),
          double(inner.factorizations),
          double(inner.hessian_products),
          std::chrono::duration<double, std::milli>(took).count(),
          s.status == Status::target_reached};
}

/// The best of long runs: from the start and from others, by the exact hypergradient.
double best_value(const Instance& instance) {
  const auto objective = in_box(
      nested(of_solution(instance.validation),
             response(family(instance.training), inner_search, newton_corrected(Vector(Vector::Zero(dimension)))),
             Implicit{}),
      box);
  double best = std::numeric_limits<double>::infinity();
  Random random{.seed = 7};
  for (int i = 0; i < 8; ++i) {
    Vector x = Vector::Zero(dimension);
    if (i > 0)
      for (auto& c : x) c = random.uniform(-8.0, 3.0);
    best = std::min(
        best, minimize(objective, objective.from_box(x), Lbfgs{}, GradientBelow{1e-10} || MaxEvaluations{2000}).value);
  }
  return best;
}

#ifdef MESAOPT_PEER_NLOPT
/// NLopt outside, L-BFGS inside, glued by hand as one would.
Work glued(const Instance& instance, nlopt::algorithm algorithm, bool warm_start, bool differences, double target,
           int limit) {
  Vector w = Vector::Zero(dimension);
  Work work;
  const auto value = [&](const Vector& x) {
    const At<models::RidgeTraining<double>, Vector> training{instance.training, x};
    const auto s = inner_search(training, warm_start ? w : Vector(Vector::Zero(dimension)));
    w = s.x;
    work.inner += double(s.counts[0].gradients);
    return instance.validation(w);
  };
  const std::function<double(const std::vector<double>&, std::vector<double>&)> f = [&](const std::vector<double>& at,
                                                                                        std::vector<double>& gradient) {
    Vector x = Eigen::Map<const Vector>(at.data(), dimension);
    const double here = value(x);
    work.outer += 1;
    if (!gradient.empty() && differences)
      for (Eigen::Index j = 0; j < dimension; ++j) {
        const double h = 1e-5;  // forward differences, the step that serves the inner tolerance
        x[j] += h;
        gradient[std::size_t(j)] = (value(x) - here) / h;
        x[j] -= h;
        work.outer += 1;
      }
    return here;
  };
  nlopt::opt opt(algorithm, unsigned(dimension));
  opt.set_lower_bounds(-12);
  opt.set_upper_bounds(6);
  opt.set_stopval(target);
  opt.set_maxeval(limit);
  opt.set_min_objective(
      [](const std::vector<double>& x, std::vector<double>& g, void* data) {
        return (*static_cast<const std::function<double(const std::vector<double>&, std::vector<double>&)>*>(data))(x,
                                                                                                                    g);
      },
      const_cast<void*>(static_cast<const void*>(&f)));
  std::vector<double> x(std::size_t(dimension), 0.0);
  double last = 0;
  const auto began = std::chrono::steady_clock::now();
  try {
    work.reached = opt.optimize(x, last) == nlopt::STOPVAL_REACHED;
  } catch (const std::exception&) {
    work.reached = false;
  }
  work.milliseconds = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - began).count();
  return work;
}
#endif

double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  const auto m = v.size() / 2;
  return v.size() % 2 == 1 ? v[m] : (v[m - 1] + v[m]) / 2;
}

void print(const char* name, const std::vector<Work>& works) {
  const auto of = [&](auto member) {
    std::vector<double> v;
    for (const Work& w : works)
      if (w.reached) v.push_back(w.*member);
    return v.empty() ? std::nan("") : median(v);
  };
  const auto reached = std::count_if(works.begin(), works.end(), [](const Work& w) { return w.reached; });
  std::vector<double> each;
  for (const Work& w : works)
    if (w.reached) each.push_back(w.inner / w.outer);
  std::printf("| %s | %ld of %zu | %.1f | %.1f | %.2f | %.1f | %.1f | %.1f | %.2f |\n", name, long(reached),
              works.size(), of(&Work::outer), of(&Work::inner), each.empty() ? std::nan("") : median(each),
              of(&Work::hessians), of(&Work::factorizations), of(&Work::products), of(&Work::milliseconds));
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const bool quick = argc > 1 && std::string(argv[1]) == "--quick";
  const std::uint64_t instances = 20;
  for (const bool scaled : {false, true}) {
    std::printf(
        "\n## %s columns\n\n| outer / inner start / adjoint | reached | outer evaluations | inner gradients | "
        "per outer | Hessians | factorizations | products | ms |\n| --- | --- | --- | --- | --- | --- | --- | --- | "
        "--- |\n",
        scaled ? "Scaled" : "Plain");
    std::vector<Instance> all;
    std::vector<double> targets;
    for (std::uint64_t seed = 1; seed <= instances; ++seed) {
      all.push_back(ridge_tuning(seed, scaled));
      const auto first = nested(of_solution(all.back().validation),
                                response(family(all.back().training), inner_search, Vector(Vector::Zero(dimension))));
      Calls<Vector, MemoryOf<decltype(first), Vector>> calls;
      const double start = calls.value(first, Vector(Vector::Zero(dimension))).value;
      const double best = best_value(all.back());
      targets.push_back(best + 1e-3 * (start - best));
    }
    const auto ladder = [&](const char* name, auto solve) {
      std::vector<Work> works;
      for (std::size_t i = 0; i < all.size(); ++i) works.push_back(solve(all[i], targets[i]));
      print(name, works);
      return works;
    };
#ifdef MESAOPT_PEER_NLOPT
    std::vector<double> least(all.size(), std::numeric_limits<double>::infinity());  // of the glued runs
    const auto rung = [&](const char* name, nlopt::algorithm algorithm, bool warm_start, bool differences) {
      const auto works = ladder(name, [=](const Instance& i, double target) {
        return glued(i, algorithm, warm_start, differences, target, 5000);
      });
      for (std::size_t i = 0; i < works.size(); ++i)
        if (works[i].reached) least[i] = std::min(least[i], works[i].inner);
    };
    if (!quick) {
      rung("NLopt Nelder-Mead / cold", nlopt::LN_NELDERMEAD, false, false);
      rung("NLopt SBPLX / cold", nlopt::LN_SBPLX, false, false);
      rung("NLopt SBPLX / warm", nlopt::LN_SBPLX, true, false);
      rung("NLopt BOBYQA / warm", nlopt::LN_BOBYQA, true, false);
      rung("NLopt L-BFGS, differences / warm", nlopt::LD_LBFGS, true, true);
    }
#endif
    const Vector w0 = Vector::Zero(dimension);
    const auto ours = [&](auto start, Implicit implicit) {
      return [=](const Instance& i, double target) {
        return run(nested(of_solution(i.validation), response(family(i.training), inner_search, start), implicit),
                   target, 5000);
      };
    };
    const Implicit by_cg{.dense_limit = 0};
    ladder("L-BFGS / cold / conjugate gradients", ours(cold(w0), by_cg));
    ladder("L-BFGS / warm / conjugate gradients", ours(warm(w0), by_cg));
    ladder("L-BFGS / warm / Cholesky", ours(warm(w0), Implicit{}));
    ladder("L-BFGS / tangent / Cholesky", ours(tangent(w0), Implicit{}));
    [[maybe_unused]] const auto last =
        ladder("L-BFGS / Newton-corrected / Cholesky", ours(newton_corrected(w0), Implicit{}));
#ifdef MESAOPT_PEER_NLOPT
    if (!quick) {
      std::vector<double> ratios;
      for (std::size_t i = 0; i < all.size(); ++i) ratios.push_back(least[i] / last[i].inner);
      std::printf(
          "\nInner gradients of the glued run that needs the fewest, instance by instance, over those of the last row: "
          "%.0f\nin the median, %.0f at least.\n",
          median(ratios), *std::min_element(ratios.begin(), ratios.end()));
    }
#endif
  }
}
