#include <mesaopt/gradient/lbfgsb.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <stdexcept>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/lbfgs.hpp>
#include <mesaopt/objective/bounds.hpp>
#include <mesaopt/problems/hock_schittkowski.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// Whatever can be called with a point and room for a gradient.
template <class X>
struct AnyOf {
  std::function<Evaluation<ScalarOf<X>>(const X&, X&)> f;
  Evaluation<ScalarOf<X>> operator()(const X& x, X& g) const { return f(x, g); }
};
using Any = AnyOf<VectorXd>;
using InBoxAny = Within<Any, VectorXd>;

static_assert(OptimizerFor<LbfgsB, InBoxAny, VectorXd>);
static_assert(OptimizerFor<LbfgsB, Any, VectorXd>);
static_assert(!OptimizerFor<Lbfgs, InBoxAny, VectorXd>);

VectorXd vector(std::initializer_list<double> entries) {
  VectorXd out(Eigen::Index(entries.size()));
  std::copy(entries.begin(), entries.end(), out.begin());
  return out;
}

template <class X>
Evaluation<ScalarOf<X>> rosenbrock(const X& x, X& g) {
  using S = ScalarOf<X>;
  S sum = 0;
  for (Eigen::Index i = 0; i < x.size(); i += 2) {
    const S valley = x[i + 1] - x[i] * x[i], slope = 1 - x[i];
    sum += 100 * valley * valley + slope * slope;
    g[i] = -400 * x[i] * valley - 2 * slope;
    g[i + 1] = 200 * valley;
  }
  return sum;
}

/// The sample problem that comes with the Fortran code of L-BFGS-B.
Evaluation<double> sample(const VectorXd& x, VectorXd& g) {
  double value = (x[0] - 1) * (x[0] - 1);
  g.setZero();
  g[0] = 2 * (x[0] - 1);
  for (Eigen::Index i = 0; i + 1 < x.size(); ++i) {
    const double valley = x[i + 1] - x[i] * x[i];
    value += 4 * valley * valley;
    g[i] -= 16 * x[i] * valley;
    g[i + 1] += 8 * valley;
  }
  return value;
}

InBoxAny sample_problem(Eigen::Index n) {
  VectorXd lower = VectorXd::Constant(n, -100);
  for (Eigen::Index i = 0; i < n; i += 2) lower[i] = 1;
  return within(Any{sample}, Box<VectorXd>{lower, VectorXd::Constant(n, 100)});
}

double largest_projected(const InBoxAny& f, const VectorXd& x, const VectorXd& g) {
  return (x - (x - g).cwiseMax(f.box().lower).cwiseMin(f.box().upper)).lpNorm<Eigen::Infinity>();
}

/// A problem of Hock & Schittkowski that has bounds and no other constraints, its start put into the box, and how many
/// evaluations the Fortran code of L-BFGS-B 3.0 (as in SciPy 1.10) takes from there, with ten pairs, to 1e-8.
struct BoundedProblem {
  int number;
  std::uint64_t reference;
  problems::HockSchittkowski problem{number};
  InBoxAny f = within(Any{[p = problem](const VectorXd& x, VectorXd& g) { return p(x, g); }}, problem.box());
  VectorXd start = problem.start().cwiseMax(problem.box().lower).cwiseMin(problem.box().upper);
};

std::vector<BoundedProblem> bounded_problems() {
  return {{1, 48}, {2, 17}, {3, 4}, {4, 2}, {5, 9}, {38, 34}, {45, 10}, {110, 8}};
}

}  // namespace

TEST_CASE("L-BFGS-B solves the bounded problems of Hock and Schittkowski", "[lbfgsb]") {
  std::uint64_t evaluations = 0, reference = 0;
  for (const auto& p : bounded_problems()) {
    CAPTURE(p.number);
    const auto solution = minimize(p.f, p.start, LbfgsB{});
    CHECK(solution.status == Status::gradient_below);
    // The start of problem 2 is on the far side of a ridge, where this is the minimum.
    CHECK(solution.value == Approx(p.number == 2 ? 4.941229318 : p.problem.minimum()).epsilon(1e-8).margin(1e-8));
    CHECK(p.f.box().contains(solution.x));
    CAPTURE(solution.counts[0].evaluations(), p.reference);
    CHECK(solution.counts[0].evaluations() <= p.reference + 2);
    evaluations += solution.counts[0].evaluations();
    reference += p.reference;
  }
  CHECK(evaluations <= reference);
}

