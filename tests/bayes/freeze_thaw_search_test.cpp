#include <mesaopt/bayes/freeze_thaw_search.hpp>

#include <tuple>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/bayes/kernels.hpp>
#include <mesaopt/objective/bounds.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Catch::Matchers::Contains;
using Eigen::VectorXd;

namespace {
struct Model {
  kernels::Matern52 operator()(Eigen::Index) const { return {}; }
};
struct NoSearch {};
using Settings = FreezeThawSearch<Model, NoSearch, NoSearch>;

struct Made {
  std::uint64_t made = 0;
  static constexpr auto fields() { return std::tuple{&Made::made}; }
  [[nodiscard]] std::uint64_t iterations() const { return made; }
  [[nodiscard]] bool complete() const { return false; }
};
struct Objective3 {
  template <class X>
  using Memory = PausableMemory<Made>;
  double operator()(const VectorXd&, const Call<Memory<VectorXd>>&) const { return 0; }
  double advance(const VectorXd&, Made&, std::uint64_t, const Call<Memory<VectorXd>>&) const { return 0; }
};
Settings with(double Settings::*member, double value) {
  Settings settings;
  settings.*member = value;
  return settings;
}
Settings with(std::int64_t Settings::*member, std::int64_t value) {
  Settings settings;
  settings.*member = value;
  return settings;
}
}  // namespace

TEST_CASE("portions grow to full length and never beyond", "[bayes]") {
  Settings settings;
  settings.length = 101;
  CHECK(settings.first_portion() == 11);
  CHECK(settings.whole_budget() == 1010);
  CHECK(settings.designed(4) == 10);
  std::vector<std::uint64_t> stops{0};
  while (stops.back() < 101) stops.push_back(stops.back() + settings.next_portion(stops.back()));
  CHECK(stops == std::vector<std::uint64_t>{0, 11, 22, 44, 88, 101});
  CHECK(settings.next_portion(4) == 7);  // one that was cut off catches up
  CHECK(settings.next_portion(101) == 1);
  settings.growth = 1.01;
  CHECK(settings.next_portion(11) == 1);
  CHECK(settings.full_time() == Approx(101.0 / 11));
}

TEST_CASE("settings of a freeze-thaw search out of their range are refused by name", "[bayes]") {
  CHECK_THROWS_WITH(with(&Settings::length, 0).check(), Contains("FreezeThawSearch::length"));
  CHECK_THROWS_WITH(with(&Settings::portion, 1001).check(), Contains("FreezeThawSearch::portion"));
  CHECK_THROWS_WITH(with(&Settings::growth, 1).check(), Contains("FreezeThawSearch::growth"));
  CHECK_THROWS_WITH(with(&Settings::budget, -1).check(), Contains("FreezeThawSearch::budget"));
  CHECK_THROWS_WITH(with(&Settings::ending, 1.1).check(), Contains("FreezeThawSearch::ending"));
  CHECK_THROWS_WITH(with(&Settings::apart, -0.1).check(), Contains("FreezeThawSearch::apart"));
  CHECK_THROWS_WITH(with(&Settings::initial, -1).check(), Contains("FreezeThawSearch::initial"));
  CHECK_THROWS_WITH(with(&Settings::radius, 0).check(), Contains("FreezeThawSearch::radius"));
}

TEST_CASE("a freeze-thaw search begins in the box of its objective, at a start that is in it", "[bayes]") {
  const VectorXd low{{0, 1, 2}}, high{{1, 1, HUGE_VAL}}, x{{0.5, 1, 7}};
  const auto f = within(Objective3{}, Box<VectorXd>(low, high));
  Settings::State<VectorXd, PausableMemory<Made>> state;
  with(&Settings::radius, 3).init(f, x, state);
  CHECK(state.box.lower == VectorXd{{0, 1, 2}});
  CHECK(state.box.upper == VectorXd{{1, 1, 10}});
  CHECK(state.free == std::vector<Eigen::Index>{0, 2});
  CHECK(state.runs.size() == 1);
  CHECK_THROWS_WITH(Settings{}.init(f, VectorXd{{2, 1, 7}}, state), Contains("start: coordinate 0 is 2"));
  CHECK_THROWS_AS(Settings{}.init(f, VectorXd{{0.5, 1}}, state), std::invalid_argument);
}
