#pragma once
// Central differences, to compare derivatives with.

#include <Eigen/Core>

namespace differences {

using Vector = Eigen::VectorXd;
using Matrix = Eigen::MatrixXd;

/// The derivative of `value(x)` by x.
template <class Value>
Vector gradient(const Value& value, Vector x, double h = 1e-5) {
  Vector g(x.size());
  for (Eigen::Index i = 0; i < x.size(); ++i) {
    const double at = x[i];
    x[i] = at + h;
    const double up = value(x);
    x[i] = at - h;
    const double down = value(x);
    x[i] = at;
    g[i] = (up - down) / (2 * h);
  }
  return g;
}

/// The change of `map(x)`, a vector, along v.
template <class Map>
Vector along(const Map& map, const Vector& x, const Vector& v, double h = 1e-5) {
  const Vector up = map(Vector(x + h * v));
  const Vector down = map(Vector(x - h * v));
  return (up - down) / (2 * h);
}

/// The gradient of an objective, as a function that answers it.
template <class F>
auto gradient_of(const F& f) {
  return [f](const Vector& x) {
    Vector g(x.size());
    f(x, g);
    return g;
  };
}

/// The second derivative that `product(v, out)` applies, column by column.
template <class Product>
Matrix matrix_of(const Product& product, Eigen::Index rows, Eigen::Index columns) {
  Matrix H(rows, columns);
  for (Eigen::Index j = 0; j < columns; ++j) {
    Vector out(rows);
    product(Vector(Vector::Unit(columns, j)), out);
    H.col(j) = out;
  }
  return H;
}

/// |a - b| relative to 1 + |b|.
template <class A, class B>
double distance(const Eigen::MatrixBase<A>& a, const Eigen::MatrixBase<B>& b) {
  return (a - b).norm() / (1 + b.norm());
}

}  // namespace differences
