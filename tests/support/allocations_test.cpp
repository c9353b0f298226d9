#include "support/allocations.hpp"

#include <Eigen/Core>

#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

#include "support/catch.hpp"

template <class Action>
static long allocated_by(Action action) {
  const long before = allocations();
  action();
  return allocations() - before;
}

TEST_CASE("allocations are counted however they are made") {
  if (!counting_allocations) return;
  void* volatile kept = nullptr;  // so that no compiler thinks the pair of calls away
  CHECK(allocated_by([&] { std::free(kept = std::malloc(8)); }) == 1);
  CHECK(allocated_by([&] { std::free(kept = std::calloc(8, 8)); }) == 1);
  CHECK(allocated_by([&] { std::free(kept = std::realloc(nullptr, 8)); }) == 1);
  CHECK(allocated_by([&] { std::free(kept = std::aligned_alloc(64, 64)); }) == 1);
  CHECK(allocated_by([&] { std::free((posix_memalign(const_cast<void**>(&kept), 64, 64), kept)); }) == 1);
  CHECK(allocated_by([] { std::vector<double> three{1, 2, 3}; }) <= 1);
  CHECK(allocated_by([&] {
          const auto owner = std::make_unique<double>(1);
          kept = owner.get();
        }) == 1);
  CHECK(allocated_by([&] {
          Eigen::VectorXd x(5);
          kept = x.data();
        }) == 1);
}

TEST_CASE("what allocates nothing counts nothing") {
  Eigen::VectorXd x = Eigen::VectorXd::Ones(100), y = x;
  CHECK(allocated_by([&] { y += 2 * x; }) == 0);
  CHECK(allocated_by([] {
          Eigen::Vector3d z = Eigen::Vector3d::Ones();
          (void)z;
        }) == 0);
}

TEST_CASE("allocations of other threads are not counted") {
  long there = 0;
  std::thread other;
  const long here = allocated_by([&] {
    other = std::thread([&] { there = allocated_by([] { Eigen::VectorXd(7).setZero(); }); });
    other.join();
  });
  CHECK(there == (counting_allocations ? 1 : 0));
  CHECK(here <= 2);  // what starting a thread takes
}
