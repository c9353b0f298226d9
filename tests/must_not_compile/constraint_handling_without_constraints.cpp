// EXPECT: mesaopt: this optimizer is for objectives with constraints, and this one has none
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/evolution/constraint_handling.hpp>

struct Bowl {
  double operator()(const Eigen::VectorXd& x) const { return x.squaredNorm(); }
};

int main() {
  const Eigen::VectorXd x0 = Eigen::VectorXd::Ones(2);
  mesaopt::minimize(Bowl{}, x0, mesaopt::ConstraintHandling<>{}, mesaopt::MaxEvaluations{100});
}
