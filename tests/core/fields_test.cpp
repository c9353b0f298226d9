#include <mesaopt/core/fields.hpp>

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <new>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include "support/catch.hpp"

using mesaopt::for_each_field;
using mesaopt::HasFields;
using mesaopt::identical;

namespace {

enum class Colour : std::uint8_t { red, green };

struct Padded {
  char letter = 'a';
  double number = 1;  // seven bytes of padding before it
  bool flag = false;  // and seven after it
  static constexpr auto fields() { return std::tuple{&Padded::letter, &Padded::number, &Padded::flag}; }
};

struct Nothing {
  static constexpr std::tuple<> fields() { return {}; }
};

template <class S>
struct Base {
  Eigen::VectorX<S> x;
  static constexpr auto fields() { return std::tuple{&Base::x}; }
};

template <class S>
struct Joined : Base<S> {
  int count = 0;
  static constexpr auto fields() { return std::tuple_cat(Base<S>::fields(), std::tuple{&Joined::count}); }
};

template <class S>
struct Listed : Base<S> {
  int count = 0;
  static constexpr auto fields() { return std::tuple{&Listed::x, &Listed::count}; }
};

struct Tree {
  int value = 0;
  std::vector<Tree> children;
  static constexpr auto fields() { return std::tuple{&Tree::value, &Tree::children}; }
};

class Closed {
 public:
  explicit Closed(int value = 0) : secret(value) {}
  static constexpr auto fields() { return std::tuple{&Closed::secret}; }

 private:
  int secret;
};

struct Unlisted {
  int value;
};

const double not_a_number = std::numeric_limits<double>::quiet_NaN();

}  // namespace

static_assert(HasFields<Padded> && HasFields<const Padded&> && HasFields<Nothing> && HasFields<Joined<float>>);
static_assert(!HasFields<Unlisted> && !HasFields<int> && !HasFields<Eigen::VectorXd>);
static_assert(identical(1, 1) && !identical(0.0, -0.0) && identical(std::tuple{1, 2.0f}, std::tuple{1, 2.0f}));

TEST_CASE("numbers are compared by their bits", "[core]") {
  CHECK(identical(not_a_number, not_a_number));
  CHECK(identical(1.5f, 1.5f));
  CHECK_FALSE(identical(not_a_number, std::bit_cast<double>(std::bit_cast<std::uint64_t>(not_a_number) + 1)));
  CHECK_FALSE(identical(not_a_number, -not_a_number));
  CHECK_FALSE(identical(0.0f, -0.0f));
  CHECK_FALSE(identical(true, false));
  CHECK(identical(Colour::green, Colour::green));
  CHECK_FALSE(identical(Colour::green, Colour::red));
  for (int bit = 0; bit < 64; ++bit)
    CHECK_FALSE(identical(1.7, std::bit_cast<double>(std::bit_cast<std::uint64_t>(1.7) ^ std::uint64_t{1} << bit)));
}

TEST_CASE("Eigen objects are compared by size and bits", "[core]") {
  Eigen::VectorXd a(3), b(3);
  a << 1, not_a_number, -0.0;
  b << 1, not_a_number, -0.0;
  CHECK(identical(a, b));
  b[2] = 0;
  CHECK_FALSE(identical(a, b));
  CHECK_FALSE(identical(a, Eigen::VectorXd(a.head(2))));
  CHECK_FALSE(identical(a, Eigen::VectorXd()));
  CHECK(identical(Eigen::VectorXd(), Eigen::VectorXd()));
  CHECK_FALSE(identical(Eigen::MatrixXd(2, 0), Eigen::MatrixXd(0, 2)));
  CHECK_FALSE(identical(Eigen::MatrixXi(Eigen::MatrixXi::Zero(2, 3)), Eigen::MatrixXi(Eigen::MatrixXi::Zero(3, 2))));
  CHECK(identical(Eigen::Vector3f(1, 2, 3), Eigen::Vector3f(1, 2, 3)));
  CHECK_FALSE(identical(Eigen::Vector3f(1, 2, 3), Eigen::Vector3f(1, 2, 4)));
  CHECK_FALSE(identical(Eigen::Array<bool, 2, 1>(true, false), Eigen::Array<bool, 2, 1>(true, true)));
}

TEST_CASE("standard containers are compared element by element", "[core]") {
  CHECK(identical(std::vector<double>{1, not_a_number}, std::vector<double>{1, not_a_number}));
  CHECK_FALSE(identical(std::vector<double>{1}, std::vector<double>{1, 2}));
  CHECK_FALSE(identical(std::vector<bool>{true, false}, std::vector<bool>{true, true}));
  CHECK(identical(std::vector<bool>{true, false}, std::vector<bool>{true, false}));
  CHECK_FALSE(identical(std::array<float, 2>{0, 0}, std::array<float, 2>{0, -0.0f}));
  CHECK(identical(std::array<int, 0>{}, std::array<int, 0>{}));
  CHECK(identical(std::optional<double>{not_a_number}, std::optional<double>{not_a_number}));
  CHECK_FALSE(identical(std::optional<int>{}, std::optional<int>{0}));
  CHECK_FALSE(identical(std::optional<int>{1}, std::optional<int>{0}));
  CHECK(identical(std::optional<int>{}, std::optional<int>{}));
  CHECK_FALSE(identical(std::pair{1, 0.0}, std::pair{1, -0.0}));
  CHECK(identical(std::tuple<>{}, std::tuple<>{}));
  CHECK_FALSE(identical(std::string("a"), std::string("b")));
}

TEST_CASE("listed members are compared, at any depth", "[core]") {
  CHECK(identical(Nothing{}, Nothing{}));
  CHECK(identical(Closed(1), Closed(1)));
  CHECK_FALSE(identical(Closed(1), Closed(2)));
  Tree a{1, {{2, {}}, {3, {{4, {}}}}}}, b = a;
  CHECK(identical(a, b));
  b.children[1].children[0].value = 5;
  CHECK_FALSE(identical(a, b));
  b = a;
  b.children.pop_back();
  CHECK_FALSE(identical(a, b));
}

TEMPLATE_TEST_CASE("inherited members are compared, however they are listed", "[core]", Joined<float>, Joined<double>,
                   Listed<float>, Listed<double>) {
  TestType a;
  a.x.setZero(2);
  TestType b = a;
  CHECK(identical(a, b));
  b.x[1] = 1;
  CHECK_FALSE(identical(a, b));
  b = a;
  b.count = 1;
  CHECK_FALSE(identical(a, b));
}

TEST_CASE("padding is never compared", "[core]") {
  alignas(Padded) unsigned char first[sizeof(Padded)], second[sizeof(Padded)];
  std::memset(first, 0x00, sizeof first);
  std::memset(second, 0xff, sizeof second);
  CHECK(identical(*new (first) Padded, *new (second) Padded));
}

TEST_CASE("for_each_field visits the members in order and may change them", "[core]") {
  Padded padded;
  int visited = 0;
  for_each_field(padded, [&](auto& member) {
    ++visited;
    member = {};
  });
  CHECK(visited == 3);
  CHECK(padded.number == 0);
  CHECK(padded.letter == 0);
  for_each_field(std::as_const(padded), [&](const auto&) { ++visited; });
  for_each_field(Nothing{}, [&](const auto&) { ++visited; });
  CHECK(visited == 6);
}
