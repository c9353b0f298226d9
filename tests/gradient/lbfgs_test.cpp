#include <mesaopt/gradient/lbfgs.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <random>
#include <stdexcept>
#include <vector>

#include <Eigen/Core>
#include <Eigen/QR>

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/models/ridge.hpp>
#include <mesaopt/problems/quadratic.hpp>
#include <mesaopt/problems/rosenbrock.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using problems::Rosenbrock;

namespace {

template <class S>
Eigen::MatrixX<S> normal(Eigen::Index rows, Eigen::Index cols, unsigned seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> draw;
  Eigen::MatrixX<S> out(rows, cols);
  for (S& entry : out.reshaped()) entry = S(draw(random));
  return out;
}

/// A quadratic with eigenvalues from 1 to `condition`, evenly in the logarithm, in random directions.
problems::Quadratic<double> quadratic(Eigen::Index n, double condition, unsigned seed) {
  const MatrixXd Q = normal<double>(n, n, seed).householderQr().householderQ();
  const VectorXd eigenvalues = VectorXd::LinSpaced(n, 0, std::log(condition)).array().exp();
  MatrixXd A = Q * eigenvalues.asDiagonal() * Q.transpose();
  A = (A + A.transpose()).eval() / 2;
  return {A, VectorXd(normal<double>(n, 1, seed + 1))};
}

/// Nocedal & Wright, algorithm 7.4, in long double: −Hg.
template <class X>
X two_loop_recursion(const std::vector<X>& s, const std::vector<X>& y, const X& g) {
  using L = Eigen::VectorX<long double>;
  L q = g.template cast<long double>();
  std::vector<long double> a(s.size());
  const auto cast = [](const X& x) { return L(x.template cast<long double>()); };
  for (std::size_t k = s.size(); k-- > 0;) {
    a[k] = cast(s[k]).dot(q) / cast(s[k]).dot(cast(y[k]));
    q -= a[k] * cast(y[k]);
  }
  if (!s.empty()) q *= cast(s.back()).dot(cast(y.back())) / cast(y.back()).squaredNorm();
  for (std::size_t k = 0; k < s.size(); ++k) q += (a[k] - cast(y[k]).dot(q) / cast(s[k]).dot(cast(y[k]))) * cast(s[k]);
  return (-q).template cast<ScalarOf<X>>();
}

template <class X>
void check_direction(Eigen::Index n, Eigen::Index memory, ScalarOf<X> tolerance) {
  using S = ScalarOf<X>;
  CAPTURE(n, memory);
  const Eigen::MatrixX<S> root = normal<S>(n, n, 3) / std::sqrt(S(n));
  const Eigen::MatrixX<S> A = root * root.transpose() + Eigen::MatrixX<S>::Identity(n, n);
  const LbfgsDirection direction{memory};
  typename LbfgsDirection::Memory<X> m;
  X x = normal<S>(n, 1, 4), g = A * x, d = x;
  direction.init(x, x, m);
  std::vector<X> s, y;
  for (unsigned k = 0; k < 2 * unsigned(memory) + 3; ++k) {
    int f = 0;
    direction.query(f, f, x, g, m, d);
    const X expected = two_loop_recursion(s, y, g);
    CHECK((d - expected).norm() <= tolerance * expected.norm());
    CHECK(direction.scaled(m) == (k > 0));
    const X next = x + X(normal<S>(n, 1, 10 + k)), next_g = A * next;
    direction.learn(x, g, next, next_g, m);
    s.push_back(next - x);
    y.push_back(next_g - g);
    if (s.size() > std::size_t(memory)) {
      s.erase(s.begin());
      y.erase(y.begin());
    }
    x = next;
    g = next_g;
  }
}

/// Any objective of a kind of point: one type, so that L-BFGS is compiled once for all of them.
template <class X>
struct Any {
  std::function<double(const X&, X&)> f;
  ScalarOf<X> operator()(const X& x, X& gradient) const { return ScalarOf<X>(f(x, gradient)); }
};
using AnyObjective = Any<VectorXd>;

struct Trace {
  std::vector<double> values, gradients;
  std::size_t best = 0;
};

/// The values that an objective answers, in the order of the calls.
template <class X>
Any<X> traced(const Any<X>& f, Trace& trace) {
  return {[&f, &trace](const X& x, X& gradient) {
    const double value = double(f(x, gradient));
    trace.values.push_back(value);
    trace.gradients.push_back(double(gradient.template lpNorm<Eigen::Infinity>()));
    if (trace.values.back() < trace.values[trace.best]) trace.best = trace.values.size() - 1;
    return value;
  }};
}

}  // namespace

