#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <tuple>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/parameter.hpp>
#include <mesaopt/core/space.hpp>

namespace mesaopt::kernels {

/// Which parameters of a Space are active at a point, by comparisons of numbers: the conditions of the space, and of
/// those that they depend on, turned into intervals of coordinates. At the very edges of cells, rounding may decide.
struct Activity {
  /// That coordinate `parent` lies in [lower[k], upper[k]) for some k.
  struct Clause {
    Eigen::Index parent = 0;
    std::vector<double> lower{}, upper{};
    static constexpr auto fields() { return std::tuple{&Clause::parent, &Clause::lower, &Clause::upper}; }
  };
  std::vector<std::vector<Clause>> clauses{};  ///< for each coordinate all that must hold; none: always active

  static constexpr auto fields() { return std::tuple{&Activity::clauses}; }

  Activity() = default;
  explicit Activity(const Space& space) : clauses(std::size_t(space.dimension())) {
    for (Eigen::Index c = 0; c < space.dimension(); ++c) add(space, c, clauses[std::size_t(c)]);
  }

  bool conditional(Eigen::Index c) const { return !clauses[std::size_t(c)].empty(); }

  /// Whether parameter c is active at the point whose coordinate i is get(i).
  template <class Get>
  bool active(Eigen::Index c, const Get& get) const {
    const std::vector<Clause>& all = clauses[std::size_t(c)];
    return std::all_of(all.begin(), all.end(), [&](const Clause& clause) {
      const double u = double(get(clause.parent));
      for (std::size_t k = 0; k < clause.lower.size(); ++k)
        if (clause.lower[k] <= u && u < clause.upper[k]) return true;
      return false;
    });
  }

 private:
  // What lies outside of [0, 1] counts as the nearest in it.
  static constexpr double infinity = std::numeric_limits<double>::infinity();

  /// A Space has no circles.
  static void add(const Space& space, Eigen::Index c, std::vector<Clause>& out) {
    for (const ParameterCondition& condition : space.parameter(c).conditions) {
      Clause clause{space.index(condition.parameter), {}, {}};
      const Parameter& parent = space.parameter(clause.parent);
      const auto include = [&](double lower, double upper) {
        clause.lower.push_back(lower > 0 ? lower : -infinity);
        clause.upper.push_back(upper < 1 ? upper : infinity);
      };
      for (const ParameterValue& value : condition.values) {
        const std::int64_t level = parent.level(parent.coordinate(value));
        include(parent.edge(level), parent.edge(level + 1));
      }
      if (condition.values.empty() && condition.at_least <= parent.upper) {
        if (condition.at_least <= parent.lower)
          include(0, 1);
        else if (parent.kind == ParameterKind::real)
          include(parent.coordinate(condition.at_least), 1);
        else
          include(parent.edge(std::int64_t(std::ceil(condition.at_least - parent.lower))), 1);
      }
      out.push_back(std::move(clause));
      add(space, out.back().parent, out);
    }
  }
};

}  // namespace mesaopt::kernels
