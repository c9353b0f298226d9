// TP1 to TP8 to 1e-4 of the known outer values, with fewer lower evaluations than published?
//
// The outer search is SQP in the box and under the coupling constraints, with implicit hypergradients through the
// constraints of the inner problem; the inner search is SQP, from the last accepted inner solution. These problems have
// several local optima, corners and kinks, so one run is not enough: first the outer value is looked at in a few places
// (`looks`, drawn uniformly), then SQP goes from the best of them, and so on down the list for `runs` runs; the best
// point that violates nothing by more than 1e-6 is the answer. Neither the number of looks nor that of the runs knows
// the optimum. Both are the same for all problems, and were chosen on seeds 1001 to 1021.
//
// Every evaluation of the inner level counts: those of all looks and all runs, of line searches, and of the differences
// by which second derivatives are made. `calls` counts one for a point at which the inner objective is asked for its
// value, with its gradient or without; `as values` counts 1 + m for one with the gradient, m being the number of inner
// variables, as if that had been made by forward differences. The answer is judged by itself: the inner problem there
// is solved again from another start, and the outer value and the constraints taken with that solution.
//
// Published: lower evaluations of BLEAQ, medians, Sinha, Malo & Deb (2013), arXiv:1303.3901.
//
//   tp [first seed, 1] [seeds, 21] [looks] [runs]

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
/// All but TP7 are quadratic or linear in y: second derivatives by differences of slopes along coordinates are exact.
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

struct Effort {
  std::uint64_t looks = 12, runs = 4;
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

template <class Family, class Search>
Outcome solve(const Tp& p, const Family& inner, const Search& search, std::uint64_t seed, const Effort& effort) {
  Outcome o;
  Random random{.seed = seed};
  const auto m = p.inner_size();
  struct Place {
    VectorXd x, y;
    double violation, value;
  };
  std::vector<Place> places;
  const auto F = objective(p, inner, search, drawn(random, p.inner_box()));
  {
    Calls<VectorXd, MemoryOf<std::remove_const_t<decltype(F)>, VectorXd>> calls;
    VectorXd G(p.outer_inequalities());
    for (std::uint64_t k = 0; k < effort.looks; ++k) {
      const VectorXd x = drawn(random, p.outer_box());
      const auto found = calls.value(F, x);
      if (!found.usable()) continue;
      calls.accept();
      const VectorXd y = best_point(calls.slot.record.response.run);
      p.outer_constraints(x, y, G);
      places.push_back({x, y, excess(G), found.value});
    }
    o.count(calls.counts[0], calls.counts[1], m);
  }
  std::stable_sort(places.begin(), places.end(), [](const Place& a, const Place& b) {
    return std::max(a.violation, 1e-6) != std::max(b.violation, 1e-6) ? a.violation < b.violation : a.value < b.value;
  });

  VectorXd x;
  double best = std::numeric_limits<double>::infinity();
  for (std::uint64_t k = 0; k < std::min<std::uint64_t>(effort.runs, places.size()); ++k) {
    const auto s = minimize(objective(p, inner, search, places[k].y), places[k].x, Sqp{.tolerance = 1e-7},
                            GradientBelow{1e-7} || ValueChangeBelow{1e-6, 4} || MaxEvaluations{60});
    o.count(s.counts[0], s.counts[1], m);
    if (std::getenv("VERBOSE"))
      std::fprintf(stderr, "%s seed %d: from %g (%g) to %.8g (%.1e), %d/%d, status %s, reason %s\n", p.name().c_str(),
                   int(seed), places[k].value, places[k].violation, s.value, s.state.violation,
                   int(s.counts[0].evaluations()), int(s.counts[1].evaluations()), sentence(s.status),
                   sentence(s.evaluation.reason));
    if (s.evaluation.usable() && s.state.violation <= 1e-6 && s.value < best) {
      best = s.value;
      x = s.x;
    }
  }
  if (x.size() == 0) return o;
  // Judged by itself.
  const auto again = response(family(inner), search, drawn(random, p.inner_box()))(x);
  VectorXd G(p.outer_inequalities());
  p.outer_constraints(x, again.x, G);
  o.violation = excess(G);
  o.error = std::abs(p.outer_value(x, again.x) - p.outer_minimum());
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
  const Effort effort{argument(3, Effort{}.looks), argument(4, Effort{}.runs)};
  const double published[] = {1600, 1320, 915, 3110, 1420, 1980, 26400, 1330};
  std::printf("%d looks and %d runs; %d seeds from %d.\n\n", int(effort.looks), int(effort.runs), int(seeds),
              int(first));
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