TEST_CASE("L-BFGS solves Rosenbrock in at most 50 evaluations at any size", "[lbfgs]") {
  for (const Eigen::Index n : {2, 10, 100, 1000, 10000}) {
    CAPTURE(n);
    const auto solution = minimize(Rosenbrock{}, Rosenbrock::start(n), Lbfgs{}, GradientBelow{1e-8});
    CHECK(solution.status == Status::gradient_below);
    CHECK(solution.counts[0].evaluations() <= 50);
    CHECK(solution.counts[0].values == 0);
    CHECK((solution.x - Rosenbrock::solution(n)).lpNorm<Eigen::Infinity>() < 1e-7);
  }
}

TEMPLATE_TEST_CASE("L-BFGS solves Rosenbrock in all kinds of points", "[lbfgs]", Eigen::Vector2f,
                   (Eigen::Vector<double, 6>), Eigen::VectorXd, Eigen::VectorXf,
                   (Eigen::Matrix<double, Eigen::Dynamic, 1, 0, 8, 1>)) {
  using S = ScalarOf<TestType>;
  const TestType start = Rosenbrock::start<TestType>(TestType::SizeAtCompileTime > 0 ? TestType::SizeAtCompileTime : 4);
  const bool is_double = std::is_same_v<S, double>;
  const auto solution = minimize(Rosenbrock{}, start, Lbfgs{}, GradientBelow{is_double ? 1e-10 : 1e-4});
  CHECK(solution.status == Status::gradient_below);
  CHECK(solution.counts[0].evaluations() <= 60);
  CHECK((solution.x.array() - S(1)).abs().maxCoeff() < S(is_double ? 1e-9 : 1e-3));
}

TEST_CASE("The direction is that of the two-loop recursion", "[lbfgs]") {
  for (const Eigen::Index n : {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 50, 100, 513})
    for (const Eigen::Index memory : {1, 2, 3, 4, 5, 10}) {
      if (n > 50 && memory < 10) continue;
      check_direction<VectorXd>(n, memory, 1e-12);
      check_direction<Eigen::VectorXf>(n, memory, 1e-4f);
    }
  check_direction<Eigen::Vector<double, 1>>(1, 4, 1e-12);
  check_direction<Eigen::Vector<double, 3>>(3, 16, 1e-12);
  check_direction<Eigen::Vector<double, 20>>(20, 7, 1e-12);
  check_direction<Eigen::Vector<float, 5>>(5, 3, 1e-4f);
}

TEST_CASE("A pair without curvature is refused, and costs no more than the oldest", "[lbfgs]") {
  const LbfgsDirection direction{3};
  LbfgsDirection::Memory<VectorXd> m;
  const Eigen::Index n = 5;
  VectorXd x = VectorXd::Ones(n), g = x, d = x;
  direction.init(x, x, m);
  std::vector<VectorXd> s, y;
  const auto learn = [&](const VectorXd& step, const VectorXd& change) {
    const VectorXd next = x + step, next_g = g + change;
    direction.learn(x, g, next, next_g, m);
  };
  for (unsigned k = 0; k < 4; ++k) {
    s.push_back(normal<double>(n, 1, k));
    y.push_back(2 * s.back() + 0.1 * normal<double>(n, 1, k + 9));
    learn(s.back(), y.back());
  }
  learn(VectorXd::Ones(n), -VectorXd::Ones(n));
  CHECK(m.pairs.count == 2);
  learn(VectorXd::Zero(n), VectorXd::Zero(n));
  learn(VectorXd::Unit(n, 0), VectorXd::Unit(n, 1));
  CHECK(m.pairs.count == 2);
  int f = 0;
  direction.query(f, f, x, g, m, d);
  CHECK((d - two_loop_recursion<VectorXd>({s[2], s[3]}, {y[2], y[3]}, g)).norm() < 1e-12 * d.norm());
}

TEST_CASE("With exact line searches a quadratic ends after as many steps as it has variables", "[lbfgs]") {
  constexpr Eigen::Index n = 8;
  const AnyObjective f{quadratic(n, 100, 1)};
  const Lbfgs exact{.memory = n, .line_search = {.decrease = 1e-4, .curvature = 1e-3, .max_evaluations = 60}};
  const auto solution = minimize(f, VectorXd(VectorXd::Ones(n)), exact, GradientBelow{1e-3});
  CHECK(solution.status == Status::gradient_below);
  CHECK(solution.counts[0].iterations <= std::uint64_t(n) + 1);
}

