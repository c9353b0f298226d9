// Two networks: penalties that are found by gradients through training, and a second network that begins where the
// first one ended.
//
// The inner problem trains a network's weights on few images; the outer one chooses 67 penalties on those weights, one
// for the weights of each pixel and three more, by how the trained network does on images held out. A search without
// gradients does the same amount of work, for comparison. Then a wider network takes over penalties and hidden units.
// In the end all are judged by images that no search has seen. two_networks.hpp holds the two levels and the searches.
//
//   03_two_networks [--seed N] [--fashion] [--data PATH] [--help]

#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <system_error>

#include "digits.hpp"
#include "fashion_mnist.hpp"
#include "plot.hpp"
#include "progress.hpp"
#include "two_networks.hpp"

using namespace mesaopt;
using namespace examples;

namespace {

struct Options {
  std::uint64_t seed = 1;
  bool fashion = false;
  std::string data;
};

constexpr const char* help =
    "Finds the penalties of a small neural network by gradients through its training, and passes them on to a wider "
    "one.\n"
    "\n"
    "  --seed N      another random split into images to train on, held out, and to test with; default 1\n"
    "  --fashion     clothes instead of digits: the data of Debian's package dataset-fashion-mnist\n"
    "  --data PATH   where the data are, if not in the usual place: a file of digits, or the directory of "
    "Fashion-MNIST\n"
    "\n"
    "Writes two_networks.png (with gnuplot), .dat and .gp into the working directory.\n";

template <class... Values>
std::string text(const char* format, Values... values) {
  char buffer[256];
  std::snprintf(buffer, sizeof buffer, format, values...);
  return buffer;
}

// Every second pixel of every second row, after a mean over blocks of 2 x 2.
LabelledImages<double> halved(const LabelledImages<double>& all, Index side, Index count) {
  const Index half = side / 2;
  LabelledImages<double> small{Eigen::MatrixXd::Zero(half * half, count), {}};
  for (Index row = 0; row < side; ++row)
    for (Index column = 0; column < side; ++column)
      small.images.row(row / 2 * half + column / 2) += all.images.row(row * side + column).head(count) / 4;
  small.labels.assign(all.labels.begin(), all.labels.begin() + count);
  return small;
}

Parts parts(const Options& options) {
  LabelledImages<double> all;
  if (options.fashion) {
    const auto large =
        options.data.empty() ? fashion_mnist<double>("t10k") : fashion_mnist<double>("t10k", options.data);
    if (large.images.rows() != 28 * 28)
      throw std::runtime_error("The images of Fashion-MNIST have 784 pixels, but these have " +
                               std::to_string(large.images.rows()) + ".");
    all = halved(large, 28, std::min<Index>(1797, large.size()));
  } else {
    all = options.data.empty() ? digits() : digits(options.data);
  }
  return deal(all, options.seed);
}

// Runs a search with a line that tells how far it is, and what it found.
template <class Search>
Found shown(const char* name, std::uint64_t limit, const Search& search) {
  ProgressLine line(text("%-34s", name));
  std::uint64_t step = 0;
  line.show("training ...");
  const Found found = search([&](const Found::Point& point) {
    line.show(text("step %2llu   objective %.4f   work %5llu of %llu", static_cast<unsigned long long>(step++),
                   point.value, static_cast<unsigned long long>(point.work), static_cast<unsigned long long>(limit)));
  });
  line.finish(text("objective %.4f   work %5llu", found.value(), static_cast<unsigned long long>(found.work())));
  return found;
}

void row(const char* name, const Found& found) {
  std::printf("  %-34s%11.4f%11.4f%11.4f%11.1f %%%11llu\n", name, found.value(), found.held_out, found.test,
              100 * (1 - found.accuracy), static_cast<unsigned long long>(found.work()));
}

void header(const std::string& title) {
  std::printf("\n%-36s%11s%11s%11s%13s%11s\n", title.c_str(), "objective", "held out", "test loss", "test errors",
              "work");
}

void draw(const Found& untuned, const Found& gradient, const Found& values, const Found& few, const Found& cold,
          const Found& warm, const Network& network, double saved);

int run(const Options& options) {
  const ProgressLine clock("");
  const Parts images = parts(options);
  const TwoNetworks two(images, options.seed);
  const Network& first = two.first;
  const auto name = [&](const Network& network) {
    return text("%d-%d-10", static_cast<int>(network.model.widths[0]), static_cast<int>(network.model.widths[1]));
  };
  const int penalties = static_cast<int>(first.training.penalty().groups());
  std::printf(
      "%s: %d images to train on, %d held out to choose penalties by, %d to test with in the end (seed %llu).\n"
      "Network 1 is %s with %d weights and %d penalties, network 2 %s.\n\n",
      options.fashion ? "Fashion-MNIST" : "Digits", static_cast<int>(images.train.size()),
      static_cast<int>(images.held_out.size()), static_cast<int>(images.test.size()),
      static_cast<unsigned long long>(options.seed), name(first).c_str(), static_cast<int>(first.model.size()),
      penalties, name(two.second).c_str());

  const Found untuned = shown("1  training, no search", 0, [&](const auto&) { return two.untuned(); });
  const Found gradient = shown("1  search by gradients", TwoNetworks::budget,
                               [&](const auto& watch) { return two.by_gradients(untuned, watch); });
  const Found values = shown("1  search by values (CMA-ES)", gradient.work(),
                             [&](const auto& watch) { return two.by_values(untuned, gradient.work(), watch); });
  const Found few = shown("1  the same, 4 penalties", gradient.work(),
                          [&](const auto& watch) { return two.few_by_values(untuned, gradient.work(), watch); });

  const Found cold =
      shown("2  from scratch", TwoNetworks::budget, [&](const auto& watch) { return two.second_from_scratch(watch); });
  const Found warm = shown("2  from network 1", cold.work(), [&](const auto& watch) {
    return two.second_from_first(gradient, two.as_good_as(cold), watch);
  });
  const double saved = 1 - static_cast<double>(warm.inner.iterations) / static_cast<double>(cold.inner.iterations);

  header("Network 1, " + name(first));
  row("untuned: 1e-4 for all weights", untuned);
  row(text("%d penalties by gradients", penalties).c_str(), gradient);
  row(text("%d by values alone (CMA-ES)", penalties).c_str(), values);
  row("4 by values alone (CMA-ES)", few);
  header("Network 2, " + name(two.second));
  row("from scratch", cold);
  row("from network 1, until as good", warm);
  std::printf(
      "\nLosses are means of -log(probability of the right class). The objective is the held-out loss, and how unusual "
      "the\n"
      "penalties are. Work counts inner gradients and Hessian products, as if these cost the same (they take twice as "
      "long);\n"
      "CMA-ES stops with the training by which it has done as much.\n\n");
  std::printf("Choosing penalties by gradients changed the test loss of network 1 by %+.0f %%. ",
              100 * (gradient.test / untuned.test - 1));
  std::printf(
      "Network 2 from network 1 took\n%llu inner iterations in place of %llu, %.0f %% fewer, to be as good on "
      "held-out images. ",
      static_cast<unsigned long long>(warm.inner.iterations), static_cast<unsigned long long>(cold.inner.iterations),
      100 * saved);
  const double equal_test = cold.iterations_until(&Found::Point::test, warm.test);
  if (std::isfinite(equal_test))
    std::printf("To a test loss as low as\nits %.4f, the search from scratch took %.0f.\n", warm.test, equal_test);
  else
    std::printf("The search from\nscratch never came to a test loss as low as its %.4f.\n", warm.test);
  std::printf(
      "Of the %llu hypergradients of network 1, %llu needed the damped Gauss-Newton adjoint, an approximation. The "
      "last one:\n"
      "weights within %.0e (relative) of their optimum, adjoint solved to %.0e.\n\n",
      static_cast<unsigned long long>(gradient.outer.gradients), static_cast<unsigned long long>(gradient.gauss_newton),
      gradient.certificate.distance, gradient.certificate.adjoint_residual);

  draw(untuned, gradient, values, few, cold, warm, first, saved);
  std::printf("%.0f seconds in all.\n", clock.seconds());
  return 0;
}

void draw(const Found& untuned, const Found& gradient, const Found& values, const Found& few, const Found& cold,
          const Found& warm, const Network& network, double saved) {
  Picture picture("two_networks", 1300, 980);
  const auto path = [&](const char* name, const Found& found, bool from_untuned) {
    picture.table(name, {"work", "inner iterations", "objective"});
    if (from_untuned) picture.row(0, 0, untuned.held_out);
    for (const auto& point : found.path) picture.row(point.work, point.iterations, point.value);
  };
  path("gradients", gradient, true);
  path("values", values, true);
  path("values, 4 penalties", few, true);
  path("network 2 from scratch", cold, false);
  path("network 2 from network 1", warm, false);
  const Index side = static_cast<Index>(std::sqrt(static_cast<double>(network.model.widths[0])) + 0.5);
  picture.table("pixels", {"column", "row", "log10 of the penalty"});
  for (Index y = 0; y < side; ++y) {
    for (Index x = 0; x < side; ++x) picture.row(x, y, gradient.log_penalties[y * side + x] / std::log(10.0));
  }
  picture.table("losses", {"position", "test loss", "colour"});
  picture.row(1, untuned.test, "0x9A9A9A");
  picture.row(2.1, few.test, "0xE69F00");
  picture.row(3.2, values.test, "0xD55E00");
  picture.row(4.3, gradient.test, "0x0072B2");
  picture.row(5.8, cold.test, "0x9A9A9A");
  picture.row(7, warm.test, "0x009E73");

  picture.commands(text("untuned = %.6g; target = %.6g; saved = '%.0f %% fewer'; side = %d", untuned.held_out,
                        cold.value(), 100 * saved, static_cast<int>(side)));
  picture.commands(text("cold_end = %llu; warm_end = %llu", static_cast<unsigned long long>(cold.inner.iterations),
                        static_cast<unsigned long long>(warm.inner.iterations)));
  picture.commands(R"(
set multiplot layout 2,2 margins 0.07,0.97,0.07,0.93 spacing 0.10,0.13
set title font ',13' offset 0,0.3
set title 'Network 1: penalties by gradients through training, and without'
set xlabel 'work: inner gradients and Hessian products'; set ylabel 'held-out objective'
set xrange [0:*]; set yrange [0:untuned*1.5]; set key top right at graph 0.99,0.99
plot untuned with lines lw 2 dt 2 lc rgb grey title 'untuned', \
     data index 'values' using 1:3 with linespoints lw 2.5 pt 7 ps 0.8 lc rgb orange title 'penalty by pixel, CMA-ES', \
     '' index 'values, 4 penalties' using 1:3 with linespoints lw 2.5 pt 7 ps 0.8 lc rgb yellow title '4 penalties, CMA-ES', \
     '' index 'gradients' using 1:3 with linespoints lw 3 pt 7 ps 0.8 lc rgb blue title 'penalty by pixel, gradients'

set title 'Chosen penalty on the weights of each pixel'
unset key; unset grid; unset border; unset xlabel; unset ylabel; unset xtics; unset ytics
set xrange [-0.5:side-0.5]; set yrange [side-0.5:-0.5]; set size ratio 1
set cblabel 'penalty'; set format cb '10^{%.0f}'; set cbtics 1
set palette defined (0 '#FFF7D6', 1 '#7FB8DA', 2 '#0072B2', 3 '#0B2545')
plot data index 'pixels' using 1:2:3 with image pixels
unset colorbox; set size noratio; set border 3 lc rgb '#666666'; set grid back lc rgb '#E4E4E4' lt 1 lw 1

set title 'Network 2: from scratch, and from network 1 until it is as good'
set key; set xlabel 'inner iterations'; set ylabel 'held-out objective'
set xtics nomirror textcolor rgb '#444444'; set ytics nomirror textcolor rgb '#444444'
set xrange [0:*]; set yrange [0:*]
set arrow 1 from cold_end,target to warm_end,target front lw 1.5 lc rgb black filled size graph 0.018,20
set label 1 saved at (cold_end+warm_end)/2,target center offset 0,-1 textcolor rgb black
plot data index 'network 2 from scratch' using 2:3 with linespoints lw 2.5 pt 7 ps 0.8 lc rgb grey title 'from scratch', \
     '' index 'network 2 from network 1' using 2:3 with linespoints lw 3 pt 7 ps 1.1 lc rgb green title 'from network 1'
unset arrow 1; unset label 1

set title 'Loss on test images, which no search has seen'
unset key; unset xlabel; set ylabel 'test loss'; set xrange [0.3:7.7]; set style fill solid 0.85 noborder; set boxwidth 0.75
set xtics ("untuned" 1, "4 penalties,\nCMA-ES" 2.1, "by pixel,\nCMA-ES" 3.2, "by pixel,\ngradients" 4.3, \
           "network 2,\nfrom scratch" 5.8, "network 2,\nfrom 1" 7)
set grid noxtics
plot data index 'losses' using 1:2:3 with boxes lc rgb variable, '' index 'losses' using 1:2:(sprintf('%.3f', $2)) with labels offset 0,0.7
unset multiplot)");
  std::cout << picture.draw();
}

}  // namespace

int main(int count, char** arguments) {
  Options options;
  for (int i = 1; i < count; ++i) {
    const std::string argument = arguments[i];
    const auto value = [&]() -> std::string {
      if (i + 1 == count) {
        std::cerr << argument << " needs a value; see --help.\n";
        std::exit(1);
      }
      return arguments[++i];
    };
    if (argument == "--help" || argument == "-h") {
      std::cout << help;
      return 0;
    } else if (argument == "--seed") {
      const std::string given = value();
      const char* const last = given.data() + given.size();
      const auto [end, error] = std::from_chars(given.data(), last, options.seed);
      if (error != std::errc{} || end != last) {
        std::cerr << "--seed needs a whole number from 0 to 18446744073709551615, but is '" << given << "'.\n";
        return 1;
      }
    } else if (argument == "--fashion") {
      options.fashion = true;
    } else if (argument == "--data") {
      options.data = value();
    } else {
      std::cerr << "There is no option " << argument << "; see --help.\n";
      return 1;
    }
  }
  try {
    return run(options);
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
