#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <ostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/parameter.hpp>
#include <mesaopt/core/point.hpp>

namespace mesaopt {

class Configuration;

/// A setting by name, for `Space::point`:  {"layers", 3}.
struct ParameterSetting {
  std::string_view parameter;
  ParameterValue value;
};

/// Points of a search space are of doubles.
template <class X>
concept SpacePoint = Point<X> && std::same_as < ScalarOf<X>,
double > ;

/// Parameters of all kinds with names, some of which may have a meaning only under conditions on others, as points of
/// the unit cube: a coordinate each, in the order in which they are listed.
///
///     const auto rate = real("learning_rate", 1e-5, 1e-1).log();
///     const auto optimizer = categorical("optimizer", {"adam", "sgd"});
///     const auto momentum = real("momentum", 0, 0.99).when("optimizer", "sgd");
///     const Space space{rate, integer("layers", 1, 8), optimizer, momentum};
///
///     const Configuration c = space.configuration(x);  // x: 4 coordinates in [0, 1]
///     double r = c[rate];                              // its type is known when compiling
///     auto layers = c.integer("layers");               // by name
///     std::optional<double> m = c.find(momentum);      // nothing where it has no meaning
///
/// `in_space(f, space)` (objective/in_space.hpp) makes an objective of f(configuration). How a coordinate stands for
/// values is said at Parameter, from which an optimizer also reads what it needs to know of one, by `parameter(i)`: its
/// kind, how many levels it has, where their cells begin. A model that compares points takes those of `representative`,
/// which are the same wherever the values are.
class Space {
 public:
  /// Throws std::invalid_argument, naming the parameter, for one that is none (see Parameter::check); for names that
  /// are not unique; for a condition on a parameter that is not there, on a value that it cannot have, or on the
  /// parameter itself through others; and if there are no parameters.
  template <class... T>
  explicit Space(const ParameterOf<T>&... parameters) : Space(std::vector<Parameter>{parameters...}) {}
  explicit Space(std::vector<Parameter> parameters) : parameters_(std::move(parameters)) {
    if (parameters_.empty()) throw std::invalid_argument("Space: has no parameters");
    for (const Parameter& p : parameters_) {
      p.check();
      if (&parameter(position(p.name)) != &p) p.refuse("is there twice; names must be unique");
    }
    for (const Parameter& p : parameters_) {
      std::vector<Rule>& rules = rules_.emplace_back();
      for (const ParameterCondition& condition : p.conditions) rules.push_back(rule(p, condition));
    }
    depends_on_.resize(parameters_.size());
    std::vector<Visit> visits(parameters_.size(), Visit::none);
    for (Eigen::Index i = 0; i < dimension(); ++i) visit(i, visits);
  }

  /// The number of parameters, which is that of coordinates.
  [[nodiscard]] Eigen::Index dimension() const { return Eigen::Index(parameters_.size()); }
  [[nodiscard]] const std::vector<Parameter>& parameters() const { return parameters_; }
  [[nodiscard]] const Parameter& parameter(Eigen::Index i) const { return parameters_[std::size_t(i)]; }

  /// The coordinate of a parameter. Throws std::invalid_argument if there is none of that name.
  [[nodiscard]] Eigen::Index index(std::string_view name) const {
    if (const auto i = position(name); i >= 0) return i;
    throw std::invalid_argument("parameter '" + std::string(name) + "' is not in the space");
  }

  /// Whether parameter i has a meaning at x: whether its conditions hold, and the parameters they are on are active.
  [[nodiscard]] bool active(Eigen::Index i, const double* x) const {
    const std::vector<Eigen::Index>& all = depends_on_[std::size_t(i)];
    return std::all_of(all.begin(), all.end(), [&](Eigen::Index j) {
      const std::vector<Rule>& rules = rules_[std::size_t(j)];
      return std::all_of(rules.begin(), rules.end(), [&](const Rule& rule) { return holds(rule, x[rule.parent]); });
    });
  }

  /// The configuration at x, which must live as long as it does. Throws std::invalid_argument unless x has a coordinate
  /// for each parameter.
  template <SpacePoint X>
  [[nodiscard]] Configuration configuration(const X& x) const;
  template <SpacePoint X>
  Configuration configuration(X&& x) const = delete;