TEST_CASE("L-BFGS finds the minimum of ill-conditioned quadratics", "[lbfgs]") {
  for (const double condition : {1.0, 1e2, 1e3}) {
    CAPTURE(condition);
    const auto f = quadratic(20, condition, 5);
    const auto solution = minimize(AnyObjective{f}, VectorXd(VectorXd::Ones(20)), Lbfgs{}, GradientBelow{1e-8});
    CHECK(solution.status == Status::gradient_below);
    CHECK((solution.x - f.solution()).norm() < 1e-7);
    CHECK(solution.counts[0].evaluations() < 1000);
  }
}

TEST_CASE("A step allocates nothing, nor does a run begun anew in place", "[lbfgs]") {
  if constexpr (!counting_allocations) return;
  for (const Eigen::Index n : {2, 10, 1000}) {
    const VectorXd start = Rosenbrock::start(n);
    const Lbfgs optimizer{};
    const auto stopping = GradientBelow{1e-8} || MaxEvaluations{1000};
    RunOf<Lbfgs, std::remove_const_t<decltype(stopping)>, Rosenbrock, VectorXd> run;
    begin(Rosenbrock{}, start, optimizer, stopping, run);
    const long before = allocations();
    resume(Rosenbrock{}, optimizer, stopping, run);
    begin(Rosenbrock{}, start, optimizer, stopping, run);
    resume(Rosenbrock{}, optimizer, stopping, run);
    CHECK(allocations() == before);
    CHECK(run.status == Status::gradient_below);
  }
}

TEST_CASE("Points of fixed size never touch the heap", "[lbfgs]") {
  if constexpr (!counting_allocations) return;
  using X = Eigen::Vector<double, 6>;
  const X start = Rosenbrock::start<X>();
  const long before = allocations();
  const auto solution = minimize(Rosenbrock{}, start, Lbfgs{.memory = 16}, GradientBelow{1e-8});
  const long after = allocations();
  CHECK(after == before);
  CHECK(solution.status == Status::gradient_below);
}

TEST_CASE("A run copied or saved anywhere goes on to the same bits", "[lbfgs]") {
  // Odd sizes put columns at all alignments; the copies lie elsewhere in memory.
  for (const Eigen::Index n : {1, 3, 5, 17, 33, 101, 1003}) {
    CAPTURE(n);
    const AnyObjective f{[](const VectorXd& x, VectorXd& g) {
      double value = 0;
      for (Eigen::Index i = 0; i < x.size(); ++i) {
        const double a = x[i] - 1 / double(i + 1), c = 1 + double(i % 7);
        value += c * a * a + a * a * a * a;
        g[i] = 2 * c * a + 4 * a * a * a;
      }
      return value;
    }};
    const VectorXd start = VectorXd::LinSpaced(n, -2, 3);
    const Lbfgs optimizer{.memory = 5};
    const auto stopping = GradientBelow{1e-9} || MaxIterations{100};
    using R = RunOf<Lbfgs, std::remove_const_t<decltype(stopping)>, AnyObjective, VectorXd>;
    R whole;
    begin(f, start, optimizer, stopping, whole);
    std::vector<R> forks;
    std::vector<std::vector<double>> padding;
    std::vector<std::vector<std::byte>> saved;
    for (int k = 0; k < 12 && whole.status == Status::running; ++k) {
      padding.emplace_back(std::size_t(k) + 1);
      forks.push_back(whole);
      saved.push_back(save(whole));
      advance(f, optimizer, stopping, whole);
    }
    resume(f, optimizer, stopping, whole);
    CHECK(whole.status == Status::gradient_below);
    for (R& fork : forks) {
      resume(f, optimizer, stopping, fork);
      CHECK(identical(fork, whole));
    }
    for (const auto& bytes : saved) {
      R loaded;
      load(bytes, loaded);
      resume(f, optimizer, stopping, loaded);
      CHECK(identical(loaded, whole));
    }
    R again = forks.front();
    begin(f, start, optimizer, stopping, again);
    resume(f, optimizer, stopping, again);
    CHECK(identical(again, whole));
  }
}

