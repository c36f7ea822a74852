#include "nn/safetensors.h"

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <fstream>
#include <optional>
#include <vector>

#include "tensor/atomic_file.h"
#include "tensor/check.h"
#include "tensor/ops.h"

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

namespace sil {
namespace {

constexpr uint64_t kMaxHeader = 100'000'000;  // as the format's own reader has it

struct FileDType {
  const char* name;
  DType dtype;
};
constexpr FileDType kDTypes[] = {{"F32", DType::f32}, {"BF16", DType::bf16}, {"F16", DType::f16}, {"F64", DType::f64},
                                 {"I64", DType::i64}, {"I32", DType::i32},   {"U8", DType::u8}};

std::optional<DType> parse_dtype(std::string_view text) {
  for (const FileDType& d : kDTypes)
    if (text == d.name) return d.dtype;
  return std::nullopt;
}

const char* file_name(DType dtype) {
  for (const FileDType& d : kDTypes)
    if (dtype == d.dtype) return d.name;
  fail("safetensors: {} cannot be stored", name(dtype));
}

struct Entry {
  std::string name;
  DType dtype;
  Shape shape;
  uint64_t begin, end;  // from the end of the header
};

using Json = rapidjson::Value;

// Whole: a NUL does not end it.
std::string string_of(const Json& v) { return {v.GetString(), v.GetStringLength()}; }

bool is_list_of_counts(const Json& v) {
  return v.IsArray() && std::all_of(v.Begin(), v.End(), [](const Json& e) { return e.IsUint64(); });
}

// Bytes that a shape and dtype need; nothing if that overflows.
std::optional<uint64_t> bytes_of(const Json& shape, DType dtype) {
  uint64_t n = size_of(dtype);
  bool zero = false;
  for (const Json& e : shape.GetArray()) {
    zero |= e.GetUint64() == 0;
    if (e.GetUint64() && n > (uint64_t(1) << 62) / e.GetUint64()) return std::nullopt;
    n *= std::max<uint64_t>(e.GetUint64(), 1);
  }
  return zero ? 0 : n;
}

Entry parse_entry(const std::string& file, const std::string& key, const Json& v, uint64_t data_bytes) {
  check(v.IsObject() && v.HasMember("dtype") && v.HasMember("shape") && v.HasMember("data_offsets"),
        "{}: {}: an object with dtype, shape and data_offsets expected", file, key);
  check(v["dtype"].IsString(), "{}: {}: dtype is no string", file, key);
  const auto dtype = parse_dtype(string_of(v["dtype"]));
  check(dtype.has_value(), "{}: {}: dtype is {}; F32, BF16, F16, F64, I64, I32 or U8 expected", file, key,
        string_of(v["dtype"]));
  check(is_list_of_counts(v["shape"]) && v["shape"].Size() <= rapidjson::SizeType(Shape::kMaxRank),
        "{}: {}: shape is not a list of at most {} counts", file, key, int(Shape::kMaxRank));
  check(is_list_of_counts(v["data_offsets"]) && v["data_offsets"].Size() == 2,
        "{}: {}: data_offsets is not a pair of counts", file, key);
  const uint64_t begin = v["data_offsets"][0].GetUint64(), end = v["data_offsets"][1].GetUint64();
  check(begin <= end && end <= data_bytes, "{}: {}: data_offsets are [{}, {}], the data has {} bytes", file, key, begin,
        end, data_bytes);
  const auto bytes = bytes_of(v["shape"], *dtype);
  check(bytes.has_value(), "{}: {}: shape has more elements than memory holds", file, key);
  std::vector<int64_t> dims;
  for (const Json& e : v["shape"].GetArray()) dims.push_back(int64_t(e.GetUint64()));
  const Shape shape{std::span<const int64_t>(dims)};
  check(*bytes == end - begin, "{}: {}: {} bytes for shape {} of {}, {} expected", file, key, end - begin, shape,
        v["dtype"].GetString(), *bytes);
  return {key, *dtype, shape, begin, end};
}

// The data has no gaps and no two tensors share a byte.
void check_tiling(const std::string& file, std::vector<Entry> entries, uint64_t data_bytes) {
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return std::pair(a.begin, a.end) < std::pair(b.begin, b.end); });
  uint64_t at = 0;
  for (const Entry& e : entries) {
    check(e.begin >= at, "{}: {}: overlaps another tensor: begins at {}, {} expected", file, e.name, e.begin, at);
    check(e.begin == at, "{}: {}: begins at {}, {} expected: bytes of no tensor lie between", file, e.name, e.begin,
          at);
    at = e.end;
  }
  check(at == data_bytes, "{}: {} bytes of data, the header describes {}", file, data_bytes, at);
}

