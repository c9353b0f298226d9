#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace mesaopt {

/// What a parameter may be set to.
enum class ParameterKind : std::uint8_t {
  real,     ///< any number between two bounds
  integer,  ///< any integer between two bounds, which are in order: neighbours are alike
  category  ///< one of some names, which are in no order
};

/// A number, a truth value or a name, as a setting of a parameter.
struct ParameterValue {
  std::variant<double, std::int64_t, bool, std::string> content;

  // NOLINTBEGIN(google-explicit-constructor): any of them is a value
  template <std::floating_point T>
  ParameterValue(T number) : content(double(number)) {}
  template <std::integral T>
  ParameterValue(T number) : content(std::int64_t(number)) {}
  ParameterValue(bool truth) : content(truth) {}
  ParameterValue(const char* name) : content(std::string(name)) {}
  ParameterValue(std::string name) : content(std::move(name)) {}
  ParameterValue(std::string_view name) : content(std::string(name)) {}
  // NOLINTEND(google-explicit-constructor)

  [[nodiscard]] bool is_number() const {
    return std::holds_alternative<double>(content) || std::holds_alternative<std::int64_t>(content);
  }
  /// The number that it is; else NaN.
  [[nodiscard]] double number() const {
    if (const auto* integer = std::get_if<std::int64_t>(&content)) return double(*integer);
    if (const auto* real = std::get_if<double>(&content)) return *real;
    return std::numeric_limits<double>::quiet_NaN();
  }
  /// As it is written.
  [[nodiscard]] std::string text() const {
    if (const auto* name = std::get_if<std::string>(&content)) return *name;
    if (const auto* truth = std::get_if<bool>(&content)) return *truth ? "true" : "false";
    std::ostringstream out;
    std::visit([&](const auto& number) { out << number; }, content);
    return out.str();
  }
};

/// When a parameter has a meaning: if another one is set to one of some values, or to `at_least` or more.
struct ParameterCondition {
  std::string parameter;  ///< the name of the other one
  std::vector<ParameterValue> values{};
  double at_least = -std::numeric_limits<double>::infinity();  ///< used if there are no values
};

/// A parameter, and how a coordinate u in [0, 1] stands for its values. Made by `real`, `integer`, `categorical` and
/// `boolean`.
///
/// For a real number, u is proportional to it, or to its logarithm. For an integer and a category, [0, 1] is divided
/// into one cell for each value, of equal lengths, so that the least and the largest integer are as probable as any;
/// for a logarithmic integer k, into cells from log(k - 1/2) to log(k + 1/2). What lies outside of [0, 1] counts as the
/// nearest in it, and NaN as 0.
struct Parameter {
  static constexpr double most_integers = 0x1p40;  ///< in a range

  std::string name;
  ParameterKind kind = ParameterKind::real;
  double lower = 0, upper = 1;                   ///< of a number: its bounds, which belong to the range
  bool logarithmic = false;                      ///< of a number: whether factors count, not differences
  std::vector<std::string> categories{};         ///< of a category: its names
  std::vector<ParameterCondition> conditions{};  ///< all of them must hold, or the parameter is inactive

  /// How many values it has; 0 for a real number, which has all.
  [[nodiscard]] std::int64_t levels() const {
    if (kind == ParameterKind::real) return 0;
    return kind == ParameterKind::category ? std::int64_t(categories.size()) : std::int64_t(upper - lower) + 1;
  }

  /// Which of its values, counted from 0, an integer or a category has at u; of a real number, 0.
  [[nodiscard]] std::int64_t level(double u) const {
    const std::int64_t count = levels();
    if (count == 0 || !(u > 0)) return 0;
    if (u >= 1) return count - 1;
    const double found =
        logarithmic ? std::floor(std::exp(log_least() + u * log_range()) + 0.5) - lower : std::floor(u * double(count));
    return std::clamp<std::int64_t>(std::int64_t(found), 0, count - 1);
  }

  /// Where the cell of a level begins: 0 for the first; it ends where the next one begins, the last at 1.
  [[nodiscard]] double edge(std::int64_t level) const {
    if (level <= 0) return 0;
    if (level >= levels()) return 1;
    if (logarithmic) return (std::log(lower + double(level) - 0.5) - log_least()) / log_range();
    return double(level) / double(levels());
  }

  /// The middle of the cell of u; for a real number u itself.
  [[nodiscard]] double middle(double u) const {
    if (levels() == 0) return u > 0 ? std::min(u, 1.0) : 0;
    return (edge(level(u)) + edge(level(u) + 1)) / 2;
  }

  /// The real number or the integer that u stands for; of a category, its level.
  [[nodiscard]] double number(double u) const {
    if (kind == ParameterKind::category) return double(level(u));
    if (kind == ParameterKind::integer) return lower + double(level(u));
    if (!(u > 0)) return lower;
    if (u >= 1) return upper;
    const double value =
        logarithmic ? std::exp(std::log(lower) + u * (std::log(upper) - std::log(lower))) : lower + u * (upper - lower);
    return std::clamp(value, lower, upper);
  }

  /// The u that stands for a value, the middle of its cell. Throws std::invalid_argument for one that it cannot have.
  [[nodiscard]] double coordinate(const ParameterValue& value) const {
    if (const auto u = find(value)) return *u;
    refuse("cannot be " + value.text());
  }

