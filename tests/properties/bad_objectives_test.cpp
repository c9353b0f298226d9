// Objectives that fail: whatever a run makes of it, it is no success at a point that is none, and it can go on.

#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <type_traits>

#include <Eigen/Core>

#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/evolution/cma_es.hpp>
#include <mesaopt/gradient/lbfgs.hpp>
#include <mesaopt/gradient/newton.hpp>
#include <mesaopt/nested/implicit.hpp>
#include <mesaopt/nested/nested.hpp>
#include <mesaopt/nested/response.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

enum class Flaw { none, nan, infinite, nan_gradient, throws };

struct Broken : std::runtime_error {
  using std::runtime_error::runtime_error;
  int code = 42;
};

/// When to fail, counted over all evaluations.
struct Trouble {
  Flaw flaw = Flaw::none;
  int from = 0, to = 0;
  int seen = 0;

  double value(double fine) {
    ++seen;
    if (seen < from || seen > to) return fine;
    if (flaw == Flaw::throws) throw Broken("evaluation " + std::to_string(seen) + " is broken");
    if (flaw == Flaw::nan) return std::numeric_limits<double>::quiet_NaN();
    if (flaw == Flaw::infinite) return -std::numeric_limits<double>::infinity();
    return fine;
  }
  double value(double fine, VectorXd& gradient) {
    const double v = value(fine);
    if (flaw == Flaw::nan_gradient && seen >= from && seen <= to) gradient[0] = std::nan("");
    return v;
  }
};

/// (1 − a)² + 5 (b − a²)²
struct Valley {
  Trouble* trouble;
  static double plain(const VectorXd& x) {
    const double d = x[1] - x[0] * x[0];
    return (1 - x[0]) * (1 - x[0]) + 5 * d * d;
  }
  static void slope(const VectorXd& x, VectorXd& gradient) {
    const double d = x[1] - x[0] * x[0];
    gradient << 2 * (x[0] - 1) - 20 * x[0] * d, 10 * d;
  }
  double operator()(const VectorXd& x) const { return trouble->value(plain(x)); }
  double operator()(const VectorXd& x, VectorXd& gradient) const {
    slope(x, gradient);
    return trouble->value(plain(x), gradient);
  }
};

/// ½|y − s(x)|² + Σ y⁴/4, s = sin x.
struct Inner {
  Trouble* trouble;
  double operator()(const VectorXd& x, const VectorXd& y, VectorXd& gy) const {
    gy = y - x.array().sin().matrix();
    const double value = gy.squaredNorm() / 2 + y.array().pow(4).sum() / 4;
    gy.array() += y.array().cube();
    return trouble->value(value, gy);
  }
  void hessian(const VectorXd&, const VectorXd& y, MatrixXd& H) const {
    H.setZero();
    H.diagonal() = 1 + 3 * y.array().square();
  }
};
/// The valley of x, and |y|²/2.
struct Outer {
  Trouble* trouble;
  double operator()(const VectorXd& x, const VectorXd& y) const {
    return trouble->value(Valley::plain(x) + y.squaredNorm() / 2);
  }
  double operator()(const VectorXd& x, const VectorXd& y, VectorXd& gx, VectorXd& gy) const {
    Valley::slope(x, gx);
    gy = y;
    return trouble->value(Valley::plain(x) + y.squaredNorm() / 2, gx);
  }
};

const VectorXd x0 = (VectorXd(2) << -1, 0.5).finished();

auto rule(const Lbfgs&) { return GradientBelow{1e-6} || MaxIterations{200}; }
auto rule(const Newton&) { return GradientBelow{1e-6} || MaxIterations{200}; }
auto rule(const CmaEs&) { return TargetReached{-1e300} || MaxIterations{25}; }

template <class F, class O>
void survives(const F& f, Trouble& trouble, const O& optimizer) {
  const auto stop = rule(optimizer);
  trouble = {};
  const auto clean = minimize(f, x0, optimizer, stop);
  const int all = trouble.seen;
  CHECK_FALSE(failed(clean.status));

  for (const Flaw flaw : {Flaw::nan, Flaw::infinite, Flaw::nan_gradient})
    for (const int from : {1, 2, all / 2, all})
      for (const bool for_good : {false, true}) {
        CAPTURE(int(flaw), from, all, for_good);
        trouble = {flaw, from, for_good ? std::numeric_limits<int>::max() : from, 0};
        const auto s = minimize(f, x0, optimizer, stop);
        CAPTURE(sentence(s.status), s.value);
        CHECK(s.x.allFinite());
        CHECK((std::isfinite(s.value) || !succeeded(s.status)));
        if (succeeded(s.status)) {
          trouble = {};
          CHECK(s.evaluation.usable());
        }
        // Whatever was found before the trouble is not lost.
        if (std::isfinite(s.value) && std::isfinite(clean.value) && from > 1) CHECK(s.value < 1e6);
      }

  for (const int from : {1, 2, all / 2, all}) {
    CAPTURE(from, all);
    trouble = {Flaw::throws, from, from, 0};
    RunOf<O, decltype(rule(optimizer)), F, VectorXd> run;
    std::string text;
    int code = 0;
    bool begun = false;
    try {
      begin(f, x0, optimizer, stop, run);
      begun = true;
      resume(f, optimizer, stop, run);
    } catch (const Broken& broken) {
      text = broken.what();
      code = broken.code;
    }
    CHECK(text == "evaluation " + std::to_string(from) + " is broken");
    CHECK(code == 42);
    CHECK_FALSE(succeeded(run.status));
    if (begun) {
      CHECK(run.status == Status::running);
      CHECK(best_point(run).allFinite());
      CHECK((std::isfinite(best_evaluation(run).value) || std::is_same_v<O, CmaEs>));
    } else {
      CHECK(failed(run.status));
      CHECK_FALSE(std::isfinite(solution(run).value));
      begin(f, x0, optimizer, stop, run);
    }
    resume(f, optimizer, stop, run);
    // Taken on, it is the run that it would have been.
    CHECK(identical(run.state.x, clean.state.x));
    CHECK(identical(run.state.value, clean.state.value));
    CHECK(run.status == clean.status);
  }
}

}  // namespace

TEMPLATE_TEST_CASE("a run survives an objective that fails at the start, in the middle, or at the end", "[properties]",
                   Lbfgs, Newton, CmaEs) {
  Trouble trouble;
  survives(Valley{&trouble}, trouble, TestType{});
}

TEMPLATE_TEST_CASE("an outer run survives an outer objective that fails", "[properties][nested]", Lbfgs, Newton,
                   CmaEs) {
  Trouble none, trouble;
  const VectorXd y0 = VectorXd::Constant(2, 0.1);
  survives(nested(Outer{&trouble},
                  response(family(Inner{&none}), Search{Lbfgs{}, GradientBelow{1e-11} || MaxIterations{60}}, warm(y0)),
                  Implicit{}),
           trouble, TestType{});
}

TEMPLATE_TEST_CASE("an outer run survives an inner objective that fails", "[properties][nested]", Lbfgs, Newton,
                   CmaEs) {
  Trouble none, trouble;
  const VectorXd y0 = VectorXd::Constant(2, 0.1);
  survives(
      nested(Outer{&none},
             response(family(Inner{&trouble}), Search{Lbfgs{}, GradientBelow{1e-11} || MaxIterations{60}}, warm(y0)),
             Implicit{}),
      trouble, TestType{});
}
