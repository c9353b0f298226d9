#include <mesaopt/gradient/reverse_descent.hpp>

#include "gradient/reversed_step.hpp"
#include "support/catch.hpp"

using namespace mesaopt;

namespace {

struct Alone {
  template <class M, class N, class Draw>
  void fill(M&, N&, const Draw&) const {}
  template <class A, class Draw>
  void start(A&, const Draw&) const {}
  template <class N, class Vary>
  void vary(N&, const Vary&) const {}
  template <class A, class N, class V>
  double product(const A&, const N&, const V&) const {
    return 0;
  }
};
struct Heavy {
  template <class M, class N, class Draw>
  void fill(M& memory, N& dual, const Draw&) const {
    memory.kept = 0.98;
    dual.kept = memory.kept;
  }
  template <class A, class Draw>
  void start(A& adjoint, const Draw& draw) const {
    for (double& a : adjoint.last) a = draw();
    adjoint.kept = draw();
  }
  template <class N, class Vary>
  void vary(N& memory, const Vary& vary) const {
    vary(memory.kept);
  }
  template <class A, class N, class V>
  double product(const A& adjoint, const N& memory, const V& last) const {
    double sum = adjoint.kept * memory.kept.tangent[0];
    for (Eigen::Index i = 0; i < last.size(); ++i) sum += adjoint.last[i] * last[i].tangent[0];
    return sum;
  }
};
struct Ahead {
  template <class M, class N, class Draw>
  void fill(M& memory, N& dual, const Draw& draw) const {
    for (double& y : memory.y) y = draw();
    for (Eigen::Index i = 0; i < memory.y.size(); ++i) dual.y[i] = memory.y[i];
    dual.a = memory.a = 2.2;
  }
  template <class A, class Draw>
  void start(A& adjoint, const Draw& draw) const {
    for (double& a : adjoint.y) a = draw();
  }
  template <class N, class Vary>
  void vary(N& memory, const Vary& vary) const {
    for (auto& y : memory.y) vary(y);
  }
  template <class A, class N, class V>
  double product(const A& adjoint, const N& memory, const V&) const {
    double sum = 0;
    for (Eigen::Index i = 0; i < memory.y.size(); ++i) sum += adjoint.y[i] * memory.y[i].tangent[0];
    return sum;
  }
};
constexpr Schedule falling{.kind = Schedule::inverse, .steps = 5};

}  // namespace

TEST_CASE("a step of gradient descent backwards is the transpose of the step forwards", "[gradient]") {
  CHECK(gap(GradientDescent{.learning_rate = 0.3}, Alone{}) < 1e-14);
  CHECK(gap(GradientDescent{.learning_rate = 0.3, .weight_decay = 0.2, .schedule = falling}, Alone{}) < 1e-14);
}

TEST_CASE("a step of momentum backwards is the transpose of the step forwards", "[gradient]") {
  CHECK(gap(Momentum{.learning_rate = 0.3, .momentum = 0.8, .weight_decay = 0.2, .schedule = falling}, Heavy{}) <
        1e-14);
}

TEST_CASE("a step of Nesterov's method backwards is the transpose of the step forwards", "[gradient]") {
  Nesterov method{.learning_rate = 0.3, .momentum = 0.8, .weight_decay = 0.2, .schedule = falling};
  CHECK(gap(method, Ahead{}) < 1e-14);
  method.rising = true;
  CHECK(gap(method, Ahead{}) < 1e-14);
}
