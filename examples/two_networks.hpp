#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/evolution/cma_es.hpp>
#include <mesaopt/mesaopt.hpp>
#include <mesaopt/models/mlp_training.hpp>

#include "labelled_images.hpp"

namespace examples {

using Eigen::Index, Eigen::VectorXd;

/// The images in three parts, no image in two: weights are trained on the first, penalties chosen by the second, and
/// the third is looked at when all is done.
struct Parts {
  LabelledImages<double> train, held_out, test;
};

/// How many penalties there are: two a layer, for its matrix and for its biases; or besides one for the weights of
/// every pixel, in place of that of the first matrix.
enum class Penalties { two_a_layer, one_a_pixel };

/// A network with one hidden layer of tanh units, its penalties, and its parts of the images.
struct Network {
  using Loss = mesaopt::models::MlpLoss<double>;

  mesaopt::models::Mlp<double> model;
  mesaopt::models::MlpTraining<double> training;  ///< training(x, w): loss on `train`, and penalties e^x on weights w
  Loss held_out, test;

  Network(Index hidden, Penalties penalties, const Parts& parts)
      : model{{parts.train.images.rows(), hidden, 10}},
        training(Loss(model, parts.train.images, parts.train.labels), groups(model.widths, penalties)),
        held_out(model, parts.held_out.images, parts.held_out.labels),
        test(model, parts.test.images, parts.test.labels) {}

  /// One log penalty for all.
  VectorXd log_penalties(double penalty) const {
    return VectorXd::Constant(training.penalty().groups(), std::log(penalty));
  }

 private:
  static std::vector<int> groups(const std::vector<Index>& widths, Penalties penalties) {
    std::vector<int> groups = mesaopt::models::mlp_groups(widths);
    if (penalties == Penalties::two_a_layer) return groups;
    const int pixels = static_cast<int>(widths[0]), units = static_cast<int>(widths[1]);
    for (int i = 0; i < static_cast<int>(groups.size()); ++i) {
      int& group = groups[static_cast<std::size_t>(i)];
      group = i < pixels * units ? i / units : group + pixels - 1;
    }
    return groups;
  }
};

/// The outer objective: minus the logarithm of how probable log penalties x are, given the held-out images.
///
/// It is the loss of trained weights w, summed over the held-out images, plus |x - customary|^2 / (2 spread^2): before
/// any image is seen, a penalty is thought to be within a factor of e^spread of the customary one, which keeps many
/// penalties from fitting the few held-out images.
struct Improbability {
  Network::Loss held_out;
  VectorXd customary;
  double spread = 1.3;

  template <class W>
  using Memory = Network::Loss::Memory<W>;

  /// The value.
  double operator()(const VectorXd& x, const VectorXd& w, const mesaopt::Call<Memory<VectorXd>>& call) const {
    return images() * held_out(w, call) + prior(x);
  }
  /// The value; fills the derivatives by x and w.
  double operator()(const VectorXd& x, const VectorXd& w, VectorXd& gx, VectorXd& gw,
                    const mesaopt::Call<Memory<VectorXd>>& call) const {
    const double loss = held_out(w, gw, call);
    gw *= images();
    gx = (x - customary) / (spread * spread);
    return images() * loss + prior(x);
  }

  double images() const { return static_cast<double>(held_out.terms()); }
  double prior(const VectorXd& x) const { return (x - customary).squaredNorm() / (2 * spread * spread); }
};

/// What running a search costs: gradients, and Hessian products as if they cost the same, of all inner runs.
template <class State>
std::uint64_t work(const State& state) {
  return state.calls.counts[1].evaluations() + state.calls.counts[1].hessian_products;
}

/// Stops a search at the end of the step in which it has done so much work.
struct MaxWork {
  std::uint64_t limit;
  static constexpr bool is_stopping = true;

  template <class State>
  mesaopt::Status operator()(const State& state, const mesaopt::Progress&) const {
    return work(state) >= limit ? mesaopt::Status::max_evaluations : mesaopt::Status::running;
  }
};

/// What a search found, on its way and in the end.
struct Found {
  struct Point {
    std::uint64_t work;
    std::uint64_t iterations;  ///< of inner runs
    double value;              ///< the outer objective, an image
    double test;               ///< loss on the test images, which no search looks at; NaN in searches by values
  };
  std::vector<Point> path;
  VectorXd log_penalties, weights;
  double held_out = 0, test = 0, accuracy = 0;  ///< losses an image; fraction of the test images told right
  mesaopt::Status status{};
  mesaopt::Counts outer{}, inner{};
  mesaopt::Certificate certificate{};
  std::uint64_t gauss_newton = 0;  ///< hypergradients that used the damped Gauss-Newton adjoint
  double seconds = 0;

  std::uint64_t work() const { return inner.evaluations() + inner.hessian_products; }
  double value() const { return path.back().value; }

