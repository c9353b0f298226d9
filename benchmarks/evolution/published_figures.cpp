// Figures that the sources of our evolution strategies have published, beside ours.
//
//   published_figures [separable | large | cost | noise | margin | warm | differential | swarm | natural | elitist |
//                      all = all]
//                     [seeds = 15] [dimension of `large` = 128] [its function: sphere, cigar or ellipsoid]

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <limits>
#include <numbers>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/evolution/cma_es.hpp>
#include <mesaopt/evolution/differential_evolution.hpp>
#include <mesaopt/evolution/elitist_cma_es.hpp>
#include <mesaopt/evolution/limited_memory_cma_es.hpp>
#include <mesaopt/evolution/natural_evolution.hpp>
#include <mesaopt/evolution/particle_swarm.hpp>
#include <mesaopt/evolution/promising_distribution.hpp>
#include <mesaopt/evolution/separable_cma_es.hpp>
#include <mesaopt/evolution/uncertainty_handling.hpp>
#include <mesaopt/objective/bounds.hpp>
#include <mesaopt/objective/in_space.hpp>

#include "../bbob_protocol.hpp"

namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using namespace mesaopt;

struct Any {
  std::function<double(const VectorXd&)> f;
  double operator()(const VectorXd& x) const { return f(x); }
};

const Any sphere{[](const VectorXd& x) { return x.squaredNorm(); }};
const Any cigar{[](const VectorXd& x) { return x[0] * x[0] + 1e6 * x.tail(x.size() - 1).squaredNorm(); }};
const Any rosenbrock{[](const VectorXd& x) {
  double sum = 0;
  for (Index i = 0; i + 1 < x.size(); ++i) sum += 100 * std::pow(x[i + 1] - x[i] * x[i], 2) + std::pow(1 - x[i], 2);
  return sum;
}};
const Any powers{[](const VectorXd& x) {
  double sum = 0;
  for (Index i = 0; i < x.size(); ++i) sum += std::pow(std::abs(x[i]), 2 + 10 * double(i) / double(x.size() - 1));
  return sum;
}};
const Any hyper_ellipsoid{[](const VectorXd& x) {
  double sum = 0;
  for (Index i = 0; i < x.size(); ++i) sum += std::pow(double(i + 1) * x[i], 2);
  return sum;
}};
Any ellipsoid(Index n) {
  VectorXd weights(n);
  for (Index i = 0; i < n; ++i) weights[i] = std::pow(1e6, double(i) / double(n - 1));
  return {[weights](const VectorXd& x) { return weights.dot(x.cwiseAbs2()); }};
}

VectorXd uniform(Index n, double lower, double upper, std::uint64_t seed) {
  Random random{seed, 1};
  VectorXd x(n);
  for (double& entry : x) entry = random.uniform(lower, upper);
  return x;
}

/// A rotation at random: normal vectors made orthonormal one after the other.
MatrixXd rotation(Index n, Random& random) {
  MatrixXd Q(n, n);
  random.fill_normal(Q);
  for (Index j = 0; j < n; ++j) {
    for (Index i = 0; i < j; ++i) Q.col(j) -= Q.col(i).dot(Q.col(j)) * Q.col(i);
    Q.col(j) /= Q.col(j).norm();
  }
  return Q;
}

template <class S>
double evaluations(const S& solution) {
  return solution.status == Status::target_reached ? double(solution.counts[0].evaluations()) : INFINITY;
}

/// What the runs came to: infinity for one that did not arrive.
struct Runs {
  std::vector<double> results{};

