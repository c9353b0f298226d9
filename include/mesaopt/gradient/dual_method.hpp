#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/core/status.hpp>
#include <mesaopt/gradient/entering.hpp>
#include <mesaopt/gradient/settling.hpp>
#include <mesaopt/gradient/working_set.hpp>

namespace mesaopt::detail {

/// A dual active-set method for convex quadratic programs, one change of the working set W at a time: W is settled
/// (settling.hpp), then what is violated enters (entering.hpp), until nothing is violated. Either way the dual value
/// rises, so that no W returns.
///
/// Where Q is singular, a sequence of proximal points takes its place, x⁺ = argmin of the program + ½ (x − x°)'D(x −
/// x°): Rockafellar (1976), "Monotone operators and the proximal point algorithm", as Arnström et al. (2022) do,
/// section IV. D is small, and W, factors and multipliers persist from one to the next, so that few are needed.
template <class S>
struct DualMethod {
  using Index = Eigen::Index;
  using Vector = Eigen::VectorX<S>;
  static constexpr S epsilon = std::numeric_limits<S>::epsilon();

  WorkingSet<S> set{};
  Settling<S> settling{};
  Entering<S> entering{};
  Vector infeasibility{};  ///< multipliers of the constraints, then of the bounds, that prove it
  Vector ray{};            ///< a direction that proves that the program is unbounded
  Status status = Status::running;
  bool settles = true;           ///< W is to be settled next
  bool settled = false;          ///< nothing happened since it was
  std::uint64_t iterations = 0;  ///< changes of W
  std::uint64_t changes = 0;     ///< ... since it was settled
  std::uint64_t rounds = 0;      ///< how often it was settled again for want of digits: makes tolerances wider
  std::uint64_t centres = 0;     ///< proximal points
  S pull = 0;                    ///< of the last one: largest entry of D(x − x°)

  static constexpr auto fields() {
    using D = DualMethod;
    return std::tuple{&D::set,    &D::settling, &D::entering, &D::infeasibility, &D::ray,
                      &D::status, &D::settles,  &D::settled,  &D::iterations,    &D::changes,
                      &D::rounds, &D::centres,  &D::pull};
  }

  /// Begins with the program, the active set, the point and the multipliers that are in `set`, which all have the right
  /// sizes; multipliers that are all 0 are unknown ones.
  void begin(S tolerance) {
    const Index n = set.size(), m = set.count();
    infeasibility.setZero(n + m);
    ray.setZero(n);
    status = Status::running;
    settles = true;
    settled = false;
    iterations = changes = rounds = centres = 0;
    pull = std::numeric_limits<S>::infinity();
    settling.begin(n);
    entering.begin();
    prepare();
    Index broken = -1;
    const Status trouble = set.begin(tolerance, broken);
    if (trouble == Status::running) return;
    // The certificate has one multiplier for the two bounds of a variable: where they contradict each other it can only
    // name the variable.
    if (broken >= 0) infeasibility[broken] = broken < m && set.data.sides[broken] > 0 ? S(-1) : S(1);
    status = trouble;
  }

  /// Goes on until W has changed once, or the program is solved, or proves to have no solution.
  void advance(S tolerance) {
    if (settling.x.size() != set.size()) {
      prepare();
      set.prepare();
    }
    const std::uint64_t before = iterations;
    while (status == Status::running && iterations == before) {
      const S allowed = std::ldexp(tolerance, int(std::min<std::uint64_t>(rounds, 12)));
      if (settles)
        settle(tolerance, allowed);
      else if (entering.which >= 0 || entering.choose(set, allowed))
        enter(tolerance);
      else
        conclude(tolerance);
    }
  }

  /// Has W settled again, as the program has moved by a little.
  void unsettle() {
    status = Status::running;
    settles = true;
    settled = false;
  }

 private:
  static constexpr std::uint64_t most_rounds = 40, most_centres = 2000;

  void end(Status why) { status = why; }

