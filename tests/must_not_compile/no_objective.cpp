// EXPECT: mesaopt: the objective must be callable as f(x) -> number, or f(x, gradient) -> number, with x and gradient of the start's type
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/lbfgs.hpp>

struct Bowl {
  float operator()(const Eigen::VectorXf& x, Eigen::VectorXf& gradient) const {
    gradient = 2 * x;
    return x.squaredNorm();
  }
};

int main() {
  const Eigen::VectorXd x0 = Eigen::VectorXd::Ones(2);
  mesaopt::minimize(Bowl{}, x0, mesaopt::Lbfgs{});
}
