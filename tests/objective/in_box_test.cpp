#include <mesaopt/objective/in_box.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <stdexcept>
#include <tuple>
#include <vector>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/core/evaluator.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/problems/quadratic.hpp>
#include <mesaopt/problems/rosenbrock.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd, Eigen::Vector2d, Eigen::VectorXd, Eigen::VectorXf;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// A quartic with all second derivatives, and a gradient that is nowhere zero in the boxes below.
struct Quartic {
  double operator()(const VectorXd& x) const { return x.array().pow(4).sum() + x.sum() * x.sum(); }
  double operator()(const VectorXd& x, VectorXd& gradient) const {
    gradient = 4 * x.array().cube() + 2 * x.sum();
    return (*this)(x);
  }
  void hessian_product(const VectorXd& x, const VectorXd& v, VectorXd& out) const {
    out = 12 * x.array().square() * v.array() + 2 * v.sum();
  }
  void hessian(const VectorXd& x, MatrixXd& H) const {
    H.setConstant(2);
    H.diagonal().array() += 12 * x.array().square();
  }
};

/// Two bounds, one of either side, none, and two that are equal.
Box<VectorXd> box_of_all_kinds() {
  VectorXd lower(5), upper(5);
  lower << -2, 1, -infinity, -infinity, 3;
  upper << 5, infinity, -1, infinity, 3;
  return {lower, upper};
}

/// A state's way to call an objective.
template <class F, class X = VectorXd>
using CallsOf = Calls<X, MemoryOf<F, X>>;

/// Something with levels below, which remembers, as a nested objective does.
struct Deep {
  template <class X>
  struct Memory {
    static constexpr std::size_t levels_below = 1;
    struct Record {
      std::array<Counts, 1> counts{};
      Counts cost{};
      double seen = 0;
    };
    double learnt = 0;
    void absorb(const Record& record) { learnt = record.seen; }
    void clear() { learnt = 0; }
    static constexpr auto fields() { return std::tuple{&Memory::learnt}; }
  };

  double operator()(const VectorXd& x, const Call<Memory<VectorXd>>& call) const { return deep(x, call); }
  double operator()(const VectorXd& x, VectorXd& gradient, const Call<Memory<VectorXd>>& call) const {
    gradient = 2 * x;
    return deep(x, call);
  }
  void hessian_product(const VectorXd&, const VectorXd& v, VectorXd& out, const Call<Memory<VectorXd>>& call) const {
    call.record.counts[0].gradients += 10;
    out = 2 * v;
  }

 private:
  static double deep(const VectorXd& x, const Call<Memory<VectorXd>>& call) {
    call.record.counts[0].gradients += 100;
    call.record.cost.hessians += 1;
    call.record.seen = x[0];
    return x.squaredNorm();
  }
};

struct Noisy {
  static constexpr bool stochastic = true;
  double operator()(const VectorXd& x) const { return x.sum(); }
};

struct Counting {
  std::size_t* batches;
  template <class Job>
  void operator()(std::size_t count, const Job& job) const {
    ++*batches;
    Serial{}(count, job);
  }
};

}  // namespace

static_assert(TwiceDifferentiable<InBox<Quartic, VectorXd>, VectorXd>);
static_assert(!Bounded<InBox<Quartic, VectorXd>, VectorXd>);
static_assert(Calls<VectorXd, InBox<Deep, VectorXd>::Memory<VectorXd>>::levels == 2);

TEST_CASE("points go into the box and back", "[objective][bounds]") {
  const auto f = in_box(Quartic{}, box_of_all_kinds());
  Random random{7};
  for (int repetition = 0; repetition < 1000; ++repetition) {
    VectorXd u(5);
    random.fill_normal(u);
    u *= std::pow(10.0, random.uniform(-6.0, 6.0));
    const VectorXd x = f.to_box(u);
    CHECK(box_of_all_kinds().contains(x));
    const VectorXd again = f.to_box(f.from_box(x));
    for (Eigen::Index i = 0; i < 5; ++i) CHECK(again[i] == Approx(x[i]).epsilon(1e-14).margin(1e-14));
  }
}

