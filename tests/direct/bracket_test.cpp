#include <mesaopt/direct/bracket.hpp>

#include <limits>

#include "support/catch.hpp"

using namespace mesaopt;

TEST_CASE("an evaluation that cannot be used counts as the worst", "[direct]") {
  CHECK(detail::or_worst(Evaluation<double>(2)) == 2);
  CHECK(detail::or_worst(Evaluation<double>::failure(Reason::threw)) == std::numeric_limits<double>::infinity());
  CHECK(detail::or_worst(Evaluation<float>(std::numeric_limits<float>::quiet_NaN())) ==
        std::numeric_limits<float>::infinity());
}
