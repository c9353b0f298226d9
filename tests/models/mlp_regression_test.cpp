#include <mesaopt/models/mlp_regression.hpp>

#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/random.hpp>

#include "models/differences.hpp"
#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using models::Activation;
using models::Mlp;
using models::MlpRegression;
using Vector = Eigen::VectorXd;
using Matrix = Eigen::MatrixXd;

static_assert(TwiceDifferentiable<MlpRegression<double>, Vector>);

namespace {

Matrix draw(Eigen::Index rows, Eigen::Index columns, std::uint64_t seed) {
  Matrix values(rows, columns);
  Random{seed}.fill_normal(values);
  return values;
}

/// A network with one hidden layer of 5 units, 3 inputs and 2 outputs.
struct Fixture {
  Activation kind;
  Eigen::Index examples;
  Matrix inputs = draw(3, examples, 1), targets = draw(2, examples, 2);
  MlpRegression<double> f{Mlp<double>{{3, 5, 2}, kind}, inputs, targets};
  Vector w = 0.6 * draw(f.model().size(), 1, 3), v = draw(w.size(), 1, 4);
  Workspace<detail::MlpScratch<double>> memory{};
  detail::MlpScratch<double> record{};

  Call<Workspace<detail::MlpScratch<double>>> call() { return {memory, record, 0, 0}; }
  Matrix hidden(const Vector& at) const {
    Matrix z = at.head(15).reshaped(5, 3) * inputs;
    z.colwise() += at.segment(15, 5);
    return kind == Activation::tanh ? Matrix(z.array().tanh()) : Matrix(z.cwiseMax(0.0));
  }
  /// Outputs minus targets, written out.
  Matrix errors(const Vector& at) const {
    Matrix out = at.segment(20, 10).reshaped(2, 5) * hidden(at) - targets;
    out.colwise() += at.tail(2);
    return out;
  }
  Vector gradient(const Vector& at) {
    Vector g(at.size());
    f(at, g, call());
    return g;
  }
};

}  // namespace

TEST_CASE("the error of a network is the mean over examples of the squared distance to its targets", "[models]") {
  for (const Activation kind : {Activation::tanh, Activation::relu})
    for (const Eigen::Index examples : {1, 7, 300}) {
      Fixture t{kind, examples};
      const double expected = t.errors(t.w).squaredNorm() / double(examples);
      Vector g(t.w.size());
      CHECK(t.f(t.w, t.call()) == Approx(expected).epsilon(1e-13));
      CHECK(t.f(t.w, g, t.call()) == t.f(t.w, t.call()));
      const auto value = [&](const Vector& at) { return t.errors(at).squaredNorm() / double(examples); };
      CHECK(differences::distance(g, differences::gradient(value, t.w, 1e-6)) < 1e-7);
    }
}

TEST_CASE("second derivatives of a network's error agree with differences of its gradient", "[models]") {
  for (const Activation kind : {Activation::tanh, Activation::relu}) {
    Fixture t{kind, 150};
    Vector product(t.w.size()), linearized(t.w.size());
    t.f.hessian_product(t.w, t.v, product, t.call());
    const auto along = differences::along([&](const Vector& at) { return t.gradient(at); }, t.w, t.v, 1e-6);
    CHECK(differences::distance(product, along) < 1e-7);
    // v'(Gauss-Newton)v is twice the mean square of how fast the outputs change along v.
    t.f.gauss_newton_product(t.w, t.v, linearized, t.call());
    const Matrix rates = (t.errors(t.w + 1e-6 * t.v) - t.errors(t.w - 1e-6 * t.v)) / 2e-6;
    CHECK(t.v.dot(linearized) == Approx(2 * rates.squaredNorm() / 150).epsilon(1e-7));
  }
}

TEST_CASE("a network's error allocates in the first call with a record only, and refuses what does not fit",
          "[models]") {
  Fixture t{Activation::relu, 20};
  Vector g = t.gradient(t.w);
  const auto before = allocations();
  t.f(t.w, g, t.call());
  t.f.hessian_product(t.w, t.v, g, t.call());
  t.f.gauss_newton_product(t.w, t.v, g, t.call());
  CHECK(allocations() == before);
  const Mlp<double> model{{3, 5, 2}};
  CHECK_THROWS_WITH(MlpRegression<double>(model, draw(2, 4, 1), draw(2, 4, 1)), Catch::Contains("3 inputs"));
  CHECK_THROWS_WITH(MlpRegression<double>(model, draw(3, 4, 1), draw(2, 3, 1)), Catch::Contains("4 inputs and 3"));
  CHECK_THROWS_WITH(t.f(Vector(Vector::Zero(3)), t.call()), Catch::Contains("w has size 3"));
}
