#include "support/allocations.hpp"

#include <cstdlib>
#include <memory>
#include <thread>

#include <Eigen/Core>

#include "support/catch.hpp"

namespace {

template <class Action>
long allocated_by(Action action) {
  const long before = allocations();
  action();
  return allocations() - before;
}

// Lets a pointer be seen, so that no compiler thinks its allocation away.
void* volatile seen;
void* see(void* memory) {
  seen = memory;
  return memory;
}

}  // namespace

TEST_CASE("allocations are counted however they are made") {
  if (!counting_allocations) return;
  CHECK(allocated_by([] { std::free(see(std::malloc(8))); }) == 1);
  CHECK(allocated_by([] { std::free(see(std::calloc(8, 8))); }) == 1);
  CHECK(allocated_by([] { std::free(see(std::realloc(nullptr, 8))); }) == 1);
  CHECK(allocated_by([] { std::free(see(std::aligned_alloc(64, 64))); }) == 1);
  CHECK(allocated_by([] {
          void* memory = nullptr;
          if (posix_memalign(&memory, 64, 64) == 0) std::free(see(memory));
        }) == 1);
  CHECK(allocated_by([] { see(std::make_unique<double>(1).get()); }) == 1);
  CHECK(allocated_by([] { see(Eigen::VectorXd(5).data()); }) == 1);
}

TEST_CASE("what allocates nothing counts nothing") {
  Eigen::VectorXd x = Eigen::VectorXd::Ones(100), y = x;
  CHECK(allocated_by([&] { y += 2 * x; }) == 0);
  CHECK(allocated_by([] { see(Eigen::Vector3d(1, 2, 3).data()); }) == 0);
}

TEST_CASE("allocations of other threads are not counted") {
  long there = 0;
  std::thread other;
  const long here = allocated_by([&] {
    other = std::thread([&] {
      there = allocated_by([] {
        for (int i = 0; i < 100; ++i) see(Eigen::VectorXd(7).data());
      });
    });
    other.join();
  });
  CHECK(there == (counting_allocations ? 100 : 0));
  CHECK(here < 10);  // what starting a thread takes
}
