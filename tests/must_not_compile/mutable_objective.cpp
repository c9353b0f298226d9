// EXPECT: mesaopt: calling the objective must not change it. Make its operator() const (a lambda: not mutable)
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/lbfgs.hpp>

int main() {
  const Eigen::VectorXd x0 = Eigen::VectorXd::Ones(2);
  int calls = 0;
  auto bowl = [calls](const Eigen::VectorXd& x, Eigen::VectorXd& gradient) mutable {
    ++calls;
    gradient = 2 * x;
    return x.squaredNorm();
  };
  mesaopt::minimize(bowl, x0, mesaopt::Lbfgs{});
}
