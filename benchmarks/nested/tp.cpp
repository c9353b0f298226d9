// TP1 to TP8 to 1e-4 of the known outer values, with fewer lower evaluations than published?
//
// These problems have several local optima, corners and kinks, so the outer search, one for all of them, goes in three
// parts: the outer value is looked at in a few places, drawn uniformly; from the best of them Nelder-Mead goes for a
// few steps; from the best that it finds, SQP goes in the box and under the coupling constraints, with implicit
// hypergradients through the inner constraints, and where it does not converge, at a kink, Nelder-Mead again. A price
// on the coupling constraints stands for them where Nelder-Mead goes. None of it knows the optimum. How far each part
// goes was chosen on seeds 1001 to 1021. The inner search is DualActiveSet where the inner problem is quadratic or
// linear, and SQP for TP7, from the last accepted inner solution.
//
// Every evaluation of the inner level counts: those of all places and runs, of line searches, and of the differences by
// which mixed derivatives are made. `calls` counts one for a point at which the inner objective is asked for its value,
// with its gradient or without, and one for each Hessian; `as values` counts 1 + m for one with the gradient, m being
// the number of inner variables, as if that had been made by forward differences, and m (m + 1) / 2 for a Hessian. A
// run counts as solved if the outer value is within 1e-4 of the known one and no coupling constraint is violated by
// 1e-6 or more, when the inner problem at the answer has been solved again from another start.
//
// Published: lower evaluations of BLEAQ, medians, Sinha, Malo & Deb (2013), arXiv:1303.3901.
//
//   tp [first seed, 1] [seeds, 21] [looks] [tries] [trial] [ends] [slopes] [values]

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/direct/nelder_mead.hpp>
#include <mesaopt/gradient/dual_active_set.hpp>
#include <mesaopt/gradient/sqp.hpp>
#include <mesaopt/nested/implicit.hpp>
#include <mesaopt/nested/nested.hpp>
#include <mesaopt/nested/response.hpp>
#include <mesaopt/objective/bounds.hpp>
#include <mesaopt/problems/tp.hpp>

