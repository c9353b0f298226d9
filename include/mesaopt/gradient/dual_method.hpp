#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/core/status.hpp>
#include <mesaopt/gradient/working_set.hpp>

namespace mesaopt::detail {

enum class DualStage : std::uint8_t {
  settle,  ///< the multipliers are to become those of the working set, which may lose constraints on the way
  enter,   ///< what is violated is to come in
  done
};

/// A dual active-set method for convex quadratic programs, one change of the working set W at a time.
///
/// From a W whose multipliers have the right signs, what is violated most comes in along the path of Goldfarb & Idnani
/// (1983), "A numerically stable dual method for solving strictly convex quadratic programs", section 3: its multiplier
/// grows, those of W follow, and whichever would change sign leaves. The dual value rises with each that comes in, so
/// no W returns. From any other W, such as that of a similar program, the multipliers first go straight from given ones
/// towards those of W, and what they meet on the way at 0 leaves: Arnström, Bemporad & Axehill (2022), "A dual
/// active-set solver for embedded quadratic programming using recursive LDL' updates", algorithm 1. The dual value
/// rises there, too.
///
/// Where Q is singular, a sequence of proximal points takes its place, x⁺ = argmin of the program + ½ (x − x°)'D(x −
/// x°): Rockafellar (1976), "Monotone operators and the proximal point algorithm"; as in section IV of Arnström et al.
/// D is small, and W, factors and multipliers persist from one to the next.
template <class S>
struct DualMethod {
  using Index = Eigen::Index;
  using Vector = Eigen::VectorX<S>;
  static constexpr S epsilon = std::numeric_limits<S>::epsilon();

  WorkingSet<S> set{};
  Vector infeasibility{};  ///< multipliers of the constraints, then of the bounds, that prove it
  Vector ray{};            ///< a direction that proves that the program is unbounded
  S value = 0;             ///< ½ x'Qx + c'x where W was settled last
  Vector gradient{};       ///< Qx + c there
  S scale = 0;             ///< of the terms of the gradient there
  S error = 0;             ///< of stationarity there relative to that, and of W relative to x
  Status status = Status::running;
  DualStage stage = DualStage::settle;
  bool settled = false;          ///< nothing happened since
  Index entering = -1;           ///< the constraint that comes in, or m + the variable whose bound does; −1: none
  S sign = 1;                    ///< of that: −1 if what is violated is a lower bound or side
  std::uint64_t iterations = 0;  ///< changes of W
  std::uint64_t rounds = 0;      ///< how often W was settled again for want of digits: makes tolerances wider
  std::uint64_t changes = 0;     ///< of W since it was settled
  std::uint64_t centres = 0;     ///< proximal points

  Vector t_x{}, t_multipliers{}, t_bounds{}, residual{}, curved{}, pulled{}, side{}, rates{}, slack{};  ///< scratch

  static constexpr auto fields() {
    using D = DualMethod;
    return std::tuple{&D::set,    &D::infeasibility, &D::ray,     &D::value,   &D::gradient, &D::scale,
                      &D::error,  &D::status,        &D::stage,   &D::settled, &D::entering, &D::sign,
                      &D::rounds, &D::iterations,    &D::changes, &D::centres};
  }

  /// Begins with the program, the active set, the point and the multipliers that are in `set`, which all have the right
  /// sizes; multipliers that are all 0 are unknown ones.
  void begin(S tolerance) {
    const Index n = set.size(), m = set.count();
    infeasibility.setZero(n + m);
    ray.setZero(n);
    gradient.setZero(n);
    value = scale = error = 0;
    status = Status::running;
    stage = DualStage::settle;
    settled = false;
    entering = -1;
    sign = 1;
    iterations = rounds = changes = centres = 0;
    prepare();
    Index broken = -1;
    const Status trouble = set.begin(tolerance, broken);
    if (trouble == Status::running) return;
    // The certificate has one multiplier for the two bounds of a variable: where they contradict each other it can only
    // name the variable.
    if (broken >= 0) infeasibility[broken] = broken < m && set.data.sides[broken] > 0 ? S(-1) : S(1);
    end(trouble);
  }

  /// Goes on until W has changed once, or the program is solved, or proves to have no solution.
  void advance(S tolerance) {
    if (t_x.size() != set.size()) {
      prepare();
      set.prepare();
    }
    const std::uint64_t before = iterations;
    while (status == Status::running && iterations == before) {
      if (stage == DualStage::settle)
        settle(tolerance);
      else if (entering >= 0 || choose(widened(tolerance)))
        enter(tolerance);
      else
        conclude(tolerance);
    }
  }