TEST_CASE("Asked for more than floating point can give, L-BFGS stalls soon after its best point", "[lbfgs]") {
  const auto check = []<class X>(const Any<X>& f, const X& start, double tolerance, std::size_t patience = 20) {
    Trace trace;
    double lowest = std::numeric_limits<double>::infinity(), rise = 0;
    const auto solution =
        minimize(traced(f, trace), start, Lbfgs{}, GradientBelow{tolerance}, [&](const auto& state, const Progress&) {
          lowest = std::min(lowest, double(state.value));
          rise = std::max(rise, double(state.value) - lowest);
        });
    // The best point is that of the least value, as long as values can be told from one another, then of the least
    // gradient.
    const double noise = 64 * double(std::numeric_limits<ScalarOf<X>>::epsilon()) * std::abs(trace.values[trace.best]);
    std::size_t best = 0, seen = 0;
    while (trace.values[seen] > trace.values[trace.best] + noise) ++seen;
    best = seen;
    for (std::size_t i = seen; i < trace.gradients.size(); ++i)
      if (trace.gradients[i] < 0.9 * trace.gradients[best]) best = i;
    CAPTURE(trace.values.size(), best);
    CHECK((solution.status == Status::stalled || solution.status == Status::gradient_below));
    CHECK(trace.values.size() <= best + 1 + patience);
    CHECK(rise <= std::pow(double(std::numeric_limits<ScalarOf<X>>::epsilon()), 2.0 / 3) * std::abs(lowest));
    return solution;
  };
  for (const unsigned seed : {1u, 2u, 3u}) {
    const MatrixXd inputs = normal<double>(500, 20, seed);
    const VectorXd targets = inputs * normal<double>(20, 1, seed + 100) + 3 * normal<double>(500, 1, seed + 200);
    const models::RidgeTraining<double> ridge(inputs, targets);
    const VectorXd penalties = VectorXd::Constant(20, -1.0), zero = VectorXd::Zero(20);
    const AnyObjective f{[&](const VectorXd& w, VectorXd& g) { return ridge(penalties, w, g); }};
    const auto solution = check(f, zero, 1e-16);
    CHECK(solution.state.gradient.lpNorm<Eigen::Infinity>() < 1e-13);
    CHECK(solution.counts[0].evaluations() < 40);
    const models::RidgeTraining<float> coarse(inputs.cast<float>(), targets.cast<float>());
    const Eigen::VectorXf coarse_penalties = penalties.cast<float>(), coarse_zero = zero.cast<float>();
    check(Any<Eigen::VectorXf>{[&](const Eigen::VectorXf& w, Eigen::VectorXf& g) {
            return coarse(coarse_penalties, w, g);
          }},
          coarse_zero, 1e-16);
  }
  for (const Eigen::Index n : {2, 10, 100}) {
    check(AnyObjective{Rosenbrock{}}, VectorXd(Rosenbrock::start(n)), 0);
    check(Any<Eigen::VectorXf>{Rosenbrock{}}, Rosenbrock::start<Eigen::VectorXf>(n), 0);
    check(AnyObjective{[](const VectorXd& x, VectorXd& g) { return Rosenbrock{}(x, g) + 1e8; }},
          VectorXd(Rosenbrock::start(n)), 0);
  }
  for (const double condition : {1e2, 1e5, 1e8}) {
    const VectorXd ones = VectorXd::Ones(10);
    check(AnyObjective{quadratic(10, condition, 7)}, ones, 0, 30);
  }
}

TEST_CASE("L-BFGS reaches 1e-8 in the gradient where values no longer tell points apart", "[lbfgs]") {
  // Columns over 1.5 decades, so that the Hessian's condition is 1000, and a minimum far from zero.
  for (const unsigned seed : {1u, 2u, 3u, 4u}) {
    MatrixXd inputs = normal<double>(500, 20, seed);
    for (Eigen::Index j = 0; j < 20; ++j) inputs.col(j) *= std::pow(10, 1.5 * double(j) / 19);
    const VectorXd targets = inputs * normal<double>(20, 1, seed + 100) + 3 * normal<double>(500, 1, seed + 200);
    const models::RidgeTraining<double> ridge(inputs, targets);
    const VectorXd penalties = VectorXd::Constant(20, -1.0), zero = VectorXd::Zero(20);
    const auto solution = minimize(AnyObjective{[&](const VectorXd& w, VectorXd& g) { return ridge(penalties, w, g); }},
                                   zero, Lbfgs{}, GradientBelow{1e-8});
    CHECK(solution.status == Status::gradient_below);
  }
}

