// Quadratic programs side by side with other active-set solvers, in one process: random strictly convex ones, solved
// from nothing, and solved again after c and b have moved a little, each solver by its own means of doing so.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/random.hpp>
#include <mesaopt/gradient/quadratic_program.hpp>
#include <mesaopt/problems/random_quadratic_program.hpp>

#ifdef MESAOPT_PEER_EIQUADPROG
#include <eiquadprog/eiquadprog-fast.hpp>
#endif
#ifdef MESAOPT_PEER_QPOASES
#include <qpOASES.hpp>
#endif
#ifdef MESAOPT_PEER_DAQP
#include <daqp/api.h>
#include <daqp/utils.h>
#endif

namespace {

using namespace mesaopt;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using Program = QuadraticProgram<double>;
using Rows = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// What a solver gives: each solves `program` from nothing, or again after `program` has changed in c, b_eq and b.
struct Answer {
  VectorXd x{};
  std::uint64_t iterations = 0;
};

struct Mesaopt {
  static constexpr const char* name = "mesaopt";
  QuadraticState<double> state{};
  void cold(const Program& p, Answer& answer) {
    state.forget();
    warm(p, answer);
  }
  void warm(const Program& p, Answer& answer) {
    solve(p, state);
    answer.x = state.x;
    answer.iterations = state.iterations;
  }
};

#ifdef MESAOPT_PEER_EIQUADPROG
struct Eiquadprog {
  static constexpr const char* name = "eiquadprog-fast";
  eiquadprog::solvers::EiquadprogFast solver{};
  MatrixXd H, E, I;
  VectorXd e, i;
  void cold(const Program& p, Answer& answer) {
    const Index n = p.size(), m = p.inequalities();
    const Index lower = (p.lower.array() > -1e300).count(), upper = (p.upper.array() < 1e300).count();
    H = p.Q;
    E = p.A_eq;
    e = -p.b_eq;
    I.setZero(m + lower + upper, n);
    i.resize(m + lower + upper);
    I.topRows(m) = -p.A;
    i.head(m) = p.b;
    Index k = m;
    for (Index j = 0; j < n; ++j)
      if (p.lower[j] > -1e300) I(k, j) = 1, i[k++] = -p.lower[j];
    for (Index j = 0; j < n; ++j)
      if (p.upper[j] < 1e300) I(k, j) = -1, i[k++] = p.upper[j];
    solver.reset(std::size_t(n), std::size_t(p.equalities()), std::size_t(k));
    answer.x.resize(n);
    solver.solve_quadprog(H, p.c, E, e, I, i, answer.x);
    answer.iterations = std::uint64_t(solver.getIteratios());
  }
  void warm(const Program& p, Answer& answer) { cold(p, answer); }
};
#endif

#ifdef MESAOPT_PEER_QPOASES
struct QpOases {
  static constexpr const char* name = "qpOASES";
  qpOASES::QProblem solver{};
  Rows H, A;
  VectorXd low, high;
  void sides(const Program& p) {
    const Index e = p.equalities(), m = p.inequalities();
    low.resize(e + m);
    high.resize(e + m);
    low << p.b_eq, VectorXd::Constant(m, -1e20);
    high << p.b_eq, p.b;
  }
  void finish(Answer& answer, qpOASES::int_t steps) {
    answer.x.resize(H.rows());
    solver.getPrimalSolution(answer.x.data());
    answer.iterations = std::uint64_t(steps);
  }
  void cold(const Program& p, Answer& answer) {
    H = p.Q;
    A.resize(p.equalities() + p.inequalities(), p.size());
    A << p.A_eq, p.A;
    sides(p);
    solver = qpOASES::QProblem(qpOASES::int_t(p.size()), qpOASES::int_t(A.rows()), qpOASES::HST_POSDEF);
    qpOASES::Options options;
    options.setToMPC();
    options.printLevel = qpOASES::PL_NONE;
    solver.setOptions(options);
    qpOASES::int_t steps = 100000;
    solver.init(H.data(), p.c.data(), A.data(), p.lower.data(), p.upper.data(), low.data(), high.data(), steps);
    finish(answer, steps);
  }
  void warm(const Program& p, Answer& answer) {
    sides(p);
    qpOASES::int_t steps = 100000;
    solver.hotstart(p.c.data(), p.lower.data(), p.upper.data(), low.data(), high.data(), steps);
    finish(answer, steps);
  }
};
#endif

#ifdef MESAOPT_PEER_DAQP
struct Daqp {
  static constexpr const char* name = "DAQP";
  DAQPWorkspace work{};
  DAQPProblem problem{};
  Rows H, A;
  VectorXd f, low, high, x, multipliers;
  std::vector<int> sense;
  bool used = false;
  ~Daqp() { clear(); }
  void clear() {
    if (!used) return;
    free_daqp_workspace(&work);
    free_daqp_ldp(&work);
    used = false;
  }
  void sides(const Program& p) {
    const Index n = p.size(), e = p.equalities(), m = p.inequalities();
    f = p.c;
    low.resize(n + e + m);
    high.resize(n + e + m);
    low << p.lower.cwiseMax(-1e30), p.b_eq, VectorXd::Constant(m, -1e30);
    high << p.upper.cwiseMin(1e30), p.b_eq, p.b;
  }
  void finish(Answer& answer) {
    DAQPResult result{};
    x.resize(f.size());
    multipliers.resize(low.size());
    result.x = x.data();
    result.lam = multipliers.data();
    daqp_solve(&result, &work);
    answer.x = x;
    answer.iterations = std::uint64_t(result.iter);
  }
  void cold(const Program& p, Answer& answer) {
    clear();
    H = p.Q;
    A.resize(p.equalities() + p.inequalities(), p.size());
    A << p.A_eq, p.A;
    sides(p);
    sense.assign(std::size_t(low.size()), 0);
    for (Index k = 0; k < p.equalities(); ++k) sense[std::size_t(p.size() + k)] = DAQP_ACTIVE + DAQP_IMMUTABLE;
    problem = {};
    problem.n = int(p.size());
    problem.m = int(low.size());
    problem.ms = int(p.size());
    problem.H = H.data();
    problem.f = f.data();
    problem.A = A.data();
    problem.bupper = high.data();
    problem.blower = low.data();
    problem.sense = sense.data();
    work = {};
    setup_daqp(&problem, &work, nullptr);
    used = true;
    finish(answer);
  }
  void warm(const Program& p, Answer& answer) {
    sides(p);
    problem.f = f.data();
    problem.bupper = high.data();
    problem.blower = low.data();
    daqp_update_ldp(DAQP_UPDATE_v + DAQP_UPDATE_d, &work, &problem);
    finish(answer);
  }
};
#endif

using Clock = std::chrono::steady_clock;
double microseconds(Clock::time_point since) {
  return std::chrono::duration<double, std::micro>(Clock::now() - since).count();
}

constexpr int programs = 10, neighbours = 20;

struct Totals {
  std::string name;
  double cold = 0, warm = 0, error = 0;  ///< µs in all, largest distance from the solution, or from ours
  std::uint64_t cold_steps = 0, warm_steps = 0;
};

/// The best of some times for the series of one program: cold, then its neighbours.
template <class Solver>
void measure(const problems::RandomQuadraticProgram::Made& made, const std::vector<Program>& near,
             const std::vector<VectorXd>& expected, Totals& totals) {
  double cold = std::numeric_limits<double>::infinity(), warm = cold;
  Answer answer;
  std::uint64_t cold_steps = 0, warm_steps = 0;
  Solver solver;
  for (int repetition = 0; repetition < 5; ++repetition) {
    auto began = Clock::now();
    solver.cold(made.program, answer);
    cold = std::min(cold, microseconds(began));
    cold_steps = answer.iterations;
    totals.error = std::max(totals.error, (answer.x - made.x).cwiseAbs().maxCoeff());
    double sum = 0;
    warm_steps = 0;
    for (std::size_t k = 0; k < near.size(); ++k) {
      began = Clock::now();
      solver.warm(near[k], answer);
      sum += microseconds(began);
      warm_steps += answer.iterations;
      if (!expected.empty()) totals.error = std::max(totals.error, (answer.x - expected[k]).cwiseAbs().maxCoeff());
    }
    warm = std::min(warm, sum);
  }
  totals.name = Solver::name;
  totals.cold += cold;
  totals.warm += warm;
  totals.cold_steps += cold_steps;
  totals.warm_steps += warm_steps;
}

}  // namespace

