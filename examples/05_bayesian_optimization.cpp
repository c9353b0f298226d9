// Looks over the shoulder of a Bayesian optimizer: what it believes of a function of which it has seen a few values,
// how sure it is, and where it looks next. A function of one variable is shown at three moments, one of two at one.

#include <cmath>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include <mesaopt/bayes/acquisition.hpp>
#include <mesaopt/mesaopt.hpp>

#include "plot.hpp"

using namespace mesaopt;
using Eigen::MatrixXd, Eigen::VectorXd;

// Two sines that do not fit together: three minima in [2.7, 7.5], the lowest near 5.146.
double two_sines(const VectorXd& x) { return std::sin(x[0]) + std::sin(10 * x[0] / 3); }

// Branin's function: three minima in [-5, 10] x [0, 15], all of them of value 0.397887.
double branin(const VectorXd& x) {
  const double pi = std::acos(-1.0);
  const double valley = x[1] - 5.1 / (4 * pi * pi) * x[0] * x[0] + 5 / pi * x[0] - 6;
  return valley * valley + 10 * (1 - 1 / (8 * pi)) * std::cos(x[0]) + 10;
}

using Function = std::function<double(const VectorXd&)>;
using State = BayesianOptimization::State<VectorXd>;

// Runs the optimizer by hand: it is asked for a point, and told the value there. In between, `look` may see it.
void run(const Function& f, const Box<VectorXd>& box, Eigen::Index evaluations,
         const std::function<void(const State&, const VectorXd& next)>& look) {
  const BayesianOptimization bayes{.seed = 1};
  State state;
  bayes.init(box, box.lower, state);
  while (state.observations.size() < evaluations) {
    const auto batch = bayes.ask(state);
    if (batch.ids.empty()) break;
    const VectorXd next = batch.points.col(0);
    look(state, next);
    const std::vector<Evaluation<double>> answers{f(next)};
    bayes.tell(state, batch.ids, answers);
  }
  std::cout << "  after " << state.observations.size() << " evaluations the lowest value is " << state.value << " at "
            << state.x.transpose() << '\n';
}

// What the optimizer knows at a moment, on a grid of points. Its surrogate works in the unit cube, with values on a
// scale of their own (mean 0, variance 1, very large ones bent down), on which the true function is put, too.
struct Moment {
  Prediction<double> seen;  // mean and variance
  VectorXd truth, log_improvement;

  Moment(const State& state, const VectorXd& next, const Function& f, const MatrixXd& grid) : truth(grid.cols()) {
    const auto& surrogate = state.plain;
    surrogate.process.predict(grid, seen);
    Prediction<double> scratch;
    const double best = surrogate.scale(state.value);
    acquisition(surrogate.process, LogExpectedImprovement{}, best).values(grid, scratch, log_improvement);
    log_improvement *= -1;  // as an objective it is negated, to be minimized
    VectorXd x = state.x;
    for (Eigen::Index i = 0; i < grid.cols(); ++i) {
      state.to_box(grid.col(i), x);
      truth[i] = surrogate.scale(f(x));
    }
    std::cout << "  after " << state.observations.size() << " evaluations the lowest value is " << state.value
              << ", and the next point " << next.transpose() << '\n';
  }
};