TEST_CASE("points close to a bound and points in huge boxes keep their digits", "[objective][bounds]") {
  const Box<VectorXd> box{Vector2d{0, -1e12}, Vector2d{1, 1e12}};
  const auto f = in_box(problems::Rosenbrock{}, box);
  for (double small = 1; small > 1e-100; small /= 10) {
    const VectorXd x = Vector2d{small / 2, small};
    const VectorXd again = f.to_box(f.from_box(x));
    CHECK(std::abs(again[0] - x[0]) < 1e-15 * std::sqrt(small));  // the roundings of u, an angle of the size of 1
    CHECK(again[1] == Approx(x[1]).epsilon(1e-15));
  }
  CHECK(f.to_box(f.from_box(box.lower)) == box.lower);
  CHECK(f.to_box(f.from_box(box.upper)) == box.upper);
}

TEST_CASE("variables keep their unit in the middle of a box and far from a single bound", "[objective][bounds]") {
  const auto f = in_box(Quartic{}, box_of_all_kinds());
  VectorXd x(5);
  x << 1.5, 1e6, -1e6, 42, 3;
  const VectorXd u = f.from_box(x);
  for (Eigen::Index i = 0; i < 5; ++i) CHECK(u[i] == Approx(x[i]).epsilon(1e-11));
}

TEST_CASE("value, gradient, Hessian and its product follow the chain rule", "[objective][bounds]") {
  const auto f = in_box(Quartic{}, box_of_all_kinds());
  CallsOf<decltype(f)> calls;
  Random random{3};
  for (int repetition = 0; repetition < 30; ++repetition) {
    VectorXd u(5), v(5), gradient(5), product(5), above(5), below(5);
    random.fill_normal(u);
    random.fill_normal(v);
    const double value = calls.gradient(f, u, gradient).value;
    CHECK(value == Quartic{}(f.to_box(u)));
    CHECK(value == calls.value(f, u).value);

    const double h = 1e-5;
    for (Eigen::Index i = 0; i < 5; ++i) {
      VectorXd plus = u, minus = u;
      plus[i] += h;
      minus[i] -= h;
      const double difference = (calls.value(f, plus).value - calls.value(f, minus).value) / (2 * h);
      CHECK(gradient[i] == Approx(difference).epsilon(1e-6).margin(1e-5));
    }

    calls.hessian_product(f, u, v, product);
    calls.gradient(f, u + h * v, above);
    calls.gradient(f, u - h * v, below);
    const VectorXd difference = (above - below) / (2 * h);
    CHECK((product - difference).norm() < 1e-5 * (1 + product.norm()));

    MatrixXd H(5, 5);
    calls.hessian(f, u, H);
    CHECK((H * v - product).norm() < 1e-12 * (1 + product.norm()));
    CHECK((H - H.transpose()).norm() == 0);
  }
}

TEST_CASE("an optimum in a corner is an ordinary minimum of the free variables", "[objective][bounds]") {
  // The gradient of x + y points out of [1, 2]^2 at (1, 1); there the free Hessian is that gradient over half the
  // width.
  const auto linear = [](const VectorXd& x, VectorXd& gradient) {
    gradient.setOnes();
    return x.sum();
  };
  const auto f = in_box(linear, Box<VectorXd>{Vector2d{1, 1}, Vector2d{2, 2}});
  CallsOf<decltype(f)> calls;
  const VectorXd u = f.from_box(Vector2d{1, 1});
  VectorXd gradient(2), product(2);
  CHECK(calls.gradient(f, u, gradient).value == 2);
  CHECK(gradient.norm() < 1e-15);
  calls.hessian_product(f, u, VectorXd{Vector2d{1, 0}}, product);  // by differences
  CHECK(product[0] == Approx(2).epsilon(1e-8));
  CHECK(product[1] == Approx(0).margin(1e-8));
}

