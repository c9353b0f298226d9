#pragma once

#include <cstdlib>

// Counts heap allocations, to prove that there are none:
//
//   const long before = allocations();
//   optimizer.step(f, state);
//   CHECK(allocations() == before);  // says nothing where counting_allocations is false

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define TESTS_FOREIGN_ALLOCATOR
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__GLIBC__)
#define TESTS_FOREIGN_ALLOCATOR
#endif

// False where allocations cannot be counted: without glibc, or with a sanitizer, which brings its own allocator.
#ifdef TESTS_FOREIGN_ALLOCATOR
inline constexpr bool counting_allocations = false;
#else
inline constexpr bool counting_allocations = true;
#endif

// How often this thread has asked the heap for memory so far, by new, malloc or their kin; always 0 where not counted.
long allocations();
