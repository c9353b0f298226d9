#include <mesaopt/direct/rectangles.hpp>

#include <cmath>
#include <cstddef>
#include <vector>

#include "support/catch.hpp"

using mesaopt::detail::Rectangles;

TEST_CASE("rectangles fill the cube, with the lowest value in the larger ones", "[direct][rectangles]") {
  Rectangles<double> rectangles;
  rectangles.begin(2);
  rectangles.set_first(5);
  std::vector<std::size_t> chosen;
  rectangles.choose(0, chosen);
  REQUIRE(chosen == std::vector<std::size_t>{0});
  CHECK(rectangles.longest_sides(0) == 2);
  std::vector<std::vector<double>> centers;
  rectangles.new_centers(0, [&](const auto& center) { centers.push_back(center); });
  REQUIRE(centers.size() == 4);
  CHECK(centers[0][0] == Approx(5.0 / 6));
  CHECK(centers[3][1] == Approx(1.0 / 6));

  // The lowest is along the second axis, which is cut first: both of its new ones keep the whole first side.
  const double values[] = {4, 7, 6, 1};
  std::size_t next = 0;
  rectangles.cut(0, [&](double parent) {
    CHECK(parent == 5);
    return values[next++];
  });
  CHECK(next == 4);
  CHECK(rectangles.values == std::vector<double>{5, 6, 1, 4, 7});
  CHECK(rectangles.levels == std::vector<std::uint8_t>{1, 1, 0, 1, 0, 1, 1, 1, 1, 1});

  // Of the long ones that with 1; of the cubes of a third none, as at every rate it is worse than that.
  chosen.clear();
  rectangles.choose(0, chosen);
  CHECK(chosen == std::vector<std::size_t>{2});
  for (int k = 0; k < 30; ++k) {
    for (const std::size_t which : chosen) rectangles.cut(which, [&](double parent) { return parent - 0.1; });
    chosen.clear();
    rectangles.choose(0, chosen);
    double area = 0;
    for (std::size_t i = 0; i < rectangles.values.size(); ++i)
      area += std::pow(3.0, -int(rectangles.levels[2 * i]) - int(rectangles.levels[2 * i + 1]));
    CHECK(area == Approx(1));
  }
}

TEST_CASE("an axis that is fixed is never cut", "[direct][rectangles]") {
  Rectangles<float> rectangles;
  rectangles.begin(2);
  rectangles.fix(1);
  rectangles.set_first(0);
  std::vector<std::size_t> chosen;
  std::size_t cuts = 0;
  for (rectangles.choose(0, chosen); !chosen.empty() && cuts < 500; rectangles.choose(0, chosen)) {
    for (const std::size_t which : chosen) {
      CHECK(rectangles.longest_sides(which) == 1);
      rectangles.cut(which, [](float parent) { return parent - 1; });
      ++cuts;
    }
    chosen.clear();
  }
  CHECK(rectangles.centers.size() == 2 * (2 * cuts + 1));
  for (std::size_t i = 0; i < rectangles.values.size(); ++i) CHECK(rectangles.centers[2 * i + 1] == 0.5f);
}
