#include <mesaopt/models/mlp_training.hpp>

#include <mesaopt/core/random.hpp>

#include "models/differences.hpp"
#include "models/refusal.hpp"
#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using models::Activation;
using models::Mlp;
using models::mlp_groups;
using models::MlpLoss;
using models::MlpTraining;
using Vector = Eigen::VectorXd;
using Matrix = Eigen::MatrixXd;

namespace {

struct Fixture {
  using Memory = MlpTraining<double>::Memory<Vector>;
  Matrix inputs = Matrix::NullaryExpr(4, 30, [](auto i, auto j) { return std::sin(1.3 * double(i * j) + double(j)); });
  std::vector<int> labels;
  MlpTraining<double> g;
  Vector x = Eigen::Vector4d(-2, -3, 0, -1), u = Eigen::Vector4d(1, -1, 0.5, 2);
  Vector w = models::initial_weights({4, 5, 3}, 3).array() + 0.05,
         v = models::initial_weights({4, 5, 3}, 4).array() + 0.1;
  Memory memory{};
  Memory::Record record{};
  Call<Memory> call{memory, record, 0, 0};

  explicit Fixture(Activation kind = Activation::tanh)
      : labels(30), g((fill(labels), MlpTraining<double>(Mlp<double>{{4, 5, 3}, kind}, inputs, labels))) {}

  static void fill(std::vector<int>& labels) {
    for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = int((i * i + i / 2) % 3);
  }
  Vector gradient(const Vector& at_x, const Vector& at_w) {
    Vector gw(at_w.size());
    g(at_x, at_w, gw, call);
    return gw;
  }
};

}  // namespace

TEST_CASE("each layer of a network has a group for its matrix and one for its biases", "[models]") {
  CHECK(mlp_groups({2, 1, 2}) == std::vector<int>{0, 0, 1, 2, 2, 3, 3});
  CHECK(refuses([] { mlp_groups({2}); }, "1 entries"));
}

TEST_CASE("training is the loss and half the squares of each group times its penalty", "[models]") {
  Fixture t;
  const Vector w = t.w.array() + 0.2;
  const double penalties = std::exp(-2) * w.head(20).squaredNorm() + std::exp(-3) * w.segment(20, 5).squaredNorm() +
                           w.segment(25, 15).squaredNorm() + std::exp(-1) * w.tail(3).squaredNorm();
  const MlpLoss<double> loss(Mlp<double>{{4, 5, 3}}, t.inputs, t.labels);
  CHECK(t.g(t.x, w, t.call) == Approx(loss(w, t.call) + penalties / 2).epsilon(1e-14));
  CHECK(t.g.loss().accuracy(w) == loss.accuracy(w));
}

TEST_CASE("the derivatives of network training agree with differences", "[models]") {
  for (const Activation kind : {Activation::tanh, Activation::relu}) {
    Fixture t(kind);
    const Vector gw = t.gradient(t.x, t.w);
    Vector hv(t.w.size()), newton(t.w.size()), loss_newton(t.w.size()), mixed(4), direction(t.w.size());
    CHECK(differences::distance(
              gw, differences::gradient([&](const Vector& at) { return t.g(t.x, at, t.call); }, t.w, 1e-6)) < 1e-8);
    t.g.hessian_product(t.x, t.w, t.v, hv, t.call);
    CHECK(differences::distance(
              hv, differences::along([&](const Vector& at) { return t.gradient(t.x, at); }, t.w, t.v, 1e-6)) < 1e-7);
    t.g.mixed_product(t.x, t.w, t.v, mixed, t.call);
    CHECK(differences::distance(
              mixed, differences::gradient([&](const Vector& at) { return t.gradient(at, t.w).dot(t.v); }, t.x)) <
          1e-8);
    t.g.mixed_direction(t.x, t.w, t.u, direction, t.call);
    CHECK(differences::distance(
              direction, differences::along([&](const Vector& at) { return t.gradient(at, t.w); }, t.x, t.u)) < 1e-8);
    t.g.gauss_newton_product(t.x, t.w, t.v, newton, t.call);
    t.g.loss().gauss_newton_product(t.w, t.v, loss_newton, t.call);
    Vector penalties = Vector::Zero(t.w.size());
    t.g.penalty().hessian_product(t.x, t.w, t.v, penalties);
    CHECK(differences::distance(newton, loss_newton + penalties) < 1e-14);
  }
}

TEST_CASE("the mixed product is the transpose of the mixed direction", "[models]") {
  Fixture t;
  const auto product = [&](const Vector& along, Vector& out) { t.g.mixed_product(t.x, t.w, along, out, t.call); };
  const auto direction = [&](const Vector& along, Vector& out) { t.g.mixed_direction(t.x, t.w, along, out, t.call); };
  const Matrix wide = differences::matrix_of(product, 4, t.w.size());
  const Matrix tall = differences::matrix_of(direction, t.w.size(), 4);
  CHECK(differences::distance(wide, tall.transpose()) < 1e-15);
}

TEST_CASE("training over batches averages to training over all, and the penalty counts once", "[models]") {
  Fixture t;
  const std::vector<Eigen::Index> odd{1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29},
      even{0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28};
  Vector first(t.w.size()), second(t.w.size());
  const double value = t.g(t.x, t.w, odd, first, t.call) + t.g(t.x, t.w, even, second, t.call);
  CHECK(value / 2 == Approx(t.g(t.x, t.w, t.call)).epsilon(1e-14));
  CHECK(t.g(t.x, t.w, odd, t.call) + t.g(t.x, t.w, even, t.call) == Approx(value).epsilon(1e-15));
  CHECK(differences::distance((first + second) / 2, t.gradient(t.x, t.w)) < 1e-14);
  CHECK(t.g.terms() == 30);
}

TEST_CASE("network training allocates in the first call with a record only", "[models]") {
  Fixture t;
  Vector out(t.w.size()), outer(4);
  t.g(t.x, t.w, t.call);
  const std::vector<Eigen::Index> batch{3, 1, 4};
  const long before = allocations();
  t.g(t.x, t.w, t.call);
  t.g(t.x, t.w, out, t.call);
  t.g(t.x, t.w, batch, out, t.call);
  t.g.hessian_product(t.x, t.w, t.v, out, t.call);
  t.g.gauss_newton_product(t.x, t.w, t.v, out, t.call);
  t.g.mixed_product(t.x, t.w, t.v, outer, t.call);
  t.g.mixed_direction(t.x, t.w, t.u, out, t.call);
  CHECK(allocations() == before);
}

TEST_CASE("network training refuses groups and penalties that do not fit", "[models]") {
  Fixture t;
  CHECK(refuses([&] { MlpTraining<double>(t.g.loss(), {0, 0, 1}); }, "43 weights", "3 entries"));
  CHECK(refuses([&] { t.g(Vector(Vector::Zero(3)), t.w, t.call); }, "size is 3"));
}
