#include "eval/npz.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <functional>
#include <numeric>

#include "tensor/atomic_file.h"
#include "tensor/check.h"

namespace sil {
namespace {

static_assert(std::endian::native == std::endian::little, "zip, npy and the memory have one byte order");

constexpr std::array<uint32_t, 256> crc_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t c = i;
    for (int bit = 0; bit < 8; ++bit) c = c & 1 ? c >> 1 ^ 0xEDB88320u : c >> 1;
    table[i] = c;
  }
  return table;
}

std::string_view bytes_of(std::span<const double> values) {
  return {reinterpret_cast<const char*>(values.data()), values.size_bytes()};
}

// numpy/lib/format.py: magic, version, length, a Python literal padded so that the data begins at a multiple of 64.
std::string npy_header(const std::vector<size_t>& shape) {
  const std::string tuple = fmt::format("({}{})", fmt::join(shape, ", "), shape.size() == 1 ? "," : "");
  std::string literal = fmt::format("{{'descr': '<f8', 'fortran_order': False, 'shape': {}, }}", tuple);
  literal.append((64 - (10 + literal.size() + 1) % 64) % 64, ' ');
  literal += '\n';
  std::string header("\x93NUMPY\x01\x00", 8);
  header += char(literal.size() & 255);
  header += char(literal.size() >> 8);
  return header + literal;
}

template <class T>
void put(std::string& to, T value) {
  to.append(reinterpret_cast<const char*>(&value), sizeof value);
}

struct Entry {
  std::string name, header;
  std::string_view values;
  uint32_t crc = 0;
  uint64_t offset = 0;
  uint64_t size() const { return header.size() + values.size(); }
};

// What a zip's local and central headers share; its files are of 1980-01-01, so that equal numbers are equal bytes.
void put_common(std::string& to, const Entry& e) {
  put<uint16_t>(to, 20);      // version needed
  put<uint16_t>(to, 0);       // flags
  put<uint16_t>(to, 0);       // stored
  put<uint16_t>(to, 0);       // time
  put<uint16_t>(to, 0x0021);  // date
  put<uint32_t>(to, e.crc);
  put<uint32_t>(to, uint32_t(e.size()));
  put<uint32_t>(to, uint32_t(e.size()));
  put<uint16_t>(to, uint16_t(e.name.size()));
  put<uint16_t>(to, 0);  // extra
}

std::string local_header(const Entry& e) {
  std::string to;
  put<uint32_t>(to, 0x04034b50);
  put_common(to, e);
  return to + e.name;
}

std::string directory(std::span<const Entry> entries, uint64_t offset) {
  std::string to;
  for (const Entry& e : entries) {
    put<uint32_t>(to, 0x02014b50);
    put<uint16_t>(to, 20);  // made by
    put_common(to, e);
    put<uint16_t>(to, 0);  // comment
    put<uint16_t>(to, 0);  // disk
    put<uint16_t>(to, 0);  // internal attributes
    put<uint32_t>(to, 0);  // external attributes
    put<uint32_t>(to, uint32_t(e.offset));
    to += e.name;
  }
  const uint32_t size = uint32_t(to.size());
  put<uint32_t>(to, 0x06054b50);
  put<uint32_t>(to, 0);  // disks
  put<uint16_t>(to, uint16_t(entries.size()));
  put<uint16_t>(to, uint16_t(entries.size()));
  put<uint32_t>(to, size);
  put<uint32_t>(to, uint32_t(offset));
  put<uint16_t>(to, 0);  // comment
  return to;
}

}  // namespace

uint32_t crc32(std::string_view bytes, uint32_t so_far) {
  static constexpr std::array<uint32_t, 256> table = crc_table();
  uint32_t c = ~so_far;
  for (const char byte : bytes) c = table[(c ^ uint8_t(byte)) & 255] ^ c >> 8;
  return ~c;
}

void write_npz(const std::filesystem::path& path, std::span<const NamedArray> arrays) {
  std::vector<Entry> entries;
  uint64_t end = 0;
  for (const NamedArray& a : arrays) {
    const size_t count = std::accumulate(a.shape.begin(), a.shape.end(), size_t(1), std::multiplies{});
    check(count == a.values.size(), "{}: array {} has {} numbers, its shape {}", path.string(), a.name, a.values.size(),
          count);
    Entry e{a.name + ".npy", npy_header(a.shape), bytes_of(a.values), 0, end};
    e.crc = crc32(e.values, crc32(e.header));
    end += 30 + e.name.size() + e.size();
    entries.push_back(std::move(e));
  }
  check(end < uint64_t(1) << 32, "{}: the arrays take {} bytes; under 4 GiB expected", path.string(), end);
  write_atomically(path, [&](std::ostream& out) {
    for (const Entry& e : entries) out << local_header(e) << e.header << e.values;
    out << directory(entries, end);
  });
}

}  // namespace sil
