#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>

#include <Eigen/Core>

#include <mesaopt/core/call.hpp>
#include <mesaopt/core/constraints.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/permutation.hpp>
#include <mesaopt/core/prior.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/core/residuals.hpp>
#include <mesaopt/core/stopping.hpp>
#include <mesaopt/objective/derivative_report.hpp>
#include <mesaopt/objective/difference_ladder.hpp>

namespace mesaopt {

namespace detail {

template <class F, class X>
concept HasConstraintsHessianProduct =
    (!Remembers<F, X> && requires(const F& f, const X& x, const ConstraintsOf<X>& multipliers,
                                  X& out) { f.constraints_hessian_product(x, multipliers, x, out); }) ||
    (Remembers<F, X> &&
     requires(const F& f, const X& x, const ConstraintsOf<X>& multipliers, X& out, const Call<MemoryOf<F, X>>& call) {
       f.constraints_hessian_product(x, multipliers, x, out, call);
     });

/// Compares the derivatives of one objective at one point, one kind after the other.
template <class F, Point X>
class DerivativeChecker {
 public:
  using S = ScalarOf<X>;
  using Values = Eigen::VectorX<S>;

  DerivativeChecker(const F& objective, const X& point, const DerivativeCheck& check)
      : f(objective), x(point), settings(check), moved(point) {
    if (settings.tolerance == 0) settings.tolerance = std::pow(double(std::numeric_limits<S>::epsilon()), 3.0 / 8);
  }

  DerivativeReport run() {
    if constexpr (Differentiable<F, X>) {
      gradient.resize(x.size());
      const Evaluation<S> here = evaluate_gradient(f, x, gradient, call());
      if (!here.usable())
        throw std::invalid_argument("check_derivatives: the objective has no finite value at the point");
      if constexpr (HasValue<F, X>) {
        X unused;
        begin("value without gradient");
        compare(0, 0, double(here.value), double(evaluate(f, x, unused, call()).value), double(here.value_error), 0);
      }
      gradient_error = here.gradient_error;
      check_gradient(here);
      if constexpr (HasHessian<F, X>) check_hessian();
      if constexpr (HasHessianProduct<F, X>) check_hessian_product();
    }
    if constexpr (LeastSquares<F, X>) check_residuals();
    if constexpr (DifferentiableConstraints<F, X>) check_constraints();
    return report;
  }

 private:
  using M = MemoryOf<F, X>;
  const F& f;
  const X& x;
  DerivativeCheck settings;
  M memory{};
  typename M::Record record{};
  X moved, gradient{}, direction{};
  DifferenceLadder<S> ladder{};
  DerivativeReport report{};
  S gradient_error = 0;
  double worst_excess = 0;

  /// Every call is evaluation 0 of a run that has just begun, so that random objectives are differenced under common
  /// random numbers.
  Call<M> call() { return {memory, record, 0, 0}; }

  void begin(const char* name) {
    report.parts.push_back({.name = name});
    worst_excess = -1;
  }

  void compare(Eigen::Index row, Eigen::Index column, double given, double found, double error, double scale) {
    DerivativeComparison& part = report.parts.back();
    const double size = std::max(std::abs(given), std::abs(found)), off = std::abs(given - found);
    const double allowed = settings.tolerance * size + 10 * error;
    ++part.compared;
    const bool unknown = !std::isfinite(error);
    const bool zero = std::abs(given) <= double(std::numeric_limits<S>::epsilon()) * scale;
    if (unknown || (10 * error > size / 2 && !zero)) ++part.undecided;
    const bool wrong = !std::isfinite(given) || (!unknown && off > allowed);
    if (wrong) ++part.wrong;
    const double excess = !std::isfinite(given) ? std::numeric_limits<double>::infinity()
                          : unknown || off == 0 ? 0
                                                : off / allowed;
    if (excess > worst_excess) {
      worst_excess = excess;
      part.worst = {row, column, given, found, error, size > 0 ? off / size : off};
    }
  }

  template <class Given>
  void compare_column(Eigen::Index column, const Given& given, const Slopes<S>& found, double scale) {
    for (Eigen::Index i = 0; i < found.value.size(); ++i)
      compare(i, column, double(given(i)), double(found.value[i]), double(found.error[i]), scale);
  }

  [[nodiscard]] bool all_coordinates() const { return x.size() <= settings.most; }

  /// Calls body(j) for the coordinates to be moved.
  template <class Body>
  void for_coordinates(const Body& body) const {
    const auto draw = Permutation{std::uint64_t(x.size()), settings.seed, 0}.prepared();
    for (Eigen::Index j = 0; j < std::min(x.size(), Eigen::Index(settings.most)); ++j)
      body(all_coordinates() ? j : Eigen::Index(draw(std::uint64_t(j))));
  }

