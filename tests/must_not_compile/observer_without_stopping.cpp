// EXPECT: mesaopt: after the optimizer comes a stopping rule, such as GradientBelow{1e-8} || MaxEvaluations{1000}, then observers
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/lbfgs.hpp>

struct Bowl {
  double operator()(const Eigen::VectorXd& x, Eigen::VectorXd& gradient) const {
    gradient = 2 * x;
    return x.squaredNorm();
  }
};

int main() {
  const Eigen::VectorXd x0 = Eigen::VectorXd::Ones(2);
  mesaopt::minimize(Bowl{}, x0, mesaopt::Lbfgs{}, [](const auto&, const auto&) {});
}
