#include <mesaopt/problems/nist.hpp>

#include <sstream>
#include <string>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/levenberg_marquardt.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;
using problems::Nist;

namespace {
/// What the NIST's files look like, cut short, with made-up observations: Misra1b at (2, 0.5) without noise.
const std::string text = R"(NIST/ITL StRD
Dataset Name:  Misra1b           (Misra1b.dat)

Data:          1 Response Variable  (y = volume)
               1 Predictor Variable (x = pressure)

               y = b1 * (1-(1+b2*x/2)**(-2))  +  e

  Starting values                  Certified Values

        Start 1     Start 2           Parameter     Standard Deviation
  b1 =   5D-01        3           2.0E+00              1.0E+00
  b2 =   1            0.2         5.0D-01              7.0E-06

Residual Sum of Squares:                    0.0000000000E+00
Number of Observations:                           3

Data:   y               x
      1.5D+00         4.0E0
      1.111111111111111E0         2.0

     1.777777777777778      8
)";

std::string without(const std::string& what, const std::string& with = "") {
  std::string changed = text;
  return changed.replace(changed.find(what), what.size(), with);
}
}  // namespace

TEST_CASE("the embedded sets of the NIST have their certified sums of squares at the certified parameters",
          "[problems]") {
  for (const Nist& set : {Nist::misra1a(), Nist::mgh17(), Nist::box_bod()}) {
    const auto f = set.objective();
    Calls<VectorXd, MemoryOf<decltype(set.objective()), VectorXd>> calls;
    VectorXd g(set.certified.size());
    const double value = calls.gradient(f, set.certified, g).value;
    CAPTURE(set.name);
    CHECK(2 * value == Approx(set.residual_sum_of_squares).epsilon(1e-9));
    VectorXd r;
    Eigen::MatrixXd J;
    calls.residuals(f, set.certified, r, J);
    CHECK(r.size() == set.residual_count());
    for (Eigen::Index j = 0; j < g.size(); ++j) CHECK(std::abs(g[j]) <= 1e-6 * J.col(j).norm() * r.norm());
  }
}

TEST_CASE("Levenberg-Marquardt finds the certified parameters to seven digits from both starts", "[problems]") {
  for (const Nist& set : {Nist::misra1a(), Nist::mgh17(), Nist::box_bod()})
    for (const VectorXd& start : set.starts) {
      const auto s = minimize(set.objective(), start, LevenbergMarquardt{});
      CAPTURE(set.name, start.transpose(), s);
      CHECK(s.status == Status::converged);
      CHECK(set.correct_digits(s.x) >= 7);
      CHECK(set.correct_digits(start) <= 1.5);
    }
}

TEST_CASE("correct digits are the least of all parameters, and none where something is not finite", "[problems]") {
  const Nist set = Nist::box_bod();
  VectorXd x = set.certified;
  CHECK(set.correct_digits(x) == 11);
  x[0] *= 1 + 1e-5;
  x[1] *= 1 - 1e-3;
  CHECK(set.correct_digits(x) == Approx(3).epsilon(1e-9));
  x[1] = -x[1];
  CHECK(set.correct_digits(x) == 0);
  x[0] = std::nan("");
  CHECK(set.correct_digits(x) == 0);
}

TEST_CASE("a file of the NIST is read, in the notation of Fortran too", "[problems]") {
  std::istringstream file(text);
  const Nist set = Nist::read(file, "Misra1b");
  CHECK(set.y == Eigen::Vector3d(1.5, 1.111111111111111, 1.777777777777778));
  CHECK(set.predictors == Eigen::Vector3d(4, 2, 8));
  CHECK(set.starts[0] == Eigen::Vector2d(0.5, 1));
  CHECK(set.starts[1] == Eigen::Vector2d(3, 0.2));
  CHECK(set.certified == Eigen::Vector2d(2, 0.5));
  VectorXd r(3);
  set(set.certified, r);
  // 2 (1 - 1/4), 2 (1 - 4/9) and 2 (1 - 1/9).
  CHECK(r.norm() <= 1e-14);
}

TEST_CASE("a file of the NIST that lacks something is refused with what it lacks", "[problems]") {
  const auto read = [](const std::string& content, const char* name = "Misra1b") {
    std::istringstream file(content);
    return Nist::read(file, name);
  };
  CHECK_THROWS_WITH(read(text, "Misra2"), "Nist::read(Misra2): there is no such set");
  CHECK_THROWS_WITH(read(text, "Hahn1"), Catch::Contains("has 2 parameters, not 7"));
  CHECK_THROWS_WITH(read(without("  b2 =")), Catch::Contains("has 1 parameters, not 2"));
  CHECK_THROWS_WITH(read(without("Data:   y")), Catch::Contains("has no observations"));
  CHECK_THROWS_WITH(read(without("1.111111111111111E0", "oops")), Catch::Contains("observation 2 is not a row"));
}
