#pragma once

#include <chrono>
#include <cstdio>
#include <iostream>
#include <string>

#if __has_include(<unistd.h>)
#include <unistd.h>
#endif

namespace examples {

/// True if a person looks at standard output, not a file or another program.
inline bool is_terminal() {
#if __has_include(<unistd.h>)
  return isatty(STDOUT_FILENO) != 0;
#else
  return false;
#endif
}

/// A line that tells how far a long run is, with the seconds since it began: on a terminal it rewrites itself,
/// elsewhere it is printed now and then.
class ProgressLine {
 public:
  /// The line begins with `title`.
  explicit ProgressLine(std::string title) : title_(std::move(title)) {}

  /// Shows `text`, unless the last one is so recent that nobody could have read it.
  void show(const std::string& text) {
    const double now = seconds();
    if (shown_ && now - last_ < (terminal_ ? 0.1 : 5.0)) return;
    last_ = now;
    shown_ = true;
    write(text);
    if (!terminal_) std::cout << '\n';
    std::cout << std::flush;
  }

  /// Shows `text` for good.
  void finish(const std::string& text) {
    write(text);
    std::cout << '\n' << std::flush;
  }

  /// Seconds since the line was made.
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count(); }

 private:
  void write(const std::string& text) const {
    char time[32];
    std::snprintf(time, sizeof time, "%5.1f s  ", seconds());
    // Back to the first column, and what is left of the old line is erased.
    std::cout << (terminal_ ? "\r\033[K" : "") << "  " << title_ << time << text;
  }

  std::string title_;
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  double last_ = 0;
  bool shown_ = false;
  bool terminal_ = is_terminal();
};

}  // namespace examples
