// EXPECT: mesaopt: this hypergradient takes values of the outer objective, which must be callable as F(x, y) -> value
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/lbfgs.hpp>
#include <mesaopt/nested/evolution_gradient.hpp>
#include <mesaopt/nested/nested.hpp>

struct Outer {
  double operator()(const Eigen::VectorXd&, const Eigen::VectorXd& y, Eigen::VectorXd& gx, Eigen::VectorXd& gy) const {
    gx.setZero();
    gy = 2 * y;
    return y.squaredNorm();
  }
};

struct Inner {
  double operator()(const Eigen::VectorXd& x, const Eigen::VectorXd& y, Eigen::VectorXd& gy) const {
    gy = 2 * (y - x);
    return (y - x).squaredNorm();
  }
};

int main() {
  const Eigen::VectorXd x0 = Eigen::VectorXd::Ones(2);
  const auto training = mesaopt::response(mesaopt::family(Inner{}), mesaopt::Lbfgs{}, x0);
  mesaopt::minimize(mesaopt::nested(Outer{}, training, mesaopt::EvolutionGradient{}), x0,
                    mesaopt::Lbfgs{});  // no F(x, y)
}
