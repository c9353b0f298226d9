#include <mesaopt/objective/derivative_report.hpp>

#include <cmath>
#include <sstream>

#include "support/catch.hpp"

using namespace mesaopt;

namespace {

std::string printed(const DerivativeReport& report) {
  std::ostringstream out;
  out << report;
  return out.str();
}

}  // namespace

TEST_CASE("a report is right if no part has a wrong entry, and prints the worst entry of each", "[objective]") {
  DerivativeReport report;
  CHECK(report.right());
  report.parts.push_back({"gradient", 3, 0, 0, {0, 1, 2.5, 2.5, 1e-10, 0}});
  CHECK(report.right());
  CHECK(printed(report) ==
        "gradient: 3 entries right, the worst at (0, 1): 2.5 given, 2.5 by differences (+-1e-10), relative error 0\n");
  report.parts.push_back({"Hessian", 9, 2, 1, {2, 0, 1, -1, 1e-8, 2}});
  CHECK_FALSE(report.right());
  CHECK_THAT(
      printed(report),
      Catch::Contains("Hessian: 2 of 9 entries WRONG, the worst at (2, 0): 1 given, -1 by differences (+-1e-08), "
                      "relative error 2; 1 too inexact by differences to tell"));
  report.parts.push_back({"gradient", 1, 0, 0, {0, -1, 1, 1, 0, 0}});
  CHECK_THAT(printed(report), Catch::Contains("1 entry right, the worst along a random direction"));
}

TEST_CASE("printing a report leaves the stream's precision as it was", "[objective]") {
  std::ostringstream out;
  out.precision(3);
  out << DerivativeReport{{{"gradient", 1, 0, 0, {}}}};
  CHECK(out.precision() == 3);
}

TEST_CASE("settings of a check out of range are refused", "[objective]") {
  CHECK_THROWS_WITH(DerivativeCheck{.tolerance = -1}.check(), Catch::Contains("DerivativeCheck::tolerance"));
  CHECK_THROWS_WITH(DerivativeCheck{.typical = 0}.check(), Catch::Contains("DerivativeCheck::typical"));
  CHECK_THROWS_WITH(DerivativeCheck{.most = 0}.check(), Catch::Contains("DerivativeCheck::most"));
}
