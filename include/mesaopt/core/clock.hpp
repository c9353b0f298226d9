#pragma once

#include <ctime>

#ifndef CLOCK_MONOTONIC
#include <chrono>
#endif

namespace mesaopt::detail {

/// Seconds from some moment on, of a clock that never goes back: POSIX's, where there is one, because <chrono> with its
/// calendar takes as long to compile as a whole optimizer.
inline double clock_seconds() {
#ifdef CLOCK_MONOTONIC
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return double(now.tv_sec) + 1e-9 * double(now.tv_nsec);
#else
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
#endif
}

}  // namespace mesaopt::detail