  /// Inner iterations until the objective, or the test loss, was at a level or below for the first time; infinite if it
  /// never was.
  double iterations_until(double Point::*what, double level) const {
    for (const Point& point : path)
      if (point.*what <= level) return static_cast<double>(point.iterations);
    return std::numeric_limits<double>::infinity();
  }
};

/// Trains weights until no entry of the gradient is above 1e-7: so near a minimum, mostly, that its Hessian is
/// definite.
inline auto trainer() {
  using namespace mesaopt;
  return Search{Lbfgs{.memory = 20}, GradientBelow{1e-7} || MaxIterations{5000}};
}

/// The loss of weights on other images than those they were trained on.
inline double loss_on(const Network::Loss& loss, const VectorXd& w) {
  using Memory = Network::Loss::Memory<VectorXd>;
  const Memory memory;
  Memory::Record record;
  return loss(w, mesaopt::Call<Memory>{memory, record});
}

namespace detail {

template <class Response, class Solution>
Found found(const Network& network, const Improbability& outer, const Response& response, const Solution& best,
            std::vector<Found::Point> path) {
  Found f;
  f.path = std::move(path);
  f.log_penalties = best.x;
  f.weights = response(best.x, best.state.calls.memory.response).x;
  f.held_out = loss_on(network.held_out, f.weights);
  f.test = loss_on(network.test, f.weights);
  f.accuracy = network.test.accuracy(f.weights);
  f.status = best.status;
  f.outer = best.counts[0];
  f.inner = best.counts[1];
  f.certificate = best.evaluation.certificate;
  f.gauss_newton = best.events[static_cast<std::size_t>(mesaopt::Reason::gauss_newton_adjoint)].count;
  f.seconds = best.seconds;
  f.path.back().value = best.value / outer.images();
  return f;
}

/// An observer that writes down the path, with the test loss that `test(state)` answers, and tells `watch(point)`.
template <class Test, class Watch>
auto follower(std::vector<Found::Point>& path, const Improbability& outer, Test test, const Watch& watch) {
  return [&path, &outer, test, &watch](const auto& state, const auto&) {
    if (!state.evaluation.usable() || std::isnan(state.value))
      return;  // CMA-ES knows no value before its first generation
    path.push_back({work(state), state.calls.counts[1].iterations, state.value / outer.images(), test(state)});
    watch(path.back());
  };
}

}  // namespace detail

/// Trains the weights with fixed penalties.
inline Found train(const Network& network, const VectorXd& log_penalties, const VectorXd& start) {
  const auto trained = mesaopt::response(mesaopt::family(network.training), trainer(), start)(log_penalties);
  Found f;
  f.log_penalties = log_penalties;
  f.weights = trained.x;
  f.held_out = loss_on(network.held_out, f.weights);
  f.test = loss_on(network.test, f.weights);
  f.accuracy = network.test.accuracy(f.weights);
  f.status = trained.status;
  f.inner = trained.counts[0];
  f.path = {{f.work(), f.inner.iterations, f.held_out, f.test}};
  f.seconds = trained.seconds;
  return f;
}

/// Searches for penalties by L-BFGS with the gradient through training, which starts where the last one ended.
template <class Stopping, class Watch>
Found search_by_gradient(const Network& network, const Improbability& outer, const VectorXd& log_penalties,
                         const VectorXd& weights, const Stopping& stopping, const Watch& watch) {
  using namespace mesaopt;
  const auto training = response(family(network.training), trainer(), warm(weights));
  const Implicit implicit{.tolerance = 1e-2, .accept_residual = 2e-2, .accept_distance = 1, .max_iterations = 300};
  std::vector<Found::Point> path;
  const auto test = [&](const auto& state) { return loss_on(network.test, state.calls.memory.response.y); };
  const auto best =
      minimize(nested(outer, training, implicit), log_penalties, Lbfgs{.line_search = {.max_evaluations = 5}}, stopping,
               detail::follower(path, outer, test, watch));
  return detail::found(network, outer, training, best, std::move(path));
}

/// Searches for penalties by CMA-ES, from values of the outer objective alone, until it has done as much work: one
/// training after the other, so that it goes beyond by less than one, whatever the size of a generation.
template <class Watch>
Found search_by_values(const Network& network, const Improbability& outer, const VectorXd& log_penalties,
                       const VectorXd& weights, double step_size, std::uint64_t seed, std::uint64_t equal_work,
                       const Watch& watch) {
  using namespace mesaopt;
  const auto training = response(family(network.training), trainer(), weights);
  const auto f = nested(outer, training);
  const CmaEs es{.step_size = step_size, .seed = seed};
  const MaxEvaluations one{1};
  std::vector<Found::Point> path;
  const auto no_test = [](const auto&) { return std::nan(""); };  // its solution is not that of the last evaluation
  const auto follow = detail::follower(path, outer, no_test, watch);
  RunOf<CmaEs, MaxEvaluations, std::remove_cv_t<decltype(f)>, VectorXd> run;
  begin(f, log_penalties, es, one, run, follow);
  while (work(run.state) < equal_work && !failed(run.state.status)) {
    run.state.calls.limit = run.state.calls.counts[0].evaluations() + 1;
    advance(f, es, one, run, follow);
  }
  return detail::found(network, outer, training, solution(std::move(run)), std::move(path));
}

/// The weights of a network with more hidden units that computes what the given one does: the units it has keep their
/// weights, further ones take theirs from `fresh`, but do not reach the outputs yet.
inline VectorXd grown(const Network& from, const VectorXd& weights, const Network& to, VectorXd fresh) {
  using Matrix = Eigen::Map<Eigen::MatrixXd>;
  using Given = Eigen::Map<const Eigen::MatrixXd>;
  const Index inputs = from.model.widths[0], few = from.model.widths[1], many = to.model.widths[1], classes = 10;
  const double* w = weights.data();
  double* out = fresh.data();
  Matrix(out, many, inputs).topRows(few) = Given(w, few, inputs);
  w += few * inputs, out += many * inputs;
  Matrix(out, many, 1).topRows(few) = Given(w, few, 1);
  w += few, out += many;
  Matrix(out, classes, many).rightCols(many - few).setZero();
  Matrix(out, classes, many).leftCols(few) = Given(w, classes, few);
  w += few * classes, out += many * classes;
  Matrix(out, classes, 1) = Given(w, classes, 1);
  return fresh;
}

/// Deals out images: 300 to train on, 600 held out, the rest to test with. Throws std::runtime_error if there are not
/// enough.
inline Parts deal(const LabelledImages<double>& all, std::uint64_t seed) {
  if (all.size() < 1000)
    throw std::runtime_error("1000 images are needed, to train on, to hold out and to test with, but there are " +
                             std::to_string(all.size()) + ".");
  const double count = static_cast<double>(all.size());
  auto dealt = split(all, seed, {300 / count, 600 / count, (count - 900) / count});
  return {std::move(dealt[0]), std::move(dealt[1]), std::move(dealt[2])};
}

/// The searches of the demonstration, in the order in which they build on each other.
///
/// All searches for network 1 start at the customary penalties, and at the weights trained with them.
struct TwoNetworks {
  static constexpr double customary = 1e-4;  ///< a penalty that many would begin, and end, with
  static constexpr std::uint64_t budget = 5000;

