#include <mesaopt/gradient/program_data.hpp>

#include <cmath>
#include <limits>

#include <Eigen/Core>

#include "gradient/program_pieces.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::Index;
using Eigen::VectorXd;
using Data = detail::ProgramData<double>;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double none = std::numeric_limits<double>::quiet_NaN();

VectorXd vector(double a, double b, double c) {
  VectorXd v(3);
  v << a, b, c;
  return v;
}

/// min x₁² + ½ x₂² + ½ x₃² − x₁ subject to x₁ + x₂ = 1 and 2 x₂ <= 3.
Data small() {
  Data data;
  data.resize(3, 2, 1);
  data.Q << 2, 0, 0, 0, 1, 0, 0, 0, 1;
  data.c << -1, 0, 0;
  data.normals << 1, 0, 1, 2, 0, 0;
  data.sides << 1, 3;
  return data;
}

struct Studied {
  Status status;
  Index broken = 7;
  Eigen::MatrixXd factor{};
  bool factored = true;
};
Studied study(Data& data) {
  Studied found{};
  found.factor.resize(data.size(), data.size());
  found.status = data.study(1e-12, found.broken, found.factor, found.factored);
  return found;
}

}  // namespace

TEST_CASE("A positive definite program is studied once, and leaves its Cholesky factor", "[program_data]") {
  Data data = small();
  const Studied first = study(data);
  CHECK(first.status == Status::running);
  CHECK(first.broken == -1);
  CHECK(first.factored);
  CHECK(first.factor(0, 0) == Approx(std::sqrt(2)));
  CHECK(data.convex);
  CHECK_FALSE(data.singular);
  CHECK(holds(data.shift, {0, 0, 0}));
  CHECK(holds(data.norms, {std::sqrt(2), 2}));
  CHECK(data.largest == 2);
  CHECK(data.reach == 0.5);
  data.same_curvature = data.same_normals = true;
  data.Q(0, 0) = -5;  // is not looked at again
  const Studied second = study(data);
  CHECK(second.status == Status::running);
  CHECK_FALSE(second.factored);
}

TEST_CASE("A singular Q gets a shift that is small and leaves no direction flat", "[program_data]") {
  Data data = small();
  data.Q(1, 1) = 0;
  const Studied found = study(data);
  CHECK(found.status == Status::running);
  CHECK_FALSE(found.factored);
  CHECK(data.convex);
  CHECK(data.singular);
  CHECK(data.shift.minCoeff() > 0);
  CHECK(data.shift.maxCoeff() < 1e-6);
}

TEST_CASE("A linear program gets a shift by which a step goes beyond its constraints", "[program_data]") {
  Data data = small();
  data.Q.setZero();
  CHECK(study(data).status == Status::running);
  CHECK(data.singular);
  const double step = 1 / data.shift[0];  // of x₁, whose cost is −1
  CHECK(step > 10 * 3);
  CHECK(step < 1e4);
}

TEST_CASE("A Q with a negative eigenvalue is not convex, wherever it shows", "[program_data]") {
  Data data = small();
  SECTION("on the diagonal") { data.Q(1, 1) = -1e-3; }
  SECTION("in an entry larger than the diagonal") { data.Q(0, 1) = data.Q(1, 0) = 3; }
  SECTION("in the factorization alone") { data.Q << 1, 0.9, 0.9, 0.9, 1, -0.9, 0.9, -0.9, 1; }
  CHECK(study(data).status == Status::not_convex);
  CHECK_FALSE(data.convex);
  data = small();
  data.Q(1, 1) = -1e-17;  // of rounding
  CHECK(study(data).status == Status::running);
}

TEST_CASE("What no point can keep is named", "[program_data]") {
  Data data = small();
  SECTION("an equation without variables") {
    data.normals << 0, 0, 0, 2, 0, 0;
    const Studied found = study(data);
    CHECK(found.status == Status::infeasible);
    CHECK(found.broken == 0);
  }
  SECTION("an inequality without variables") {
    data.normals << 1, 0, 1, 0, 0, 0;
    data.sides[1] = -1;
    CHECK(study(data).broken == 1);
  }
  SECTION("one that holds by itself is none") {
    data.normals << 1, 0, 1, 0, 0, 0;
    CHECK(study(data).status == Status::running);
  }
  SECTION("bounds that contradict each other") {
    data.lower << -1, -1, 2;
    data.upper << 1, 1, 1.5;
    CHECK(study(data).broken == 2 + 2);
  }
  SECTION("bounds that do so by rounding are equal") {
    data.lower[1] = std::nextafter(0.5, 1);
    data.upper[1] = 0.5;
    CHECK(study(data).status == Status::running);
    CHECK(data.fixed(1));
  }
}

TEST_CASE("Numbers that are not finite are a bad start of a program, but for endless bounds", "[program_data]") {
  Data data = small();
  SECTION("NaN in Q") { data.Q(1, 0) = none; }
  SECTION("NaN in c") { data.c[2] = none; }
  SECTION("infinite c") { data.c[2] = -infinity; }
  SECTION("infinite gradient of a constraint") { data.normals(2, 1) = infinity; }
  SECTION("infinite side") { data.sides[0] = infinity; }
  SECTION("NaN for a bound") { data.upper[0] = none; }
  SECTION("a lower bound above everything") { data.lower[0] = infinity; }
  SECTION("an upper bound below everything") { data.upper[0] = -infinity; }
  CHECK(study(data).status == Status::bad_start);
}

TEST_CASE("Norms of gradients neither overflow nor vanish", "[program_data]") {
  Data data = small();
  const double size = GENERATE(1e-200, 1e200);
  data.normals *= size;
  study(data);
  CHECK(data.norms[0] == Approx(std::sqrt(2) * size).epsilon(1e-15));
  CHECK(data.norms[1] == Approx(2 * size).epsilon(1e-15));
}

TEST_CASE("Products with Q are right for full and for mostly empty vectors", "[program_data]") {
  Data data = small();
  data.Q << 2, 1, 0, 1, 3, 1, 0, 1, 4;
  VectorXd out(3);
  data.multiply(vector(1, 2, 3), out);
  CHECK(holds(out, {4, 10, 14}));
  data.multiply(vector(0, 2, 0), out);
  CHECK(holds(out, {2, 6, 2}));
}

TEST_CASE("Taking numbers tells whether they are new, and sizes whether they were there", "[program_data]") {
  Data data = small();
  CHECK(data.resize(3, 2, 1));
  CHECK(data.Q(0, 0) == 2);
  Eigen::MatrixXd Q = data.Q;
  CHECK(Data::take(Q, data.Q));
  Q(2, 1) = 5;
  CHECK_FALSE(Data::take(Q, data.Q));
  CHECK(data.Q(2, 1) == 5);
  CHECK_FALSE(data.resize(3, 2, 2));  // as many constraints, but more equations
  CHECK(data.Q(0, 0) == 0);
  CHECK(data.lower[1] == -infinity);
  CHECK(data.upper[1] == infinity);
}

TEST_CASE("The length of x is its own, or that of the way to zero", "[program_data]") {
  Data data = small();
  study(data);
  CHECK(data.length(vector(1, -3, 2), 1e-12) == 3);
  const double rest = data.length(vector(0, 0, 0), 1e-12);
  CHECK(rest == Approx(0.5 * std::numeric_limits<double>::epsilon() / 1e-12));
}
