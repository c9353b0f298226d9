#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/search.hpp>
#include <mesaopt/models/portfolio/covariance.hpp>
#include <mesaopt/models/portfolio/rebalance.hpp>
#include <mesaopt/nested/implicit.hpp>
#include <mesaopt/nested/nested.hpp>

namespace mesaopt {

/// A parameter of a portfolio that an outer search may choose.
enum class PortfolioParameter : std::uint8_t { risk_aversion, turnover_penalty, shrinkage, half_life };

/// What a walk forward is to be good at.
enum class WalkForwardGoal : std::uint8_t {
  sharpe,     ///< a large Sharpe ratio: the value is minus that, per √year
  volatility  ///< a small standard deviation of the returns, per √year
};

/// How a portfolio is run through time.
struct WalkForwardSettings {
  Eigen::Index window = 24;  ///< rows before each rebalancing that estimates rest on, 2 or more
  Eigen::Index every = 1;    ///< rows between rebalancings, 1 or more
  Eigen::Index first = 0;    ///< row of the first rebalancing; 0: as soon as there is a window
  Eigen::Index last = 0;     ///< row at which it ends; 0: the end of the returns
  WalkForwardGoal goal = WalkForwardGoal::sharpe;
  double cost = 10;                ///< of trading, in basis points (1/10 000) of what is bought and sold, 0 or more
  double rows_per_year = 12;       ///< to express figures per year
  models::PortfolioRules rules{};  ///< what the portfolio may hold
  models::ShrinkTo target = models::ShrinkTo::identity;                   ///< of the covariance
  models::PortfolioParameters parameters{};                               ///< those that are not chosen
  std::vector<PortfolioParameter> chosen{PortfolioParameter::shrinkage};  ///< what each entry of x stands for
};

/// What came of a walk forward, out of sample.
struct WalkForwardReport {
  double sharpe = 0;              ///< mean over standard deviation of the net returns, per √year
  double mean = 0;                ///< of the net returns, per year
  double volatility = 0;          ///< standard deviation of the net returns, per √year
  double turnover = 0;            ///< mean of Σ|w − held| a rebalancing
  std::vector<double> wealth;     ///< of 1 at the start, after each row
  Eigen::MatrixXd weights;        ///< assets × rebalancings
  std::int64_t solver_steps = 0;  ///< of the inner search, over all rebalancings
};

namespace detail {

/// Answers its start: for what was solved already.
struct AtStart {
  static constexpr bool handles_bounds = true, handles_constraints = true;
  template <Point X, class M = Nothing>
  struct State {
    X x{};
    ScalarOf<X> value = 0;
    Evaluation<ScalarOf<X>> evaluation{};
    Status status = Status::converged;
    Calls<X, M> calls{};
    static constexpr bool monotone = true;
    static constexpr auto fields() {
      return std::tuple{&State::x, &State::value, &State::evaluation, &State::status, &State::calls};
    }
  };
  [[nodiscard]] static MaxIterations default_stopping() { return {1}; }
  template <class F, Start P, class M>
  void init(const F& f, const P& start, State<PointOf<P>, M>& state) const {
    state.calls.begin(start);
    state.x = start_point(start);
    state.evaluation = state.calls.value(f, state.x);
    state.value = state.evaluation.value;
    state.status = Status::converged;
  }
  template <class F, Point X, class M>
  void step(const F&, State<X, M>&) const {}
};

/// F(u, y) = v · y.
struct Linear {
  const Eigen::VectorXd& v;
  double operator()(const Eigen::VectorXd&, const Eigen::VectorXd& y) const { return v.dot(y); }
  double operator()(const Eigen::VectorXd&, const Eigen::VectorXd& y, Eigen::VectorXd& gu, Eigen::VectorXd& gy) const {
    gu.setZero();
    gy = v;
    return v.dot(y);
  }
};

}  // namespace detail

/// Validation of a portfolio by walking forward: at each rebalancing means and covariance are estimated from the rows
/// before it, the quadratic program of models::Rebalance is solved, and the weights are held, drifting with the prices,
/// until the next. The value is minus the Sharpe ratio of the returns after costs, or their volatility, all out of
/// sample.
///
///     WalkForward validation(returns, DualActiveSet{}, {.window = 36, .chosen = {PortfolioParameter::shrinkage}});
///     auto best = minimize(validation, x0, Lbfgs{});
///
/// Each rebalancing depends on the one before through the weights held, and starts from its solution and active set.
/// The gradient goes back through the whole chain, each link by the optimality conditions of its program (Implicit).
/// Entries of x are the logarithms of the chosen parameters, and for the shrinkage s the logit log(s / (1 − s)).
/// Piece is a search for quadratic programs: an optimizer that heeds bounds and constraints.
template <class Piece>
class WalkForward {
  using X = Eigen::VectorXd;
  using Matrix = Eigen::MatrixXd;
  using Program = At<models::Rebalance, X>;
  using SearchPiece = decltype(as_search(std::declval<const Piece&>()));
  using Optimizer = decltype(SearchPiece::optimizer);
  using InnerRun = RunOf<Optimizer, decltype(SearchPiece::stopping), Program, X>;
  using Link = Nested<detail::Linear, Response<Family<models::Rebalance>, detail::AtStart, Cold<X>>, Implicit>;
  using LinkMemory = typename Link::template Memory<X>;