  [[nodiscard]] S size_of(Eigen::Index j) const { return std::max(std::abs(x[j]), S(settings.typical)); }

  /// Where `function(point, values, noise)` has values, by how much they change with coordinate j.
  template <class Function>
  Slopes<S> along_coordinate(Eigen::Index j, const Values& here, const Function& function) {
    const auto at = [&](S& t, Values& values, S& noise) {
      moved[j] = x[j] + t;
      t = moved[j] - x[j];
      const bool known = in_box(j) && function(moved, values, noise);
      moved[j] = x[j];
      return known;
    };
    return ladder(at, here, size_of(j));
  }

  [[nodiscard]] bool in_box(Eigen::Index j) const {
    if constexpr (requires { f.box(); })
      return moved[j] >= f.box().lower[j] && moved[j] <= f.box().upper[j];
    else
      return true;
  }

  void check_gradient(const Evaluation<S>& at_x) {
    begin("gradient");
    const double scale = double(gradient.cwiseAbs().maxCoeff());
    X unused;
    const auto values_at = [&](const X& point, Values& values, S& noise) {
      const auto now = evaluate(f, point, unused, call());
      values[0] = now.value;
      noise = std::max(now.value_error, at_x.value_error);  // values alone may not know theirs
      return now.usable();
    };
    const Values here = Values::Constant(1, at_x.value);
    for_coordinates([&](Eigen::Index j) {
      const Slopes<S> found = along_coordinate(j, here, values_at);
      compare(0, j, double(gradient[j]), double(found.value[0]), double(found.error[0] + at_x.gradient_error), scale);
    });
    if (all_coordinates()) return;
    draw_direction();
    const auto along = [&](S t, Values& values, S& noise) {
      moved = x + t * direction;
      for (Eigen::Index j = 0; j < x.size(); ++j)
        if (!in_box(j)) return false;
      return values_at(moved, values, noise);
    };
    const Slopes<S> found = ladder(along, here, S(1));
    moved = x;
    const S error = found.error[0] + at_x.gradient_error * direction.norm();
    compare(0, -1, double(gradient.dot(direction)), double(found.value[0]), double(error), scale);
  }

  /// A direction in which most coordinates change the value by as much, whatever their scales.
  void draw_direction() {
    Random random{.seed = settings.seed, .stream = 1};
    Values changes(x.size());
    for (Eigen::Index j = 0; j < x.size(); ++j) changes[j] = std::abs(gradient[j]) * size_of(j);
    std::nth_element(changes.data(), changes.data() + changes.size() / 2, changes.data() + changes.size());
    const S median = changes[changes.size() / 2], common = median > 0 ? median : changes.maxCoeff();
    direction.resize(x.size());
    for (Eigen::Index j = 0; j < x.size(); ++j) {
      const S steepness = std::abs(gradient[j]);
      const S length = steepness * size_of(j) > common ? common / steepness : size_of(j);
      direction[j] = random.uniform() < 0.5 ? length : -length;
    }
  }

  /// Compares columns that `column(j, out)` gives with differences of gradients.
  template <class Column>
  void compare_with_gradients(const Column& column) {
    X other = gradient, out = gradient;
    const auto gradients_at = [&](const X& point, Values& values, S& noise) {
      const auto now = evaluate_gradient(f, point, other, call());
      values = other;
      noise = std::max(now.gradient_error, gradient_error);
      return now.differentiable();
    };
    for_coordinates([&](Eigen::Index j) {
      const Slopes<S> found = along_coordinate(j, gradient, gradients_at);
      column(j, out);
      compare_column(j, out, found, double(out.cwiseAbs().maxCoeff()));
    });
  }

  void check_hessian() {
    begin("Hessian");
    MatrixOf<X> H = MatrixOf<X>::Zero(x.size(), x.size());
    evaluate_hessian(f, x, H, call());
    compare_with_gradients([&](Eigen::Index j, X& out) { out = H.col(j); });
  }

  void check_hessian_product() {
    begin("Hessian product");
    X unit = X::Zero(x.size());
    compare_with_gradients([&](Eigen::Index j, X& out) {
      unit[j] = 1;
      evaluate_hessian_product(f, x, unit, out, call());
      unit[j] = 0;
    });
  }

