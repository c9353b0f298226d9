#include <iostream>

#include <mesaopt/core/version.hpp>
#include <mesaopt/mesaopt.hpp>

// Would not compile here if the library's own warnings came with it.
static int careless(double value, int unused) {
  int rounded = value;
  { int rounded = 1; }
  return rounded;
}

int main() {
  std::cout << "mesaopt " << MESAOPT_VERSION_MAJOR << '.' << MESAOPT_VERSION_MINOR << '.' << MESAOPT_VERSION_PATCH
            << '\n';
  const auto bowl = [](const Eigen::VectorXd& x, Eigen::VectorXd& gradient) {
    gradient = 2 * x;
    return x.squaredNorm();
  };
  const Eigen::VectorXd x0 = Eigen::VectorXd::Ones(3);
  const auto solution = mesaopt::minimize(bowl, x0, mesaopt::Lbfgs{});
  std::cout << solution;
  return solution.value < 1e-12 ? careless(0.5, 0) : 1;
}
