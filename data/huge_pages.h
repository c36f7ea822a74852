// Memory for what is large and read once: the system hands it out 2 MiB at a time where it can, which costs a tenth of
// as many pages of 4 KiB.
#pragma once
#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <new>

namespace sil {

constexpr size_t kHugePage = size_t(1) << 21;

// At least `bytes`; ends with std::free.
inline void* allocate_huge(size_t bytes) {
  const size_t alignment = bytes < kHugePage ? 64 : kHugePage, room = (bytes + alignment - 1) / alignment * alignment;
  void* memory = std::aligned_alloc(alignment, room);
  if (!memory) throw std::bad_alloc();
  if (alignment == kHugePage) madvise(memory, room, MADV_HUGEPAGE);
  return memory;
}

template <class T>
struct HugePages {
  using value_type = T;
  HugePages() = default;
  template <class U>
  HugePages(const HugePages<U>&) {}
  T* allocate(size_t n) { return static_cast<T*>(allocate_huge(n * sizeof(T))); }
  void deallocate(T* p, size_t) { std::free(p); }
  friend bool operator==(const HugePages&, const HugePages&) { return true; }
};

}  // namespace sil
