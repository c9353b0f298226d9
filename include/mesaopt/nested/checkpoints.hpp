#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace mesaopt::detail {

/// The most steps that can be reversed from `slots` checkpoints, that of the first state among them, if no step is made
/// more than `repeats` times: the binomial coefficient of slots + repeats over repeats, or the largest number there is.
constexpr std::uint64_t reversible_steps(std::uint64_t slots, std::uint64_t repeats) {
  constexpr auto most = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t steps = 1;
  for (std::uint64_t i = 1, small = std::min(slots, repeats), large = std::max(slots, repeats); i <= small; ++i) {
    if (large > most - i || steps > most / (large + i)) return most;
    steps = steps * (large + i) / i;
  }
  return steps;
}

/// How often the reversal of so many steps makes a step, at most.
constexpr std::uint64_t repeats_of(std::uint64_t steps, std::uint64_t slots) {
  std::uint64_t repeats = 0;
  while (reversible_steps(slots, repeats) < steps) ++repeats;
  return repeats;
}

/// The fewest forward steps by which `steps` steps can be reversed from `slots` checkpoints, those of the first sweep
/// up to the state before the last among them: r · steps − β(slots + 1, r − 1).
/// Griewank & Walther (2000), "Algorithm 799: revolve: an implementation of checkpointing for the reverse or adjoint
/// mode of computational differentiation", ACM Trans. Math. Softw. 26(1), section 2.
constexpr std::uint64_t optimal_advances(std::uint64_t steps, std::uint64_t slots) {
  const auto repeats = repeats_of(steps, slots);
  return repeats == 0 ? 0 : repeats * steps - reversible_steps(slots + 1, repeats - 1);
}

/// How far after the checkpoint that is first of `slots` the second one belongs, if `steps` steps are to be reversed, 2
/// or more.
///
/// Both parts then stay within what their slots reverse in the same number of repeats, the later one in as many, the
/// earlier one in one less: which is what makes the sum of their advances the least.
constexpr std::uint64_t optimal_distance(std::uint64_t steps, std::uint64_t slots) {
  const auto repeats = repeats_of(steps, slots);
  return std::min(reversible_steps(slots, repeats - 1), steps - reversible_steps(slots - 1, repeats - 1));
}

/// States of a run, in its order, each with the number of steps before it. Taken out, a state keeps its memory.
template <class T>
class Checkpoints {
 public:
  [[nodiscard]] std::size_t size() const { return count_; }
  [[nodiscard]] bool empty() const { return count_ == 0; }
  [[nodiscard]] std::uint64_t position(std::size_t i) const { return items_[place(i)].position; }
  [[nodiscard]] std::uint64_t last_position() const { return position(count_ - 1); }
  [[nodiscard]] const T& last() const { return items_[place(count_ - 1)].state; }

  void clear() { first_ = count_ = 0; }
  void pop_back() { --count_; }
  void pop_front() {
    first_ = (first_ + 1) % items_.size();
    --count_;
  }
  /// A further one, at the end, for the caller to fill.
  T& push_back(std::uint64_t position) {
    if (count_ == items_.size()) {
      std::rotate(items_.begin(), items_.begin() + std::ptrdiff_t(first_), items_.end());
      first_ = 0;
      items_.emplace_back();
    }
    auto& item = items_[place(count_++)];
    item.position = position;
    return item.state;
  }
  /// Drops every second one, and keeps the first.
  void thin_out() {
    using std::swap;
    const std::size_t left = (count_ + 1) / 2;
    for (std::size_t i = 1; i < left; ++i) swap(items_[place(i)], items_[place(2 * i)]);
    count_ = left;
  }

 private:
  struct Item {
    std::uint64_t position = 0;
    T state{};
  };
  [[nodiscard]] std::size_t place(std::size_t i) const { return (first_ + i) % items_.size(); }

  std::vector<Item> items_;
  std::size_t first_ = 0, count_ = 0;
};

