#include <mesaopt/core/random.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <vector>

#include <Eigen/Core>

#include "support/catch.hpp"

using mesaopt::philox;
using mesaopt::Random;

namespace {

using Four = std::array<std::uint32_t, 4>;

double normal_cdf(double x) { return std::erfc(-x / std::sqrt(2.0)) / 2; }

// The largest distance of the empirical distribution from a given one, times sqrt(n): above 1.95 once in a thousand.
template <class Cdf>
double kolmogorov(std::vector<double> draws, const Cdf& cdf) {
  std::sort(draws.begin(), draws.end());
  const double n = static_cast<double>(draws.size());
  double distance = 0;
  for (std::size_t i = 0; i < draws.size(); ++i) {
    const double p = cdf(draws[i]), k = static_cast<double>(i);
    distance = std::max({distance, p - k / n, (k + 1) / n - p});
  }
  return distance * std::sqrt(n);
}

std::vector<double> normals(Random random, int n) {
  std::vector<double> out;
  for (int i = 0; i < n; ++i) out.push_back(random.normal());
  return out;
}

double correlation(Random a, Random b, int n) {
  double sum = 0;
  for (int i = 0; i < n; ++i) sum += a.normal() * b.normal();
  return sum / n;
}

}  // namespace

static_assert(philox({0, 0, 0, 0}, {0, 0}) == Four{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
static_assert(Random{.seed = 3}.split(7) == Random{.seed = 3, .index = 9}.split(7));
static_assert(Random{.seed = 3}.at(5).index == 5);

TEST_CASE("philox gives the published known answers", "[core]") {
  CHECK(philox({0, 0, 0, 0}, {0, 0}) == Four{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}) ==
        Four{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        Four{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("bits are the words of philox in order", "[core]") {
  Random random{.seed = 0x299f31d0a4093822, .stream = 0x0370734413198a2e, .index = 2 * 0x05a308d3243f6a88};
  const auto words = philox({0x243f6a88, 0x05a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0});
  CHECK(random.bits() == (words[0] | std::uint64_t{words[1]} << 32));
  CHECK(random.bits() == (words[2] | std::uint64_t{words[3]} << 32));
  CHECK(Random{}.bits() == 0xe169c58d6627e8d5);
}

TEST_CASE("draws are the same bits on every compiler and platform", "[core]") {
  Random random{.seed = 2024, .stream = 6};
  CHECK(std::bit_cast<std::uint64_t>(random.at(0).uniform()) == 0x3fb1e3acda324408);
  CHECK(std::bit_cast<std::uint64_t>(random.at(1).uniform(-1.5, 3.7)) == 0xbfbfcab363842b40);
  CHECK(std::bit_cast<std::uint32_t>(random.at(2).uniform<float>()) == 0x3ef25e82);
  CHECK(std::bit_cast<std::uint32_t>(random.at(3).uniform(-1.5f, 3.7f)) == 0x3ffa6fc7);
  CHECK(random.at(4).below(1000000007) == 117601310);
  CHECK(random.at(5).below(0xC000000000000001) == 0x48fc13c54d699dc7);
  CHECK(std::bit_cast<std::uint64_t>(random.at(6).normal()) == 0x3fe9ba90a12228de);
  CHECK(std::bit_cast<std::uint64_t>(random.at(7).normal()) == 0x3fe7125bebeccd8f);
  CHECK(std::bit_cast<std::uint32_t>(random.at(8).normal<float>()) == 0xbfba54e0);

  // A million of them, so that the rims and the tail of the ziggurat are in it: FNV-1a over words.
  std::uint64_t hash = 0xcbf29ce484222325;
  for (int i = 0; i < 1000000; ++i) hash = (hash ^ std::bit_cast<std::uint64_t>(random.normal())) * 0x100000001b3;
  CHECK(hash == 0xe7eca23959923b9b);
}

TEST_CASE("a draw is a function of seed, stream and index alone", "[core]") {
  const Random start{.seed = 5, .stream = 2};
  Random random = start;
  for (std::uint64_t i = 0; i < 3000; ++i) {
    CHECK(random.index == i);
    switch (i % 4) {
      case 0: CHECK(random.normal() == start.at(i).normal()); break;
      case 1: CHECK(random.uniform() == start.at(i).uniform()); break;
      case 2: CHECK(random.below(~std::uint64_t{0} / 3 * 2) == start.at(i).below(~std::uint64_t{0} / 3 * 2)); break;
      default: CHECK(random.uniform(2.0f, 3.0f) == start.at(i).uniform(2.0f, 3.0f));
    }
  }
}

TEMPLATE_TEST_CASE("fill_normal gives the draws of a loop", "[core]", float, double) {
  for (const std::uint64_t first : {0u, 1u, 2u}) {
    const Random start{.seed = 11, .index = first};
    Random filling = start, looping = start;
    Eigen::Matrix<TestType, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> matrix(37, 41);
    Eigen::Vector<TestType, 3> small;
    Eigen::VectorX<TestType> none(0);
    filling.fill_normal(matrix);
    filling.fill_normal(small);
    filling.fill_normal(none);
    filling.fill_normal(matrix.col(2));
    for (Eigen::Index column = 0; column < 41; ++column)
      for (Eigen::Index row = 0; row < 37; ++row) {
        const auto draw = looping.normal<TestType>();
        if (column != 2) CHECK(matrix(row, column) == draw);
      }
    for (const TestType value : small) CHECK(value == looping.normal<TestType>());
    for (Eigen::Index row = 0; row < 37; ++row) CHECK(matrix(row, 2) == looping.normal<TestType>());
    CHECK(filling == looping);
  }
}

TEST_CASE("a float normal is the rounded double", "[core]") {
  for (std::uint64_t i = 0; i < 1000; ++i)
    CHECK(Random{.seed = 1, .index = i}.normal<float>() == static_cast<float>(Random{.seed = 1, .index = i}.normal()));
}

TEST_CASE("normal draws follow the normal distribution", "[core]") {
  const std::vector<double> draws = normals({.seed = 1}, 1000000);
  CHECK(kolmogorov(draws, normal_cdf) < 1.95);
  std::array<double, 7> moment{};
  for (const double x : draws)
    for (std::size_t k = 1; k < moment.size(); ++k) moment[k] += std::pow(x, k) / 1e6;
  // Within four standard errors sqrt((E x^2k - (E x^k)^2) / n).
  CHECK(std::abs(moment[1]) < 4e-3);
  CHECK(std::abs(moment[2] - 1) < 4e-3 * std::sqrt(2.0));
  CHECK(std::abs(moment[3]) < 4e-3 * std::sqrt(15.0));
  CHECK(std::abs(moment[4] - 3) < 4e-3 * std::sqrt(96.0));
  CHECK(std::abs(moment[5]) < 4e-3 * std::sqrt(945.0));
  CHECK(std::abs(moment[6] - 15) < 4e-3 * std::sqrt(10395.0 - 225));
}

TEST_CASE("normal draws are as rare in the tails as they should be", "[core]") {
  constexpr int n = 10000000;
  std::array<double, 4> above{}, below{};
  const std::array<double, 4> limits{3, 3.6541528853610088, 4, 5};
  std::vector<double> tail;
  Random random{.seed = 2};
  for (int i = 0; i < n; ++i) {
    const double x = random.normal();
    if (std::abs(x) < 3) continue;
    if (std::abs(x) > limits[1]) tail.push_back(std::abs(x));
    for (std::size_t k = 0; k < limits.size(); ++k) {
      above[k] += x > limits[k];
      below[k] += x < -limits[k];
    }
  }
  for (std::size_t k = 0; k < limits.size(); ++k) {
    const double expected = n * normal_cdf(-limits[k]);
    INFO("beyond " << limits[k] << " expected " << expected << " got " << below[k] << ", " << above[k]);
    CHECK(std::abs(above[k] - expected) < 4 * std::sqrt(expected) + 1);
    CHECK(std::abs(below[k] - expected) < 4 * std::sqrt(expected) + 1);
  }
  // And within the tail, which has a formula of its own.
  CHECK(kolmogorov(tail, [&](double x) { return 1 - normal_cdf(-x) / normal_cdf(-limits[1]); }) < 1.95);
}

TEST_CASE("the rims of the ziggurat have the right density", "[core]") {
  // 512 equal slices of the distribution: the rims of the layers are narrower than what Kolmogorov's test can see.
  constexpr int n = 4000000, slices = 512;
  std::vector<double> count(slices, 0.0);
  Random random{.seed = 3};
  for (int i = 0; i < n; ++i) ++count[static_cast<std::size_t>(normal_cdf(random.normal()) * slices)];
  double chi_square = 0;
  for (const double c : count) chi_square += (c - n / slices) * (c - n / slices) / (n / slices);
  CHECK(std::abs(chi_square - (slices - 1)) < 4 * std::sqrt(2.0 * (slices - 1)));
}

TEST_CASE("the logarithm of the tail is accurate to two units in the last place", "[core]") {
  Random random{.seed = 4};
  for (int i = 0; i < 100000; ++i) {
    const double x = std::ldexp(random.uniform() + 0x1p-53, -static_cast<int>(random.below(53)));
    const double expected = std::log(x);
    CHECK(std::abs(mesaopt::detail::logarithm(x) - expected) <= 2 * 0x1p-52 * std::abs(expected));
  }
  CHECK(mesaopt::detail::logarithm(1) == 0);
}

TEST_CASE("uniform draws fill their interval evenly", "[core]") {
  Random random{.seed = 5};
  std::vector<double> unit, single, interval;
  for (int i = 0; i < 1000000; ++i) {
    unit.push_back(random.uniform());
    single.push_back(random.uniform<float>());
    interval.push_back(random.uniform(-2.0, 6.0));
  }
  CHECK(kolmogorov(unit, [](double x) { return x; }) < 1.95);
  CHECK(kolmogorov(single, [](double x) { return x; }) < 1.95);
  CHECK(kolmogorov(interval, [](double x) { return (x + 2) / 8; }) < 1.95);
  CHECK(*std::min_element(unit.begin(), unit.end()) >= 0);
  CHECK(*std::max_element(unit.begin(), unit.end()) < 1);
  CHECK(*std::max_element(single.begin(), single.end()) < 1);
}

TEMPLATE_TEST_CASE("uniform draws stay below the upper end, whatever the rounding", "[core]", float, double) {
  const TestType lower = 1, upper = std::nextafter(lower, TestType(2));
  Random random{.seed = 6};
  for (int i = 0; i < 1000; ++i) CHECK(random.uniform(lower, upper) == lower);
  CHECK(random.uniform(lower, lower) == lower);
  CHECK(random.index == 1001);
  const TestType infinity = std::numeric_limits<TestType>::infinity(), most = std::numeric_limits<TestType>::max();
  CHECK_THROWS_AS(random.uniform(upper, lower), std::invalid_argument);
  CHECK_THROWS_AS(random.uniform(lower, infinity), std::invalid_argument);
  CHECK_THROWS_AS(random.uniform(-most, most), std::invalid_argument);
  CHECK_THROWS_AS(random.uniform(lower, std::numeric_limits<TestType>::quiet_NaN()), std::invalid_argument);
}

TEST_CASE("below is unbiased", "[core]") {
  // With n = 3 * 2^62 the plain product would favour every third number by half.
  const std::uint64_t n = std::uint64_t{3} << 62;
  Random random{.seed = 7};
  std::array<double, 3> residue{}, third{};
  for (int i = 0; i < 300000; ++i) {
    const std::uint64_t draw = random.below(n);
    REQUIRE(draw < n);
    ++residue[draw % 3];
    ++third[draw / (n / 3)];
  }
  CHECK(random.index == 300000);
  for (const double count : residue) CHECK(std::abs(count - 1e5) < 4 * std::sqrt(1e5 * 2 / 3));
  for (const double count : third) CHECK(std::abs(count - 1e5) < 4 * std::sqrt(1e5 * 2 / 3));

  std::array<double, 7> small{};
  for (int i = 0; i < 700000; ++i) ++small[random.below(7)];
  for (const double count : small) CHECK(std::abs(count - 1e5) < 4 * std::sqrt(1e5 * 6 / 7));
  CHECK(random.below(1) == 0);
  CHECK_THROWS_AS(random.below(0), std::invalid_argument);
}

TEST_CASE("the wide product is right", "[core]") {
  using mesaopt::detail::wide_product;
  const std::uint64_t all = ~std::uint64_t{0};
  CHECK(wide_product(all, all).high == all - 1);
  CHECK(wide_product(all, all).low == 1);
  CHECK(wide_product(0x123456789ABCDEF0, 0x0FEDCBA987654321).high == 0x0121FA00AD77D742);
  CHECK(wide_product(0x123456789ABCDEF0, 0x0FEDCBA987654321).low == 0x2236D88FE5618CF0);
}

TEST_CASE("streams, seeds and children are uncorrelated", "[core]") {
  const Random parent{.seed = 8};
  constexpr int n = 100000;
  const double bound = 4.5 / std::sqrt(double{n});
  CHECK(std::abs(correlation(parent, Random{.seed = 9}, n)) < bound);
  CHECK(std::abs(correlation(parent, Random{.seed = 8, .stream = 1}, n)) < bound);
  CHECK(std::abs(correlation(parent, parent.at(1), n)) < bound);
  for (std::uint64_t k = 0; k < 10; ++k) {
    CHECK(std::abs(correlation(parent, parent.split(k), n)) < bound);
    CHECK(std::abs(correlation(parent.split(k), parent.split(k + 1), n)) < bound);
    CHECK(std::abs(correlation(parent.split(k), parent.split(k).split(k), n)) < bound);
  }
  // One draw from each of many streams is a good sequence too.
  std::vector<double> across_streams, across_seeds, across_children;
  for (std::uint64_t k = 0; k < 100000; ++k) {
    across_streams.push_back(Random{.seed = 8, .stream = k}.normal());
    across_seeds.push_back(Random{.seed = k}.normal());
    across_children.push_back(parent.split(k).normal());
  }
  CHECK(kolmogorov(across_streams, normal_cdf) < 1.95);
  CHECK(kolmogorov(across_seeds, normal_cdf) < 1.95);
  CHECK(kolmogorov(across_children, normal_cdf) < 1.95);
}

TEST_CASE("children differ by parent and by name", "[core]") {
  std::vector<std::uint64_t> first;
  for (std::uint64_t seed = 0; seed < 20; ++seed)
    for (std::uint64_t stream = 0; stream < 20; ++stream)
      for (std::uint64_t k = 0; k < 20; ++k) first.push_back(Random{seed, stream, 0}.split(k).bits());
  std::sort(first.begin(), first.end());
  CHECK(std::adjacent_find(first.begin(), first.end()) == first.end());
}
