#include <mesaopt/core/call.hpp>
#include <mesaopt/core/version.hpp>

#include <Eigen/Core>

#include <iostream>

struct Bowl {
  double operator()(const Eigen::VectorXd& x) const { return x.squaredNorm(); }
};

// Would not compile here if the library's own warnings came with it.
static int careless(double value, int unused) {
  int rounded = value;
  {
    int rounded = 1;
  }
  return rounded;
}

int main() {
  static_assert(!mesaopt::Remembers<Bowl, Eigen::VectorXd>);
  std::cout << "mesaopt " << MESAOPT_VERSION_MAJOR << '.' << MESAOPT_VERSION_MINOR << '.' << MESAOPT_VERSION_PATCH << '\n';
  return careless(0.5, 0);
}
