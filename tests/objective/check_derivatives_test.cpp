#include <mesaopt/objective/check_derivatives.hpp>

#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

#include <Eigen/Core>

#include <mesaopt/core/random.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::Index;
using Eigen::VectorXd;

namespace {

/// 1000 + Σ sin(u) e^(0.3u) + u³/10, u = x / 10^(2i − 6): coordinates from 1e-6 to 1e6 large, beside a large constant.
/// One entry of the gradient may be off by a factor.
struct BadlyScaled {
  Index off = -1;
  double factor = 1;

  double operator()(const VectorXd& x) const {
    VectorXd unused(x.size());
    return (*this)(x, unused);
  }
  double operator()(const VectorXd& x, VectorXd& g) const {
    double value = 1e3;
    for (Index i = 0; i < x.size(); ++i) {
      const double scale = scale_of(i), u = x[i] / scale, e = std::exp(0.3 * u);
      value += std::sin(u) * e + 0.1 * u * u * u;
      g[i] = (std::cos(u) * e + 0.3 * std::sin(u) * e + 0.3 * u * u) / scale;
    }
    if (off >= 0) g[off] *= factor;
    return value;
  }
  static double scale_of(Index i) { return std::pow(10.0, 2 * double(i % 7) - 6); }
  static VectorXd point(Index n, Random& random) {
    return VectorXd::NullaryExpr(n, [&](Index i) { return scale_of(i) * random.normal(); });
  }
};

/// Half the sum of squares of r = (e^x0 x1, sin x2, x0 x1 x2), the equality x0² + x1 = 1 and the inequality
/// x1 e^x2 <= 2, with every derivative there is; `fault` spoils one of them.
struct Everything {
  std::string fault{};

  double operator()(const VectorXd& x) const {
    VectorXd r(3);
    residuals(x, r);
    return r.squaredNorm() / 2 + (fault == "value" ? 1e-3 : 0);
  }
  double operator()(const VectorXd& x, VectorXd& g) const {
    VectorXd r(3);
    g = jacobian(x, r).transpose() * r;
    return r.squaredNorm() / 2;
  }
  void hessian(const VectorXd& x, Eigen::MatrixXd& H) const {
    VectorXd r(3);
    const Eigen::Matrix3d J = jacobian(x, r);
    H = J.transpose() * J;
    const double e = std::exp(x[0]);
    H += r[0] * Eigen::Matrix3d{{e * x[1], e, 0}, {e, 0, 0}, {0, 0, 0}};
    H(2, 2) -= r[1] * std::sin(x[2]);
    H += r[2] * Eigen::Matrix3d{{0, x[2], x[1]}, {x[2], 0, x[0]}, {x[1], x[0], 0}};
    if (fault == "Hessian") H(1, 2) *= -1;
  }
  void hessian_product(const VectorXd& x, const VectorXd& v, VectorXd& out) const {
    Eigen::MatrixXd H(3, 3);
    Everything{}.hessian(x, H);
    out = H * v;
    if (fault == "Hessian product") out[0] += 0.01 * v[2];
  }
  Index residual_count() const { return 3; }
  void residuals(const VectorXd& x, VectorXd& r) const {
    r << std::exp(x[0]) * x[1], std::sin(x[2]), x[0] * x[1] * x[2];
  }
  void residuals(const VectorXd& x, VectorXd& r, Eigen::MatrixXd& J) const {
    J = jacobian(x, r);
    if (fault == "residuals with Jacobian") r[1] *= -1;
    if (fault == "Jacobian of residuals") J(2, 0) = 0;
  }
  Index equalities() const { return 1; }
  Index inequalities() const { return 1; }
  void constraints(const VectorXd& x, VectorXd& c) const { c << x[0] * x[0] + x[1] - 1, x[1] * std::exp(x[2]) - 2; }
  void constraints(const VectorXd& x, VectorXd& c, Eigen::MatrixXd& J) const {
    constraints(x, c);
    J << 2 * x[0], 1, 0, 0, std::exp(x[2]), x[1] * std::exp(x[2]);
    if (fault == "Jacobian of constraints") J(0, 1) += 0.001;
  }
  void constraints_hessian_product(const VectorXd& x, const VectorXd& multipliers, const VectorXd& v,
                                   VectorXd& out) const {
    const double e = multipliers[1] * std::exp(x[2]);
    out << 2 * multipliers[0] * v[0], e * v[2], e * v[1] + (fault.empty() || fault[0] != 'x' ? e * x[1] * v[2] : 0);
  }

