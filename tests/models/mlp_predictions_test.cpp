#include <mesaopt/models/mlp_predictions.hpp>

#include "models/refusal.hpp"
#include "support/catch.hpp"

using namespace mesaopt::models;
using Vector = Eigen::VectorXd;
using Matrix = Eigen::MatrixXd;

TEST_CASE("a small network worked out by hand gives these logits", "[models]") {
  const Mlp<> model{{2, 2, 3}, Activation::relu};
  Vector w(model.size());
  // W0 = [1 3; 2 4], b0 = (-1, 0), W1 = [1 0; 0 1; -1 1], b1 = (0, 0, 5): column by column.
  w << 1, 2, 3, 4, -1, 0, 1, 0, -1, 0, 1, 1, 0, 0, 5;
  Matrix examples(2, 2);
  examples << 1, -2, 1, 1;
  // Hidden: (3, 6) and (0, 0).
  Matrix expected(3, 2);
  expected << 3, 0, 6, 0, 8, 5;
  CHECK(logits(model, w, examples) == expected);
  CHECK(predictions(model, w, examples) == std::vector<int>{2, 2});
  CHECK(accuracy(model, w, examples, {2, 0}) == 0.5);
}

TEST_CASE("many examples are predicted like each alone", "[models]") {
  const Mlp<> model{{3, 4, 3}};
  const Vector w = initial_weights({3, 4, 3}, 5);
  const Matrix examples = Matrix::NullaryExpr(3, 300, [](auto i, auto j) { return std::sin(double(i + 3 * j)); });
  const Matrix all = logits(model, w, examples);
  for (const Eigen::Index j : {0, 127, 128, 299}) {
    const Matrix one = examples.col(j);
    CHECK((logits(model, w, one) - all.col(j)).norm() < 1e-14);
  }
}

TEST_CASE("the first of equally likely classes is predicted", "[models]") {
  const Vector w = Vector::Zero(8);
  CHECK(predictions(Mlp<>{{1, 4}}, w, Matrix::Ones(1, 1)) == std::vector<int>{0});
}

TEST_CASE("predictions refuse examples and labels that do not fit", "[models]") {
  const Mlp<> model{{2, 2}};
  const Vector w = Vector::Zero(6);
  CHECK(refuses([&] { logits(model, w, Matrix(Matrix::Ones(3, 1))); }, "2 inputs", "have 3"));
  CHECK(refuses([&] { logits(model, Vector(Vector::Zero(5)), Matrix(Matrix::Ones(2, 1))); }, "size 5"));
  CHECK(refuses([&] { accuracy(model, w, Matrix(Matrix::Ones(2, 1)), {0, 1}); }, "1 examples and 2 labels"));
  CHECK(refuses([&] { accuracy(model, w, Matrix(2, 0), {}); }, "0 examples"));
}
