#include <mesaopt/core/bytes.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/random.hpp>

#include "support/catch.hpp"

using mesaopt::identical;
using mesaopt::load;
using mesaopt::save;
using mesaopt::saved_size;

namespace {

enum class Colour : std::uint8_t { red, green };

struct Empty {
  static constexpr std::tuple<> fields() { return {}; }
};

template <class S>
struct Inner {
  Eigen::VectorX<S> x;
  Eigen::Vector<S, 3> fixed = Eigen::Vector<S, 3>::Zero();
  Eigen::Matrix<S, Eigen::Dynamic, 2, Eigen::RowMajor> pairs;
  Eigen::Matrix<S, Eigen::Dynamic, 1, 0, 4, 1> bounded;
  std::optional<S> best;
  Colour colour = Colour::red;
  bool flag = false;
  static constexpr auto fields() {
    return std::tuple{&Inner::x,    &Inner::fixed,  &Inner::pairs, &Inner::bounded,
                      &Inner::best, &Inner::colour, &Inner::flag};
  }
};

struct Outer {
  std::vector<Inner<double>> inner;
  std::array<Inner<float>, 2> two;
  std::vector<bool> flags;
  std::vector<Empty> nothings;
  std::vector<std::optional<Eigen::Matrix<double, 40, 1>>> large;
  std::pair<std::string, std::int16_t> pair;
  std::tuple<Empty, char, std::uint64_t> tuple{};
  mesaopt::Random random;
  Eigen::ArrayXXi table;
  static constexpr auto fields() {
    return std::tuple{&Outer::inner, &Outer::two,   &Outer::flags,  &Outer::nothings, &Outer::large,
                      &Outer::pair,  &Outer::tuple, &Outer::random, &Outer::table};
  }
};

struct Tree {
  std::uint8_t value = 0;
  std::vector<Tree> children;
  static constexpr auto fields() { return std::tuple{&Tree::value, &Tree::children}; }
};

struct Partly {
  int listed = 0;
  int scratch = 0;
  static constexpr auto fields() { return std::tuple{&Partly::listed}; }
};

const double not_a_number = std::bit_cast<double>(0x7ff8dead0000beefu);

template <class S>
Inner<S> inner_example() {
  Inner<S> inner;
  inner.x.resize(3);
  inner.x << S(1.5), -S(0), std::numeric_limits<S>::infinity();
  inner.fixed << 1, 2, 3;
  inner.pairs.resize(2, 2);
  inner.pairs << 1, 2, 3, 4;
  inner.bounded.resize(2);
  inner.bounded << 8, 9;
  inner.best = S(7);
  inner.colour = Colour::green;
  inner.flag = true;
  return inner;
}

Outer example() {
  Outer outer;
  outer.inner = {inner_example<double>(), Inner<double>{}};
  outer.inner[0].x[0] = not_a_number;
  outer.two[1] = inner_example<float>();
  outer.flags = {true, false, true};
  outer.nothings.resize(3);
  outer.large.resize(2);
  outer.large[1] = Eigen::Matrix<double, 40, 1>::Ones();
  outer.pair = {"name", std::int16_t{-2}};
  outer.tuple = {Empty{}, 'x', 99};
  outer.random = {.seed = 1, .stream = 2, .index = 3};
  outer.table.setConstant(2, 3, -5);
  return outer;
}

// Loads, or refuses in a sentence and leaves the target alone; anything else fails. True if it loads.
template <class T>
bool loads(const std::vector<std::byte>& bytes, const T& original) {
  // A copy of the exact size, for the address sanitizer to see what is read beyond it.
  const std::vector<std::byte> exact(bytes);
  T target = original;
  try {
    load(exact, target);
  } catch (const std::invalid_argument& error) {
    CHECK(std::string(error.what()).starts_with("bytes: "));
    CHECK(identical(target, original));
    return false;
  }
  CHECK((save(target) == bytes));
  return true;
}

template <class T>
void set_word(std::vector<std::byte>& bytes, std::size_t position, T word) {
  for (std::size_t k = 0; k < sizeof word; ++k) bytes[position + k] = static_cast<std::byte>(word >> 8 * k);
}

}  // namespace

