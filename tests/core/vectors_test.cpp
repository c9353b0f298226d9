#include <mesaopt/core/vectors.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include <Eigen/Core>

#include "support/catch.hpp"

using namespace mesaopt;

namespace {

/// n numbers that are neither whole nor equal.
template <class S>
std::vector<S> numbers(Eigen::Index n, double phase) {
  std::vector<S> out;
  for (Eigen::Index i = 0; i < n; ++i) out.push_back(S(std::sin(double(i) * 1.7 + phase)));
  return out;
}

/// A number that is none of the compiler's own.
struct Wrapped {
  double value = 0;
  explicit Wrapped(double v) : value(v) {}
  Wrapped& operator+=(const Wrapped& b) {
    value += b.value;
    return *this;
  }
  friend Wrapped operator*(const Wrapped& a, const Wrapped& b) { return Wrapped(a.value * b.value); }
  friend Wrapped operator+(const Wrapped& a, const Wrapped& b) { return Wrapped(a.value + b.value); }
};

}  // namespace

TEMPLATE_TEST_CASE("sums of vectors are right at every length", "[core]", float, double) {
  using S = TestType;
  for (Eigen::Index n = 0; n < 70; ++n) {
    const auto a = numbers<S>(n, 0), b = numbers<S>(n, 1);
    long double expected = 0;
    for (std::size_t i = 0; i < a.size(); ++i) expected += (long double)(a[i]) * b[i];
    CHECK(std::abs(double(detail::product(a.data(), b.data(), n) - expected)) <=
          70 * double(std::numeric_limits<S>::epsilon()));
    std::vector<S> out(a.size() + 1, S(7));
    detail::add(a.data(), S(-0.5), b.data(), out.data(), n);
    for (std::size_t i = 0; i < a.size(); ++i) CHECK(out[i] == Approx(a[i] - S(0.5) * b[i]).margin(1e-6));
    detail::scale(S(-3), a.data(), out.data(), n);
    for (std::size_t i = 0; i < a.size(); ++i) CHECK(out[i] == -3 * a[i]);
    CHECK(out[a.size()] == S(7));
  }
}

TEMPLATE_TEST_CASE("sums of vectors are the same bits wherever they lie in memory", "[core]", float, double) {
  using S = TestType;
  for (const Eigen::Index n : {1, 7, 16, 33, 101}) {
    const auto a = numbers<S>(n, 0), b = numbers<S>(n, 1);
    const S here = detail::product(a.data(), b.data(), n);
    for (std::size_t shift = 1; shift < 9; ++shift) {
      std::vector<S> there_a(shift), there_b(2 * shift);
      there_a.insert(there_a.end(), a.begin(), a.end());
      there_b.insert(there_b.end(), b.begin(), b.end());
      CHECK(detail::product(there_a.data() + shift, there_b.data() + 2 * shift, n) == here);
    }
  }
}

TEST_CASE("a vector may be added to and scaled in place", "[core]") {
  auto x = numbers<double>(21, 0);
  const auto before = x;
  detail::add(x.data(), 1.0, x.data(), x.data(), 21);
  for (std::size_t i = 0; i < x.size(); ++i) CHECK(x[i] == 2 * before[i]);
  detail::scale(0.5, x.data(), x.data(), 21);
  CHECK(x == before);
}

TEST_CASE("no entry hides one that is not finite", "[core]") {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  std::vector<double> x{0.5, -3, 2};
  CHECK(detail::largest(x.data(), 3) == 3);
  CHECK(detail::largest(x.data(), 0) == 0);
  CHECK(detail::all_finite(x.data(), 3));
  for (double& entry : x) {
    const double kept = entry;
    entry = nan;
    CHECK(std::isnan(detail::largest(x.data(), 3)));
    CHECK_FALSE(detail::all_finite(x.data(), 3));
    entry = -infinity;
    CHECK(detail::largest(x.data(), 3) == infinity);
    CHECK_FALSE(detail::all_finite(x.data(), 3));
    entry = kept;
  }
}

TEST_CASE("any number type will do", "[core]") {
  const std::vector<Wrapped> a{Wrapped(1), Wrapped(2), Wrapped(3)};
  std::vector<Wrapped> out = a;
  CHECK(detail::product(a.data(), a.data(), 3).value == 14);
  detail::add(a.data(), Wrapped(2), a.data(), out.data(), 3);
  CHECK(out[2].value == 9);
}

TEST_CASE("copies and zeros have their source's size", "[core]") {
  const Eigen::MatrixXd from = Eigen::MatrixXd::Random(3, 2);
  Eigen::MatrixXd to;
  detail::copy(from, to);
  CHECK(to == from);
  detail::zeros(to, 1, 4);
  CHECK(to == Eigen::MatrixXd::Zero(1, 4));
  Eigen::Vector3d fixed;
  detail::copy(Eigen::Vector3d(1, 2, 3), fixed);
  CHECK(fixed == Eigen::Vector3d(1, 2, 3));
}
