#include <mesaopt/bayes/mapped_points.hpp>

#include "support/catch.hpp"
#include "support/kernel_checks.hpp"

using namespace mesaopt::kernels;

TEST_CASE("points are mapped in lots that visit each once, whichever way they lie", "[bayes]") {
  for (const Eigen::Index d : {2, 300}) {
    const Eigen::MatrixXd X = points_in_cube(d, 50), rows = X.transpose();
    // The coordinates backwards, doubled.
    const auto map = [&](Eigen::Index c, const auto& get) { return 2 * get(d - 1 - c); };
    const Eigen::MatrixXd expected = 2 * X.colwise().reverse();
    for (const Points<double>& points : {Points<double>(X.data(), d, 50), Points<double>(rows.data(), d, 50, 1, 50)}) {
      Eigen::MatrixXd found = Eigen::MatrixXd::Zero(d, 50);
      detail::map_points(points, d, map, [&](Points<double> some, Eigen::Index first) {
        for (Eigen::Index i = 0; i < some.count; ++i)
          for (Eigen::Index c = 0; c < d; ++c) found(c, first + i) += some(c, i);
      });
      CHECK(found == expected);
    }
    detail::MappedPoint<double> y;
    detail::map_point(X.col(3).data(), d, map, y);
    CHECK(Eigen::Map<Eigen::VectorXd>(y.data(), d) == expected.col(3));
  }
  CHECK_THROWS_WITH(detail::check_mapped(513), Catch::Matchers::Contains("at most 512 coordinates, got 513"));
}
