#pragma once

// The protocol of BBOB for studies of optimizers: trials, expected running times, data files in the format of COCO.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/random.hpp>
#include <mesaopt/problems/bbob.hpp>

namespace bbob {

using mesaopt::problems::Bbob;

/// How many evaluations a trial took to come within 1e-8 of the optimum; all of them if it did not.
struct Trial {
  double evaluations = 0;
  bool reached = false;
};

/// The expected running time: evaluations of all trials over the number of those that arrived.
inline double expected_running_time(const std::vector<Trial>& trials) {
  double total = 0, reached = 0;
  for (const Trial& trial : trials) total += trial.evaluations, reached += trial.reached;
  return reached > 0 ? total / reached : std::numeric_limits<double>::infinity();
}

/// A quantile of the expected running times of trials drawn from these with replacement.
inline double bootstrap_quantile(const std::vector<Trial>& trials, double quantile, int samples = 2000) {
  mesaopt::Random random{.seed = 1};
  std::vector<double> times;
  std::vector<Trial> drawn(trials.size());
  for (int k = 0; k < samples; ++k) {
    for (Trial& trial : drawn) trial = trials[std::size_t(random.below(trials.size()))];
    times.push_back(expected_running_time(drawn));
  }
  std::sort(times.begin(), times.end());
  return times[std::size_t(quantile * double(samples - 1))];
}

/// Writes what COCO's own logger writes (data_format 'bbob-new2'), for cocopp and IOHanalyzer: per function and
/// dimension a .dat file, with a line whenever the best value crosses another twentieth power of ten above the optimum,
/// and a .tdat file, with lines at given numbers of evaluations; and a line about all trials in an .info file.
class CocoData {
 public:
  CocoData() = default;
  CocoData(std::filesystem::path folder, std::string algorithm)
      : folder_(std::move(folder)), algorithm_(std::move(algorithm)) {}

  void begin_problem(int function, Eigen::Index n) {
    if (folder_.empty()) return;
    const std::string name = "bbobexp_f" + std::to_string(function);
    const auto data = "data_f" + std::to_string(function) + "/" + name + "_DIM" + std::to_string(n);
    std::filesystem::create_directories(folder_ / ("data_f" + std::to_string(function)));
    info_.open(folder_ / (name + ".info"), std::ios::app);
    if (info_.tellp() > 0) info_ << '\n';
    info_ << "suite = 'bbob', funcId = " << function << ", DIM = " << n << ", Precision = 1.000e-08, algId = '"
          << algorithm_ << "', coco_version = '2.8', logger = 'bbob', data_format = 'bbob-new2', settings = ''\n%\n"
          << data << ".dat";
    dat_.open(folder_ / (data + ".dat"));
    tdat_.open(folder_ / (data + ".tdat"));
  }

  void begin_trial(const Bbob& f) {
    if (folder_.empty()) return;
    char header[300];
    std::snprintf(header, sizeof header,
                  "%% f evaluations | g evaluations | best noise-free fitness - Fopt (%.12e) + sum g_i+ | measured "
                  "fitness | best measured fitness or single-digit g-values | x1 | x2...\n",
                  f.optimum_value());
    dat_ << header;
    tdat_ << header;
    next_target_ = std::numeric_limits<double>::infinity();
    next_power_ = 0;
  }

  /// After every evaluation: which it was, its value and the best so far, both less the optimum's.
  void note(const Bbob& f, std::uint64_t evaluations, double value, double best, const Eigen::VectorXd& x) {
    if (folder_.empty()) return;
    const bool target = best < next_target_, time = due(evaluations, x.size());
    latest_ = {evaluations, value, best};
    if (!target && !time) return;
    const std::string text = line(f, evaluations, value, best, x);
    if (target) {
      dat_ << text;
      in_dat_ = evaluations;
      next_target_ = std::pow(10, (std::ceil(20 * std::log10(best) - 1e-9) - 1) / 20);
    }
    if (time) {
      tdat_ << text;
      in_tdat_ = evaluations;
    }
  }

