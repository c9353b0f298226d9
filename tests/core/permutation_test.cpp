#include <mesaopt/core/permutation.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <vector>

#include "support/catch.hpp"

using mesaopt::Permutation;

namespace {

bool is_bijection(const Permutation& shuffle) {
  std::vector<bool> seen(shuffle.size, false);
  for (std::uint64_t i = 0; i < shuffle.size; ++i) {
    const std::uint64_t element = shuffle(i);
    if (element >= shuffle.size || seen[element]) return false;
    seen[element] = true;
  }
  return true;
}

// Within five standard deviations of its mean.
bool plausible(double chi_square, double degrees) {
  return std::abs(chi_square - degrees) < 5 * std::sqrt(2 * degrees);
}

}  // namespace

TEST_CASE("every size gives a bijection", "[core]") {
  for (std::uint64_t size = 1; size <= 300; ++size)
    for (std::uint64_t epoch = 0; epoch < 3; ++epoch) {
      INFO("size " << size << " epoch " << epoch);
      CHECK(is_bijection({.size = size, .seed = 1, .epoch = epoch}));
    }
  CHECK(is_bijection({.size = 60000, .seed = 2}));
  CHECK(is_bijection({.size = 65536, .seed = 2}));
  CHECK(is_bijection({.size = 65537, .seed = 2}));
}

TEST_CASE("a place outside is refused", "[core]") {
  CHECK_THROWS_AS((Permutation{.size = 5}(5)), std::invalid_argument);
  CHECK_THROWS_AS((Permutation{}(0)), std::invalid_argument);
}

TEST_CASE("shuffles are the same on every compiler and platform", "[core]") {
  const Permutation shuffle{.size = 10, .seed = 2024, .epoch = 6};
  std::vector<std::uint64_t> order;
  for (std::uint64_t i = 0; i < 10; ++i) order.push_back(shuffle(i));
  CHECK(order == std::vector<std::uint64_t>{4, 7, 3, 9, 8, 1, 5, 6, 2, 0});
  CHECK(Permutation{.size = ~std::uint64_t{0}, .seed = 2024}(0) == 15914444983478715094u);
  static_assert(Permutation{.size = 10, .seed = 2024, .epoch = 6}.prepared()(3) == 9);
}

TEST_CASE("every element comes to every place equally often", "[core]") {
  for (const std::uint64_t size : {2u, 3u, 4u, 5u, 7u, 8u, 9u, 16u, 17u, 33u, 100u, 128u}) {
    const double epochs = 100.0 * static_cast<double>(size);
    std::vector<double> count(size * size, 0.0);
    for (std::uint64_t epoch = 0; epoch < 100 * size; ++epoch) {
      const Permutation shuffle{.size = size, .seed = 3, .epoch = epoch};
      for (std::uint64_t i = 0; i < size; ++i) ++count[i * size + shuffle(i)];
    }
    const double expected = epochs / static_cast<double>(size);
    double chi_square = 0;
    for (const double c : count) chi_square += (c - expected) * (c - expected) / expected;
    INFO("size " << size << " chi square " << chi_square);
    CHECK(plausible(chi_square, static_cast<double>((size - 1) * (size - 1))));
  }
}

TEST_CASE("all orders of few elements are equally frequent", "[core]") {
  for (const std::uint64_t size : {3u, 4u, 5u}) {
    std::size_t orders = 1;
    for (std::uint64_t k = 2; k <= size; ++k) orders *= k;
    const std::uint64_t epochs = 400 * orders;
    std::vector<double> count(orders, 0.0);
    for (std::uint64_t epoch = 0; epoch < epochs; ++epoch) {
      const Permutation shuffle{.size = size, .seed = 4, .epoch = epoch};
      std::size_t rank = 0;
      for (std::uint64_t i = 0; i < size; ++i) {
        std::size_t smaller = 0;
        for (std::uint64_t j = i + 1; j < size; ++j) smaller += shuffle(j) < shuffle(i);
        rank = rank * (size - i) + smaller;
      }
      ++count[rank];
    }
    double chi_square = 0;
    for (const double c : count) chi_square += (c - 400) * (c - 400) / 400;
    INFO("size " << size << " chi square " << chi_square);
    CHECK(plausible(chi_square, static_cast<double>(orders - 1)));
  }
}

TEST_CASE("neighbours of a large shuffle are far apart, in all directions", "[core]") {
  const Permutation shuffle{.size = 60000, .seed = 5};
  std::array<double, 100> count{};
  for (std::uint64_t i = 0; i + 1 < shuffle.size; ++i)
    ++count[shuffle(i) * 10 / shuffle.size * 10 + shuffle(i + 1) * 10 / shuffle.size];
  double chi_square = 0;
  for (const double c : count) chi_square += (c - 600) * (c - 600) / 600;
  CHECK(plausible(chi_square, 81 + 18));
}

TEST_CASE("seed and epoch name different shuffles", "[core]") {
  const auto order = [](std::uint64_t seed, std::uint64_t epoch) {
    std::vector<std::uint64_t> out;
    for (std::uint64_t i = 0; i < 30; ++i) out.push_back(Permutation{.size = 30, .seed = seed, .epoch = epoch}(i));
    return out;
  };
  std::vector<std::vector<std::uint64_t>> orders;
  for (std::uint64_t seed = 0; seed < 20; ++seed)
    for (std::uint64_t epoch = 0; epoch < 20; ++epoch) orders.push_back(order(seed, epoch));
  std::sort(orders.begin(), orders.end());
  CHECK(std::adjacent_find(orders.begin(), orders.end()) == orders.end());
}
