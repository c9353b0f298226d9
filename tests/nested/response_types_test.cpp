#include <mesaopt/nested/response_types.hpp>

#include <type_traits>

#include <Eigen/Core>

#include <mesaopt/evolution/cma_es.hpp>
#include <mesaopt/nested/places.hpp>
#include <mesaopt/nested/start.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::Vector2d;
using Eigen::VectorXd;

namespace {
struct G {
  double operator()(const VectorXd& x, const Vector2d& y) const { return (y.array() - x[0]).square().sum(); }
};
}  // namespace

TEST_CASE("the inner point has the type of the inner start, and each start hands on what it is for", "[nested]") {
  using Plain = detail::ResponseTypes<Family<G>, CmaEs, Cold<Vector2d>, VectorXd>;
  using Seen = detail::ResponseTypes<Family<G>, CmaEs, Predicted<Vector2d>, VectorXd>;
  using Whole = detail::ResponseTypes<Family<G>, CmaEs, Continued<Vector2d>, VectorXd>;
  static_assert(std::is_same_v<Plain::Y, Vector2d> && std::is_same_v<Plain::Optimizer, CmaEs>);
  static_assert(!Plain::hands_on_distribution && !Plain::hands_on_state && !Plain::hands_on_multipliers);
  static_assert(Seen::hands_on_distribution && !Seen::hands_on_state);
  static_assert(Whole::hands_on_state && !Whole::restricted);
  static_assert(std::is_same_v<Whole::Knowledge, detail::KnownShape<Vector2d>>);
  SUCCEED();
}