namespace {

using namespace mesaopt;
using Eigen::VectorXd;
using problems::Tp;
using problems::detail::lifted;

/// The derivative of `value` along each coordinate of `point`, by dual numbers.
template <class P, class Value>
void differentiate(P& point, VectorXd& gradient, const Value& value) {
  for (Eigen::Index j = 0; j < point.size(); ++j) {
    point[j].tangent[0] = 1;
    gradient[j] = value().tangent[0];
    point[j].tangent[0] = 0;
  }
}

struct Inner : problems::ConstrainedInnerLevel<Tp> {
  using problems::ConstrainedInnerLevel<Tp>::operator();
  static constexpr bool linear_constraints = true;
  [[nodiscard]] const Box<VectorXd>& box() const { return problem.inner_box(); }
  double operator()(const VectorXd& x, const VectorXd& y, VectorXd& gy) const {
    const auto u = lifted(x);
    auto v = lifted(y);
    differentiate(v, gy, [&] { return problem.inner_value(u, v); });
    return problem.inner_value(x, y);
  }
};
/// All but TP7 are quadratic or linear in y, for which differences of slopes along coordinates are second derivatives.
struct QuadraticInner : Inner {
  static constexpr bool quadratic = true;
  void hessian(const VectorXd& x, const VectorXd& y, Eigen::MatrixXd& H) const {
    VectorXd at_zero(y.size()), at_one(y.size());
    const VectorXd zero = VectorXd::Zero(y.size());
    (*this)(x, zero, at_zero);
    for (Eigen::Index j = 0; j < y.size(); ++j) {
      const VectorXd one = VectorXd::Unit(y.size(), j);
      (*this)(x, one, at_one);
      H.col(j) = at_one - at_zero;
    }
    H = (H + H.transpose().eval()) / 2;
  }
};
struct Outer : problems::ConstrainedOuterLevel<Tp> {
  using problems::ConstrainedOuterLevel<Tp>::operator();
  double operator()(const VectorXd& x, const VectorXd& y, VectorXd& gx, VectorXd& gy) const {
    auto u = lifted(x), v = lifted(y);
    differentiate(u, gx, [&] { return problem.outer_value(u, v); });
    differentiate(v, gy, [&] { return problem.outer_value(u, v); });
    return problem.outer_value(x, y);
  }
};

VectorXd drawn(Random& random, const Box<VectorXd>& box) {
  VectorXd x(box.lower.size());
  for (Eigen::Index i = 0; i < x.size(); ++i) x[i] = random.uniform<double>(box.lower[i], box.upper[i]);
  return x;
}
double excess(const VectorXd& c) { return c.size() > 0 ? std::max(0.0, c.maxCoeff()) : 0.0; }

template <class Family, class Search>
auto objective(const Tp& p, const Family& inner, const Search& search, const VectorXd& y0) {
  return within(nested(Outer{{{p}}}, response(family(inner), search, warm(y0)), Implicit{}), p.outer_box());
}
/// With a price on violations of the coupling constraints in place of them: for a search without slopes.
template <class Family, class Search>
auto priced(const Tp& p, const Family& inner, const Search& search, const VectorXd& y0) {
  const auto outer = [p](const VectorXd& x, const VectorXd& y) {
    VectorXd G(p.outer_inequalities());
    p.outer_constraints(x, y, G);
    return p.outer_value(x, y) + 1e3 * excess(G);
  };
  return within(nested(outer, response(family(inner), search, warm(y0))), p.outer_box());
}

/// How far a search goes, in outer evaluations.
struct Effort {
  std::uint64_t looks = 40;  ///< places drawn
  std::uint64_t tries = 9;   ///< of the best of them, from which a simplex goes
  std::int64_t trial = 20;   ///< for so many evaluations
  std::uint64_t ends = 2;    ///< of the best that these find, from which a search goes to the end
  std::int64_t slopes = 8;   ///< by SQP, for as many evaluations at most
  std::int64_t values = 60;  ///< and unless that has converged, by a simplex again
};
struct Outcome {
  double upper = 0, calls = 0, as_values = 0, error = std::numeric_limits<double>::infinity(), violation = 0;
  [[nodiscard]] bool solved() const { return error < 1e-4 && violation < 1e-6; }
  void count(const Counts& outer, const Counts& inner, Eigen::Index m) {
    upper += double(outer.evaluations());
    calls += double(inner.evaluations() + inner.hessians);
    as_values += double(inner.values) + double(m + 1) * double(inner.gradients) +
                 double(m * (m + 1) / 2) * double(inner.hessians);
  }
};

/// A point to go on from, of whose constraints nothing is known but by how much the worst is violated.
struct Place {
  VectorXd x, y;
  double violation, value;
  friend bool operator<(const Place& a, const Place& b) {
    const double va = std::max(a.violation, 1e-6), vb = std::max(b.violation, 1e-6);
    return va != vb ? va < vb : a.value < b.value;
  }
};

template <class Family, class Search>
Outcome solve(const Tp& p, const Family& inner, const Search& search, std::uint64_t seed, const Effort& effort) {
  Outcome o;
  Random random{.seed = seed};
  const auto m = p.inner_size();
  const VectorXd width = p.outer_box().upper - p.outer_box().lower;
  VectorXd G(p.outer_inequalities());
  const auto place = [&](const VectorXd& x, const VectorXd& y) -> Place {
    p.outer_constraints(x, y, G);
    return {x, y, excess(G), p.outer_value(x, y)};
  };
  /// A simplex from a place, by the outer value and a price.
  const auto walk = [&](const Place& from, double step, std::int64_t evaluations) -> Place {
    const auto s = minimize(priced(p, inner, search, from.y), from.x, NelderMead{.step_size = step},
                            ValueChangeBelow{1e-8, 20} || MaxEvaluations{evaluations});
    o.count(s.counts[0], s.counts[1], m);
    return s.evaluation.usable() ? place(s.x, s.state.calls.memory.response.y) : from;
  };

  std::vector<Place> places;
  {
    const auto F = objective(p, inner, search, drawn(random, inner.box()));
    Calls<VectorXd, MemoryOf<std::remove_const_t<decltype(F)>, VectorXd>> calls;
    for (std::uint64_t k = 0; k < effort.looks; ++k) {
      const VectorXd x = drawn(random, p.outer_box());
      const auto found = calls.value(F, x);
      if (!found.usable()) continue;
      calls.accept();
      places.push_back(place(x, best_point(calls.slot.record.response.run)));
    }
    o.count(calls.counts[0], calls.counts[1], m);
  }
  std::stable_sort(places.begin(), places.end());
  if (places.size() > effort.tries) places.resize(effort.tries);
  for (Place& each : places) each = walk(each, 0.1 * width.minCoeff(), effort.trial);
  std::stable_sort(places.begin(), places.end());
  if (places.size() > effort.ends) places.resize(effort.ends);
  for (Place& each : places) {
    const auto s = minimize(objective(p, inner, search, each.y), each.x, Sqp{.tolerance = 1e-7},
                            GradientBelow{1e-7} || MaxEvaluations{effort.slopes});
    o.count(s.counts[0], s.counts[1], m);
    if (s.evaluation.usable())
      if (const Place now = place(s.x, s.state.calls.memory.response.y); now < each) each = now;
    if (succeeded(s.status)) continue;
    each = walk(each, 0.02 * width.minCoeff(), effort.values);
  }
  if (places.empty()) return o;
  // Judged by itself: the inner problem solved again, from elsewhere.
  const VectorXd x = std::min_element(places.begin(), places.end())->x;
  const auto again = response(family(inner), search, drawn(random, inner.box()))(x);
  p.outer_constraints(x, again.x, G);
  o.violation = excess(G);
  if (!failed(again.status)) o.error = std::abs(p.outer_value(x, again.x) - p.outer_minimum());
  return o;
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + std::ptrdiff_t(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

int main(int count, char** arguments) {
  const auto argument = [&](int i, std::uint64_t otherwise) {
    return i < count ? std::strtoull(arguments[i], nullptr, 10) : otherwise;
  };
  const std::uint64_t first = argument(1, 1), seeds = std::max<std::uint64_t>(1, argument(2, 21));
  Effort effort;
  effort.looks = argument(3, effort.looks);
  effort.tries = argument(4, effort.tries);
  effort.trial = std::int64_t(argument(5, std::uint64_t(effort.trial)));
  effort.ends = argument(6, effort.ends);
  effort.slopes = std::int64_t(argument(7, std::uint64_t(effort.slopes)));
  effort.values = std::int64_t(argument(8, std::uint64_t(effort.values)));
  const double published[] = {1600, 1320, 915, 3110, 1420, 1980, 26400, 1330};
  std::printf("%d seeds from %d.\n\n", int(seeds), int(first));
  std::printf(
      "| problem | solved | median error of F | upper | lower calls, median | largest | as values, median | largest | "
      "published |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");
  for (int number = 1; number <= 8; ++number) {
    const Tp p(number);
    std::vector<double> upper, calls, as_values, error;
    int solved = 0;
    for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
      const Outcome o = number == 7 ? solve(p, Inner{{{p}}}, Sqp{}, seed, effort)
                                    : solve(p, QuadraticInner{{{{p}}}}, DualActiveSet{}, seed, effort);
      upper.push_back(o.upper);
      calls.push_back(o.calls);
      as_values.push_back(o.as_values);
      error.push_back(o.error);
      solved += o.solved();
    }
    std::printf("| %s | %d | %.1e | %.0f | %.0f | %.0f | %.0f | %.0f | %.0f |\n", p.name().c_str(), solved,
                median(error), median(upper), median(calls), *std::max_element(calls.begin(), calls.end()),
                median(as_values), *std::max_element(as_values.begin(), as_values.end()), published[number - 1]);
    std::fflush(stdout);
  }
}
