#include <mesaopt/nested/inner_knowledge.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <tuple>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/evaluator.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/core/threads.hpp>
#include <mesaopt/evolution/cma_es.hpp>
#include <mesaopt/gradient/lbfgs.hpp>
#include <mesaopt/nested/nested.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd;
using Eigen::Vector2d;
using Eigen::VectorXd;

namespace {

/// ½ Σ aᵢ dᵢ² + ¼ Σ dᵢ⁴ of d = y − r(x), reflected so that no coordinate is an axis; a from 1 to 1000.
struct Lower {
  double operator()(const VectorXd& x, const VectorXd& y) const {
    VectorXd unused(y.size());
    return (*this)(x, y, unused);
  }
  double operator()(const VectorXd& x, const VectorXd& y, VectorXd& gradient) const {
    const auto n = y.size();
    VectorXd d = y;
    for (Eigen::Index i = 0; i < n; ++i) d[i] -= std::sin(x[0] + double(i)) + x[1];
    const VectorXd v = VectorXd::LinSpaced(n, 1, 2).normalized();
    d -= 2 * v.dot(d) * v;
    double f = 0;
    for (Eigen::Index i = 0; i < n; ++i) {
      const double a = std::pow(1000, double(i) / double(n - 1)), d2 = d[i] * d[i];
      f += a * d2 / 2 + d2 * d2 / 4;
      d[i] *= a + d2;
    }
    gradient = d - 2 * v.dot(d) * v;
    return f;
  }
};
struct Upper {
  double operator()(const VectorXd& x, const VectorXd& y) const {
    return (x.array() - 1).square().sum() + y.squaredNorm();
  }
};

const VectorXd zeros = VectorXd::Zero(6);
/// Over inner runs with a budget far above what they need, at outer points that an outer search would try.
template <class Inner, class Policy>
Counts spent(const Inner& inner, Policy start, int points = 12) {
  const auto f = nested(Upper{}, response(family(Lower{}), inner, start));
  Calls<VectorXd, MemoryOf<decltype(f), VectorXd>> calls;
  for (int k = 0; k < points; ++k) {
    const VectorXd x = Vector2d(std::pow(0.7, k), 0.5 * std::pow(0.6, k));
    CHECK(calls.value(f, x).usable());
    calls.accept();
    // However it began, it ends at the solution.
    const VectorXd& y = best_point(calls.slot.record.response.run);
    for (Eigen::Index i = 0; i < y.size(); ++i)
      if (std::abs(y[i] - std::sin(x[0] + double(i)) - x[1]) > 1e-3) FAIL_CHECK("not solved");
  }
  return calls.counts[1];
}

/// A search that knows what it has observed, and begins at the best of what it is told.
struct Remembering {
  static constexpr bool needs_gradient = false;
  template <Point X, class M = Nothing>
  struct State {
    X x{};
    double value = 0;
    Evaluation<double> evaluation{};
    Status status = Status::running;
    Calls<X, M> calls{};
    PointsOf<X> points{};
    Eigen::VectorXd values{};
    Eigen::Index inherited = 0;
    static constexpr auto fields() {
      using T = State;
      return std::tuple{&T::x, &T::value, &T::evaluation, &T::status, &T::calls, &T::points, &T::values, &T::inherited};
    }
    const PointsOf<X>& observed_points() const { return points; }
    const Eigen::VectorXd& observed_values() const { return values; }
  };
  template <class F, Start P, class M>
  void init(const F& f, const P& start, State<PointOf<P>, M>& state) const {
    state.x = detail::start_point(start);
    state.calls.begin(start);
    state.points.resize(state.x.size(), 0);
    state.values.resize(0);
    if constexpr (requires { start.observed_points(); }) {
      state.points = start.observed_points();
      state.values = start.observed_values();
    }
    state.inherited = state.values.size();
    look(f, state);
  }
  template <class F, Point X, class M>
  void step(const F& f, State<X, M>& state) const {
    state.x[Eigen::Index(state.calls.counts[0].values) % state.x.size()] /= 2;
    look(f, state);
  }
  template <class F, class S>
  static void look(const F& f, S& state) {
    state.evaluation = state.calls.value(f, state.x);
    state.value = state.evaluation.value;
    state.points.conservativeResize(state.x.size(), state.points.cols() + 1);
    state.points.rightCols(1) = state.x;
    state.values.conservativeResize(state.points.cols());
    state.values[state.values.size() - 1] = state.value;
  }
};

}  // namespace

TEST_CASE("the curvature pairs of the last inner search spare the next one evaluations", "[nested]") {
  const Search inner{Lbfgs{}, GradientBelow{1e-9} || MaxIterations{200}};
  const auto with = spent(inner, continued(zeros)).gradients, without = spent(inner, warm(zeros)).gradients;
  CHECK(4 * with < 3 * without);
}

TEST_CASE("a distribution keeps its shape and is as wide as solutions move", "[nested]") {
  const Search inner{CmaEs{.step_size = 1, .seed = 9}, TargetReached{1e-10} || MaxEvaluations{20000}};
  const auto with = spent(inner, continued(zeros)).values, without = spent(inner, warm(zeros)).values;
  CHECK(10 * with < 9 * without);
}

TEST_CASE("of observations the last inner search's own are handed on, and do not pile up", "[nested]") {
  const Search inner{Remembering{}, MaxEvaluations{9}};
  const auto f = nested(Upper{}, response(family(Lower{}), inner, continued(zeros)));
  Calls<VectorXd, MemoryOf<decltype(f), VectorXd>> calls;
  const auto& state = calls.slot.record.response.run.state;
  for (int k = 0; k < 4; ++k) {
    calls.value(f, Vector2d(0.1 * k, 0));
    calls.accept();
    CHECK(state.inherited == (k == 0 ? 0 : 9));
    CHECK(state.values.size() == (k == 0 ? 9 : 18));
  }
}

TEST_CASE("what inner searches hand on is the same on any number of threads, saved or not", "[nested]") {
  const auto f = nested(Upper{}, response(family(Lower{}), Search{Lbfgs{}, GradientBelow{1e-9}}, continued(zeros)));
  const CmaEs outer{.step_size = 0.5, .population = 6, .seed = 4};
  const MaxEvaluations stopping{60};
  const VectorXd x0 = Vector2d(2, -1);
  const auto end = [&](const auto& on, bool saved) {
    RunOf<CmaEs, MaxEvaluations, decltype(f), VectorXd> run, other;
    begin(on, x0, outer, stopping, run);
    for (int k = 0; k < 4; ++k) advance(on, outer, stopping, run);
    if (saved) {
      load(save(run), other);
      run = other;
    }
    resume(on, outer, stopping, run);
    return run;
  };
  const auto alone = end(f, false);
  CHECK(identical(alone, end(f, true)));
  for (const std::size_t count : {1u, 2u, 4u}) CHECK(identical(alone, end(on(Threads{count}, f), false)));
}

TEST_CASE("a covariance that is none any more leaves the last shape", "[nested]") {
  MatrixXd shape;
  CHECK(detail::normalized_shape(MatrixXd(4 * MatrixXd::Identity(3, 3)), shape));
  CHECK(shape.isApprox(MatrixXd::Identity(3, 3), 1e-10));
  const MatrixXd last = shape;
  CHECK_FALSE(detail::normalized_shape(MatrixXd(MatrixXd::Zero(3, 3)), shape));
  CHECK_FALSE(detail::normalized_shape(MatrixXd(MatrixXd::Constant(3, 3, std::nan(""))), shape));
  CHECK(shape == last);
}
