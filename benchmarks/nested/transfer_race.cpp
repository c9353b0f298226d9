// Does the race of a chain find out which transfers harm?
//
// 100 pairs of tasks that are related and 100 that are not, 25 of each of four kinds, drawn by Random{.seed = 1}. The
// first task is solved, and the second one three times: from its cold start, from what the first hands over (the point
// and the inverse Hessian, or the covariance), and by a chain with a Race. The first two of these say what is true.
//
// The target is the lowest value that either of them finds within the evaluation limit, plus 1e-6 of what lies between
// that and the cold start. A transfer is harmful if its run does not reach the target while the cold run does, or takes
// more evaluations to it; it is useful the other way round, and neither if the counts are equal. There is no margin:
// one evaluation more is harm. "Clearly" counts those alone where one run takes more than 5/4 of the other's
// evaluations.
//
// Related tasks differ in all their numbers by a part that is drawn for each pair, from 2 % to 50 % (but logistic keeps
// its units, network its inputs); unrelated ones share their dimension and nothing else. The kinds:
//   logistic   regression on 20 features in units from 1/7 to 7, 80 examples, ridge penalty; Bfgs, 200 evaluations
//   network    of 3 inputs, 5 tanh units, 1 output, taught by one of the same size; Bfgs, 600 evaluations
//   valley     the chained one of Rosenbrock in 10 variables, turned, stretched, moved; Bfgs, 400 evaluations
//   ellipsoid  of 8 variables, condition 1e4, turned and moved, without gradients; CmaEs, 3000 evaluations
//
// The second table has races of other lengths, on the same pairs and on 1000 others (seeds 2 to 6), and what they cost:
// the evaluations of the loser, as a share of the limit. The rule and its default share were chosen on seeds 11 to 16.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Dense>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/evolution/cma_es.hpp>
#include <mesaopt/gradient/bfgs.hpp>
#include <mesaopt/nested/chain.hpp>

