// EXPECT: mesaopt: Restarts begins an evolution strategy anew
// EXPECT: UncertaintyHandling<Restarts<CmaEs>>{}
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/evolution/restarts.hpp>
#include <mesaopt/evolution/uncertainty_handling.hpp>

struct Bowl {
  double operator()(const Eigen::VectorXd& x) const { return x.squaredNorm(); }
};

int main() {
  const Eigen::VectorXd x0 = Eigen::VectorXd::Ones(2);
  mesaopt::minimize(Bowl{}, x0, mesaopt::Restarts<mesaopt::UncertaintyHandling<>>{}, mesaopt::MaxEvaluations{100});
}
