#include <mesaopt/core/threads.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "support/catch.hpp"

using namespace mesaopt;

TEST_CASE("threads do every job exactly once, whatever the numbers of threads and jobs", "[core][threads]") {
  for (const std::size_t count : {1u, 2u, 3u, 8u})
    for (const std::size_t jobs : {0u, 1u, 2u, 7u, 100u}) {
      std::vector<std::atomic<int>> done(jobs);
      Threads{count}(jobs, [&](std::size_t i) { ++done[i]; });
      for (const auto& times : done) CHECK(times == 1);
    }
}

TEST_CASE("jobs run on several threads at once", "[core][threads]") {
  // Each of two jobs waits for the other to begin, which only threads of their own can both do.
  std::atomic<int> begun{0};
  Threads{2}(2, [&](std::size_t) {
    ++begun;
    const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (begun < 2 && std::chrono::steady_clock::now() < patience) std::this_thread::yield();
  });
  CHECK(begun == 2);
}

TEST_CASE("one thread is the caller's own", "[core][threads]") {
  Threads{1}(3, [caller = std::this_thread::get_id()](std::size_t) {
    if (std::this_thread::get_id() != caller) throw std::logic_error("another thread");
  });

  std::mutex guard;
  std::set<std::thread::id> seen;
  Threads{4}(64, [&](std::size_t) {
    const std::lock_guard lock(guard);
    seen.insert(std::this_thread::get_id());
  });
  CHECK(seen.size() <= 4);
}

TEST_CASE("the exception of the lowest job that throws reaches the caller, and all below it are done",
          "[core][threads]") {
  for (const std::size_t count : {1u, 2u, 8u})
    for (int repetition = 0; repetition < 20; ++repetition) {
      std::vector<std::atomic<int>> done(40);
      std::string message;
      try {
        Threads{count}(done.size(), [&](std::size_t i) {
          // The lowest one that throws is the last to do so.
          if (i == 13) std::this_thread::sleep_for(std::chrono::milliseconds(1));
          if (i % 13 == 0 && i > 0) throw std::runtime_error(std::to_string(i));
          ++done[i];
        });
      } catch (const std::runtime_error& thrown) {
        message = thrown.what();
      }
      CHECK(message == "13");
      for (std::size_t i = 0; i < 13; ++i) CHECK(done[i] == 1);
    }
}

TEST_CASE("a batch may be evaluated within a job of another", "[core][threads]") {
  std::atomic<int> done{0};
  Threads{2}(4, [&](std::size_t) { Threads{2}(5, [&](std::size_t) { ++done; }); });
  CHECK(done == 20);
}

TEST_CASE("no threads at all are refused", "[core][threads]") {
  const auto nothing = [](std::size_t) {};
  CHECK_THROWS_WITH(Threads{0}(3, nothing), "Threads::count: is 0; it must be 1 or more");
  CHECK_THROWS_AS(Threads{.count = 0}(0, nothing), std::invalid_argument);
}
