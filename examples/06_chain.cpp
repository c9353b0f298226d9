// Two chains of searches. In the first, networks of growing width learn to read digits, and each begins with the units of
// the one before: that pays. In the second, the same digits come from a scanner that lies on its side and shows ink as
// paper: to begin with what was learnt harms, which a race against a cold start finds out and refuses.

#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/lbfgs.hpp>
#include <mesaopt/models/mlp_training.hpp>
#include <mesaopt/nested/chain.hpp>

#include "digits.hpp"
#include "plot.hpp"

using namespace mesaopt;
using Eigen::Index, Eigen::VectorXd;
using examples::LabelledImages;

// The loss of a network with one hidden layer, and small penalties on its weights. It writes the lowest loss down.
struct Training {
  models::MlpTraining<double> family;
  VectorXd log_penalties = VectorXd::Constant(4, -7.0);
  std::vector<double>* lowest;
  template <class W>
  using Memory = models::MlpTraining<double>::Memory<W>;

  Training(Index units, const LabelledImages<double>& images, std::vector<double>& losses)
      : family({{images.images.rows(), units, 10}}, images.images, images.labels), lowest(&losses) {}
  double operator()(const VectorXd& w, VectorXd& gradient, const Call<Memory<VectorXd>>& call) const {
    const double loss = family(log_penalties, w, gradient, call);
    lowest->push_back(lowest->empty() ? loss : std::min(loss, lowest->back()));
    return loss;
  }
};
VectorXd start(Index units) { return models::initial_weights({64, units, 10}, std::uint64_t(units)); }

// Where the weights of a network of `wide` units come from in one of `narrow`: those of new units from nowhere.
Coordinates grow(Index narrow, Index wide) {
  Coordinates map;
  const auto matrix = [&](Index begin, Index rows, Index columns, Index old_rows, Index old_columns) {
    for (Index c = 0; c < columns; ++c)
      for (Index r = 0; r < rows; ++r)
        map.source.push_back(r < old_rows && c < old_columns ? begin + c * old_rows + r : -1);
  };
  matrix(0, wide, 64, narrow, 64);             // pixels to units
  matrix(64 * narrow, wide, 1, narrow, 1);     // their biases
  matrix(65 * narrow, 10, wide, 10, narrow);   // units to digits
  matrix(75 * narrow, 10, 1, 10, 1);           // their biases
  return map;
}

// The same digits, turned by a quarter, ink and paper exchanged.
LabelledImages<double> scanned(LabelledImages<double> digits) {
  const Eigen::MatrixXd before = digits.images;
  for (Index row = 0; row < 8; ++row)
    for (Index column = 0; column < 8; ++column)
      digits.images.row(8 * row + column) = 1 - before.row(8 * column + 7 - row).array();
  return digits;
}

const char* said(Transfer transfer) {
  switch (transfer) {
    case Transfer::none: return "nothing to take over";
    case Transfer::trusted: return "taken over";
    case Transfer::kept: return "taken over, as it won the race";
    case Transfer::refused: return "refused, as the cold start won the race";
  }
  return "";
}

int main() {
  const auto images = examples::split(examples::digits(), 1, {0.4})[0];
  const auto others = scanned(images);
  const Search search{Lbfgs{}, GradientBelow{2e-4} || MaxEvaluations{300}};
  const Race race{.evaluations = 40};
  std::vector<double> narrow, middle, wide, cold, again, misled, alone;

  const auto tell = [](const auto& report) {
    std::cout << report.message() << '\n';
    std::apply(
        [](const auto&... stage) {
          (std::printf("  %-22s loss %.4f   %3d evaluations, %2d lost in a race   %s\n", stage.name.c_str(),
                       double(stage.solution.value), int(stage.solution.counts[0].evaluations()),
                       int(stage.lost_evaluations), said(stage.transfer)),
           ...);
        },
        report.stages);
    std::fflush(stdout);
  };

  std::cout << "A chain that pays: each network begins with the units of the one before.\n";
  const auto small = stage("8 units", Training(8, images, narrow), search, start(8));
  tell(chain(small, stage("16 units", Training(16, images, middle), search, start(16), grow(8, 16)),
             stage("32 units", Training(32, images, wide), search, start(32), grow(16, 32)))());
  tell(chain(stage("32 units, cold", Training(32, images, cold), search, start(32)))());

  std::cout << "\nA transfer that harms: from images upright to images on their side, negative.\n";
  const auto on_side = Training(8, others, again);
  tell(chain(small, stage("raced", on_side, search, start(8), Keep{}, race))());
  tell(chain(small, stage("believed", Training(8, others, misled), search, start(8)))());
  tell(chain(stage("cold", Training(8, others, alone), search, start(8)))());

  examples::Picture picture("chain", 1200, 480);
  const auto curve = [&](const char* name, const std::vector<double>& losses) {
    picture.table(name, {"evaluations", "loss"});
    for (std::size_t k = 0; k < losses.size(); ++k) picture.row(k + 1, losses[k]);
  };
  curve("wide", wide), curve("cold", cold), curve("misled", misled), curve("alone", alone);
  picture.commands(R"(
set multiplot layout 1,2; set logscale xy; set xlabel 'evaluations'; set ylabel 'lowest loss'
set title 'A chain that pays: 32 units' font ',13'
plot data index 'cold' with lines lw 3 lc rgb grey title 'cold start', \
     data index 'wide' with lines lw 3 lc rgb blue title 'from 16 units'
set title 'A transfer that is refused: other images' font ',13'; set arrow from 40,graph 0 to 40,graph 1 nohead dt 2
plot data index 'alone' with lines lw 3 lc rgb grey title 'cold start', \
     data index 'misled' with lines lw 3 lc rgb orange title 'from the other images'
unset multiplot)");
  std::cout << '\n' << picture.draw();
}