  /// Compares the columns of J with differences of `values(point, out)`, which is `here` at x.
  template <class Function>
  void compare_jacobian(const JacobianOf<X>& J, const Values& here, const Function& values) {
    const auto values_at = [&](const X& point, Values& out, S&) {
      values(point, out);
      return true;
    };
    const double scale = J.size() > 0 ? double(J.cwiseAbs().maxCoeff()) : 0;
    for_coordinates([&](Eigen::Index j) { compare_column(j, J.col(j), along_coordinate(j, here, values_at), scale); });
  }

  void check_residuals() {
    ResidualsOf<X> r(f.residual_count()), with_jacobian = r;
    JacobianOf<X> J = JacobianOf<X>::Zero(r.size(), x.size());
    evaluate_residuals(f, x, call(), r);
    evaluate_residuals(f, x, call(), with_jacobian, J);
    const double scale = double(r.norm());
    begin("residuals with Jacobian");
    for (Eigen::Index i = 0; i < r.size(); ++i) compare(i, 0, double(with_jacobian[i]), double(r[i]), 0, scale);
    begin("value as half the sum of squares");
    X unused;
    compare(0, 0, double(r.squaredNorm()) / 2, double(evaluate(f, x, unused, call()).value), 0, 0);
    begin("Jacobian of residuals");
    compare_jacobian(J, r, [&](const X& point, Values& out) { evaluate_residuals(f, point, call(), out); });
  }

  void check_constraints() {
    ConstraintsOf<X> c(Eigen::Index(f.equalities()) + Eigen::Index(f.inequalities())), with_jacobian = c;
    JacobianOf<X> J = JacobianOf<X>::Zero(c.size(), x.size());
    evaluate_constraints(f, x, call(), c);
    evaluate_constraints(f, x, call(), with_jacobian, J);
    begin("constraints with Jacobian");
    for (Eigen::Index i = 0; i < c.size(); ++i) compare(i, 0, double(with_jacobian[i]), double(c[i]), 0, 0);
    begin("Jacobian of constraints");
    compare_jacobian(J, c, [&](const X& point, Values& out) { evaluate_constraints(f, point, call(), out); });
    if constexpr (HasConstraintsHessianProduct<F, X>) check_constraints_product(c, J);
  }

  /// For multipliers between ½ and 1½, with differences of Jᵀ times these.
  void check_constraints_product(ConstraintsOf<X>& c, JacobianOf<X>& J) {
    begin("Hessian product of constraints");
    Random random{.seed = settings.seed, .stream = 2};
    const ConstraintsOf<X> multipliers =
        ConstraintsOf<X>::NullaryExpr(c.size(), [&] { return S(0.5 + random.uniform()); });
    const Values here = J.transpose() * multipliers;
    const auto gradients_at = [&](const X& point, Values& out, S&) {
      evaluate_constraints(f, point, call(), c, J);
      out = J.transpose() * multipliers;
      return true;
    };
    X unit = X::Zero(x.size()), out = x;
    for_coordinates([&](Eigen::Index j) {
      unit[j] = 1;
      with_call<F, X>(call(),
                      [&](const auto&... last) { f.constraints_hessian_product(x, multipliers, unit, out, last...); });
      unit[j] = 0;
      compare_column(j, out, along_coordinate(j, here, gradients_at), double(out.cwiseAbs().maxCoeff()));
    });
  }
};

}  // namespace detail

/// Compares what the objective f says of its derivatives at x with differences: its gradient with those of its values,
/// its Hessian or Hessian products with those of its gradients, the Jacobians of its residuals and of its constraints,
/// and the constraints' Hessian products, whatever of these it has.
///
///     std::cout << check_derivatives(f, x);
///
/// The report prints the worst entry of each, and has all of it as plain data. Differences choose their steps for every
/// entry by themselves, down from four times the coordinate's size, and estimate their error, so that a right
/// derivative of a badly scaled function passes and a wrong entry among right ones does not: see
/// detail::DifferenceLadder. An entry takes 56 values in double, 26 in float. Where there are more than `most`
/// coordinates, some are drawn, and a gradient is compared along a random direction besides. Points where f is not
/// finite, or out of its bounds, are done without. A point at a kink has no derivative, and is reported as wrong.
/// Throws std::invalid_argument if x is empty or not finite, f has no finite value there, or a setting is out of range.
template <class F, Point X>
DerivativeReport check_derivatives(const F& f, const X& x, DerivativeCheck settings = {}) {
  static_assert(Differentiable<F, X> || LeastSquares<F, X> || DifferentiableConstraints<F, X>,
                "mesaopt: this objective has no derivatives to check: neither f(x, gradient), nor residuals or "
                "constraints with Jacobians");
  settings.check();
  detail::check_start(x);
  return detail::DerivativeChecker<F, X>(f, x, settings).run();
}

}  // namespace mesaopt