TEST_CASE("what is saved is loaded, to the bit", "[core]") {
  const Outer outer = example();
  const auto bytes = save(outer);
  CHECK(bytes.size() == saved_size(outer));
  CHECK(bytes.capacity() == bytes.size());
  CHECK(identical(load<Outer>(bytes), outer));
  CHECK(std::bit_cast<std::uint64_t>(load<Outer>(bytes).inner[0].x[0]) == 0x7ff8dead0000beefu);
  CHECK(identical(load<Outer>(save(Outer{})), Outer{}));
  Outer used = outer;
  load(save(Outer{}), used);
  CHECK(identical(used, Outer{}));
  CHECK(load<double>(save(2.5)) == 2.5);
  CHECK(load<Eigen::VectorXf>(save(Eigen::VectorXf(Eigen::VectorXf::Ones(3)))).sum() == 3);
  const Eigen::MatrixXd flat(0, 7);
  CHECK(load<Eigen::MatrixXd>(save(flat)).cols() == 7);
  const Tree tree{1, {{2, {}}, {3, {{4, {}}}}}};
  CHECK(identical(load<Tree>(save(tree)), tree));
}

TEST_CASE("the format is what it is", "[core]") {
  const auto bytes = save(std::pair{std::uint16_t{0x1234}, std::vector<float>{1, -2}});
  std::string hex;
  for (const std::byte byte : bytes) {
    hex += "0123456789abcdef"[static_cast<unsigned>(byte) / 16];
    hex += "0123456789abcdef"[static_cast<unsigned>(byte) % 16];
  }
  CHECK(hex.substr(0, 16) == "6d6573616f707401");
  CHECK(hex.substr(16, 16) == "a8d2b2d7287690ef");
  CHECK(hex.substr(32) == "341202000000000000000000803f000000c0");
}

TEST_CASE("members that are not listed keep their value", "[core]") {
  Partly partly{1, 2};
  load(save(Partly{3, 4}), partly);
  CHECK(partly.listed == 3);
  CHECK(partly.scratch == 2);
}

TEST_CASE("bytes of another type are refused", "[core]") {
  CHECK_THROWS_WITH(load<float>(save(1.0)), Catch::Contains("fingerprint"));
  CHECK_THROWS_AS(load<std::int32_t>(save(1.0f)), std::invalid_argument);
  CHECK_THROWS_AS(load<std::uint32_t>(save(1)), std::invalid_argument);
  CHECK_THROWS_AS(load<Eigen::Vector3d>(save(Eigen::VectorXd(3))), std::invalid_argument);
  CHECK_THROWS_AS(load<Eigen::Vector3d>(save(Eigen::RowVector3d(1, 2, 3))), std::invalid_argument);
  CHECK_THROWS_AS((load<std::array<double, 3>>(save(Eigen::Vector3d(1, 2, 3)))), std::invalid_argument);
  CHECK_THROWS_AS((load<std::vector<float>>(save(std::vector<double>{}))), std::invalid_argument);
  CHECK_THROWS_AS((load<Inner<float>>(save(Inner<double>{}))), std::invalid_argument);
  CHECK_THROWS_AS((load<Tree>(save(std::pair<std::uint8_t, std::vector<int>>{}))), std::invalid_argument);
  CHECK_THROWS_AS((load<std::tuple<int, std::tuple<int>>>(save(std::tuple<std::tuple<int>, int>{}))),
                  std::invalid_argument);
}

TEST_CASE("bytes that are damaged, too few or too many are refused in a sentence", "[core]") {
  auto bytes = save(std::vector<double>{1, 2});
  CHECK_THROWS_WITH(load<std::vector<double>>(std::span(bytes).first(15)), Catch::Contains("too few"));
  CHECK_THROWS_WITH(load<std::vector<double>>(std::span(bytes).first(20)), Catch::Contains("truncated"));
  CHECK_THROWS_WITH(load<std::vector<double>>(std::span(bytes).first(39)), Catch::Contains("size of 2"));
  bytes.push_back(std::byte{0});
  CHECK_THROWS_WITH(load<std::vector<double>>(bytes), Catch::Contains("left over"));
  bytes.pop_back();
  bytes[7] = std::byte{2};
  CHECK_THROWS_WITH(load<std::vector<double>>(bytes), Catch::Contains("version 2"));
  bytes[0] = std::byte{2};
  CHECK_THROWS_WITH(load<std::vector<double>>(bytes), Catch::Contains("magic"));
  CHECK_THROWS_AS(load<std::vector<double>>({}), std::invalid_argument);
}