namespace {

using namespace mesaopt;
using Eigen::Index, Eigen::MatrixXd, Eigen::VectorXd;

/// A task: its objective, and where it begins alone.
struct Task {
  std::function<double(const VectorXd&, VectorXd&)> f;
  VectorXd start;
};
/// Its objective, which writes down the lowest value so far after each evaluation.
struct Watched {
  std::function<double(const VectorXd&, VectorXd&)> f;
  std::vector<double>* lowest;
  double operator()(const VectorXd& x, VectorXd& gradient) const {
    const double value = f(x, gradient);
    const double last = lowest->empty() ? std::numeric_limits<double>::infinity() : lowest->back();
    lowest->push_back(value < last ? value : last);
    return value;
  }
};
struct WatchedValues : Watched {
  double operator()(const VectorXd& x) const {
    VectorXd gradient(x.size());
    return Watched::operator()(x, gradient);
  }
  double operator()(const VectorXd&, VectorXd&) const = delete;
};

VectorXd normal(Random& random, Index n) {
  VectorXd v(n);
  random.fill_normal(v);
  return v;
}
MatrixXd normal(Random& random, Index rows, Index columns) {
  MatrixXd m(rows, columns);
  random.fill_normal(m);
  return m;
}
MatrixXd turned(const MatrixXd& m) {
  return Eigen::HouseholderQR<MatrixXd>(m).householderQ() * MatrixXd::Identity(m.rows(), m.cols());
}

/// The two tasks of a pair: `near` is how far apart the numbers of related ones are, from 0.02 to 0.5; infinity for
/// unrelated ones.
using Pair = std::pair<Task, Task>;
double away(Random& random, bool related) {
  const double u = random.uniform<double>();
  return related ? 0.02 * std::pow(25.0, u) : std::numeric_limits<double>::infinity();
}
/// Another draw of the same kind, `by` of it new: with infinity all of it.
template <class Values>
Values moved(const Values& last, const Values& fresh, double by) {
  if (std::isinf(by)) return fresh;
  return last + by * fresh;
}

Pair logistic(Random& random, bool related) {
  const Index n = 20, m = 80;
  const double by = away(random, related);
  const auto make = [&](const VectorXd& units, const VectorXd& teacher) {
    const MatrixXd inputs = normal(random, m, n) * (2 * units.array().tanh()).exp().matrix().asDiagonal();
    const VectorXd logits = normal(random, m) + 0.1 * inputs * teacher;
    const VectorXd signs = logits.array().sign();
    return Task{[=](const VectorXd& w, VectorXd& g) {
                  const VectorXd margin = signs.cwiseProduct(inputs * w);
                  double value = 0.005 * w.squaredNorm();
                  VectorXd pull(m);
                  for (Index i = 0; i < m; ++i) {
                    const double z = margin[i], e = std::exp(-std::abs(z));
                    value += (std::log1p(e) + std::max(-z, 0.0)) / double(m);
                    pull[i] = -signs[i] * (z > 0 ? e : 1.0) / (1 + e) / double(m);
                  }
                  g = inputs.transpose() * pull + 0.01 * w;
                  return value;
                },
                VectorXd::Zero(n)};
  };
  const VectorXd units = normal(random, n), teacher = normal(random, n);
  const Task first = make(units, teacher);
  const VectorXd other = normal(random, n);
  return {first, make(related ? units : other, moved<VectorXd>(teacher, normal(random, n), by))};
}

Pair network(Random& random, bool related) {
  const Index in = 3, units = 5, m = 40, n = units * (in + 2) + 1;
  const double by = away(random, related);
  const auto output = [=](const VectorXd& w, const MatrixXd& inputs, MatrixXd& hidden) {
    const Eigen::Map<const MatrixXd> A(w.data(), units, in);
    hidden = ((A * inputs).colwise() + w.segment(units * in, units)).array().tanh();
    return VectorXd((hidden.transpose() * w.segment(units * (in + 1), units)).array() + w[n - 1]);
  };
  const auto make = [&](const VectorXd& teacher, const MatrixXd& inputs) {
    MatrixXd hidden;
    const VectorXd targets = output(2 * teacher, inputs, hidden) + 0.05 * normal(random, m);
    return Task{[=](const VectorXd& w, VectorXd& g) {
                  MatrixXd h;
                  const VectorXd r = (output(w, inputs, h) - targets) / double(m);
                  const auto c = w.segment(units * (in + 1), units);
                  const MatrixXd back = ((c * r.transpose()).array() * (1 - h.array().square())).matrix();
                  Eigen::Map<MatrixXd>(g.data(), units, in) = back * inputs.transpose();
                  g.segment(units * in, units) = back.rowwise().sum();
                  g.segment(units * (in + 1), units) = h * r;
                  g[n - 1] = r.sum();
                  g += 1e-3 * w;
                  return double(m) * r.squaredNorm() / 2 + 5e-4 * w.squaredNorm();
                },
                0.5 * normal(random, n)};
  };
  const VectorXd teacher = normal(random, n);
  const MatrixXd inputs = normal(random, in, m);
  const Task first = make(teacher, inputs);
  const MatrixXd others = normal(random, in, m);
  return {first, make(moved<VectorXd>(teacher, normal(random, n), by), related ? inputs : others)};
}

Pair valley(Random& random, bool related) {
  const Index n = 10;
  const double by = away(random, related);
  const auto make = [&](const MatrixXd& axes, const VectorXd& center, const VectorXd& stretch) {
    const MatrixXd T = stretch.array().exp().matrix().asDiagonal() * turned(axes);
    return Task{[=](const VectorXd& x, VectorXd& g) {
                  const VectorXd z = T * (x - center);
                  VectorXd gz = VectorXd::Zero(n);
                  double value = 0;
                  for (Index i = 0; i + 1 < n; ++i) {
                    const double a = z[i + 1] - z[i] * z[i], b = 1 - z[i];
                    value += 100 * a * a + b * b;
                    gz[i] -= 400 * a * z[i] + 2 * b;
                    gz[i + 1] += 200 * a;
                  }
                  g = T.transpose() * gz;
                  return value;
                },
                VectorXd::Zero(n)};
  };
  const MatrixXd axes = normal(random, n, n), other = normal(random, n, n);
  const VectorXd center = normal(random, n), stretch = normal(random, n);
  const Task first = make(axes, center, stretch);
  const VectorXd elsewhere = normal(random, n), otherwise = normal(random, n);
  return {first, make(moved<MatrixXd>(axes, other, by), moved<VectorXd>(center, elsewhere, by),
                      moved<VectorXd>(stretch, otherwise, by))};
}

Pair ellipsoid(Random& random, bool related) {
  const Index n = 8;
  const double by = away(random, related);
  const auto make = [&](const MatrixXd& axes, const VectorXd& center) {
    const MatrixXd T = VectorXd::LinSpaced(n, 0, std::log(100.0)).array().exp().matrix().asDiagonal() * turned(axes);
    return Task{[=](const VectorXd& x, VectorXd&) { return (T * (x - center)).squaredNorm(); }, VectorXd::Zero(n)};
  };
  const MatrixXd axes = normal(random, n, n), other = normal(random, n, n);
  const VectorXd center = 2 * normal(random, n), elsewhere = 2 * normal(random, n);
  return {make(axes, center), make(moved<MatrixXd>(axes, other, by), moved<VectorXd>(center, elsewhere, by))};
}

/// What the race said of a pair, and what is true.
struct Answer {
  bool refused = false;
  double warm = 0, cold = 0;  ///< evaluations to the target; infinity if it was not reached
  double lost = 0;            ///< evaluations of the run that lost
};

template <class Objective, class Optimizer>
Answer answer(const Pair& pair, const Optimizer& optimizer, std::int64_t limit, const Race& race) {
  std::vector<double> first, warm, cold, raced;
  const Search search{optimizer, MaxEvaluations{limit}};
  const auto one = stage("first", Objective{pair.first.f, &first}, search, pair.first.start);
  const auto& start = pair.second.start;
  static_cast<void>(chain(one, stage("second", Objective{pair.second.f, &warm}, search, start))());
  static_cast<void>(chain(stage("second", Objective{pair.second.f, &cold}, search, start))());
  const auto report = chain(one, stage("second", Objective{pair.second.f, &raced}, search, start, Keep{}, race))();

  const double best = std::min(warm.back(), cold.back()), target = best + 1e-6 * (cold.front() - best);
  const auto to_target = [target](const std::vector<double>& lowest) {
    const auto at = std::find_if(lowest.begin(), lowest.end(), [target](double value) { return value <= target; });
    return at == lowest.end() ? std::numeric_limits<double>::infinity() : double(at - lowest.begin() + 1);
  };
  const auto& second = std::get<1>(report.stages);
  return {second.transfer == Transfer::refused, to_target(warm), to_target(cold), double(second.lost_evaluations)};
}

/// Harmful and useful transfers, and how many of them a race refused.
struct Tally {
  struct Count {
    int all = 0, refused = 0;
    void add(const Answer& a) { ++all, refused += a.refused ? 1 : 0; }
    [[nodiscard]] double percent() const { return 100.0 * refused / std::max(1, all); }
  };
  Count harmful, useful, neither, clearly_harmful, clearly_useful;
  double cost = 0;
  int pairs = 0;

