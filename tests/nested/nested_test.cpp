#include <mesaopt/nested/nested.hpp>

#include <sstream>
#include <tuple>

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/calls.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/evolution/cma_es.hpp>
#include <mesaopt/gradient/lbfgs.hpp>
#include <mesaopt/gradient/newton.hpp>
#include <mesaopt/nested/implicit.hpp>
#include <mesaopt/nested/response.hpp>
#include <mesaopt/objective/pausable.hpp>

#include "nested/ridge_solution.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

const VectorXd zeros = VectorXd::Zero(5);
VectorXd point(double a) { return VectorXd::Constant(1, a); }
const Search exact{Newton{}, GradientBelow{1e-14} || MaxIterations{50}};

MatrixXd random_matrix(Random& random, Eigen::Index rows, Eigen::Index cols) {
  MatrixXd A(rows, cols);
  random.fill_normal(A);
  return A;
}

/// g(x, z) = ½ z'Az + (a + C'x)'z.
struct Lower {
  MatrixXd A, C;
  VectorXd a;
  double operator()(const VectorXd& x, const VectorXd& z, VectorXd& gz) const {
    const VectorXd b = a + C.transpose() * x;
    gz = A * z + b;
    return z.dot(A * z) / 2 + b.dot(z);
  }
  void hessian(const VectorXd&, const VectorXd&, MatrixXd& H) const { H = A; }
};
/// F(x, z) = ½ x'Hx + x'Kz + ½ z'Fz + h'x + f'z.
struct Upper {
  MatrixXd H, K, F;
  VectorXd h, f;
  double operator()(const VectorXd& x, const VectorXd& z) const {
    return x.dot(H * x) / 2 + x.dot(K * z) + z.dot(F * z) / 2 + h.dot(x) + f.dot(z);
  }
  double operator()(const VectorXd& x, const VectorXd& z, VectorXd& gx, VectorXd& gz) const {
    gx = h + H * x + K * z;
    gz = f + F * z + K.transpose() * x;
    return (*this)(x, z);
  }
};

}  // namespace

TEST_CASE("a nested objective is an objective, with a gradient if it has a hypergradient", "[nested]") {
  const auto training = response(family(ridge_training()), Lbfgs{}, zeros);
  using Values = decltype(nested(of_solution(ridge_validation()), training));
  using Gradients = decltype(nested(of_solution(ridge_validation()), training, Implicit{}));
  STATIC_REQUIRE(Objective<Values, VectorXd>);
  STATIC_REQUIRE_FALSE(Differentiable<Values, VectorXd>);
  STATIC_REQUIRE(Differentiable<Gradients, VectorXd>);
  STATIC_REQUIRE(TwiceDifferentiable<Gradients, VectorXd>);
  STATIC_REQUIRE(OptimizerFor<Lbfgs, Gradients, VectorXd>);
  STATIC_REQUIRE(OptimizerFor<CmaEs, Values, VectorXd>);
  STATIC_REQUIRE_FALSE(OptimizerFor<Lbfgs, Values, VectorXd>);
}

TEST_CASE("the quadratic bilevel problem has the value, gradient and curvature of its closed form", "[nested]") {
  Random random{11};
  const MatrixXd R = random_matrix(random, 4, 4), Q = random_matrix(random, 4, 4), P = random_matrix(random, 3, 3);
  const Lower g{R * R.transpose() + MatrixXd::Identity(4, 4), random_matrix(random, 3, 4), random_matrix(random, 4, 1)};
  const Upper F{P * P.transpose() + MatrixXd::Identity(3, 3), random_matrix(random, 3, 4),
                Q * Q.transpose() + MatrixXd::Identity(4, 4), random_matrix(random, 3, 1), random_matrix(random, 4, 1)};
  const VectorXd x = random_matrix(random, 3, 1), v = random_matrix(random, 3, 1), z0 = VectorXd::Zero(4);
  const Eigen::LLT<MatrixXd> A(g.A);
  const VectorXd z = -A.solve(g.a + g.C.transpose() * x);
  const VectorXd gradient = F.h + F.H * x + F.K * z - g.C * A.solve(F.f + F.F * z + F.K.transpose() * x);
  const MatrixXd Z = -A.solve(g.C.transpose());
  const MatrixXd H = F.H + F.K * Z + (F.K * Z).transpose() + Z.transpose() * F.F * Z;

  const auto f = nested(F, response(family(g), exact, z0), Implicit{});
  Calls<VectorXd, MemoryOf<decltype(f), VectorXd>> calls;
  VectorXd found, product(3);
  CHECK(calls.value(f, x).value == Approx(F(x, z)).epsilon(1e-12));
  CHECK(calls.gradient(f, x, found).value == Approx(F(x, z)).epsilon(1e-12));
  CHECK((found - gradient).norm() < 1e-8 * gradient.norm());  // ∂²g/∂x∂z is made by differences
  calls.hessian_product(f, x, v, product);
  CHECK((product - H * v).norm() < 1e-6 * (H * v).norm());

  const VectorXd best = x - H.llt().solve(gradient);
  const auto s = minimize(f, x, Lbfgs{}, GradientBelow{1e-7} || MaxIterations{100});
  CHECK(s.status == Status::gradient_below);
  CHECK((s.x - best).norm() < 1e-6);
}

TEST_CASE("Hessian products of ridge regression are the closed form's second derivative", "[nested]") {
  const auto f = nested(of_solution(ridge_validation()), response(family(ridge_training()), exact, zeros), Implicit{});
  for (const auto& row : problems::RidgeInstance::table) {
    Calls<VectorXd, MemoryOf<decltype(f), VectorXd>> calls;
    VectorXd out(1);
    calls.hessian_product(f, point(row.theta), point(2), out);
    CHECK(out[0] == Approx(2 * RidgeSolution(point(row.theta)).second_derivative).epsilon(1e-7));
    calls.hessian_product(f, point(row.theta), point(0), out);
    CHECK(out[0] == 0);
  }
}