  template <class Run>
  Runs(std::uint64_t seeds, const Run& run) {
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) results.push_back(run(seed));
    std::sort(results.begin(), results.end());
  }
  [[nodiscard]] double median() const { return results[results.size() / 2]; }
  /// Of those that arrived.
  [[nodiscard]] double mean() const {
    double sum = 0, count = 0;
    for (double r : results)
      if (std::isfinite(r)) sum += r, ++count;
    return sum / count;
  }
  [[nodiscard]] double deviation() const {
    double sum = 0, count = 0;
    const double middle = mean();
    for (double r : results)
      if (std::isfinite(r)) sum += (r - middle) * (r - middle), ++count;
    return std::sqrt(sum / (count - 1));
  }
  [[nodiscard]] int arrived() const {
    return int(std::count_if(results.begin(), results.end(), [](double r) { return std::isfinite(r); }));
  }
};

void heading(const char* title) {
  std::printf(
      "### %s\n\n| function | n | published | ours | arrived | ratio |\n| --- | ---: | ---: | ---: | ---: | ---: |\n",
      title);
}
void row(const char* name, Index n, double published, double ours, const Runs& runs) {
  std::printf("| %s | %d | %.3g | %.3g | %d of %zu | %.2f |\n", name, int(n), published, ours, runs.arrived(),
              runs.results.size(), ours / published);
  std::fflush(stdout);
}

void separable(std::uint64_t seeds) {
  heading("Separable CMA-ES: Ros and Hansen (2008), tables 2 and 3, mean evaluations");
  const auto one = [&](const char* name, const Any& f, Index n, double at, double step_size, double target,
                       double published) {
    for (const bool active : {false, true}) {
      const Runs runs(seeds, [&](std::uint64_t seed) {
        const SeparableCmaEs es{.step_size = step_size, .seed = seed, .active = active, .value_tolerance = 0};
        return evaluations(
            minimize(f, VectorXd(VectorXd::Constant(n, at)), es, TargetReached{target} || MaxEvaluations{1'000'000}));
      });
      row((std::string(name) + (active ? ", active" : "")).c_str(), n, published, runs.mean(), runs);
    }
  };
  one("hyper-ellipsoid to 1e-10", hyper_ellipsoid, 30, 1, 1, 1e-10, 5.9e3);
  one("different powers to 1e-20", powers, 30, 1, 1, 1e-20, 9.6e3);
  one("Rosenbrock to 1e-6", rosenbrock, 30, 0, 0.1, 1e-6, 1.06e5);
  one("ellipsoid to 1e-9", ellipsoid(20), 20, 1, 1, 1e-9, 5.4e3);
  one("Rosenbrock to 1e-9", rosenbrock, 20, 0, 0.1, 1e-9, 1.16e5);
  std::printf("\n");
}

/// Algorithm 1 of Loshchilov, Glasmachers & Beyer (2018) and nothing else, as the reference: evaluations to a target.
/// Their program mirrors the draws, and learns the step size twice as fast as the algorithm in the paper.
double limited_memory_reference(const Any& f, VectorXd mean, bool program, double target, double most,
                                std::uint64_t seed) {
  Random random{seed, 2};
  const Index n = mean.size(), lambda = 4 + Index(3 * std::log(double(n))), mu = lambda / 2;
  VectorXd weights(mu);
  for (Index i = 0; i < mu; ++i) weights[i] = std::log(double(mu) + 0.5) - std::log(double(i) + 1);
  weights /= weights.sum();
  const double mu_eff = 1 / weights.squaredNorm(), c_sigma = 2.0 * double(lambda) / double(n);
  MatrixXd M = MatrixXd::Zero(n, lambda), Z(n, lambda), D(n, lambda);
  VectorXd path = VectorXd::Zero(n), zw(n);
  std::vector<double> values(std::size_t(lambda), 0.0);
  std::vector<Index> order(std::size_t(lambda), 0);
  double sigma = 3, used = 0;
  for (Index t = 0; used < most; ++t) {
    for (Index k = 0; k < lambda; ++k) {
      if (program && k % 2 == 1) {
        Z.col(k) = -Z.col(k - 1);
        D.col(k) = -D.col(k - 1);
      } else {
        auto z = Z.col(k);
        random.fill_normal(z);
        D.col(k) = Z.col(k);
        double rate = 1 / double(n);
        for (Index i = 0; i < std::min(t, lambda); ++i, rate /= 1.5) {
          const double along = rate * M.col(i).dot(D.col(k));
          D.col(k) = (1 - rate) * D.col(k) + along * M.col(i);
        }
      }
      values[std::size_t(k)] = f(mean + sigma * D.col(k));
      order[std::size_t(k)] = k;
      ++used;
    }
    std::sort(order.begin(), order.end(),
              [&](Index a, Index b) { return values[std::size_t(a)] < values[std::size_t(b)]; });
    if (values[std::size_t(order[0])] < target) return used;
    zw.setZero();
    for (Index i = 0; i < mu; ++i) {
      mean += sigma * weights[i] * D.col(order[std::size_t(i)]);
      zw += weights[i] * Z.col(order[std::size_t(i)]);
    }
    path = (1 - c_sigma) * path + std::sqrt(c_sigma * (2 - c_sigma) * mu_eff) * zw;
    double rate = double(lambda) / double(n);
    for (Index i = 0; i < lambda; ++i, rate /= 4)
      M.col(i) = (1 - rate) * M.col(i) + std::sqrt(rate * (2 - rate) * mu_eff) * zw;
    sigma *= std::exp((program ? 1 : 0.5) * c_sigma * (path.squaredNorm() / double(n) - 1));
  }
  return INFINITY;
}

