#pragma once

#include <algorithm>
#include <cmath>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>
#include <mesaopt/gradient/gauss_newton_step.hpp>
#include <mesaopt/gradient/linearized_residuals.hpp>

namespace mesaopt {

/// Steps of Powell's dogleg: along the way from 0 to the minimum of the linearized residuals down the gradient, and
/// from there to the Gauss-Newton step, as far as the trust radius allows. One factorization for each point.
///
/// Where the Jacobian has no full rank, the Gauss-Newton step is that of GaussNewtonStep. Powell (1970), "A hybrid
/// method for nonlinear equations"; Madsen, Nielsen & Tingleff (2004), "Methods for non-linear least squares problems",
/// algorithm 3.21.
struct DoglegStep {
  static constexpr bool starts_afresh = false;  ///< the radius is kept from step to step
  static constexpr bool handles_bounds = false;
  static constexpr const char* method = "PowellDogleg";

  template <Point X>
  struct Memory {
    ScalarOf<X> damping = 0;  ///< λ, where the Jacobian has no full rank
    X newton{}, cauchy{};     ///< scratch, as all that follows
    ScalarOf<X> newton_length = 0, cauchy_length = 0;
    bool whole = false;
    static constexpr auto fields() { return std::tuple{&Memory::damping}; }
  };

  template <Point X>
  void reserve(Eigen::Index n, Memory<X>& memory) const {
    for (X* vector : {&memory.newton, &memory.cauchy}) vector->resize(n);
  }

  /// Fills p, and returns |Dp|; 0 if there is no finite step. `count` is of factorizations.
  template <Point X, class Count>
  ScalarOf<X> operator()(detail::LinearizedResiduals<X>& model, const X& gradient, const X& scale, ScalarOf<X> radius,
                         bool fresh, Memory<X>& m, Count& count, X& p) const {
    using S = ScalarOf<X>;
    const auto product = [&scale](const X& a, const X& b) {
      S sum(0);
      for (Eigen::Index j = 0; j < a.size(); ++j) sum += scale[j] * scale[j] * a[j] * b[j];
      return sum;
    };
    if (fresh) {
      for (Eigen::Index j = 0; j < gradient.size(); ++j) m.cauchy[j] = -gradient[j] / (scale[j] * scale[j]);
      const S steepness = product(m.cauchy, m.cauchy), bend = model.curvature(m.cauchy);
      m.cauchy *= steepness / bend;
      m.cauchy_length = steepness / bend * std::sqrt(steepness);
      if (!std::isfinite(m.cauchy_length)) return 0;
      if (!detail::least_damped(model, gradient, scale, m.damping, count, m.newton)) m.newton = m.cauchy;
      m.newton_length = std::sqrt(product(m.newton, m.newton));
    }
    m.whole = m.newton_length <= radius;
    if (m.whole) {
      p = m.newton;
      return m.newton_length;
    }
    if (m.cauchy_length >= radius) {
      p = (radius / m.cauchy_length) * m.cauchy;
      return radius;
    }
    // |D (cauchy + t (newton − cauchy))| = radius.
    p = m.newton - m.cauchy;
    const S a = product(p, p), b = product(m.cauchy, p), c = radius * radius - m.cauchy_length * m.cauchy_length;
    const S root = std::sqrt(b * b + a * c), t = b > 0 ? c / (b + root) : (root - b) / a;
    p = m.cauchy + std::clamp(t, S(0), S(1)) * p;
    return radius;
  }

  /// What the model says that |r|²/2 falls by.
  template <Point X>
  ScalarOf<X> predicted(const detail::LinearizedResiduals<X>& model, const X& gradient, const X& p, ScalarOf<X>,
                        const Memory<X>&) const {
    return -gradient.dot(p) - model.curvature(p) / 2;
  }

  template <Point X>
  bool whole(const Memory<X>& memory) const {
    return memory.whole;
  }

  template <Point X>
  void rescale(Memory<X>&, ScalarOf<X>) const {}
};

}  // namespace mesaopt
