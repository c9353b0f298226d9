#pragma once

#include <algorithm>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/fields.hpp>

namespace mesaopt {
namespace detail {

/// The structure of a type: a hash of it (FNV-1a, by words), and the fewest bytes that a value takes.
struct Shape {
  std::uint64_t hash = 0xcbf29ce484222325;
  std::size_t least = 0;

  constexpr Shape with(std::uint64_t word, std::size_t bytes = 0) const {
    return {(hash ^ word) * 0x100000001b3, least + bytes};
  }
};

template <class T, class... Above>
constexpr Shape shape_of(Shape shape);

template <class... Above, class... T>
constexpr Shape shape_of_all(Shape shape, std::type_identity<std::tuple<T...>>) {
  ((shape = shape_of<std::remove_cvref_t<T>, Above...>(shape)), ...);
  return shape;
}
template <class... Above, class A, class B>
constexpr Shape shape_of_all(Shape shape, std::type_identity<std::pair<A, B>>) {
  return shape_of_all<Above...>(shape, std::type_identity<std::tuple<A, B>>{});
}

template <class M, class C>
auto member_type(M C::*) -> std::type_identity<M>;

/// Adds the structure of T to a shape. `Above` are the types that T is a part of: a tree is made of trees.
template <class T, class... Above>
constexpr Shape shape_of(Shape shape) {
  if constexpr ((std::same_as<T, Above> || ...)) {
    return shape.with('r');
  } else if constexpr (std::is_enum_v<T>) {
    return shape_of<std::underlying_type_t<T>>(shape.with('e'));
  } else if constexpr (std::same_as<T, bool>) {
    return shape.with('b', 1);
  } else if constexpr (std::same_as<T, char>) {
    return shape.with('c', 1);  // signed on one machine, not on the next
  } else if constexpr (Number<T>) {
    return shape.with(std::is_floating_point_v<T> ? 'f' : std::is_signed_v<T> ? 'i' : 'u').with(sizeof(T), sizeof(T));
  } else if constexpr (std::same_as<T, std::string>) {
    return shape.with('s', 8);
  } else if constexpr (HasFields<T>) {
    shape = shape.with('F').with(std::tuple_size_v<decltype(T::fields())>);
    const auto add = [&]<class M>(std::type_identity<M>) { shape = shape_of<std::remove_cv_t<M>, T, Above...>(shape); };
    std::apply([&](auto... member) { (add(decltype(member_type(member)){}), ...); }, T::fields());
    return shape;
  } else if constexpr (EigenValues<T>) {
    constexpr auto rows = T::RowsAtCompileTime, cols = T::ColsAtCompileTime, size = T::SizeAtCompileTime;
    shape = shape.with('E').with(static_cast<std::uint64_t>(rows)).with(static_cast<std::uint64_t>(cols));
    const Shape inner = shape_of<typename T::Scalar, Above...>(shape.with(bool{T::IsRowMajor}));
    const std::size_t sizes = (rows == Eigen::Dynamic ? 8u : 0u) + (cols == Eigen::Dynamic ? 8u : 0u);
    const std::size_t scalars = size == Eigen::Dynamic ? 0 : static_cast<std::size_t>(size);
    return {inner.hash, shape.least + sizes + scalars * (inner.least - shape.least)};
  } else if constexpr (Vector<T>) {
    return {shape_of<typename T::value_type, Above...>(shape.with('v')).hash, shape.least + 8};
  } else if constexpr (is_std_array<T>) {
    const std::size_t count = std::tuple_size_v<T>;
    const Shape inner = shape_of<typename T::value_type, Above...>(shape.with('a').with(count));
    return {inner.hash, shape.least + count * (inner.least - shape.least)};
  } else if constexpr (Optional<T>) {
    return {shape_of<typename T::value_type, Above...>(shape.with('o')).hash, shape.least + 1};
  } else if constexpr (Tuple<T>) {
    return shape_of_all<Above...>(shape.with('t').with(std::tuple_size_v<T>), std::type_identity<T>{});
  } else {
    static_assert(std::is_empty_v<T>,
                  "this type cannot be saved: list its members in a static fields(), as in "
                  "static constexpr auto fields() { return std::tuple{&T::a, &T::b}; }");
    return shape.with('F').with(0);
  }
}

template <class Archive, class T>
void transfer(Archive& archive, T& value);

/// Passes a value to an archive that counts, writes or reads its numbers. The depth is bounded, so that hostile bytes
/// of a tree cannot exhaust the stack.
template <class Archive, class T>
void transfer_part(Archive& archive, T& value) {
  if (++archive.depth > 1000) throw std::invalid_argument("bytes: values are nested more than 1000 deep");
  transfer(archive, value);
  --archive.depth;
}

template <class Archive, class T>
void transfer_all(Archive& archive, T* values, std::size_t count) {
  if constexpr (Number<std::remove_const_t<T>>)
    archive.numbers(values, count);
  else
    for (std::size_t k = 0; k < count; ++k) transfer_part(archive, values[k]);
}

template <class Archive, class T>
void transfer(Archive& archive, T& value) {
  using Value = std::remove_const_t<T>;
  if constexpr (std::is_enum_v<Value>) {
    static_assert(
        requires { Value{std::underlying_type_t<Value>{}}; },
        "an enumeration to be saved needs a fixed underlying type, as in enum class Status : int");
    auto number = static_cast<std::underlying_type_t<Value>>(value);
    archive.numbers(&number, 1);
    if constexpr (Archive::reads) value = static_cast<Value>(number);
  } else if constexpr (Number<Value>) {
    archive.numbers(&value, 1);
  } else if constexpr (HasFields<Value>) {
    for_each_field(value, [&](auto& member) { transfer_part(archive, member); });
  } else if constexpr (EigenValues<Value>) {
    auto rows = static_cast<std::uint64_t>(value.rows()), cols = static_cast<std::uint64_t>(value.cols());
    if constexpr (Value::RowsAtCompileTime == Eigen::Dynamic) archive.numbers(&rows, 1);
    if constexpr (Value::ColsAtCompileTime == Eigen::Dynamic) archive.numbers(&cols, 1);
    if constexpr (Archive::reads && Value::SizeAtCompileTime == Eigen::Dynamic) {
      archive.template justify<typename Value::Scalar>(rows, cols, Value::MaxRowsAtCompileTime,
                                                       Value::MaxColsAtCompileTime);
      value.resize(static_cast<Eigen::Index>(rows), static_cast<Eigen::Index>(cols));
    }
    transfer_all(archive, value.data(), static_cast<std::size_t>(value.size()));
  } else if constexpr (Vector<Value> || std::same_as<Value, std::string>) {
    using Element = typename Value::value_type;
    auto count = static_cast<std::uint64_t>(value.size());
    archive.numbers(&count, 1);
    if constexpr (Archive::reads) {
      archive.template justify<Element>(count, 1, Eigen::Dynamic, 1);
      value.resize(static_cast<std::size_t>(count));
    }
    for (std::size_t k = 0; k < value.size(); ++k) {
      if constexpr (std::same_as<Element, bool>) {
        bool flag = value[k];
        archive.numbers(&flag, 1);
        if constexpr (Archive::reads) value[k] = flag;
      } else if constexpr (shape_of<Element>({}).least == 0) {
        // What may take no bytes takes one here, so that the count can be judged by the bytes that follow it.
        std::uint8_t filler = 0;
        archive.numbers(&filler, 1);
        if (filler != 0) throw std::invalid_argument("bytes: damaged: an element without content is not 0");
        transfer_part(archive, value[k]);
      }
    }
    if constexpr (!std::same_as<Element, bool> && shape_of<Element>({}).least > 0)
      transfer_all(archive, value.data(), value.size());
  } else if constexpr (is_std_array<Value>) {
    transfer_all(archive, value.data(), value.size());
  } else if constexpr (Optional<Value>) {
    bool present = value.has_value();
    archive.numbers(&present, 1);
    if constexpr (Archive::reads) {
      if (!present) value.reset();
      if (present && !value) value.emplace();
    }
    if (present) transfer_part(archive, *value);
  } else if constexpr (Tuple<Value>) {
    std::apply([&](auto&... element) { (transfer_part(archive, element), ...); }, value);
  }
}

struct ByteCounter {
  static constexpr bool reads = false;
  std::size_t size = 0;
  int depth = 0;