  std::uint64_t seed;
  Network first, plain, second;  ///< `plain` is the first one with few penalties
  VectorXd x0 = first.log_penalties(customary), x0_few = plain.log_penalties(customary);
  Improbability outer{first.held_out, x0}, outer_few{plain.held_out, x0_few}, outer_second{second.held_out, x0};

  TwoNetworks(const Parts& images, std::uint64_t chosen_seed)
      : seed(chosen_seed),
        first(32, Penalties::one_a_pixel, images),
        plain(32, Penalties::two_a_layer, images),
        second(48, Penalties::one_a_pixel, images) {}

  /// Network 1 trained with the customary penalties, no search.
  Found untuned() const { return train(first, x0, mesaopt::models::initial_weights(first.model.widths, 1)); }

  /// All penalties of network 1 by gradients.
  template <class Watch>
  Found by_gradients(const Found& untuned, const Watch& watch) const {
    return search_by_gradient(first, outer, x0, untuned.weights, mesaopt::GradientBelow{1e-2} || MaxWork{budget},
                              watch);
  }
  /// The same from values alone, with as much work.
  template <class Watch>
  Found by_values(const Found& untuned, std::uint64_t equal_work, const Watch& watch) const {
    return search_by_values(first, outer, x0, untuned.weights, 0.3, seed, equal_work, watch);
  }
  /// The same with few penalties.
  template <class Watch>
  Found few_by_values(const Found& untuned, std::uint64_t equal_work, const Watch& watch) const {
    return search_by_values(plain, outer_few, x0_few, untuned.weights, 1, seed, equal_work, watch);
  }

  /// The penalties of network 2 by gradients, from scratch.
  template <class Watch>
  Found second_from_scratch(const Watch& watch) const {
    return search_by_gradient(second, outer_second, x0, fresh(), mesaopt::GradientBelow{1e-2} || MaxWork{budget},
                              watch);
  }
  /// The same from the penalties and hidden units of network 1, until `stopping` says so.
  template <class Stopping, class Watch>
  Found second_from_first(const Found& found, const Stopping& stopping, const Watch& watch) const {
    return search_by_gradient(second, outer_second, found.log_penalties, grown(first, found.weights, second, fresh()),
                              mesaopt::GradientBelow{1e-2} || stopping, watch);
  }
  /// Until the outer objective is at that of `other`, or as much work is done.
  auto as_good_as(const Found& other) const {
    return mesaopt::TargetReached{other.value() * outer_second.images()} || MaxWork{other.work()};
  }

 private:
  VectorXd fresh() const { return mesaopt::models::initial_weights(second.model.widths, 2); }
};

}  // namespace examples
