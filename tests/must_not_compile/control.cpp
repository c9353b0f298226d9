// CONTROL
#include <mesaopt/core/call.hpp>

#include <Eigen/Core>

struct Bowl {
  double operator()(const Eigen::VectorXd& x) const { return x.squaredNorm(); }
};

static_assert(!mesaopt::Remembers<Bowl, Eigen::VectorXd>);

int main() {}
