#pragma once

#include <utility>

#include <Eigen/Core>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/objective.hpp>

/// Evaluates an objective with gradient at points one after the other, and accepts those that are to be.
template <class F>
struct Walk {
  using Point = Eigen::VectorXd;
  F f;
  mesaopt::Calls<Point, mesaopt::MemoryOf<F, Point>> calls{};
  Point gradient{};
  explicit Walk(F g) : f(std::move(g)) {}

  mesaopt::Evaluation<double> look(const Point& x) {
    gradient.resize(x.size());
    return calls.gradient(f, x, gradient);
  }
  mesaopt::Evaluation<double> go(const Point& x) {
    const auto evaluation = look(x);
    calls.accept();
    return evaluation;
  }
  mesaopt::Evaluation<double> look(double x) { return look(Point(Point::Constant(1, x))); }
  mesaopt::Evaluation<double> go(double x) { return go(Point(Point::Constant(1, x))); }
  const auto& record() const { return calls.slot.record.response; }
};
