#pragma once

#include <stdexcept>
#include <string>

/// What an E thrown by `call()` says; empty if none is thrown.
template <class E = std::invalid_argument, class F>
std::string refusal(const F& call) {
  try {
    call();
  } catch (const E& e) {
    return e.what();
  }
  return "";
}

/// True if `call()` throws an E that says all of `words`.
template <class E = std::invalid_argument, class F, class... Words>
bool refuses(const F& call, const Words&... words) {
  const std::string said = refusal<E>(call);
  return !said.empty() && (... && (said.find(words) != std::string::npos));
}