void large(std::uint64_t seeds, Index n, const std::string& only) {
  std::printf(
      "### LM-MA-ES: Loshchilov, Glasmachers and Beyer (2018), median evaluations to 1e-10 from [-5, 5]^n with step "
      "size "
      "3\n\n"
      "| function | n | algorithm 1 of the paper | with what their program changes | ours | arrived | ratio to "
      "algorithm 1 |\n"
      "| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n");
  const auto one = [&](const char* name, const Any& f) {
    if (!only.empty() && only != name) return;
    const auto reference = [&](bool program) {
      return Runs(seeds, [&](std::uint64_t seed) {
        return limited_memory_reference(f, uniform(n, -5, 5, seed), program, 1e-10, 1e8, seed);
      });
    };
    const Runs paper = reference(false), program = reference(true), ours(seeds, [&](std::uint64_t seed) {
      const LimitedMemoryCmaEs es{.step_size = 3, .seed = seed, .value_tolerance = 0};
      return evaluations(minimize(f, uniform(n, -5, 5, seed), es, TargetReached{1e-10} || MaxEvaluations{100'000'000}));
    });
    std::printf("| %s | %d | %.4g | %.4g | %.4g | %d of %zu | %.3f |\n", name, int(n), paper.median(), program.median(),
                ours.median(), ours.arrived(), ours.results.size(), ours.median() / paper.median());
    std::fflush(stdout);
  };
  one("sphere", sphere);
  one("cigar", cigar);
  one("ellipsoid", ellipsoid(n));
  std::printf("\n");
}

template <class Es>
void cost(const char* name, const Es& es) {
  std::printf("| %s |", name);
  double before = 0;
  for (const Index n : {100, 1000, 10000}) {
    typename Es::template State<VectorXd> state;
    es.init(VectorXd(VectorXd::Zero(n)), state);
    std::vector<Evaluation<double>> answers;
    double least = INFINITY;
    for (int i = 0; i < 40; ++i) {
      const auto start = std::chrono::steady_clock::now();
      const auto batch = es.ask(state);
      answers.clear();
      for (Index k = 0; k < batch.points.cols(); ++k) answers.emplace_back(batch.points(0, k));
      es.tell(state, batch.ids, answers);
      const std::chrono::duration<double, std::micro> time = std::chrono::steady_clock::now() - start;
      if (i > 20) least = std::min(least, time.count() / double(answers.size()));
    }
    std::printf(" %.3g |", least);
    if (before > 0) std::printf(" %.1f |", least / before);
    before = least;
  }
  std::printf("\n");
}

