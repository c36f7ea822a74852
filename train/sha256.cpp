#include "train/sha256.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <vector>

#include "tensor/check.h"

namespace sil {
namespace {

constexpr size_t kBlock = 64;

// Section 4.2.2: the first 32 bits of the fractional parts of the cube roots of the first 64 primes; section 5.3.3: of
// the square roots of the first 8.  Long double holds 64 bits, so 32 behind the point are exact.
struct Constants {
  std::array<uint32_t, 64> round{};
  std::array<uint32_t, 8> start{};

  Constants() {
    const auto fraction = [](long double x) { return uint32_t((x - std::floor(x)) * 4294967296.0L); };
    size_t found = 0;
    for (unsigned n = 2; found < 64; ++n) {
      bool prime = true;
      for (unsigned d = 2; d * d <= n; ++d) prime &= n % d != 0;
      if (!prime) continue;
      if (found < 8) start[found] = fraction(std::sqrt(static_cast<long double>(n)));
      round[found++] = fraction(std::cbrt(static_cast<long double>(n)));
    }
  }
};

const Constants& constants() {
  static const Constants c;
  return c;
}

class Digest {
 public:
  // Whole blocks only.
  void add(std::string_view bytes) {
    for (size_t at = 0; at + kBlock <= bytes.size(); at += kBlock) block(bytes.data() + at);
    total_ += bytes.size();
  }

  // What is left of less than a block, padded with a bit 1, zeros and the length (section 5.1.1).
  std::string finish(std::string_view rest) {
    const uint64_t bits = (total_ + rest.size()) * 8;
    std::string tail(rest);
    tail += '\x80';
    tail.resize((tail.size() + 8 + kBlock - 1) / kBlock * kBlock - 8);
    for (int shift = 56; shift >= 0; shift -= 8) tail += char(bits >> shift);
    add(tail);
    std::string hex;
    for (uint32_t word : state_) hex += fmt::format("{:08x}", word);
    return hex;
  }

 private:
  // Section 6.2.2.
  void block(const char* bytes) {
    std::array<uint32_t, 64> w{};
    for (size_t i = 0; i < 64; ++i) w[i] = i < 16 ? big_endian(bytes + 4 * i) : schedule(w, i);
    std::array<uint32_t, 8> s = state_;
    const std::array<uint32_t, 64>& k = constants().round;
    for (size_t i = 0; i < 64; ++i) {
      const uint32_t e = s[4], a = s[0];
      const uint32_t t1 =
          s[7] + (std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25)) + ((e & s[5]) ^ (~e & s[6])) + k[i] + w[i];
      const uint32_t t2 =
          (std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22)) + ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));
      s = {t1 + t2, a, s[1], s[2], s[3] + t1, e, s[5], s[6]};
    }
    for (size_t i = 0; i < 8; ++i) state_[i] += s[i];
  }

  static uint32_t big_endian(const char* b) {
    return uint32_t(uint8_t(b[0])) << 24 | uint32_t(uint8_t(b[1])) << 16 | uint32_t(uint8_t(b[2])) << 8 | uint8_t(b[3]);
  }

  static uint32_t schedule(const std::array<uint32_t, 64>& w, size_t i) {
    const uint32_t x = w[i - 15], y = w[i - 2];
    return w[i - 16] + w[i - 7] + (std::rotr(x, 7) ^ std::rotr(x, 18) ^ x >> 3) +
           (std::rotr(y, 17) ^ std::rotr(y, 19) ^ y >> 10);
  }

  std::array<uint32_t, 8> state_ = constants().start;
  uint64_t total_ = 0;
};

}  // namespace

std::string sha256(std::string_view bytes) {
  Digest digest;
  const size_t whole = bytes.size() / kBlock * kBlock;
  digest.add(bytes.substr(0, whole));
  return digest.finish(bytes.substr(whole));
}

std::string sha256_of_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  check(bool(in), "{}: cannot be opened", path.string());
  Digest digest;
  std::string chunk(kBlock << 14, '\0');
  for (;;) {
    in.read(chunk.data(), std::streamsize(chunk.size()));
    const std::string_view got(chunk.data(), size_t(in.gcount()));
    check(!in.bad(), "{}: cannot be read", path.string());
    if (got.size() < chunk.size()) {
      const size_t whole = got.size() / kBlock * kBlock;
      digest.add(got.substr(0, whole));
      return digest.finish(got.substr(whole));
    }
    digest.add(got);
  }
}

}  // namespace sil
