#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <Eigen/Core>

namespace mesaopt {

/// A type that lists its data members, as a tuple of member pointers:
///
///     static constexpr auto fields() { return std::tuple{&Run::state, &Run::steps}; }
///
/// From the list follow `identical`, `save` and `load`. A derived type lists its inherited members too, or joins the
/// lists with std::tuple_cat(Base::fields(), ...); what a type does not list is neither compared nor saved.
template <class T>
concept HasFields = requires {
  std::tuple_size<decltype(std::remove_cvref_t<T>::fields())>::value;
};

/// Calls visitor(member) for every listed member of an object, in the order of the list.
template <class T, class Visitor>
requires HasFields<T>
constexpr void for_each_field(T&& object, Visitor&& visitor) {
  std::apply([&](auto... member) { (visitor(object.*member), ...); }, std::remove_cvref_t<T>::fields());
}

namespace detail {

/// Numbers whose bits are all value: long double has padding.
template <class T>
concept Number = std::is_arithmetic_v<T> && !std::same_as<T, long double>;

template <class D>
void plain_eigen(const Eigen::PlainObjectBase<D>*);
template <class T>
concept EigenValues = requires(const T* values) {
  plain_eigen(values);
};

template <class T, template <class...> class Family>
inline constexpr bool is_a = false;
template <class... A, template <class...> class Family>
inline constexpr bool is_a<Family<A...>, Family> = true;

template <class T>
inline constexpr bool is_std_array = false;
template <class T, std::size_t n>
inline constexpr bool is_std_array<std::array<T, n>> = true;

template <class T>
concept Vector = is_a<T, std::vector>;
template <class T>
concept Optional = is_a<T, std::optional>;
template <class T>
concept Tuple = is_a<T, std::tuple> || is_a<T, std::pair>;

}  // namespace detail

/// True if two objects are the same bits: the test of "resumed, forked or on eight threads, it is the same run".
///
/// Unlike ==, a NaN is identical to a NaN of the same bits, +0 is not identical to -0, and Eigen objects of different
/// sizes are simply not identical. Goes through numbers, enumerations, plain Eigen objects, std::vector, array,
/// optional, pair, tuple and string, and types that list their fields; padding is never looked at.
template <class T>
constexpr bool identical(const T& a, const T& b) {
  if constexpr (std::same_as<T, float>) {
    return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
  } else if constexpr (std::same_as<T, double>) {
    return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
  } else if constexpr (detail::Number<T> || std::is_enum_v<T> || std::same_as<T, std::string>) {
    return a == b;
  } else if constexpr (HasFields<T>) {
    return std::apply([&](auto... member) { return (identical(a.*member, b.*member) && ...); }, T::fields());
  } else if constexpr (detail::EigenValues<T>) {
    if (a.rows() != b.rows() || a.cols() != b.cols()) return false;
    for (Eigen::Index k = 0; k < a.size(); ++k)
      if (!identical(a.data()[k], b.data()[k])) return false;
    return true;
  } else if constexpr (std::same_as<T, std::vector<bool>>) {
    return a == b;
  } else if constexpr (detail::Vector<T> || detail::is_std_array<T>) {
    if (a.size() != b.size()) return false;
    for (std::size_t k = 0; k < a.size(); ++k)
      if (!identical(a[k], b[k])) return false;
    return true;
  } else if constexpr (detail::Optional<T>) {
    return a.has_value() == b.has_value() && (!a.has_value() || identical(*a, *b));
  } else if constexpr (detail::Tuple<T>) {
    return [&]<std::size_t... k>(std::index_sequence<k...>) {
      return (identical(std::get<k>(a), std::get<k>(b)) && ...);
    }
    (std::make_index_sequence<std::tuple_size_v<T>>{});
  } else {
    static_assert(std::is_empty_v<T>,
                  "this type cannot be compared bit by bit: list its members in a static fields(), as in "
                  "static constexpr auto fields() { return std::tuple{&T::a, &T::b}; }");
    return true;
  }
}

}  // namespace mesaopt
