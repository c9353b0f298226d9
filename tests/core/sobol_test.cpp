#include <mesaopt/core/sobol.hpp>

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
using Eigen::MatrixXd, Eigen::VectorXd;

namespace {

MatrixXd points(Sobol sobol, Eigen::Index count) {
  MatrixXd all(sobol.dimension, count);
  sobol.fill(all);
  return all;
}

constexpr std::array all_kinds{Scrambling::none, Scrambling::digital_shift, Scrambling::owen};

}  // namespace

TEST_CASE("unscrambled Sobol points are those of scipy", "[core][sequence]") {
  MatrixXd first(4, 8);
  first << 0, .5, .75, .25, .375, .875, .625, .125,  //
      0, .5, .25, .75, .375, .875, .125, .625,       //
      0, .5, .25, .75, .625, .125, .875, .375,       //
      0, .5, .25, .75, .875, .375, .625, .125;
  CHECK(points({.dimension = 4, .scrambling = Scrambling::none}, 8) == first);

  const MatrixXd many = 4096 * points({.dimension = 161, .scrambling = Scrambling::none}, 4096);
  const std::array<Eigen::Index, 7> dimensions{0, 1, 2, 9, 49, 99, 160};
  const std::array<double, 7> at_1000{900, 396, 2124, 284, 1964, 764, 3516};
  const std::array<double, 7> at_4095{1, 3855, 1369, 1009, 2489, 3943, 2819};
  for (std::size_t k = 0; k < dimensions.size(); ++k) {
    CHECK(many(dimensions[k], 1000) == at_1000[k]);
    CHECK(many(dimensions[k], 4095) == at_4095[k]);
  }
  // All dimensions, by sums with the weights 1, 2, 3, ...
  const VectorXd weights = VectorXd::LinSpaced(161, 1, 161).array().round();
  CHECK(weights.dot(many.col(777)) == 26437412);
  CHECK(weights.dot(many.col(3000)) == 28691681);
  CHECK(weights.dot(many.rowwise().sum()) == 26701447.5 * 4096);
}

TEST_CASE("every dimension of Sobol has one of 256 points in each interval", "[core][sequence]") {
  for (const Scrambling scrambling : all_kinds) {
    const MatrixXd block = points({.dimension = 161, .seed = 3, .scrambling = scrambling, .index = 5 * 256}, 256);
    for (Eigen::Index j = 0; j < block.rows(); ++j) {
      std::set<int> met;
      for (const double x : block.row(j)) met.insert(int(256 * x));
      REQUIRE(met.size() == 256);
      REQUIRE(*met.rbegin() == 255);
    }
  }
}

TEST_CASE("the first two dimensions of Sobol have one of 256 points in each rectangle", "[core][sequence]") {
  for (const Scrambling scrambling : all_kinds) {
    const MatrixXd block = points({.dimension = 2, .seed = 7, .scrambling = scrambling, .index = 256}, 256);
    for (int bits = 0; bits <= 8; ++bits) {
      std::set<std::pair<int, int>> met;
      for (Eigen::Index k = 0; k < 256; ++k)
        met.emplace(int(std::ldexp(block(0, k), bits)), int(std::ldexp(block(1, k), 8 - bits)));
      CHECK(met.size() == 256);
    }
  }
}

TEST_CASE("a Sobol point is distributed uniformly over seeds, and two are as independent as the net allows",
          "[core][sequence]") {
  // Points 0 and 1 differ in the first bit. Owen's scrambling leaves all other bits of the two independent, a shift
  // none: their difference is always the same.
  constexpr int seeds = 8000;
  std::array<double, 64> owen{}, shifted{};
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    const MatrixXd a = points({.dimension = 3, .seed = seed}, 2);
    ++owen[std::size_t(8 * a(2, 0)) * 8 + std::size_t(8 * a(2, 1))];
    const MatrixXd b = points({.dimension = 3, .seed = seed, .scrambling = Scrambling::digital_shift}, 2);
    ++shifted[std::size_t(8 * b(2, 0)) * 8 + std::size_t(8 * b(2, 1))];
  }
  double chi_square = 0;  // 32 of 64 cells can be met, all equally often
  for (std::size_t cell = 0; cell < 64; ++cell) {
    const bool possible = (cell / 32) != (cell % 8) / 4;
    if (possible)
      chi_square += (owen[cell] - seeds / 32.0) * (owen[cell] - seeds / 32.0) / (seeds / 32.0);
    else
      CHECK(owen[cell] == 0);
    const bool same_shift = (cell / 8 ^ 4) == cell % 8;
    CHECK((shifted[cell] > 0) == same_shift);
  }
  CHECK(std::abs(chi_square - 31) < 5 * std::sqrt(62.0));
}