  /// One rebalancing, kept for the way back.
  struct Stage {
    models::Covariance::Estimate estimate;
    X u, y, w;
  };
  struct Scratch {
    std::vector<Stage> stages{};
    models::Covariance::Scratch covariance{};
    InnerRun run{};
    StateOf<Optimizer, Program, X> prior{};
    X held{}, start{}, growth{}, before{}, returns{}, by_return{}, by_weights{}, by_held{}, by_y{}, by_u{};
    LinkMemory memory{};
    typename LinkMemory::Record link{};
    std::array<Counts, 1> counts{};
    std::int64_t steps = 0;
  };

 public:
  template <class>
  struct Memory {
    using Record = Scratch;
    static constexpr std::size_t levels_below = 1;
    void absorb(const Record&) {}
    static constexpr std::tuple<> fields() { return {}; }
  };

  WalkForwardSettings settings;

  /// returns: simple returns, one row a time, one column an asset. Throws std::invalid_argument for settings that do
  /// not fit them or each other, and for returns that are not finite.
  WalkForward(Matrix returns, Piece search, WalkForwardSettings how)
      : settings(std::move(how)), returns_(std::move(returns)), search_(std::move(search)) {
    const auto refuse = [](const char* what, double value, const char* wants) { detail::refuse(what, value, wants); };
    if (!returns_.allFinite()) throw std::invalid_argument("WalkForward: returns hold NaN or infinity");
    if (settings.window < 2) refuse("WalkForwardSettings::window", double(settings.window), "it must be 2 or more");
    if (settings.every < 1) refuse("WalkForwardSettings::every", double(settings.every), "it must be 1 or more");
    if (settings.first == 0) settings.first = settings.window;
    if (settings.last == 0) settings.last = returns_.rows();
    if (settings.first < settings.window)
      refuse("WalkForwardSettings::first", double(settings.first), "it must be at least the window");
    if (settings.last > returns_.rows() || settings.last - settings.first < 2)
      refuse("WalkForwardSettings::last", double(settings.last),
             "it must be at most the number of rows, and leave two or more to walk");
    if (!(settings.cost >= 0)) refuse("WalkForwardSettings::cost", settings.cost, "it must be 0 or more");
    if (settings.chosen.empty()) refuse("WalkForwardSettings::chosen", 0, "it must name a parameter");
    settings.rules.check(returns_.cols());
  }

  /// The parameters that x stands for. Throws std::invalid_argument if x has another size than `chosen`.
  [[nodiscard]] models::PortfolioParameters parameters(const X& x) const {
    require(x);
    auto p = settings.parameters;
    for (std::size_t i = 0; i < settings.chosen.size(); ++i) {
      const double value = x[Eigen::Index(i)];
      switch (settings.chosen[i]) {
        case PortfolioParameter::risk_aversion: p.risk_aversion = std::exp(value); break;
        case PortfolioParameter::turnover_penalty: p.turnover_penalty = std::exp(value); break;
        case PortfolioParameter::shrinkage: p.shrinkage = 1 / (1 + std::exp(-value)); break;
        case PortfolioParameter::half_life: p.half_life = std::exp(value); break;
      }
    }
    return p;
  }

  double operator()(const X& x, const Call<Memory<X>>& call) const {
    return valued(walk(parameters(x), call.record, nullptr));
  }

