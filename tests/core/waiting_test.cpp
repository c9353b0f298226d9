#include <mesaopt/core/waiting.hpp>

#include <cstdint>
#include <stdexcept>
#include <vector>

#include <Eigen/Core>

#include "support/catch.hpp"

using namespace mesaopt;

TEST_CASE("points are marked as told by their numbers, in any order", "[core][waiting]") {
  const std::vector<std::uint64_t> ids{7, 4, 9, detail::no_point};
  std::vector<bool> told{false, false, false, true};
  detail::mark_told(std::vector<std::uint64_t>{9, 7}, ids, told);
  CHECK(told == std::vector<bool>{true, false, true, true});
  detail::mark_told(std::vector<std::uint64_t>{}, ids, told);
  CHECK(told == std::vector<bool>{true, false, true, true});
}

TEST_CASE("a number of no waiting point is refused and nothing is marked", "[core][waiting]") {
  const std::vector<std::uint64_t> ids{3, 4, 5};
  const std::vector<bool> before{false, true, false};
  std::vector<bool> told = before;
  for (const std::vector<std::uint64_t>& named : {std::vector<std::uint64_t>{3, 4}, {5, 8}, {3, 5, 3}}) {
    CHECK_THROWS_AS(detail::mark_told(named, ids, told), std::invalid_argument);
    CHECK(told == before);
  }
  CHECK_THROWS_WITH(detail::mark_told(std::vector<std::uint64_t>{8}, ids, told),
                    "ids: 8 names no point that waits to be told");
  CHECK_THROWS_WITH(detail::check_answers(2, 3), "ids: are 2, but evaluations 3");
}

TEST_CASE("the place of a number is found whatever the guess", "[core][waiting]") {
  const std::vector<std::uint64_t> ids{6, 2, 8};
  for (const std::size_t guess : {0u, 1u, 2u, 3u}) {
    CHECK(detail::place_of(ids, 2, guess) == 1);
    CHECK(detail::place_of(ids, 5, guess) == 3);
  }
}

TEST_CASE("the points that wait are those not told, without a copy where all wait", "[core][waiting]") {
  const Eigen::MatrixXd points = (Eigen::MatrixXd(2, 3) << 1, 2, 3, 4, 5, 6).finished();
  const std::vector<std::uint64_t> ids{5, 6, 7};
  Eigen::MatrixXd scratch;
  std::vector<std::uint64_t> names;
  const auto all = detail::waiting_points<Eigen::VectorXd>(points, ids, {false, false, false}, scratch, names);
  CHECK(all.points.data() == points.data());
  CHECK(all.ids.size() == 3);
  const auto two = detail::waiting_points<Eigen::VectorXd>(points, ids, {false, true, false}, scratch, names);
  CHECK(two.points == (Eigen::MatrixXd(2, 2) << 1, 3, 4, 6).finished());
  CHECK(std::vector<std::uint64_t>(two.ids.begin(), two.ids.end()) == std::vector<std::uint64_t>{5, 7});
  const auto none = detail::waiting_points<Eigen::VectorXd>(points, ids, {true, true, true}, scratch, names);
  CHECK(none.points.cols() == 0);
  CHECK(none.ids.empty());
}