 private:
  static Eigen::Matrix3d jacobian(const VectorXd& x, VectorXd& r) {
    const double e = std::exp(x[0]);
    r << e * x[1], std::sin(x[2]), x[0] * x[1] * x[2];
    return Eigen::Matrix3d{{e * x[1], e, 0}, {0, 0, std::cos(x[2])}, {x[1] * x[2], x[0] * x[2], x[0] * x[1]}};
  }
};

/// Σ log x_i with its gradient, NaN unless all are positive; bounded from below, and random by its calls' index.
struct Logarithms {
  static constexpr bool stochastic = true;
  template <class X>
  using Memory = Workspace<detail::Empty>;
  struct Bounds {
    VectorXd lower, upper;
  };
  Bounds bounds{VectorXd::Constant(2, 0.5), VectorXd::Constant(2, 9)};
  mutable double outside = 0;

  const Bounds& box() const { return bounds; }
  double operator()(const VectorXd& x, VectorXd& g, const Call<Memory<VectorXd>>& call) const {
    outside = std::max({outside, (bounds.lower - x).maxCoeff(), (x - bounds.upper).maxCoeff()});
    const double shift = Random{.stream = call.index}.normal();
    g = (x.array() + 0.01 * shift).inverse();
    return (x.array() + 0.01 * shift).log().sum();
  }
};

/// x² with values known to 1e-4 alone, which say so.
struct Inexact {
  double factor = 1;
  template <Point X>
  Evaluation<ScalarOf<X>> operator()(const X& x, X& g) const {
    g = ScalarOf<X>(2 * factor) * x;
    Evaluation<ScalarOf<X>> evaluation =
        x.squaredNorm() + ScalarOf<X>(1e-4) * std::sin(ScalarOf<X>(1e9) * x.squaredNorm());
    evaluation.value_error = ScalarOf<X>(1e-4);
    return evaluation;
  }
};

const DerivativeComparison& part(const DerivativeReport& report, const std::string& name) {
  for (const auto& each : report.parts)
    if (each.name == name) return each;
  throw std::logic_error("no part " + name);
}

const VectorXd somewhere = Eigen::Vector3d(0.3, -1.2, 0.8);

}  // namespace

static_assert(is_stochastic<Logarithms>);

TEST_CASE("a right gradient of a badly scaled function passes, and one wrong entry in it is found", "[objective]") {
  Random random{.seed = 3};
  for (Index k = 0; k < 50; ++k) {
    const VectorXd x = BadlyScaled::point(7, random);
    const auto right = check_derivatives(BadlyScaled{}, x);
    CHECK(right.right());
    CHECK(part(right, "gradient").compared == 7);
    CHECK(part(right, "gradient").undecided == 0);
    CHECK(part(right, "gradient").worst.relative_error < 1e-8);
    for (const double factor : {-1.0, 2.0, 0.0, 1.0001}) {
      const auto report = check_derivatives(BadlyScaled{k % 7, factor}, x);
      CHECK_FALSE(report.right());
      CHECK(part(report, "gradient").wrong == 1);
      CHECK(part(report, "gradient").worst.column == k % 7);
      CHECK(part(report, "gradient").worst.relative_error ==
            Approx(std::abs(factor - 1) / std::max(1.0, std::abs(factor))).epsilon(1e-3));
    }
  }
}

TEST_CASE("whatever derivatives an objective has are compared, and right ones pass", "[objective]") {
  const auto report = check_derivatives(Everything{}, somewhere);
  CHECK(report.right());
  CHECK(report.parts.size() == 10);
  CHECK(part(report, "Hessian").compared == 9);
  CHECK(part(report, "Jacobian of constraints").compared == 6);
  for (const auto& each : report.parts) {
    CHECK(each.undecided == 0);
    CHECK(each.worst.relative_error < 1e-9);
  }
}

