#include <mesaopt/models/portfolio/prices.hpp>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>

#include "support/catch.hpp"

using namespace mesaopt::models;

namespace {
/// A file with the given text, for as long as this lives.
struct File {
  std::string path = std::filesystem::temp_directory_path() / ("prices_" + std::to_string(std::random_device{}()));
  explicit File(const std::string& text) { std::ofstream(path) << text; }
  File(const File&) = delete;
  ~File() { std::remove(path.c_str()); }
};
std::string complaint(const std::string& text, const std::vector<std::string>& only = {}) {
  const File file(text);
  try {
    read_prices(file.path, only);
  } catch (const std::runtime_error& error) {
    const std::string what = error.what();
    return what.substr(0, file.path.size()) == file.path ? what.substr(file.path.size()) : what;
  }
  return "none";
}
}  // namespace

TEST_CASE("both forms of a file of prices give the same", "[models]") {
  const File wide("date,A,B\n2005-01-31,1,10\n2005-02-28,2,10\r\n20050331,3,5\n");
  const File tall(
      "date,price,symbol\nJan 31 2005,1,A\nFeb 28 2005,2,A\nMar 31 2005,3,A\n"
      "20041231,7,B\n2005-01-31,10,B\n2005-02-28,10,B\n2005-03-31,5,B\n2005-04-30,9,B\n");
  for (const auto* file : {&wide, &tall}) {
    const Prices prices = read_prices(file->path);
    CHECK(prices.assets == std::vector<std::string>{"A", "B"});
    CHECK(prices.dates == std::vector<int>{20050131, 20050228, 20050331});
    CHECK(prices.values(2, 1) == 5);
    const Eigen::MatrixXd returns = prices.returns();
    CHECK(returns.rows() == 2);
    CHECK(returns(0, 0) == 1);
    CHECK(returns(1, 1) == -0.5);
  }
  CHECK(read_prices(tall.path, {"B"}).dates.size() == 5);
}

TEST_CASE("a file of prices may be one that other programs write", "[models]") {
  const std::string plain = "date,A,B\n2004-02-29,1,10\n2005-02-28,2,10\n2005-03-31,3,5\n";
  const Prices expected = read_prices(File(plain).path);
  std::string windows;
  for (const char c : plain) windows += c == '\n' ? std::string("\r\n") : std::string(1, c);
  for (const std::string& text :
       {windows, "\xef\xbb\xbf" + plain, "\xef\xbb\xbf" + windows, plain.substr(0, plain.size() - 1), plain + "\n\r\n",
        std::string(
            "\"Date\",\"A\", \"B\"\n\"2004-02-29\",\"1\",10\n\n2005-02-28 ,2 ,\"10\"\n20050331, 3.0,0.5e1\n")}) {
    CAPTURE(text);
    REQUIRE(complaint(text) == "none");
    const Prices prices = read_prices(File(text).path);
    CHECK(prices.assets == expected.assets);
    CHECK(prices.dates == expected.dates);
    CHECK(prices.values == expected.values);
  }
}

TEST_CASE("what is wrong with a file of prices is said with its line", "[models]") {
  CHECK_THROWS_WITH(read_prices("/no/such/file.csv"), Catch::Contains("cannot open"));
  CHECK_THAT(complaint(""), Catch::Contains(":1: the file is empty"));
  CHECK_THAT(complaint("when,A\n"), Catch::Contains(":1: the first line should be"));
  const std::string start = "date,A,B\n2005-01-31,1,10\n";
  CHECK_THAT(complaint(start + "2005-02-28,2\n"), Catch::Contains(":3: there are 2 cells"));
  CHECK_THAT(complaint(start + "2005-02-28,2,\n"), Catch::Contains(":3: there is no price of B"));
  CHECK_THAT(complaint(start + "2005-02-28,2,n/a\n"), Catch::Contains(":3: the price of B is no number: n/a"));
  CHECK_THAT(complaint(start + "2005-02-28,2,nan\n"), Catch::Contains(":3: the price of B is no number"));
  CHECK_THAT(complaint(start + "2005-02-28,-2,1\n"), Catch::Contains(":3: the price of A is -2"));
  CHECK_THAT(complaint(start + "\n2005-01-30,2,1\n"), Catch::Contains(":4: the date 2005-01-30 does not come after"));
  CHECK_THAT(complaint(start + "soon,2,1\n"), Catch::Contains(":3: the date is soon"));
  CHECK_THAT(complaint(start + ",2,1\n"), Catch::Contains(":3: the date is ; write it as"));
  CHECK_THAT(complaint(start + "2005-02-29,2,1\n"), Catch::Contains(":3: the date is 2005-02-29"));
  CHECK_THAT(complaint(start + "2005-13-01,2,1\n"), Catch::Contains(":3: the date is 2005-13-01"));
  CHECK_THAT(complaint(start + "31.12.2005,2,1\n"), Catch::Contains(":3: the date is 31.12.2005"));
  CHECK_THAT(complaint(start + "2005-01-31,2,1\n"),
             Catch::Contains(":3: the date 2005-01-31 does not come after that of line 2"));
  CHECK_THAT(complaint(start + "2005-02-28,2,1,3\n"), Catch::Contains(":3: there are 4 cells"));
  CHECK_THAT(complaint(start + "2005-02-28,2,0\n"), Catch::Contains(":3: the price of B is 0"));
  CHECK_THAT(complaint(start + "2005-02-28,2,1e999\n"), Catch::Contains(":3: the price of B is no number: 1e999"));
  CHECK_THAT(complaint(start + "2005-02-28,\"1,234.5\",1\n"),
             Catch::Contains(":3: the price of A is no number: 1,234.5"));
  CHECK_THAT(complaint(start + "2005-02-28,\"1,234\n"), Catch::Contains(":3: there are 2 cells"));
  CHECK_THAT(complaint("date,A,\n"), Catch::Contains(":1: column 3 has no name"));
  CHECK_THAT(complaint("date,A,A\n"), Catch::Contains(":1: there are two columns with the name A"));
  CHECK_THAT(complaint("date;A;B\n"), Catch::Contains(":1: the first line should be"));
  CHECK_THAT(complaint("A,date\n"), Catch::Contains(":1: the first line should be"));
  CHECK_THAT(complaint("date,A,B\n"), Catch::Contains(":1: the file ends before it holds a price"));
  CHECK_THAT(complaint("symbol,date,price\n"), Catch::Contains(":1: there are prices of all assets on 0 dates only"));
  CHECK_THAT(complaint(start + "\n ,\n"), Catch::Contains(":4: there are 2 cells, but the first line has 3"));
  CHECK_THAT(complaint("symbol,date,price\n,2005-01-31,1\n"), Catch::Contains(":2: there is no symbol"));
  CHECK_THAT(complaint("symbol,date,price\nA,2005-01-31,1\nB,2005-02-28,1\nA,2005-01-31,2\n"),
             Catch::Contains(":4: the date 2005-01-31 does not come after that of line 2"));
  CHECK_THAT(complaint(start), Catch::Contains("on 1 dates only"));
  CHECK_THAT(complaint(start, {"C"}), Catch::Contains("there is no asset C"));
  CHECK_THAT(
      complaint("symbol,date,price\nA,2005-01-31,1\nA,2005-02-28,1\nA,2005-03-31,1\nB,2005-01-31,1\nB,2005-03-31,1\n"),
      Catch::Contains(":6: prices of B and of A are not of the same dates here"));
}