TEST_CASE("L-BFGS-B finds the better minimum of problem 2 from its side of the ridge", "[lbfgsb]") {
  const auto solution = minimize(bounded_problems()[1].f, vector({2, 1.5}), LbfgsB{});
  CHECK(solution.status == Status::gradient_below);
  CHECK(solution.value == Approx(0.0504261879).epsilon(1e-8));
  CHECK(solution.x[1] == 1.5);
}

TEST_CASE("L-BFGS-B fits problem 25, and ends where its gradient vanishes", "[lbfgsb]") {
  const BoundedProblem p{25, 0};
  const auto solution = minimize(p.f, vector({60, 24, 1.4}), LbfgsB{}, GradientBelow{1e-9} || MaxEvaluations{2000});
  CHECK((solution.x - vector({50, 25, 1.5})).lpNorm<Eigen::Infinity>() < 1e-3);
  CHECK(solution.value < 1e-12);
  // At its published start the projected gradient is 2e-8, and neither value nor gradient lead anywhere.
  const auto flat = minimize(p.f, p.start, LbfgsB{}, GradientBelow{1e-7});
  CHECK(flat.status == Status::gradient_below);
  CHECK(flat.counts[0].iterations == 0);
  CHECK(minimize(p.f, p.start, LbfgsB{}, GradientBelow{0}).counts[0].evaluations() < 1000);
}

TEST_CASE("L-BFGS-B takes about the evaluations of the Fortran code on its sample problem", "[lbfgsb]") {
  // SciPy 1.10, ten pairs, to 1e-8: these numbers of evaluations.
  const std::vector<std::pair<Eigen::Index, std::uint64_t>> references = {{2, 20}, {100, 46}, {1000, 48}};
  for (const auto& [n, reference] : references) {
    CAPTURE(n);
    const auto f = sample_problem(n);
    const auto solution = minimize(f, VectorXd(VectorXd::Constant(n, 3)), LbfgsB{});
    CHECK(solution.status == Status::gradient_below);
    CHECK(solution.counts[0].evaluations() <= reference + 5);
    CHECK(solution.value < 1e-14);
    CHECK(solution.x[0] == Approx(1));
  }
}

TEST_CASE("L-BFGS-B solves bounded quadratics to their Karush-Kuhn-Tucker point", "[lbfgsb]") {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    const Eigen::Index n = 30;
    std::mt19937_64 random(seed);
    std::normal_distribution<double> draw;
    MatrixXd root(n, n);
    for (double& entry : root.reshaped()) entry = draw(random);
    const MatrixXd A = root * root.transpose() / n + 0.1 * MatrixXd::Identity(n, n);
    // Made backwards: the point, its active bounds, and multipliers that press against them.
    VectorXd x(n), push = VectorXd::Zero(n), lower = VectorXd::Constant(n, -1), upper = VectorXd::Ones(n);
    for (Eigen::Index i = 0; i < n; ++i) {
      x[i] = std::tanh(draw(random));
      if (i % 3 == 0) {
        push[i] = 0.1 + std::abs(draw(random));
        x[i] = lower[i];
      } else if (i % 3 == 1) {
        push[i] = -0.1 - std::abs(draw(random));
        x[i] = upper[i];
      }
      if (i % 6 == 2) lower[i] = -infinity;
    }
    const VectorXd b = A * x - push;
    const auto f = within(Any{[&](const VectorXd& at, VectorXd& g) {
                            g.noalias() = A * at;
                            const double value = at.dot(g) / 2 - b.dot(at);
                            g -= b;
                            return value;
                          }},
                          Box<VectorXd>{lower, upper});
    const auto solution = minimize(f, VectorXd(VectorXd::Zero(n)), LbfgsB{}, GradientBelow{1e-9});
    CHECK(solution.status == Status::gradient_below);
    CHECK((solution.x - x).norm() < 1e-7);
    for (Eigen::Index i = 0; i < n; ++i)
      if (i % 3 != 2) CHECK(solution.x[i] == x[i]);  // at a bound exactly
    CHECK((solution.state.gradient - push).norm() < 1e-7);
  }
}

