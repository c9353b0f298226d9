#include <mesaopt/gradient/svrg.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <vector>

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/gradient_descent.hpp>
#include <mesaopt/gradient/lbfgs.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::Index;

namespace {

/// Generalized linear models: the mean of loss(a_i'x) over 200 terms, plus ½ λ |x|². Squares with noisy targets
/// (ridge), or logistic with noisy labels; rows have length 1, so the largest curvature of a term is 1 + λ or ¼ + λ.
template <class S = double>
struct Linear {
  bool logistic = false;
  S lambda = S(0.05);
  std::vector<Eigen::VectorX<S>> rows;
  std::vector<S> targets;
  mutable long calls = 0;
  long throws_at = -1, nan_at = -1;

  explicit Linear(bool is_logistic) : logistic(is_logistic) {
    for (int i = 0; i < 200; ++i) {
      Eigen::VectorX<S> a = Eigen::VectorX<S>::NullaryExpr(
          4, [&](Index j) { return S(std::cos(0.7 * double((j + 1) * i) + double(j) * double(i * i))); });
      a /= a.norm();
      const S t = a[0] - 2 * a[1] + 3 * a[2] + S(0.3 * std::sin(7.0 * i));
      targets.push_back(logistic ? S(t > 0 ? 1 : -1) : t);
      rows.push_back(a);
    }
  }
  Index terms() const { return Index(rows.size()); }
  template <Point X>
  S operator()(const X& x, std::span<const Index> batch, X& gradient) const {
    ++calls;
    if (calls == throws_at) throw std::runtime_error("asked too often");
    gradient = lambda * x;
    S value = 0;
    for (const Index i : batch) add(x, std::size_t(i), S(batch.size()), value, gradient);
    return calls == nan_at ? std::numeric_limits<S>::quiet_NaN() : value + lambda / 2 * x.squaredNorm();
  }
  template <Point X>
  S operator()(const X& x, X& gradient) const {
    gradient = lambda * x;
    S value = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) add(x, i, S(rows.size()), value, gradient);
    return value + lambda / 2 * x.squaredNorm();
  }
  Eigen::VectorXd ridge_solution() const {
    Eigen::MatrixXd H = double(lambda) * Eigen::MatrixXd::Identity(4, 4);
    Eigen::VectorXd b = Eigen::VectorXd::Zero(4);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const Eigen::VectorXd a = rows[i].template cast<double>();
      H += a * a.transpose() / 200;
      b += double(targets[i]) * a / 200;
    }
    return H.llt().solve(b);
  }

 private:
  template <class X>
  void add(const X& x, std::size_t i, S count, S& value, X& gradient) const {
    const S z = rows[i].dot(x), t = targets[i];
    if (logistic) {
      value += std::log1p(std::exp(-t * z)) / count;
      gradient -= t / (1 + std::exp(t * z)) / count * rows[i];
    } else {
      value += (z - t) * (z - t) / 2 / count;
      gradient += (z - t) / count * rows[i];
    }
  }
};

using Ridge = Linear<>;
const Eigen::VectorXd zero = Eigen::VectorXd::Zero(4);

}  // namespace

static_assert(OptimizerFor<Svrg, Ridge, Eigen::VectorXd>);
static_assert(!OptimizerFor<Svrg, MiniBatches<Ridge>, Eigen::VectorXd>);  // no finite sum

TEST_CASE("a step of SVRG is the procedure of its paper, with shuffled batches", "[gradient]") {
  const Ridge f(false);
  const Svrg svrg{.learning_rate = 0.1, .size = 3, .inner_steps = 50, .seed = 7};
  StateOf<Svrg, Ridge, Eigen::VectorXd> state;
  svrg.init(f, zero, state);
  const auto batches = mini_batches(f, 3, 7);
  Eigen::VectorXd snapshot = zero, w = zero, mean(4), g(4), old(4);
  std::vector<Index> batch;
  std::uint64_t drawn = 0;
  for (int epoch = 0; epoch < 3; ++epoch) {
    f(snapshot, mean);
    for (int k = 0; k < 50; ++k) {
      batches.batch(drawn++, batch);
      f(w, std::span<const Index>(batch), g);
      f(snapshot, std::span<const Index>(batch), old);
      w = w - 0.1 * (g - old + mean);
    }
    snapshot = w;
    svrg.step(f, state);
    CHECK((state.x - snapshot).norm() < 1e-14);
    CHECK(state.value == Approx(f(snapshot, g)));
    CHECK((state.gradient - g).norm() < 1e-15);
  }
  CHECK(state.term_gradients ==
        200 + 3 * 200 + state.batches * 6 - 2 * 2 * 1);  // the 67th and 134th batch have 2 terms
  CHECK(state.calls.counts[0].gradients == 1 + 3 * (1 + 2 * 50));
}

