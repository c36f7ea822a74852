#include "cuda/bad_luck.h"

#include <sys/mman.h>

#include <atomic>
#include <map>
#include <mutex>

#include "cuda/simt_host.h"
#include "tensor/check.h"

namespace sil::simt {
namespace {

std::mutex mutex;
BadLuck luck;
int64_t calls = 0;
std::atomic<int64_t> uploads = 0, downloads = 0;
size_t used = 0;                                    // bytes of blocks that are allocated
size_t total = std::numeric_limits<size_t>::max();  // bytes that the device has

Kernels& lucky() {
  static auto& table = *new Kernels;
  return table;
}
std::map<void*, size_t>& blocks() {  // and their sizes
  static auto& all = *new std::map<void*, size_t>;
  return all;
}

// Memory whose pages the host may touch while work is at hand alone: blocks one behind the other, never given back
// (the arena reuses them).  In pages of 2 MiB where the system has them: allowing and forbidding costs time by the
// page.
struct Guarded {
  static constexpr size_t kReserved = size_t(64) << 30, kPage = 4096, kHugePage = size_t(1) << 21;
  char *begin = nullptr, *end = nullptr;
  bool on = false;
  int at_work = 0;

  static size_t up(size_t bytes, size_t to) { return (bytes + to - 1) / to * to; }

  void* allocate(size_t bytes) {
    if (!begin) {
      void* all = mmap(nullptr, kReserved, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
      check(all != MAP_FAILED, "simt: no addresses for guarded memory");
      madvise(all, kReserved, MADV_HUGEPAGE);
      begin = end = reinterpret_cast<char*>(up(reinterpret_cast<uintptr_t>(all), kHugePage));
    }
    const size_t size = up(bytes, kPage);
    if (size > kReserved - kHugePage - used()) return nullptr;
    end += size;
    if (at_work) allow(PROT_READ | PROT_WRITE);
    return end - size;
  }
  bool owns(const void* p) const { return p >= begin && p < end; }
  void allow(int protection) {
    if (end > begin) mprotect(begin, up(used(), kHugePage), protection);
  }

 private:
  size_t used() const { return size_t(end - begin); }
};
Guarded guarded;

void* allocate(size_t bytes) {
  count_call("allocate");
  const std::lock_guard lock(mutex);
  if (bytes > total - used) return nullptr;
  void* block = guarded.on ? guarded.allocate(bytes) : lucky().allocate(bytes);
  if (!block) return nullptr;
  blocks()[block] = bytes, used += bytes;
  if (!guarded.on) fill_unwritten(block, bytes);
  return block;
}

void release(void* block) {
  const std::lock_guard lock(mutex);
  if (!guarded.owns(block)) lucky().release(block);
  const auto found = blocks().find(block);
  if (found == blocks().end()) return;
  used -= found->second;
  blocks().erase(found);
}

void memory(size_t& free, size_t& all) {
  lucky().memory(free, all);
  const std::lock_guard lock(mutex);
  free = std::min(free, total - used), all = std::min(all, total);
}

void upload(Stream s, const void* host, void* device, size_t bytes) {
  count_call("upload");
  ++uploads;
  const DeviceWork work;
  lucky().upload(s, host, device, bytes);
}

void download(Stream s, const void* device, void* host, size_t bytes) {
  count_call("download");
  ++downloads;
  const DeviceWork work;
  lucky().download(s, device, host, bytes);
}

void* begin_download(Stream s, const void* device, size_t bytes) {
  count_call("download");
  const DeviceWork work;
  return lucky().begin_download(s, device, bytes);
}

void copy(Stream s, In x, Out y) {
  count_call("copy");
  const DeviceWork work;
  lucky().copy(s, x, y);
}

// One of the table's functions as work on the device.
template <auto Entry, class Function = std::remove_reference_t<decltype(lucky().*Entry)>>
struct AtWork;
template <auto Entry, class... Arguments>
struct AtWork<Entry, void (*)(Arguments...)> {
  static void call(Arguments... arguments) {
    const DeviceWork work;
    (lucky().*Entry)(arguments...);
  }
};

}  // namespace

void guard_memory(bool on) {
  const std::lock_guard lock(mutex);
  guarded.on = on;
  guarded.allow(on ? PROT_NONE : PROT_READ | PROT_WRITE);
}

DeviceWork::DeviceWork() {
  const std::lock_guard lock(mutex);
  if (guarded.at_work++ == 0 && guarded.on) guarded.allow(PROT_READ | PROT_WRITE);
}
DeviceWork::~DeviceWork() {
  const std::lock_guard lock(mutex);
  if (--guarded.at_work == 0 && guarded.on) guarded.allow(PROT_NONE);
}

void set_bad_luck(BadLuck b) {
  const std::lock_guard lock(mutex);
  luck = b, calls = 0, uploads = 0, downloads = 0;
  total = b.memory > std::numeric_limits<size_t>::max() - used ? b.memory : used + b.memory;
}

int64_t calls_since_then() {
  const std::lock_guard lock(mutex);
  return calls;
}

int64_t uploads_since_then() { return uploads; }
int64_t downloads_since_then() { return downloads; }

void count_call(const char* what) {
  const std::lock_guard lock(mutex);
  if (calls++ >= luck.good_calls) fail("cuda: {}: unspecified launch failure (planted)", what);
}

Kernels unlucky(Kernels table) {
  lucky() = table;
  table.allocate = allocate, table.release = release, table.memory = memory;
  table.upload = upload, table.download = download, table.begin_download = begin_download, table.copy = copy;
  table.matmul = AtWork<&Kernels::matmul>::call;
  table.conv2d = AtWork<&Kernels::conv2d>::call;
  table.conv2d_backward_input = AtWork<&Kernels::conv2d_backward_input>::call;
  table.conv2d_backward_weight = AtWork<&Kernels::conv2d_backward_weight>::call;
  table.conv_transpose2d = AtWork<&Kernels::conv_transpose2d>::call;
  table.conv_transpose2d_backward_input = AtWork<&Kernels::conv_transpose2d_backward_input>::call;
  table.conv_transpose2d_backward_weight = AtWork<&Kernels::conv_transpose2d_backward_weight>::call;
  return table;
}

}  // namespace sil::simt
