#include <mesaopt/models/mlp_loss.hpp>

#include <limits>
#include <numeric>

#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/random.hpp>

#include "models/differences.hpp"
#include "models/mlp_reference.hpp"
#include "models/refusal.hpp"
#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using models::Activation;
using models::Mlp;
using models::MlpLoss;
using Vector = Eigen::VectorXd;
using Matrix = Eigen::MatrixXd;

static_assert(TwiceDifferentiable<MlpLoss<double>, Vector>);
static_assert(TwiceDifferentiable<MlpLoss<float>, Eigen::VectorXf>);
static_assert(FiniteSum<MlpLoss<double>, Vector>);

namespace {

template <class S = double>
struct Fixture {
  std::vector<Eigen::Index> widths;
  Activation activation;
  Eigen::MatrixX<S> inputs;
  std::vector<int> labels;
  MlpLoss<S> f;
  Eigen::VectorX<S> w, v, u;
  Workspace<detail::MlpScratch<S>> memory{};
  detail::MlpScratch<S> record{};

  Fixture(std::vector<Eigen::Index> shape, Activation kind, Eigen::Index examples)
      : widths(shape),
        activation(kind),
        inputs(draw(shape.front(), examples, 1)),
        labels(some_labels(shape.back(), examples)),
        f(Mlp<S>{shape, kind}, inputs, labels),
        w(draw(f.model().size(), 1, 2)),
        v(draw(w.size(), 1, 3)),
        u(draw(w.size(), 1, 4)) {
    w *= S(0.4);
  }

  static Eigen::MatrixX<S> draw(Eigen::Index rows, Eigen::Index columns, std::uint64_t seed) {
    Matrix values(rows, columns);
    Random{seed}.fill_normal(values);
    return values.cast<S>();
  }
  static std::vector<int> some_labels(Eigen::Index classes, Eigen::Index examples) {
    std::vector<int> labels;
    for (int i = 0; i < int(examples); ++i) labels.push_back((i * i + i / 2) % int(classes));
    return labels;
  }

  Call<Workspace<detail::MlpScratch<S>>> call() { return {memory, record, 0, 0}; }
  S value(const Eigen::VectorX<S>& at) { return f(at, call()); }
  Eigen::VectorX<S> gradient(const Eigen::VectorX<S>& at) {
    Eigen::VectorX<S> g(at.size());
    f(at, g, call());
    return g;
  }
  Eigen::VectorX<S> product(const Eigen::VectorX<S>& along) {
    Eigen::VectorX<S> out(w.size());
    f.hessian_product(w, along, out, call());
    return out;
  }
  Eigen::VectorX<S> gauss_newton(const Eigen::VectorX<S>& along) {
    Eigen::VectorX<S> out(w.size());
    f.gauss_newton_product(w, along, out, call());
    return out;
  }
};

const std::vector<std::vector<Eigen::Index>> shapes{{3, 2}, {4, 5, 3}, {2, 4, 3, 2}, {3, 1, 2, 1, 4}, {2, 1}};

}  // namespace

TEST_CASE("the loss is the one of a plain reimplementation, to rounding", "[models]") {
  for (const auto& shape : shapes)
    for (const Activation kind : {Activation::tanh, Activation::relu}) {
      Fixture<> t(shape, kind, 7);
      const std::vector<double> w(t.w.data(), t.w.data() + t.w.size());
      CHECK(t.value(t.w) ==
            Approx(reference::mlp_loss(shape, kind, w, t.inputs, t.labels)).epsilon(1e-13).margin(1e-15));
      Vector gradient(t.w.size());
      CHECK(t.f(t.w, gradient, t.call()) == t.value(t.w));
    }
}

TEST_CASE("gradients of networks agree with differences of the loss", "[models]") {
  for (const auto& shape : shapes)
    for (const Activation kind : {Activation::tanh, Activation::relu}) {
      Fixture<> t(shape, kind, 9);
      const Vector expected = differences::gradient([&](const Vector& at) { return t.value(at); }, t.w, 1e-6);
      CHECK(differences::distance(t.gradient(t.w), expected) < 1e-8);
    }
}

TEST_CASE("Hessian products of networks agree with dual numbers to 1e-12 and with differences", "[models]") {
  for (const auto& shape : shapes)
    for (const Activation kind : {Activation::tanh, Activation::relu}) {
      Fixture<> t(shape, kind, 6);
      const Vector product = t.product(t.v);
      const Vector exact = reference::mlp_hessian_product(shape, kind, t.w, t.v, t.inputs, t.labels);
      CHECK((product - exact).norm() <= 1e-12 * (1 + exact.norm()));
      const Vector difference = differences::along([&](const Vector& at) { return t.gradient(at); }, t.w, t.v, 1e-6);
      CHECK(differences::distance(product, difference) < 1e-7);
    }
}

