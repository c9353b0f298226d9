#include <mesaopt/core/objective.hpp>

#include <span>

#include <Eigen/Core>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

struct Value {
  double operator()(const VectorXd& x) const { return x.squaredNorm(); }
};
struct Gradient {
  double operator()(const VectorXd& x, VectorXd& gradient) const {
    gradient = 2 * x;
    return x.squaredNorm();
  }
};
struct Product : Gradient {
  void hessian_product(const VectorXd&, const VectorXd& v, VectorXd& out) const { out = 2 * v; }
};
struct Hessian : Gradient {
  static constexpr bool quadratic = true;
  void hessian(const VectorXd&, MatrixXd& H) const { H = 2 * MatrixXd::Identity(H.rows(), H.cols()); }
};
struct Noisy : Value {
  static constexpr bool stochastic = true;
};
struct Judged {
  Evaluation<double> operator()(const VectorXd& x) const { return {x.sum(), Verdict::inexact, Reason::none}; }
};
struct Changing {
  double operator()(const VectorXd& x) { return x.sum(); }
};
struct Called {
  template <class X>
  using Memory = Workspace<VectorXd>;
  double operator()(const VectorXd& x, VectorXd& gradient, const Call<Memory<VectorXd>>& call) const {
    call.record = x;
    gradient = 2 * x;
    return x.squaredNorm();
  }
};
struct Sum : Gradient {
  using Gradient::operator();
  Eigen::Index terms() const { return 3; }
  double operator()(const VectorXd& x, std::span<const Eigen::Index>, VectorXd& gradient) const {
    return (*this)(x, gradient);
  }
};
struct Boxed : Value {
  struct B {
    VectorXd lower, upper;
  };
  B box() const { return {}; }
};

}  // namespace

TEST_CASE("an objective is what gives a value, a differentiable one what gives a gradient too", "[core]") {
  STATIC_REQUIRE(Objective<Value, VectorXd>);
  STATIC_REQUIRE_FALSE(Differentiable<Value, VectorXd>);
  STATIC_REQUIRE(Objective<Gradient, VectorXd>);
  STATIC_REQUIRE(Differentiable<Gradient, VectorXd>);
  STATIC_REQUIRE(Objective<Judged, VectorXd>);
  STATIC_REQUIRE(Objective<Called, VectorXd>);
  STATIC_REQUIRE(Differentiable<Called, VectorXd>);
  const auto lambda = [scale = 2.0](const VectorXd& x) { return scale * x.sum(); };
  STATIC_REQUIRE(Objective<decltype(lambda), VectorXd>);

  STATIC_REQUIRE_FALSE(Objective<Changing, VectorXd>);
  STATIC_REQUIRE_FALSE(Objective<Value, double>);
  STATIC_REQUIRE_FALSE(Objective<int, VectorXd>);
}

TEST_CASE("second derivatives, terms and boxes are seen", "[core]") {
  STATIC_REQUIRE(TwiceDifferentiable<Product, VectorXd>);
  STATIC_REQUIRE(TwiceDifferentiable<Hessian, VectorXd>);
  STATIC_REQUIRE_FALSE(TwiceDifferentiable<Gradient, VectorXd>);
  STATIC_REQUIRE(FiniteSum<Sum, VectorXd>);
  STATIC_REQUIRE_FALSE(FiniteSum<Gradient, VectorXd>);
  STATIC_REQUIRE(Bounded<Boxed, VectorXd>);
  STATIC_REQUIRE_FALSE(Bounded<Value, VectorXd>);
  STATIC_REQUIRE(is_quadratic<Hessian>);
  STATIC_REQUIRE(is_quadratic<const Hessian&>);
  STATIC_REQUIRE_FALSE(is_quadratic<Product>);
  STATIC_REQUIRE(is_stochastic<Noisy>);
  STATIC_REQUIRE_FALSE(is_stochastic<Value>);
}
