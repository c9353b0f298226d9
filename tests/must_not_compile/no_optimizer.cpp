// EXPECT: mesaopt: this type is no optimizer for the objective: it needs a template State<X, M> and const init(f, start, state) and step(f, state)
#include <mesaopt/core/minimize.hpp>

struct Bowl {
  double operator()(const Eigen::VectorXd& x) const { return x.squaredNorm(); }
};
struct Settings {
  double step = 0.1;
};

int main() {
  const Eigen::VectorXd x0 = Eigen::VectorXd::Ones(2);
  mesaopt::minimize(Bowl{}, x0, Settings{});
}
