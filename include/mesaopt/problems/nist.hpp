#pragma once

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <cstddef>
#include <istream>
#include <limits>
#include <numbers>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>
#include <mesaopt/objective/forward_mode.hpp>
#include <mesaopt/objective/least_squares.hpp>

namespace mesaopt::problems {

/// A set of the NIST's Statistical Reference Datasets for nonlinear regression: observations, a model, two starts, and
/// the certified answer, which has 11 digits. It is a function of residuals, y − model(x), for every scalar:
///
///     const Nist set = Nist::misra1a();
///     auto s = minimize(set.objective(), set.starts[0], LevenbergMarquardt{});
///     set.correct_digits(s.x);
///
/// Three sets are here, and `Nist::read` reads the files that the NIST distributes, of all 27.
/// McCullough (1998), "Assessing the reliability of statistical software: part I", The American Statistician 52; the
/// data: https://www.itl.nist.gov/div898/strd/nls/nls_main.shtml, of the public domain.
struct Nist {
  std::string name{};
  Eigen::MatrixXd predictors{};             ///< one observation a row, one predictor a column
  Eigen::VectorXd y{};                      ///< what was observed
  std::array<Eigen::VectorXd, 2> starts{};  ///< one far from the answer, one near
  Eigen::VectorXd certified{};              ///< the parameters
  double residual_sum_of_squares = 0;       ///< certified

  /// The number of observations.
  [[nodiscard]] Eigen::Index residual_count() const { return y.size(); }
  /// Half the sum of squares, with derivatives by forward mode.
  [[nodiscard]] SumOfSquares<ForwardMode<Nist>> objective() const {
    return least_squares(forward_mode(*this), residual_count());
  }

  /// Fills r, sized by the caller, for parameters b.
  template <class B, class R>
  void operator()(const B& b, R& r) const {
    using std::log;
    for (Eigen::Index i = 0; i < y.size(); ++i)
      // Nelson's model is one of the logarithm of what was observed.
      r[i] = (name == "Nelson" ? log(y[i]) : y[i]) - model(b, predictors.row(i));
  }

  /// Digits that x has in common with the certified parameters, the least of all of them: −log10 of the relative
  /// error, between 0 and 11; 0 where x is not finite.
  template <Point X>
  [[nodiscard]] double correct_digits(const X& x) const {
    double least = 11;
    for (Eigen::Index j = 0; j < certified.size(); ++j) {
      const double error = std::abs(double(x[j]) - certified[j]) / std::abs(certified[j]);
      if (!std::isfinite(error)) return 0;
      if (error > 0) least = std::min(least, -std::log10(error));
    }
    return std::max(least, 0.0);
  }

  /// Lower difficulty: monomolecular adsorption, y = b1 (1 − exp(−b2 x)), 14 observations.
  static Nist misra1a();
  /// Average difficulty: y = b1 + b2 exp(−b4 x) + b3 exp(−b5 x), 33 generated observations (Osborne's first problem).
  static Nist mgh17();
  /// Higher difficulty: biochemical oxygen demand, y = b1 (1 − exp(−b2 x)), 6 observations; the far start leads most
  /// methods astray.
  static Nist box_bod();

  /// Reads a file as the NIST distributes it. `name` says which set it is: "Misra1a", ... Throws std::invalid_argument
  /// for a name that is none, or a file that lacks something.
  static Nist read(std::istream& file, std::string name);

 private:
  /// The parameters of the model, of the set `name`; 0 for none.
  static Eigen::Index parameters(std::string_view name) {
    const std::pair<const char*, int> all[] = {
        {"Misra1a", 2},  {"Misra1b", 2},  {"Misra1c", 2},  {"Misra1d", 2},  {"Chwirut1", 3}, {"Chwirut2", 3},
        {"DanWood", 2},  {"Lanczos1", 6}, {"Lanczos2", 6}, {"Lanczos3", 6}, {"Gauss1", 8},   {"Gauss2", 8},
        {"Gauss3", 8},   {"Kirby2", 5},   {"Hahn1", 7},    {"Nelson", 3},   {"MGH17", 5},    {"Roszman1", 4},
        {"ENSO", 9},     {"MGH09", 4},    {"Thurber", 7},  {"BoxBOD", 2},   {"Rat42", 3},    {"MGH10", 3},
        {"Eckerle4", 3}, {"Rat43", 4},    {"Bennett5", 3}};
    for (const auto& [known, count] : all)
      if (name == known) return count;
    return 0;
  }

