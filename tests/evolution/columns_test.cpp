#include <mesaopt/evolution/columns.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/core/vectors.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd, Eigen::VectorXd;

TEST_CASE("sums and updates of columns are the same bits wherever the numbers lie", "[evolution][columns]") {
  Random random{4};
  for (const Eigen::Index n : {1, 3, 4, 7, 8, 12, 13, 29, 64}) {
    VectorXd numbers(3 * n);
    random.fill_normal(numbers);
    std::vector<VectorXd> sums, updates;
    for (Eigen::Index offset = 0; offset < 8; ++offset) {
      std::vector<double> x(std::size_t(n + offset)), y(std::size_t(n + offset)), z(std::size_t(n + offset));
      std::copy_n(numbers.data(), n, x.begin() + offset);
      std::copy_n(numbers.data() + n, n, y.begin() + offset);
      std::copy_n(numbers.data() + 2 * n, n, z.begin() + offset);
      const std::size_t o = std::size_t(offset);
      sums.push_back(VectorXd::Constant(1, detail::product(&x[o], &y[o], n)));
      CHECK(sums.back()[0] == Approx(numbers.head(n).dot(numbers.segment(n, n))).margin(1e-13));
      detail::add_multiple(n, 0.3, &x[o], &y[o]);
      detail::add_multiples(n, 0.7, &x[o], -1.1, &z[o], &y[o]);
      updates.push_back(Eigen::Map<VectorXd>(&y[o], n));
      CHECK((updates.back() - (numbers.segment(n, n) + numbers.head(n) - 1.1 * numbers.tail(n))).norm() <
            1e-14 * double(n));
      CHECK(identical(sums.back(), sums.front()));
      CHECK(identical(updates.back(), updates.front()));
    }
  }
}

TEST_CASE("products and covariances are those of the formula, whatever the sizes", "[evolution][columns]") {
  Random random{5};
  for (const Eigen::Index n : {1, 2, 3, 8, 13})
    for (const Eigen::Index count : {1, 2, 5}) {
      CAPTURE(n, count);
      MatrixXd A(n, n), Y(n, 5);
      VectorXd x(n), p(n), factors(5), product(n);
      for (auto* numbers : {&A, &Y}) random.fill_normal(*numbers);
      for (auto* numbers : {&x, &p, &factors, &product}) random.fill_normal(*numbers);

      VectorXd expected = product;
      for (Eigen::Index j = 0; j < n; ++j) expected += x[j] * A.col(j);
      detail::add_product(n, A.data(), x.data(), product.data());
      CHECK((product - expected).norm() < 1e-13);

      MatrixXd C(n, n), before(n, n);
      for (Eigen::Index i = 0; i < n; ++i)
        for (Eigen::Index j = 0; j < n; ++j) before(i, j) = A(i, j) + A(j, i);
      C = before;
      C.triangularView<Eigen::StrictlyUpper>().setConstant(-1000);  // is not looked at
      const std::array<Eigen::Index, 5> order{3, 0, 4, 1, 2};
      detail::update_covariance(n, 0.75, 0.5, p.data(), count, factors.data(), order.data(), Y.data(), C.data());
      for (Eigen::Index i = 0; i < n; ++i)
        for (Eigen::Index j = 0; j < n; ++j) {
          double entry = 0.75 * before(i, j) + 0.5 * p[i] * p[j];
          for (Eigen::Index k = 0; k < count; ++k) {
            const Eigen::Index column = order[std::size_t(k)];
            entry += factors[k] * Y(i, column) * Y(j, column);
          }
          CHECK(C(i, j) == Approx(entry).margin(1e-12));
        }
      CHECK(C == C.transpose());
    }
}
