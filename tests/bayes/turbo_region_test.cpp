#include <mesaopt/bayes/turbo_region.hpp>

#include <cmath>

#include "support/catch.hpp"

using mesaopt::Random;
using mesaopt::TurboRegion;
using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;

TEST_CASE("three successes in a row double the length, up to twice the start", "[bayes]") {
  const TurboRegion region;
  TurboRegion::State state;
  region.init(state);
  CHECK(state.length == 0.8);
  for (int i = 0; i < 2; ++i) region.update(1.0, 0.5, 20, 4, state);
  CHECK(state.length == 0.8);
  region.update(1.0, 0.5, 20, 4, state);
  CHECK(state.length == 1.6);
  CHECK(state.successes == 0);
  for (int i = 0; i < 3; ++i) region.update(1.0, 0.5, 20, 4, state);
  CHECK(state.length == 1.6);
}

TEST_CASE("as many failures in a row as the dimension over the batch, rounded up, halve the length", "[bayes]") {
  const TurboRegion region;
  TurboRegion::State state;
  region.init(state);
  for (int i = 0; i < 5; ++i) region.update(1.0, 1.5, 21, 4, state);
  CHECK(state.length == 0.8);
  region.update(1.0, 0.5, 21, 4, state);  // a success in between begins the count anew
  for (int i = 0; i < 5; ++i) region.update(1.0, 1.5, 21, 4, state);
  CHECK(state.length == 0.8);
  region.update(1.0, std::nan(""), 21, 4, state);
  CHECK(state.length == 0.4);
  // In few dimensions it takes four points.
  region.init(state);
  for (int i = 0; i < 4; ++i) region.update(1.0, 1.0, 2, 1, state);
  CHECK(state.length == 0.4);
}

TEST_CASE("what gains less than a thousandth is a failure", "[bayes]") {
  const TurboRegion region{.success_tolerance = 1, .failure_tolerance = 1};
  TurboRegion::State state;
  region.init(state);
  region.update(-10.0, -10.009, 5, 1, state);
  CHECK(state.length == 0.4);
  region.update(-10.0, -10.011, 5, 1, state);
  CHECK(state.length == 0.8);
}

TEST_CASE("the region ends below its least length of 2 to the minus 7 and can be begun again", "[bayes]") {
  const TurboRegion region{.failure_tolerance = 1};
  TurboRegion::State state;
  region.init(state);
  int halvings = 0;
  while (!state.ended) {
    region.update(1.0, 2.0, 5, 1, state);
    ++halvings;
  }
  CHECK(halvings == 7);  // 0.8 / 2^7 < 2^-7 <= 0.8 / 2^6
  region.init(state);
  CHECK(state.length == 0.8);
  CHECK_FALSE(state.ended);
}

TEST_CASE("sides are in proportion to the length scales, and their product is the length's power", "[bayes]") {
  const TurboRegion region;
  TurboRegion::State state;
  region.init(state);
  state.length = 0.1;
  const Vector centre = (Vector(3) << 0.5, 0.5, 0.98).finished(), scales = (Vector(3) << 1, 2, 4).finished();
  Vector lower, upper;
  region.box(centre, scales, state, lower, upper);
  CHECK(upper[0] - lower[0] == Approx(0.05));
  CHECK(upper[1] - lower[1] == Approx(0.1));
  CHECK(lower[2] == Approx(0.88));
  CHECK(upper[2] == 1);  // cut off at the cube
  region.box(centre, Vector(Vector::Constant(1, 7)), state, lower, upper);
  CHECK(upper[0] - lower[0] == Approx(0.1));
  CHECK_THROWS_WITH(region.box(centre, Vector(Vector::Ones(2)), state, lower, upper),
                    Catch::Matchers::Contains("1 or 3 length scales, got 2"));
}

TEST_CASE("candidates lie in the box and move twenty coordinates on average, one at least", "[bayes]") {
  const TurboRegion region;
  for (const Eigen::Index d : {3, 100, 200}) {
    const Vector centre = Vector::Constant(d, 0.4), lower = Vector::Constant(d, 0.3), upper = Vector::Constant(d, 0.55);
    Random random{5}, same{5};
    Matrix points(d, 400), again(d, 400);
    region.candidates(centre, lower, upper, random, points);
    region.candidates(centre, lower, upper, same, again);
    CHECK(points == again);
    CHECK(points.minCoeff() >= 0.3);
    CHECK(points.maxCoeff() <= 0.55);
    const auto moved = (points.array() != 0.4).cast<double>().colwise().sum().eval();
    CHECK(moved.minCoeff() >= 1);
    CHECK(moved.mean() == Approx(double(std::min<Eigen::Index>(d, 20))).epsilon(0.05));
  }
  // With one coordinate in a million to move, one moves all the same.
  Random random{5};
  const Eigen::Index d = 20000;
  Matrix points(d, 20);
  region.candidates(Vector(Vector::Constant(d, 0.4)), Vector(Vector::Zero(d)), Vector(Vector::Ones(d)), random, points);
  CHECK((points.array() != 0.4).cast<double>().colwise().sum().minCoeff() >= 1);
}

TEST_CASE("lengths out of order and tolerances below their range are refused", "[bayes]") {
  TurboRegion::State state;
  CHECK_THROWS_WITH((TurboRegion{.start_length = 2}.init(state)), Catch::Matchers::Contains("got 0.0078125, 2, 1.6"));
  CHECK_THROWS_WITH((TurboRegion{.success_tolerance = 0}.init(state)), Catch::Matchers::Contains("got 0"));
  CHECK_THROWS_WITH((TurboRegion{.failure_tolerance = -1}.init(state)), Catch::Matchers::Contains("got -1"));
}
