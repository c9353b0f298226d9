// What every gradient method promises: points of fixed size never touch the heap, and a run can begin with what another
// one learnt. One objective, of one size, so that each method is compiled once.

#include <cstdint>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/gradient/adam.hpp>
#include <mesaopt/gradient/ams_grad.hpp>
#include <mesaopt/gradient/barzilai_borwein.hpp>
#include <mesaopt/gradient/bfgs.hpp>
#include <mesaopt/gradient/dogleg.hpp>
#include <mesaopt/gradient/fista.hpp>
#include <mesaopt/gradient/gradient_descent.hpp>
#include <mesaopt/gradient/lbfgs.hpp>
#include <mesaopt/gradient/lbfgsb.hpp>
#include <mesaopt/gradient/lion.hpp>
#include <mesaopt/gradient/momentum.hpp>
#include <mesaopt/gradient/more_sorensen.hpp>
#include <mesaopt/gradient/newton.hpp>
#include <mesaopt/gradient/newton_cg.hpp>
#include <mesaopt/gradient/nonlinear_conjugate_gradient.hpp>
#include <mesaopt/gradient/proximal_gradient.hpp>
#include <mesaopt/gradient/rms_prop.hpp>
#include <mesaopt/gradient/steepest_descent.hpp>
#include <mesaopt/gradient/steihaug.hpp>
#include <mesaopt/objective/bounds.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;

namespace {

using X = Eigen::Vector<double, 6>;

/// (x − 1)'A(x − 1)/2 with curvatures from 1 to 1e4, coupled, and their derivatives.
struct Valley {
  Eigen::Matrix<double, 6, 6> A;

  Valley() {
    const X u = X::LinSpaced(-1, 2).normalized();
    const Eigen::Matrix<double, 6, 6> mirror = Eigen::Matrix<double, 6, 6>::Identity() - 2 * u * u.transpose();
    A = mirror * X(1, 7, 50, 300, 2000, 10000).asDiagonal() * mirror;
  }
  double operator()(const X& x, X& gradient) const {
    for (Eigen::Index i = 0; i < 6; ++i) gradient[i] = A.row(i).dot(x - X::Ones());
    return gradient.dot(x - X::Ones()) / 2;
  }
  void hessian(const X&, Eigen::Matrix<double, 6, 6>& H) const { H = A; }
  void hessian_product(const X&, const X& v, X& out) const { out.noalias() = A * v; }
};

const Valley valley;
const X start(3, -1, 0.5, 2, -2, 1);
const auto narrow = within(valley, Box<X>{X(-2, -2, 1.5, -2, -2, -2), X(3, 3, 3, 2, 0.9, 3)});
const X inside(3, -1, 1.5, 2, -2, 1);

/// Evaluations until the gradient is below 1e-6; a run that does not get there counts as many.
template <class O, class F, class S>
std::uint64_t evaluations(const O& optimizer, const F& f, const S& from, StateOf<O, F, X>& state) {
  optimizer.init(f, from, state);
  for (int k = 0; k < 20000 && state.status == Status::running; ++k) {
    if constexpr (requires { state.stationarity(); }) {
      if (state.stationarity().norm() < 1e-6) return state.calls.counts[0].evaluations();
    } else {
      if (state.gradient.norm() < 1e-6) return state.calls.counts[0].evaluations();
    }
    optimizer.step(f, state);
  }
  return 1000000;
}

template <class O, class F>
long allocations_of_a_run(const O& optimizer, const F& f, const X& from) {
  const long before = allocations();
  StateOf<O, F, X> state;
  for (int again = 0; again < 2; ++again) {
    optimizer.init(f, from, state);
    for (int k = 0; k < 25 && state.status == Status::running; ++k) optimizer.step(f, state);
  }
  REQUIRE(state.calls.counts[0].evaluations() > 1);
  return allocations() - before;
}

}  // namespace

