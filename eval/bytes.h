// Numbers, texts and lists as bytes and back, for files of our own.  Little-endian, as all machines we run on.
#pragma once
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "tensor/check.h"

namespace sil {

static_assert(std::endian::native == std::endian::little);

class ByteWriter {
 public:
  template <class T>
  void put(const T& value) {
    static_assert(std::is_arithmetic_v<T>);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void put_text(std::string_view text) {
    put(uint64_t(text.size()));
    bytes_ += text;
  }
  template <class T>
  void put_list(const std::vector<T>& list) {
    static_assert(std::is_arithmetic_v<T>);
    put(uint64_t(list.size()));
    bytes_.append(reinterpret_cast<const char*>(list.data()), list.size() * sizeof(T));
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

// Throws an Error("<source>: ...") where the bytes end too early; allocates no more than they hold.
class ByteReader {
 public:
  ByteReader(std::string_view bytes, std::string source) : bytes_(bytes), source_(std::move(source)) {}

  template <class T>
  T take() {
    static_assert(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>);
    T value;
    std::memcpy(&value, next(1, sizeof(T)).data(), sizeof(T));
    return value;
  }
  std::string take_text() { return std::string(next(take<uint64_t>(), 1)); }
  template <class T>
  std::vector<T> take_list() {
    const std::string_view from = next(take<uint64_t>(), sizeof(T));
    std::vector<T> list(from.size() / sizeof(T));
    if (!list.empty()) std::memcpy(list.data(), from.data(), from.size());
    return list;
  }
  // How many things follow, each of `least` bytes or more.
  size_t take_count(size_t least) {
    const uint64_t count = take<uint64_t>();
    check(count <= (bytes_.size() - at_) / least, "{}: it ends too early", source_);
    return size_t(count);
  }
  void expect(bool right, std::string_view what) const { check(right, "{}: wrong {}", source_, what); }
  void finish() const { check(at_ == bytes_.size(), "{}: bytes are left over", source_); }

 private:
  std::string_view next(uint64_t count, size_t size) {
    check(count <= (bytes_.size() - at_) / size, "{}: it ends too early", source_);
    const std::string_view out = bytes_.substr(at_, size_t(count) * size);
    at_ += out.size();
    return out;
  }

  std::string_view bytes_;
  std::string source_;
  size_t at_ = 0;
};

}  // namespace sil
