#include <mesaopt/objective/robust.hpp>

#include <cmath>
#include <limits>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/lbfgs.hpp>
#include <mesaopt/gradient/levenberg_marquardt.hpp>
#include <mesaopt/objective/least_squares.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd;
using Eigen::Vector3d;
using Eigen::VectorXd;

namespace {
/// Any of the losses, so that one objective type serves.
struct AnyLoss {
  int kind = 0;
  double scale = 1;
  void check() const {}
  template <class S>
  LossValue<S> operator()(S s) const {
    return kind == 0 ? Huber{scale}(s) : kind == 1 ? Cauchy{scale}(s) : Tukey{scale}(s);
  }
};

/// y = x0 exp(-x1 t) + x2 at 20 times, three of them outliers.
struct Decay {
  double far = 1;  ///< how far out the outliers are
  void operator()(const VectorXd& x, VectorXd& r) const {
    for (int i = 0; i < 20; ++i) {
      const double t = 0.25 * i, outlier = i == 3 ? 2 : i == 11 ? -1.5 : i == 16 ? 3 : 0;
      r[i] = x[0] * std::exp(-x[1] * t) + x[2] -
             (2.5 * std::exp(-0.6 * t) + 0.3 + 0.01 * std::sin(7.0 * i) + far * outlier);
    }
  }
  void operator()(const VectorXd& x, VectorXd& r, MatrixXd& J) const {
    (*this)(x, r);
    for (int i = 0; i < 20; ++i) {
      const double t = 0.25 * i, e = std::exp(-x[1] * t);
      J.row(i) << e, -x[0] * t * e, 1;
    }
  }
};
using Fit = Robust<SumOfSquares<Decay>, AnyLoss>;
Fit fit(AnyLoss loss, double far = 1) { return robust(least_squares(Decay{far}, 20), loss); }
}  // namespace

TEST_CASE("robust losses have the values and slopes of their formulas", "[objective]") {
  // Of residuals 1 and 3 at scale 2, by hand.
  CHECK(Huber{2}(1.0).value == 1);
  CHECK(Huber{2}(9.0).value == Approx(2 * 2 * 3 - 4));
  CHECK(Huber{2}(9.0).first == Approx(2. / 3));
  CHECK(Cauchy{2}(9.0).value == Approx(4 * std::log(3.25)));
  CHECK(Cauchy{2}(9.0).first == Approx(1 / 3.25));
  CHECK(Tukey{2}(1.0).value == Approx(4. / 3 * (1 - 27. / 64)));
  CHECK(Tukey{2}(1.0).first == Approx(9. / 16));
  CHECK(Tukey{2}(9.0).value == Approx(4. / 3));
  CHECK(Tukey{2}(9.0).first == 0);
  for (int kind = 0; kind < 3; ++kind)
    for (const double s : {0.02, 0.3, 0.99, 1.01, 2.5}) {
      const AnyLoss loss{kind, 1};
      const double h = 1e-5 * s;
      CAPTURE(kind, s);
      CHECK(loss(s).first == Approx((loss(s + h).value - loss(s - h).value) / (2 * h)).epsilon(1e-5));
      CHECK(loss(s).second == Approx((loss(s + h).first - loss(s - h).first) / (2 * h)).epsilon(1e-5).margin(1e-9));
      CHECK(loss(1e-20).value == Approx(1e-20).epsilon(1e-14).margin(0));
    }
}

TEST_CASE("robust fits agree with those of scipy", "[objective]") {
  // scipy 1.17: least_squares(f, x0, jac, loss=..., f_scale=c), then root of its gradient with tol=1e-15, where f is
  // Decay above, and Tukey's loss is given as a function rho(z) = ((1 - (1 - z)³)/3, (1 - z)², -2(1 - z)).
  struct Reference {
    AnyLoss loss;
    Vector3d x;
    double cost;
  };
  for (const Reference& right :
       {Reference{{0, 0.1}, {2.511612955531724, 0.6122242743898108, 0.31508787637748015}, 0.6335853052311252},
        Reference{{1, 0.1}, {2.502551258118207, 0.6050188468199768, 0.30472703924514755}, 0.09134085914295692},
        Reference{{2, 1.0}, {2.501492561415889, 0.6047337786916682, 0.30469065060868755}, 0.5003176660444418}}) {
    const Fit f = fit(right.loss);
    const VectorXd start = Vector3d(2, 1, 0.5);
    const auto s = minimize(f, start, LevenbergMarquardt{});
    CAPTURE(right.loss.kind, s);
    CHECK(s.status == Status::converged);
    CHECK(s.value == Approx(right.cost).epsilon(1e-13));
    CHECK((s.x - right.x).norm() <= 1e-9);
    CHECK(s.counts[0].evaluations() <= 25);
    const auto other = minimize(f, start, Lbfgs{}, GradientBelow{1e-9} || MaxIterations{300});
    CHECK((other.x - right.x).norm() <= 1e-7);
  }
}

