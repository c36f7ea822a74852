// Zip archives of stored entries, as torch.save writes them (PKWARE's APPNOTE.TXT, sections 4.3 and 4.4).
#pragma once
#include <cstdint>
#include <map>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace sil {

using ZipEntries = std::map<std::string, std::string_view>;

// The entries by name, as views into the archive.  Throws an Error that names `source` and the entry: compressed or
// encrypted, out of bounds, twice there, with a wrong checksum.
ZipEntries read_zip(std::string_view archive, const std::string& source);

// Writes one entry after the other and, at the end, the directory.  Each entry's bytes begin at a multiple of 64, as
// torch has it.  At most 4 GiB, else an Error.
class ZipWriter {
 public:
  explicit ZipWriter(std::ostream& out) : out_(out) {}
  void entry(const std::string& name, std::string_view bytes);
  void finish();

 private:
  struct Written {
    std::string name;
    uint32_t crc, size, offset;
  };
  std::ostream& out_;
  uint64_t at_ = 0;
  std::vector<Written> written_;
};

}  // namespace sil
