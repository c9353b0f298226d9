// EXPECT: mesaopt: this optimizer needs the Jacobian of the constraints. Give f.constraints(x, c, J)
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/sqp.hpp>

struct OnCircle {
  double operator()(const Eigen::VectorXd& x, Eigen::VectorXd& gradient) const {
    gradient.setOnes();
    return x.sum();
  }
  static Eigen::Index equalities() { return 1; }
  static Eigen::Index inequalities() { return 0; }
  void constraints(const Eigen::VectorXd& x, Eigen::VectorXd& c) const { c[0] = x.squaredNorm() - 1; }
};

int main() {
  const Eigen::VectorXd x0 = Eigen::VectorXd::Ones(2);
  mesaopt::minimize(OnCircle{}, x0, mesaopt::Sqp{});
}
