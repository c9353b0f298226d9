#pragma once

#include <limits>
#include <stdexcept>
#include <string>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/core/constraints.hpp>
#include <mesaopt/core/number_text.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/objective/box.hpp>

namespace mesaopt {

/// The quadratic program  min ½ x'Qx + c'x  subject to  A_eq x = b_eq,  A x <= b,  lower <= x <= upper.
///
/// Q is n × n and symmetric, c has size n, A_eq and A are one row a constraint. All but c may be left empty: an empty Q
/// is zero, an empty bound is infinite. It is an objective with constraints (of A_eq first, then of A) and bounds, for
/// every optimizer that heeds them; gradient/quadratic_program.hpp solves it outright.
///
///     QuadraticProgram<double> portfolio{.Q = covariance, .c = -returns};
///     portfolio.A_eq = Eigen::RowVectorXd::Ones(n);
///     portfolio.b_eq = Eigen::VectorXd::Ones(1);
///     portfolio.lower = Eigen::VectorXd::Zero(n);
template <class S>
struct QuadraticProgram {
  Eigen::MatrixX<S> Q{};
  Eigen::VectorX<S> c{};
  Eigen::MatrixX<S> A_eq{};
  Eigen::VectorX<S> b_eq{};
  Eigen::MatrixX<S> A{};
  Eigen::VectorX<S> b{};
  Eigen::VectorX<S> lower{}, upper{};  ///< may hold infinities

  static constexpr bool quadratic = true;
  static constexpr auto fields() {
    using P = QuadraticProgram;
    return std::tuple{&P::Q, &P::c, &P::A_eq, &P::b_eq, &P::A, &P::b, &P::lower, &P::upper};
  }

  /// Number of variables.
  [[nodiscard]] Eigen::Index size() const { return c.size(); }

  /// Throws std::invalid_argument if a member has a size that does not fit, or Q is not symmetric.
  void check() const {
    check_sizes();
    check_symmetry();
  }
  void check_sizes() const {
    const Eigen::Index n = size();
    if (n == 0) throw std::invalid_argument("QuadraticProgram::c: is empty; it needs an entry for every variable");
    const auto fit = [&](const auto& member, const char* name, Eigen::Index rows, Eigen::Index columns, bool optional) {
      if (optional && member.size() == 0) return;
      if (member.rows() != rows || member.cols() != columns)
        throw std::invalid_argument(std::string("QuadraticProgram::") + name + ": is " + std::to_string(member.rows()) +
                                    " x " + std::to_string(member.cols()) + "; it must be " + std::to_string(rows) +
                                    " x " + std::to_string(columns));
    };
    fit(Q, "Q", n, n, true);
    fit(A_eq, "A_eq", b_eq.size(), n, b_eq.size() == 0);
    fit(A, "A", b.size(), n, b.size() == 0);
    fit(lower, "lower", n, 1, true);
    fit(upper, "upper", n, 1, true);
  }
  void check_symmetry() const {
    if (Q.size() == 0) return;
    const S allowed = 100 * std::numeric_limits<S>::epsilon() * Q.cwiseAbs().maxCoeff();
    for (Eigen::Index j = 0; j < Q.cols(); ++j)
      for (Eigen::Index i = 0; i < j; ++i)
        if (const S off = Q(i, j) - Q(j, i); off > allowed || off < -allowed)
          throw std::invalid_argument("QuadraticProgram::Q: must be symmetric, but Q(" + std::to_string(i) + ", " +
                                      std::to_string(j) + ") differs from Q(" + std::to_string(j) + ", " +
                                      std::to_string(i) + ") by " + detail::number_text(off));
  }

  /// The value at x.
  template <Point X>
  S operator()(const X& x) const {
    S value = c.dot(x);
    for (Eigen::Index j = 0; j < Q.cols(); ++j)
      if (x[j] != S(0)) value += S(0.5) * x[j] * Q.col(j).dot(x);
    return value;
  }

  /// The value at x; fills the gradient Qx + c.
  template <Point X>
  S operator()(const X& x, X& gradient) const {
    hessian_product(x, x, gradient);
    const S curved = gradient.dot(x);
    gradient += c;
    return S(0.5) * curved + c.dot(x);
  }

  /// out = Q v.
  template <Point X>
  void hessian_product(const X&, const X& v, X& out) const {
    if (Q.size() == 0)
      out.setZero(v.size());
    else
      out.noalias() = Q * v;
  }

  /// H = Q.
  template <Point X, class Out>
  void hessian(const X& x, Out& H) const {
    if (Q.size() == 0)
      H.setZero(x.size(), x.size());
    else
      H = Q;
  }

  [[nodiscard]] Eigen::Index equalities() const { return b_eq.size(); }
  [[nodiscard]] Eigen::Index inequalities() const { return b.size(); }

  /// The constraints A_eq x − b_eq (to be 0), then A x − b (to be at most 0).
  template <Point X>
  void constraints(const X& x, ConstraintsOf<X>& values) const {
    if (equalities() > 0) {
      values.head(equalities()).noalias() = A_eq * x;
      values.head(equalities()) -= b_eq;
    }
    if (inequalities() > 0) {
      values.tail(inequalities()).noalias() = A * x;
      values.tail(inequalities()) -= b;
    }
  }

  /// The same with their Jacobian.
  template <Point X>
  void constraints(const X& x, ConstraintsOf<X>& values, JacobianOf<X>& jacobian) const {
    constraints(x, values);
    if (equalities() > 0) jacobian.topRows(equalities()) = A_eq;
    if (inequalities() > 0) jacobian.bottomRows(inequalities()) = A;
  }

  /// out = 0: the constraints are linear.
  template <Point X>
  void constraints_hessian_product(const X& x, const ConstraintsOf<X>&, const X&, X& out) const {
    out.setZero(x.size());
  }

  /// The bounds, infinite where there are none.
  [[nodiscard]] Box<Eigen::VectorX<S>> box() const {
    constexpr S infinity = std::numeric_limits<S>::infinity();
    Box<Eigen::VectorX<S>> bounds;
    bounds.lower = lower.size() > 0 ? lower : Eigen::VectorX<S>(Eigen::VectorX<S>::Constant(size(), -infinity));
    bounds.upper = upper.size() > 0 ? upper : Eigen::VectorX<S>(Eigen::VectorX<S>::Constant(size(), infinity));
    return bounds;
  }
};

}  // namespace mesaopt
