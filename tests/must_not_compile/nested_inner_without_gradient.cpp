// EXPECT: mesaopt: the inner optimizer needs gradients of the inner objective
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
  double operator()(const Eigen::VectorXd& x, const Eigen::VectorXd& y) const { return (y - x).squaredNorm(); }
};

int main() {
  const Eigen::VectorXd x0 = Eigen::VectorXd::Ones(2);
  const auto training = mesaopt::response(mesaopt::family(Inner{}), mesaopt::Lbfgs{}, x0);
  mesaopt::minimize(mesaopt::nested(mesaopt::of_solution(Outer{}), training, mesaopt::Implicit{}), x0,
                    mesaopt::Lbfgs{});
}