 private:
  static constexpr std::uint64_t most_rounds = 40, most_centres = 2000;

  [[nodiscard]] S widened(S tolerance) const { return std::ldexp(tolerance, int(std::min<std::uint64_t>(rounds, 12))); }

  void end(Status why) {
    status = why;
    stage = DualStage::done;
  }

  void prepare() {
    const Index n = set.size(), m = set.count();
    for (Vector* v : {&t_x, &t_bounds, &residual, &curved, &pulled, &rates}) v->resize(n);
    for (Vector* v : {&t_multipliers, &slack}) v->resize(m);
    side.resize(std::min(n, m));
  }

  /// Settles anew with new factors, as digits are wanting.
  void restart() {
    if (entering >= set.count())
      set.bound_multipliers[entering - set.count()] = 0;
    else if (entering >= 0)
      set.multipliers[entering] = 0;
    entering = -1;
    stage = DualStage::settle;
    settled = false;
    if (++rounds > most_rounds || !set.build()) end(Status::stalled);
  }

  /// The gradient of the Lagrangian but for the multipliers of bounds, at t_x and t_multipliers, into `residual`. The
  /// answer is the scale of its terms.
  S differentiate() {
    const auto& p = set.data;
    p.multiply(t_x, curved);
    pulled.setZero();
    for (const Index k : set.factors.working) pulled += t_multipliers[k] * p.normals.col(k);
    residual = curved + p.c + pulled;
    if (set.singular) residual.array() += set.shift.array() * (t_x - set.centre).array();
    // The terms of Qx may cancel, so its own size says nothing of its rounding.
    return std::max({set.largest * t_x.cwiseAbs().maxCoeff(), p.c.cwiseAbs().maxCoeff(), pulled.cwiseAbs().maxCoeff()});
  }

  /// Fills `side` with what the constraints of W lack at t_x. The answer is the largest of it, relative to its terms.
  S lack(S tolerance) {
    const auto& p = set.data;
    const S size_of_x = set.length(t_x, tolerance);
    S worst = 0;
    for (std::size_t k = 0; k < set.factors.working.size(); ++k) {
      const Index which = set.factors.working[k];
      side[Index(k)] = p.sides[which] - p.normals.col(which).dot(t_x);
      const S size = std::abs(p.sides[which]) + set.norms[which] * size_of_x;
      if (size > 0) worst = std::max(worst, std::abs(side[Index(k)]) / size);
    }
    return worst;
  }

  /// Moves the multipliers to those of W where they have the right signs; else as far as they go, and takes out what is
  /// in the way.
  void settle(S tolerance) {
    const Index n = set.size();
    const S allowed = widened(tolerance);
    for (Index i = 0; i < n; ++i) t_x[i] = set.at(i) == 0 ? set.x[i] : set.bound(i);
    t_multipliers = set.multipliers;
    S last = std::numeric_limits<S>::infinity();
    constexpr int passes = 8;
    for (int pass = 0; pass < passes; ++pass) {
      scale = differentiate();
      S wrong = 0;
      for (const Index i : set.factors.free) wrong = std::max(wrong, std::abs(residual[i]));
      wrong = std::max(scale > 0 ? wrong / scale : S(0), lack(tolerance));
      error = wrong;
      if (!std::isfinite(wrong)) break;
      for (Index i = 0; i < n; ++i) t_bounds[i] = set.at(i) == 0 ? S(0) : residual[i];
      // Half of the digits are enough to see what is far on the wrong side.
      if (pass == 1 && block(std::sqrt(epsilon))) return;
      if (wrong <= 32 * epsilon || (pass > 0 && wrong <= tolerance && wrong > last / 4)) break;
      last = wrong;
      if (pass + 1 == passes) break;
      set.factors.gather(residual, set.a);
      set.factors.solve(set.a, side);
      for (std::size_t i = 0; i < set.factors.free.size(); ++i) t_x[set.factors.free[i]] += set.a[Index(i)];
      for (std::size_t k = 0; k < set.factors.working.size(); ++k)
        t_multipliers[set.factors.working[k]] += side[Index(k)];
    }
    if (!(error <= allowed)) return repair(allowed);
    if (block(allowed)) return;
    set.x = t_x;
    for (const Index k : set.factors.working)
      set.multipliers[k] = set.data.inequality(k) ? std::max(t_multipliers[k], S(0)) : t_multipliers[k];
    for (Index i = 0; i < n; ++i) {
      set.bound_multipliers[i] = t_bounds[i];
      set.clip(i, set.bound_multipliers[i]);
    }
    gradient = curved + set.data.c;
    value = S(0.5) * set.x.dot(curved) + set.data.c.dot(set.x);
    settled = true;
    changes = 0;
    stage = DualStage::enter;
  }