  void end_trial(const Bbob& f, const Eigen::VectorXd& x) {
    if (folder_.empty()) return;
    const auto [evaluations, value, best] = latest_;
    const std::string final_line = line(f, evaluations, value, best, x);
    if (in_dat_ != evaluations) dat_ << final_line;
    if (in_tdat_ != evaluations) tdat_ << final_line;
    in_dat_ = in_tdat_ = 0;
    char entry[100];
    std::snprintf(entry, sizeof entry, ", %d:%llu|%.1e", f.instance(), static_cast<unsigned long long>(evaluations),
                  best);
    info_ << entry;
  }

  void end_problem() {
    if (folder_.empty()) return;
    info_ << '\n';
    info_.close();
    dat_.close();
    tdat_.close();
  }

 private:
  struct Latest {
    std::uint64_t evaluations = 0;
    double value = 0, best = 0;
  };
  std::filesystem::path folder_{};
  std::string algorithm_{};
  std::ofstream info_{}, dat_{}, tdat_{};
  double next_target_ = 0;
  int next_power_ = 0;
  std::uint64_t in_dat_ = 0, in_tdat_ = 0;
  Latest latest_{};

  /// At floor(10^(k/20)) evaluations, and at 1, 2, 5 times n times a power of ten.
  bool due(std::uint64_t evaluations, Eigen::Index n) {
    bool now = false;
    while (std::floor(std::pow(10, next_power_ / 20.0)) <= double(evaluations)) {
      now = now || std::floor(std::pow(10, next_power_ / 20.0)) == double(evaluations);
      ++next_power_;
    }
    for (std::uint64_t step = std::uint64_t(n); step <= evaluations; step *= 10)
      now = now || evaluations == step || evaluations == 2 * step || evaluations == 5 * step;
    return now;
  }

  static std::string line(const Bbob& f, std::uint64_t evaluations, double value, double best,
                          const Eigen::VectorXd& x) {
    char text[200];
    std::snprintf(text, sizeof text, "%llu 0 %+10.9e %+10.9e %+10.9e", static_cast<unsigned long long>(evaluations),
                  best, value + f.optimum_value(), best + f.optimum_value());
    std::string all = text;
    for (Eigen::Index i = 0; x.size() < 7 && i < x.size(); ++i) {
      std::snprintf(text, sizeof text, " %+5.4e", x[i]);
      all += text;
    }
    return all + "\n";
  }
};

/// Thrown out of an optimizer when the trial is over: the target is reached, or the budget spent.
struct TrialEnds {};

/// A function of BBOB whose evaluations are counted and written down. It ends its trial by throwing TrialEnds, so that
/// every evaluation counts up to the very one that reaches the target, whatever optimizers do with it.
struct Watched {
  struct Record {
    std::uint64_t evaluations = 0;
    double best = std::numeric_limits<double>::infinity();
  };
  const Bbob* f;
  CocoData* data;
  Record* record;
  std::uint64_t budget;

  double operator()(const Eigen::VectorXd& x) const {
    const double value = (*f)(x), above = value - f->optimum_value();
    ++record->evaluations;
    if (above < record->best) record->best = above;
    data->note(*f, record->evaluations, above, record->best, x);
    if (record->best < 1e-8 || record->evaluations >= budget) {
      data->end_trial(*f, x);
      throw TrialEnds{};
    }
    return value;
  }
};

/// One trial: `optimize(watched, random)` is called again and again, to start anew from another point, until the target
/// is reached or the budget spent.
template <class Optimize>
Trial trial(const Bbob& f, std::uint64_t budget, std::uint64_t seed, CocoData& data, const Optimize& optimize) {
  Watched::Record record;
  data.begin_trial(f);
  mesaopt::Random random{.seed = seed};
  try {
    for (;;) optimize(Watched{&f, &data, &record, budget}, random);
  } catch (const TrialEnds&) {
  }
  return {double(record.evaluations), record.best < 1e-8};
}

/// A point at random in [-4, 4]^n, where trials customarily start.
inline Eigen::VectorXd random_start(Eigen::Index n, mesaopt::Random& random) {
  Eigen::VectorXd x(n);
  for (double& entry : x) entry = random.uniform(-4.0, 4.0);
  return x;
}

}  // namespace bbob