TEST_CASE("a loss that gives outliers no weight fits as if they were not there", "[objective]") {
  const VectorXd start = Vector3d(2, 1, 0.5);
  const auto near = minimize(fit({2, 1}), start, LevenbergMarquardt{});
  const auto far = minimize(fit({2, 1}, 1000), start, LevenbergMarquardt{});
  CHECK((near.x - far.x).norm() <= 1e-9);
  const auto plain = minimize(least_squares(Decay{}, 20), start, LevenbergMarquardt{});
  CHECK((plain.x - near.x).norm() >= 0.1);
}

TEST_CASE("robust residuals have the gradient of the loss, and a positive model of its curvature", "[objective]") {
  const VectorXd x = Vector3d(2, 0.8, 0.4);
  for (int kind = 0; kind < 3; ++kind) {
    const Fit f = fit({kind, 0.5});
    STATIC_REQUIRE(LeastSquares<Fit, VectorXd>);
    STATIC_REQUIRE(Differentiable<Fit, VectorXd>);
    Calls<VectorXd, MemoryOf<Fit, VectorXd>> calls;
    VectorXd r, r_alone, g(3), up(3);
    MatrixXd J;
    const double value = calls.residuals(f, x, r, J).value;
    CHECK(value == calls.gradient(f, x, g).value);
    CHECK(value == calls.value(f, x).value);
    CHECK(value == calls.residuals(f, x, r_alone).value);
    CHECK(r == r_alone);
    CHECK((J.transpose() * r - g).norm() <= 1e-13 * g.norm());
    for (int j = 0; j < 3; ++j) {
      const VectorXd h = 1e-6 * VectorXd::Unit(3, j);
      CHECK(g[j] == Approx((calls.value(f, x + h).value - calls.value(f, x - h).value) / 2e-6).epsilon(1e-7));
    }
  }
  // Near the data no residual is an outlier, and the curvature of the loss is that of squares.
  Calls<VectorXd, MemoryOf<Fit, VectorXd>> calls;
  VectorXd r, plain_r(20);
  MatrixXd J, plain_J(20, 3);
  calls.residuals(fit({1, 1e6}), x, r, J);
  Decay{}(x, plain_r, plain_J);
  CHECK((J - plain_J).norm() <= 1e-10 * J.norm());
  CHECK((r - plain_r).norm() <= 1e-10 * r.norm());
}

TEST_CASE("robust objectives fail where residuals are not finite, also where the loss is", "[objective]") {
  Calls<VectorXd, MemoryOf<Fit, VectorXd>> calls;
  VectorXd r;
  VectorXd x = Vector3d(1, 1, std::numeric_limits<double>::infinity());
  CHECK_FALSE(calls.residuals(fit({2, 1}), x, r).usable());
  CHECK_FALSE(calls.value(fit({2, 1}), x).usable());
}

TEST_CASE("robust objectives count what theirs cost, and allocate nothing after the first call", "[objective]") {
  const Fit f = fit({0, 0.1});
  const VectorXd x = Vector3d(2, 1, 0.5);
  Calls<VectorXd, MemoryOf<Fit, VectorXd>> calls;
  VectorXd r, g(3);
  MatrixXd J;
  calls.residuals(f, x, r, J);
  calls.gradient(f, x, g);
  const auto before = allocations();
  calls.residuals(f, x, r, J);
  calls.gradient(f, x, g);
  CHECK(allocations() == before);
  CHECK(calls.counts[0].evaluations() == 4);
}

TEST_CASE("robust losses refuse a scale that is not more than 0", "[objective]") {
  CHECK_THROWS_WITH(robust(least_squares(Decay{}, 20), Huber{0}), Catch::Contains("Huber::scale"));
  CHECK_THROWS_WITH(robust(least_squares(Decay{}, 20), Tukey{-1}), Catch::Contains("Tukey::scale"));
}
