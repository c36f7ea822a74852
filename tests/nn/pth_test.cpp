#include "nn/pth.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <numeric>

#include "nn/pickle.h"
#include "nn/safetensors.h"
#include "nn/zip.h"
#include "tensor/check.h"
#include "tests/folder.h"

using namespace sil;
namespace fs = std::filesystem;

namespace {

// What torch wrote: tests/reference/make_pth_goldens.py.
fs::path golden(const std::string& name) { return fs::path(SIL_SOURCE_DIR) / "tests/golden/pth" / name; }

std::string text_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// What reading these bytes says, behind the file's name; "" if nothing is wrong.
std::string complaint(const std::string& bytes) {
  const test::Folder folder("pth");
  const fs::path path = folder.path / "x.pth";
  std::ofstream(path, std::ios::binary) << bytes;
  try {
    read_pth(path);
  } catch (const Error& e) {
    CHECK(std::string(e.what()).starts_with(path.string() + ": "));
    return std::string(e.what()).substr(path.string().size() + 2);
  }
  return "";
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

template <class T>
std::string raw(T n) {
  return {reinterpret_cast<const char*>(&n), sizeof n};
}

std::string text(const std::string& s) { return "X" + raw(uint32_t(s.size())) + s; }
std::string number(int64_t n) { return "\x8a\x08" + raw(n); }
std::string numbers(const std::vector<int64_t>& all) {
  std::string out = "(";
  for (int64_t n : all) out += number(n);
  return out + "t";
}

// A tensor's pickle.  Storages in a stream name their view, None.
std::string tensor(const std::string& storage, int64_t elements, int64_t offset, const std::vector<int64_t>& sizes,
                   const std::vector<int64_t>& strides, const std::string& type = "FloatStorage",
                   const std::string& view = "") {
  return "ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + "ctorch\n" + type + "\n" + text(storage) +
         text("cpu") + number(elements) + view + "tQ" + number(offset) + numbers(sizes) + numbers(strides) + "\x89}tR";
}

const std::string kStart = "\x80\x02";

// A zip with one storage, "0", and this pickle.
std::string zipped(const std::string& pickle, const std::string& storage) {
  std::ostringstream out;
  ZipWriter zip(out);
  zip.entry("m/data.pkl", pickle);
  zip.entry("m/data/0", storage);
  zip.finish();
  return out.str();
}

// A stream whose state dict and storages are these.
std::string streamed(const std::string& dict, const std::vector<std::string>& keys, const std::string& storages) {
  std::string list = kStart + "](";
  for (const std::string& key : keys) list += text(key);
  return kStart + "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19." + kStart + "M\xe9\x03." + kStart + "}" +
         text("little_endian") + "\x88s." + dict + list + "e." + storages;
}

std::string dict_of(const std::string& name, const std::string& value) {
  return kStart + "}" + text(name) + value + "s.";
}

}  // namespace

TEST_CASE("pth: what torch writes is read to the bit, in both forms") {
  for (const char* kind : {"zip", "stream"}) {
    CAPTURE(kind);
    const StateDict d = read_pth(golden(fmt::format("odd_{}.pth", kind)));
    CHECK(d.size() == 14);
    CHECK(d.at("parameter").to_vector<float>() == std::vector<float>{0, 1, 2, 3, 4, 5});
    CHECK(d.at("parameter").shape() == Shape{2, 3});
    const Tensor& t = d.at("transposed");
    REQUIRE(t.shape() == Shape{6, 4});
    for (int i = 0; i < 6; ++i)
      for (int j = 0; j < 4; ++j) CHECK(t.data<float>()[4 * i + j] == float(6 * j + i));
    CHECK(d.at("rows").to_vector<float>() == std::vector<float>{6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17});
    CHECK(d.at("column").to_vector<float>() == std::vector<float>{2, 8, 14, 20});
    CHECK(d.at("all").dim(0) == 24);
    CHECK(d.at("half").to_vector<float>() == std::vector<float>{1, -2, 0x1p-24f, INFINITY, 0.333251953125f});
    CHECK(d.at("half_transposed").to_vector<float>() == std::vector<float>{0, 3, 1, 4, 2, 5});
    CHECK(d.at("bfloat16").dtype() == DType::bf16);
    CHECK(float(d.at("bfloat16").data<bfloat16>()[1]) == -3);
    CHECK(d.at("double").item() == 0.1);
    CHECK(d.at("long").shape() == Shape{});
    CHECK(d.at("long").to_vector<int64_t>() == std::vector<int64_t>{(int64_t(1) << 40) + 1});
    CHECK(d.at("int").to_vector<int32_t>() == std::vector<int32_t>{-7});
    CHECK(d.at("byte").to_vector<uint8_t>() == std::vector<uint8_t>{255, 0});
    CHECK(d.at("empty").shape() == Shape{0, 4});
    CHECK(d.at("expanded").to_vector<float>() == std::vector<float>{5, 5, 5});
  }
}

TEST_CASE("pth: a module's state dict carries _metadata and counters") {
  for (const char* kind : {"zip", "stream"}) {
    const StateDict d = read_pth(golden(fmt::format("module_{}.pth", kind)));
    CHECK(d.size() == 7);
    CHECK(d.at("0.weight").shape() == Shape{3, 2, 1, 1});
    CHECK(d.at("1.running_var").to_vector<float>() == std::vector<float>{50, 51, 52});
    CHECK(d.at("1.num_batches_tracked").to_vector<int64_t>() == std::vector<int64_t>{60});
  }
}

TEST_CASE("pth: a pickle that calls os.system is refused, with the place, and calls nothing") {
  fs::remove("harm");
  for (const char* kind : {"zip", "stream"}) {
    const std::string bytes = text_of(golden(fmt::format("system_{}.pth", kind)));
    const std::string said = complaint(bytes);
    CAPTURE(said);
    CHECK(contains(said, "global posix.system at byte "));
    CHECK(contains(said, " is nothing that a state dict needs; it was not executed"));
  }
  CHECK_FALSE(fs::exists("harm"));
}

TEST_CASE("pth: every other way to call is an opcode that is refused") {
  const std::pair<const char*, const char*> calls[] = {{"(ios\nsystem\n", "i"}, {"(o", "o"},          {")\x81", "0x81"},
                                                       {")}\x92", "0x92"},      {"\x82\x01", "0x82"}, {"\x93", "0x93"}};
  for (const auto& [code, shown] : calls) {
    const std::string said = complaint(zipped(kStart + code + std::string("."), ""));
    CAPTURE(said);
    CHECK(contains(said, fmt::format("data.pkl: opcode {} at byte ", shown)));
  }
  CHECK(contains(complaint(zipped(kStart + "ccollections\nOrderedDict\nNR.", "")), "calls a global with None"));
  CHECK(contains(complaint(zipped(kStart + "N)R.", "")), "calls None with a tuple"));
}

TEST_CASE("pth: a tensor that leads out of its storage or out of memory is refused") {
  const std::string four(16, '\0');
  const auto with = [&](const std::string& t) { return complaint(zipped(dict_of("w", t), four)); };
  CHECK(with(tensor("0", 4, 0, {2, 2}, {2, 1})) == "");
  CHECK(with(tensor("0", 4, 3, {1, 1}, {9, 9})) == "");
  CHECK(with(tensor("0", 4, 1, {2, 2}, {2, 1})) == "w: its last element is 4 of a storage of 4");
  CHECK(with(tensor("0", 4, 0, {2}, {4})) == "w: its last element is 4 of a storage of 4");
  CHECK(with(tensor("0", 4, INT64_MAX, {2}, {1})) == "w: its last element is 9223372036854775808 of a storage of 4");
  CHECK(contains(with(tensor("0", 4, 0, {2}, {INT64_MAX})), "w: stride 9223372036854775807 leads out of its storage"));
  CHECK(contains(with(tensor("0", 4, 0, {int64_t(1) << 62}, {0})), "w: more elements than a file of "));
  CHECK(contains(with(tensor("0", 4, 0, {int64_t(1) << 40, int64_t(1) << 40, 0}, {0, 0, 0})), "w: more elements"));
  CHECK(contains(with(tensor("0", 4, 0, {2000}, {0})), "at most 8 times as many expected"));
  CHECK(with(tensor("0", 4, 0, {-1}, {1})) == "w: its size is no count");
  CHECK(with(tensor("0", 4, 0, {2, 2}, {1})) == "w: 1 strides for 2 sizes");
  CHECK(with(tensor("0", 4, 0, {1, 1, 1, 1, 1, 1, 1}, {1, 1, 1, 1, 1, 1, 1})) == "w: 7 axes; at most 6 expected");
  CHECK(with(tensor("1", 4, 0, {4}, {1})) == "w: its storage 1 is not in the file");
  CHECK(with(tensor("0", 5, 0, {4}, {1})) == "w: its storage 0 has 16 bytes; 20 expected");
  CHECK(
      contains(with(tensor("0", INT64_MAX, 0, {4}, {1})), "w: a storage of 9223372036854775807 elements in a file of"));
  CHECK(contains(with(tensor("0", 4, 0, {4}, {1}, "CharStorage")), "global torch.CharStorage at byte "));
}

TEST_CASE("pth: what is no state dict is refused") {
  const auto with = [](const std::string& pickle) { return complaint(zipped(pickle, "")); };
  CHECK(with(kStart + "K\x05.") == "the file holds an integer; a state dict expected (names and tensors)");
  CHECK(with(dict_of("model", "}")) == "model: is a dict; a tensor expected");
  CHECK(with(kStart + "}K\x01Ns.") == "a key of the state dict is an integer; a name expected");
  CHECK(with(kStart + "}" + text("a") + "s.") == "data.pkl: opcode s at byte 9 takes from an empty stack");
  CHECK(with(kStart + ".") == "data.pkl: opcode . at byte 2 takes from an empty stack");
  CHECK(with(kStart + "h\x07.") == "data.pkl: memo 7 at byte 2 was never stored");
  CHECK(with(kStart + "t.") == "data.pkl: opcode t at byte 2 has no mark");
  CHECK(with(kStart + "N(s.") == "data.pkl: opcode s at byte 4 takes from an empty stack");
  CHECK(with("\x80\x04.") == "data.pkl: a pickle of protocol 4 at byte 0; 2 expected, as torch.save writes it");
  CHECK(with(kStart + "X\xff\xff\xff\xff") ==
        "data.pkl: cut short: 4294967295 more bytes expected at byte 7, 0 are there");
  CHECK(with(dict_of("w", tensor("0", 0, 0, {0}, {1})) + "x") == "data.pkl goes on behind its end");
  CHECK(complaint("PK\3\4") == "4 bytes is too short for a zip");
  CHECK(complaint("hello") == "neither a zip nor a pickle; a file of torch.save expected");
  CHECK(complaint("") == "neither a zip nor a pickle; a file of torch.save expected");
  CHECK(complaint(kStart + "K\x05.") == "does not begin with torch.save's magic number");
  std::ostringstream out;
  ZipWriter zip(out);
  zip.entry("readme.txt", "hello");
  zip.finish();
  CHECK(complaint(out.str()) == "a zip without data.pkl; a file of torch.save expected");
}

TEST_CASE("pth: a value that holds itself is read, not followed") {
  CHECK(complaint(zipped(kStart + "}q\x01" + text("a") + "h\x01s.", "")) == "a: is a dict; a tensor expected");
}

TEST_CASE("pth: compressed, damaged or doubled zip entries are refused") {
  const std::string good = zipped(dict_of("w", tensor("0", 1, 0, {1}, {1})), std::string(4, '\0'));
  REQUIRE(complaint(good) == "");
  std::string deflated = good, damaged = good;
  deflated[good.find("PK\1\2") + 10] = 8;
  CHECK(complaint(deflated) ==
        "m/data.pkl is compressed (method 8); stored entries expected, as torch.save writes them");
  damaged[good.find("cpu")] = 'g';
  CHECK(complaint(damaged) == "m/data.pkl: the checksum is wrong: the file is damaged");
  std::ostringstream out;
  ZipWriter zip(out);
  zip.entry("m/data.pkl", "a"), zip.entry("m/data.pkl", "a");
  zip.finish();
  CHECK(complaint(out.str()) == "m/data.pkl is there twice");
}

TEST_CASE("pth: a stream's storages are the list's, in its order, of the sizes that the dict says") {
  const auto value = [](int64_t elements) { return tensor("k", elements, 0, {1}, {1}, "FloatStorage", "N"); };
  const std::string one = raw(int64_t(1)) + raw(2.5f);
  CHECK(complaint(streamed(dict_of("w", value(1)), {"k"}, one)) == "");
  CHECK(complaint(streamed(dict_of("w", value(1)), {"k"}, one + "x")) == "1 bytes behind the last storage");
  CHECK(complaint(streamed(dict_of("w", value(1)), {"k", "k"}, one + one)) == "storage k is there twice");
  CHECK(complaint(streamed(dict_of("w", value(1)), {"j"}, one)) == "storage j is no tensor's");
  CHECK(complaint(streamed(dict_of("w", value(1)), {}, "")) == "w: its storage k is not in the file");
  CHECK(complaint(streamed(dict_of("w", value(2)), {"k"}, one)) == "storage k has 1 elements; 2 expected");
  CHECK(contains(complaint(streamed(dict_of("w", value(1)), {"k"}, raw(int64_t(1)))),
                 "cut short: storage k needs 4 bytes"));
}

TEST_CASE("pth: cut short anywhere, it is an error and never a crash") {
  for (const char* name : {"module_zip.pth", "module_stream.pth"}) {
    const std::string whole = text_of(golden(name));
    for (size_t n = 0; n < whole.size(); ++n) CHECK_MESSAGE(complaint(whole.substr(0, n)) != "", n);
  }
}

TEST_CASE("pth: what is written reads back to the bit, by way of safetensors too") {
  const test::Folder folder("pth_round");
  const auto same = [](const Tensor& a, const Tensor& b) {
    return a.shape() == b.shape() && a.dtype() == b.dtype() &&
           (a.bytes() == 0 || std::memcmp(a.raw(), b.raw(), a.bytes()) == 0);
  };
  const StateDict d = read_pth(golden("odd_zip.pth"));
  write_pth(folder.path / "a.pth", d);
  write_safetensors(folder.path / "b.safetensors", {read_pth(folder.path / "a.pth"), {}});
  write_pth(folder.path / "c.pth", read_safetensors(folder.path / "b.safetensors").tensors);
  const StateDict back = read_pth(folder.path / "c.pth");
  REQUIRE(back.size() == d.size());
  for (const auto& [name, t] : d) CHECK_MESSAGE(same(t, back.at(name)), name);
}

TEST_CASE("pth: a folder and a missing file are named") {
  CHECK_THROWS_WITH_AS(read_pth("/nowhere/a.pth"), "/nowhere/a.pth: no such file", Error);
  CHECK_THROWS_WITH_AS(read_pth("/"), "/: a folder; a .pth file expected", Error);
}