  template <Number S>
  void numbers(const S*, std::size_t count) {
    size += count * sizeof(S);
  }
};

/// Numbers are little-endian, whatever the machine.
inline void copy_numbers(std::byte* to, const std::byte* from, std::size_t count, std::size_t size) {
  if (count == 0) return;
  std::memcpy(to, from, count * size);
  if constexpr (std::endian::native == std::endian::big)
    for (std::size_t k = 0; k < count; ++k) std::reverse(to + k * size, to + (k + 1) * size);
}

struct ByteWriter {
  static constexpr bool reads = false;
  std::vector<std::byte>& out;
  int depth = 0;

  template <Number S>
  void numbers(const S* data, std::size_t count) {
    const std::size_t position = out.size();
    out.resize(position + count * sizeof(S));
    copy_numbers(out.data() + position, reinterpret_cast<const std::byte*>(data), count, sizeof(S));
  }
};

struct ByteReader {
  static constexpr bool reads = true;
  std::span<const std::byte> rest;
  int depth = 0;

  template <Number S>
  void numbers(S* data, std::size_t count) {
    if (count > rest.size() / sizeof(S))
      throw std::invalid_argument("bytes: truncated: " + std::to_string(count) + " numbers of " +
                                  std::to_string(sizeof(S)) + " bytes do not fit into the last " +
                                  std::to_string(rest.size()) + " bytes");
    if constexpr (std::same_as<S, bool>) {
      for (std::size_t k = 0; k < count; ++k) {
        if (rest[k] > std::byte{1}) throw std::invalid_argument("bytes: a bool is neither 0 nor 1");
        data[k] = rest[k] == std::byte{1};
      }
    } else {
      copy_numbers(reinterpret_cast<std::byte*>(data), rest.data(), count, sizeof(S));
    }
    rest = rest.subspan(count * sizeof(S));
  }