TEST_CASE("means over scrambled Sobol points are far nearer to the integral than over random ones",
          "[core][sequence]") {
  // The product of six factors 1 + (x - 1/2), of mean 1 and variance (1 + 1/12)^6 - 1.
  constexpr int n = 1024, seeds = 20;
  const double random = std::sqrt((std::pow(13.0 / 12, 6) - 1) / n);
  for (const Scrambling scrambling : {Scrambling::digital_shift, Scrambling::owen}) {
    double squares = 0;
    for (std::uint64_t seed = 0; seed < seeds; ++seed) {
      const MatrixXd block = points({.dimension = 6, .seed = seed, .scrambling = scrambling}, n);
      const double error = (block.array() + 0.5).colwise().prod().mean() - 1;
      squares += error * error / seeds;
    }
    CHECK(std::sqrt(squares) < random / 30);
  }
}

TEST_CASE("a Sobol sequence goes on from any index, copied, saved or in other blocks", "[core][sequence]") {
  const Sobol start{.dimension = 7, .seed = 5, .index = 1000};
  const MatrixXd all = points(start, 40);
  Sobol one_by_one = start;
  MatrixXd next(7, 1);
  for (Eigen::Index k = 0; k < 40; ++k) {
    one_by_one.fill(next);
    CHECK(identical(MatrixXd(all.col(k)), next));
  }
  CHECK(one_by_one.index == 1040);
  Sobol far = load<Sobol>(save(one_by_one)), same = one_by_one;
  CHECK(identical(far, one_by_one));
  far.index = same.index = (std::uint64_t{1} << 50) + 12345;
  CHECK(identical(points(far, 5), points(same, 5)));
  CHECK(points(far, 5) != points(start, 5));
  CHECK(points({.dimension = 3, .seed = 5, .index = 1000}, 40) == all.topRows(3));

  one_by_one.dimension = 9;  // the scratch is of another dimension now
  MatrixXd more(9, 2);
  one_by_one.fill(more);
  CHECK(identical(more, points({.dimension = 9, .seed = 5, .index = 1040}, 2)));
}

TEST_CASE("scrambled Sobol points are the same on every platform", "[core][sequence]") {
  const MatrixXd x = points({.dimension = 2, .seed = 1}, 2);
  CHECK(x(0, 0) == 0x1.4441ab0fd13f1p-1);
  CHECK(x(1, 1) == 0x1.edc73e3a8390cp-2);
  Eigen::MatrixXf single(2, 2);
  Sobol{.dimension = 2, .seed = 1}.fill(single);
  CHECK((x - single.cast<double>()).minCoeff() >= 0);
  CHECK((x - single.cast<double>()).maxCoeff() < 0x1p-24);
}

TEST_CASE("drawing from a prepared Sobol sequence does not allocate, and a wrong size is refused", "[core][sequence]") {
  Sobol sobol{.dimension = 12};
  sobol.prepare();
  MatrixXd block(12, 50);
  const long before = allocations();
  sobol.fill(block);
  CHECK(allocations() == before);
  CHECK((block.minCoeff() >= 0 && block.maxCoeff() < 1));

  CHECK_THROWS_WITH(sobol.fill(MatrixXd(11, 2)), Catch::Contains("have 11 rows, but the sequence 12"));
  CHECK_THROWS_WITH(Sobol{.dimension = 162}.check(), Catch::Contains("Sobol::dimension: is 162"));
  CHECK_THROWS_AS(points({.dimension = 0}, 1), std::invalid_argument);
}
