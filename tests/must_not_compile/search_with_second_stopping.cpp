// EXPECT: mesaopt: a Search has a stopping rule already
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
  const mesaopt::Search search{mesaopt::Lbfgs{}, mesaopt::MaxIterations{5}};
  mesaopt::minimize(Bowl{}, x0, search, mesaopt::MaxIterations{3});
}
