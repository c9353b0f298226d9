#include <mesaopt/nested/moved_starts.hpp>

#include <cmath>
#include <cstddef>
#include <utility>

#include <Eigen/Core>

#include <mesaopt/gradient/lbfgs.hpp>
#include <mesaopt/gradient/newton.hpp>
#include <mesaopt/nested/implicit.hpp>
#include <mesaopt/nested/nested.hpp>
#include <mesaopt/nested/response.hpp>

#include "nested/ridge_solution.hpp"
#include "nested/walk.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

const VectorXd zeros = VectorXd::Zero(5);
const Search inner{Lbfgs{}, GradientBelow{1e-11} || MaxIterations{300}};

VectorXd point(double a) { return VectorXd::Constant(1, a); }

template <class StartPolicy>
auto ridge(StartPolicy start) {
  return nested(of_solution(ridge_validation()), response(family(ridge_training()), inner, std::move(start)),
                Implicit{});
}

/// g(x, y) = Σ cosh(y_j − x(j+1)/3) + quartic coupling: convex and not quadratic, two inner variables.
struct Cosh {
  double operator()(const VectorXd& x, const VectorXd& y, VectorXd& gy) const {
    const double s = y.sum() - std::sin(x[0]);
    double value = s * s * s * s / 4;
    for (Eigen::Index j = 0; j < y.size(); ++j) {
      const double d = y[j] - x[0] * double(j + 1) / 3;
      value += std::cosh(d);
      gy[j] = std::sinh(d) + s * s * s;
    }
    return value;
  }
  void hessian(const VectorXd& x, const VectorXd& y, MatrixXd& H) const {
    const double s = y.sum() - std::sin(x[0]);
    H.setConstant(3 * s * s);
    for (Eigen::Index j = 0; j < y.size(); ++j) H(j, j) += std::cosh(y[j] - x[0] * double(j + 1) / 3);
  }
};
struct FirstOf {
  double operator()(const VectorXd&, const VectorXd& y, VectorXd& gx, VectorXd& gy) const {
    gx.setZero();
    gy = y;
    return y.squaredNorm() / 2;
  }
  double operator()(const VectorXd&, const VectorXd& y) const { return y.squaredNorm() / 2; }
};

}  // namespace

TEST_CASE("the tangent is exact to second order", "[nested]") {
  const auto error = [](double step) {
    Walk walk(ridge(tangent(zeros)));
    walk.go(-1);
    walk.look(-1 + step);
    return (walk.record().start - RidgeSolution(point(-1 + step)).weights).norm();
  };
  for (const double step : {0.1, 0.05, 0.025}) CHECK(error(step) / error(step / 2) == Approx(4).epsilon(0.1));
  CHECK(error(1e-3) < 1e-6);

  // As well with a family that gives gradients alone, where the tangent is found by conjugate gradients.
  struct Bare {
    models::RidgeTraining<double> whole;
    double operator()(const VectorXd& x, const VectorXd& w, VectorXd& gw) const { return whole(x, w, gw); }
  };
  const auto bare_error = [](double step) {
    Walk walk(nested(of_solution(ridge_validation()), response(family(Bare{ridge_training()}), inner, tangent(zeros)),
                     Implicit{.dense_limit = 0}));
    walk.go(-1);
    walk.look(-1 + step);
    return (walk.record().start - RidgeSolution(point(-1 + step)).weights).norm();
  };
  CHECK(bare_error(0.1) / bare_error(0.05) == Approx(4).epsilon(0.1));
}

TEST_CASE("a tangent takes the mixed direction of a family that fills what it is given", "[nested]") {
  struct Fills {
    models::RidgeTraining<double> whole;
    double operator()(const VectorXd& x, const VectorXd& w, VectorXd& gw) const { return whole(x, w, gw); }
    void hessian_product(const VectorXd& x, const VectorXd& w, const VectorXd& v, VectorXd& out) const {
      whole.hessian_product(x, w, v, out);
    }
    void mixed_direction(const VectorXd& x, const VectorXd& w, const VectorXd& u, VectorXd& out) const {
      REQUIRE(out.size() == w.size());
      for (Eigen::Index j = 0; j < w.size(); ++j) out[j] = std::exp(x[0]) * u[0] * w[j];
    }
  };
  Walk filled(nested(of_solution(ridge_validation()), response(family(Fills{ridge_training()}), inner, tangent(zeros)),
                     Implicit{}));
  Walk whole(ridge(tangent(zeros)));
  for (const double x : {-1.0, -0.9, -0.7}) {
    filled.go(x);
    whole.go(x);
    CHECK((filled.record().start - whole.record().start).norm() < 1e-8);
  }
}