TEST_CASE("searches with gradients, with curvature and without either agree", "[nested]") {
  const auto f = nested(of_solution(ridge_validation()), response(family(ridge_training()), exact, zeros), Implicit{});
  const double known = problems::RidgeInstance::solution;
  const auto lbfgs = minimize(f, point(-4), Lbfgs{});
  CHECK(lbfgs.status == Status::gradient_below);
  CHECK(lbfgs.x[0] == Approx(known).epsilon(1e-6));
  const auto newton = minimize(f, point(-4), Newton{});
  CHECK(newton.status == Status::gradient_below);
  CHECK(newton.x[0] == Approx(known).epsilon(1e-6));
  const auto values = nested(of_solution(ridge_validation()), response(family(ridge_training()), exact, zeros));
  const auto cma = minimize(values, point(-4), CmaEs{.seed = 4}, MaxEvaluations{400});
  CHECK(cma.x[0] == Approx(known).epsilon(1e-4));
}

namespace {

struct ByGradient {
  double operator()(const VectorXd& y, VectorXd& gradient) const {
    gradient = 2 * y;
    return y.squaredNorm();
  }
};
struct Called {
  template <class Y>
  using Memory = Workspace<Y>;
  double operator()(const VectorXd& y, VectorXd& gradient, const Call<Workspace<VectorXd>>& call) const {
    call.record = y;
    gradient = 2 * call.record;
    return y.squaredNorm();
  }
};

}  // namespace

TEST_CASE("an objective of the solution alone may give values, gradients, or remember", "[nested]") {
  const auto check = [](const auto& outer) {
    const auto f = nested(of_solution(outer), response(family(ridge_training()), exact, zeros), Implicit{});
    Calls<VectorXd, MemoryOf<decltype(f), VectorXd>> calls;
    VectorXd gradient;
    const RidgeSolution known(point(-1));
    CHECK(calls.value(f, point(-1)).value == Approx(known.weights.squaredNorm()));
    CHECK(calls.gradient(f, point(-1), gradient).value == Approx(known.weights.squaredNorm()));
    CHECK(gradient[0] == Approx(2 * known.weights.dot(known.slope.col(0))).epsilon(1e-10));
  };
  check(ByGradient{});
  check(Called{});
}

namespace {

struct Counting {
  template <class Y>
  struct Memory {
    struct Record {
      int seen = 0;
    };
    int accepted = 0;
    static constexpr auto fields() { return std::tuple{&Memory::accepted}; }
    void absorb(const Record& record) { accepted += record.seen; }
  };
  double operator()(const VectorXd&, const VectorXd& y, const Call<Memory<VectorXd>>& call) const {
    call.record.seen = 1;
    return y.sum() + 1000 * call.memory.accepted;
  }
};

}  // namespace

TEST_CASE("an outer objective that remembers learns from accepted points", "[nested]") {
  const auto f = nested(Counting{}, response(family(ridge_training()), exact, zeros));
  Calls<VectorXd, MemoryOf<decltype(f), VectorXd>> calls;
  const double sum = RidgeSolution(point(-1)).weights.sum();
  calls.value(f, point(-1));
  CHECK(calls.value(f, point(-1)).value == Approx(sum));
  calls.accept();
  CHECK(calls.value(f, point(-1)).value == Approx(1000 + sum));
}

TEST_CASE("a solution tells of both levels", "[nested]") {
  const auto f = nested(of_solution(ridge_validation()), response(family(ridge_training()), exact, zeros), Implicit{});
  const auto s = minimize(f, point(-4), Lbfgs{});
  std::ostringstream text;
  text << s;
  CHECK_THAT(text.str(), Catch::Contains("work    ") && Catch::Contains("inner   "));
  CHECK(s.evaluation.certificate.condition > 1);
  CHECK(s.counts.size() == 2);
}

TEST_CASE("an inner run taken on in portions is the one of a whole evaluation, and costs as much", "[nested]") {
  const auto f = nested(of_solution(ridge_validation()), response(family(ridge_training()), Lbfgs{}, zeros));
  using F = std::remove_cv_t<decltype(f)>;
  static_assert(Pausable<F, VectorXd>);
  using Memory = MemoryOf<F, VectorXd>;
  const VectorXd x = VectorXd::Constant(1, -1.5), other = VectorXd::Constant(1, 0.5);
  Calls<VectorXd, Memory> whole, portions;
  const double value = whole.value(f, x).value;
  Memory::Paused run, between;
  CHECK(run.iterations() == 0);
  Evaluation<double> last;
  for (int k = 0; k < 20 && !run.complete(); ++k) {
    last = portions.value(NextPortion<F, Memory::Paused>{f, run, 2}, x);
    CHECK(run.iterations() <= 2 * std::uint64_t(k + 1));
    if (k == 1) {
      between = load<Memory::Paused>(save(run));
      portions.value(NextPortion<F, Memory::Paused>{f, between, 1}, other);  // another run uses the same record
      portions.counts = {};
      run = load<Memory::Paused>(save(run));
    }
  }
  CHECK(run.complete());
  CHECK(last.value == value);
  CHECK(run.iterations() == whole.counts[1].iterations);
  CHECK(portions.counts[1].iterations == run.iterations() - 4);
  CHECK(run.run.state.calls.counts[0] == whole.counts[1]);
  CHECK(run.solution() == best_point(whole.slot.record.response.run));
}