TEST_CASE("what the objective remembers and counts below stays its own", "[objective][bounds]") {
  const auto f = in_box(Deep{}, Box<VectorXd>{Vector2d{0, 0}, Vector2d{4, 4}});
  CallsOf<decltype(f)> calls;
  VectorXd gradient(2), out(2);
  const VectorXd u = f.from_box(Vector2d{3, 1});
  calls.value(f, u);
  calls.accept();
  CHECK(calls.memory.learnt == Approx(3));
  CHECK(calls.counts[1].gradients == 100);
  CHECK(calls.counts[0].hessians == 1);
  CHECK(calls.counts[0].gradients == 0);

  // A product needs the gradient of f besides: it is counted, and so is what it costs below.
  calls.hessian_product(f, u, u, out);
  CHECK(calls.counts[0].gradients == 1);
  CHECK(calls.counts[1].gradients == 210);

  calls.begin(u);
  CHECK(calls.memory.learnt == 0);
}

TEST_CASE("a gradient that a product takes is counted where the objective counts nothing", "[objective][bounds]") {
  const auto f = in_box(Quartic{}, box_of_all_kinds());
  CallsOf<decltype(f)> calls;
  VectorXd u = VectorXd::Ones(5), out(5);
  calls.hessian_product(f, u, u, out);
  CHECK(calls.counts[0].gradients == 1);
  CHECK(calls.counts[0].hessian_products == 1);
}

TEST_CASE("evaluating in a box does not allocate after the first time", "[objective][bounds]") {
  const auto f = in_box(Quartic{}, box_of_all_kinds());
  CallsOf<decltype(f)> calls;
  VectorXd u = VectorXd::Ones(5), gradient(5), out(5);
  calls.hessian_product(f, u, u, out);
  const long before = allocations();
  calls.value(f, u);
  calls.gradient(f, u, gradient);
  calls.hessian_product(f, u, u, out);
  CHECK(allocations() == before);
}

TEST_CASE("a box in a box, fixed sizes and float work", "[objective][bounds]") {
  const Box<VectorXd> inside{Vector2d{0.25, -1}, Vector2d{0.75, 1}}, outside{Vector2d{-9, -9}, Vector2d{9, 0}};
  const auto f = in_box(in_box(problems::Rosenbrock{}, inside), outside);
  CallsOf<decltype(f)> calls;
  VectorXd u = Vector2d{0.3, -0.2}, gradient(2);
  CHECK(std::isfinite(calls.gradient(f, u, gradient).value));

  const auto fixed = in_box(problems::Rosenbrock{}, Box{Vector2d{0, 0}, Vector2d{2, 2}});
  CallsOf<decltype(fixed), Vector2d> fixed_calls;
  CHECK(fixed_calls.value(fixed, fixed.from_box(Vector2d{1, 1})).value == Approx(0).margin(1e-30));

  const auto single = in_box(problems::Rosenbrock{}, Box{VectorXf::Constant(4, -2.0f), VectorXf::Constant(4, 1.0f)});
  CallsOf<decltype(single), VectorXf> single_calls;
  VectorXf near = VectorXf::Constant(4, 0.5f), slope(4);
  CHECK(single_calls.gradient(single, single.from_box(near), slope).value ==
        Approx(problems::Rosenbrock{}(near)).epsilon(1e-5));
}

TEST_CASE("the flags and the evaluator of the objective are handed on", "[objective][bounds]") {
  const Box<VectorXd> box{Vector2d{0, 0}, Vector2d{1, 1}};
  static_assert(is_stochastic<decltype(in_box(Noisy{}, box))>);
  static_assert(!is_stochastic<decltype(in_box(Quartic{}, box))>);

  std::size_t batches = 0;
  const auto f = in_box(on(Counting{&batches}, Quartic{}), box);
  CallsOf<decltype(f)> calls;
  std::vector<Evaluation<double>> values;
  calls.values(f, MatrixXd::Zero(2, 3), values);
  CHECK(batches == 1);
  CHECK(values[2].value == Quartic{}(f.to_box(VectorXd::Zero(2))));
}

TEST_CASE("points of another size and points outside of the box are refused", "[objective][bounds]") {
  const auto f = in_box(Quartic{}, box_of_all_kinds());
  CHECK_THROWS_WITH(f.to_box(VectorXd::Zero(3)), "u: has size 3, but the box 5");
  CHECK_THROWS_WITH(f.from_box(VectorXd::Zero(5)), "x: coordinate 1 is 0; it must lie in the box, in [1, inf]");
  CallsOf<decltype(f)> calls;
  CHECK_THROWS_AS(calls.value(f, VectorXd::Zero(3)), std::invalid_argument);
}