/// Where a run puts its checkpoints the first time.
///
/// If the number of its steps is known, where `optimal_distance` says, and before the last step, in a slot more; so the
/// reversal is as cheap as can be if the run goes on to its end. If not, at equal distances, which double whenever
/// there are no slots left. If only the last steps are to be reversed and there are slots for all of them, at these,
/// and at the end.
class CheckpointPlan {
 public:
  static constexpr auto unknown = std::numeric_limits<std::uint64_t>::max();

  /// `steps` and `slots` may be unknown, and so without limit; `window`, the steps to be reversed, may be.
  CheckpointPlan(std::uint64_t steps, std::uint64_t slots, std::uint64_t window)
      : steps_(window < steps ? unknown : steps), slots_(slots), window_(window) {}

  /// Calls keep(checkpoints.push_back(position)) if the state at this position, one further than the last, is to be
  /// kept.
  template <class T, class Keep>
  void offer(std::uint64_t position, Checkpoints<T>& checkpoints, const Keep& keep) {
    if (position == 0) {
      next_ = 0;
      stride_ = 1;
    }
    if (steps_ != unknown && position + 1 == steps_) {
      keep(checkpoints.push_back(position));
      return;
    }
    if (position != next_) return;
    if (slots_ >= window_ && window_ != unknown) {
      if (checkpoints.size() > window_) checkpoints.pop_front();  // the end itself may be offered
      next_ = position + 1;
    } else if (steps_ != unknown) {
      const auto left = slots_ - checkpoints.size(), ahead = steps_ - std::min(steps_, position);
      // The last slot is that of this state.
      next_ = left < 2 || ahead < 2 ? unknown : position + optimal_distance(ahead, left);
    } else if (slots_ != unknown) {
      if (checkpoints.size() == slots_) {
        if (slots_ == 1) {
          next_ = unknown;
          return;
        }
        checkpoints.thin_out();
        stride_ *= 2;
        next_ = checkpoints.last_position() + stride_;
        if (position != next_) return;
      }
      next_ = position + stride_;
    } else {
      next_ = position + 1;
    }
    keep(checkpoints.push_back(position));
  }

 private:
  std::uint64_t steps_, slots_, window_, next_ = 0, stride_ = 1;
};

/// Reverses the steps from `begin` to `end`, the last one first.
///
/// `checkpoints` holds states of the run, one at or before `begin` among them, and gets others, up to `slots` in all.
/// `reverse(state)` reverses the step after the last checkpoint, `load(state)` goes back to it, `advance(steps)` goes
/// on from there, `keep(state)` makes a checkpoint of where that leads, and `reverse_here()` reverses the step after
/// that. Any may say false, to give up; then this does.
template <class T, class Load, class Advance, class Keep, class Reverse, class ReverseHere>
bool reverse_steps(Checkpoints<T>& checkpoints, std::uint64_t begin, std::uint64_t end, std::uint64_t slots,
                   const Load& load, const Advance& advance, const Keep& keep, const Reverse& reverse,
                   const ReverseHere& reverse_here) {
  while (end > begin) {
    while (checkpoints.last_position() >= end) checkpoints.pop_back();
    auto position = checkpoints.last_position();
    if (position + 1 == end) {
      if (!reverse(checkpoints.last())) return false;
    } else {
      load(checkpoints.last());
      // Steps before `begin` are not reversed, so nothing is to be gained by checkpoints among them.
      if (position < begin) {
        advance(begin - position);
        position = begin;
        if (position + 1 < end && checkpoints.size() < slots) keep(checkpoints.push_back(position));
      }
      while (position + 1 < end) {
        // Slots for what lies ahead, that of the last checkpoint included.
        const auto left = slots - std::min<std::uint64_t>(slots - 1, checkpoints.size() - 1), ahead = end - position;
        const auto distance = left < 2 ? ahead - 1 : optimal_distance(ahead, left);
        if (!advance(distance)) return false;
        position += distance;
        if (left >= 2 && position + 1 < end) keep(checkpoints.push_back(position));
      }
      if (!reverse_here()) return false;
    }
    --end;
  }
  return true;
}

}  // namespace mesaopt::detail