  /// The factors do not give the digits that are wanted: fresh ones may, or a regular Q, or fewer digits have to do.
  void repair(S allowed) {
    const bool fresh = set.factors.updates <= std::uint64_t(set.factors.count());
    if (fresh && set.singular && !(error <= std::sqrt(allowed))) return end(Status::stalled);
    if (fresh && !set.singular) set.regularize();
    restart();
  }

  /// Whether multipliers t are of the wrong sign by more than `allowed`: then goes towards them until the first of
  /// these is 0, and takes it out of W.
  bool block(S allowed) {
    const S least = allowed * scale;
    S most = 0, known = 0;
    bool any = false;
    const auto wrong_constraint = [&](Index k) {
      return set.data.inequality(k) && t_multipliers[k] * set.norms[k] < -least;
    };
    const auto wrong_bound = [&](Index i) {
      return set.held(i) && (set.at(i) < 0 ? t_bounds[i] < -least : t_bounds[i] > least);
    };
    for (const Index k : set.factors.working) {
      if (!set.data.inequality(k)) continue;
      most = std::max(most, std::abs(t_multipliers[k]) * set.norms[k]);
      known = std::max(known, set.multipliers[k]);
      any = any || wrong_constraint(k);
    }
    for (Index i = 0; i < set.size(); ++i) {
      if (!set.held(i)) continue;
      most = std::max(most, std::abs(t_bounds[i]));
      known = std::max(known, std::abs(set.bound_multipliers[i]));
      any = any || wrong_bound(i);
    }
    if (!any) return false;
    if (known == S(0)) {  // unknown ones: from equal ones the most negative is met first
      for (const Index k : set.factors.working)
        if (set.data.inequality(k)) set.multipliers[k] = most / set.norms[k];
      for (Index i = 0; i < set.size(); ++i)
        if (set.held(i)) set.bound_multipliers[i] = set.at(i) < 0 ? most : -most;
    }
    Nearest nearest;
    for (const Index k : set.factors.working)
      if (wrong_constraint(k)) {
        const S to = -t_multipliers[k] * set.norms[k], from = set.multipliers[k] * set.norms[k];
        nearest.meet(from / (from + to), to, k);
      }
    for (Index i = 0; i < set.size(); ++i)
      if (wrong_bound(i)) {
        const S to = std::abs(t_bounds[i]), from = std::abs(set.bound_multipliers[i]);
        nearest.meet(from / (from + to), to, set.count() + i);
      }
    for (const Index k : set.factors.working) {
      S& multiplier = set.multipliers[k];
      multiplier += nearest.step * (t_multipliers[k] - multiplier);
      if (set.data.inequality(k)) multiplier = std::max(multiplier, S(0));
    }
    for (Index i = 0; i < set.size(); ++i) {
      S& multiplier = set.bound_multipliers[i];
      multiplier += nearest.step * (t_bounds[i] - multiplier);
      set.clip(i, multiplier);
    }
    for (const Index i : set.factors.free) set.x[i] = t_x[i];
    remove(nearest.first);
    return true;
  }

  /// What is met first on a way; of several, the one that is met most steeply.
  struct Nearest {
    S step = std::numeric_limits<S>::infinity();
    S slope = 0;
    Index first = -1;
    void meet(S at, S steepness, Index which) {
      if (!(at < step || (at == step && first >= 0 && steepness > slope))) return;
      step = at;
      slope = steepness;
      first = which;
    }
  };

  /// Takes a constraint, or m + the variable whose bound it is, out of W.
  void remove(Index which) {
    count_change();
    if (which < set.count()) {
      set.drop(which);
    } else if (!set.release(which - set.count())) {
      // Q is singular on the free variables, though it did not seem so as a whole.
      if (!set.singular) set.regularize();
      restart();
    }
  }

  void count_change() {
    ++iterations;
    ++changes;
    settled = false;
  }

