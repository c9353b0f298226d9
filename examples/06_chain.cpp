// Two chains of searches. In the first, a model learns to read digits anew whenever more of them have come in, and each
// search begins with what the one before has found and learnt: that pays. In the second, the scanner falls on its side
// and shows ink as paper: then to begin with what was learnt harms, which a race against a cold start finds out and
// refuses.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <iostream>
#include <tuple>
#include <utility>
#include <vector>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/bfgs.hpp>
#include <mesaopt/models/mlp_training.hpp>
#include <mesaopt/nested/chain.hpp>

#include "digits.hpp"
#include "plot.hpp"

using namespace mesaopt;
using Eigen::Index, Eigen::VectorXd;
using Images = examples::LabelledImages<double>;
using Losses = std::vector<double>;

// A network, with or without hidden units, trained on the first images, with small penalties. It writes down the lowest
// loss after each evaluation.
struct Training {
  models::MlpTraining<double> family;
  Losses* lowest;
  VectorXd log_penalties;
  template <class W>
  using Memory = models::MlpTraining<double>::Memory<W>;

  Training(std::vector<Index> widths, Index count, const Images& images, Losses& losses)
      : family({std::move(widths)}, images.images.leftCols(count),
               {images.labels.begin(), images.labels.begin() + count}),
        lowest(&losses),
        log_penalties(VectorXd::Constant(family.penalty().groups(), -9.0)) {}
  double operator()(const VectorXd& w, VectorXd& gradient, const Call<Memory<VectorXd>>& call) const {
    const double loss = family(log_penalties, w, gradient, call);
    lowest->push_back(lowest->empty() ? loss : std::min(loss, lowest->back()));
    return loss;
  }
};

// The same digits, turned by a quarter, ink and paper exchanged.
Images scanned_on_the_side(Images digits) {
  const Eigen::MatrixXd before = digits.images;
  for (Index row = 0; row < 8; ++row)
    for (Index column = 0; column < 8; ++column)
      digits.images.row(8 * row + column) = 1 - before.row(8 * column + 7 - row).array();
  return digits;
}

const char* said(Transfer transfer) {
  switch (transfer) {
    case Transfer::none: return "a cold start";
    case Transfer::trusted: return "begun with what was known";
    case Transfer::kept: return "begun with what was known, which won the race";
    case Transfer::refused: return "what was known is refused: the cold start won the race";
  }
  return "";
}

// Prints a line for each stage, and answers the evaluations of all.
template <class Report>
int tell(const Report& report) {
  int all = 0;
  const auto line = [&all](const auto& stage) {
    const int evaluations = int(stage.solution.counts[0].evaluations()), lost = int(stage.lost_evaluations);
    std::printf("  %-12s loss %.5f %5d evaluations %3d lost   %s\n", stage.name.c_str(), stage.solution.value,
                evaluations, lost, said(stage.transfer));
    all += evaluations + lost;
  };
  std::apply([&](const auto&... stage) { (line(stage), ...); }, report.stages);
  std::printf("  %s %d evaluations.\n", report.message().c_str(), all);
  return all;
}

int main() {
  const Images images = examples::split(examples::digits(), 1, {1.0})[0], others = scanned_on_the_side(images);
  const Search search{Bfgs{}, GradientBelow{1e-5} || MaxEvaluations{400}};
  const VectorXd zero = VectorXd::Zero(650);
  const Race race{.evaluations = 30};
  Losses first, warm[3], cold[3], raced, misled, alone;

  std::puts("A chain that pays: more and more images. The last stage races what it is handed against a cold start.");
  const std::vector<Index> no_units{64, 10}, units{64, 8, 10};
  const auto linear = [&](Index count, Losses& losses) { return Training(no_units, count, images, losses); };
  const auto first_month = stage("600 images", linear(600, first), search, zero);
  const int chained = tell(chain(first_month, stage("700 images", linear(700, warm[0]), search, zero),
                                 stage("800 images", linear(800, warm[1]), search, zero),
                                 stage("900 images", linear(900, warm[2]), search, zero, Keep{}, race))());
  int separate = int(first.size());
  for (const Index k : {0, 1, 2}) {
    const auto solution = search(linear(700 + 100 * k, cold[k]), zero);
    separate += int(solution.counts[0].evaluations());
  }
  std::printf("  The same from cold starts: %d evaluations, %.1f times as many.\n\n", separate,
              double(separate) / chained);

  std::puts("A transfer that harms: 8 hidden units, and the scanner fell on its side. Raced, believed, and without.");
  Losses upright;
  const VectorXd start = models::initial_weights(units, 8);
  const auto before = stage("upright", Training(units, 700, images, upright), search, start);
  const auto other = [&](Losses& losses) { return Training(units, 700, others, losses); };
  tell(chain(before, stage("raced", other(raced), search, start, Keep{}, race))());
  tell(chain(before, stage("believed", other(misled), search, start))());
  tell(chain(stage("cold", other(alone), search, start))());

  examples::Picture picture("chain", 1200, 480);
  const auto curve = [&](const char* name, const Losses& losses, double least) {
    picture.table(name, {"evaluations", "excess"});
    for (std::size_t k = 0; k < losses.size(); ++k)
      if (losses[k] > least) picture.row(k + 1, losses[k] - least);
  };
  const double least = std::min(warm[1].back(), cold[1].back()), other_least = std::min(misled.back(), alone.back());
  curve("warm", warm[1], least), curve("cold", cold[1], least);
  curve("misled", misled, other_least), curve("alone", alone, other_least);
  picture.commands(R"(
set multiplot layout 1,2; set logscale y; set format y '10^{%T}'; set yrange [1e-8:*]
set xlabel 'evaluations'; set ylabel 'loss above the least'
set title 'A chain that pays: 800 images' font ',13'
plot data index 'cold' with lines lw 3 lc rgb grey title 'cold start', \
     data index 'warm' with lines lw 3 lc rgb blue title 'from 700 images'
set title 'A transfer that is refused: the scanner on its side' font ',13'
set arrow from 30,graph 0 to 30,graph 1 nohead dt 2; set label 'end of the race' at 34,2e-8
plot data index 'alone' with lines lw 3 lc rgb grey title 'cold start', \
     data index 'misled' with lines lw 3 lc rgb orange title 'from images upright'
unset multiplot)");
  std::cout << '\n' << picture.draw();
}