std::string read_header(std::ifstream& in, const std::string& file, uint64_t file_bytes) {
  uint64_t n = 0;
  check(file_bytes >= 8 && in.read(reinterpret_cast<char*>(&n), 8), "{}: {} bytes is too short for a .safetensors file",
        file, file_bytes);
  check(n <= kMaxHeader && n <= file_bytes - 8,
        "{}: not a .safetensors file, or truncated: its header has {} bytes, the file {}", file, n, file_bytes);
  std::string text(n, '\0');
  check(bool(in.read(text.data(), std::streamsize(n))), "{}: the header cannot be read", file);
  return text;
}

Tensor read_tensor(std::ifstream& in, const std::string& file, const Entry& e, uint64_t data_begin) {
  in.seekg(std::streamoff(data_begin + e.begin));
  Tensor t(e.shape, e.dtype == DType::f16 ? DType::f32 : e.dtype);
  if (e.dtype != DType::f16) {
    check(bool(in.read(static_cast<char*>(t.raw()), std::streamsize(t.bytes()))), "{}: {}: cannot be read", file,
          e.name);
    return t;
  }
  std::vector<uint16_t> halves(size_t(t.numel()));
  check(bool(in.read(reinterpret_cast<char*>(halves.data()), std::streamsize(halves.size() * 2))),
        "{}: {}: cannot be read", file, e.name);
  std::transform(halves.begin(), halves.end(), t.data<float>(),
                 [](uint16_t h) { return float(std::bit_cast<float16>(h)); });
  return t;
}

}  // namespace

TensorFile read_safetensors(const std::filesystem::path& path) {
  const std::string file = path.string();
  std::error_code error;
  check(!std::filesystem::is_directory(path, error), "{}: a folder; a .safetensors file expected", file);
  check(std::filesystem::is_regular_file(path, error), "{}: no such file", file);
  const uint64_t file_bytes = std::filesystem::file_size(path, error);
  std::ifstream in(path, std::ios::binary);
  check(bool(in), "{}: cannot be opened", file);

  const std::string text = read_header(in, file, file_bytes);
  const uint64_t data_begin = 8 + text.size(), data_bytes = file_bytes - data_begin;
  rapidjson::Document header;
  header.Parse<rapidjson::kParseIterativeFlag>(text.data(), text.size());
  check(!header.HasParseError() && header.IsObject(), "{}: the header is not a JSON object", file);

  TensorFile out;
  std::vector<Entry> entries;
  for (const auto& member : header.GetObject()) {
    const std::string key = string_of(member.name);
    check(key.find('\0') == std::string::npos, "{}: a tensor's name has a NUL in it", file);
    if (key != "__metadata__") {
      entries.push_back(parse_entry(file, key, member.value, data_bytes));
      continue;
    }
    check(member.value.IsObject(), "{}: __metadata__: an object of strings expected", file);
    for (const auto& m : member.value.GetObject()) {
      check(m.value.IsString(), "{}: __metadata__: {} is no string", file, string_of(m.name));
      out.metadata[string_of(m.name)] = string_of(m.value);
    }
  }
  check_tiling(file, entries, data_bytes);
  for (const Entry& e : entries) {
    check(!out.tensors.contains(e.name), "{}: {}: is there twice", file, e.name);
    out.tensors[e.name] = read_tensor(in, file, e, data_begin);
  }
  return out;
}

void write_safetensors(const std::filesystem::path& path, const TensorFile& contents) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> json(buffer);
  const auto put = [&](const std::string& s) { json.String(s.data(), rapidjson::SizeType(s.size())); };
  json.StartObject();
  if (!contents.metadata.empty()) {
    json.Key("__metadata__"), json.StartObject();
    for (const auto& [key, value] : contents.metadata) put(key), put(value);
    json.EndObject();
  }
  uint64_t at = 0;
  for (const auto& [key, t] : contents.tensors) {
    put(key), json.StartObject();
    json.Key("dtype"), json.String(file_name(t.dtype()));
    json.Key("shape"), json.StartArray();
    for (int64_t d : t.shape().dims()) json.Int64(d);
    json.EndArray();
    json.Key("data_offsets"), json.StartArray(), json.Uint64(at), json.Uint64(at += t.bytes()), json.EndArray();
    json.EndObject();
  }
  json.EndObject();

  // Padded, so that the data begins at a multiple of 8.
  std::string header(buffer.GetString(), buffer.GetSize());
  header.append((8 - header.size() % 8) % 8, ' ');
  write_atomically(path, [&](std::ostream& out) {
    const uint64_t n = header.size();
    out.write(reinterpret_cast<const char*>(&n), 8).write(header.data(), std::streamsize(n));
    for (const auto& [key, tensor] : contents.tensors) {
      const Tensor t = tensor.to(Device::cpu());
      if (t.bytes()) out.write(static_cast<const char*>(t.raw()), std::streamsize(t.bytes()));
    }
  });
}

}  // namespace sil
