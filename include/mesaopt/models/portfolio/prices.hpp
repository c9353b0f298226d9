#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <Eigen/Core>

namespace mesaopt::models {

/// Prices of some assets on some dates, all known.
struct Prices {
  std::vector<std::string> assets;  ///< their names, one a column
  std::vector<int> dates;           ///< as year · 10000 + month · 100 + day, rising, one a row
  Eigen::MatrixXd values;           ///< dates × assets, all more than 0

  /// Simple returns p(t + 1) / p(t) − 1 from each date to the next, (dates − 1) × assets.
  [[nodiscard]] Eigen::MatrixXd returns() const {
    const auto rows = values.rows() - 1;
    return values.bottomRows(rows).array() / values.topRows(rows).array() - 1;
  }
};

namespace detail {

inline std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blank = " \t\r\"";
  const auto first = text.find_first_not_of(blank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

/// What stands between the commas of a line that are in no quotes.
inline std::vector<std::string_view> cells(std::string_view line) {
  std::vector<std::string_view> all;
  std::size_t from = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"') quoted = !quoted;
    if (line[i] != ',' || quoted) continue;
    all.push_back(trimmed(line.substr(from, i - from)));
    from = i + 1;
  }
  all.push_back(trimmed(line.substr(from)));
  return all;
}

inline bool whole_number(std::string_view text, int& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size();
}

/// 2005-01-31, 20050131, or Jan 31 2005; 0 for anything else.
inline int date_number(std::string_view text) {
  constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  int year = 0, month = 0, day = 0;
  if (text.size() == 8) {
    if (!whole_number(text, year)) return 0;
    day = year % 100, month = year / 100 % 100, year /= 10000;
  } else if (text.size() == 10 && text[4] == '-' && text[7] == '-') {
    if (!whole_number(text.substr(0, 4), year) || !whole_number(text.substr(5, 2), month) ||
        !whole_number(text.substr(8, 2), day))
      return 0;
  } else {
    const auto first = text.find(' '), last = text.rfind(' ');
    if (first == std::string_view::npos || first == last) return 0;
    const auto name = std::find(months.begin(), months.end(), text.substr(0, first));
    if (name == months.end() || !whole_number(text.substr(first + 1, last - first - 1), day) ||
        !whole_number(text.substr(last + 1), year))
      return 0;
    month = int(name - months.begin()) + 1;
  }
  if (year < 1000 || year > 9999 || month < 1 || month > 12 || day < 1) return 0;
  constexpr std::array<int, 12> days{31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  if (day > days[std::size_t(month - 1)] || (month == 2 && day == 29 && !leap)) return 0;
  return year * 10000 + month * 100 + day;
}

}  // namespace detail

/// Reads prices from a file of comma-separated values, in one of two forms, told apart by the header line:
///
///     date,AAA,BBB             one line a date, one column an asset
///     symbol,date,price        one line a price, in any order of the columns and of the assets
///
/// Dates are 2005-01-31, 20050131 or Jan 31 2005, and rise (in the second form, for each asset). `only` names the
/// assets to take, in their order; empty: all of them. In the second form assets may begin and end at different dates:
/// what is read is the time in which all of them have prices. Cells may stand in quotes, lines may end as on Windows,
/// and empty ones are passed over. Throws std::runtime_error, in one sentence with file and line, for a file that
/// cannot be opened, columns that differ from the header or have no name of their own, a cell that is missing or no
/// number, a price that is not positive, a date that is none, or out of order, or there twice, an asset that is not
/// there, and fewer than 3 dates.
inline Prices read_prices(const std::string& path, const std::vector<std::string>& only = {}) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error(path + ": cannot open this file, which should hold prices");
  std::string line;
  std::size_t number = 1;
  const auto fail = [&](const std::string& what) {
    throw std::runtime_error(path + ":" + std::to_string(number) + ": " + what);
  };
  if (!std::getline(file, line)) fail("the file is empty; its first line should name the columns");
  std::string header_line = line;
  if (header_line.starts_with("\xef\xbb\xbf")) header_line.erase(0, 3);  // the mark of UTF-8 that some programs write
  const auto header = detail::cells(header_line);
  const auto column = [&](std::string_view name) {
    for (std::size_t i = 0; i < header.size(); ++i)
      if (header[i].size() == name.size() &&
          std::equal(name.begin(), name.end(), header[i].begin(), [](char a, char b) { return a == (b | 0x20); }))
        return i;
    return header.size();
  };
  const auto symbol_at = column("symbol"), date_at = column("date"), price_at = column("price");
  const bool tall = header.size() == 3 && symbol_at < 3 && date_at < 3 && price_at < 3;
  if (!tall && (header.size() < 2 || date_at != 0))
    fail("the first line should be date,ASSET,ASSET,... or symbol,date,price");

