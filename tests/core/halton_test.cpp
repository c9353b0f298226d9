#include <mesaopt/core/halton.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <set>
#include <stdexcept>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd;

namespace {

MatrixXd points(Halton halton, Eigen::Index count) {
  MatrixXd all(halton.dimension, count);
  halton.fill(all);
  return all;
}

}  // namespace

TEST_CASE("unscrambled Halton points are those of scipy", "[core][sequence]") {
  const MatrixXd first = points({.dimension = 3, .scrambled = false}, 6);
  CHECK(first.row(0) == Eigen::RowVector<double, 6>{0, 1 / 2., 1 / 4., 3 / 4., 1 / 8., 5 / 8.});
  CHECK(first.row(1) == Eigen::RowVector<double, 6>{0, 1 / 3., 2 / 3., 1 / 9., 4 / 9., 7 / 9.});
  CHECK(first.row(2) == Eigen::RowVector<double, 6>{0, 1 / 5., 2 / 5., 3 / 5., 4 / 5., 1 / 25.});

  const MatrixXd later = points({.dimension = 161, .scrambled = false, .index = 1000}, 1);
  const MatrixXd last = points({.dimension = 161, .scrambled = false, .index = 4095}, 1);
  const std::array<Eigen::Index, 7> dimensions{0, 1, 2, 9, 49, 99, 160};
  const std::array<double, 7> at_1000{0.0927734375,        0.3475080018289895,  0.00512,
                                      0.48874492599122549, 0.36688850327034189, 0.84843225217899343,
                                      0.055967324145944117};
  const std::array<double, 7> at_4095{0.999755859375,      0.097088858405730838, 0.187584,
                                      0.23678707614088318, 0.88242024370244654,  0.56933999815498781,
                                      0.32418608644650088};
  for (std::size_t k = 0; k < dimensions.size(); ++k) {
    CHECK(later(dimensions[k], 0) == Approx(at_1000[k]).epsilon(1e-14));
    CHECK(last(dimensions[k], 0) == Approx(at_4095[k]).epsilon(1e-14));
  }
}

TEST_CASE("a dimension of Halton has one of base^m points in each interval", "[core][sequence]") {
  const std::array<int, 8> sizes{256, 243, 125, 343, 121, 169, 289, 361};
  for (const bool scrambled : {false, true})
    for (std::size_t j = 0; j < sizes.size(); ++j) {
      const int size = sizes[j];
      const MatrixXd block = points(
          {.dimension = 8, .seed = 3, .scrambled = scrambled, .index = 7 * std::uint64_t(size)}, Eigen::Index(size));
      std::set<int> met;
      for (const double x : block.row(Eigen::Index(j))) met.insert(int(std::floor(size * x + 1e-9)));
      CHECK(met.size() == std::size_t(size));
      CHECK(*met.rbegin() == size - 1);
    }
}

TEST_CASE("two dimensions of Halton have one point in each of their rectangles", "[core][sequence]") {
  const MatrixXd block = points({.dimension = 2, .seed = 8, .index = 216}, 72);
  std::set<std::pair<int, int>> met;
  for (Eigen::Index k = 0; k < 72; ++k) met.emplace(int(8 * block(0, k)), int(std::floor(9 * block(1, k) + 1e-9)));
  CHECK(met.size() == 72);
}

TEST_CASE("a Halton point is distributed uniformly over seeds, leading zeros included", "[core][sequence]") {
  constexpr int seeds = 9000;
  std::array<double, 25> cells{};
  for (std::uint64_t seed = 0; seed < seeds; ++seed)
    ++cells[std::size_t(25 * points({.dimension = 3, .seed = seed}, 1)(2, 0) + 1e-9)];
  double chi_square = 0;
  for (const double count : cells) chi_square += (count - seeds / 25.0) * (count - seeds / 25.0) / (seeds / 25.0);
  CHECK(std::abs(chi_square - 24) < 5 * std::sqrt(48.0));
}

TEST_CASE("means over scrambled Halton points are nearer to the integral than over random ones", "[core][sequence]") {
  constexpr int n = 1000, seeds = 20;
  const double random = std::sqrt((std::pow(13.0 / 12, 6) - 1) / n);
  double squares = 0;
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    const MatrixXd block = points({.dimension = 6, .seed = seed}, n);
    const double error = (block.array() + 0.5).colwise().prod().mean() - 1;
    squares += error * error / seeds;
  }
  CHECK(std::sqrt(squares) < random / 10);
}

TEST_CASE("scrambling breaks the lines on which points of large primes lie", "[core][sequence]") {
  const auto correlation = [](bool scrambled) {
    const MatrixXd x = points({.dimension = 40, .seed = 2, .scrambled = scrambled}, 150).bottomRows(2);
    const MatrixXd centered = x.colwise() - x.rowwise().mean();
    return std::abs(centered.row(0).dot(centered.row(1)) / (centered.row(0).norm() * centered.row(1).norm()));
  };
  CHECK(correlation(false) > 0.75);
  CHECK(correlation(true) < 0.3);
}

TEST_CASE("a Halton sequence goes on from any index, and in more dimensions", "[core][sequence]") {
  const Halton start{.dimension = 7, .seed = 5, .index = 1000};
  const MatrixXd all = points(start, 40);
  Halton one_by_one = start;
  MatrixXd next(7, 1);
  for (Eigen::Index k = 0; k < 40; ++k) {
    one_by_one.fill(next);
    CHECK(identical(MatrixXd(all.col(k)), next));
  }
  Halton far = load<Halton>(save(one_by_one)), same = one_by_one;
  CHECK(identical(far, one_by_one));
  far.index = same.index = (std::uint64_t{1} << 40) + 12345;
  CHECK(identical(points(far, 5), points(same, 5)));
  CHECK(points({.dimension = 30, .seed = 5, .index = 1000}, 40).topRows(7) == all);

  one_by_one.seed = 6;  // the scratch is of another seed now
  one_by_one.fill(next);
  CHECK(identical(next, points({.dimension = 7, .seed = 6, .index = 1040}, 1)));
}

TEST_CASE("scrambled Halton points are the same on every platform", "[core][sequence]") {
  const MatrixXd x = points({.dimension = 3, .seed = 1}, 2);
  CHECK(x(0, 0) == 0x1.1f60f8370eb05p-1);
  CHECK(x(2, 1) == 0x1.f0ca158812a73p-1);
  Eigen::MatrixXf single(3, 2);
  Halton{.dimension = 3, .seed = 1}.fill(single);
  CHECK((x - single.cast<double>()).cwiseAbs().maxCoeff() <= 0x1p-24);
}

TEST_CASE("drawing from a prepared Halton sequence does not allocate, and a wrong size is refused",
          "[core][sequence]") {
  Halton halton{.dimension = 300};
  halton.prepare();
  MatrixXd block(300, 20);
  const long before = allocations();
  halton.fill(block);
  CHECK(allocations() == before);
  CHECK((block.minCoeff() >= 0 && block.maxCoeff() < 1));

  CHECK_THROWS_WITH(halton.fill(MatrixXd(11, 2)), Catch::Contains("have 11 rows, but the sequence 300"));
  CHECK_THROWS_WITH(Halton{.dimension = 6543}.check(), Catch::Contains("Halton::dimension: is 6543"));
  CHECK_THROWS_AS(points({.dimension = 0}, 1), std::invalid_argument);
}