TEST_CASE("Hessians of networks are symmetric, Gauss-Newton matrices positive as well", "[models]") {
  for (const Activation kind : {Activation::tanh, Activation::relu}) {
    Fixture<> t({5, 6, 4, 3}, kind, 40);
    CHECK(t.u.dot(t.product(t.v)) == Approx(t.v.dot(t.product(t.u))).epsilon(1e-12));
    CHECK(t.u.dot(t.gauss_newton(t.v)) == Approx(t.v.dot(t.gauss_newton(t.u))).epsilon(1e-12));
    for (std::uint64_t seed = 10; seed < 30; ++seed) {
      const Vector direction = Fixture<>::draw(t.w.size(), 1, seed);
      CHECK(direction.dot(t.gauss_newton(direction)) >= 0);
    }
  }
}

TEST_CASE("the Gauss-Newton matrix is the Jacobian's of the logits around the Hessian of the softmax", "[models]") {
  Fixture<> t({3, 4, 3}, Activation::tanh, 5);
  const Eigen::Index examples = 5, classes = 3;
  const auto logits = [&](const Vector& at) {
    const Matrix z = models::logits(t.f.model(), at, t.inputs);
    return Vector(z.reshaped());
  };
  const Vector change = differences::along(logits, t.w, t.v, 1e-6);
  const Vector z = logits(t.w);
  Vector weighted(change.size());
  for (Eigen::Index i = 0; i < examples; ++i) {
    Vector p = z.segment(i * classes, classes).array().exp();
    p /= p.sum();
    const Vector c = change.segment(i * classes, classes);
    weighted.segment(i * classes, classes) = (p.array() * (c.array() - p.dot(c))) / double(examples);
  }
  const Vector expected = differences::gradient([&](const Vector& at) { return logits(at).dot(weighted); }, t.w, 1e-6);
  CHECK(differences::distance(t.gauss_newton(t.v), expected) < 1e-8);
}

TEST_CASE("without hidden layers the Gauss-Newton matrix is the Hessian", "[models]") {
  Fixture<> t({6, 4}, Activation::tanh, 30);
  CHECK(differences::distance(t.gauss_newton(t.v), t.product(t.v)) < 1e-14);
}

TEST_CASE("batches that cover all examples average to the whole, also across chunks", "[models]") {
  const Eigen::Index examples = 3 * detail::mlp_chunk + 16;
  Fixture<> t({4, 5, 3}, Activation::tanh, examples);
  std::vector<Eigen::Index> order(static_cast<std::size_t>(examples));
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = Eigen::Index(i) * 7 % examples;
  Vector sum = Vector::Zero(t.w.size()), part(t.w.size());
  double value = 0;
  const std::size_t batches = 4, size = order.size() / batches;
  REQUIRE(size * batches == order.size());
  for (std::size_t b = 0; b < batches; ++b) {
    const std::span<const Eigen::Index> batch(order.data() + b * size, size);
    const double with_gradient = t.f(t.w, batch, part, t.call());
    CHECK(t.f(t.w, batch, t.call()) == with_gradient);
    value += with_gradient / double(batches);
    sum += part / double(batches);
  }
  CHECK(value == Approx(t.value(t.w)).epsilon(1e-13));
  CHECK(differences::distance(sum, t.gradient(t.w)) < 1e-13);
  const std::span<const Eigen::Index> all(order);
  CHECK(t.f(t.w, all, part, t.call()) == Approx(t.value(t.w)).epsilon(1e-13));
  CHECK(differences::distance(part, t.gradient(t.w)) < 1e-13);
}

TEST_CASE("an example named twice in a batch counts twice", "[models]") {
  Fixture<> t({3, 4, 2}, Activation::tanh, 5);
  const std::vector<Eigen::Index> one{1}, two{4}, both{1, 4, 4};
  CHECK(t.f(t.w, both, t.call()) == Approx((t.f(t.w, one, t.call()) + 2 * t.f(t.w, two, t.call())) / 3));
}

TEST_CASE("float networks agree with double ones to float accuracy", "[models]") {
  Fixture<float> t({6, 8, 4}, Activation::tanh, 200);
  const MlpLoss<double> f(Mlp<double>{{6, 8, 4}}, t.inputs.cast<double>(), t.labels);
  const Vector w = t.w.cast<double>(), v = t.v.cast<double>();
  Workspace<detail::MlpScratch<double>> memory;
  detail::MlpScratch<double> record;
  const Call<Workspace<detail::MlpScratch<double>>> call{memory, record, 0, 0};
  Vector gradient(w.size()), product(w.size());
  CHECK(t.value(t.w) == Approx(f(w, gradient, call)).epsilon(1e-5));
  f.hessian_product(w, v, product, call);
  CHECK(differences::distance(t.gradient(t.w).cast<double>(), gradient) < 1e-5);
  CHECK(differences::distance(t.product(t.v).cast<double>(), product) < 1e-5);
}

TEST_CASE("points of fixed size do as well as dynamic ones", "[models]") {
  Fixture<> t({2, 2, 2}, Activation::tanh, 10);
  REQUIRE(t.w.size() == 12);
  const Eigen::Vector<double, 12> w = t.w;
  Eigen::Vector<double, 12> gradient;
  CHECK(t.f(w, gradient, t.call()) == t.value(t.w));
  CHECK(gradient == t.gradient(t.w));
}

