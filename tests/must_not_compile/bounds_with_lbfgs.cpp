// EXPECT: mesaopt: this optimizer does not keep bounds. Use in_box(f, box)
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/lbfgs.hpp>
#include <mesaopt/objective/bounds.hpp>

struct Bowl {
  double operator()(const Eigen::VectorXd& x, Eigen::VectorXd& gradient) const {
    gradient = 2 * x;
    return x.squaredNorm();
  }
};

int main() {
  const Eigen::VectorXd x0 = Eigen::VectorXd::Ones(2);
  const mesaopt::Box box{Eigen::VectorXd::Constant(2, -1), Eigen::VectorXd::Constant(2, 3)};
  mesaopt::minimize(mesaopt::within(Bowl{}, box), x0, mesaopt::Lbfgs{});
}
