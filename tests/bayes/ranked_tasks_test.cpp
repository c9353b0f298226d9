#include <mesaopt/bayes/ranked_tasks.hpp>

#include <cmath>
#include <stdexcept>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/bayes/kernels.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd, Eigen::VectorXd;
using K = kernels::SquaredExponential;

TEST_CASE("a task that ranks as the current one is heeded, and one upside down is not", "[bayes][ranked_tasks]") {
  const GaussianProcess<K> blank(K{VectorXd{{0.3}}}, GaussianProcessSettings<double>{.noise = 1e-4});
  const MatrixXd X = VectorXd::LinSpaced(9, 0, 1).transpose();
  const VectorXd y = (7 * X.row(0).array()).sin() + X.row(0).array();
  Surrogate<K> current;
  current.process = blank;
  current.process.fit(X.leftCols(5), y.head(5));
  std::vector<EarlierTask<K>> tasks(2);
  for (EarlierTask<K>& task : tasks) task.model.process = blank;
  tasks[0].model.process.fit(X, -y);
  tasks[1].model.process.fit(X, 3 * y);
  Random random{.seed = 1};
  const RankedTasks ranked;
  const Observations all(1);
  ranked.gather(tasks, blank, {true}, {}, 0, random);
  auto process = ranked.follow(tasks, all, current, blank, {true}, {}, 0, random);
  REQUIRE(process);
  CHECK(tasks[0].weight < 0.05);
  CHECK(tasks[1].weight > 0.3);
  ranked.believe(*process, VectorXd{{0.9}});
  CHECK(process->current().size() == 6);
  tasks.pop_back();
  CHECK_FALSE(ranked.follow(tasks, all, current, blank, {true}, {}, 0, random));
  CHECK_THROWS_AS(RankedTasks{.samples = 0}.check(), std::invalid_argument);
}