TEST_CASE("logits of any size leave the loss exact, and ones that are no numbers show in it", "[models]") {
  const Matrix input = Matrix::Ones(1, 2);
  const MlpLoss<double> f(Mlp<double>{{1, 3}}, input, {0, 2});
  Workspace<detail::MlpScratch<double>> memory;
  detail::MlpScratch<double> record;
  const Call<Workspace<detail::MlpScratch<double>>> call{memory, record, 0, 0};
  Vector w(6), gradient(6), product(6);
  w << 1e5, -1e5, 0, 0, 0, 0;
  CHECK(f(w, gradient, call) == Approx(5e4));
  CHECK(gradient[0] == Approx(0.5));
  CHECK(gradient[2] == Approx(-0.5));
  f.hessian_product(w, Vector(Vector::Ones(6)), product, call);
  CHECK(product.isZero());
  w.setConstant(-1e300);
  CHECK(f(w, gradient, call) == Approx(std::log(3)));
  w[4] = std::numeric_limits<double>::quiet_NaN();
  CHECK(!std::isfinite(f(w, gradient, call)));

  for (const Activation kind : {Activation::tanh, Activation::relu}) {
    Fixture<> t({3, 4, 2}, kind, 5);
    t.w[0] = std::numeric_limits<double>::quiet_NaN();
    CHECK(!std::isfinite(t.value(t.w)));
    t.w[0] = 1e200;
    CHECK(std::isfinite(t.value(t.w)));
  }
}

TEST_CASE("a network allocates in the first call with a record only", "[models]") {
  for (const auto& shape : std::vector<std::vector<Eigen::Index>>{{4, 5, 3}, {300, 200, 150, 10}}) {
    Fixture<> t(shape, Activation::tanh, 300);
    const auto call = t.call();
    Vector out(t.w.size());
    t.f(t.w, call);
    std::vector<Eigen::Index> batch(200);
    std::iota(batch.begin(), batch.end(), 0);
    const long before = allocations();
    t.f(t.w, call);
    t.f(t.w, out, call);
    t.f(t.w, batch, out, call);
    t.f(t.w, std::span(batch).first(32), call);
    t.f.hessian_product(t.w, t.v, out, call);
    t.f.gauss_newton_product(t.w, t.v, out, call);
    CHECK(allocations() == before);
  }
}

TEST_CASE("what a record held before never changes a result", "[models]") {
  Fixture<> t({4, 5, 3}, Activation::tanh, 150), other({9, 2, 2, 5}, Activation::relu, 20);
  const Vector first = t.product(t.v), gradient = t.gradient(t.w);
  detail::MlpScratch<double>& record = t.record;
  const Call<Workspace<detail::MlpScratch<double>>> call{t.memory, record, 0, 0};
  Vector out(other.w.size());
  other.f(other.w, out, call);
  for (auto& layer : record.layers) layer.activation.setConstant(std::numeric_limits<double>::quiet_NaN());
  CHECK(t.product(t.v) == first);
  CHECK(t.gradient(t.w) == gradient);
}

TEST_CASE("networks refuse what does not fit", "[models]") {
  const Matrix inputs = Matrix::Ones(3, 4);
  const std::vector<int> labels{0, 1, 1, 0};
  const Mlp<double> model{{3, 2}};
  CHECK(refuses([&] { MlpLoss<double>(model, inputs, {0, 1, 2, 0}); }, "0 .. 1", "example 2 is 2"));
  CHECK(refuses([&] { MlpLoss<double>(model, inputs, {0, -1, 1, 0}); }, "is -1"));
  CHECK(refuses([&] { MlpLoss<double>(model, inputs, {0, 1}); }, "4 examples and 2 labels"));
  CHECK(refuses([&] { MlpLoss<double>(model, Matrix(3, 0), {}); }, "0 examples"));
  CHECK(refuses([&] { MlpLoss<double>(Mlp<double>{{4, 2}}, inputs, labels); }, "4 inputs", "have 3"));
  CHECK(refuses([&] { MlpLoss<double>(Mlp<double>{{3}}, inputs, labels); }, "1 entries"));
  CHECK(refuses([&] { MlpLoss<double>(Mlp<double>{{3, 0, 2}}, inputs, labels); }, "one is 0"));
  const MlpLoss<double> f(model, inputs, labels);
  Workspace<detail::MlpScratch<double>> memory;
  detail::MlpScratch<double> record;
  const Call<Workspace<detail::MlpScratch<double>>> call{memory, record, 0, 0};
  CHECK(refuses([&] { f(Vector(Vector::Zero(7)), call); }, "8 weights", "size 7"));
  const Vector w = Vector::Zero(8);
  const std::vector<Eigen::Index> none, beyond{0, 4}, below{-1};
  CHECK(refuses([&] { f(w, none, call); }, "empty"));
  CHECK(refuses([&] { f(w, beyond, call); }, "example 4 of 4"));
  CHECK(refuses([&] { f(w, below, call); }, "example -1"));
}