  /// Chooses what is violated most, of the equations first, to come into W. False if nothing is violated.
  bool choose(S allowed) {
    const auto& p = set.data;
    const S size_of_x = set.length(set.x, allowed);
    slack.noalias() = p.normals.transpose() * set.x;
    S worst = 0;
    const auto offer = [&](S violation, S size, Index which, S direction) {
      if (!(violation > worst && violation > allowed * size)) return;
      worst = violation;
      entering = which;
      sign = direction;
    };
    for (Index k = 0; k < set.count(); ++k) {
      if (k == p.equalities && entering >= 0) break;
      if (set.holds(k) || set.norms[k] == S(0)) continue;
      const S beyond = (slack[k] - p.sides[k]) / set.norms[k], size = std::abs(p.sides[k]) / set.norms[k] + size_of_x;
      if (p.inequality(k) || beyond > 0)
        offer(beyond, size, k, S(1));
      else
        offer(-beyond, size, k, S(-1));
    }
    if (entering >= 0 && !p.inequality(entering)) return true;
    for (const Index i : set.factors.free) {
      if (set.x[i] < p.lower[i])
        offer(p.lower[i] - set.x[i], std::abs(p.lower[i]) + size_of_x, set.count() + i, S(-1));
      else if (set.x[i] > p.upper[i])
        offer(set.x[i] - p.upper[i], std::abs(p.upper[i]) + size_of_x, set.count() + i, S(1));
    }
    return entering >= 0;
  }

  /// One step of Goldfarb & Idnani: what is entering comes in, or what stands in its way leaves.
  void enter(S tolerance) {
    const auto& p = set.data;
    auto& factors = set.factors;
    const Index m = set.count(), nf = factors.size(), q = factors.count(), variable = entering - m;
    const bool is_bound = entering >= m;
    S violation;
    if (is_bound) {
      violation = sign > 0 ? set.x[variable] - p.upper[variable] : p.lower[variable] - set.x[variable];
      set.project_bound(variable);
    } else {
      violation = sign * (p.normals.col(entering).dot(set.x) - p.sides[entering]);
      set.project(entering);
    }
    const bool dependent = set.depends();
    S curvature = 0;
    if (!dependent) {
      curvature = set.d.segment(q, nf - q).squaredNorm();
      factors.direct(set.d, set.z);
    }
    differentiate_rates(dependent);

    // Per unit of its multiplier x moves by −z, and the multipliers of W fall by r and those of its bounds rise by the
    // rates, all by the sign of what enters.
    S noise = rates.cwiseAbs().maxCoeff();
    for (Index k = 0; k < q; ++k)
      noise = std::max(noise, std::abs(set.r[k]) * set.norms[factors.working[std::size_t(k)]]);
    noise *= 16 * epsilon;
    Nearest nearest;
    if (!dependent) nearest.step = std::max(violation, S(0)) / curvature;
    for (Index k = 0; k < q; ++k) {
      const Index which = factors.working[std::size_t(k)];
      const S fall = sign * set.r[k] * set.norms[which];
      if (p.inequality(which) && fall > noise)
        nearest.meet(set.multipliers[which] * set.norms[which] / fall, fall, which);
    }
    if (set.bounded > 0)
      for (Index i = 0; i < set.size(); ++i) {
        if (!set.held(i)) continue;
        const S fall = set.at(i) < 0 ? -sign * rates[i] : sign * rates[i];
        if (fall > noise) nearest.meet(std::abs(set.bound_multipliers[i]) / fall, fall, m + i);
      }
    if (!std::isfinite(nearest.step)) return contradict(tolerance);

    const S step = sign * nearest.step;
    if (!dependent)
      for (Index i = 0; i < nf; ++i) set.x[factors.free[std::size_t(i)]] -= step * set.z[i];
    for (Index k = 0; k < q; ++k) {
      const Index which = factors.working[std::size_t(k)];
      set.multipliers[which] -= step * set.r[k];
      if (p.inequality(which)) set.multipliers[which] = std::max(set.multipliers[which], S(0));
    }
    if (nf < set.size())
      for (Index i = 0; i < set.size(); ++i) {
        if (set.at(i) == 0) continue;
        set.bound_multipliers[i] += step * rates[i];
        set.clip(i, set.bound_multipliers[i]);
      }
    (is_bound ? set.bound_multipliers[variable] : set.multipliers[entering]) += is_bound ? -step : step;

    if (nearest.first >= 0) {
      remove(nearest.first);
    } else {
      count_change();
      if (is_bound)
        set.fix(variable, sign > 0 ? std::int8_t(1) : std::int8_t(-1));
      else
        set.add(entering);
      entering = -1;
    }
    // In exact arithmetic no W returns, so this many changes are those of rounding.
    if (changes > std::uint64_t(20 * (set.size() + m) + 100)) {
      changes = 0;
      restart();
    }
  }

