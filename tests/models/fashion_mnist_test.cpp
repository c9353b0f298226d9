#include "../../examples/fashion_mnist.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

#include "models/refusal.hpp"
#include "support/catch.hpp"

namespace {

namespace fs = std::filesystem;

/// A directory with two IDX files: three images of 2 x 2 pixels.
struct Directory {
  std::string path =
      (fs::temp_directory_path() / ("mesaopt 'fashion' " + std::to_string(std::random_device{}()))).string();

  Directory() {
    fs::create_directory(path);
    write("images-idx3", std::string("\0\0\x08\x03\0\0\0\x03\0\0\0\x02\0\0\0\x02", 16) +
                             std::string("\0\xff\0\0\x33\0\0\0\0\0\0\x66", 12));
    write("labels-idx1", std::string("\0\0\x08\x01\0\0\0\x03\x09\x00\x02", 11));
  }
  ~Directory() { fs::remove_all(path); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  std::string file(const std::string& kind) const { return path + "/tiny-" + kind + "-ubyte"; }
  void write(const std::string& kind, const std::string& bytes) const {
    std::ofstream(file(kind), std::ios::binary) << bytes;
  }
  template <class... Words>
  bool refuses_part(const Words&... words) const {
    return refuses<std::runtime_error>([&] { examples::fashion_mnist("tiny", path); }, words...);
  }
};

}  // namespace

TEST_CASE("IDX files give one image a column, scaled to 1, with its label", "[models]") {
  const Directory directory;
  const auto all = examples::fashion_mnist<double>("tiny", directory.path);
  Eigen::MatrixXd expected(4, 3);
  expected << 0, 0.2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0.4;
  CHECK(all.images.isApprox(expected));
  CHECK(all.labels == std::vector<int>{9, 0, 2});
}

TEST_CASE("IDX files may be packed by gzip, in a directory of any name", "[models]") {
  const Directory directory;
  REQUIRE(std::system(("gzip \"" + directory.file("images-idx3") + "\"").c_str()) == 0);
  CHECK(examples::fashion_mnist("tiny", directory.path).size() == 3);
  std::ofstream(directory.file("images-idx3") + ".gz", std::ios::binary) << "no archive";
  CHECK(directory.refuses_part("gzip cannot unpack"));
}

TEST_CASE("Images that are cut off are refused by name, packed or not", "[models]") {
  const Directory directory;
  std::ifstream whole(directory.file("images-idx3"), std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(whole), {}};
  REQUIRE(bytes.size() == 28);
  directory.write("images-idx3", bytes.substr(0, 27));
  CHECK(directory.refuses_part("tiny-images-idx3-ubyte: the file should have 28 bytes, but has 27"));
  directory.write("images-idx3", bytes.substr(0, 9));
  CHECK(directory.refuses_part("tiny-images-idx3-ubyte: the file ends within its first 16 bytes"));
  directory.write("images-idx3", "");
  CHECK(directory.refuses_part("ends within its first 16 bytes"));
  directory.write("images-idx3", bytes);
  REQUIRE(std::system(("gzip \"" + directory.file("images-idx3") + "\"").c_str()) == 0);
  const std::string packed = directory.file("images-idx3") + ".gz";
  fs::resize_file(packed, fs::file_size(packed) - 10);
  CHECK(directory.refuses_part("tiny-images-idx3-ubyte.gz: gzip cannot unpack"));
}

TEST_CASE("IDX files that are missing, cut off or spoilt are refused by name", "[models]") {
  const Directory directory;
  CHECK(refuses<std::runtime_error>([] { examples::fashion_mnist("train", "/nowhere"); },
                                    "/nowhere/train-images-idx3-ubyte.gz: cannot open"));
  directory.write("labels-idx1", std::string("\0\0\x08\x01\0\0\0\x03\x09\x00\x0b", 11));
  CHECK(directory.refuses_part("tiny-labels-idx1-ubyte: labels should be 0 to 9", "image 2 is 11"));
  directory.write("labels-idx1", std::string("\0\0\x08\x01\0\0\0\x02\x09\x00", 10));
  CHECK(directory.refuses_part("each of 3 images, but has 2"));
  directory.write("labels-idx1", std::string("\0\0\x08\x01\0\0\0\x03\x09\x00", 10));
  CHECK(directory.refuses_part("should have 11 bytes, but has 10"));
  directory.write("labels-idx1", std::string("\0\0\x08\x03\0\0\0\x03\x09\x00\x00", 11));
  CHECK(directory.refuses_part("magic number 2049", "begins with 2051"));
  directory.write("labels-idx1", "\1");
  CHECK(directory.refuses_part("ends within its first 8 bytes"));
}