  template <class B, class Row>
  ScalarOf<B> model(const B& b, const Row& predictor) const {
    using S = ScalarOf<B>;
    using std::exp, std::pow, std::cos, std::sin, std::atan2;
    const double x = predictor[0];
    const auto square = [](const auto& v) { return v * v; };
    const auto is = [this](std::string_view start) { return std::string_view(name).substr(0, start.size()) == start; };
    if (is("Misra1a") || is("BoxBOD")) return b[0] * (1.0 - exp(-b[1] * x));
    if (is("Misra1b")) return b[0] * (1.0 - 1.0 / square(1.0 + b[1] * (x / 2)));
    if (is("Misra1c")) return b[0] * (1.0 - pow(1.0 + b[1] * (2 * x), -0.5));
    if (is("Misra1d")) return b[0] * b[1] * x / (1.0 + b[1] * x);
    if (is("Chwirut")) return exp(-b[0] * x) / (b[1] + b[2] * x);
    if (is("DanWood")) return b[0] * pow(x, b[1]);
    if (is("Lanczos")) return b[0] * exp(-b[1] * x) + b[2] * exp(-b[3] * x) + b[4] * exp(-b[5] * x);
    if (is("Gauss"))
      return b[0] * exp(-b[1] * x) + b[2] * exp(-square((x - b[3]) / b[4])) + b[5] * exp(-square((x - b[6]) / b[7]));
    if (is("Kirby2")) return (b[0] + x * (b[1] + x * b[2])) / (1.0 + x * (b[3] + x * b[4]));
    if (is("Hahn1") || is("Thurber"))
      return (b[0] + x * (b[1] + x * (b[2] + x * b[3]))) / (1.0 + x * (b[4] + x * (b[5] + x * b[6])));
    if (is("Nelson")) return b[0] - b[1] * x * exp(-b[2] * predictor[1]);
    if (is("MGH17")) return b[0] + b[1] * exp(-b[3] * x) + b[2] * exp(-b[4] * x);
    // The quadrant matters, which the published formula, arctan(b3 / (x - b4)), does not say.
    if (is("Roszman1")) return b[0] - b[1] * x - atan2(b[2], S(x - b[3])) / std::numbers::pi;
    if (is("ENSO")) {
      const double t = 2 * std::numbers::pi * x;
      S sum = b[0] + b[1] * std::cos(t / 12) + b[2] * std::sin(t / 12);
      for (int k = 3; k < 9; k += 3) sum += b[k + 1] * cos(t / b[k]) + b[k + 2] * sin(t / b[k]);
      return sum;
    }
    if (is("MGH09")) return b[0] * (x * x + b[1] * x) / (x * x + b[2] * x + b[3]);
    if (is("Rat42")) return b[0] / (1.0 + exp(b[1] - b[2] * x));
    if (is("MGH10")) return b[0] * exp(b[1] / (x + b[2]));
    if (is("Eckerle4")) return b[0] / b[1] * exp(-0.5 * square((x - b[2]) / b[1]));
    if (is("Rat43")) return b[0] / pow(1.0 + exp(b[1] - b[2] * x), 1.0 / b[3]);
    if (is("Bennett5")) return b[0] * pow(b[1] + x, -1.0 / b[2]);
    return S(std::numeric_limits<double>::quiet_NaN());
  }