TEST_CASE("SVRG converges linearly to the solution of ridge regression, which SGD at the same rate never finds",
          "[gradient]") {
  const Ridge f(false);
  const Eigen::VectorXd solution = f.ridge_solution();
  std::vector<double> errors;
  for (std::uint64_t seed = 0; seed < 9; ++seed) {
    const Svrg svrg{.learning_rate = 0.1, .seed = seed};
    StateOf<Svrg, Ridge, Eigen::VectorXd> state;
    svrg.init(f, zero, state);
    for (int epoch = 1; epoch <= 12; ++epoch) {
      svrg.step(f, state);
      CHECK((state.x - solution).norm() < std::pow(0.25, epoch) * solution.norm());
    }
    errors.push_back((state.x - solution).norm());
    CHECK(state.halvings == 0);
  }
  std::sort(errors.begin(), errors.end());
  CHECK(errors[4] < 1e-10);
  const auto sgd = minimize(mini_batches(f, 1), zero, GradientDescent{.learning_rate = 0.1}, MaxIterations{5000});
  CHECK((sgd.x - solution).norm() > 1e-3);
}

TEST_CASE("SVRG needs fewer gradients of terms than gradient descent on logistic regression", "[gradient]") {
  Ridge f(true);
  f.lambda = 1e-3;
  const auto exact = minimize(f, zero, Lbfgs{}, GradientBelow{1e-12});
  const auto svrg = minimize(f, zero, Svrg{.learning_rate = 1}, GradientBelow{1e-9});
  CHECK(svrg.status == Status::gradient_below);
  CHECK((svrg.x - exact.x).norm() < 1e-5);
  const auto descent =
      minimize(f, zero, GradientDescent{.learning_rate = 4}, GradientBelow{1e-9} || MaxIterations{100000});
  CHECK(descent.status == Status::gradient_below);
  CHECK(5 * svrg.state.term_gradients < descent.counts[0].gradients * 200);
}

TEST_CASE("a learning rate that is far too large is halved until steps go down", "[gradient]") {
  const Ridge f(false);
  const auto s = minimize(f, zero, Svrg{.learning_rate = 1000}, GradientBelow{1e-9});
  CHECK(s.status == Status::gradient_below);
  CHECK(s.state.halvings >= 8);
  CHECK((s.x - f.ridge_solution()).norm() < 1e-7);
}

TEST_CASE("SVRG ends as stalled where floating point allows no more", "[gradient]") {
  const auto s = minimize(Ridge(false), zero, Svrg{.learning_rate = 0.2}, GradientBelow{0} || MaxIterations{1000});
  CHECK(s.status == Status::stalled);
  CHECK((s.x - Ridge(false).ridge_solution()).norm() < 1e-13);
}

TEST_CASE("a term that is not finite undoes the step, and hopeless ones end the run at its best point", "[gradient]") {
  Ridge f(false);
  StateOf<Svrg, Ridge, Eigen::VectorXd> state;
  f.nan_at = 300;
  const Svrg svrg{.learning_rate = 0.1};
  svrg.init(f, zero, state);
  svrg.step(f, state);
  CHECK(state.halvings == 1);
  CHECK(state.value < f(zero, state.here));
  CHECK(state.status == Status::running);

  struct Nowhere : Ridge {
    Nowhere() : Ridge(false) {}
    double operator()(const Eigen::VectorXd& x, std::span<const Index>, Eigen::VectorXd& g) const {
      g = x;
      return std::nan("");
    }
    double operator()(const Eigen::VectorXd& x, Eigen::VectorXd& g) const {
      g = x;
      return x.squaredNorm() / 2;
    }
  };
  const Eigen::VectorXd one = Eigen::VectorXd::Ones(4);
  const auto s = minimize(Nowhere{}, one, svrg);
  CHECK(s.status == Status::non_finite);
  CHECK(s.x == one);
  CHECK(s.value == 2);
}