TEST_CASE("L-BFGS-B evaluates nothing outside of the box, and never lets the value rise", "[lbfgsb]") {
  for (unsigned seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    const Eigen::Index n = 8;
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> draw(-2, 2);
    VectorXd lower(n), upper(n), start(n);
    for (Eigen::Index i = 0; i < n; ++i) {
      const double a = draw(random), b = draw(random);
      lower[i] = std::min(a, b);
      upper[i] = i == 3 ? lower[i] : std::max(a, b);  // and one without width
      start[i] = i % 2 == 0 ? lower[i] : lower[i] + (upper[i] - lower[i]) / 3;
    }
    const Box<VectorXd> box{lower, upper};
    bool inside = true;
    const auto f = within(Any{[&](const VectorXd& x, VectorXd& g) {
                            inside = inside && box.contains(x);
                            return rosenbrock(x, g);
                          }},
                          box);
    double last = infinity;
    const auto solution = minimize(f, start, LbfgsB{.memory = 8 + Eigen::Index(seed % 5)}, GradientBelow{1e-8},
                                   [&](const auto& state, const Progress&) {
                                     CHECK(state.value <= last + 1e-12 * std::abs(last));
                                     last = state.value;
                                   });
    CHECK(inside);
    CHECK(solution.status == Status::gradient_below);
    CHECK(largest_projected(f, solution.x, solution.state.gradient) <= 1e-8);
    CHECK(solution.state.stationarity().lpNorm<Eigen::Infinity>() <= 1e-8);
  }
}

TEST_CASE("Without bounds, and with infinite ones, L-BFGS-B is L-BFGS", "[lbfgsb]") {
  const VectorXd start = vector({-1.2, 1, -1.2, 1});
  const VectorXd far = VectorXd::Constant(4, infinity);
  const auto reference = minimize(Any{rosenbrock<VectorXd>}, start, Lbfgs{});
  const auto free = minimize(Any{rosenbrock<VectorXd>}, start, LbfgsB{});
  CHECK(free.x == reference.x);
  CHECK(free.counts == reference.counts);
  CHECK(&free.state.stationarity() == &free.state.gradient);
  const auto unbounded = minimize(within(Any{rosenbrock<VectorXd>}, Box<VectorXd>{-far, far}), start, LbfgsB{});
  CHECK(unbounded.x == reference.x);
  CHECK(unbounded.counts == reference.counts);
}

TEST_CASE("L-BFGS-B ends at once in boxes without room, in corners, and at its own solution", "[lbfgsb]") {
  const VectorXd point = vector({0.5, -0.25});
  const auto fixed = within(Any{rosenbrock<VectorXd>}, Box<VectorXd>{point, point});
  const auto there = minimize(fixed, point, LbfgsB{});
  CHECK(there.status == Status::gradient_below);
  CHECK(there.x == point);
  CHECK(there.counts[0].evaluations() == 1);

  for (const auto& p : bounded_problems()) {
    CAPTURE(p.number);
    const auto first = minimize(p.f, p.start, LbfgsB{});
    const auto again = minimize(p.f, first.x, LbfgsB{});
    CHECK(again.counts[0].iterations <= 1);
    const auto warm = minimize(p.f, first.state, LbfgsB{});
    CHECK(warm.counts[0].iterations <= 1);
    // Asked for more than floating point can give, it ends.
    const auto harder = minimize(p.f, first.x, LbfgsB{}, GradientBelow{0});
    CHECK(harder.counts[0].evaluations() < 120);
  }
}

TEST_CASE("L-BFGS-B refuses a start outside of the box, boxes that are none, and settings out of range", "[lbfgsb]") {
  const auto f = sample_problem(2);
  CHECK_THROWS_WITH(minimize(f, vector({0, 0}), LbfgsB{}),
                    "start: coordinate 0 is 0; it must lie in the box, in [1, 100]");
  CHECK_THROWS_AS(minimize(f, vector({2, 2, 2}), LbfgsB{}), std::invalid_argument);
  CHECK_THROWS_AS(minimize(f, vector({2, 2}), LbfgsB{.memory = 0}), std::invalid_argument);
  CHECK_THROWS_AS(minimize(f, vector({2, 2}), LbfgsB{.line_search = {.decrease = -1}}), std::invalid_argument);
  auto spoilt = f;
  spoilt.bounds.lower[0] = 200;
  CHECK_THROWS_AS(minimize(spoilt, vector({2, 2}), LbfgsB{}), std::invalid_argument);
}

TEST_CASE("A step of L-BFGS-B allocates nothing, nor does a run begun anew in place", "[lbfgsb]") {
  if constexpr (!counting_allocations) return;
  for (const Eigen::Index n : {2, 7, 50}) {
    const auto f = sample_problem(n);
    const VectorXd start = VectorXd::Constant(n, 3);
    const LbfgsB optimizer{};
    const auto stopping = GradientBelow{1e-8} || MaxEvaluations{1000};
    RunOf<LbfgsB, std::remove_const_t<decltype(stopping)>, InBoxAny, VectorXd> run;
    begin(f, start, optimizer, stopping, run);
    const long before = allocations();
    resume(f, optimizer, stopping, run);
    begin(f, start, optimizer, stopping, run);
    resume(f, optimizer, stopping, run);
    CHECK(allocations() == before);
    CHECK(run.status == Status::gradient_below);
  }
}

