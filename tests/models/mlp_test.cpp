#include <mesaopt/models/mlp.hpp>

#include "models/refusal.hpp"
#include "support/catch.hpp"

using mesaopt::models::Activation;
using mesaopt::models::initial_weights;
using mesaopt::models::Mlp;

TEST_CASE("a network has one weight for each input and unit of a layer, and one bias for each unit", "[models]") {
  CHECK(Mlp<>{{64, 32, 10}}.size() == 64 * 32 + 32 + 32 * 10 + 10);
  CHECK(Mlp<float>{{2, 1}}.size() == 3);
}

TEST_CASE("initial weights have Glorot's and He's variances layer by layer, and no biases", "[models]") {
  const std::vector<Eigen::Index> widths{200, 100, 50};
  for (const Activation kind : {Activation::tanh, Activation::relu}) {
    const Eigen::VectorXd w = initial_weights(widths, 7, kind);
    REQUIRE(w.size() == 200 * 100 + 100 + 100 * 50 + 50);
    const auto first = w.head(20000), second = w.segment(20100, 5000);
    CHECK(first.squaredNorm() / 20000 == Approx(kind == Activation::relu ? 2.0 / 200 : 2.0 / 300).epsilon(0.05));
    CHECK(second.squaredNorm() / 5000 == Approx(kind == Activation::relu ? 2.0 / 100 : 2.0 / 150).epsilon(0.08));
    CHECK(std::abs(first.mean()) < 1e-3);
    CHECK(w.segment(20000, 100).isZero(0));
    CHECK(w.tail(50).isZero(0));
  }
}

TEST_CASE("initial weights depend on the seed alone", "[models]") {
  const std::vector<Eigen::Index> widths{5, 4, 3};
  CHECK(initial_weights(widths, 1) == initial_weights(widths, 1));
  CHECK(initial_weights(widths, 1) != initial_weights(widths, 2));
  CHECK(initial_weights<float>(widths, 1).isApprox(initial_weights(widths, 1).cast<float>()));
}

TEST_CASE("a network without outputs or with an empty layer is refused", "[models]") {
  CHECK(refuses([] { initial_weights({4}, 1); }, "1 entries"));
  CHECK(refuses([] { initial_weights({4, 0, 2}, 1); }, "one is 0"));
}
