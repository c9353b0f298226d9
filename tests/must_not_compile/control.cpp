// CONTROL
#include <mesaopt/mesaopt.hpp>

int main() {
  const auto bowl = [](const Eigen::VectorXd& x, Eigen::VectorXd& gradient) {
    gradient = 2 * x;
    return x.squaredNorm();
  };
  const Eigen::VectorXd x0 = Eigen::VectorXd::Ones(3);
  return mesaopt::minimize(bowl, x0, mesaopt::Lbfgs{}).value < 1e-12 ? 0 : 1;
}
