#include <mesaopt/direct/open_batch.hpp>

#include <cstdint>
#include <stdexcept>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {
using Open = detail::OpenBatch<VectorXd>;
using Names = std::vector<std::uint64_t>;

Open four() {
  Open batch;
  batch.points = Eigen::MatrixXd::Random(2, 4);
  batch.number(7);
  return batch;
}
}  // namespace

TEST_CASE("what still waits in a batch keeps its name and its order", "[direct][open_batch]") {
  Open batch = four();
  CHECK(batch.waiting().ids == Names{7, 8, 9, 10});
  CHECK(batch.waiting().points == batch.points);
  batch.tell(Names{9}, std::vector<Evaluation<double>>{3.0});
  batch.drop(Names{7});
  CHECK(batch.open == 2);
  CHECK(batch.waiting().ids == Names{8, 10});
  CHECK(batch.waiting().points.col(0) == batch.points.col(1));
  CHECK(batch.waiting().points.col(1) == batch.points.col(3));
  Open loaded = load<Open>(save(batch));
  CHECK(loaded.waiting().ids == Names{8, 10});
  loaded.tell(Names{10, 8}, std::vector<Evaluation<double>>{4.0, 2.0});
  CHECK(loaded.open == 0);
  CHECK(loaded.waiting().ids.empty());
  CHECK(loaded.waiting().points.cols() == 0);
  CHECK(loaded.evaluations[1].value == 2);
  CHECK(loaded.evaluations[2].value == 3);
  CHECK(loaded.evaluations[3].value == 4);
  CHECK_FALSE(loaded.evaluations[0].usable());
  batch.clear();
  CHECK(batch.waiting().ids.empty());
}

TEST_CASE("names that do not wait in a batch are refused, and nothing changes", "[direct][open_batch]") {
  Open batch = four();
  batch.drop(Names{8});
  const Open before = batch;
  const std::vector<Evaluation<double>> values{1.0, 2.0};
  CHECK_THROWS_AS(batch.tell(Names{7, 8}, values), std::invalid_argument);
  CHECK_THROWS_AS(batch.tell(Names{7, 7}, values), std::invalid_argument);
  CHECK_THROWS_AS(batch.tell(Names{7, 6}, values), std::invalid_argument);
  CHECK_THROWS_AS(batch.tell(Names{7, 11}, values), std::invalid_argument);
  CHECK_THROWS_AS(batch.tell(Names{7}, values), std::invalid_argument);
  CHECK_THROWS_AS(batch.drop(Names{10, 8}), std::invalid_argument);
  CHECK(identical(batch, before));
  CHECK_THROWS_AS(Open{}.drop(Names{0}), std::invalid_argument);
}
