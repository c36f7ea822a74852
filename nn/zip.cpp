#include "nn/zip.h"

#include <array>
#include <cstring>

#include "tensor/check.h"

namespace sil {
namespace {

constexpr uint32_t kLocal = 0x04034b50, kCentral = 0x02014b50, kEnd = 0x06054b50, kEnd64 = 0x06064b50,
                   kLocator64 = 0x07064b50;
constexpr size_t kLocalSize = 30, kCentralSize = 46, kEndSize = 22, kEnd64Size = 56, kLocatorSize = 20;
constexpr uint64_t kOverflow = 0xFFFFFFFF;  // the field that holds the number is elsewhere

// The checksum of ISO 3309, polynomial 0xEDB88320.
uint32_t crc32(std::string_view bytes) {
  static const std::array<uint32_t, 256> kTable = [] {
    std::array<uint32_t, 256> table{};
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t c = i;
      for (int k = 0; k < 8; ++k) c = c & 1 ? 0xEDB88320 ^ (c >> 1) : c >> 1;
      table[i] = c;
    }
    return table;
  }();
  uint32_t c = 0xFFFFFFFF;
  for (char b : bytes) c = kTable[(c ^ uint8_t(b)) & 255] ^ (c >> 8);
  return ~c;
}

class Reader {
 public:
  Reader(std::string_view archive, const std::string& source) : a_(archive), source_(source) {}

  ZipEntries entries() {
    const auto [count, begin] = directory();
    ZipEntries out;
    size_t at = begin;
    for (uint64_t i = 0; i < count; ++i) {
      need(at, kCentralSize, "directory");
      check(number<uint32_t>(at) == kCentral, "{}: entry {} of the zip's directory, at byte {}, is none", source_, i,
            at);
      const size_t name_size = number<uint16_t>(at + 28), extra_size = number<uint16_t>(at + 30);
      const size_t next = at + kCentralSize + name_size + extra_size + number<uint16_t>(at + 32);
      need(at, next - at, "directory");
      const std::string name(a_.substr(at + kCentralSize, name_size));
      check(out.emplace(name, bytes_of(at, name, a_.substr(at + kCentralSize + name_size, extra_size))).second,
            "{}: {} is there twice", source_, name);
      at = next;
    }
    return out;
  }

 private:
  struct Directory {
    uint64_t count, begin;
  };

  template <class T>
  T number(size_t at) const {
    T n;
    std::memcpy(&n, a_.data() + at, sizeof n);
    return n;
  }

  void need(size_t at, size_t bytes, const std::string& what) const {
    check(at <= a_.size() && bytes <= a_.size() - at, "{}: {}: {} bytes at byte {} expected, the file has {}", source_,
          what, bytes, at, a_.size());
  }

  Directory directory() const {
    check(a_.size() >= kEndSize, "{}: {} bytes is too short for a zip", source_, a_.size());
    size_t end = a_.size() - kEndSize;
    const size_t lowest = end > 0xFFFF ? end - 0xFFFF : 0;  // a comment may follow
    while (number<uint32_t>(end) != kEnd) {
      check(end > lowest, "{}: not a zip, or cut short: its directory is missing", source_);
      --end;
    }
    Directory d{number<uint16_t>(end + 10), number<uint32_t>(end + 16)};
    if (d.count == 0xFFFF || d.begin == kOverflow) d = directory64(end);
    need(d.begin, 0, "directory");
    return d;
  }

  Directory directory64(size_t end) const {
    check(end >= kLocatorSize && number<uint32_t>(end - kLocatorSize) == kLocator64,
          "{}: the zip's directory for large files is missing", source_);
    const uint64_t at = number<uint64_t>(end - kLocatorSize + 8);
    need(at, kEnd64Size, "directory");
    check(number<uint32_t>(at) == kEnd64, "{}: the zip's directory for large files is missing", source_);
    return {number<uint64_t>(at + 32), number<uint64_t>(at + 48)};
  }