  /// Refuses a size that the bytes left cannot fill, before anything is allocated.
  template <class Element>
  void justify(std::uint64_t rows, std::uint64_t cols, Eigen::Index max_rows, Eigen::Index max_cols) const {
    const auto above = [](std::uint64_t size, Eigen::Index most) {
      return size >
             static_cast<std::uint64_t>(most == Eigen::Dynamic ? std::numeric_limits<Eigen::Index>::max() : most);
    };
    const std::uint64_t most = rest.size() / std::max<std::size_t>(1, shape_of<Element>({}).least);
    if (above(rows, max_rows) || above(cols, max_cols) || (rows > 0 && cols > most / rows))
      throw std::invalid_argument("bytes: a size of " + std::to_string(rows) + " x " + std::to_string(cols) +
                                  " is more than the type or the last " + std::to_string(rest.size()) +
                                  " bytes can hold");
  }
};

/// What all saved bytes begin with, the format's version as its last letter.
inline constexpr std::uint64_t bytes_magic = 0x0174706f6173656d;  // "mesaopt\1"

}  // namespace detail

/// The number of bytes that `save` makes of a value.
template <class T>
std::size_t saved_size(const T& value) {
  detail::ByteCounter counter{.size = 16};
  detail::transfer_part(counter, value);
  return counter.size;
}

/// The bytes of a value, for a file, another process or another machine: what `fields()` list and `identical` compares.
///
/// A header of 16 bytes (magic, version, a hash of the type's structure), then every number in order, little-endian,
/// and before what varies in size its sizes as 64-bit integers. Throws std::invalid_argument for values that are nested
/// more than 1000 deep.
template <class T>
std::vector<std::byte> save(const T& value) {
  std::vector<std::byte> bytes;
  bytes.reserve(saved_size(value));
  detail::ByteWriter writer{bytes};
  writer.numbers(&detail::bytes_magic, 1);
  constexpr std::uint64_t hash = detail::shape_of<T>({}).hash;
  writer.numbers(&hash, 1);
  detail::transfer_part(writer, value);
  return bytes;
}

/// Sets a value to what `save` was given; members that are not listed keep their value.
///
/// Throws std::invalid_argument, and leaves the value as it was, if the bytes are not saved ones, are of another
/// version, of a type with another structure, too short, too long or damaged. Damage to a number itself goes unnoticed.
/// Any bytes at all are safe to try: nothing is read out of range or allocated that they do not fill.
template <std::copyable T>
void load(std::span<const std::byte> bytes, T& value) {
  detail::ByteReader reader{bytes};
  if (bytes.size() < 16)
    throw std::invalid_argument("bytes: " + std::to_string(bytes.size()) + " bytes are too few for a header of 16");
  std::uint64_t magic = 0, hash = 0;
  reader.numbers(&magic, 1);
  reader.numbers(&hash, 1);
  if (magic << 8 != detail::bytes_magic << 8)
    throw std::invalid_argument("bytes: these were not saved by mesaopt (the magic is wrong)");
  if (magic != detail::bytes_magic)
    throw std::invalid_argument("bytes: saved in version " + std::to_string(magic >> 56) + " of the format, not " +
                                std::to_string(detail::bytes_magic >> 56));
  if (hash != detail::shape_of<T>({}).hash)
    throw std::invalid_argument("bytes: saved from a type with other members (the fingerprint differs)");
  T fresh = value;
  detail::transfer_part(reader, fresh);
  if (!reader.rest.empty())
    throw std::invalid_argument("bytes: " + std::to_string(reader.rest.size()) + " bytes are left over");
  value = std::move(fresh);
}

/// What `save` was given; see above.
template <std::copyable T>
requires std::default_initializable<T> T load(std::span<const std::byte> bytes) {
  T value{};
  load(bytes, value);
  return value;
}

}  // namespace mesaopt