  /// Fills `rates` with what multipliers of bounds in W gain per unit of the multiplier of what enters, were its
  /// sign 1.
  void differentiate_rates(bool dependent) {
    rates.setZero();
    const auto& p = set.data;
    const auto& factors = set.factors;
    const Index n = set.size(), nf = factors.size();
    if (nf == n) return;
    if (!dependent) {
      if (2 * nf < n) {
        for (Index i = 0; i < nf; ++i) rates -= set.z[i] * p.Q.col(factors.free[std::size_t(i)]);
      } else {
        t_x.setZero();
        for (Index i = 0; i < nf; ++i) t_x[factors.free[std::size_t(i)]] = set.z[i];
        for (Index i = 0; i < n; ++i)
          if (set.at(i) != 0) rates[i] = -p.Q.col(i).dot(t_x);
      }
    }
    for (Index k = 0; k < factors.count(); ++k) rates -= set.r[k] * p.normals.col(factors.working[std::size_t(k)]);
    if (entering < set.count()) rates += p.normals.col(entering);
    for (const Index i : factors.free) rates[i] = 0;
  }

  /// What is violated seems to contradict W: ends with the proof, if the numbers of the program bear it out. x does not
  /// count, as it has seen rounding.
  void contradict(S tolerance) {
    const auto& p = set.data;
    const Index m = set.count();
    infeasibility.setZero();
    infeasibility[entering] = entering < m ? sign : -sign;
    for (Index k = 0; k < set.factors.count(); ++k) {
      const Index which = set.factors.working[std::size_t(k)];
      infeasibility[which] = p.inequality(which) ? std::max(-sign * set.r[k], S(0)) : -sign * set.r[k];
    }
    for (Index i = 0; i < set.size(); ++i)
      if (set.at(i) != 0) {
        infeasibility[m + i] = sign * rates[i];
        set.clip(i, infeasibility[m + i]);
      }
    // The gradients, so combined, cancel, but the sides do not.
    residual = -infeasibility.tail(set.size());
    S steep = residual.cwiseAbs().maxCoeff(), gap = 0, size = 0;
    for (Index k = 0; k < m; ++k) {
      const S y = infeasibility[k];
      if (y == S(0)) continue;
      residual += y * p.normals.col(k);
      steep = std::max(steep, std::abs(y) * set.norms[k]);
      gap -= y * p.sides[k];
      size = std::max(size, std::abs(y * p.sides[k]));
    }
    for (Index i = 0; i < set.size(); ++i) {
      const S y = infeasibility[m + i];
      if (y == S(0)) continue;
      const S bound = y > 0 ? p.lower[i] : p.upper[i];
      gap += y * bound;
      size = std::max(size, std::abs(y * bound));
    }
    const S left = residual.cwiseAbs().maxCoeff(), n = S(set.size());
    if (left <= std::sqrt(epsilon) * steep && gap > tolerance * size + 10 * n * left * set.x.cwiseAbs().maxCoeff())
      return end(Status::infeasible);
    infeasibility.setZero();
    restart();
  }

  /// Nothing is violated: settles once more for the digits, or goes on to the next proximal point, or ends.
  void conclude(S tolerance) {
    if (!settled) {
      stage = DualStage::settle;
      if (++rounds > most_rounds) end(Status::stalled);
      return;
    }
    if (!set.singular) return end(Status::converged);
    const S pull = (set.shift.array() * (set.x - set.centre).array()).abs().maxCoeff();
    if (pull <= tolerance * scale) return end(Status::converged);
    if (descends()) return end(Status::unbounded);
    if (++centres > most_centres) return end(Status::stalled);
    set.centre = set.x;
    rounds = 0;
    stage = DualStage::settle;
  }

  /// Whether the last proximal step leads down for ever, within all constraints: then it is the ray.
  bool descends() {
    const auto& p = set.data;
    const S rounding = 1000 * S(set.size()) * epsilon;
    t_x = set.x - set.centre;
    const S length = t_x.cwiseAbs().maxCoeff();
    if (!(length > 0)) return false;
    t_x /= length;
    for (Index i = 0; i < set.size(); ++i) {
      if (std::abs(t_x[i]) <= rounding) t_x[i] = 0;
      if (std::isfinite(t_x[i] < 0 ? p.lower[i] : p.upper[i]) && t_x[i] != S(0)) return false;
    }
    if (!(p.c.dot(t_x) < -rounding * p.c.cwiseAbs().maxCoeff())) return false;
    p.multiply(t_x, curved);
    if (!(curved.cwiseAbs().maxCoeff() <= rounding * set.largest)) return false;
    for (Index k = 0; k < set.count(); ++k) {
      const S along = p.normals.col(k).dot(t_x), most = rounding * set.norms[k];
      if (along > most || (!p.inequality(k) && along < -most)) return false;
    }
    ray = t_x;
    return true;
  }
};

}  // namespace mesaopt::detail
