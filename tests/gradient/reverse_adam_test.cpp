#include <mesaopt/gradient/reverse_adam.hpp>

#include <cmath>

#include <Eigen/Core>

#include "gradient/reversed_step.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {

struct Means {
  template <class M, class N, class Draw>
  void fill(M& memory, N& dual, const Draw& draw) const {
    for (Eigen::Index i = 0; i < memory.first.size(); ++i) {
      dual.first[i] = memory.first[i] = draw();
      dual.second[i] = memory.second[i] = std::abs(draw()) + 0.1;
    }
    dual.power1 = memory.power1 = 0.7;
    dual.power2 = memory.power2 = 0.9;
  }
  template <class A, class Draw>
  void start(A& adjoint, const Draw& draw) const {
    for (double& a : adjoint.first) a = draw();
    for (double& a : adjoint.second) a = draw();
    adjoint.power1 = draw();
    adjoint.power2 = draw();
  }
  template <class N, class Vary>
  void vary(N& memory, const Vary& vary) const {
    for (auto& m : memory.first) vary(m);
    for (auto& m : memory.second) vary(m);
    vary(memory.power1);
    vary(memory.power2);
  }
  template <class A, class N, class V>
  double product(const A& adjoint, const N& memory, const V&) const {
    double sum = adjoint.power1 * memory.power1.tangent[0] + adjoint.power2 * memory.power2.tangent[0];
    for (Eigen::Index i = 0; i < memory.first.size(); ++i)
      sum += adjoint.first[i] * memory.first[i].tangent[0] + adjoint.second[i] * memory.second[i].tangent[0];
    return sum;
  }
};

/// dx/dg of the first step at this gradient, by the rule; NaN if it refuses.
double slope_of_first_step(const Adam& adam, double g, double mean = 0) {
  decltype(reverse_rule(adam))::Kept<VectorXd> at;
  at.x = VectorXd::Constant(1, 0.5);
  at.gradient = VectorXd::Constant(1, g);
  adam.begin(at.x, at.memory);
  at.memory.first[0] = mean;
  detail::MomentsAdjoint<VectorXd> adjoint;
  VectorXd x = VectorXd::Ones(1), gradient(1);
  reverse_rule(adam).begin(x, adjoint);
  return reverse_rule(adam).reverse(adam, at, x, adjoint, gradient, nullptr) ? gradient[0] : std::nan("");
}

}  // namespace

TEST_CASE("a step of Adam backwards is the transpose of the step forwards", "[gradient]") {
  const Schedule falling{.kind = Schedule::inverse, .steps = 5};
  CHECK(gap(Adam{.learning_rate = 0.3, .beta1 = 0.8, .beta2 = 0.95, .epsilon = 0.1, .schedule = falling}, Means{}) <
        1e-14);
  CHECK(gap(AdamW{.learning_rate = 0.3, .beta1 = 0.8, .beta2 = 0.95, .epsilon = 0.1, .schedule = falling}, Means{}) <
        1e-14);
}

TEST_CASE("a first step of Adam from a gradient of zero is differentiated, though the root in it cannot be",
          "[gradient]") {
  // The step is α g / (|g| + ε), whose derivative is α ε / (|g| + ε)².
  const Adam adam{.learning_rate = 0.1, .epsilon = 0.01};
  CHECK(slope_of_first_step(adam, 0) == Approx(-0.1 / 0.01).epsilon(1e-13));
  CHECK(slope_of_first_step(adam, 0.02) == Approx(-0.1 * 0.01 / (0.03 * 0.03)).epsilon(1e-12));
  CHECK(slope_of_first_step(adam, 1e-200) == Approx(-0.1 / 0.01).epsilon(1e-13));
}

TEST_CASE("a step of Adam that has a kink is refused", "[gradient]") {
  const Adam forgets{.learning_rate = 0.1, .beta2 = 0, .epsilon = 0.01};
  CHECK(std::isnan(slope_of_first_step(forgets, 0, 0.3)));
  CHECK(std::isfinite(slope_of_first_step(forgets, 0.1, 0.3)));
}