TEST_CASE("L-BFGS does not depend on where the origin is, nor on scales of value and space", "[lbfgs]") {
  const VectorXd start = Rosenbrock::start(10);
  const auto plain = minimize(AnyObjective{Rosenbrock{}}, start, Lbfgs{}, GradientBelow{1e-8});
  SECTION("a power of two times the value is the same run") {
    const auto scaled = minimize(AnyObjective{[](const VectorXd& x, VectorXd& g) {
                                   const double value = Rosenbrock{}(x, g);
                                   g *= 64;
                                   return 64 * value;
                                 }},
                                 start, Lbfgs{}, GradientBelow{64e-8});
    CHECK(scaled.x == plain.x);
    CHECK(scaled.counts == plain.counts);
  }
  SECTION("translated") {
    const VectorXd shift = VectorXd::LinSpaced(10, -3, 5);
    const auto moved =
        minimize(AnyObjective{[&](const VectorXd& x, VectorXd& g) { return Rosenbrock{}(VectorXd(x - shift), g); }},
                 VectorXd(start + shift), Lbfgs{}, GradientBelow{1e-8});
    CHECK(moved.status == Status::gradient_below);
    CHECK((moved.x - shift - plain.x).norm() < 1e-7);
    CHECK(moved.counts[0].evaluations() <= plain.counts[0].evaluations() + 30);
  }
  SECTION("rotated") {
    const MatrixXd Q = normal<double>(10, 10, 1).householderQr().householderQ();
    const auto turned = minimize(AnyObjective{[&](const VectorXd& x, VectorXd& g) {
                                   VectorXd inner(10);
                                   const double value = Rosenbrock{}(VectorXd(Q * x), inner);
                                   g = Q.transpose() * inner;
                                   return value;
                                 }},
                                 VectorXd(Q.transpose() * start), Lbfgs{}, GradientBelow{1e-8});
    CHECK(turned.status == Status::gradient_below);
    CHECK((Q * turned.x - plain.x).norm() < 1e-7);
    CHECK(turned.counts[0].evaluations() <= plain.counts[0].evaluations() + 30);
  }
  SECTION("variables of 1e8, or of 1e-8") {
    for (const double scale : {1e-8, 1e8}) {
      CAPTURE(scale);
      const auto far = minimize(AnyObjective{[&](const VectorXd& x, VectorXd& g) {
                                  const double value = Rosenbrock{}(VectorXd(x / scale), g);
                                  g /= scale;
                                  return value;
                                }},
                                VectorXd(start * scale), Lbfgs{}, GradientBelow{1e-8 / scale});
      CHECK(far.status == Status::gradient_below);
      CHECK((far.x / scale - plain.x).norm() < 1e-7);
      CHECK(far.counts[0].evaluations() <= 90);
    }
  }
}

TEST_CASE("A run begins with the curvature pairs of another", "[lbfgs]") {
  const AnyObjective f{quadratic(20, 1e3, 2)};
  const VectorXd start = VectorXd::Ones(20), nearby = VectorXd::Constant(20, 1e-3);
  const Lbfgs optimizer{.memory = 20};
  const auto first = minimize(f, start, optimizer, GradientBelow{1e-6});
  const auto cold = minimize(f, VectorXd(first.x + nearby), optimizer, GradientBelow{1e-6});
  auto prior = first.state;
  prior.x = first.x + nearby;
  const auto warm = minimize(f, prior, optimizer, GradientBelow{1e-6});
  CHECK(warm.status == Status::gradient_below);
  CHECK(warm.counts[0].evaluations() < cold.counts[0].evaluations());
  // Of another size, or number, they are left.
  CHECK(minimize(f, prior, Lbfgs{.memory = 5}, GradientBelow{1e-6}).status == Status::gradient_below);
}

TEST_CASE("L-BFGS refuses settings out of their range", "[lbfgs]") {
  const VectorXd start = Rosenbrock::start(2);
  CHECK_THROWS_AS(minimize(Rosenbrock{}, start, Lbfgs{.memory = 0}), std::invalid_argument);
  CHECK_THROWS_AS(minimize(Rosenbrock{}, Eigen::Vector2d(1, 2), Lbfgs{.memory = 17}), std::invalid_argument);
  CHECK_THROWS_AS(minimize(Rosenbrock{}, start, Lbfgs{.line_search = {.curvature = 2}}), std::invalid_argument);
}