  /// The same, or nothing for a value that it cannot have.
  [[nodiscard]] std::optional<double> find(const ParameterValue& value) const {
    std::int64_t level = 0;
    if (kind == ParameterKind::category) {
      const auto found = std::find(categories.begin(), categories.end(), value.text());
      if (value.is_number() || found == categories.end()) return {};
      level = found - categories.begin();
    } else {
      const double number = value.number();
      if (!(lower <= number && number <= upper)) return {};
      if (kind == ParameterKind::real) {
        if (lower == upper) return 0.5;
        return logarithmic ? std::log(number / lower) / std::log(upper / lower) : (number - lower) / (upper - lower);
      }
      if (number != std::floor(number)) return {};
      level = std::int64_t(number - lower);
    }
    return (edge(level) + edge(level + 1)) / 2;
  }

  /// Throws std::invalid_argument, naming the parameter, for an empty name; bounds that cross, are not finite, are not
  /// above 0 where a logarithm is taken, are no integers where they should be, or have more than 2^40 of these between
  /// them; no categories, or one twice.
  void check() const {
    if (name.empty()) refuse("has an empty name");
    if (kind == ParameterKind::category) {
      if (categories.empty()) refuse("has no categories");
      for (auto category = categories.begin(); category != categories.end(); ++category)
        if (std::find(categories.begin(), category, *category) != category)
          refuse("has the category '" + *category + "' twice");
      return;
    }
    const std::string bounds = "has bounds " + ParameterValue(lower).text() + " and " + ParameterValue(upper).text();
    if (!std::isfinite(lower) || !std::isfinite(upper - lower)) refuse(bounds + "; they must be finite");
    if (!(lower <= upper)) refuse(bounds + "; needs lower <= upper");
    if (logarithmic && !(lower > 0)) refuse(bounds + ", of which there is no logarithm; needs lower > 0");
    if (kind == ParameterKind::integer &&
        (lower != std::floor(lower) || upper != std::floor(upper) || !(lower > -0x1p53) || !(upper < 0x1p53)))
      refuse(bounds + "; needs integers between -2^53 and 2^53");
    if (kind == ParameterKind::integer && !(upper - lower < most_integers))
      refuse(bounds + "; needs at most 2^40 integers");
  }

  /// Throws std::invalid_argument, naming the parameter.
  [[noreturn]] void refuse(const std::string& what) const {
    throw std::invalid_argument("parameter '" + name + "' " + what);
  }

 private:
  [[nodiscard]] double log_least() const { return std::log(lower - 0.5); }
  [[nodiscard]] double log_range() const { return std::log(upper + 0.5) - log_least(); }
};

/// A parameter whose values are of type T: double, std::int64_t, std::string_view or bool. It is also the key by which
/// a Configuration is read.
template <class T>
struct ParameterOf : Parameter {
  using value_type = T;

  /// Whose factors count, not its differences: from 1 to 10 is as far as from 10 to 100. Needs bounds above 0.
  [[nodiscard]] ParameterOf log() const requires std::same_as<T, double> || std::same_as<T, std::int64_t> {
    ParameterOf changed = *this;
    changed.logarithmic = true;
    return changed;
  }
  /// Which has a meaning only if another parameter, a category or an integer, is set to this value.
  [[nodiscard]] ParameterOf when(std::string_view parameter, ParameterValue value) const {
    return on(ParameterCondition{std::string(parameter), {std::move(value)}});
  }
  /// Which has a meaning only if another parameter, a category or an integer, is set to one of these values.
  [[nodiscard]] ParameterOf when(std::string_view parameter, std::initializer_list<ParameterValue> values) const {
    return on(ParameterCondition{std::string(parameter), values});
  }
  /// Which has a meaning only if another parameter, a number, is as large as this or larger.
  [[nodiscard]] ParameterOf when_at_least(std::string_view parameter, double value) const {
    return on(ParameterCondition{std::string(parameter), {}, value});
  }

 private:
  [[nodiscard]] ParameterOf on(ParameterCondition condition) const {
    ParameterOf changed = *this;
    changed.conditions.push_back(std::move(condition));
    return changed;
  }
};

/// A real number in [lower, upper]:  `real("learning_rate", 1e-5, 1e-1).log()`.
inline ParameterOf<double> real(std::string_view name, double lower, double upper) {
  return {{std::string(name), ParameterKind::real, lower, upper}};
}

/// An integer in {lower, ..., upper}:  `integer("layers", 1, 8)`.
inline ParameterOf<std::int64_t> integer(std::string_view name, std::int64_t lower, std::int64_t upper) {
  return {{std::string(name), ParameterKind::integer, double(lower), double(upper)}};
}

/// One of some names:  `categorical("activation", {"tanh", "relu"})`.
inline ParameterOf<std::string_view> categorical(std::string_view name, std::vector<std::string> categories) {
  return {{std::string(name), ParameterKind::category, 0, 1, false, std::move(categories)}};
}

/// True or false:  `boolean("nesterov")`.
inline ParameterOf<bool> boolean(std::string_view name) {
  return {{std::string(name), ParameterKind::category, 0, 1, false, {"false", "true"}}};
}

}  // namespace mesaopt
