#include <mesaopt/problems/linear_tasks.hpp>

#include "support/catch.hpp"

using Eigen::MatrixXd;
using Eigen::VectorXd;
using mesaopt::problems::LinearTasks;

namespace {
MatrixXd one(double a) { return MatrixXd::Constant(1, 1, a); }
VectorXd point(double a) { return VectorXd::Constant(1, a); }
}  // namespace

TEST_CASE("a linear task of one weight has the adapted points and gradients worked out by hand", "[problems]") {
  // Training w² - 2w, validation 3/2 w² - w + 1; from w = 3 with rate 1/4: w' = 3 - (6 - 2)/4 = 2.
  const LinearTasks tasks{{{one(2), point(2), one(3), point(1), 1}}};
  CHECK(LinearTasks::adapted(tasks.tasks[0], point(3), 0.25)[0] == 2);
  CHECK(LinearTasks::adapted(tasks.tasks[0], point(3), 0.25, 2)[0] == 1.5);
  CHECK(tasks.value(point(3), 0.25) == 5);
  CHECK(tasks.gradient(point(3), 0.25)[0] == 2.5);  // (1 - 2/4) (3·2 - 1)
  CHECK(tasks.first_order_gradient(point(3), 0.25)[0] == 5);
  CHECK(tasks.reptile_direction(point(3), 0.25)[0] == 1);
  CHECK(LinearTasks::proximal(tasks.tasks[0], point(3), 2)[0] == 2);  // (2 + 2·3) / (2 + 2)
  CHECK(tasks.implicit_gradient(point(3), 2)[0] == Approx(2.5));      // 5 / (1 + 2/2)
  CHECK(tasks.solution(0.25)[0] == Approx(-1.0 / 3));                 // w' = 1/3
}

TEST_CASE("meta-gradients of random linear tasks agree with differences", "[problems]") {
  const auto tasks = LinearTasks::random(4, 3, 5, 8, 2);
  const VectorXd w = VectorXd::LinSpaced(3, -1, 1);
  for (const int steps : {1, 3}) {
    const VectorXd g = tasks.gradient(w, 0.2, steps), h = tasks.implicit_gradient(w, 0.7);
    for (int j = 0; j < 3; ++j) {
      const VectorXd d = 1e-4 * VectorXd::Unit(3, j);
      CHECK(g[j] == Approx((tasks.value(w + d, 0.2, steps) - tasks.value(w - d, 0.2, steps)) / 2e-4).epsilon(1e-7));
      CHECK(h[j] == Approx((tasks.implicit_value(w + d, 0.7) - tasks.implicit_value(w - d, 0.7)) / 2e-4).epsilon(1e-7));
    }
    CHECK((g - tasks.first_order_gradient(w, 0.2, steps)).norm() > 0.01 * g.norm());
  }
  CHECK(tasks.gradient(tasks.solution(0.2), 0.2).norm() < 1e-12);
  CHECK(tasks.value(tasks.solution(0.2), 0.2) < tasks.value(w, 0.2));
}

TEST_CASE("without adaptation the best start is the least squares fit of all validation examples", "[problems]") {
  const auto tasks = LinearTasks::random(4, 3, 5, 8, 2);
  MatrixXd B = MatrixXd::Zero(3, 3);
  VectorXd b = VectorXd::Zero(3);
  for (const auto& t : tasks.tasks) {
    B += t.B;
    b += t.b;
  }
  CHECK((B * tasks.solution(0) - b).norm() < 1e-12);
  CHECK_THROWS_AS(LinearTasks::random(0, 3, 5, 8, 2), std::invalid_argument);
  CHECK_THROWS_AS(LinearTasks::random(1, 5, 2, 2, 2).solution(0.1), std::domain_error);
}