int main() {
  // One variable. The moments are such that the acquisition decides: every other point is the lowest of the mean.
  examples::Picture line("bayesian_line", 1300, 640);
  const MatrixXd grid = VectorXd::LinSpaced(401, 0, 1).transpose();
  const Box<VectorXd> interval(VectorXd::Constant(1, 2.7), VectorXd::Constant(1, 7.5));
  std::cout << "Two sines:\n";
  run(two_sines, interval, 20, [&](const State& state, const VectorXd& next) {
    const auto count = state.observations.size();
    if (count != 5 && count != 7 && count != 9) return;
    const Moment moment(state, next, two_sines, grid);
    const std::string name = std::to_string(count);
    line.table("curves" + name, {"x", "truth", "mean", "deviation", "log_improvement"});
    for (Eigen::Index i = 0; i < grid.cols(); ++i)
      line.row(2.7 + 4.8 * grid(0, i), moment.truth[i], moment.seen.mean[i], std::sqrt(moment.seen.variance[i]),
               moment.log_improvement[i]);
    line.table("points" + name, {"x", "value"});
    for (Eigen::Index i = 0; i < count; ++i)
      line.row(state.observed_points()(0, i), state.plain.scale(state.observations.value(i)));
    line.table("next" + name, {"x", "log_improvement"});
    line.row(next[0], moment.log_improvement.maxCoeff());
  });
  line.commands(R"(
set multiplot title 'What a Bayesian optimizer believes after 5, 7 and 9 evaluations, and where it looks next' font ',13'
set xrange [2.7:7.5]; set style fill solid noborder; set xtics 1; left = 0.06; step = 0.315
do for [k=0:2] {
  n = word('5 7 9', k+1); at(what) = what.n
  set lmargin at screen left+k*step; set rmargin at screen left+k*step+0.285
  set tmargin at screen 0.87; set bmargin at screen 0.42; set yrange [-4:6.5]; set format x ''; unset xlabel
  if (k==0) { set ylabel 'value, standardized'; set key top left Left reverse nobox } else { unset ylabel; unset key }
  set title n.' evaluations'
  plot data index at('curves') using 1:($3-2*$4):($3+2*$4) with filledcurves lc rgb '#CFE4F2' title 'mean ± 2 standard deviations', \
       '' index at('curves') using 1:3 with lines lw 2.5 lc rgb blue title 'posterior mean', \
       '' index at('curves') using 1:2 with lines lw 1.5 dt 4 lc rgb black title 'true function', \
       '' index at('next') using 1:(-4):(0):(20) with vectors nohead lw 1.5 dt 2 lc rgb orange notitle, \
       '' index at('points') using 1:2 with points pt 7 ps 1.3 lc rgb black title 'evaluated'
  unset title; set tmargin at screen 0.38; set bmargin at screen 0.1; set format x '%g'; set xlabel 'x'
  if (k==0) { set ylabel 'log of expected improvement' }
  set yrange [-14:4]
  plot data index at('curves') using 1:5:(-14) with filledcurves lc rgb '#CDE8DF' notitle, \
       '' index at('curves') using 1:5 with lines lw 2 lc rgb green title 'acquisition', \
       '' index at('next') using 1:2:(0):(20) with vectors nohead lw 1.5 dt 2 lc rgb orange notitle, \
       '' index at('next') using 1:2 with points pt 9 ps 2 lc rgb orange title 'next point'
}
unset multiplot)");
  std::cout << line.draw() << '\n';

  // Two variables: the same as maps, in the middle of a run.
  examples::Picture maps("bayesian_maps", 1100, 900);
  constexpr int side = 91;
  MatrixXd square(2, side * side);
  for (int i = 0; i < square.cols(); ++i) square.col(i) << i % side / (side - 1.0), i / side / (side - 1.0);
  const Box<VectorXd> rectangle(Eigen::Vector2d(-5, 0), Eigen::Vector2d(10, 15));
  std::cout << "Branin's function:\n";
  run(branin, rectangle, 30, [&](const State& state, const VectorXd& next) {
    if (state.observations.size() != 13) return;
    const Moment moment(state, next, branin, square);
    maps.table("maps", {"x", "y", "truth", "mean", "deviation", "log_improvement"});
    for (int i = 0; i < square.cols(); ++i)
      maps.row(-5 + 15 * square(0, i), 15 * square(1, i), moment.truth[i], moment.seen.mean[i],
               std::sqrt(moment.seen.variance[i]), moment.log_improvement[i]);
    maps.table("points", {"x", "y"});
    const MatrixXd points = state.observed_points();
    for (const auto& point : points.colwise()) maps.row(point[0], point[1]);
    maps.table("next", {"x", "y"});
    maps.row(next[0], next[1]);
  });
  maps.commands(R"(
set multiplot layout 2,2 title "Branin's function after 13 evaluations" font ',13'
set xrange [-5:10]; set yrange [0:15]; unset grid; unset key; set border 15; set tics out; set xlabel 'x_1'; set ylabel 'x_2'
set palette defined (0 '#440154', 1 '#3B528B', 2 '#21908C', 3 '#5DC863', 4 '#FDE725')
names = '"true function, standardized" "posterior mean" "standard deviation" "log of expected improvement"'
do for [k=1:4] {
  set title word(names, k)
  if (k<3) { set cbrange [-1.5:2.5] } else { set cbrange [*:*] }
  if (k==4) { set cbrange [-12:*] }
  plot data index 'maps' using 1:2:k+2 with image, \
       '' index 'points' using 1:2 with points pt 7 ps 1.5 lc rgb 'white', \
       '' index 'points' using 1:2 with points pt 7 ps 1 lc rgb black, \
       '' index 'next' using 1:2 with points pt 9 ps 2.6 lc rgb 'white', \
       '' index 'next' using 1:2 with points pt 9 ps 1.8 lc rgb orange
}
unset multiplot)");
  std::cout << maps.draw();
}
