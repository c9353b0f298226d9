#include <mesaopt/gradient/column_products.hpp>

#include <mesaopt/core/random.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::Dynamic;
using Eigen::MatrixXd;

namespace {
/// The largest error of J'J and of J'r, relative to the sizes of what they are sums of; in double for comparison.
template <class S, int N>
double error(Eigen::Index m, Eigen::Index n) {
  Random random{std::uint64_t(m * 1000 + n)};
  Eigen::Matrix<S, Dynamic, N> J(m, n);
  Eigen::VectorX<S> r(m);
  for (Eigen::Index i = 0; i < m; ++i) {
    for (Eigen::Index j = 0; j < n; ++j) J(i, j) = random.uniform(S(-1), S(1));
    r[i] = random.uniform(S(-1), S(1));
  }
  Eigen::Matrix<S, N, N> out(n, n);
  Eigen::Vector<S, N> product(n);
  const auto before = allocations();
  detail::gram(J, out);
  detail::transposed_product(J, r, product);
  CHECK(allocations() == before);
  const MatrixXd exact = J.template cast<double>().transpose() * J.template cast<double>();
  const Eigen::VectorXd exact_product = J.template cast<double>().transpose() * r.template cast<double>();
  double worst = 0;
  for (Eigen::Index j = 0; j < n; ++j) {
    for (Eigen::Index i = j; i < n; ++i) worst = std::max(worst, std::abs(double(out(i, j)) - exact(i, j)));
    worst = std::max(worst, std::abs(double(product[j]) - exact_product[j]));
  }
  return worst / double(m) / double(std::numeric_limits<S>::epsilon());
}
}  // namespace

TEST_CASE("products of columns agree with Eigen's, of any number of rows and columns", "[gradient]") {
  for (const Eigen::Index m : {1, 2, 3, 7, 8, 16, 33, 255, 256, 257, 600})
    for (const Eigen::Index n : {1, 2, 3, 4, 5, 6, 7, 10, 33}) {
      CAPTURE(m, n);
      CHECK(error<double, Dynamic>(m, n) <= 4);
    }
  for (const Eigen::Index m : {1, 3, 4, 5, 8, 40, 300}) {
    CAPTURE(m);
    CHECK(error<double, 4>(m, 4) <= 4);
    CHECK(error<float, 2>(m, 2) <= 4);
    CHECK(error<double, 7>(m, 7) <= 4);
  }
}

TEST_CASE("a product of columns does not depend on where they lie in memory", "[gradient]") {
  Random random{1};
  Eigen::VectorXd a(101), b(101);
  for (Eigen::Index i = 0; i < 101; ++i) {
    a[i] = random.uniform(-1.0, 1.0);
    b[i] = random.uniform(-1.0, 1.0);
  }
  Eigen::VectorXd shifted(104);
  const double dot = detail::contiguous_dot(a.data(), b.data(), 101);
  for (Eigen::Index shift = 0; shift < 4; ++shift) {
    shifted.segment(shift, 101) = a;
    CHECK(detail::contiguous_dot(shifted.data() + shift, b.data(), 101) == dot);
  }
  CHECK(dot == Approx(a.dot(b)).epsilon(1e-13));
}
