#include <mesaopt/objective/mini_batches.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <set>
#include <span>
#include <stdexcept>
#include <vector>

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/adam.hpp>
#include <mesaopt/gradient/gradient_descent.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;

namespace {

/// The mean of ½ (a_i' x − b_i)² over 97 terms, with noise in b.
struct Regression {
  Eigen::MatrixXd A =
      Eigen::MatrixXd::NullaryExpr(3, 97, [](auto i, auto j) { return std::cos(double(5 * i + 1) * double(j)); });
  Eigen::VectorXd b = A.transpose() * Eigen::Vector3d(1, -2, 3) +
                      0.1 * Eigen::VectorXd::NullaryExpr(97, [](auto j) { return std::sin(double(j * j)); });

  Eigen::Index terms() const { return 97; }
  template <Point X>
  ScalarOf<X> operator()(const X& x, std::span<const Eigen::Index> batch, X& gradient) const {
    gradient.setZero();
    double value = 0;
    for (const Eigen::Index i : batch) {
      const double r = A.col(i).dot(x) - b[i];
      gradient += r * A.col(i);
      value += r * r / 2;
    }
    gradient /= double(batch.size());
    return value / double(batch.size());
  }
  Eigen::Vector3d solution() const { return (A * A.transpose()).llt().solve(A * b); }
};

/// One that remembers which terms it has been shown in accepted evaluations.
struct Remembering {
  template <class X>
  struct Memory {
    struct Record {
      std::vector<Eigen::Index> batch;
    };
    std::vector<Eigen::Index> seen;
    void absorb(const Record& record) { seen.insert(seen.end(), record.batch.begin(), record.batch.end()); }
    static constexpr auto fields() { return std::tuple{&Memory::seen}; }
  };
  Eigen::Index terms() const { return 10; }
  double operator()(const Eigen::VectorXd& x, std::span<const Eigen::Index> batch, Eigen::VectorXd& gradient,
                    const Call<Memory<Eigen::VectorXd>>& call) const {
    call.record.batch.assign(batch.begin(), batch.end());
    gradient = x;
    return x.squaredNorm() / 2;
  }
};

}  // namespace

static_assert(FiniteSum<Regression, Eigen::VectorXd>);
static_assert(Differentiable<MiniBatches<Regression>, Eigen::VectorXd>);
static_assert(Differentiable<MiniBatches<Remembering>, Eigen::VectorXd>);
static_assert(is_stochastic<MiniBatches<Regression>>);

TEST_CASE("each epoch meets every term once, the last batch being the rest", "[objective]") {
  for (const Eigen::Index size : {Eigen::Index(1), Eigen::Index(10), Eigen::Index(96), Eigen::Index(97)}) {
    const auto f = mini_batches(Regression{}, size, 5);
    const auto batches = f.batches_per_epoch();
    CHECK(batches == std::uint64_t((97 + size - 1) / size));
    std::vector<Eigen::Index> terms;
    for (const std::uint64_t epoch : {0u, 1u, 1000u}) {
      std::set<Eigen::Index> met;
      for (std::uint64_t k = 0; k < batches; ++k) {
        f.batch(epoch * batches + k, terms);
        CHECK(Eigen::Index(terms.size()) == (k + 1 < batches ? size : 97 - Eigen::Index(k) * size));
        met.insert(terms.begin(), terms.end());
      }
      CHECK(met.size() == 97);
      CHECK(*met.rbegin() == 96);
    }
  }
}

TEST_CASE("epochs and seeds have orders of their own", "[objective]") {
  const auto f = mini_batches(Regression{}, 97, 5), other = mini_batches(Regression{}, 97, 6);
  std::vector<Eigen::Index> first, second, third, again;
  f.batch(0, first);
  f.batch(1, second);
  other.batch(0, third);
  f.batch(0, again);
  CHECK(first != second);
  CHECK(first != third);
  CHECK(first == again);
}

TEST_CASE("a batch of all terms is the objective itself", "[objective]") {
  const Regression f;
  Calls<Eigen::VectorXd, MiniBatches<Regression>::Memory<Eigen::VectorXd>> calls;
  const Eigen::VectorXd x = Eigen::Vector3d(1, 2, 3);
  Eigen::VectorXd g(3), expected = f.A * (f.A.transpose() * x - f.b) / 97;
  const auto evaluation = calls.gradient(mini_batches(f, 97), x, g);
  CHECK((g - expected).norm() < 1e-13);
  CHECK(evaluation.value == Approx((f.A.transpose() * x - f.b).squaredNorm() / 194));
}

TEST_CASE("stochastic gradient descent on mini-batches comes close to the least-squares solution", "[objective]") {
  const Regression f;
  const Eigen::VectorXd x0 = Eigen::VectorXd::Zero(3);
  // One seed may be lucky: the claim is about the median of several.
  std::vector<double> errors;
  for (std::uint64_t seed = 0; seed < 9; ++seed) {
    const auto s =
        minimize(mini_batches(f, 8, seed), x0,
                 GradientDescent{.learning_rate = 0.5, .schedule = {.kind = Schedule::inverse, .steps = 100}},
                 MaxIterations{5000});
    errors.push_back((s.x - f.solution()).norm());
    CHECK(errors.back() < 1e-2);
    CHECK(s.x == s.state.x);  // the last point
  }
  std::sort(errors.begin(), errors.end());
  CHECK(errors[4] < 3e-3);
  const auto adam =
      minimize(mini_batches(f, 8, 1), x0,
               Adam{.learning_rate = 0.05, .schedule = {.kind = Schedule::cosine, .steps = 3000}}, MaxIterations{3000});
  CHECK((adam.x - f.solution()).norm() < 3e-3);
}

TEST_CASE("runs on mini-batches repeat bit by bit and differ by seed", "[objective]") {
  const auto run = [](std::uint64_t seed) {
    return minimize(mini_batches(Regression{}, 8, seed), Eigen::VectorXd(Eigen::VectorXd::Zero(3)), Adam{},
                    MaxIterations{100})
        .x;
  };
  CHECK(run(3) == run(3));
  CHECK(run(3) != run(4));
}

TEST_CASE("steps on mini-batches allocate nothing", "[objective]") {
  const auto f = mini_batches(Regression{}, 10, 1);
  StateOf<Adam, MiniBatches<Regression>, Eigen::VectorXd> state;
  Adam{}.init(f, Eigen::VectorXd(Eigen::VectorXd::Zero(3)), state);
  const long before = allocations();
  for (int k = 0; k < 30; ++k) Adam{}.step(f, state);
  CHECK(allocations() == before);
}

TEST_CASE("a finite sum with a memory keeps it", "[objective]") {
  const auto s = minimize(mini_batches(Remembering{}, 5, 1), Eigen::VectorXd(Eigen::VectorXd::Ones(2)),
                          GradientDescent{}, MaxIterations{1});
  auto seen = s.state.calls.memory.inner.seen;
  std::sort(seen.begin(), seen.end());
  CHECK(seen == std::vector<Eigen::Index>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
}

TEST_CASE("mini-batches refuse sizes out of range", "[objective]") {
  CHECK_THROWS_WITH(mini_batches(Regression{}, 0), Catch::Contains("mini_batches: size"));
  CHECK_THROWS_AS(mini_batches(Regression{}, 98), std::invalid_argument);
}