  /// The point that stands for these settings; parameters that are not set are in the middle of their ranges. Throws
  /// std::invalid_argument, naming the parameter, for one that is not there or set twice, or a value it cannot have.
  ///
  ///     Eigen::VectorXd x0 = space.point({{"learning_rate", 1e-3}, {"layers", 3}, {"optimizer", "sgd"}});
  template <SpacePoint X = Eigen::VectorXd>
  [[nodiscard]] X point(std::initializer_list<ParameterSetting> settings = {}) const {
    X x;
    x.resize(dimension());
    x.setConstant(-1);
    for (const ParameterSetting& setting : settings) {
      const Eigen::Index i = index(setting.parameter);
      if (x[i] >= 0) parameter(i).refuse("is set twice");
      x[i] = parameter(i).coordinate(setting.value);
    }
    for (Eigen::Index i = 0; i < dimension(); ++i)
      if (x[i] < 0) x[i] = parameter(i).middle(0.5);
    return x;
  }

  /// out = the point that stands for all that have the values of x: the middle of every cell, and 1/2 for parameters
  /// that are inactive. `out` may be x.
  template <SpacePoint X>
  void representative(const X& x, X& out) const {
    check_size(x.size());
    out.resize(x.size());
    // Those on which others depend do not change their values, so it may be done in place.
    for (Eigen::Index i = 0; i < x.size(); ++i) out[i] = parameter(i).middle(x[i]);
    for (Eigen::Index i = 0; i < x.size(); ++i)
      if (!active(i, out.data())) out[i] = inactive;
  }

 private:
  static constexpr double inactive = 0.5;
  struct Rule {
    Eigen::Index parent;
    std::vector<std::int64_t> levels;
    double at_least;
  };
  std::vector<Parameter> parameters_;
  std::vector<std::vector<Rule>> rules_{};               // of each parameter
  std::vector<std::vector<Eigen::Index>> depends_on_{};  // it and all above it, once each

  [[nodiscard]] Eigen::Index position(std::string_view name) const {
    for (Eigen::Index i = 0; i < dimension(); ++i)
      if (parameter(i).name == name) return i;
    return -1;
  }

  void check_size(Eigen::Index size) const {
    if (size != dimension())
      throw std::invalid_argument("x: has size " + std::to_string(size) + ", but the space " +
                                  std::to_string(dimension()) + " parameters");
  }

  [[nodiscard]] Rule rule(const Parameter& p, const ParameterCondition& condition) const {
    const std::string on = "has a condition on '" + condition.parameter + "'";
    const Eigen::Index i = position(condition.parameter);
    if (i < 0) p.refuse(on + ", which is not there");
    const Parameter& parent = parameter(i);
    if (condition.values.empty() && (parent.kind == ParameterKind::category || !std::isfinite(condition.at_least)))
      p.refuse(on + " that names none of its values");
    if (!condition.values.empty() && parent.kind == ParameterKind::real)
      p.refuse(on + ", a real number, to be equal to something");
    Rule made{i, {}, condition.at_least};
    for (const ParameterValue& value : condition.values) {
      const auto u = parent.find(value);
      if (!u) p.refuse(on + " to be " + value.text() + ", which it cannot be");
      made.levels.push_back(parent.level(*u));
    }
    return made;
  }

  [[nodiscard]] bool holds(const Rule& rule, double u) const {
    const Parameter& parent = parameter(rule.parent);
    if (rule.levels.empty()) return parent.number(u) >= rule.at_least;
    return std::find(rule.levels.begin(), rule.levels.end(), parent.level(u)) != rule.levels.end();
  }

  enum class Visit : std::uint8_t { none, begun, done };
  /// Finds all that parameter i depends on, those above it first.
  void visit(Eigen::Index i, std::vector<Visit>& visits) {
    if (visits[std::size_t(i)] == Visit::done) return;
    if (visits[std::size_t(i)] == Visit::begun) parameter(i).refuse("has a condition on itself, through others or not");
    visits[std::size_t(i)] = Visit::begun;
    std::vector<Eigen::Index>& all = depends_on_[std::size_t(i)];
    for (const Rule& rule : rules_[std::size_t(i)]) {
      visit(rule.parent, visits);
      for (const Eigen::Index j : depends_on_[std::size_t(rule.parent)])
        if (std::find(all.begin(), all.end(), j) == all.end()) all.push_back(j);
    }
    all.push_back(i);
    visits[std::size_t(i)] = Visit::done;
  }
};

/// What the parameters of a space are set to at a point: a view of the point and the space, which reads a value when
/// asked for it. It allocates nothing.
class Configuration {
 public:
  template <SpacePoint X>
  Configuration(const Space& space, const X& x)
      : space_(&space), point_(&x), data_([](const void* point) { return static_cast<const X*>(point)->data(); }) {}