TEST_CASE("SVRG keeps the evaluation limit in the middle of a step, and goes on from there", "[gradient]") {
  const Ridge f(false);
  const Svrg svrg{.learning_rate = 0.1};
  StateOf<Svrg, Ridge, Eigen::VectorXd> whole, parts;
  svrg.init(f, zero, whole);
  for (int k = 0; k < 2; ++k) svrg.step(f, whole);
  parts.calls.limit = 10;
  svrg.init(f, zero, parts);
  for (; parts.value != whole.value && parts.calls.limit < 5000; parts.calls.limit += 10) svrg.step(f, parts);
  CHECK(parts.calls.counts[0].gradients <= parts.calls.limit);
  CHECK(parts.calls.limit > 1000);
  CHECK(parts.x == whole.x);
  CHECK(parts.gradient == whole.gradient);
}

TEST_CASE("SVRG goes on after an exception as if there had been none", "[gradient]") {
  Ridge f(false);
  const Svrg svrg{.learning_rate = 0.1};
  StateOf<Svrg, Ridge, Eigen::VectorXd> disturbed, whole;
  f.throws_at = 77;
  svrg.init(f, zero, disturbed);
  CHECK_THROWS_AS(svrg.step(f, disturbed), std::runtime_error);
  CHECK(disturbed.x == zero);
  svrg.step(f, disturbed);
  svrg.init(f, zero, whole);
  svrg.step(f, whole);
  CHECK(disturbed.x == whole.x);
}

TEST_CASE("a run of SVRG that is saved and loaded in the middle of a step is the same run", "[gradient]") {
  using State = StateOf<Svrg, Ridge, Eigen::VectorXd>;
  const Ridge f(true);
  const Svrg svrg{.learning_rate = 0.5, .size = 7};
  State state, used;
  svrg.init(f, Eigen::VectorXd(Eigen::VectorXd::Ones(4)), used);
  svrg.step(f, used);
  used.calls.limit = state.calls.limit = 150;
  svrg.init(f, zero, state);
  svrg.init(f, zero, used);
  for (State* each : {&state, &used})
    for (int k = 0; k < 3; ++k) svrg.step(f, *each);
  CHECK(state.done > 0);
  CHECK(identical(state, used));
  State loaded = load<State>(save(state));
  for (State* each : {&state, &loaded}) {
    each->calls.limit = 100000;
    for (int k = 0; k < 3; ++k) svrg.step(f, *each);
  }
  CHECK(identical(state, loaded));
  CHECK(minimize(f, zero, Svrg{.seed = 1}, MaxIterations{1}).x !=
        minimize(f, zero, Svrg{.seed = 2}, MaxIterations{1}).x);
}

TEMPLATE_TEST_CASE("SVRG works in float and double, fixed and dynamic, and allocates nothing in its steps",
                   "[gradient]", Eigen::Vector4f, Eigen::VectorXd) {
  const Linear<ScalarOf<TestType>> f(false);
  const TestType x0 = TestType::Zero(4);
  const auto s = minimize(f, x0, Svrg{.learning_rate = 0.2, .size = 4}, GradientBelow{1e-6} || MaxIterations{100});
  CHECK(s.status == Status::gradient_below);
  CHECK((s.x.template cast<double>() - f.ridge_solution()).norm() < 1e-5);
  StateOf<Svrg, Linear<ScalarOf<TestType>>, TestType> state;
  const Svrg svrg{.learning_rate = 0.2, .size = 13};
  svrg.init(f, x0, state);
  const long before = allocations();
  for (int k = 0; k < 3; ++k) svrg.step(f, state);
  svrg.init(f, x0, state);
  CHECK(allocations() == before);
}

TEST_CASE("SVRG refuses settings out of range", "[gradient]") {
  CHECK_THROWS_WITH(Svrg{.learning_rate = 0}.check(), Catch::Contains("Svrg::learning_rate"));
  CHECK_THROWS_WITH(Svrg{.size = 0}.check(), Catch::Contains("Svrg::size"));
  CHECK_THROWS_WITH(Svrg{.inner_steps = -1}.check(), Catch::Contains("Svrg::inner_steps"));
}