  // One series an asset: date and price, and the line it stands on.
  struct Entry {
    int date;
    double price;
    std::size_t line;
  };
  std::vector<std::string> names;
  std::vector<std::vector<Entry>> series;
  const auto add = [&](std::size_t asset, std::string_view date_text, int date, std::string_view cell) {
    double price = 0;
    if (cell.empty()) fail("there is no price of " + names[asset]);
    const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), price);
    if (error != std::errc{} || end != cell.data() + cell.size() || !std::isfinite(price))
      fail("the price of " + names[asset] + " is no number: " + std::string(cell));
    if (!(price > 0)) fail("the price of " + names[asset] + " is " + std::string(cell) + "; it must be more than 0");
    auto& own = series[asset];
    if (!own.empty() && date <= own.back().date)
      fail("the date " + std::string(date_text) + " does not come after that of line " +
           std::to_string(own.back().line));
    own.push_back({date, price, number});
  };
  if (!tall) {
    for (std::size_t i = 1; i < header.size(); ++i) {
      if (header[i].empty()) fail("column " + std::to_string(i + 1) + " has no name");
      if (std::find(names.begin(), names.end(), header[i]) != names.end())
        fail("there are two columns with the name " + std::string(header[i]));
      names.emplace_back(header[i]);
    }
    series.resize(names.size());
  }
  std::map<std::string, std::size_t, std::less<>> places;
  while (std::getline(file, line)) {
    ++number;
    if (detail::trimmed(line).empty()) continue;
    const auto row = detail::cells(line);
    if (row.size() != header.size())
      fail("there are " + std::to_string(row.size()) + " cells, but the first line has " +
           std::to_string(header.size()));
    const auto date_text = row[date_at];
    const int date = detail::date_number(date_text);
    if (date == 0) fail("the date is " + std::string(date_text) + "; write it as 2005-01-31, 20050131 or Jan 31 2005");
    if (!tall) {
      for (std::size_t i = 0; i < names.size(); ++i) add(i, date_text, date, row[i + 1]);
      continue;
    }
    const auto symbol = row[symbol_at];
    if (symbol.empty()) fail("there is no symbol");
    auto place = places.find(symbol);
    if (place == places.end()) {
      place = places.emplace(std::string(symbol), names.size()).first;
      names.emplace_back(symbol);
      series.emplace_back();
    }
    add(place->second, date_text, date, row[price_at]);
  }

  std::vector<std::size_t> taken;
  for (const auto& name : only) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end())
      throw std::runtime_error((path + ": there is no asset ").append(name).append(" in this file"));
    taken.push_back(std::size_t(found - names.begin()));
  }
  if (only.empty())
    for (std::size_t i = 0; i < names.size(); ++i) taken.push_back(i);

  int first = 0, last = 99999999;
  for (const auto asset : taken) {
    if (series[asset].empty()) fail("the file ends before it holds a price");
    first = std::max(first, series[asset].front().date);
    last = std::min(last, series[asset].back().date);
  }
  Prices prices;
  for (const auto asset : taken) {
    std::vector<double> column_values;
    std::vector<int> dates;
    for (const auto& entry : series[asset]) {
      if (entry.date < first || entry.date > last) continue;
      const auto k = dates.size();
      if (asset != taken.front() && (k >= prices.dates.size() || entry.date != prices.dates[k])) {
        number = entry.line;
        fail("prices of " + names[asset] + " and of " + names[taken.front()] + " are not of the same dates here");
      }
      dates.push_back(entry.date);
      column_values.push_back(entry.price);
    }
    if (asset == taken.front()) {
      prices.dates = dates;
      prices.values.resize(Eigen::Index(dates.size()), Eigen::Index(taken.size()));
    } else if (dates.size() != prices.dates.size()) {
      fail("prices of " + names[asset] + " end before those of " + names[taken.front()]);
    }
    prices.values.col(Eigen::Index(prices.assets.size())) =
        Eigen::Map<const Eigen::VectorXd>(column_values.data(), Eigen::Index(column_values.size()));
    prices.assets.push_back(names[asset]);
  }
  if (prices.dates.size() < 3)
    fail("there are prices of all assets on " + std::to_string(prices.dates.size()) +
         " dates only; at least 3 are needed");
  return prices;
}

}  // namespace mesaopt::models