  Evaluation<double> operator()(const X& x, X& gradient, const Call<Memory<X>>& call) const {
    Scratch& s = call.record;
    const auto p = parameters(x);
    Evaluation<double> evaluation = valued(walk(p, s, nullptr));
    Eigen::Vector4d by_parameter;
    go_back(s, by_parameter, evaluation);
    for (std::size_t i = 0; i < settings.chosen.size(); ++i) {
      const auto which = settings.chosen[i];
      const double slope = which == PortfolioParameter::risk_aversion      ? p.risk_aversion
                           : which == PortfolioParameter::turnover_penalty ? p.turnover_penalty
                           : which == PortfolioParameter::shrinkage        ? p.shrinkage * (1 - p.shrinkage)
                                                                           : p.half_life;
      gradient[Eigen::Index(i)] = slope * by_parameter[Eigen::Index(which)];
    }
    return evaluation;
  }

  /// What comes of the parameters p. Throws what the search throws.
  [[nodiscard]] WalkForwardReport report(const models::PortfolioParameters& p) const {
    WalkForwardReport report;
    Scratch scratch;
    report.sharpe = walk(p, scratch, &report).sharpe;
    return report;
  }

  /// What comes of equal weights, rebalanced at the same rows at the same cost.
  [[nodiscard]] WalkForwardReport equal_weights() const {
    WalkForwardReport report;
    Scratch scratch;
    report.sharpe = walk(settings.parameters, scratch, &report, true).sharpe;
    return report;
  }

 private:
  Matrix returns_;
  Piece search_;

  void require(const X& x) const {
    if (x.size() != Eigen::Index(settings.chosen.size()))
      throw std::invalid_argument("WalkForward: x has size " + std::to_string(x.size()) + ", but " +
                                  std::to_string(settings.chosen.size()) + " parameters are chosen");
  }

  struct Outcome {
    double sharpe, volatility;
  };
  [[nodiscard]] double valued(const Outcome& outcome) const {
    return settings.goal == WalkForwardGoal::sharpe ? -outcome.sharpe : outcome.volatility;
  }

  /// Leaves in the scratch what the way back needs. NaN if a program has no solution.
  Outcome walk(const models::PortfolioParameters& p, Scratch& s, WalkForwardReport* report, bool equal = false) const {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    const auto n = returns_.cols();
    const auto& how = settings;
    const auto count = std::size_t((how.last - how.first + how.every - 1) / how.every);
    if (s.stages.size() != count) s.stages.resize(count);
    s.held.setConstant(n, 1 / double(n));
    s.returns.resize(how.last - how.first);
    if (report) report->weights.resize(n, Eigen::Index(count));
    s.steps = 0;
    double turnover = 0, wealth = 1;
    for (std::size_t k = 0; k < count; ++k) {
      Stage& stage = s.stages[k];
      const auto from = how.first + Eigen::Index(k) * how.every, to = std::min(from + how.every, how.last);
      if (equal) {
        stage.w.setConstant(n, 1 / double(n));
        stage.y = stage.w;
      } else {
        models::Covariance{how.target}(returns_.middleRows(from - how.window, how.window), p.shrinkage, p.half_life,
                                       stage.estimate, s.covariance);
        stage.u.resize(models::Rebalance::parameters + n);
        stage.u << p.risk_aversion, p.turnover_penalty, p.shrinkage, p.half_life, s.held;
        if (!solve(k, stage, s)) return {nan, nan};
      }
      const double traded = (stage.w - s.held).template lpNorm<1>();
      turnover += traded;
      if (report) report->weights.col(Eigen::Index(k)) = stage.w;
      s.growth.setOnes(n);
      double before = 1;
      for (auto t = from; t < to; ++t) {
        s.growth.array() *= 1 + returns_.row(t).transpose().array();
        const double now = stage.w.dot(s.growth);
        double factor = now / before;
        if (t == from) factor *= 1 - how.cost * 1e-4 * traded;
        s.returns[t - how.first] = factor - 1;
        before = now;
        wealth *= factor;
        if (report) report->wealth.push_back(wealth);
      }
      s.held = stage.w.cwiseProduct(s.growth) / before;
    }
    const double rows = double(s.returns.size()), mean = s.returns.mean();
    const double deviation = std::sqrt((s.returns.array() - mean).square().sum() / (rows - 1));
    const double sharpe = mean / deviation * std::sqrt(how.rows_per_year);
    if (report) {
      report->mean = mean * how.rows_per_year;
      report->volatility = deviation * std::sqrt(how.rows_per_year);
      report->turnover = turnover / double(count);
      report->solver_steps = s.steps;
    }
    return {sharpe, deviation * std::sqrt(how.rows_per_year)};
  }