  static Nist of(const char* name, const std::vector<double>& y, const std::vector<double>& x,
                 const std::vector<std::array<double, 3>>& parameters, double residual_sum_of_squares) {
    Nist set{name};
    set.y = Eigen::VectorXd::Map(y.data(), Eigen::Index(y.size()));
    set.predictors = Eigen::VectorXd::Map(x.data(), Eigen::Index(x.size()));
    for (Eigen::VectorXd* column : {&set.starts[0], &set.starts[1], &set.certified})
      column->resize(Eigen::Index(parameters.size()));
    for (std::size_t j = 0; j < parameters.size(); ++j) {
      set.starts[0][Eigen::Index(j)] = parameters[j][0];
      set.starts[1][Eigen::Index(j)] = parameters[j][1];
      set.certified[Eigen::Index(j)] = parameters[j][2];
    }
    set.residual_sum_of_squares = residual_sum_of_squares;
    return set;
  }
};

inline Nist Nist::misra1a() {
  return of("Misra1a",
            {10.07, 14.73, 17.94, 23.93, 29.61, 35.18, 40.02, 44.82, 50.76, 55.05, 61.01, 66.40, 75.47, 81.78},
            {77.6, 114.9, 141.1, 190.8, 239.9, 289.0, 332.8, 378.4, 434.8, 477.3, 536.8, 593.1, 689.1, 760.0},
            {{500, 250, 2.3894212918E+02}, {0.0001, 0.0005, 5.5015643181E-04}}, 1.2455138894E-01);
}

inline Nist Nist::mgh17() {
  std::vector<double> x(33);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = 10 * double(i);
  return of("MGH17", {0.844, 0.908, 0.932, 0.936, 0.925, 0.908, 0.881, 0.850, 0.818, 0.784, 0.751,
                      0.718, 0.685, 0.658, 0.628, 0.603, 0.580, 0.558, 0.538, 0.522, 0.506, 0.490,
                      0.478, 0.467, 0.457, 0.448, 0.438, 0.431, 0.424, 0.420, 0.414, 0.411, 0.406},
            x,
            {{50, 0.5, 3.7541005211E-01},
             {150, 1.5, 1.9358469127E+00},
             {-100, -1, -1.4646871366E+00},
             {1, 0.01, 1.2867534640E-02},
             {2, 0.02, 2.2122699662E-02}},
            5.4648946975E-05);
}

inline Nist Nist::box_bod() {
  return of("BoxBOD", {109, 149, 149, 191, 213, 224}, {1, 2, 3, 5, 7, 10},
            {{1, 100, 2.1380940889E+02}, {1, 0.75, 5.4723748542E-01}}, 1.1680088766E+03);
}

inline Nist Nist::read(std::istream& file, std::string name) {
  const auto refuse = [&name](const std::string& what) {
    throw std::invalid_argument("Nist::read(" + name + "): " + what);
  };
  const auto count = std::size_t(parameters(name));
  if (count == 0) refuse("there is no such set");
  // Numbers may be written as in Fortran, 1.5D+01. Words that are none are NaN.
  const auto number = [](std::string word) {
    std::replace(word.begin(), word.end(), 'D', 'E');
    std::istringstream text(word);
    double value = 0;
    return text >> value && text.eof() ? value : std::numeric_limits<double>::quiet_NaN();
  };
  std::vector<std::array<double, 3>> rows;
  std::vector<std::vector<double>> data;
  double sum = std::numeric_limits<double>::quiet_NaN();
  bool in_data = false;
  for (std::string line; std::getline(file, line);) {
    std::istringstream text(line);
    std::vector<std::string> words;
    for (std::string word; text >> word;) words.push_back(word);
    if (words.empty()) continue;
    if (in_data) {
      std::vector<double> row(words.size());
      std::transform(words.begin(), words.end(), row.begin(), number);
      if (row.size() < 2 || std::isnan(row[0]) || (!data.empty() && row.size() != data[0].size()))
        refuse("observation " + std::to_string(data.size() + 1) + " is not a row of numbers");
      data.push_back(row);
    } else if (words.size() >= 5 && words[0][0] == 'b' && words[1] == "=") {
      rows.push_back({number(words[2]), number(words[3]), number(words[4])});
    } else if (line.find("Residual Sum of Squares") != std::string::npos) {
      sum = number(words.back());
    } else if (words[0] == "Data:" && words.size() >= 3 && words[1] == "y") {
      in_data = true;
    }
  }
  if (rows.size() != count) refuse("has " + std::to_string(rows.size()) + " parameters, not " + std::to_string(count));
  if (data.empty()) refuse("has no observations");
  Nist set = of("", std::vector<double>(data.size()), {}, rows, sum);
  set.name = std::move(name);
  set.predictors.resize(Eigen::Index(data.size()), Eigen::Index(data[0].size()) - 1);
  for (std::size_t i = 0; i < data.size(); ++i) {
    set.y[Eigen::Index(i)] = data[i][0];
    for (std::size_t j = 1; j < data[i].size(); ++j) set.predictors(Eigen::Index(i), Eigen::Index(j) - 1) = data[i][j];
  }
  return set;
}

}  // namespace mesaopt::problems
