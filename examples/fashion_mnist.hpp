#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <Eigen/Core>

#include "labelled_images.hpp"

namespace examples {

namespace detail {

/// The bytes of a file, or of `path`.gz if it is there instead, through the program gzip.
inline std::vector<unsigned char> bytes_of(const std::string& path) {
  std::vector<unsigned char> bytes;
  std::array<unsigned char, 1 << 16> block;
  const auto read = [&](std::FILE* file) {
    while (const std::size_t count = std::fread(block.data(), 1, block.size(), file))
      bytes.insert(bytes.end(), block.begin(), block.begin() + static_cast<std::ptrdiff_t>(count));
    return std::ferror(file) == 0;
  };
  if (std::FILE* const plain = std::fopen(path.c_str(), "rb")) {
    const bool complete = read(plain);
    std::fclose(plain);
    if (!complete) throw std::runtime_error(path + ": cannot read this file to its end");
    return bytes;
  }
  const std::string packed = path + ".gz";
  if (!std::ifstream(packed))
    throw std::runtime_error(packed +
                             ": cannot open this file, a part of Fashion-MNIST (Debian: dataset-fashion-mnist)");
  std::string quoted = "'";
  for (const char c : packed) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  std::FILE* const pipe = popen(("gzip -dc <" + quoted + "' 2>/dev/null").c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error(packed + ": cannot start gzip to unpack this file");
  const bool complete = read(pipe);
  if (pclose(pipe) != 0 || !complete) throw std::runtime_error(packed + ": gzip cannot unpack this file");
  return bytes;
}

/// An IDX file of bytes: a magic number that ends in the number of dimensions, the dimensions, the data; in big-endian
/// words of 32 bits, then bytes.
struct Idx {
  std::vector<std::size_t> dimensions;
  std::vector<unsigned char> bytes;
  std::size_t begin;

  Idx(const std::string& path, std::size_t rank) : bytes(bytes_of(path)), begin(4 * (rank + 1)) {
    if (bytes.size() < begin)
      throw std::runtime_error(path + ": the file ends within its first " + std::to_string(begin) + " bytes");
    if (word(0) != 0x800 + rank)
      throw std::runtime_error(path + ": the file should begin with the magic number " + std::to_string(0x800 + rank) +
                               " of an IDX file, but begins with " + std::to_string(word(0)));
    std::size_t size = 1;
    for (std::size_t k = 1; k <= rank; ++k) {
      dimensions.push_back(word(k));
      size *= dimensions.back();
    }
    if (bytes.size() != begin + size)
      throw std::runtime_error(path + ": the file should have " + std::to_string(begin + size) + " bytes, but has " +
                               std::to_string(bytes.size()));
  }

  std::size_t word(std::size_t k) const {
    std::size_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) value = value << 8 | bytes[4 * k + i];
    return value;
  }
};

}  // namespace detail

/// Images of clothes in ten classes, 28 x 28 pixels each: 60000 in the part "train", 10000 in the part "t10k".
///
/// Reads the part's two IDX files, plain or packed by gzip, from `directory`, by default where Debian's package
/// dataset-fashion-mnist puts them. Throws std::runtime_error, in one sentence with the file, if they are not there or
/// not as described. Xiao, Rasul and Vollgraf (2017), "Fashion-MNIST: a novel image dataset".
template <class S = float>
LabelledImages<S> fashion_mnist(const std::string& part = "train",
                                const std::string& directory = "/usr/share/datasets/fashion-mnist") {
  const std::string images_path = directory + "/" + part + "-images-idx3-ubyte";
  const std::string labels_path = directory + "/" + part + "-labels-idx1-ubyte";
  const detail::Idx images(images_path, 3), labels(labels_path, 1);
  const std::size_t count = images.dimensions[0], pixels = images.dimensions[1] * images.dimensions[2];
  if (labels.dimensions[0] != count)
    throw std::runtime_error(labels_path + ": the file should have a label for each of " + std::to_string(count) +
                             " images, but has " + std::to_string(labels.dimensions[0]));
  using Bytes = Eigen::Matrix<unsigned char, Eigen::Dynamic, Eigen::Dynamic>;
  const Eigen::Map<const Bytes> raw(images.bytes.data() + images.begin, static_cast<Eigen::Index>(pixels),
                                    static_cast<Eigen::Index>(count));
  LabelledImages<S> all{raw.template cast<S>() / S(255), std::vector<int>(count)};
  for (std::size_t i = 0; i < count; ++i) {
    all.labels[i] = labels.bytes[labels.begin + i];
    if (all.labels[i] > 9)
      throw std::runtime_error(labels_path + ": labels should be 0 to 9, but that of image " + std::to_string(i) +
                               " is " + std::to_string(all.labels[i]));
  }
  return all;
}

}  // namespace examples
