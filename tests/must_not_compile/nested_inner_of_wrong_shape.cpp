// EXPECT: mesaopt: the inner objective must be callable as f(y) or f(y, gradient)
// EXPECT: or write family(g), with g(x, y) or g(x, y, gradient)
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/lbfgs.hpp>
#include <mesaopt/nested/implicit.hpp>
#include <mesaopt/nested/nested.hpp>

struct Outer {
  double operator()(const Eigen::VectorXd& y, Eigen::VectorXd& gradient) const {
    gradient = 2 * y;
    return y.squaredNorm();
  }
};

struct Inner {
  double operator()(const Eigen::VectorXd& x, const Eigen::VectorXd& y, Eigen::VectorXd& gy) const {
    gy = 2 * (y - x);
    return (y - x).squaredNorm();
  }
};

int main() {
  const Eigen::VectorXd x0 = Eigen::VectorXd::Ones(2);
  const auto training = mesaopt::response(Inner{}, mesaopt::Lbfgs{}, x0);  // not marked by family(...)
  mesaopt::minimize(mesaopt::nested(mesaopt::of_solution(Outer{}), training, mesaopt::Implicit{}), x0,
                    mesaopt::Lbfgs{});
}
