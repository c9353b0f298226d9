#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#ifndef EXAMPLE_DATA
#define EXAMPLE_DATA "examples/data"
#endif
#include "../../examples/digits.hpp"
#include "models/refusal.hpp"
#include "support/catch.hpp"

namespace {

namespace fs = std::filesystem;

const std::string path = (fs::path(__FILE__).parent_path() / "../../examples/data/digits.csv").string();

/// A file with other text in it, gone at the end of the test.
struct Copy {
  std::string path =
      (fs::temp_directory_path() / ("mesaopt_digits_" + std::to_string(std::random_device{}()))).string();

  explicit Copy(const std::string& text) { std::ofstream(path) << text; }
  ~Copy() { fs::remove(path); }
  Copy(const Copy&) = delete;
  Copy& operator=(const Copy&) = delete;
};

std::string text() {
  std::ostringstream out;
  out << std::ifstream(path).rdbuf();
  return out.str();
}

template <class... Words>
bool refuses_text(const std::string& content, const Words&... words) {
  const Copy copy(content);
  return refuses<std::runtime_error>([&] { examples::digits(copy.path); }, copy.path, words...);
}

}  // namespace

TEST_CASE("the digits are the 1797 of the test set, with as many of each as their authors counted", "[models]") {
  const auto all = examples::digits(path);
  REQUIRE(all.images.rows() == 64);
  REQUIRE(all.size() == 1797);
  std::vector<int> count(10);
  for (const int label : all.labels) ++count[std::size_t(label)];
  CHECK(count == std::vector<int>{178, 182, 177, 183, 181, 182, 181, 179, 174, 180});
  CHECK(all.images.minCoeff() == 0);
  CHECK(all.images.maxCoeff() == 1);
  CHECK(all.images.col(0).head(6) == (Eigen::VectorXd(6) << 0, 0, 5, 13, 9, 1).finished() / 16);
  CHECK(all.labels[0] == 0);
  CHECK(examples::digits<float>(path).images == all.images.cast<float>());
}

TEST_CASE("a file of digits that is missing, cut off or spoilt is refused with its line", "[models]") {
  const std::string good = text();
  const auto nowhere = [] { examples::digits("/nowhere/digits.csv"); };
  CHECK(refuses<std::runtime_error>(nowhere, "/nowhere/digits.csv: cannot open"));
  CHECK(refuses_text("", ":1: the file ends"));
  CHECK(refuses_text(good.substr(0, good.rfind('\n', good.size() - 2) + 1), ":1797: the file ends", "1797 lines"));
  CHECK(refuses_text(good.substr(0, good.size() / 2), "should be a whole number"));
  CHECK(refuses_text(good + "1,2\n", ":1798: the file should end"));
  CHECK(refuses_text("17" + good, ":1: number 1", "0 to 16"));
  CHECK(refuses_text("x" + good, ":1: number 1"));
  CHECK(refuses_text("0," + good, ":1: number 65", "0 to 9 at its end"));
  CHECK(refuses_text(" " + good, ":1: number 1"));
  std::string windows;
  for (const char c : good) windows += c == '\n' ? std::string("\r\n") : std::string(1, c);
  const Copy copy(windows);
  CHECK(examples::digits(copy.path).images == examples::digits(path).images);
}

TEST_CASE("parts of the digits have the sizes asked for, no image twice, and depend on the seed alone", "[models]") {
  const auto all = examples::digits(path);
  const auto parts = examples::split(all, 3, {0.5, 0.25, 0.25});
  REQUIRE(parts.size() == 3);
  CHECK(parts[0].size() + parts[1].size() + parts[2].size() == 1797);
  CHECK(std::abs(double(parts[0].size()) - 898.5) <= 0.5);
  double sum = 0, labels = 0;
  for (const auto& part : parts) {
    CHECK(part.labels.size() == std::size_t(part.size()));
    sum += part.images.sum();
    for (const int label : part.labels) labels += label;
  }
  CHECK(sum == Approx(all.images.sum()).epsilon(1e-13));
  CHECK(labels == 178 * 0 + 182 + 177 * 2 + 183 * 3 + 181 * 4 + 182 * 5 + 181 * 6 + 179 * 7 + 174 * 8 + 180 * 9);
  CHECK(examples::split(all, 3, {0.5, 0.25, 0.25})[1].images == parts[1].images);
  CHECK(examples::split(all, 4, {0.5})[0].images != parts[0].images);
  CHECK(refuses([&] { examples::split(all, 1, {0.8, 0.3}); }, "the sum is 1.1"));
  CHECK(refuses([&] { examples::split(all, 1, {0.8, 0}); }, "positive"));
}