TEST_CASE("a fault in one derivative is found there alone", "[objective]") {
  const auto only = [](const std::string& fault, const std::string& name, Index row, Index column) {
    const auto report = check_derivatives(Everything{fault}, somewhere);
    for (const auto& each : report.parts) {
      CAPTURE(fault, each.name);
      CHECK(each.wrong == (each.name == name ? 1 : 0));
    }
    CHECK(part(report, name).worst.row == row);
    CHECK(part(report, name).worst.column == column);
  };
  only("Hessian", "Hessian", 1, 2);
  only("Hessian product", "Hessian product", 0, 2);
  only("residuals with Jacobian", "residuals with Jacobian", 1, 0);
  only("Jacobian of residuals", "Jacobian of residuals", 2, 0);
  only("Jacobian of constraints", "Jacobian of constraints", 0, 1);
  only("x", "Hessian product of constraints", 2, 2);
  CHECK(part(check_derivatives(Everything{"value"}, somewhere), "value without gradient").wrong == 1);
  CHECK(part(check_derivatives(Everything{"value"}, somewhere), "value as half the sum of squares").wrong == 1);
}

TEST_CASE("of many coordinates some are drawn, and a fault in any other shows along a random direction",
          "[objective]") {
  Random random{.seed = 4};
  const VectorXd x = BadlyScaled::point(70, random);
  const DerivativeCheck some{.most = 5, .seed = 2};
  const auto right = check_derivatives(BadlyScaled{}, x, some);
  CHECK(right.right());
  CHECK(part(right, "gradient").compared == 6);
  for (Index off = 5; off < 70; off += 7) CHECK_FALSE(check_derivatives(BadlyScaled{off, -1}, x, some).right());
}

TEST_CASE("differences stay in bounds, and random objectives are differenced under common random numbers",
          "[objective]") {
  const Logarithms f;
  for (const VectorXd& x : {VectorXd(Eigen::Vector2d(0.5, 9)), VectorXd(Eigen::Vector2d(0.5 + 1e-9, 3))}) {
    const auto report = check_derivatives(f, x);
    CHECK(report.right());
    CHECK(part(report, "gradient").undecided == 0);
    CHECK(part(report, "gradient").worst.relative_error < 1e-6);
  }
  CHECK(f.outside <= 0);
}

TEST_CASE("values that are inexact leave a gradient undecided, but a gross fault in it is found", "[objective]") {
  const VectorXd x = Eigen::Vector2d(1, 1e-6);
  const auto report = check_derivatives(Inexact{}, x);
  CHECK(report.right());
  CHECK_FALSE(check_derivatives(Inexact{-1}, x).right());
  CHECK(part(check_derivatives(Inexact{}, VectorXd(1e-4 * x)), "gradient").undecided > 0);
}

TEST_CASE("derivatives in float are checked to three digits", "[objective]") {
  const auto f = [](const Eigen::Vector3f& x, Eigen::Vector3f& g) {
    g << std::cos(x[0]), x[2] * x[2], 2 * x[1] * x[2];
    return std::sin(x[0]) + x[1] * x[2] * x[2];
  };
  const Eigen::Vector3f x(0.3f, -2, 30);
  CHECK(check_derivatives(f, x).right());
  const auto wrong = [&](const Eigen::Vector3f& at, Eigen::Vector3f& g) {
    const float value = f(at, g);
    g[1] *= 1.02f;
    return value;
  };
  CHECK(check_derivatives(wrong, x).parts.back().worst.column == 1);
  CHECK_FALSE(check_derivatives(wrong, x).right());
}

TEST_CASE("a gradient that is not finite is wrong, and points without a value are refused", "[objective]") {
  const auto f = [](const VectorXd& x, VectorXd& g) {
    g = x;
    g[1] = std::numeric_limits<double>::quiet_NaN();
    return x[0] < 0 ? std::nan("") : x.squaredNorm() / 2;
  };
  const auto report = check_derivatives(f, VectorXd(Eigen::Vector3d(1, 2, 3)));
  CHECK(part(report, "gradient").wrong == 1);
  CHECK(part(report, "gradient").worst.column == 1);
  CHECK_THROWS_WITH(check_derivatives(f, VectorXd(Eigen::Vector3d(-1, 2, 3))), Catch::Contains("no finite value"));
  CHECK_THROWS_AS(check_derivatives(f, VectorXd(Eigen::Vector3d(std::nan(""), 2, 3))), std::invalid_argument);
  CHECK_THROWS_AS(check_derivatives(f, VectorXd()), std::invalid_argument);
  CHECK_THROWS_WITH(check_derivatives(f, somewhere, {.most = 0}), Catch::Contains("DerivativeCheck::most"));
}
