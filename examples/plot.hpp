#pragma once

#include <cstdlib>
#include <fstream>
#include <initializer_list>
#include <sstream>
#include <string>
#include <string_view>

namespace examples {

/// A picture as gnuplot draws it: tables of numbers, and commands that refer to them by name.
///
///     Picture picture("valley");
///     picture.table("path", {"step", "value"});
///     picture.row(0, 24.2);
///     picture.commands("plot data index 'path' using 1:2 with lines");
///     std::cout << picture.draw();
///
/// Writes NAME.dat and NAME.gp into the working directory, and NAME.png where gnuplot is installed; elsewhere
/// `gnuplot NAME.gp` draws it later. In the commands `data` is the file of the tables.
class Picture {
 public:
  explicit Picture(std::string name, int width = 1200, int height = 500)
      : name_(std::move(name)), width_(width), height_(height) {
    data_.precision(10);
  }

  /// Begins a table.
  void table(std::string_view title, std::initializer_list<std::string_view> columns) {
    if (data_.tellp() > 0) data_ << "\n\n";
    data_ << "# " << title << '\n' << '#';
    for (const auto column : columns) data_ << ' ' << column;
    data_ << '\n';
  }

  /// Adds a row to it. A value with spaces in it needs quotes.
  template <class... Values>
  void row(const Values&... values) {
    const char* separator = "";
    ((data_ << separator << values, separator = " "), ...);
    data_ << '\n';
  }

  /// An empty line, which breaks a curve.
  void gap() { data_ << '\n'; }

  /// What gnuplot is to do.
  void commands(std::string_view lines) { commands_ << lines << '\n'; }

  /// Writes the files, and says in one line what was written.
  std::string draw() const {
    std::ofstream data(name_ + ".dat"), script(name_ + ".gp");
    data << data_.str();
    script << "if (strstrt(GPVAL_TERMINALS, 'pngcairo')) {\n"
           << "  set terminal pngcairo size " << width_ << ',' << height_ << " font 'sans,11' background 'white'\n"
           << "} else {\n"
           << "  set terminal png size " << width_ << ',' << height_ << "\n}\n"
           << "set output '" << name_ << ".png'\ndata = '" << name_ << ".dat'\n"
           << style << commands_.str();
    data.close();
    script.close();
    if (!data || !script) return "The picture could not be written into the working directory.\n";
    const std::string files = name_ + ".dat and " + name_ + ".gp";
    if (std::system("gnuplot --version >/dev/null 2>&1") != 0)
      return "Written: " + files + "; gnuplot is not installed, so " + name_ + ".png was not drawn.\n";
    if (std::system(("gnuplot " + name_ + ".gp").c_str()) != 0) return "Written: " + files + ", but gnuplot failed.\n";
    return "Written: " + name_ + ".png, from " + files + ".\n";
  }

 private:
  // Colours that stay apart for the colour-blind: Okabe and Ito (2008), "Color universal design".
  static constexpr const char* style = R"(
blue = '#0072B2'; orange = '#D55E00'; green = '#009E73'; grey = '#9A9A9A'; yellow = '#E69F00'; black = '#333333'
set border 3 lc rgb '#666666'; set tics nomirror textcolor rgb '#444444'
set grid back lc rgb '#E4E4E4' lt 1 lw 1
set key opaque box lc rgb '#E4E4E4' samplen 2 spacing 1.15
)";

  std::string name_;
  int width_, height_;
  std::ostringstream data_, commands_;
};

}  // namespace examples