  [[nodiscard]] const Space& space() const { return *space_; }

  /// Whether a parameter has a meaning here. Throws std::invalid_argument if there is none of that name.
  [[nodiscard]] bool active(std::string_view name) const { return space_->active(space_->index(name), x()); }

  /// The value of a parameter. These throw std::invalid_argument, naming it, if it is not there, of another kind, or
  /// inactive.
  template <class T>
  [[nodiscard]] T operator[](const ParameterOf<T>& parameter) const {
    return read<T>(parameter.name);
  }
  [[nodiscard]] double real(std::string_view name) const { return read<double>(name); }
  [[nodiscard]] std::int64_t integer(std::string_view name) const { return read<std::int64_t>(name); }
  [[nodiscard]] std::string_view category(std::string_view name) const { return read<std::string_view>(name); }
  [[nodiscard]] bool boolean(std::string_view name) const { return read<bool>(name); }

  /// The value of a parameter if it is active. Throws std::invalid_argument if it is not there or of another kind.
  template <class T>
  [[nodiscard]] std::optional<T> find(const ParameterOf<T>& parameter) const {
    const Eigen::Index i = index<T>(parameter.name);
    return space_->active(i, x()) ? std::optional<T>(at<T>(i)) : std::nullopt;
  }

  /// All active parameters and their values, as in "layers = 3, optimizer = sgd".
  friend std::ostream& operator<<(std::ostream& out, const Configuration& c) {
    const char* separator = "";
    for (Eigen::Index i = 0; i < c.space_->dimension(); ++i) {
      if (!c.space_->active(i, c.x())) continue;
      const Parameter& p = c.space_->parameter(i);
      out << separator << p.name << " = ";
      if (p.kind == ParameterKind::category)
        out << p.categories[std::size_t(p.level(c.x()[i]))];
      else if (p.kind == ParameterKind::integer)
        out << std::int64_t(p.number(c.x()[i]));
      else
        out << p.number(c.x()[i]);
      separator = ", ";
    }
    return out;
  }

 private:
  const Space* space_;
  // Not the coordinates themselves: an assignment may put others in another place.
  const void* point_;
  const double* (*data_)(const void*);

  [[nodiscard]] const double* x() const { return data_(point_); }

  template <class T>
  [[nodiscard]] Eigen::Index index(std::string_view name) const {
    constexpr ParameterKind wanted = std::same_as<T, double>         ? ParameterKind::real
                                     : std::same_as<T, std::int64_t> ? ParameterKind::integer
                                                                     : ParameterKind::category;
    const Eigen::Index i = space_->index(name);
    const Parameter& p = space_->parameter(i);
    if (p.kind != wanted || (std::same_as<T, bool> && (p.categories.size() != 2 || p.categories[1] != "true")))
      p.refuse("is of another kind than it is read as");
    return i;
  }
  template <class T>
  [[nodiscard]] T read(std::string_view name) const {
    const Eigen::Index i = index<T>(name);
    if (!space_->active(i, x())) space_->parameter(i).refuse("is inactive: its condition does not hold");
    return at<T>(i);
  }
  template <class T>
  [[nodiscard]] T at(Eigen::Index i) const {
    const Parameter& p = space_->parameter(i);
    if constexpr (std::same_as<T, bool>)
      return p.level(x()[i]) == 1;
    else if constexpr (std::same_as<T, std::string_view>)
      return p.categories[std::size_t(p.level(x()[i]))];
    else
      return T(p.number(x()[i]));
  }
};

template <SpacePoint X>
Configuration Space::configuration(const X& x) const {
  check_size(x.size());
  return {*this, x};
}

}  // namespace mesaopt