TEMPLATE_TEST_CASE("L-BFGS-B works on points of fixed size without the heap, and in single precision", "[lbfgsb]",
                   (Eigen::Vector<double, 6>), Eigen::VectorXf) {
  using X = TestType;
  using S = ScalarOf<X>;
  struct Bounded {
    Box<X> bounds;
    const Box<X>& box() const { return bounds; }
    Evaluation<S> operator()(const X& x, X& g) const { return rosenbrock(x, g); }
  };
  const Eigen::Index n = X::SizeAtCompileTime > 0 ? X::SizeAtCompileTime : 4;
  X lower, upper, start, expected;
  for (X* point : {&lower, &upper, &start, &expected}) point->resize(n);
  for (Eigen::Index i = 0; i < n; i += 2) {
    lower.segment(i, 2) << S(-1.5), S(-1);
    upper.segment(i, 2) << S(0.8), S(3);
    start.segment(i, 2) << S(-1.2), S(1);
    expected.segment(i, 2) << S(0.8), S(0.64);
  }
  const Bounded f{{lower, upper}};
  const bool is_double = std::is_same_v<S, double>;
  const long before = allocations();
  const auto solution = minimize(f, start, LbfgsB{}, GradientBelow{is_double ? 1e-9 : 1e-3});
  const long after = allocations();
  if constexpr (counting_allocations && X::SizeAtCompileTime > 0) CHECK(after == before);
  CHECK(solution.status == Status::gradient_below);
  CHECK((solution.x - expected).norm() < S(is_double ? 1e-9 : 1e-4));
  CHECK(solution.x[0] == S(0.8));
  CHECK(solution.counts[0].evaluations() <= 60);
}

TEST_CASE("A run of L-BFGS-B copied or saved anywhere goes on to the same bits", "[lbfgsb]") {
  for (const Eigen::Index n : {1, 3, 17, 41}) {
    CAPTURE(n);
    // A chain of springs on an uneven floor: the variables at bounds change from step to step.
    const auto f = within(Any{[](const VectorXd& x, VectorXd& g) {
                            double value = 0;
                            for (Eigen::Index i = 0; i < x.size(); ++i) {
                              const double c = 1 + double(i % 7), a = x[i] - std::sin(double(3 * i)),
                                           b = i > 0 ? x[i] - x[i - 1] : 0;
                              value += c * a * a + 5 * b * b + b * b * b * b;
                              g[i] = 2 * c * a + 10 * b + 4 * b * b * b;
                              if (i > 0) g[i - 1] -= 10 * b + 4 * b * b * b;
                            }
                            return value;
                          }},
                          Box<VectorXd>{VectorXd::Constant(n, -0.2), VectorXd::LinSpaced(n, 0.3, 1)});
    const VectorXd start = VectorXd::Constant(n, 0.1);
    const LbfgsB optimizer{.memory = 5};
    const auto stopping = GradientBelow{1e-9} || MaxIterations{100};
    using R = RunOf<LbfgsB, std::remove_const_t<decltype(stopping)>, InBoxAny, VectorXd>;
    R whole;
    begin(f, start, optimizer, stopping, whole);
    std::vector<R> forks;
    std::vector<std::vector<std::byte>> saved;
    for (int k = 0; k < 15 && whole.status == Status::running; ++k) {
      forks.push_back(whole);
      saved.push_back(save(whole));
      advance(f, optimizer, stopping, whole);
    }
    resume(f, optimizer, stopping, whole);
    CHECK(whole.status == Status::gradient_below);
    R used = forks.front();
    for (R& fork : forks) {
      resume(f, optimizer, stopping, fork);
      CHECK(identical(fork, whole));
    }
    for (const auto& bytes : saved) {
      R loaded;
      for (R* run : {&loaded, &used}) {
        load(bytes, *run);
        resume(f, optimizer, stopping, *run);
        CHECK(identical(*run, whole));
      }
    }
    begin(f, start, optimizer, stopping, used);
    resume(f, optimizer, stopping, used);
    CHECK(identical(used, whole));
  }
}

