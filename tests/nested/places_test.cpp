#include <mesaopt/nested/places.hpp>

#include <type_traits>

#include <Eigen/Core>

#include <mesaopt/core/objective.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

/// ½|y − x|², quadratic in y.
struct Pull {
  static constexpr bool quadratic = true;
  double operator()(const VectorXd& x, const VectorXd& y) const { return (y - x).squaredNorm() / 2; }
  double operator()(const VectorXd& x, const VectorXd& y, VectorXd& gy) const {
    gy = y - x;
    return (*this)(x, y);
  }
  void hessian(const VectorXd&, const VectorXd&, MatrixXd& H) const { H.setIdentity(); }
  void hessian_product(const VectorXd&, const VectorXd&, const VectorXd& v, VectorXd& out) const { out = v; }
};
/// The same, with scratch.
struct Called {
  template <class Y>
  using Memory = Workspace<Y>;
  double operator()(const VectorXd& x, const VectorXd& y, VectorXd& gy, const Call<Memory<VectorXd>>& call) const {
    call.record = y - x;
    gy = call.record;
    return gy.squaredNorm() / 2;
  }
  void hessian_product(const VectorXd&, const VectorXd&, const VectorXd& v, VectorXd& out,
                       const Call<Memory<VectorXd>>&) const {
    out = v;
  }
};
struct ValueAlone {
  double operator()(const VectorXd& x, const VectorXd& y) const { return (y - x).sum(); }
};

const VectorXd x = VectorXd::Constant(3, 2), y = VectorXd::Constant(3, 5);

}  // namespace

TEST_CASE("a family at an outer point is an objective of the inner one, with all that it gives", "[nested]") {
  const auto place = family(Pull{});
  const auto f = detail::placed(place, x);
  using F = std::remove_const_t<decltype(f)>;
  STATIC_REQUIRE(Objective<F, VectorXd>);
  STATIC_REQUIRE(Differentiable<F, VectorXd>);
  STATIC_REQUIRE(TwiceDifferentiable<F, VectorXd>);
  STATIC_REQUIRE(is_quadratic<F>);
  STATIC_REQUIRE_FALSE(Remembers<F, VectorXd>);
  VectorXd gradient(3), out(3);
  CHECK(f(y) == 13.5);
  CHECK(f(y, gradient) == 13.5);
  CHECK(gradient == VectorXd::Constant(3, 3));
  f.hessian_product(y, x, out);
  CHECK(out == x);
  MatrixXd H(3, 3);
  f.hessian(y, H);
  CHECK(H.isIdentity(0));
}

TEST_CASE("a family that gives values alone has no gradient", "[nested]") {
  using F = decltype(detail::placed(family(ValueAlone{}), x));
  STATIC_REQUIRE(Objective<F, VectorXd>);
  STATIC_REQUIRE_FALSE(Differentiable<F, VectorXd>);
}

TEST_CASE("a family that remembers is called with its call", "[nested]") {
  const auto place = family(Called{});
  const auto f = detail::placed(place, x);
  using F = std::remove_const_t<decltype(f)>;
  STATIC_REQUIRE(Remembers<F, VectorXd>);
  STATIC_REQUIRE(Differentiable<F, VectorXd>);
  STATIC_REQUIRE(TwiceDifferentiable<F, VectorXd>);
  Workspace<VectorXd> memory;
  VectorXd record, gradient(3);
  CHECK(f(y, gradient, Call<Workspace<VectorXd>>{memory, record}) == 13.5);
  CHECK(record == gradient);
}

TEST_CASE("what is not marked is a constant, also where it could be called with the outer point", "[nested]") {
  STATIC_REQUIRE_FALSE(detail::depends_on_outer<VectorXd>);
  STATIC_REQUIRE_FALSE(detail::depends_on_outer<Pull>);
  STATIC_REQUIRE(detail::depends_on_outer<Family<Pull>>);
  CHECK(&detail::placed(y, x) == &y);

  const auto place = by_outer([](const VectorXd& u) -> VectorXd { return 2 * u; });
  STATIC_REQUIRE(detail::depends_on_outer<std::remove_const_t<decltype(place)>>);
  CHECK(detail::placed(place, x) == VectorXd::Constant(3, 4));
}
