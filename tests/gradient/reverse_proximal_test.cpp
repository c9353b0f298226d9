#include <mesaopt/gradient/reverse_proximal.hpp>

#include <cmath>

#include <Eigen/Core>

#include <mesaopt/objective/ball.hpp>
#include <mesaopt/objective/bounds.hpp>
#include <mesaopt/objective/dual.hpp>
#include <mesaopt/objective/group_l1.hpp>
#include <mesaopt/objective/l1.hpp>
#include <mesaopt/objective/simplex.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {

struct Anything {
  double operator()(const VectorXd&, VectorXd& g) const { return g.setZero(), 0; }
};
const ProximalDescent method{.learning_rate = 0.7, .schedule = {.kind = Schedule::inverse, .steps = 4}};

/// A step at a point, with directions for all that it is made of; and the same step in dual numbers.
struct Step {
  static constexpr Eigen::Index n = 7;
  detail::KeptProximal<VectorXd> at;
  VectorXd by_x, by_gradient;
  double by_rate = 0.3;
  Eigen::VectorX<Dual<double, 1>> v;
  Dual<double, 1> rate{0.7};

  Step() {
    int drawn = 0;
    const auto draw = [&] { return VectorXd::NullaryExpr(n, [&](Eigen::Index) { return std::sin(1.7 * ++drawn); }); };
    at.x = draw();
    at.gradient = 0.4 * draw();
    by_x = draw();
    by_gradient = draw();
    at.age = 3;
    v.resize(n);
    rate.tangent[0] = by_rate;
    const Dual<double, 1> t = step_size();
    for (Eigen::Index i = 0; i < n; ++i) {
      Dual<double, 1> x(at.x[i]), g(at.gradient[i]);
      x.tangent[0] = by_x[i];
      g.tangent[0] = by_gradient[i];
      v[i] = x - t * g;
    }
  }
  [[nodiscard]] Dual<double, 1> step_size() const { return rate * Dual<double, 1>(method.schedule.factor(3)); }
};

/// How far the derivative forwards is from that of `known`, the step in dual numbers, and adjoints times tangents after
/// it from what they are before.
template <class F>
double gap(const F& f, const Eigen::VectorX<Dual<double, 1>>& known) {
  const Step step;
  const auto rule = reverse_rule(method);
  detail::ProximalMap<VectorXd> map;
  VectorXd inside = VectorXd::Constant(Step::n, 0.1);
  map.enter(f, inside);
  rule.step(f, method, step.at, map);
  VectorXd forward = step.by_x;
  rule.forward(f, step.at, forward, step.by_gradient, step.by_rate * method.schedule.factor(3), map);
  double worst = 0;
  for (Eigen::Index i = 0; i < Step::n; ++i) {
    worst = std::max(worst, std::abs(map.u[i] - known[i].value));
    worst = std::max(worst, std::abs(forward[i] - known[i].tangent[0]));
  }
  const VectorXd end = VectorXd::LinSpaced(Step::n, -1, 2);
  VectorXd x = end, gradient(Step::n);
  double setting = 0;
  rule.reverse(f, method, step.at, x, map, gradient, &setting);
  const double before = x.dot(step.by_x) + gradient.dot(step.by_gradient) + setting * step.by_rate;
  return std::max(worst, std::abs(before - end.dot(forward)));
}
template <class H>
double gap_through(const H& h) {
  const Step step;
  auto u = step.v;
  h.proximal(step.v, step.step_size(), u);
  return gap(regularized(Anything{}, h), u);
}

}  // namespace

TEST_CASE("A proximal step backwards is the transpose of the step forwards, which is that in dual numbers",
          "[proximal_descent]") {
  CHECK(gap_through(L1{0.9}) < 1e-15);
  CHECK(gap_through(GroupL1{1.1, {{0, 3}, {3, 2, 0.1}}}) < 1e-15);
  CHECK(gap_through(Simplex{1.3}) < 1e-15);
  CHECK(gap_through(Ball{0.8}) < 1e-15);
}

TEST_CASE("Coordinates at a bound pass no derivative, and the others pass it whole", "[proximal_descent]") {
  const Step step;
  const Box<VectorXd> box{VectorXd::Constant(Step::n, -0.5), VectorXd::Constant(Step::n, 0.6)};
  auto u = step.v;
  int held = 0;
  for (auto& c : u) {
    if (c.value < -0.5) ++held, c = Dual<double, 1>(-0.5);
    if (c.value > 0.6) ++held, c = Dual<double, 1>(0.6);
  }
  CHECK(held == 4);
  CHECK(gap(within(Anything{}, box), u) < 1e-15);
}

TEST_CASE("On the very kink no derivative is passed, and the kink is seen", "[proximal_descent]") {
  const auto f = regularized(Anything{}, L1{0.5});
  detail::ProximalMap<VectorXd> map;
  const VectorXd x = (VectorXd(3) << 0.5, 2, 0.1).finished(), none = VectorXd::Zero(3);
  map.enter(f, x);
  map.step(f, x, none, 1);
  VectorXd d = VectorXd::Ones(3);
  map.derivative(f, d);
  CHECK(d == (VectorXd(3) << 0, 1, 0).finished());
  CHECK(map.on_kink(f));
  map.step(f, x, none, 0.99);
  CHECK(!map.on_kink(f));

  const auto bounded = within(Anything{}, Box<VectorXd>{VectorXd::Constant(3, 0.1), VectorXd::Constant(3, 2)});
  map.enter(bounded, x);
  map.step(bounded, x, none, 1);
  d.setOnes();
  map.derivative(bounded, d);
  CHECK(d == (VectorXd(3) << 1, 0, 0).finished());
  CHECK((map.side(0) == 0 && map.side(1) == 1 && map.side(2) == -1));
  CHECK(map.on_kink(bounded));
}