TEST_CASE("L-BFGS-B is indifferent to the scale of the value, and nearly to that of space", "[lbfgsb]") {
  const VectorXd start = vector({-1.2, 1, 1.1, -1}), lower = vector({-1.5, -1, -1.5, -2}),
                 upper = vector({0.8, 3, 3, 3});
  const auto run = [&](double value_scale, double scale) {
    const auto f = within(Any{[=](const VectorXd& x, VectorXd& g) -> Evaluation<double> {
                            const VectorXd unscaled = x / scale;
                            const double value = value_scale * rosenbrock(unscaled, g).value;
                            g *= value_scale / scale;
                            return value;
                          }},
                          Box<VectorXd>{lower * scale, upper * scale});
    return minimize(f, VectorXd(start * scale), LbfgsB{}, GradientBelow{1e-8 * value_scale / scale});
  };
  const auto plain = run(1, 1);
  for (const double scale : {1e-6, 1e6}) {
    CAPTURE(scale);
    const auto far = run(1, scale);
    CHECK(far.status == Status::gradient_below);
    CHECK((far.x / scale - plain.x).norm() < 1e-6);
    CHECK(far.counts[0].evaluations() <= 2 * plain.counts[0].evaluations() + 20);
    CHECK((run(scale, 1).x - plain.x).norm() < 1e-6);
  }
}

TEST_CASE("L-BFGS and L-BFGS-B begin with the curvature pairs of one another", "[lbfgsb]") {
  const auto f = sample_problem(30);
  const auto first = minimize(f, VectorXd(VectorXd::Constant(30, 3)), LbfgsB{}, GradientBelow{1e-5});
  auto prior = first.state;
  const VectorXd nearby = (first.x + VectorXd::Constant(30, 1e-3)).cwiseMax(f.box().lower);
  prior.x = nearby;
  const auto cold = minimize(f, nearby, LbfgsB{}, GradientBelow{1e-6});
  const auto warm = minimize(f, prior, LbfgsB{}, GradientBelow{1e-6});
  CHECK(warm.status == Status::gradient_below);
  CHECK(warm.counts[0].evaluations() < cold.counts[0].evaluations());
  const auto free = minimize(Any{sample}, prior, Lbfgs{}, GradientBelow{1e-6});
  CHECK(free.status == Status::gradient_below);
  CHECK(minimize(f, minimize(Any{sample}, nearby, Lbfgs{}, MaxIterations{3}).state, LbfgsB{.memory = 4}).status ==
        Status::gradient_below);
}

TEST_CASE("The budget of L-BFGS-B holds in the middle of a step, and the best point stays", "[lbfgsb]") {
  for (std::int64_t limit = 1; limit < 30; ++limit) {
    double best = infinity;
    const auto f = within(Any{[&](const VectorXd& x, VectorXd& g) {
                            const auto value = sample(x, g);
                            best = std::min(best, value.value);
                            return value;
                          }},
                          sample_problem(10).box());
    const auto solution = minimize(f, VectorXd(VectorXd::Constant(10, 3)), LbfgsB{}, MaxEvaluations{limit});
    CHECK(solution.counts[0].evaluations() == std::uint64_t(limit));
    CHECK(solution.status == Status::max_evaluations);
    CHECK(solution.value == best);
  }
}

TEST_CASE("L-BFGS-B stays before a wall of NaN, and what the objective throws leaves its run whole", "[lbfgsb]") {
  const auto box = sample_problem(4).box();
  // Beyond x[1] = 0.5 there is nothing; the minimum is at 1.
  const auto walled = within(Any{[](const VectorXd& x, VectorXd& g) -> Evaluation<double> {
                               const auto value = sample(x, g);
                               return x[1] < 0.5 ? Evaluation<double>(std::numeric_limits<double>::quiet_NaN()) : value;
                             }},
                             box);
  const auto solution = minimize(walled, vector({3, 3, 3, 3}), LbfgsB{});
  CHECK(solution.status == Status::gradient_below);

  std::uint64_t calls = 0;
  const auto throwing = within(Any{[&](const VectorXd& x, VectorXd& g) -> Evaluation<double> {
                                 if (++calls == 9) throw std::runtime_error("lost");
                                 return sample(x, g);
                               }},
                               box);
  const GradientBelow stopping{1e-8};
  const LbfgsB optimizer{};
  RunOf<LbfgsB, GradientBelow, InBoxAny, VectorXd> run;
  begin(throwing, vector({3, 3, 3, 3}), optimizer, stopping, run);
  CHECK_THROWS_AS(resume(throwing, optimizer, stopping, run), std::runtime_error);
  VectorXd gradient(4);
  CHECK(sample(run.state.x, gradient).value == run.state.value);
  CHECK(gradient == run.state.gradient);
  resume(throwing, optimizer, stopping, run);
  CHECK(run.status == Status::gradient_below);
}