  /// Fills y and w of a stage; false if the program has no solution.
  bool solve(std::size_t k, Stage& stage, Scratch& s) const {
    const models::Rebalance rebalance(stage.estimate, settings.rules);
    const Program program{rebalance, stage.u};
    const SearchPiece search = as_search(search_);
    rebalance.from_weights(stage.u, s.held, s.start);
    if (k == 0) {
      begin(program, s.start, search.optimizer, search.stopping, s.run);
    } else {
      s.prior = s.run.state;
      s.prior.x = s.start;
      begin(program, s.prior, search.optimizer, search.stopping, s.run);
    }
    resume(program, search.optimizer, search.stopping, s.run);
    s.steps += std::int64_t(s.run.state.calls.counts[0].iterations);
    s.counts[0] += s.run.state.calls.counts[0];
    if (failed(s.run.status) || !best_point(s.run).allFinite()) return false;
    stage.y = best_point(s.run);
    rebalance.weights(stage.u, stage.y, stage.w);
    return true;
  }

  /// The derivative of the value by the four parameters, from the last rebalancing to the first.
  void go_back(Scratch& s, Eigen::Vector4d& by_parameter, Evaluation<double>& evaluation) const {
    const auto n = returns_.cols();
    const auto& how = settings;
    by_parameter.setZero();
    if (!std::isfinite(evaluation.value)) return;
    const double rows = double(s.returns.size()), mean = s.returns.mean();
    const double deviation = std::sqrt((s.returns.array() - mean).square().sum() / (rows - 1));
    const double year = std::sqrt(how.rows_per_year);
    s.by_return = (s.returns.array() - mean) / ((rows - 1) * deviation);  // of the deviation
    if (how.goal == WalkForwardGoal::sharpe)
      s.by_return = -year * (1 / (rows * deviation) - mean / (deviation * deviation) * s.by_return.array());
    else
      s.by_return *= year;
    s.by_held.setZero(n);
    for (std::size_t k = s.stages.size(); k-- > 0;) {
      Stage& stage = s.stages[k];
      const auto from = how.first + Eigen::Index(k) * how.every, to = std::min(from + how.every, how.last);
      const auto held = stage.u.tail(n);
      const double traded = (stage.w - held).template lpNorm<1>();
      s.by_weights.setZero(n);
      s.growth.setOnes(n);
      s.before.setOnes(n);
      double before = 1, by_traded = 0;
      for (auto t = from; t < to; ++t) {
        s.growth.array() *= 1 + returns_.row(t).transpose().array();
        const double now = stage.w.dot(s.growth), slope = s.by_return[t - how.first];
        const double net = t == from ? 1 - how.cost * 1e-4 * traded : 1.0;
        s.by_weights += slope * net / before * (s.growth - now / before * s.before);
        if (t == from) by_traded = -slope * how.cost * 1e-4 * now / before;
        s.before = s.growth;
        before = now;
      }
      // The weights drift to those held at the next rebalancing, w C / (w · C).
      const double mixed = s.by_held.cwiseProduct(stage.w).dot(s.growth) / before;
      s.by_weights.array() += s.growth.array() / before * (s.by_held.array() - mixed);
      s.by_held.setZero();
      for (Eigen::Index i = 0; i < n; ++i) {
        const double sign = stage.w[i] > held[i] ? 1 : stage.w[i] < held[i] ? -1 : 0;
        s.by_weights[i] += by_traded * sign;
        s.by_held[i] -= by_traded * sign;
      }
      const models::Rebalance rebalance(stage.estimate, settings.rules);
      if (rebalance.split()) {
        s.by_y.resize(2 * n);
        s.by_y << s.by_weights, -s.by_weights;
        s.by_held += s.by_weights;
      } else {
        s.by_y = s.by_weights;
      }
      const Link link =
          nested(detail::Linear{s.by_y}, response(family(rebalance), detail::AtStart{}, stage.y), Implicit{});
      s.by_u.resize(stage.u.size());
      const auto pulled = link(stage.u, s.by_u, Call<LinkMemory>{s.memory, s.link, 0, 0});
      s.counts[0] += s.link.counts[0];
      s.link.counts = {};
      if (!pulled.differentiable()) {
        evaluation.verdict = Verdict::not_differentiable;
        evaluation.reason = pulled.reason;
        evaluation.certificate = pulled.certificate;
        by_parameter.setConstant(std::numeric_limits<double>::quiet_NaN());
        return;
      }
      if (pulled.certificate.condition >= evaluation.certificate.condition) evaluation.certificate = pulled.certificate;
      by_parameter += s.by_u.head(4);
      s.by_held += s.by_u.tail(n);
    }
  }
};

}  // namespace mesaopt