void costs() {
  std::printf(
      "### Time of an evaluation, besides the objective's: ask and tell over the population, microseconds\n\n"
      "| | n = 100 | 1000 | ratio | 10000 | ratio |\n| --- | ---: | ---: | ---: | ---: | ---: |\n");
  cost("SeparableCmaEs", SeparableCmaEs{});
  cost("LimitedMemoryCmaEs", LimitedMemoryCmaEs{});
  cost("Snes", Snes{});
  std::printf("\n");
}

/// Evaluations until the noise-free value of the mean is below a target.
template <class Es>
double noisy(const Es& es, std::uint64_t seed, double target) {
  Random random{seed, 3};
  const Any f{[&](const VectorXd& x) { return x.squaredNorm() * (1 + 4 * random.normal() / double(x.size())); }};
  const auto observer = [&](const auto& state, const Progress&) {
    return state.mean.squaredNorm() < target ? Status::target_reached : Status::running;
  };
  return evaluations(minimize(f, VectorXd(VectorXd::Ones(10)), es, MaxEvaluations{200'000}, observer));
}

void noise(std::uint64_t seeds) {
  std::printf(
      "### UH-CMA-ES: Hansen et al. (2009), the sphere times 1 + 4 N(0, 1) / n, n = 10, from 1 with step size 1: "
      "median "
      "evaluations until the value of the mean is there\n\n"
      "| target | pycma with the paper's settings | ours with them | ratio | pycma | ours | ratio | CMA-ES alone, "
      "arrived |\n"
      "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");
  struct Target {
    double value, paper, pycma;
  };
  for (const auto& [target, paper, pycma] :
       {Target{1e-2, 5184, 3053}, {1e-4, 10872, 5295}, {1e-6, 16728, 7284}, {1e-8, 22848, 9410}}) {
    const auto handled = [&, &to = target](double theta, double growth) {
      return Runs(seeds, [&](std::uint64_t seed) {
        const CmaEs es{.step_size = 1, .seed = seed, .step_tolerance = 0, .value_tolerance = 0};
        return noisy(UncertaintyHandling<>{es, 30, theta, growth}, seed, to);
      });
    };
    const Runs old = handled(0.2, 1.5), ours = handled(UncertaintyHandling<>{}.theta, UncertaintyHandling<>{}.growth);
    const Runs alone(seeds, [&, &to = target](std::uint64_t seed) {
      return noisy(CmaEs{.step_size = 1, .seed = seed, .step_tolerance = 0, .value_tolerance = 0}, seed, to);
    });
    std::printf("| %.0e | %.0f | %.0f | %.2f | %.0f | %.0f | %.2f | %d of %zu |\n", target, paper, old.median(),
                old.median() / paper, pycma, ours.median(), ours.median() / pycma, alone.arrived(),
                alone.results.size());
    std::fflush(stdout);
  }
  std::printf("\n");
}

struct OfConfigurations {
  std::function<double(const Configuration&)> f;
  double operator()(const Configuration& c) const { return f(c); }
};
enum class Discrete { one_max, leading_ones, integers };

/// The functions of Hamano et al. (2022): half of the variables are real, the others truth values or integers.
InSpace<OfConfigurations> mixed(Discrete kind, bool ill, int n) {
  std::vector<Parameter> parameters;
  for (int i = 0; i < n; ++i) {
    const std::string name = "p" + std::to_string(i);
    if (2 * i < n)
      parameters.push_back(real(name, -10, 10));
    else if (kind == Discrete::integers)
      parameters.push_back(integer(name, -10, 10));
    else
      parameters.push_back(boolean(name));
  }
  const Space space(parameters);
  const int scaled = kind == Discrete::integers ? n : n / 2;
  return in_space(OfConfigurations{[=](const Configuration& c) {
                    double sum = 0, ones = 0;
                    bool leading = true;
                    for (int i = 0; i < n; ++i) {
                      const std::string& name = c.space().parameter(i).name;
                      const double scale = ill ? std::pow(1000, double(i) / (scaled - 1)) : 1;
                      if (2 * i < n) {
                        sum += std::pow(scale * c.real(name), 2);
                      } else if (kind == Discrete::integers) {
                        sum += std::pow(scale * double(c.integer(name)), 2);
                      } else {
                        leading = leading && c.boolean(name);
                        ones += kind == Discrete::one_max ? c.boolean(name) : leading;
                      }
                    }
                    return kind == Discrete::integers ? sum : sum + (n - n / 2) - ones;
                  }},
                  space);
}

void margin(std::uint64_t seeds) {
  std::printf(
      "### CMA-ES with margin: Hamano et al. (2022), table 2: runs that arrive, and evaluations to 1e-10\n\n"
      "| function | n | published: arrived | evaluations | ours: arrived | mean evaluations | ratio |\n"
      "| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n");
  const auto one = [&](const char* name, Discrete kind, bool ill, int n, double published) {
    const auto f = mixed(kind, ill, n);
    const Runs runs(seeds, [&](std::uint64_t seed) {
      // Real numbers and integers begin uniformly in [1, 3] with deviation 1, truth values in the middle.
      const VectorXd at = uniform(n, 1, 3, seed);
      NormalPrior<VectorXd> start;
      start.mean.resize(n);
      start.covariance.setZero(n, n);
      for (int i = 0; i < n; ++i) {
        const double width = 2 * i < n ? 20 : kind == Discrete::integers ? 21 : 2;
        start.mean[i] = 2 * i < n || kind == Discrete::integers ? 0.5 + at[i] / width : 0.5;
        start.covariance(i, i) = 1 / (width * width);
      }
      start.x = start.mean;
      start.step_size = 1;
      const CmaEs es{.step_size = 0.05, .seed = seed, .step_tolerance = 0, .value_tolerance = 0};
      return evaluations(minimize(f, start, es, TargetReached{1e-10} || MaxEvaluations{10'000 * n}));
    });
    std::printf("| %s | %d | 100 of 100 |", name, n);
    if (published > 0)
      std::printf(" %.0f | %d of %zu | %.0f | %.2f |\n", published, runs.arrived(), runs.results.size(), runs.mean(),
                  runs.mean() / published);
    else
      std::printf(" | %d of %zu | %.0f | |\n", runs.arrived(), runs.results.size(), runs.mean());
    std::fflush(stdout);
  };
  for (const int n : {20, 40, 60}) {
    one("SphereOneMax", Discrete::one_max, false, n, 0);
    one("SphereLeadingOnes", Discrete::leading_ones, false, n, 0);
    one("SphereInt", Discrete::integers, false, n, 0);
    one("EllipsoidOneMax", Discrete::one_max, true, n, 0);
    one("EllipsoidLeadingOnes", Discrete::leading_ones, true, n, n == 40 ? 41'000 : 0);
    one("EllipsoidInt", Discrete::integers, true, n, n == 60 ? 42'000 : 0);
  }
  std::printf("\n");
}

void warm(std::uint64_t seeds) {
  std::printf(
      "### WS-CMA-ES: Nomura et al. (2021), the mean of the best values after 50 evaluations, the minimum being at "
      "0.6\n\n"
      "| function | start | its authors' program | saves | ours | saves |\n| --- | --- | ---: | ---: | ---: | ---: "
      "|\n");
  const auto shifted = [](bool rotated, double b) {
    return Any{[=](const VectorXd& x) {
      if (!rotated) return (x.array() - b).square().sum();
      const double root = std::sqrt(3.0) / 2, u = root * x[0] + x[1] / 2, v = x[0] / 2 + root * x[1];
      return (u - b) * (u - b) + 25 * (v - b) * (v - b);
    }};
  };
  constexpr double sources[] = {0, 0.4, 0.5, 0.6, 0.7, 0.8};  // 0: none
  constexpr double theirs[2][6] = {{4.00e-4, 9.78e-4, 3.04e-4, 1.52e-4, 3.53e-4, 1.36e-3},
                                   {2.40e-3, 5.34e-3, 2.16e-3, 7.31e-4, 2.05e-3, 6.39e-3}};
  for (const bool rotated : {false, true}) {
    const Any target = shifted(rotated, 0.6);
    double cold = 0;
    for (int s = 0; s < 6; ++s) {
      const Runs runs(seeds, [&](std::uint64_t seed) {
        const CmaEs es{.step_size = 0.2, .population = 8, .seed = seed, .step_tolerance = 0, .value_tolerance = 0};
        if (s == 0) return minimize(target, VectorXd(VectorXd::Constant(2, 0.5)), es, MaxEvaluations{50}).value;
        const Any source = shifted(rotated, sources[s]);
        Random random{seed, 4};
        MatrixXd points(2, 10'000);
        std::vector<double> values;
        for (Index k = 0; k < points.cols(); ++k) {
          for (Index i = 0; i < 2; ++i) points(i, k) = random.uniform(0.0, 1.0);
          values.push_back(source(points.col(k)));
        }
        return minimize(target, promising_distribution(points, values), es, MaxEvaluations{50}).value;
      });
      char start[40] = "cold";
      if (s > 0) std::snprintf(start, sizeof start, "from the task at %.1f", sources[s]);
      if (s == 0) cold = runs.mean();
      std::printf("| %s | %s | %.3g | %.2f | %.3g | %.2f |\n", rotated ? "rotated ellipsoid" : "sphere", start,
                  theirs[rotated][s], theirs[rotated][0] / theirs[rotated][s], runs.mean(), cold / runs.mean());
      std::fflush(stdout);
    }
  }
  std::printf("\n");
}

/// A function of CEC 2014 with a shift and a rotation of our own, as those of the contest are random, too.
Any contest(int function, Index n, std::uint64_t seed) {
  Random random{seed, 6};
  const MatrixXd Q = rotation(n, random);
  VectorXd shift(n);
  for (double& entry : shift) entry = random.uniform(-80.0, 80.0);
  const Any ill = ellipsoid(n);
  return {[=](const VectorXd& x) {
    const VectorXd y = x - shift;
    double sum = 0;
    switch (function) {
      case 1: return ill(Q * y);
      case 2: return cigar(Q * y);
      case 3: {
        const VectorXd z = Q * y;
        return 1e6 * z[0] * z[0] + z.tail(n - 1).squaredNorm();
      }
      case 10:
        for (Index i = 0; i < n; ++i) {
          const double z = 10 * y[i] + 420.9687462275036, rest = std::fmod(std::abs(z), 500), far = std::abs(z) - 500;
          sum += 418.9828872724338;
          if (far <= 0)
            sum -= z * std::sin(std::sqrt(std::abs(z)));
          else
            sum -=
                (z > 0 ? 1 : -1) * (500 - rest) * std::sin(std::sqrt(500 - rest)) - far * far / (10'000.0 * double(n));
        }
        return sum;
      default: {
        const VectorXd z = function == 8 ? VectorXd(0.0512 * y) : VectorXd(Q * (0.0512 * y));
        for (double v : z) sum += v * v - 10 * std::cos(2 * std::numbers::pi * v) + 10;
        return sum;
      }
    }
  }};
}

void differential(std::uint64_t seeds) {
  std::printf(
      "### L-SHADE: Tanabe and Fukunaga (2014), error after 10 000 n evaluations on functions of CEC 2014\n\n"
      "| function | n | published | minionpy's, on the contest's data | ours | ± | largest |\n"
      "| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n");
  const auto one = [&](const char* name, int function, Index n, const char* published, const char* another) {
    const Runs runs(seeds, [&](std::uint64_t seed) {
      const auto f =
          within(contest(function, n, seed), Box<VectorXd>{VectorXd::Constant(n, -100), VectorXd::Constant(n, 100)});
      const double error = minimize(f, uniform(n, -100, 100, seed), DifferentialEvolution{.seed = seed},
                                    TargetReached{1e-8} || MaxEvaluations{10'000 * n})
                               .value;
      return error < 1e-8 ? 0 : error;
    });
    std::printf("| %s | %d | %s | %s | %.3g | %.2g | %.3g |\n", name, int(n), published, another, runs.mean(),
                runs.deviation(), runs.results.back());
    std::fflush(stdout);
  };
  one("f1 rotated ellipsoid", 1, 30, "0", "0");
  one("f2 rotated cigar", 2, 30, "0", "");
  one("f3 rotated discus", 3, 30, "0", "");
  one("f8 Rastrigin", 8, 30, "0", "0");
  one("f9 rotated Rastrigin", 9, 10, "", "2.11 ± 1.0");
  one("f9 rotated Rastrigin", 9, 30, "6.78", "6.63 ± 1.5");
  one("f10 Schwefel", 10, 30, "0.0163", "0.018 ± 0.013");
  std::printf("\n");
}

void swarm(std::uint64_t seeds) {
  std::printf(
      "### SPSO 2011: Clerc (2012), beside the loop of his program\n\n"
      "| function | n | evaluations | of | his program's | ours |\n| --- | ---: | ---: | --- | ---: | ---: |\n");
  const auto one = [](const Any& f, Index n, double width, std::int64_t most, double target,
                      std::uint64_t runs_wanted) {
    return Runs(runs_wanted, [&](std::uint64_t seed) {
      const auto boxed = within(f, Box<VectorXd>{VectorXd::Constant(n, -width), VectorXd::Constant(n, width)});
      const double value = minimize(boxed, uniform(n, -width, width, seed), ParticleSwarm{.seed = seed},
                                    TargetReached{target} || MaxEvaluations{most})
                               .value;
      return target > 0 ? (value <= target ? 1.0 : INFINITY) : value;
    });
  };
  const Any tripod{[](const VectorXd& x) {
    const double right = x[0] >= 0, up = x[1] >= 0;
    return up * (1 + right) + std::abs(x[0] + 50 * up * (1 - 2 * right)) + std::abs(x[1] + 50 * (1 - 2 * up));
  }};
  const Any rastrigin{[](const VectorXd& x) {
    double sum = 0;
    for (double v : x) sum += v * v - 10 * std::cos(2 * std::numbers::pi * v) + 10;
    return sum;
  }};
  const Any griewank{[](const VectorXd& x) {
    double sum = 1, product = 1;
    for (Index i = 0; i < x.size(); ++i) {
      sum += x[i] * x[i] / 4000;
      product *= std::cos(x[i] / std::sqrt(double(i + 1)));
    }
    return sum - product;
  }};
  const Runs legs = one(tripod, 2, 100, 10'000, 1e-4, 400);
  std::printf("| tripod | 2 | 10000 | share within 1e-4 | 0.81 | %.2f |\n", legs.arrived() / 400.0);
  std::printf("| Rastrigin | 10 | 40000 | mean | 5.5 | %.2g |\n", one(rastrigin, 10, 5.12, 40'000, 0, seeds).mean());
  std::printf("| Griewank | 10 | 40000 | mean | 0.023 | %.2g |\n\n", one(griewank, 10, 600, 40'000, 0, seeds).mean());
}

void natural(std::uint64_t seeds) {
  heading(
      "xNES and SNES: the cigar from 4 with step size 1, best value in PyBrain, by one of their authors; geometric "
      "mean");
  const Runs xnes(seeds, [&](std::uint64_t seed) {
    const Xnes es{.step_size = 1, .seed = seed, .step_tolerance = 0, .value_tolerance = 0};
    return std::log(minimize(cigar, VectorXd(VectorXd::Constant(10, 4)), es, MaxEvaluations{10'000}).value);
  });
  row("xNES after 10 000", 10, 3.77e-8, std::exp(xnes.mean()), xnes);
  const Runs snes(std::min<std::uint64_t>(seeds, 3), [&](std::uint64_t seed) {
    const Snes es{.step_size = 1, .seed = seed, .step_tolerance = 0, .value_tolerance = 0};
    return std::log(minimize(cigar, VectorXd(VectorXd::Constant(1000, 4)), es, MaxEvaluations{500'000}).value);
  });
  row("SNES after 500 000", 1000, 5.98e-4, std::exp(snes.mean()), snes);
  std::printf("\n");
}

void elitist(std::uint64_t seeds) {
  std::printf(
      "### (1+1)-CMA-ES: Auger and Hansen (BBOB 2009, CMA-ESPLUSSEL), expected running times to 1e-8\n\n"
      "| function | n | published | passive, as theirs | ratio | active | ratio |\n"
      "| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n");
  struct Published {
    int function;
    double in_5, in_10;
  };
  double logarithms[2] = {0, 0};
  int count = 0;
  for (const auto& [function, in_5, in_10] : {Published{1, 441.1, 843.1},
                                              {2, 1461.7, 4883.4},
                                              {8, 2157.1, 7525.0},
                                              {9, 1787.0, 6953.3},
                                              {10, 1512.9, 4826.9},
                                              {11, 2038.5, 7220.7},
                                              {12, 2978.3, 18564.1},
                                              {14, 1794.3, 5837.5}})
    for (const Index n : {5, 10}) {
      const double published = n == 5 ? in_5 : in_10;
      double ours[2];
      const char* name = "";
      for (const bool active : {false, true}) {
        std::vector<bbob::Trial> trials;
        bbob::CocoData none;
        for (std::uint64_t i = 1; i <= seeds; ++i) {
          const bbob::Bbob f(function, n, int(1 + (i - 1) % 5));
          name = f.name();
          trials.push_back(
              bbob::trial(f, 1'000'000, i, none, [&](const bbob::Watched& watched, mesaopt::Random& random) {
                const ElitistCmaEs es{.step_size = 2, .seed = random.below(1'000'000'000), .active = active};
                (void)minimize(watched, bbob::random_start(n, random), es, MaxEvaluations{1'000'000'000});
              }));
        }
        ours[active] = bbob::expected_running_time(trials);
        logarithms[active] += std::log(ours[active] / published);
      }
      ++count;
      std::printf("| f%d %s | %d | %.0f | %.0f | %.2f | %.0f | %.2f |\n", function, name, int(n), published, ours[0],
                  ours[0] / published, ours[1], ours[1] / published);
      std::fflush(stdout);
    }
  std::printf("| geometric mean | | | | %.2f | | %.2f |\n\n", std::exp(logarithms[0] / count),
              std::exp(logarithms[1] / count));
}

}  // namespace

int main(int count, char** arguments) {
  const std::string which = count > 1 ? arguments[1] : "all";
  const auto seeds = count > 2 ? std::uint64_t(std::max(1, std::atoi(arguments[2]))) : 15;
  const Index n = count > 3 ? std::atol(arguments[3]) : 128;
  const bool all = which == "all";
  if (all || which == "separable") separable(seeds);
  if (all || which == "large") large(all ? 3 : seeds, n, count > 4 ? arguments[4] : "");
  if (all || which == "cost") costs();
  if (all || which == "noise") noise(seeds);
  if (all || which == "margin") margin(seeds);
  if (all || which == "warm") warm(seeds);
  if (all || which == "differential") differential(seeds);
  if (all || which == "swarm") swarm(seeds);
  if (all || which == "natural") natural(seeds);
  if (all || which == "elitist") elitist(seeds);
}
