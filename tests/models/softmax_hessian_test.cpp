#include <mesaopt/models/softmax_hessian.hpp>

#include <cmath>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/models/softmax_regression.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Vector = Eigen::VectorXd;
using Matrix = Eigen::MatrixXd;

TEST_CASE("the dense Hessian of softmax regression is that of the textbook, and allocates in the first call only",
          "[models]") {
  constexpr Eigen::Index examples = 150, features = 3, classes = 4, weights = 16;  // more examples than a chunk
  const Matrix inputs = Matrix::NullaryExpr(
      features, examples, [](auto i, auto j) { return std::cos(2.1 * double(i * j + i) - double(j)); });
  std::vector<int> labels;
  for (int i = 0; i < examples; ++i) labels.push_back((i * i + i / 2) % int(classes));
  const models::SoftmaxRegression<double> g(inputs, labels, classes);
  const Vector w = Vector::LinSpaced(weights, -1, 1.5).array().sin(), x = Eigen::Vector2d(-1, 0.5);

  Matrix exact = Matrix::Zero(weights, weights);
  for (Eigen::Index i = 0; i < examples; ++i) {
    const Vector x1 = (Vector(features + 1) << inputs.col(i), 1).finished();
    Vector p = (w.reshaped(classes, features + 1) * x1).array().exp();
    p /= p.sum();
    const Matrix S = Matrix(p.asDiagonal()) - p * p.transpose();
    for (Eigen::Index a = 0; a <= features; ++a)
      for (Eigen::Index b = 0; b <= features; ++b)
        exact.block(classes * a, classes * b, classes, classes) += x1[a] * x1[b] * S / double(examples);
  }
  exact.diagonal().head(features * classes).array() += std::exp(-1);
  exact.diagonal().tail(classes).array() += std::exp(0.5);

  using Memory = models::SoftmaxLoss<double>::Memory<Vector>;
  Memory memory;
  Memory::Record record;
  Matrix H(weights, weights);
  long before = 0;
  for (int i = 0; i < 2; ++i) {
    before = allocations();
    g.hessian(x, w, H, Call<Memory>{memory, record, 0, 0});
  }
  CHECK(allocations() == before);
  CHECK((H - exact).cwiseAbs().maxCoeff() < 1e-15);
  CHECK(H == H.transpose());
}
