// EXPECT: mesaopt: for a hypergradient the outer objective must be callable as F(x, y, gx, gy) -> value
// EXPECT: of_solution(f) with f(y, gradient) -> value
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/lbfgs.hpp>
#include <mesaopt/nested/implicit.hpp>
#include <mesaopt/nested/nested.hpp>

struct Outer {
  double operator()(const Eigen::VectorXd& y, Eigen::VectorXd& gradient) const {
    gradient = 2 * y;
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
  mesaopt::minimize(mesaopt::nested(Outer{}, training, mesaopt::Implicit{}), x0,
                    mesaopt::Lbfgs{});  // not of_solution(...)
}
