#include <mesaopt/models/softmax_regression.hpp>

#include "models/differences.hpp"
#include "models/mlp_reference.hpp"
#include "models/refusal.hpp"
#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using models::softmax_feature_groups;
using models::SoftmaxLoss;
using models::SoftmaxRegression;
using Vector = Eigen::VectorXd;
using Matrix = Eigen::MatrixXd;

namespace {

using Memory = SoftmaxLoss<double>::Memory<Vector>;

const Matrix inputs =
    Matrix::NullaryExpr(3, 25, [](auto i, auto j) { return std::cos(2.1 * double(i * j + i) - double(j)); });
const std::vector<int> labels = [] {
  std::vector<int> values;
  for (int i = 0; i < 25; ++i) values.push_back((i * i + i / 2) % 4);
  return values;
}();
const Vector w = Vector::LinSpaced(16, -1, 1.5).array().sin(), v = Vector::LinSpaced(16, 0.4, -2);

struct Run {
  Memory memory{};
  Memory::Record record{};
  Call<Memory> call{memory, record, 0, 0};
};

}  // namespace

TEST_CASE("with zero weights each class is as likely, and the loss is the logarithm of their number", "[models]") {
  Run run;
  const SoftmaxLoss<double> f(inputs, labels, 4);
  CHECK(f(Vector(Vector::Zero(16)), run.call) == Approx(std::log(4)).epsilon(1e-14));
}

TEST_CASE("two classes are logistic regression on the difference of their weights", "[models]") {
  Run run;
  std::vector<int> two = labels;
  for (int& label : two) label %= 2;
  const SoftmaxLoss<double> f(inputs, two, 2);
  const Vector at = w.head(8);
  double expected = 0;
  for (Eigen::Index i = 0; i < inputs.cols(); ++i) {
    double margin = at[7] - at[6];
    for (Eigen::Index j = 0; j < 3; ++j) margin += (at[2 * j + 1] - at[2 * j]) * inputs(j, i);
    expected += std::log1p(std::exp(two[std::size_t(i)] == 1 ? -margin : margin)) / 25;
  }
  CHECK(f(at, run.call) == Approx(expected).epsilon(1e-14));
}

TEST_CASE("Hessian products of softmax regression are those of dual numbers and of the textbook's formula",
          "[models]") {
  Run run;
  const SoftmaxLoss<double> f(inputs, labels, 4);
  Vector product(16);
  f.hessian_product(w, v, product, run.call);
  const Vector exact = reference::mlp_hessian_product({3, 4}, models::Activation::tanh, w, v, inputs, labels);
  CHECK((product - exact).norm() <= 1e-12 * (1 + exact.norm()));
  // The sum over examples of (diag p - pp') kron (x 1)(x 1)'.
  Matrix H = Matrix::Zero(16, 16);
  for (Eigen::Index i = 0; i < inputs.cols(); ++i) {
    const Vector x1 = (Vector(4) << inputs.col(i), 1).finished();
    Vector p = (w.reshaped(4, 4) * x1).array().exp();
    p /= p.sum();
    const Matrix S = Matrix(p.asDiagonal()) - p * p.transpose();
    for (Eigen::Index a = 0; a < 4; ++a)
      for (Eigen::Index b = 0; b < 4; ++b) H.block(4 * a, 4 * b, 4, 4) += x1[a] * x1[b] * S / 25;
  }
  CHECK(differences::distance(product, H * v) < 1e-14);
}

TEST_CASE("penalties of softmax regression go by weights and biases, or by feature", "[models]") {
  Run run;
  const SoftmaxLoss<double> loss(inputs, labels, 4);
  const SoftmaxRegression<double> by_kind(inputs, labels, 4);
  const SoftmaxRegression<double> by_feature(inputs, labels, 4, softmax_feature_groups(3, 4));
  const Vector two = Eigen::Vector2d(-1, 0.5), three = Eigen::Vector3d(-1, 0.5, 2);
  CHECK(by_kind(two, w, run.call) ==
        Approx(loss(w, run.call) +
               (std::exp(-1) * w.head(12).squaredNorm() + std::exp(0.5) * w.tail(4).squaredNorm()) / 2)
            .epsilon(1e-14));
  CHECK(by_feature(three, w, run.call) == Approx(loss(w, run.call) + (std::exp(-1) * w.head(4).squaredNorm() +
                                                                      std::exp(0.5) * w.segment(4, 4).squaredNorm() +
                                                                      std::exp(2) * w.segment(8, 4).squaredNorm()) /
                                                                         2)
                                              .epsilon(1e-14));
}

