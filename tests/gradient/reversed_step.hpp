#pragma once
// One step of a first-order method, forwards in dual numbers and backwards by its reverse rule.

#include <array>
#include <cmath>
#include <cstddef>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/gradient/reverse_descent.hpp>
#include <mesaopt/objective/dual.hpp>

// Adjoints times tangents are the same after a step as before it, settings included: how far they are apart, relative
// to the largest part. `state` is where the method stands, `tangent(i)` draws numbers, and the visitors go through what
// the memory of a state holds, with its adjoint.
template <class Method, class Visit>
double gap(const Method& method, const Visit& visit) {
  using namespace mesaopt;
  using V = Eigen::VectorXd;
  using D = Dual<double, 1>;
  using DV = Eigen::VectorX<D>;
  const auto rule = reverse_rule(method);
  using Rule = decltype(reverse_rule(method));
  auto dual = Rule::template rebound<D>(method);
  using DualMethod = decltype(dual);
  int drawn = 0;
  const auto draw = [&] { return std::sin(1.7 * double(++drawn)) + 0.1; };
  const auto vary = [&](D& number) { return number.tangent[0] = draw(); };

  constexpr Eigen::Index n = 11;
  typename Rule::template Kept<V> at;
  at.x = at.gradient = at.other = V::NullaryExpr(n, [&](Eigen::Index) { return draw(); });
  at.gradient = V::NullaryExpr(n, [&](Eigen::Index) { return draw(); });
  at.other = V::NullaryExpr(n, [&](Eigen::Index) { return draw(); });
  at.age = 3;
  method.begin(at.x, at.memory);
  DV x = at.x.template cast<D>(), slope = at.gradient.template cast<D>(), next = at.other.template cast<D>();
  typename DualMethod::template Memory<DV> memory;
  dual.begin(x, memory);
  visit.fill(at.memory, memory, draw);

  typename Rule::template Adjoint<V> adjoint;
  V to_x = V::NullaryExpr(n, [&](Eigen::Index) { return draw(); }), to_gradient(n);
  rule.begin(to_x, adjoint);
  visit.start(adjoint, draw);

  const V x_tangent = V::NullaryExpr(n, [&](Eigen::Index i) { return vary(x[i]); });
  const V slope_tangent = V::NullaryExpr(n, [&](Eigen::Index i) { return vary(slope[i]); });
  for (Eigen::Index i = 0; i < n; ++i) vary(next[i]);
  const DV last = next;
  visit.vary(memory, vary);
  const auto memory_before = memory;
  std::array<double, std::tuple_size_v<decltype(Rule::settings())>> settings{}, tangents{};
  std::size_t count = 0;
  std::apply([&](auto... member) { ((tangents[count++] = vary(dual.*member)), ...); },
             decltype(reverse_rule(dual))::settings());

  dual.propose(x, slope, dual.learning_rate * D(dual.schedule.factor(at.age)), memory, next);
  double after = visit.product(adjoint, memory, x);  // the point before the next one is x
  for (Eigen::Index i = 0; i < n; ++i) after += to_x[i] * next[i].tangent[0];
  if (!rule.reverse(method, at, to_x, adjoint, to_gradient, settings.data())) return INFINITY;
  double before = visit.product(adjoint, memory_before, last) + to_x.dot(x_tangent) + to_gradient.dot(slope_tangent);
  for (std::size_t i = 0; i < settings.size(); ++i) before += settings[i] * tangents[i];
  return std::abs(after - before) / std::max(1.0, std::abs(after));
}
