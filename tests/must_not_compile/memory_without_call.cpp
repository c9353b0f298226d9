// EXPECT: mesaopt: an objective that declares a Memory takes a const Call<Memory<X>>& as its last argument
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/lbfgs.hpp>

struct Bowl {
  template <class X>
  using Memory = mesaopt::Workspace<X>;
  double operator()(const Eigen::VectorXd& x, Eigen::VectorXd& gradient) const {
    gradient = 2 * x;
    return x.squaredNorm();
  }
};

int main() {
  const Eigen::VectorXd x0 = Eigen::VectorXd::Ones(2);
  mesaopt::minimize(Bowl{}, x0, mesaopt::Lbfgs{});
}