TEST_CASE("the derivatives of softmax regression agree with differences", "[models]") {
  Run run;
  const SoftmaxRegression<double> g(inputs, labels, 4, softmax_feature_groups(3, 4));
  const Vector x = Eigen::Vector3d(-1, 0.5, 2), u = Eigen::Vector3d(1, -2, 0.5);
  const auto gradient = [&](const Vector& at_x, const Vector& at_w) {
    Vector gw(16);
    g(at_x, at_w, gw, run.call);
    return gw;
  };
  Vector hv(16), mixed(3), direction(16);
  const auto value = [&](const Vector& at) { return g(x, at, run.call); };
  CHECK(differences::distance(gradient(x, w), differences::gradient(value, w)) < 1e-8);
  g.hessian_product(x, w, v, hv, run.call);
  CHECK(differences::distance(hv, differences::along([&](const Vector& at) { return gradient(x, at); }, w, v)) < 1e-8);
  g.mixed_product(x, w, v, mixed, run.call);
  const auto along_v = [&](const Vector& at) { return gradient(at, w).dot(v); };
  CHECK(differences::distance(mixed, differences::gradient(along_v, x)) < 1e-8);
  g.mixed_direction(x, w, u, direction, run.call);
  CHECK(direction.dot(v) == Approx(mixed.dot(u)).epsilon(1e-13));
}

TEST_CASE("softmax regression in float agrees with double", "[models]") {
  Run run;
  const SoftmaxLoss<float> f(inputs.cast<float>(), labels, 4);
  SoftmaxLoss<float>::Memory<Eigen::VectorXf> memory;
  detail::MlpScratch<float> record;
  const Call<SoftmaxLoss<float>::Memory<Eigen::VectorXf>> call{memory, record, 0, 0};
  CHECK(f(Eigen::VectorXf(w.cast<float>()), call) ==
        Approx(SoftmaxLoss<double>(inputs, labels, 4)(w, run.call)).epsilon(1e-6));
}

TEST_CASE("softmax regression refuses labels that are no classes", "[models]") {
  CHECK(refuses([] { SoftmaxLoss<double>(inputs, labels, 3); }, "0 .. 2", "is 3"));
  CHECK(refuses([] { SoftmaxRegression<double>(inputs, labels, 4, {0, 0}); }, "16 weights"));
}

TEST_CASE("the dense Hessian of softmax regression is that of the textbook, and allocates in the first call only",
          "[models]") {
  constexpr Eigen::Index examples = 150, features = 3, classes = 4, weights = 16;  // more examples than a chunk
  const Matrix many = Matrix::NullaryExpr(features, examples,
                                          [](auto i, auto j) { return std::cos(2.1 * double(i * j + i) - double(j)); });
  std::vector<int> classed;
  for (int i = 0; i < examples; ++i) classed.push_back((i * i + i / 2) % int(classes));
  const SoftmaxRegression<double> g(many, classed, classes);
  const Vector at = Vector::LinSpaced(weights, -1, 1.5).array().sin(), x = Eigen::Vector2d(-1, 0.5);

  Matrix exact = Matrix::Zero(weights, weights);
  for (Eigen::Index i = 0; i < examples; ++i) {
    const Vector x1 = (Vector(features + 1) << many.col(i), 1).finished();
    Vector p = (at.reshaped(classes, features + 1) * x1).array().exp();
    p /= p.sum();
    const Matrix S = Matrix(p.asDiagonal()) - p * p.transpose();
    for (Eigen::Index a = 0; a <= features; ++a)
      for (Eigen::Index b = 0; b <= features; ++b)
        exact.block(classes * a, classes * b, classes, classes) += x1[a] * x1[b] * S / double(examples);
  }
  exact.diagonal().head(features * classes).array() += std::exp(-1);
  exact.diagonal().tail(classes).array() += std::exp(0.5);

  Run run;
  Matrix H(weights, weights);
  long before = 0;
  for (int i = 0; i < 2; ++i) {
    before = allocations();
    g.hessian(x, at, H, run.call);
  }
  CHECK(allocations() == before);
  CHECK((H - exact).cwiseAbs().maxCoeff() < 1e-15);
  CHECK(H == H.transpose());
}