  void add(const Answer& a, std::int64_t limit) {
    (a.warm > a.cold ? harmful : a.warm < a.cold ? useful : neither).add(a);
    if (a.warm > 1.25 * a.cold) clearly_harmful.add(a);
    if (a.cold > 1.25 * a.warm) clearly_useful.add(a);
    cost += a.lost / double(limit);
    ++pairs;
  }
};

struct Kind {
  const char* name;
  Pair (*draw)(Random&, bool);
  std::int64_t limit;
  bool gradients;
};
const std::vector<Kind> kinds{{"logistic", logistic, 200, true},
                              {"network", network, 600, true},
                              {"valley", valley, 400, true},
                              {"ellipsoid", ellipsoid, 3000, false}};

/// Runs all pairs of a seed; `tell(related, kind, answer)` is called for each.
template <class Tell>
void run(std::uint64_t seed, const Race& race, const Tell& tell) {
  const Random random{.seed = seed};
  std::uint64_t drawn = 0;
  for (const bool related : {true, false})
    for (const auto& kind : kinds)
      for (int k = 0; k < 25; ++k) {
        Random mine = random.split(drawn++);
        const Pair pair = kind.draw(mine, related);
        tell(related, kind,
             kind.gradients ? answer<Watched>(pair, Bfgs{}, kind.limit, race)
                            : answer<WatchedValues>(pair, CmaEs{.step_size = 1}, kind.limit, race));
      }
}

}  // namespace

int main(int argc, char** argv) {
  const auto print = [](const char* pairs, const char* kind, const Tally& t) {
    std::printf("| %s | %s | %d | %d | %d | %d | %d | %d | %d | %d | %d | %.2f |\n", pairs, kind, t.harmful.all,
                t.harmful.refused, t.useful.all, t.useful.refused, t.neither.all, t.clearly_harmful.all,
                t.clearly_harmful.refused, t.clearly_useful.all, t.clearly_useful.refused, t.cost / t.pairs);
  };
  std::puts(
      "| pairs | kind | harmful | refused | useful | refused | neither | clearly harmful | refused |"
      " clearly useful | refused | cost |");
  std::puts("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
  std::vector<Tally> each(2 * kinds.size());
  Tally total;
  run(1, Race{}, [&](bool related, const Kind& kind, const Answer& a) {
    each[std::size_t(&kind - kinds.data()) + (related ? 0 : kinds.size())].add(a, kind.limit);
    total.add(a, kind.limit);
  });
  for (std::size_t i = 0; i < each.size(); ++i)
    print(i < kinds.size() ? "related" : "unrelated", kinds[i % kinds.size()].name, each[i]);
  print("all", "all", total);
  std::printf("\nOf harmful transfers %.0f %% are refused, of useful ones %.0f %%.\n\n", total.harmful.percent(),
              total.useful.percent());

  std::puts(
      "| at most | decided early at | harmful, refused | useful, refused | clearly harmful | clearly useful | cost |");
  std::puts("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
  constexpr double never = std::numeric_limits<double>::infinity();
  const Race standard;
  std::vector<Race> races{standard};
  for (const double share : {0.5, 0.4, 0.3, 0.2, 0.1, 0.05, 0.02}) races.push_back({.share = share, .decisive = never});
  for (const double decisive : {1000.0, 150.0, 50.0, 20.0, 10.0}) races.push_back({.decisive = decisive});
  const std::uint64_t first = argc > 2 ? std::strtoull(argv[1], nullptr, 10) : 2;
  const std::uint64_t last = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 6;
  for (const Race& race : races) {
    Tally others;
    for (std::uint64_t seed = first; seed <= last; ++seed)
      run(seed, race, [&](bool, const Kind& kind, const Answer& a) { others.add(a, kind.limit); });
    std::printf("| %.2f | %.0f | %.1f %% | %.1f %% | %.1f %% | %.1f %% | %.3f |\n", race.share, race.decisive,
                others.harmful.percent(), others.useful.percent(), others.clearly_harmful.percent(),
                others.clearly_useful.percent(), others.cost / others.pairs);
    std::fflush(stdout);
  }
}
