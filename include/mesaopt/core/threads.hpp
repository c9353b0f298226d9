#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <vector>

namespace mesaopt {

/// Evaluates a batch on threads:  `minimize(on(Threads{8}, f), x0, CmaEs{})`.
///
/// The calling thread takes part, so `count` counts it; there are never more threads than jobs. Each takes the next job
/// as soon as it is free, which balances evaluations of unequal length. What a job answers must depend on its number
/// alone, as evaluations do (core/call.hpp): then results are the same bits for every count. The threads live as long
/// as the batch, so starting them costs some 10 microseconds each; where the system refuses more of them, fewer do the
/// work. Needs the component `mesaopt::threads`, which links the system's thread library.
struct Threads {
  std::size_t count = 8;  ///< how many threads at most, 1 or more

  /// Calls job(0) ... job(jobs - 1), each once, and returns when all are done.
  ///
  /// If some throw, the exception of the lowest-numbered of them reaches the caller, as it would serially: all jobs
  /// below that one are done, of those above it some are and some are not. Throws std::invalid_argument if `count` is
  /// 0.
  template <class Job>
  void operator()(std::size_t jobs, const Job& job) const {
    if (count == 0) throw std::invalid_argument("Threads::count: is 0; it must be 1 or more");

    std::atomic<std::size_t> next{0};
    std::atomic<std::size_t> lowest{jobs};  // the lowest job that threw; `jobs` if none did
    std::exception_ptr exception;
    std::mutex of_exception;
    const auto work = [&] {
      // Jobs are taken in order, so every job below one that threw has been taken already and will be finished.
      for (std::size_t i; (i = next.fetch_add(1)) < lowest.load();) {
        try {
          job(i);
        } catch (...) {
          const std::lock_guard lock(of_exception);
          if (i < lowest.load()) {
            lowest.store(i);
            exception = std::current_exception();
          }
        }
      }
    };

    {
      std::vector<std::jthread> others;
      if (const std::size_t most = std::min(count, jobs); most > 1) {
        others.reserve(most - 1);
        try {
          while (others.size() + 1 < most) others.emplace_back(work);
        } catch (const std::system_error&) {
          // No more threads to be had: those that run do it all.
        }
      }
      work();
    }
    if (exception) std::rethrow_exception(exception);
  }
};

}  // namespace mesaopt
