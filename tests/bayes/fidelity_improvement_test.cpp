#include <mesaopt/bayes/fidelity_improvement.hpp>

#include <cmath>

#include <mesaopt/bayes/kernels.hpp>
#include <mesaopt/core/objective.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using kernels::Matern52;
using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;

namespace {
GaussianProcess<Matern52> process(double of_fidelity = 1.4) {
  Matrix X(2, 6);
  X << 0.1, 0.4, 0.75, 0.3, 0.95, 0.6, 0.9, 0.2, 0.6, 0.55, 0.05, 1.3;
  GaussianProcess<Matern52> gp(Matern52{(Vector(2) << 0.6, of_fidelity).finished()}, {.noise = 0.01, .mean = 0.25});
  gp.fit(X, (Vector(6) << 0.3, -0.7, 1.1, 0.2, -1.4, 0.9).finished());
  return gp;
}
struct Asked {
  FidelityImprovement<Matern52> f;
  using M = Workspace<FidelityImprovement<Matern52>::Scratch>;
  M memory{};
  M::Record record{};
  Evaluation<double> operator()(const Vector& x) { return f(x, Call<M>{memory, record}); }
  Evaluation<double> operator()(const Vector& x, Vector& gradient) { return f(x, gradient, Call<M>{memory, record}); }
};
Vector at(double x, double s) { return (Vector(2) << x, s).finished(); }
}  // namespace

static_assert(Differentiable<FidelityImprovement<Matern52>, Vector>);

TEST_CASE("augmented improvement is the product of the paper in numpy", "[bayes]") {
  const auto gp = process();
  // Correlations of -0.45, 1 and 0.33.
  CHECK(Asked{fidelity_improvement(gp, 0.2)}(at(0.2, 0.3)).value == Approx(6.637237591513865).epsilon(1e-9));
  CHECK(Asked{fidelity_improvement(gp, 0.2)}(at(0.2, 1)).value == Approx(6.071981680926753).epsilon(1e-9));
  CHECK(Asked{fidelity_improvement(gp, 0.5)}(at(0.85, 0.4)).value == Approx(9.76223180289027).epsilon(1e-9));
}

TEST_CASE("gradients by point and fidelity agree with differences, and nothing is allocated", "[bayes]") {
  const auto gp = process();
  Asked f{fidelity_improvement(gp, 0.2)};
  for (const Vector& x : {at(0.2, 0.3), at(0.85, 0.4), at(1.2, 1)}) {
    Vector gradient(2);
    const double value = f(x, gradient).value;
    const long before = allocations();
    f(x, gradient);
    CHECK(allocations() == before);
    CHECK(f(x).value == value);
    for (Eigen::Index c = 0; c < 2; ++c) {
      const Vector step = 1e-5 * Vector::Unit(2, c);
      CHECK(gradient[c] == Approx((f(x + step).value - f(x - step).value) / 2e-5).margin(2e-6));
    }
  }
}

TEST_CASE("a low fidelity is worth its saving where it tells of the target, else not", "[bayes]") {
  // Of a hundredth of the cost, against the target fidelity, far from all observations.
  const double saving = std::log(100.0);
  for (const bool telling : {true, false}) {
    const auto gp = process(telling ? 5 : 0.05);
    Asked f{fidelity_improvement(gp, 0.2)};
    CHECK((f(at(3, 0.2)).value - saving < f(at(3, 1)).value) == telling);
  }
}

TEST_CASE("what is known is not asked again", "[bayes]") {
  auto gp = process();
  for (int i = 0; i < 20; ++i) gp.append(at(0.2, 0.3), -0.1);
  Asked f{fidelity_improvement(gp, 0.2)};
  CHECK(f(at(0.2, 0.3)).value > f(at(0.2, 0.6)).value + 1);
  Vector gradient(2);
  CHECK_FALSE(f(at(std::nan(""), 1), gradient).usable());
}
