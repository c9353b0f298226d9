#include <mesaopt/gradient/fused.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

#include <Eigen/Core>

#include <mesaopt/objective/dual.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;

TEMPLATE_TEST_CASE("a fused loop reaches every coordinate once, whatever the size", "[gradient]", float, double) {
  using X = Eigen::VectorX<TestType>;
  for (Eigen::Index n = 0; n < 40; ++n) {
    const X a = X::LinSpaced(n, 1, 2);
    X sum = X::Zero(n), twice = X::Zero(n);
    const long before = allocations();
    detail::fused(
        [](const auto& x, auto& y, auto& z) {
          const auto kept = x + TestType(1);
          y = y + kept;
          z = y + kept;
        },
        a, sum, twice);
    CHECK(allocations() == before);
    CHECK(sum == X((a.array() + 1).matrix()));
    CHECK(twice == X(2 * sum));
  }
}

TEST_CASE("a fused loop takes vectors of fixed size and such that are not aligned", "[gradient]") {
  const Eigen::Vector3d a(1, 2, 3);
  Eigen::Vector3d b;
  detail::fused([](const auto& x, auto& y) { y = 2.0 * x; }, a, b);
  CHECK(b == 2 * a);
  using Loose = Eigen::Matrix<double, Eigen::Dynamic, 1, Eigen::DontAlign>;
  const Loose c = Loose::LinSpaced(11, 0, 1);
  Loose d(11);
  detail::fused([](const auto& x, auto& y) { y = 2.0 * x; }, c, d);
  CHECK(d == 2 * c);
}

TEMPLATE_TEST_CASE("roots, signs and maxima are those of each coordinate", "[gradient]", float, double) {
  using X = Eigen::VectorX<TestType>;
  X a(13), b(13), roots(13), signs(13), larger_ones(13);
  for (Eigen::Index i = 0; i < 13; ++i) a[i] = TestType(i * i), b[i] = TestType(i - 6);
  detail::fused(
      [](const auto& x, const auto& y, auto& r, auto& s, auto& l) {
        r = root(x);
        s = sign(y);
        l = larger(y, TestType(2));
      },
      a, b, roots, signs, larger_ones);
  for (Eigen::Index i = 0; i < 13; ++i) {
    // Eigen's root of several floats together may differ in the last bits.
    CHECK(std::abs(roots[i] - TestType(i)) <= 4 * std::numeric_limits<TestType>::epsilon() * TestType(i));
    CHECK(signs[i] == TestType(i > 6) - TestType(i < 6));
    CHECK(larger_ones[i] == std::max(TestType(i - 6), TestType(2)));
  }
}

TEST_CASE("a fused loop carries dual numbers", "[gradient]") {
  using D = Dual<double, 1>;
  Eigen::VectorX<D> a(5), b(5);
  for (int i = 0; i < 5; ++i) {
    a[i] = D(i);
    a[i].tangent[0] = 1;
  }
  detail::fused([](const auto& x, auto& y) { y = x * x; }, a, b);
  for (int i = 0; i < 5; ++i) CHECK(b[i].tangent[0] == 2 * i);
}

TEST_CASE("weight decay is a factor of its own kind where there is none", "[gradient]") {
  double kept = 0;
  detail::with_decay<double>(0.1, 0.0, [&]<class Keep>(const Keep& keep) {
    static_assert(std::is_same_v<Keep, detail::One> || std::is_same_v<Keep, double>);
    kept = keep * 7.0;
  });
  CHECK(kept == 7);
  detail::with_decay<double>(0.1, 2.0, [&](const auto& keep) { kept = keep * 10.0; });
  CHECK(kept == 8);
}
