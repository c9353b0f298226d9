// EXPECT: mesaopt: hypergradients in the start are for an inner start that is the outer point: from_outer()
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/lbfgs.hpp>
#include <mesaopt/nested/nested.hpp>
#include <mesaopt/nested/start_gradients.hpp>

struct Loss {
  double operator()(const Eigen::VectorXd& y, Eigen::VectorXd& gradient) const {
    gradient = 2 * y;
    return y.squaredNorm();
  }
};

int main() {
  const Eigen::VectorXd x0 = Eigen::VectorXd::Ones(2);
  const auto adapted = mesaopt::response(Loss{}, mesaopt::Lbfgs{}, x0);  // a constant start
  mesaopt::minimize(mesaopt::nested(mesaopt::of_solution(Loss{}), adapted, mesaopt::FirstOrderMaml{}), x0,
                    mesaopt::Lbfgs{});
}
