#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <tuple>
#include <type_traits>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/call.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/core/run.hpp>
#include <mesaopt/core/search.hpp>
#include <mesaopt/core/stopping.hpp>
#include <mesaopt/nested/evolution_gradient.hpp>
#include <mesaopt/nested/inner_knowledge.hpp>
#include <mesaopt/nested/outer_at.hpp>
#include <mesaopt/nested/places.hpp>
#include <mesaopt/nested/response.hpp>

namespace mesaopt {

/// Evolution strategies through a long inner run that is cut into pieces: the gradient of the smoothed sum of the outer
/// objective over the pieces, without the bias of looking at each piece alone.
///
/// Pairs of particles run with x + ε and x − ε, each from where its own last piece ended, and remember the sum ξ of
/// their perturbations so far. The estimate of one piece is the mean over pairs of ξ (F⁺ − F⁻) / (2 deviation²); after
/// `pieces` accepted evaluations all begin anew at the response's start. One piece is what the inner search does before
/// its stopping rule ends it, so give it `MaxIterations{...}`. From piece to piece passes all that the inner search
/// remembers: momentum, moments, the age that a schedule goes by, a distribution; value and gradient are taken anew, as
/// each piece has another outer point. So the pieces are those of one run. The value is the mean of F over the
/// particles; the estimate's standard error is `gradient_error`. Vicol, Metz & Sohl-Dickstein (2021), "Unbiased
/// gradient estimation in unrolled computation graphs with persistent evolution strategies", algorithm 2.
struct PersistentEvolution {
  std::int64_t pairs = 16;  ///< at least 2
  double deviation = 0.1;   ///< of the perturbations of x
  std::int64_t pieces = 10;
  std::uint64_t seed = 0;
  static constexpr bool needs_outer_gradient = false;

  template <class Outer, class R, Point X>
  struct Memory {
    using Y = typename R::template Y<X>;
    using Inner = std::remove_cvref_t<decltype(R::template Types<X>::Run::state)>;
    struct Record {
      std::vector<Inner> particles{};  ///< two a pair: where their last pieces ended
      PointsOf<X> sums{};              ///< ξ, one column a pair
      std::int64_t piece = 0;          ///< pieces behind the particles
      bool advanced = false;           ///< whether this call moved them
      detail::RunningMean<X> mean{};
      X noise{}, point{};
      Y y{};
    };
    std::vector<Inner> particles{};
    PointsOf<X> sums{};
    std::int64_t piece = 0;

    static constexpr auto fields() { return std::tuple{&Memory::particles, &Memory::sums, &Memory::piece}; }
    void clear() { piece = 0; }
    void absorb(const Record& record) {
      if (!record.advanced) return;
      copy(record.particles, particles);
      sums = record.sums;
      piece = record.piece;
    }
    /// What the particles are, without what they have counted.
    static void copy(const std::vector<Inner>& from, std::vector<Inner>& to) {
      to.resize(from.size());
      for (std::size_t i = 0; i < from.size(); ++i) detail::copy_but_calls(from[i], to[i]);
    }
  };

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (pairs < 2) detail::refuse("PersistentEvolution::pairs", double(pairs), "it must be 2 or more");
    if (!(deviation > 0)) detail::refuse("PersistentEvolution::deviation", deviation, "it must be more than 0");
    if (pieces < 1) detail::refuse("PersistentEvolution::pieces", double(pieces), "it must be 1 or more");
  }

  template <class Outer, class R, Point X, class M>
  Evaluation<ScalarOf<X>> pull(const Outer& outer, const R& response, const X& x, const Call<M>& call,
                               X& gradient) const {
    using S = ScalarOf<X>;
    check();
    const auto& known = call.memory.hypergradient;
    auto& mine = call.record.hypergradient;
    gradient.setConstant(x.size(), std::numeric_limits<S>::quiet_NaN());
    mine.noise.resize(x.size());
    mine.point.resize(x.size());
    mine.mean.begin(x.size());
    mine.advanced = false;
    const bool fresh = known.piece % pieces == 0 || known.sums.cols() != pairs || known.sums.rows() != x.size();
    if (fresh) {
      mine.sums.setZero(x.size(), pairs);
      mine.piece = 0;
    } else {
      std::remove_cvref_t<decltype(known)>::copy(known.particles, mine.particles);
      mine.sums = known.sums;
      mine.piece = known.piece;
    }
    Random random = Random{seed}.split(call.index);
    S total = 0;
    for (std::int64_t i = 0; i < pairs; ++i) {
      random.fill_normal(mine.noise);
      mine.noise *= S(deviation);
      S value[2];
      for (const int side : {0, 1}) {
        mine.point = side == 0 ? X(x + mine.noise) : X(x - mine.noise);
        const auto evaluation = run(outer, response, fresh, 2 * i + side, call);
        if (!evaluation.usable()) return Evaluation<S>::failure(Reason::inner_failed);
        value[side] = evaluation.value;
      }
      total += value[0] + value[1];
      mine.sums.col(i) += mine.noise;
      mine.noise = mine.sums.col(i);
      mine.mean.add(mine.noise, (value[0] - value[1]) / (2 * S(deviation) * S(deviation)));
    }
    ++mine.piece;
    mine.advanced = true;
    call.record.response.solved = false;  // of no use to others: it is that of a particle
    Evaluation<S> evaluation{total / S(2 * pairs)};
    gradient = mine.mean.mean;
    evaluation.gradient_error += mine.mean.error();
    detail::mark_inexact(evaluation, Reason::sampled_gradient);
    return evaluation;
  }

 private:
  /// The next piece of a particle's run, at `point`.
  template <class Outer, class R, class M>
  static auto run(const Outer& outer, const R& response, bool fresh, Eigen::Index particle, const Call<M>& call) {
    auto& mine = call.record.hypergradient;
    auto& record = call.record.response;
    using X = std::remove_cvref_t<decltype(mine.point)>;
    using Y = std::remove_cvref_t<decltype(mine.y)>;
    const X& point = mine.point;
    const auto& f = detail::placed(response.objective, point);
    const auto& search = as_search(detail::placed(response.search, point));
    if (particle == 0 && fresh) mine.particles.resize(std::size_t(2 * mine.sums.cols()));
    auto& state = mine.particles[std::size_t(particle)];
    if (fresh)
      mine.y = detail::start_point(detail::placed(response.start.from, point));
    else
      mine.y = state.x;
    struct Spend {
      decltype(record)& r;
      ~Spend() { R::collect(r); }
    } spend{record};
    record.solved = false;
    record.run.state.calls.counts = {};
    begin(f, detail::InnerStart<Y, typename R::template Types<X>::InnerMemory>{mine.y, call.memory.response.inner},
          search.optimizer, search.stopping, record.run);
    if (!fresh && record.run.status == Status::running) detail::recall(state, record.run.state);
    resume(f, search.optimizer, search.stopping, record.run);
    // The last point, not the best: the run goes on from there.
    detail::copy_but_calls(record.run.state, state);
    mine.y = state.x;
    return detail::outer_value_at(outer, point, mine.y, call);
  }
};

}  // namespace mesaopt
