#include <mesaopt/models/block_product.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using Matrix = Eigen::MatrixXd;
using Product = mesaopt::detail::BlockProduct<double>;

TEST_CASE("a product in blocks is added to what is there, for any sizes and transposes, without allocating",
          "[models]") {
  for (const Eigen::Index rows : {1, 60, 300})
    for (const Eigen::Index depth : {1, 128, 200})
      for (const Eigen::Index columns : {1, 130}) {
        const Matrix A = Matrix::NullaryExpr(rows, depth, [](auto i, auto j) { return std::sin(double(i + 2 * j)); });
        const Matrix B =
            Matrix::NullaryExpr(depth, columns, [](auto i, auto j) { return std::cos(double(3 * i - j)); });
        const Matrix At = A.transpose(), Bt = B.transpose();
        const Matrix expected = Matrix::Ones(rows, columns) + A * B;
        Matrix plain = Matrix::Ones(rows, columns), left = plain, right = plain;
        const long before = allocations();
        Product::add(A, B, plain);
        Product::add_left_transposed(At, B, left);
        Product::add_right_transposed(A, Bt, right);
        CHECK(allocations() == before);
        for (const Matrix* out : {&plain, &left, &right})
          CHECK((*out - expected).norm() < 1e-13 * (1 + expected.norm()));
      }
}
