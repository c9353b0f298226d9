#pragma once
// A nested objective with what an outer run would keep of it, to be driven by hand.

#include <algorithm>
#include <cmath>
#include <cstdint>

#include <Eigen/Core>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/nested/implicit.hpp>
#include <mesaopt/nested/nested.hpp>

/// ½|y − wanted|² + ½|x|² of the inner solution y, which is sought from 0, or from where the box is nearest to 0, the
/// first time, and from the last accepted solution then.
template <class G, class S>
struct NestedRun {
  using VectorXd = Eigen::VectorXd;
  struct Outer {
    double operator()(const VectorXd& x, const VectorXd& y) const {
      return (y - wanted(y.size())).squaredNorm() / 2 + x.squaredNorm() / 2;
    }
    double operator()(const VectorXd& x, const VectorXd& y, VectorXd& gx, VectorXd& gy) const {
      gx = x;
      gy = y - wanted(y.size());
      return (*this)(x, y);
    }
  };
  using Response = mesaopt::Response<mesaopt::Family<G>, S, mesaopt::Warm<VectorXd>>;
  using Objective = mesaopt::Nested<Outer, Response, mesaopt::Implicit>;

  Objective F;
  mesaopt::Calls<VectorXd, mesaopt::MemoryOf<Objective, VectorXd>> calls{};
  Outer outer{};
  VectorXd slope{};

  NestedRun(const G& g, const S& search, const VectorXd& x, const VectorXd& y)
      : F{{}, {{g}, search, {start(g, x, y)}}, {}} {}

  static VectorXd wanted(Eigen::Index n) {
    return VectorXd::NullaryExpr(n, [](Eigen::Index i) { return std::sin(double(i + 1)); });
  }
  static VectorXd start(const G& g, const VectorXd& x, const VectorXd& y) {
    VectorXd from = VectorXd::Zero(y.size());
    if constexpr (requires { g.box(x); }) {
      const auto box = g.box(x);
      from = from.cwiseMax(box.lower).cwiseMin(box.upper);
    }
    return from;
  }

  /// F(x); its gradient is in `slope`.
  mesaopt::Evaluation<double> gradient(const VectorXd& x) { return calls.gradient(F, x, slope); }
  /// What the last evaluation found is where the next one starts.
  void accept() { calls.accept(); }
  [[nodiscard]] std::uint64_t inner_iterations() const { return calls.counts[1].iterations; }

  VectorXd differences(const VectorXd& x, double h = 1e-5) {
    VectorXd out(x.size()), there = x;
    for (Eigen::Index j = 0; j < x.size(); ++j) {
      there[j] = x[j] + h;
      const double above = calls.value(F, there).value;
      there[j] = x[j] - h;
      out[j] = (above - calls.value(F, there).value) / (2 * h);
      there[j] = x[j];
    }
    return out;
  }
};
template <class G, class S>
NestedRun(const G&, const S&, const Eigen::VectorXd&, const Eigen::VectorXd&) -> NestedRun<G, S>;
