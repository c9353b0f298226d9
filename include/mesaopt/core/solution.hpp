#pragma once

#include <array>
#include <cstddef>
#include <limits>
#include <ostream>
#include <string>
#include <tuple>
#include <type_traits>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/core/counts.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/optimizer.hpp>
#include <mesaopt/core/status.hpp>

namespace mesaopt {

/// The best point of a run whose state may get worse.
template <Point X>
struct Best {
  X x{};
  Evaluation<ScalarOf<X>> evaluation{};
  bool known = false;
  ScalarOf<X> lowest = 0;  ///< lowest value so far: of x, but for rounding
  static constexpr auto fields() { return std::tuple{&Best::x, &Best::evaluation, &Best::known, &Best::lowest}; }
};

/// What a search answers. It prints itself, and it is a Prior: another search may start from it.
template <SearchState S>
struct Solution {
  using X = std::remove_cvref_t<decltype(S::x)>;
  using Scalar = ScalarOf<X>;
  static constexpr std::size_t levels = std::remove_cvref_t<decltype(S::calls)>::levels;

  X x{};                                                    ///< the best point
  Scalar value = std::numeric_limits<Scalar>::quiet_NaN();  ///< its value
  Status status = Status::running;                          ///< why the search ended
  Evaluation<Scalar> evaluation{};                          ///< the value with its verdict and certificate
  std::array<Counts, levels> counts{};                      ///< this level, then the levels below
  std::array<Event, reasons> events{};                      ///< what is worth telling, by Reason
  double seconds = 0;                                       ///< wall-clock time
  S state{};                                                ///< all that the search knew when it ended
};

namespace detail {
template <class X>
void print_point(std::ostream& out, const X& x) {
  constexpr Eigen::Index most = 8;
  out << '[';
  for (Eigen::Index i = 0; i < x.size() && i < most; ++i) out << (i > 0 ? ", " : "") << x[i];
  if (x.size() > most) out << ", ... " << x.size() << " in all";
  out << ']';
}
inline void print_counts(std::ostream& out, const Counts& c) {
  const char* separator = "";
  const auto item = [&](std::uint64_t count, const char* name) {
    if (count == 0) return;
    out << separator << count << ' ' << name;
    separator = ", ";
  };
  item(c.iterations, "iterations");
  item(c.values, "values");
  item(c.gradients, "gradients");
  item(c.constraints, "constraints");
  item(c.hessians, "Hessians");
  item(c.hessian_products, "Hessian products");
  item(c.factorizations, "factorizations");
  item(c.linear_iterations, "linear iterations");
}
/// "at level 2: how the run there ended".
inline std::string place(std::uint8_t level, Status status) {
  std::string text = "at level " + std::to_string(int(level));
  if (status != Status::running) text += std::string(": ") + sentence(status);
  return text;
}
}  // namespace detail

/// Why a search ended: its status, and for one that failed, or found nothing usable, the reason, with the level at
/// which it arose: 0 that of the search, 1 that of the inner run, and so on, and how the run there ended.
///
///     Failed: the objective has no finite value or gradient at the start. The inner problem has no point that
///     satisfies its constraints. (at level 1: Failed: no point satisfies the constraints.)
template <class S>
std::string message(const Solution<S>& solution) {
  std::string text = sentence(solution.status);
  if (!failed(solution.status)) {
    if (solution.evaluation.usable()) return text;
    text += " No evaluation was usable.";
  }
  Reason why = solution.evaluation.reason;
  std::uint8_t level = solution.evaluation.level;
  Status below = solution.evaluation.inner_status;
  if (why == Reason::none) {  // the best point is a good one: it was others that failed
    why = detail::deepest(solution.events);
    const Event& event = solution.events[std::size_t(why)];
    level = event.level;
    below = event.inner_status;
  }
  if (why == Reason::none) return text;
  text += std::string(" ") + sentence(why);
  if (level > 0) text += " (" + detail::place(level, below) + ")";
  return text;
}

/// Prints value, point, status, counts of every level, and what was noticed on the way.
template <class S>
std::ostream& operator<<(std::ostream& out, const Solution<S>& solution) {
  const auto precision = out.precision(10);
  out << "value   " << solution.value << "\nat      ";
  out.precision(6);
  detail::print_point(out, solution.x);
  out << "\nstatus  " << sentence(solution.status) << '\n';
  for (std::size_t level = 0; level < solution.counts.size(); ++level) {
    out << (level == 0 ? "work    " : "inner   ");
    detail::print_counts(out, solution.counts[level]);
    out << '\n';
  }
  for (std::size_t i = 1; i < solution.events.size(); ++i)
    if (const Event& event = solution.events[i]; event.count > 0)
      out << "note    " << sentence(Reason(i)) << " (" << event.count << (event.count == 1 ? " time" : " times")
          << ", first at evaluation " << event.first
          << (event.level > 0 ? ", " + detail::place(event.level, event.inner_status) : std::string()) << ")\n";
  out.precision(precision);
  return out;
}

}  // namespace mesaopt
