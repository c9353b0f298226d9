#pragma once

#include <cstdint>

#include <Eigen/Core>

#include <mesaopt/core/call.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/residuals.hpp>
#include <mesaopt/nested/outer.hpp>
#include <mesaopt/nested/response.hpp>

namespace mesaopt::detail {

/// Counts what a memory went through; assigning to it is one more event. So a record can tell whether it was made under
/// the memory as it is now.
struct Epoch {
  std::uint64_t count = 0;
  Epoch() = default;
  Epoch(const Epoch&) = default;
  Epoch& operator=(const Epoch&) {
    ++count;
    return *this;
  }
};

/// A response whose record is solved already, for a hypergradient to differentiate once more.
template <class R>
struct Solved : R {
  template <Point X>
  void solve(const X&, const typename R::template Memory<X>&, typename R::template Record<X>&, double = 0) const {}
};

/// Row i of derivatives by x and by y as the gradient of an outer objective.
template <class Jx, class Jy>
struct RowOf {
  const Jx& by_x;
  const Jy& by_y;
  Eigen::Index i;
  template <Point X, Point Y>
  ScalarOf<X> operator()(const X&, const Y&, X& gx, Y& gy) const {
    gx = by_x.row(i).transpose();
    gy = by_y.row(i).transpose();
    return 0;
  }
};

/// What a call of such a row works in: the nested objective's own record, but for what the outer objective and the
/// hypergradient keep.
template <class H, class R, Point X>
struct RowMemory {
  using Y = typename R::template Y<X>;
  using OfHypergradient = typename HypergradientMemory<H, RowOf<JacobianOf<X>, JacobianOf<Y>>, Solved<R>, X>::type;
  struct Record {
    typename R::template Record<X>& response;
    Y& outer_y;
    X& mixed;
    Empty nothing{};
    typename OfHypergradient::Record hypergradient{};
    Call<Nothing> outer_call(const Call<RowMemory>& call) { return {call.memory.outer, nothing}; }
  };
  const typename R::template Memory<X>& response;
  Nothing outer{};
  OfHypergradient hypergradient{};
};

/// Room for Jacobians of what an outer objective gives beside its value.
template <Point X, Point Y>
struct JacobianScratch {
  JacobianOf<X> by_x{};
  JacobianOf<Y> by_y{};
  Eigen::MatrixX<ScalarOf<X>> dy{};  ///< dy/dx
  X row{}, direction{};
  Y adjoint{}, column{};
};

/// True for hypergradients that leave a factorization of the inner Hessian in the record, of which all of dy/dx
/// follows.
template <class H>
inline constexpr bool factors_hessian = requires(const H& h) {
  h.dense_limit;
  h.accept_residual;
};

/// J = by_x + by_y dy/dx at the inner solution that `record` holds, of as many rows as by_x and by_y have.
///
/// Few rows are made by one adjoint each; where they outnumber the outer variables, dy/dx is made once: from the
/// factorized inner Hessian H column by column, dy/dx_j = −H⁻¹ ∂²g/∂y∂x_j, else row by row by adjoints, or again by one
/// adjoint for every row of J if these are fewer. What is not differentiable is NaN. Answers the worst evaluation met.
template <class H, class R, Point X>
Evaluation<ScalarOf<X>> total_jacobian(const H& hypergradient, const R& response, const X& x,
                                       const typename R::template Memory<X>& memory,
                                       typename R::template Record<X>& record, typename R::template Y<X>& outer_y,
                                       X& mixed, JacobianScratch<X, typename R::template Y<X>>& s, JacobianOf<X>& J) {
  using S = ScalarOf<X>;
  using Y = typename R::template Y<X>;
  using M = RowMemory<H, R, X>;
  const M rows{memory};
  typename M::Record mine{record, outer_y, mixed};
  const Call<M> call{rows, mine};
  const Solved<R> solved{response};
  const Eigen::Index n = x.size(), m = best_point(record.run).size(), count = J.rows();
  // The adjoint that the next outer point starts from is that of the value.
  const bool known = record.adjoint_known;
  s.adjoint = record.adjoint;
  Evaluation<S> worst(S(0));
  s.row.resize(n);
  const auto differentiate = [&](const auto& outer) {
    const Evaluation<S> evaluation = hypergradient.pull(outer, solved, x, call, s.row);
    if (evaluation.verdict >= worst.verdict) worst = evaluation;
  };

  if (count <= n) {
    for (Eigen::Index i = 0; i < count; ++i) {
      differentiate(RowOf<JacobianOf<X>, JacobianOf<Y>>{s.by_x, s.by_y, i});
      J.row(i) = s.row.transpose();
    }
  } else {
    s.dy.resize(m, n);
    Eigen::Index done = 0;
    const auto row_of_dy = [&](Eigen::Index i) {
      struct Coordinate {
        Eigen::Index i;
        ScalarOf<X> operator()(const X&, const Y&, X& gx, Y& gy) const {
          gx.setZero();
          gy.setZero();
          gy[i] = 1;
          return 0;
        }
      };
      differentiate(Coordinate{i});
      s.dy.row(i) = s.row.transpose();
    };
    row_of_dy(done++);
    bool by_columns = false;
    if constexpr (factors_hessian<H> && !R::template Types<X>::restricted)
      by_columns = record.factored && record.factor_exact && worst.differentiable();
    if (by_columns) {
      auto& calls = record.run.state.calls;
      s.direction.setZero(n);
      for (Eigen::Index j = 0; j < n; ++j) {
        s.direction[j] = 1;
        mixed_direction(response.objective, x, best_point(record.run), s.direction, s.column, record.moved,
                        record.scratch, calls);
        solve_factorized(record.factor, s.column);
        s.dy.col(j) = -s.column;
        s.direction[j] = 0;
      }
      R::collect(record);
    } else if (m <= count) {
      while (done < m) row_of_dy(done++);
    }
    if (by_columns || m <= count) {
      J = s.by_x;
      J.noalias() += s.by_y.lazyProduct(s.dy);
    } else {
      for (Eigen::Index i = 0; i < count; ++i) {
        differentiate(RowOf<JacobianOf<X>, JacobianOf<Y>>{s.by_x, s.by_y, i});
        J.row(i) = s.row.transpose();
      }
    }
  }
  record.adjoint = s.adjoint;
  record.adjoint_known = known;
  return worst;
}

}  // namespace mesaopt::detail
