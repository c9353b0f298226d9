#include <mesaopt/objective/l1.hpp>

#include <stdexcept>

#include "objective/regularizer_laws.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

TEST_CASE("L1 satisfies the laws of regularizers", "[l1]") {
  regularizer_laws::check(L1{0.7}, 12);
  regularizer_laws::check(L1{0}, 3);
}

TEST_CASE("The proximal step of L1 is soft thresholding", "[l1]") {
  const Eigen::Vector4d v(3, -2, 0.5, -0.5);
  Eigen::Vector4d x;
  const L1 h{2};
  h.proximal(v, 0.5, x);
  CHECK(x == Eigen::Vector4d(2, -1, 0, 0));
  CHECK(h.value(v) == 12);
  CHECK(h.margin(v, 0.5) == 0.5);
  CHECK(h.margin(v, 0.25) == 0);  // the last two lie on the kink
  CHECK(h.margin(Eigen::Vector4d(0, 0, 0, 0), 0.5) == 1);
}

TEST_CASE("L1 works in single precision", "[l1]") {
  const Eigen::VectorXf v = Eigen::Vector2f(1.5f, -0.25f);
  Eigen::VectorXf x(2);
  L1{0.5}.proximal(v, 1.0f, x);
  CHECK(x == Eigen::VectorXf(Eigen::Vector2f(1, 0)));
}

TEST_CASE("L1 refuses a weight that is negative or not finite", "[l1]") {
  CHECK_THROWS_WITH(L1{-1}.check(), "L1::weight: is -1; it must be 0 or more, and finite");
  CHECK_THROWS_AS(L1{1.0 / 0.0}.check(), std::invalid_argument);
}
