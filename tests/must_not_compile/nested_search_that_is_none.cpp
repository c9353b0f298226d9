// EXPECT: mesaopt: this is neither a Search nor an optimizer with a default stopping rule; write Search{optimizer, stopping}
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
  const auto training = mesaopt::response(mesaopt::family(Inner{}), 0.1, x0);
  mesaopt::minimize(mesaopt::nested(mesaopt::of_solution(Outer{}), training, mesaopt::Implicit{}), x0,
                    mesaopt::Lbfgs{});
}