TEST_CASE("a Newton start solves a quadratic inner problem outright, and its factorization serves the adjoint",
          "[nested]") {
  Walk walk(ridge(newton_corrected(zeros)));
  walk.go(-1);
  const auto before = walk.calls.counts[1];
  walk.look(0.3);
  const auto& now = walk.calls.counts[1];
  CHECK(now.iterations == before.iterations);
  CHECK(now.gradients == before.gradients + 1);
  CHECK(now.factorizations == before.factorizations + 1);
  CHECK(walk.gradient[0] == Approx(RidgeSolution(point(0.3)).gradient[0]).epsilon(1e-11));
}

TEST_CASE("a Newton start of a nonlinear inner problem is closer by the square", "[nested]") {
  const VectorXd two = VectorXd::Zero(2);
  const Search exact{Newton{}, GradientBelow{1e-14} || MaxIterations{50}};
  const auto error = [&](double step) {
    Walk walk(nested(FirstOf{}, response(family(Cosh{}), exact, newton_corrected(two)), Implicit{}));
    walk.go(1);
    walk.look(1 + step);
    CHECK_FALSE(walk.record().start_rejected);
    return (walk.record().start - best_point(walk.record().run)).norm();
  };
  CHECK(error(0.1) / error(0.05) == Approx(4).epsilon(0.2));
}

namespace {

/// (y² − 1)² / 4 + x y: an indefinite Hessian at y = 0.
struct Wells {
  double operator()(const VectorXd& x, const VectorXd& y, VectorXd& gy) const {
    const double a = y[0] * y[0] - 1;
    gy[0] = y[0] * a + x[0];
    return a * a / 4 + x[0] * y[0];
  }
  void hessian(const VectorXd&, const VectorXd& y, MatrixXd& H) const { H(0, 0) = 3 * y[0] * y[0] - 1; }
};

/// √(1 + (y − x)²): convex, and far from its minimum a Newton step overshoots, the further the worse.
struct Hyperbola {
  double operator()(const VectorXd& x, const VectorXd& y, VectorXd& gy) const {
    const double d = y[0] - x[0], r = std::sqrt(1 + d * d);
    gy[0] = d / r;
    return r;
  }
  void hessian(const VectorXd& x, const VectorXd& y, MatrixXd& H) const {
    const double d = y[0] - x[0], r = std::sqrt(1 + d * d);
    H(0, 0) = 1 / (r * r * r);
  }
};

}  // namespace

TEST_CASE("a Newton start is rejected where the Hessian is indefinite, and reported", "[nested]") {
  Walk walk(nested(FirstOf{}, response(family(Wells{}), inner, newton_corrected(point(0.1))), Implicit{}));
  const auto evaluation = walk.go(0.05);
  CHECK(evaluation.reason == Reason::start_rejected);
  CHECK(evaluation.verdict == Verdict::fine);
  CHECK(walk.record().start[0] == 0.1);
  CHECK(walk.calls.events[std::size_t(Reason::start_rejected)].count == 1);
  CHECK(walk.go(0.06).reason == Reason::none);
}

TEST_CASE("a Newton start is rejected where the value rises, and reported", "[nested]") {
  Walk walk(nested(FirstOf{}, response(family(Hyperbola{}), inner, newton_corrected(point(0))), Implicit{}));
  CHECK(walk.go(0.1).reason == Reason::none);
  const double y = best_point(walk.record().run)[0];
  const auto evaluation = walk.go(5);
  CHECK(evaluation.reason == Reason::start_rejected);
  CHECK(walk.record().start[0] == y);
  CHECK(best_point(walk.record().run)[0] == Approx(5));
  CHECK(evaluation.value == Approx(12.5));
}
