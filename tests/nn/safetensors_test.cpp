#include "nn/safetensors.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>

#include "tests/folder.h"

using namespace sil;
using namespace sil::test;

namespace {

// A file of this header and this many bytes of data.
std::string file_of(const std::string& header, size_t data_bytes) {
  const uint64_t n = header.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &n, 8);
  return bytes + header + std::string(data_bytes, '\0');
}

// What reading these bytes says, without the file's name; "" if nothing is wrong.
std::string complaint(const std::string& bytes) {
  const Folder folder;
  const auto path = folder.path / "x.safetensors";
  write_text(path, bytes);
  try {
    read_safetensors(path);
  } catch (const Error& e) {
    const std::string text = e.what(), prefix = path.string() + ": ";
    CHECK(text.starts_with(prefix));
    return text.substr(prefix.size());
  }
  return "";
}

}  // namespace

TEST_CASE("safetensors: every dtype comes back to the bit, metadata too") {
  const Folder folder;
  TensorFile out;
  out.tensors["f"] = Tensor::of<float>({2, 2}, {1, -0.0f, 1e-40f, 3});
  out.tensors["b"] = Tensor::of<bfloat16>({1}, {bfloat16(1.5f)});
  out.tensors["d"] = Tensor::of<double>({}, {0.1});
  out.tensors["i"] = Tensor::of<int64_t>({2}, {-1, int64_t(1) << 60});
  out.tensors["none"] = Tensor::zeros({0, 4});
  out.metadata = {{"config", "{\"a\": \"ü\\n\"}"}, {"step", "12"}};
  write_safetensors(folder.path / "a.safetensors", out);
  const TensorFile in = read_safetensors(folder.path / "a.safetensors");
  CHECK(in.metadata == out.metadata);
  CHECK(in.tensors.size() == 5);
  CHECK(in.tensors.at("f").shape() == Shape{2, 2});
  CHECK(std::memcmp(in.tensors.at("f").raw(), out.tensors["f"].raw(), 16) == 0);
  CHECK(in.tensors.at("b").dtype() == DType::bf16);
  CHECK(in.tensors.at("d").item() == 0.1);
  CHECK(in.tensors.at("i").to_vector<int64_t>() == out.tensors["i"].to_vector<int64_t>());
  CHECK(in.tensors.at("none").shape() == Shape{0, 4});
}

TEST_CASE("safetensors: float16 is read as float32") {
  const Folder folder;
  std::string bytes = file_of(R"({"h":{"dtype":"F16","shape":[5],"data_offsets":[0,10]}})", 10);
  const uint16_t halves[] = {0x3C00, 0xC000, 0x0001, 0x7C00, 0x3555};  // 1, -2, smallest, infinity, near 1/3
  std::memcpy(bytes.data() + bytes.size() - 10, halves, 10);
  write_text(folder.path / "h.safetensors", bytes);
  const auto h = read_safetensors(folder.path / "h.safetensors").tensors.at("h").to_vector<float>();
  CHECK(h == std::vector<float>{1, -2, 0x1p-24f, INFINITY, 0.333251953125f});
}

TEST_CASE("safetensors: bad files are one clear error") {
  const auto entry = [](const char* dtype, const char* shape, const char* offsets) {
    return fmt::format(R"({{"a":{{"dtype":"{}","shape":{},"data_offsets":{}}}}})", dtype, shape, offsets);
  };
  CHECK(complaint("") == "0 bytes is too short for a .safetensors file");
  CHECK(complaint(file_of(entry("F32", "[2]", "[0,8]"), 8)) == "");
  CHECK(complaint(file_of(entry("F32", "[2]", "[0,8]"), 7)) == "a: data_offsets are [0, 8], the data has 7 bytes");
  CHECK(complaint(file_of(entry("F32", "[2]", "[0,8]"), 9)) == "9 bytes of data, the header describes 8");
  CHECK(complaint(file_of(entry("F32", "[3]", "[0,8]"), 8)) == "a: 8 bytes for shape [3] of F32, 12 expected");
  CHECK(complaint(file_of(entry("F8_E4M3", "[8]", "[0,8]"), 8)) ==
        "a: dtype is F8_E4M3; F32, BF16, F16, F64, I64, I32 or U8 expected");
  CHECK(complaint(file_of(entry("F32", "[-2]", "[0,8]"), 8)) == "a: shape is not a list of at most 6 counts");
  CHECK(complaint(file_of(entry("F32", "[1,1,1,1,1,1,2]", "[0,8]"), 8)) ==
        "a: shape is not a list of at most 6 counts");
  CHECK(complaint(file_of(entry("F32", "[2]", "[8,0]"), 8)) == "a: data_offsets are [8, 0], the data has 8 bytes");
  for (const char* shape : {"[4611686018427387904,4611686018427387904]", "[0,4611686018427387904,4]"})
    CHECK(complaint(file_of(entry("F32", shape, "[0,8]"), 8)) == "a: shape has more elements than memory holds");
  CHECK(complaint(file_of(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
                          R"("b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})",
                          3)) == "b: overlaps another tensor: begins at 1, 2 expected");
  CHECK(complaint(file_of(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})", 3)) ==
        "a: begins at 1, 0 expected: bytes of no tensor lie between");
  CHECK(complaint(file_of(R"({"a":1})", 0)) == "a: an object with dtype, shape and data_offsets expected");
  CHECK(complaint(file_of("[1]", 0)) == "the header is not a JSON object");
  CHECK(complaint(file_of("{", 0)) == "the header is not a JSON object");
  CHECK(complaint(file_of(R"({"__metadata__":{"a":1}})", 0)) == "__metadata__: a is no string");
  CHECK(complaint(std::string("\xff\xff\xff\xff\xff\xff\xff\xff{}", 10))
            .starts_with("not a .safetensors file, or truncated: its header has 18446744073709551615 bytes"));
  CHECK(complaint(file_of(std::string(100000, '['), 0)) == "the header is not a JSON object");
}

TEST_CASE("safetensors: a missing file is a clear error") {
  CHECK_THROWS_WITH_AS(read_safetensors("/nowhere/a.safetensors"), "/nowhere/a.safetensors: no such file", Error);
}

TEST_CASE("safetensors: truncated anywhere, it is an error and never a crash") {
  const std::string whole = file_of(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 8);
  for (size_t n = 0; n < whole.size(); ++n) CHECK(complaint(whole.substr(0, n)) != "");
}

TEST_CASE("safetensors: a folder is no file, and a NUL does not end a name") {
  const Folder folder;
  CHECK_THROWS_WITH_AS(read_safetensors(folder.path),
                       (folder.path.string() + ": a folder; a .safetensors file expected").c_str(), Error);
  CHECK(complaint(file_of(R"({"a\u0000": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}})", 1)) ==
        "a tensor's name has a NUL in it");
  CHECK(complaint(file_of(R"({"a": {"dtype": "U8\u0000", "shape": [1], "data_offsets": [0, 1]}})", 1))
            .starts_with("a: dtype is "));
}
