// Chooses the 20 penalties of a linear regression, one for each weight, by the error on examples held out from
// training.
//
// Each choice of penalties is a training problem of its own, whose solution is judged on the held-out examples. The
// library makes one objective of the two levels, with the gradient through training: so L-BFGS can choose.

#include <cmath>
#include <iomanip>
#include <iostream>

#include <mesaopt/core/random.hpp>
#include <mesaopt/mesaopt.hpp>
#include <mesaopt/models/ridge.hpp>
#include <mesaopt/objective/bounds.hpp>

#include "plot.hpp"

using namespace mesaopt;
using Eigen::MatrixXd, Eigen::VectorXd;

constexpr int weights = 20;

// What is to be found out: five features matter, five matter a little, ten do not.
VectorXd true_weights() {
  VectorXd w = VectorXd::Zero(weights);
  for (int j = 0; j < 10; ++j) w[j] = (j % 2 == 0 ? 1 : -1) * (j < 5 ? 1.0 : 0.2);
  return w;
}

struct Examples {
  MatrixXd inputs;   // one example a row
  VectorXd targets;  // with noise as large as the largest weights

  Examples(int count, Random random) : inputs(count, weights), targets(count) {
    random.fill_normal(inputs);
    random.fill_normal(targets);
    targets += inputs * true_weights();
  }
};

int main() {
  const Random random{.seed = 3};
  const Examples train(60, random.split(0)), held_out(120, random.split(1)), test(10000, random.split(2));

  // The inner level: x holds log penalties, w(x) the trained weights. The outer level: the held-out error of w(x).
  const auto training = response(family(models::RidgeTraining(train.inputs, train.targets)), Lbfgs{},
                                 newton_corrected(VectorXd(VectorXd::Zero(weights))));
  const models::RidgeValidation held_out_error(held_out.inputs, held_out.targets);
  const auto outer = nested(of_solution(held_out_error), training, Implicit{});

  // One penalty for all weights, or one for each: the same objective of 1 or 20 variables. Bounds keep the penalties of
  // features that only harm from growing forever.
  const auto choose = [&](const VectorXd& start) {
    const VectorXd limit = VectorXd::Constant(start.size(), std::log(1000.0));
    const auto boxed = in_box(outer, Box<VectorXd>(-limit, limit));
    auto solution = minimize(boxed, boxed.from_box(start), Lbfgs{}, GradientBelow{1e-6} || MaxIterations{1000});
    solution.x = boxed.to_box(solution.x);
    return solution;
  };
  const VectorXd customary = VectorXd::Constant(1, std::log(0.01));
  const auto one = choose(customary);
  const auto twenty = choose(VectorXd::Constant(weights, one.x[0]));

  const models::RidgeValidation test_error(test.inputs, test.targets);
  std::cout << "penalties                    held-out error    test error, which nobody looked at\n";
  const auto report = [&](const char* name, const VectorXd& log_penalties) {
    const VectorXd w = training(log_penalties).x;
    std::cout << std::left << std::setw(29) << name << std::setw(18) << held_out_error(w) << test_error(w) << '\n';
  };
  report("0.01 for all, before", customary);
  report("one for all, chosen", one.x);
  report("20, chosen", twenty.x);

  const Certificate& certificate = twenty.evaluation.certificate;
  std::cout << "\nThe search for the 20 penalties:\n"
            << twenty << std::setprecision(1)
            << "Its last gradient is vouched for: no entry of the inner gradient is above " << certificate.stationarity
            << ",\nso the weights are within " << certificate.distance
            << " of their optimum, relative to their length; the adjoint\nsystem, with condition number "
            << certificate.condition << ", is solved to a relative residual of " << certificate.adjoint_residual
            << ".\n\n";

  examples::Picture picture("choose_penalties", 1100, 640);
  const VectorXd truth = true_weights(), before = training(customary).x, after = training(twenty.x).x;
  picture.table("weights", {"feature", "truth", "before", "after", "penalty"});
  for (int j = 0; j < weights; ++j) picture.row(j + 1, truth[j], before[j], after[j], std::exp(twenty.x[j]));
  picture.commands(R"(
set multiplot layout 2,1 title "Twenty penalties chosen by held-out error: what does not matter is shut out" font ',13'
set xrange [0.3:20.7]; set xtics 1; set key outside right center nobox width -2; set rmargin 30; set lmargin 10
set ylabel 'penalty'; set logscale y; set yrange [5e-4:2e3]; set format y '10^{%T}'
plot data index 'weights' using 1:(0.01):(0):($5-0.01) with vectors nohead lw 3 lc rgb '#9CC9E3' notitle, \
     0.01 with lines lw 2 lc rgb grey title 'before: 0.01 for all', \
     data index 'weights' using 1:5 with points pt 7 ps 1.4 lc rgb blue title 'chosen'
unset logscale y; set format y '%g'; set yrange [-1.4:1.4]; set ylabel 'weight'; set xzeroaxis lt 1 lc rgb grey
set xlabel 'feature: 1 to 5 matter, 6 to 10 matter a little, 11 to 20 do not'
plot data index 'weights' using ($1-0.12):3 with impulses lw 6 lc rgb grey title 'trained before', \
     '' index 'weights' using ($1+0.12):4 with impulses lw 6 lc rgb blue title 'trained with the chosen', \
     '' index 'weights' using 1:2 with points pt 7 ps 1.2 lc rgb orange title 'truth'
unset multiplot)");
  std::cout << picture.draw();
}
