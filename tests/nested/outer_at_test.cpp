#include <mesaopt/nested/outer_at.hpp>

#include <cmath>

#include <Eigen/Core>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::Vector2d;

namespace {
struct Outer {
  double operator()(const Vector2d& x, const Vector2d& y) const { return x.dot(y); }
  double operator()(const Vector2d& x, const Vector2d& y, Vector2d& gx, Vector2d& gy) const {
    gx = y;
    gy = x;
    return x.dot(y);
  }
};
struct Memory {
  struct Record {
    Vector2d outer_y;
    Nothing::Record outer;
    Nothing memory;
    Call<Nothing> outer_call(const Call<Memory>& call) { return {memory, outer, call.tolerance, call.index}; }
  };
};
}  // namespace

TEST_CASE("the outer objective at a point has its value, and a gradient that is finite or refused", "[nested]") {
  Memory memory;
  Memory::Record record;
  const Call<Memory> call{memory, record};
  Vector2d gx;
  const Vector2d x(1, 2), y(3, 5);
  CHECK(detail::outer_value_at(Outer{}, x, y, call).value == 13);
  CHECK(detail::outer_gradient_at(Outer{}, x, y, gx, call).verdict == Verdict::fine);
  CHECK(gx == y);
  CHECK(record.outer_y == x);
  const auto broken = [](const Vector2d&, const Vector2d&, Vector2d& g, Vector2d& gy) {
    g.setZero();
    gy.setConstant(std::nan(""));
    return 1.0;
  };
  auto found = detail::outer_gradient_at(broken, x, y, gx, call);
  CHECK(found.verdict == Verdict::not_differentiable);
  CHECK(found.reason == Reason::non_finite_gradient);
  detail::mark_inexact(found, Reason::sampled_gradient);
  CHECK(found.verdict == Verdict::not_differentiable);
  CHECK(found.reason == Reason::sampled_gradient);
}
