// The problems of Hock and Schittkowski from their standard starts: which method finds the published minimum to 1e-6
// relative with violations of at most 1e-8, and how many evaluations of the objective that takes.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/sqp.hpp>
#include <mesaopt/problems/hock_schittkowski.hpp>

#ifdef MESAOPT_PEER_NLOPT
#include <nlopt.h>
#endif

using Eigen::VectorXd;
using mesaopt::problems::HockSchittkowski;

namespace {

struct Answer {
  bool solved = false;
  std::uint64_t evaluations = 0;
};

double violation(const HockSchittkowski& problem, const VectorXd& x) {
  VectorXd c(problem.equalities() + problem.inequalities());
  problem.constraints(x, c);
  double most = 0;
  for (Eigen::Index i = 0; i < c.size(); ++i) most = std::max(most, i < problem.equalities() ? std::abs(c[i]) : c[i]);
  return most;
}

bool solves(const HockSchittkowski& problem, const VectorXd& x) {
  const double scale = std::max(1.0, std::abs(problem.minimum()));
  return std::abs(problem(x) - problem.minimum()) <= 1e-6 * scale && violation(problem, x) <= 1e-8;
}

Answer by_sqp(const HockSchittkowski& problem) {
  const auto solution = mesaopt::minimize(problem, problem.start(), mesaopt::Sqp{});
  return {solves(problem, solution.x), solution.counts[0].evaluations()};
}

#ifdef MESAOPT_PEER_NLOPT
struct Counted {
  const HockSchittkowski& problem;
  std::uint64_t evaluations = 0;
};
double nlopt_value(unsigned n, const double* at, double* gradient, void* data) {
  auto& counted = *static_cast<Counted*>(data);
  ++counted.evaluations;
  const VectorXd x = Eigen::Map<const VectorXd>(at, n);
  if (gradient == nullptr) return counted.problem(x);
  VectorXd g(n);
  const double value = counted.problem(x, g);
  std::copy_n(g.data(), n, gradient);
  return value;
}
template <bool equal>
void nlopt_constraints(unsigned, double* out, unsigned n, const double* at, double* gradient, void* data) {
  const auto& problem = static_cast<Counted*>(data)->problem;
  const VectorXd x = Eigen::Map<const VectorXd>(at, n);
  const auto first = equal ? 0 : problem.equalities();
  const auto count = equal ? problem.equalities() : problem.inequalities();
  VectorXd c(problem.equalities() + problem.inequalities());
  if (gradient == nullptr) {
    problem.constraints(x, c);
  } else {
    Eigen::MatrixXd J(c.size(), n);
    problem.constraints(x, c, J);
    for (Eigen::Index i = 0; i < count; ++i)
      for (Eigen::Index j = 0; j < Eigen::Index(n); ++j) gradient[i * Eigen::Index(n) + j] = J(first + i, j);
  }
  std::copy_n(c.data() + first, count, out);
}
Answer by_slsqp(const HockSchittkowski& problem) {
  const auto n = unsigned(problem.size());
  nlopt_opt opt = nlopt_create(NLOPT_LD_SLSQP, n);
  Counted counted{problem};
  nlopt_set_min_objective(opt, nlopt_value, &counted);
  nlopt_set_lower_bounds(opt, problem.box().lower.data());
  nlopt_set_upper_bounds(opt, problem.box().upper.data());
  const std::vector<double> tolerance(20, 1e-9);
  if (problem.equalities() > 0)
    nlopt_add_equality_mconstraint(opt, unsigned(problem.equalities()), nlopt_constraints<true>, &counted,
                                   tolerance.data());
  if (problem.inequalities() > 0)
    nlopt_add_inequality_mconstraint(opt, unsigned(problem.inequalities()), nlopt_constraints<false>, &counted,
                                     tolerance.data());
  nlopt_set_ftol_rel(opt, 1e-14);
  nlopt_set_xtol_rel(opt, 1e-12);
  nlopt_set_maxeval(opt, 5000);
  VectorXd x = problem.start().cwiseMax(problem.box().lower).cwiseMin(problem.box().upper);
  double value = 0;
  nlopt_optimize(opt, x.data(), &value);
  nlopt_destroy(opt);
  return {x.allFinite() && solves(problem, x), counted.evaluations};
}
#endif

}  // namespace

int main() {
  using Method = Answer (*)(const HockSchittkowski&);
  std::vector<std::pair<const char*, Method>> methods{{"Sqp", by_sqp}};
#ifdef MESAOPT_PEER_NLOPT
  methods.emplace_back("NLopt SLSQP", by_slsqp);
#endif
  std::vector<std::vector<Answer>> answers(methods.size());
  std::printf("| problem |");
  for (const auto& [name, method] : methods) std::printf(" %s |", name);
  std::printf("\n| ---: |");
  for (std::size_t k = 0; k < methods.size(); ++k) std::printf(" ---: |");
  std::printf("\n");
  for (const int number : HockSchittkowski::numbers) {
    const HockSchittkowski problem(number);
    std::printf("| %d |", number);
    for (std::size_t k = 0; k < methods.size(); ++k) {
      const Answer answer = methods[k].second(problem);
      answers[k].push_back(answer);
      std::printf(" %s%llu |", answer.solved ? "" : "failed, ", static_cast<unsigned long long>(answer.evaluations));
    }
    std::printf("\n");
  }
  std::printf("| solved of %zu |", HockSchittkowski::numbers.size());
  for (const auto& column : answers)
    std::printf(" %td |", std::count_if(column.begin(), column.end(), [](const Answer& a) { return a.solved; }));
  std::printf("\n| evaluations on those that all solve |");
  for (const auto& column : answers) {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < column.size(); ++i)
      if (std::all_of(answers.begin(), answers.end(), [i](const auto& other) { return other[i].solved; }))
        sum += column[i].evaluations;
    std::printf(" %llu |", static_cast<unsigned long long>(sum));
  }
  std::printf("\n");
}
