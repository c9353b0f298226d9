// EXPECT: mesaopt: the start must be a plain Eigen column vector of float or double
// EXPECT: write its type: Eigen::VectorXd x0 = Eigen::VectorXd::Zero(2);
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/lbfgs.hpp>

struct Bowl {
  double operator()(const Eigen::VectorXd& x, Eigen::VectorXd& gradient) const {
    gradient = 2 * x;
    return x.squaredNorm();
  }
};

int main() { mesaopt::minimize(Bowl{}, Eigen::VectorXd::Ones(2), mesaopt::Lbfgs{}); }
