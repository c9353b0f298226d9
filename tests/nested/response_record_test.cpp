#include <mesaopt/nested/response_record.hpp>

#include <Eigen/Core>

#include <mesaopt/core/fields.hpp>
#include <mesaopt/direct/compass_search.hpp>
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
using Types = detail::ResponseTypes<Family<G>, CompassSearch, Nearest<Vector2d>, VectorXd>;
using Record = detail::ResponseRecord<Types>;

}  // namespace

TEST_CASE("what an inner run has counted is collected once", "[nested]") {
  Record record;
  record.run.state.calls.counts[0].values = 3;
  record.collect();
  record.run.state.calls.counts[0].values = 4;
  record.collect();
  record.collect();
  CHECK(record.counts[0].values == 7);
}
