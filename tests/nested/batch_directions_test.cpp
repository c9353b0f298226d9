#include <mesaopt/nested/batch_directions.hpp>

#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/random.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::Index;
using Eigen::VectorXd;

TEST_CASE("fixed batches hold every term once, and each is drawn equally often", "[nested]") {
  for (const Index size : {1, 3, 7, 50}) {
    const detail::FixedBatches batches{7, size};
    std::vector<int> met(7, 0), drawn(std::size_t(batches.count()), 0);
    std::vector<Index> terms;
    std::vector<bool> seen(drawn.size(), false);
    for (std::uint64_t k = 0; k < 7000; ++k) {
      const auto batch = std::size_t(detail::draw(Random{3}.at(k), batches, terms));
      REQUIRE(Index(terms.size()) == batches.size_of(Index(batch)));
      ++drawn[batch];
      if (!seen[batch])
        for (const Index term : terms) ++met[std::size_t(term)];
      seen[batch] = true;
    }
    CHECK(met == std::vector<int>(7, 1));
    for (const int count : drawn) CHECK(count == Approx(7000.0 / double(drawn.size())).epsilon(0.15));
  }
}

TEST_CASE("the mean over draws of what a direction table makes of batches is the mean over terms", "[nested]") {
  const detail::FixedBatches batches{7, 3};  // of sizes 3, 3, 1
  const std::vector<VectorXd> means{VectorXd::Constant(2, 1.0), VectorXd::Constant(2, -2.0),
                                    VectorXd::Constant(2, 5.0)};
  const VectorXd whole = (3 * means[0] + 3 * means[1] + means[2]) / 7;
  for (const bool remembers : {false, true}) {
    detail::DirectionTable<double> table;
    table.begin(2, remembers ? 3 : 0);
    VectorXd sum = VectorXd::Zero(2);
    for (Index batch = 0; batch < 3; ++batch) {
      auto copy = table;
      VectorXd now = means[std::size_t(batch)];
      copy.direction(batches, batch, now);
      sum += now / 3;
    }
    CHECK((sum - whole).norm() < 1e-14);
    if (!remembers) continue;
    for (const Index batch : {2, 0, 1, 2}) {  // all met: nothing is left to chance
      VectorXd now = means[std::size_t(batch)];
      table.direction(batches, batch, now);
    }
    CHECK((table.mean - whole).norm() < 1e-14);
    VectorXd now = means[1];
    table.direction(batches, 1, now);
    CHECK((now - whole).norm() < 1e-14);
  }
}
