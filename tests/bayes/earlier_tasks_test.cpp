#include <mesaopt/bayes/earlier_tasks.hpp>

#include <cmath>
#include <stdexcept>

#include <Eigen/Core>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd, Eigen::VectorXd;

namespace {
struct Known {
  VectorXd x;
  [[nodiscard]] MatrixXd observed_points() const { return MatrixXd{{1, 2, 3}}; }
  [[nodiscard]] VectorXd observed_values() const { return VectorXd{{5, std::nan(""), 4}}; }
};
struct Solved {
  VectorXd x;
  Known state;
};
}  // namespace

static_assert(Prior<EarlierTasks<VectorXd>> && HasEarlierTasks<EarlierTasks<VectorXd>>);
static_assert(!HasObservations<EarlierTasks<VectorXd>> && !HasEarlierTasks<Known>);

TEST_CASE("earlier tasks start where the last of them is lowest", "[bayes][earlier_tasks]") {
  EarlierTasks<VectorXd> tasks;
  tasks.add(Solved{});
  CHECK(tasks.x == VectorXd{{3}});
  tasks.add(MatrixXd{{7, 8}}, VectorXd{{-1, std::nan("")}});
  CHECK(tasks.x == VectorXd{{7}});
  CHECK(tasks.earlier_tasks.size() == 2);
  CHECK(tasks.earlier_tasks[0].values[0] == 5);
  CHECK_THROWS_AS(tasks.add(MatrixXd{{7, 8}}, VectorXd{{1}}), std::invalid_argument);
  CHECK_THROWS_AS(tasks.add(MatrixXd{{7}, {8}}, VectorXd{{1}}), std::invalid_argument);
  CHECK(tasks.earlier_tasks.size() == 2);
  CHECK(tasks.x == VectorXd{{7}});
}
