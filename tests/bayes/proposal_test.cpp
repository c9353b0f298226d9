#include <mesaopt/bayes/proposal.hpp>

#include <stdexcept>

#include "support/catch.hpp"

using namespace mesaopt;

TEST_CASE("settings of proposals out of their range are refused by name", "[bayes][proposal]") {
  using Catch::Matchers::StartsWith;
  CHECK_NOTHROW(ProposalSettings{}.check());
  CHECK_THROWS_WITH(ProposalSettings{.candidates = 0}.check(), StartsWith("ProposalSettings::candidates"));
  CHECK_THROWS_WITH(ProposalSettings{.neighbours = -1}.check(), StartsWith("ProposalSettings::neighbours"));
  CHECK_THROWS_WITH(ProposalSettings{.starts = 0}.check(), StartsWith("ProposalSettings::starts"));
  CHECK_THROWS_WITH(ProposalSettings{.window = 0}.check(), StartsWith("ProposalSettings::window"));
  CHECK_THROWS_WITH(ProposalSettings{.rest = -1}.check(), StartsWith("ProposalSettings::rest"));
  CHECK_THROWS_WITH(ProposalSettings{.widest = 0}.check(), StartsWith("ProposalSettings::widest"));
}