  // Of the entry whose directory record stands at `at`.
  std::string_view bytes_of(size_t at, const std::string& name, std::string_view extra) const {
    const uint16_t flags = number<uint16_t>(at + 8), method = number<uint16_t>(at + 10);
    check(!(flags & 1), "{}: {} is encrypted", source_, name);
    check(method == 0, "{}: {} is compressed (method {}); stored entries expected, as torch.save writes them", source_,
          name, method);
    uint64_t packed = number<uint32_t>(at + 20), size = number<uint32_t>(at + 24), offset = number<uint32_t>(at + 42);
    const std::vector<uint64_t> large = large_numbers(extra);
    size_t next = 0;
    for (uint64_t* field : {&size, &packed, &offset}) {
      if (*field != kOverflow) continue;
      check(next < large.size(), "{}: {}: a 64-bit size or offset is missing", source_, name);
      *field = large[next++];
    }
    check(packed == size, "{}: {} is stored, but {} bytes for {}", source_, name, packed, size);
    need(offset, kLocalSize, name);
    check(number<uint32_t>(offset) == kLocal, "{}: {}: no entry at byte {}", source_, name, offset);
    const uint64_t begin = offset + kLocalSize + number<uint16_t>(offset + 26) + number<uint16_t>(offset + 28);
    need(begin, size, name);
    const std::string_view bytes = a_.substr(begin, size);
    check(crc32(bytes) == number<uint32_t>(at + 16), "{}: {}: the checksum is wrong: the file is damaged", source_,
          name);
    return bytes;
  }

  // The 64-bit numbers of the extra field 1: of the fields that overflow, in the order size, packed size, offset.
  static std::vector<uint64_t> large_numbers(std::string_view extra) {
    std::vector<uint64_t> numbers;
    while (extra.size() >= 4) {
      uint16_t id, size;
      std::memcpy(&id, extra.data(), 2), std::memcpy(&size, extra.data() + 2, 2);
      const std::string_view field = extra.substr(4, size);
      for (size_t i = 0; id == 1 && i + 8 <= field.size(); i += 8)
        std::memcpy(&numbers.emplace_back(), field.data() + i, 8);
      extra.remove_prefix(4 + field.size());
    }
    return numbers;
  }

  std::string_view a_;
  const std::string& source_;
};

}  // namespace

ZipEntries read_zip(std::string_view archive, const std::string& source) { return Reader(archive, source).entries(); }

namespace {

constexpr size_t kAlignment = 64;
constexpr uint16_t kPaddingField = 0x4246;  // "FB", as torch names it

template <class... T>
std::string packed(T... numbers) {
  std::string bytes;
  (bytes.append(reinterpret_cast<const char*>(&numbers), sizeof numbers), ...);
  return bytes;
}

// What local and directory records share: version 0, no flags, stored, no time.
std::string common(uint32_t crc, uint32_t size, const std::string& name) {
  return packed(uint16_t(0), uint16_t(0), uint16_t(0), uint32_t(0), crc, size, size, uint16_t(name.size()));
}

}  // namespace

void ZipWriter::entry(const std::string& name, std::string_view bytes) {
  const uint64_t unpadded = at_ + kLocalSize + name.size() + 4;
  const uint64_t padding = (kAlignment - unpadded % kAlignment) % kAlignment;
  check(unpadded + padding + bytes.size() < kOverflow, "{} does not fit: a zip of less than 4 GiB expected", name);
  const uint32_t crc = crc32(bytes), size = uint32_t(bytes.size());
  std::string head = packed(kLocal) + common(crc, size, name) + packed(uint16_t(padding + 4)) + name;
  head += packed(kPaddingField, uint16_t(padding)) + std::string(padding, 'Z');
  out_.write(head.data(), std::streamsize(head.size())).write(bytes.data(), std::streamsize(bytes.size()));
  written_.push_back({name, crc, size, uint32_t(at_)});
  at_ += head.size() + bytes.size();
}

void ZipWriter::finish() {
  std::string directory;
  for (const Written& w : written_)
    directory += packed(kCentral, uint16_t(0)) + common(w.crc, w.size, w.name) +
                 packed(uint16_t(0), uint16_t(0), uint16_t(0), uint16_t(0), uint32_t(0), w.offset) + w.name;
  check(written_.size() < 0xFFFF && at_ + directory.size() < kOverflow, "the zip has {} entries and {} bytes: too many",
        written_.size(), at_);
  const uint16_t count = uint16_t(written_.size());
  directory +=
      packed(kEnd, uint16_t(0), uint16_t(0), count, count, uint32_t(directory.size()), uint32_t(at_), uint16_t(0));
  out_.write(directory.data(), std::streamsize(directory.size()));
}

}  // namespace sil