  void prepare() {
    settling.prepare(set.size(), set.count());
    entering.prepare(set.size(), set.count());
  }

  /// Settles anew with new factors, as digits are wanting.
  void restart() {
    entering.abandon(set);
    unsettle();
    changes = 0;
    if (++rounds > most_rounds || !set.build()) end(Status::stalled);
  }

  void settle(S tolerance, S allowed) {
    switch (settling(set, tolerance, allowed)) {
      case Settling<S>::Outcome::settled:
        settles = false;
        settled = true;
        changes = 0;
        return;
      case Settling<S>::Outcome::blocked: return remove(settling.blocking);
      case Settling<S>::Outcome::inaccurate: break;
    }
    // Fresh factors may help, or a regular Q, or fewer digits have to do.
    const bool fresh = set.factors.updates <= std::uint64_t(set.factors.count());
    if (fresh && set.data.singular && !(settling.error <= std::sqrt(allowed))) return end(Status::stalled);
    if (fresh && !set.data.singular) set.regularize();
    restart();
  }

  void enter(S tolerance) {
    switch (entering(set)) {
      case Entering<S>::Outcome::entered: count_change(); break;
      case Entering<S>::Outcome::blocked: remove(entering.blocking); break;
      case Entering<S>::Outcome::contradicts:
        if (entering.prove(set, tolerance, settling.residual, infeasibility)) return end(Status::infeasible);
        return restart();
    }
    // In exact arithmetic no W returns, so this many changes are those of rounding.
    if (changes > std::uint64_t(20 * (set.size() + set.count()) + 100)) restart();
  }

  void count_change() {
    ++iterations;
    ++changes;
    settled = false;
  }

  void remove(Index which) {
    count_change();
    if (set.remove(which)) return;
    // Q is singular on the free variables, though it did not seem so as a whole.
    if (!set.data.singular) set.regularize();
    restart();
  }

  /// Nothing is violated: settles once more for the digits, or goes on to the next proximal point, or ends.
  void conclude(S tolerance) {
    if (!settled) {
      settles = true;
      if (++rounds > most_rounds) end(Status::stalled);
      return;
    }
    const auto& p = set.data;
    if (!p.singular) return end(Status::converged);
    // To the last digits, so that the next solve from here stays here, also where Q is flat and x may move at no cost.
    const S pulls = (p.shift.array() * (set.x - set.centre).array()).abs().maxCoeff(), last = pull;
    pull = pulls;
    if (pulls <= 16 * epsilon * settling.scale || (pulls <= tolerance * settling.scale && pulls > last / 4))
      return end(Status::converged);
    if (descends()) return end(Status::unbounded);
    if (++centres > most_centres) return end(Status::stalled);
    set.centre = set.x;
    rounds = 0;
    settles = true;
  }

  /// Whether the last proximal step leads down for ever, within all constraints: then it is the ray.
  bool descends() {
    const auto& p = set.data;
    const S rounding = 1000 * S(set.size()) * epsilon;
    Vector& d = settling.x;
    d = set.x - set.centre;
    const S length = d.cwiseAbs().maxCoeff();
    if (!(length > 0)) return false;
    d /= length;
    for (Index i = 0; i < set.size(); ++i) {
      if (std::abs(d[i]) <= rounding) d[i] = 0;
      if (d[i] != S(0) && std::isfinite(d[i] < 0 ? p.lower[i] : p.upper[i])) return false;
    }
    if (!(p.c.dot(d) < -rounding * p.c.cwiseAbs().maxCoeff())) return false;
    p.multiply(d, settling.curved);
    if (!(settling.curved.cwiseAbs().maxCoeff() <= rounding * p.largest)) return false;
    for (Index k = 0; k < set.count(); ++k) {
      const S along = p.normals.col(k).dot(d), most = rounding * p.norms[k];
      if (along > most || (!p.inequality(k) && along < -most)) return false;
    }
    ray = d;
    return true;
  }
};

}  // namespace mesaopt::detail
