#include <mesaopt/nested/settings_pull.hpp>

#include <array>
#include <cmath>

#include <Eigen/Core>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {

template <bool in_duals>
Eigen::MatrixXd jacobian(const VectorXd& x) {
  detail::Rebound<VectorXd, detail::First<VectorXd>> dual;
  VectorXd moved;
  Eigen::MatrixXd J(2, x.size());
  detail::differentiate_place<in_duals>(
      x, dual, moved,
      []<class P>(const P& p) {
        using std::exp;
        return std::array<typename P::Scalar, 2>{exp(p[0]) * p[9], p[3] * p[3]};
      },
      [&](Eigen::Index j, const auto& slope) {
        for (std::size_t i = 0; i < 2; ++i) J(Eigen::Index(i), j) = slope(i);
      });
  return J;
}

}  // namespace

TEST_CASE("what stands in a place is differentiated by duals to rounding, by differences to half the digits",
          "[nested]") {
  const VectorXd x = VectorXd::LinSpaced(10, 0.1, 2.5);
  Eigen::MatrixXd known = Eigen::MatrixXd::Zero(2, 10);
  known(0, 0) = std::exp(x[0]) * x[9];
  known(0, 9) = std::exp(x[0]);
  known(1, 3) = 2 * x[3];
  CHECK((jacobian<true>(x) - known).norm() < 1e-15 * known.norm());
  CHECK((jacobian<false>(x) - known).norm() < 1e-9 * known.norm());
}
