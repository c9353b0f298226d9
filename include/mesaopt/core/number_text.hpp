#pragma once

#include <charconv>
#include <concepts>
#include <string>

namespace mesaopt::detail {

/// A number as the shortest text that reads back as the same number: 0.1, 1e-09, -inf, nan. Of a dual it is the value.
template <class S>
std::string number_text(const S& number) {
  if constexpr (std::floating_point<S>) {
    char text[64];  // the longest of a double has 24 characters
    return {text, std::to_chars(text, text + sizeof text, number).ptr};
  } else {
    return number_text(double(number));
  }
}

}  // namespace mesaopt::detail