TEST_CASE("No method of the family touches the heap for an unconstrained problem of fixed size", "[gradient]") {
  CHECK(allocations_of_a_run(Bfgs{}, valley, start) == 0);
  CHECK(allocations_of_a_run(Lbfgs{}, valley, start) == 0);
  CHECK(allocations_of_a_run(NonlinearConjugateGradient{}, valley, start) == 0);
  CHECK(allocations_of_a_run(NewtonCg{}, valley, start) == 0);
  CHECK(allocations_of_a_run(Newton{}, valley, start) == 0);
  CHECK(allocations_of_a_run(SteepestDescent{}, valley, start) == 0);
  CHECK(allocations_of_a_run(TrustRegionDogleg{}, valley, start) == 0);
  CHECK(allocations_of_a_run(TrustRegionSteihaug{}, valley, start) == 0);
  CHECK(allocations_of_a_run(TrustRegionExact{}, valley, start) == 0);
  CHECK(allocations_of_a_run(BarzilaiBorwein{}, valley, start) == 0);
  CHECK(allocations_of_a_run(GradientDescent{.learning_rate = 1e-4}, valley, start) == 0);
  CHECK(allocations_of_a_run(Momentum{.learning_rate = 1e-4}, valley, start) == 0);
  CHECK(allocations_of_a_run(Nesterov{.learning_rate = 1e-4}, valley, start) == 0);
  CHECK(allocations_of_a_run(RmsProp{.centered = true}, valley, start) == 0);
  CHECK(allocations_of_a_run(Adam{}, valley, start) == 0);
  CHECK(allocations_of_a_run(AdamW{}, valley, start) == 0);
  CHECK(allocations_of_a_run(AmsGrad{}, valley, start) == 0);
  CHECK(allocations_of_a_run(Lion{}, valley, start) == 0);
}

TEST_CASE("No method of the family touches the heap for a problem of fixed size in a box", "[gradient]") {
  CHECK(allocations_of_a_run(LbfgsB{}, narrow, inside) == 0);
  CHECK(allocations_of_a_run(ProximalGradient{}, narrow, inside) == 0);
  CHECK(allocations_of_a_run(Fista{}, narrow, inside) == 0);
}

TEST_CASE("A run that begins with what an earlier one learnt takes fewer evaluations from the same start",
          "[gradient][prior]") {
  // The prior at the old start: what it knows of curvatures counts, not where it ended.
  const auto from_start = [](auto state, const X& from) {
    state.x = from;
    return state;
  };
  StateOf<Bfgs, Valley, X> bfgs, again;
  StateOf<Lbfgs, Valley, X> lbfgs, limited;
  StateOf<LbfgsB, decltype(narrow), X> bounded, anew;
  StateOf<ProximalGradient, decltype(narrow), X> proximal, next;
  StateOf<Fista, decltype(narrow), X> fista;
  const auto dense = evaluations(Bfgs{}, valley, start, bfgs), pairs = evaluations(Lbfgs{}, valley, start, lbfgs);
  const auto in_box = evaluations(LbfgsB{}, narrow, inside, bounded);
  const auto steps = evaluations(ProximalGradient{}, narrow, inside, proximal);
  REQUIRE(evaluations(Fista{}, narrow, inside, fista) < 2000);
  CAPTURE(dense, pairs, in_box, steps);

  CHECK(evaluations(Bfgs{}, valley, from_start(bfgs, start), again) < dense / 2);   // its inverse Hessian
  CHECK(evaluations(Bfgs{}, valley, from_start(lbfgs, start), again) < dense / 2);  // curvature pairs
  CHECK(evaluations(Lbfgs{}, valley, from_start(lbfgs, start), limited) < pairs * 3 / 4);
  CHECK(evaluations(Lbfgs{}, valley, from_start(bounded, start), limited) < pairs * 3 / 4);
  CHECK(evaluations(Lbfgs{}, valley, from_start(bfgs, start), limited) < pairs);  // the length of the first step
  CHECK(evaluations(LbfgsB{}, narrow, from_start(bounded, inside), anew) < in_box);
  CHECK(evaluations(LbfgsB{}, narrow, from_start(lbfgs, inside), anew) < in_box);
  CHECK(evaluations(ProximalGradient{}, narrow, from_start(proximal, inside), next) < steps);
  CHECK(evaluations(ProximalGradient{}, narrow, from_start(fista, inside), next) < steps);
}

TEST_CASE("A solution is as good a prior as the state of its run", "[gradient][prior]") {
  StateOf<Bfgs, Valley, X> bfgs, from_state, from_solution;
  StateOf<Lbfgs, Valley, X> lbfgs, limited_state, limited_solution;
  evaluations(Bfgs{}, valley, start, bfgs);
  evaluations(Lbfgs{}, valley, start, lbfgs);
  Solution<StateOf<Bfgs, Valley, X>> dense;
  Solution<StateOf<Lbfgs, Valley, X>> pairs;
  dense.x = pairs.x = bfgs.x = lbfgs.x = start;
  dense.state = bfgs;
  pairs.state = lbfgs;
  CHECK(evaluations(Bfgs{}, valley, dense, from_solution) == evaluations(Bfgs{}, valley, bfgs, from_state));
  CHECK(from_solution.x == from_state.x);
  CHECK(evaluations(Lbfgs{}, valley, pairs, limited_solution) == evaluations(Lbfgs{}, valley, lbfgs, limited_state));
  CHECK(limited_solution.x == limited_state.x);
}
