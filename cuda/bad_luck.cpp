#include "cuda/bad_luck.h"

#include <map>
#include <mutex>

#include "tensor/check.h"

namespace sil::simt {
namespace {

std::mutex mutex;
BadLuck luck;
int64_t calls = 0;
size_t used = 0;  // since set_bad_luck

Kernels& lucky() {
  static auto& table = *new Kernels;
  return table;
}
std::map<void*, size_t>& blocks() {  // allocated since set_bad_luck
  static auto& all = *new std::map<void*, size_t>;
  return all;
}

void* allocate(size_t bytes) {
  count_call("allocate");
  const std::lock_guard lock(mutex);
  if (bytes > luck.memory - used) return nullptr;
  void* block = lucky().allocate(bytes);
  if (block) blocks()[block] = bytes, used += bytes;
  return block;
}

void release(void* block) {
  lucky().release(block);
  const std::lock_guard lock(mutex);
  const auto found = blocks().find(block);
  if (found == blocks().end()) return;
  used -= found->second;
  blocks().erase(found);
}

void memory(size_t& free, size_t& total) {
  lucky().memory(free, total);
  const std::lock_guard lock(mutex);
  free = std::min(free, luck.memory - used), total = std::min(total, luck.memory);
}

void upload(Stream s, const void* host, void* device, size_t bytes) {
  count_call("upload");
  lucky().upload(s, host, device, bytes);
}

void download(Stream s, const void* device, void* host, size_t bytes) {
  count_call("download");
  lucky().download(s, device, host, bytes);
}

void copy(Stream s, In x, Out y) {
  count_call("copy");
  lucky().copy(s, x, y);
}

}  // namespace

void set_bad_luck(BadLuck b) {
  const std::lock_guard lock(mutex);
  luck = b, calls = 0, used = 0;
  blocks().clear();
}

int64_t calls_since_then() {
  const std::lock_guard lock(mutex);
  return calls;
}

void count_call(const char* what) {
  const std::lock_guard lock(mutex);
  if (calls++ >= luck.good_calls) fail("cuda: {}: unspecified launch failure (planted)", what);
}

Kernels unlucky(Kernels table) {
  lucky() = table;
  table.allocate = allocate, table.release = release, table.memory = memory;
  table.upload = upload, table.download = download, table.copy = copy;
  return table;
}

}  // namespace sil::simt
