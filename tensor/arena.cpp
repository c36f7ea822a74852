#include "tensor/arena.h"

#include <sanitizer/asan_interface.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "tensor/kernels.h"

namespace sil {
namespace {

// 64 bytes up to 512, then eight classes a power of two.
size_t size_class(size_t bytes) {
  const size_t step = std::max<size_t>(64, std::bit_floor(bytes) / 8);
  return (bytes + step - 1) / step * step;
}

// Tells AddressSanitizer, where it is, which bytes of a kernel's block belong to someone: all that was asked for, and
// none once it was given back.
void mark(Device device, void* block, size_t size, size_t owned) {
  if (device.kind() != Device::Kind::simt) return;
  ASAN_UNPOISON_MEMORY_REGION(block, owned);
  ASAN_POISON_MEMORY_REGION(static_cast<char*>(block) + owned, size - owned);
}

}  // namespace

Arena& Arena::of(Device device) {
  // Never destroyed: tensors with static storage duration may outlive any other order.
  static std::mutex mutex;
  static auto& arenas = *new std::map<std::pair<Device::Kind, int>, Arena*>;
  std::lock_guard lock(mutex);
  Arena*& a = arenas[{device.kind(), device.index()}];
  if (!a) a = new Arena(device);
  return *a;
}

void* Arena::take(size_t bytes) {
  if (bytes == 0) return nullptr;
  const size_t size = size_class(bytes);
  std::unique_lock lock(mutex_);
  void* block = cached(size);
  if (!block) block = allocate(size, lock);
  const size_t whole = recording_ ? recorded_.try_emplace(block, RecordedBlock{size, true}).first->second.size : size;
  in_use_ += int64_t(size);
  peak_ = std::max(peak_, in_use_);
  mark(device_, block, whole, bytes);
  return block;
}

// A free block, or nullptr.
void* Arena::cached(size_t size) {
  Blocks& store = recording_ ? recorded_free_ : free_;
  const size_t most = recording_ ? 2 * size : size;
  for (auto it = store.lower_bound(size); it != store.end() && it->first <= most; ++it) {
    if (it->second.empty()) continue;
    void* block = it->second.back();
    it->second.pop_back();
    return block;
  }
  return nullptr;
}

void* Arena::allocate(size_t size, std::unique_lock<std::mutex>& lock) {
  const auto attempt = [&] { return device_.kernels().allocate(size); };
  void* block = attempt();
  if (!block && !recording_) release_cached(), block = attempt();  // a GPU frees nothing while it records
  if (!block && shortage_ && !recording_) {
    const std::function<void()> let_go = shortage_;
    lock.unlock(), let_go(), lock.lock();
    release_cached(), block = attempt();
  }
  if (!block) out_of_memory(size);
  held_ += int64_t(size);
  return block;
}

void Arena::out_of_memory(size_t size) const {
  size_t free = 0, total = 0;
  device_.kernels().memory(free, total);
  OutOfMemory e(fmt::format("out of memory on {}: {} bytes asked, {} of {} free, {} in use by tensors", device_.str(),
                            size, free, total, in_use_));
  e.asked = int64_t(size), e.in_use = in_use_, e.held = held_, e.free = int64_t(free);
  throw e;
}

void Arena::give_back(void* block, size_t bytes) {
  if (!block) return;
  const size_t size = size_class(bytes);
  std::lock_guard lock(mutex_);
  if (recording_)
    recorded_.try_emplace(block, RecordedBlock{size, true}).first->second.recorded = true;  // recorded work may use it
  const auto found = recorded_.find(block);
  const RecordedBlock own = found == recorded_.end() ? RecordedBlock{size, false} : found->second;
  if (found != recorded_.end() && !own.recorded) recorded_.erase(found);
  mark(device_, block, own.size, 0);
  (own.recorded ? recorded_free_ : free_)[own.size].push_back(block);
  in_use_ -= int64_t(size);
}

void Arena::release_cached() {
  for (auto& [size, blocks] : free_) {
    for (void* b : blocks) device_.kernels().release(b), held_ -= int64_t(size);
    blocks.clear();
  }
}

void Arena::trim() {
  std::lock_guard lock(mutex_);
  release_cached();
}

void Arena::begin_recording() {
  std::lock_guard lock(mutex_);
  recording_ = true;
}

void Arena::end_recording() {
  std::lock_guard lock(mutex_);
  recording_ = false;
}

void Arena::forget_recordings() {
  std::lock_guard lock(mutex_);
  for (auto& [size, blocks] : std::exchange(recorded_free_, {}))
    for (void* block : blocks) free_[size].push_back(block), recorded_.erase(block);
  for (auto& [block, own] : recorded_) own.recorded = false;
}

void Arena::on_shortage(std::function<void()> let_go) {
  std::lock_guard lock(mutex_);
  check(!let_go || !shortage_, "arena: somebody asked to be told of a shortage already");
  shortage_ = std::move(let_go);
}

int64_t Arena::in_use() const { return std::lock_guard(mutex_), in_use_; }
int64_t Arena::peak() const { return std::lock_guard(mutex_), peak_; }
int64_t Arena::held() const { return std::lock_guard(mutex_), held_; }
void Arena::reset_peak() {
  std::lock_guard lock(mutex_);
  peak_ = in_use_;
}

Scratch::~Scratch() {
  for (auto [block, bytes] : blocks_) arena_.give_back(block, bytes);
}

void* Scratch::take(size_t bytes) {
  blocks_.emplace_back(nullptr, bytes);
  return blocks_.back().first = arena_.take(bytes);
}

}  // namespace sil