int main() {
  std::printf(
      "Random strictly convex programs of condition 1e3, with n variables, n/10 equations, n inequalities, and bounds\n"
      "on two thirds of the sides; a third of all is active. Mean of %d programs, each the best of 5 times; a "
      "neighbour\n"
      "has c and b moved by 1 %% of a normal number in each entry. Steps are as each solver counts them; the error is\n"
      "the largest in x, cold against the known solution, neighbours against mesaopt's.\n\n",
      programs);
  std::printf("| n | solver | cold, us | steps | neighbour, us | steps | error |\n|---|---|---|---|---|---|---|\n");
  for (const Index n : {5, 10, 20, 50, 100, 200}) {
    std::vector<Totals> totals(4);
    for (int seed = 0; seed < programs; ++seed) {
      const auto made = problems::RandomQuadraticProgram{
          .variables = n, .equalities = n / 10, .inequalities = n}(std::uint64_t(1000 * n + seed));
      std::vector<Program> near;
      std::vector<VectorXd> expected;
      Random random{.seed = std::uint64_t(seed), .stream = 1};
      for (int k = 0; k < neighbours; ++k) {
        near.push_back(made.program);
        for (auto& c : near.back().c) c += 0.01 * random.normal();
        for (auto& b : near.back().b) b += 0.01 * random.normal();
        QuadraticState<double> state;
        solve(near.back(), state);
        if (state.status == Status::converged) {
          expected.push_back(state.x);
        } else {
          near.pop_back();
        }
      }
      measure<Mesaopt>(made, near, expected, totals[0]);
#ifdef MESAOPT_PEER_EIQUADPROG
      measure<Eiquadprog>(made, near, expected, totals[1]);
#endif
#ifdef MESAOPT_PEER_QPOASES
      measure<QpOases>(made, near, expected, totals[2]);
#endif
#ifdef MESAOPT_PEER_DAQP
      measure<Daqp>(made, near, expected, totals[3]);
#endif
    }
    for (const auto& t : totals)
      if (!t.name.empty())
        std::printf("| %d | %s | %.1f | %.1f | %.1f | %.1f | %.1e |\n", int(n), t.name.c_str(), t.cold / programs,
                    double(t.cold_steps) / programs, t.warm / programs / neighbours,
                    double(t.warm_steps) / programs / neighbours, t.error);
  }
  return 0;
}