TEST_CASE("absurd sizes are refused before anything is allocated", "[core]") {
  for (const std::uint64_t size :
       {std::uint64_t{1} << 61, ~std::uint64_t{0}, std::uint64_t{1} << 63, std::uint64_t{5}}) {
    auto numbers = save(std::vector<double>(4));
    auto nothings = save(std::vector<Empty>(4));
    auto flags = save(std::vector<bool>(4));
    auto text = save(std::string("four"));
    auto matrix = save(Eigen::MatrixXd(Eigen::MatrixXd::Zero(2, 2)));
    auto flat = save(Eigen::MatrixXd(0, 2));
    auto bounded = save(Eigen::Matrix<float, Eigen::Dynamic, 1, 0, 4, 1>(Eigen::Vector4f::Zero()));
    for (auto* bytes : {&numbers, &nothings, &flags, &text, &matrix, &flat, &bounded}) set_word(*bytes, 16, size);
    CHECK_FALSE(loads(numbers, std::vector<double>(4)));
    CHECK_FALSE(loads(nothings, std::vector<Empty>(4)));
    CHECK_FALSE(loads(flags, std::vector<bool>(4)));
    CHECK_FALSE(loads(text, std::string("four")));
    CHECK_FALSE(loads(matrix, Eigen::MatrixXd(Eigen::MatrixXd::Zero(2, 2))));
    CHECK_FALSE(loads(flat, Eigen::MatrixXd(0, 2)));
    CHECK_FALSE(loads(bounded, Eigen::Matrix<float, Eigen::Dynamic, 1, 0, 4, 1>(Eigen::Vector4f::Zero())));
    set_word(matrix, 24, ~std::uint64_t{0} / size + 2);  // the product wraps around to a small number
    CHECK_FALSE(loads(matrix, Eigen::MatrixXd(Eigen::MatrixXd::Zero(2, 2))));
  }
}

TEST_CASE("bytes that nest without end are refused", "[core]") {
  auto bytes = save(Tree{});
  bytes.resize(16);
  for (int level = 0; level < 100000; ++level) {
    bytes.push_back(std::byte{0});
    bytes.resize(bytes.size() + 8);
    set_word(bytes, bytes.size() - 8, std::uint64_t{1});
  }
  CHECK_FALSE(loads(bytes, Tree{}));
}

TEST_CASE("every truncation is refused", "[core]") {
  const Outer outer = example();
  const auto bytes = save(outer);
  for (std::size_t length = 0; length < bytes.size(); ++length)
    CHECK_FALSE(
        loads(std::vector<std::byte>(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length)), outer));
}

TEST_CASE("every changed byte is refused or loaded, and a loaded change is seen", "[core]") {
  const Outer outer = example();
  const auto bytes = save(outer);
  int loaded = 0;
  for (std::size_t k = 0; k < bytes.size(); ++k)
    for (const unsigned flip : {1u, 2u, 4u, 8u, 16u, 32u, 64u, 128u, 255u}) {
      auto changed = bytes;
      changed[k] ^= static_cast<std::byte>(flip);
      if (!loads(changed, outer)) continue;
      ++loaded;
      CHECK(k >= 16);
      CHECK_FALSE(identical(load<Outer>(changed), outer));
    }
  CHECK(loaded > 1000);
}

TEST_CASE("random bytes after a good header are refused or loaded", "[core]") {
  const auto header = save(Outer{});
  mesaopt::Random random{.seed = 1};
  for (int trial = 0; trial < 20000; ++trial) {
    std::vector<std::byte> bytes(header.begin(), header.begin() + 16);
    const std::uint64_t length = random.below(400);
    // Mostly zeros, so that small sizes occur and the reader gets far.
    for (std::uint64_t k = 0; k < length; ++k)
      bytes.push_back(static_cast<std::byte>(random.below(8) ? 0 : random.below(random.below(4) ? 3 : 256)));
    loads(bytes, Outer{});
  }
}
