// The scheduler behind simt_host.h.  Compiled without instrumentation, also in sanitizer builds: it tells the
// sanitizers what the fibers do, through functions that exist where their runtime is linked.
#include "cuda/simt_host.h"

#include <fmt/core.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <boost/context/detail/fcontext.hpp>
#include <cstdlib>
#include <mutex>
#include <string>
#include <vector>

#include "cuda/bad_luck.h"
#include "tensor/check.h"
#include "tensor/rng.h"

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

extern "C" {
#define SIL_WEAK __attribute__((weak))
SIL_WEAK void* __tsan_create_fiber(unsigned flags);
SIL_WEAK void __tsan_set_fiber_name(void* fiber, const char* name);
SIL_WEAK void* __tsan_get_current_fiber();
SIL_WEAK void __tsan_switch_to_fiber(void* fiber, unsigned flags);
SIL_WEAK void __tsan_acquire(void* tag);
SIL_WEAK void __tsan_release(void* tag);
SIL_WEAK void __sanitizer_start_switch_fiber(void** save, const void* bottom, size_t size);
SIL_WEAK void __sanitizer_finish_switch_fiber(void* saved, const void** bottom, size_t* size);
SIL_WEAK void __asan_poison_memory_region(const volatile void*, size_t);
SIL_WEAK void __asan_unpoison_memory_region(const volatile void*, size_t);
// Around every variable marked __shared__ (CMakeLists.txt).
extern char __start_simt_shared[], __stop_simt_shared[];
extern char simt_shared_page[];  // simt_page.cpp
}

namespace sil::simt {
namespace {

using boost::context::detail::fcontext_t;
using boost::context::detail::jump_fcontext;
using boost::context::detail::make_fcontext;
using boost::context::detail::transfer_t;

constexpr int kMaxThreads = 1024, kWarp = 32;
constexpr size_t kPage = 4096, kDynamicBytes = 232448;  // what a block of an H100 may ask for (227 KiB)
constexpr size_t kGuard = 64;

enum class State { fresh, ready, block_barrier, warp, done };

// One thread of the block that runs.
struct Thread {
  State state;
  uint3 index;
  Place at;                 // where it waits
  const char* op;           // the warp primitive that it waits in
  unsigned mask, result32;  // ballot's
  uint64_t value, result;
  int from;
  int syncs;  // calls of __syncwarp in this block
};

struct Abandoned {};  // unwinds the threads of a kernel at fault

struct Fiber {
  fcontext_t context = nullptr;
  char* stack = nullptr;
  void* tsan = nullptr;
  void* fake_stack = nullptr;
  int thread = 0;
};

struct Scheduler {
  std::mutex mutex;
  Schedule schedule;

  // The launch
  const char* kernel = nullptr;
  Body body;
  int threads = 0;
  size_t shared_bytes = 0;
  bool running = false, abandon = false;

  // The block
  Thread thread[kMaxThreads];
  int order[kMaxThreads];
  int current = 0;      // the thread that runs
  int first_fiber = 0;  // thread t is fiber (first_fiber + t) % fibers
  uint64_t phase = 0;
  char* tags = nullptr;  // addresses that ThreadSanitizer knows this block's barriers by
  int block_barriers = 0;

  Fiber* fibers = nullptr;
  int fiber_count = 0;
  size_t stack_bytes = 0;
  char* dynamic = nullptr;

  fcontext_t context = nullptr;  // its own
  void* tsan = nullptr;
  void* fake_stack = nullptr;
  const void* stack_bottom = nullptr;
  size_t stack_size = 0;
};

Scheduler s;

bool under_tsan() { return __tsan_create_fiber != nullptr; }
bool under_asan() { return __sanitizer_start_switch_fiber != nullptr; }

// -- fibers -----------------------------------------------------------------------------------------------------------

void to_scheduler(Fiber& f) {
  if (under_tsan()) __tsan_switch_to_fiber(s.tsan, 1);  // 1: the switch orders nothing
  if (under_asan()) __sanitizer_start_switch_fiber(&f.fake_stack, s.stack_bottom, s.stack_size);
  const transfer_t t = jump_fcontext(s.context, nullptr);
  s.context = t.fctx;
  if (under_asan()) __sanitizer_finish_switch_fiber(f.fake_stack, &s.stack_bottom, &s.stack_size);
}

void to_fiber(Fiber& f) {
  if (under_tsan()) __tsan_switch_to_fiber(f.tsan, 1);
  if (under_asan()) __sanitizer_start_switch_fiber(&s.fake_stack, f.stack, s.stack_bytes);
  const transfer_t t = jump_fcontext(f.context, nullptr);
  f.context = t.fctx;
  if (under_asan()) __sanitizer_finish_switch_fiber(s.fake_stack, nullptr, nullptr);
}

// Tags: 0 starts the block, 1 and 2 alternate at __syncthreads, 3 + 2 t and 4 + 2 t at thread t's calls of __syncwarp.
// One tag for all would order every thread after every other, and hide every race.
void* tag(int i) { return s.tags + 8 * i; }
void* warp_tag(int thread, unsigned odd) { return tag(3 + 2 * thread + int(odd)); }
char end_tag[8];

void fiber_main(transfer_t t) {
  s.context = t.fctx;
  Fiber& f = *static_cast<Fiber*>(t.data);
  if (under_asan()) __sanitizer_finish_switch_fiber(nullptr, &s.stack_bottom, &s.stack_size);
  for (;;) {
    to_scheduler(f);  // the first time it only says that it is there
    if (under_tsan()) __tsan_acquire(tag(0));
    try {
      s.body.call(s.body.closure);
    } catch (const Abandoned&) {
    }
    if (under_tsan()) __tsan_release(end_tag);
    s.thread[f.thread].state = State::done;
  }
}

void start_fiber(Fiber& f, int number) {
  const size_t bytes = s.stack_bytes + kPage;
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  check(memory != MAP_FAILED, "simt: no memory for the stack of a fiber");
  mprotect(memory, kPage, PROT_NONE);  // an overflow of the stack ends in this page
  f.stack = static_cast<char*>(memory) + kPage;
  f.context = make_fcontext(f.stack + s.stack_bytes, s.stack_bytes, fiber_main);
  if (under_tsan()) {
    f.tsan = __tsan_create_fiber(0);
    __tsan_set_fiber_name(f.tsan, fmt::format("fiber {}", number).c_str());
    __tsan_switch_to_fiber(f.tsan, 1);
  }
  if (under_asan()) __sanitizer_start_switch_fiber(&s.fake_stack, f.stack, s.stack_bytes);
  const transfer_t t = jump_fcontext(f.context, &f);
  f.context = t.fctx;
  if (under_asan()) __sanitizer_finish_switch_fiber(s.fake_stack, nullptr, nullptr);
}

// Fibers are kept: ThreadSanitizer takes half a millisecond to make one.  There, twice as many as threads, so that
// thread t of one block is another fiber than thread t of the next, and the two are unordered.
void have_fibers(int threads) {
  if (!s.fibers) {
    s.stack_bytes = under_asan() || under_tsan() ? 256 << 10 : 64 << 10;
    s.fibers = new Fiber[2 * kMaxThreads];
    void* memory = mmap(nullptr, kDynamicBytes + kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(memory != MAP_FAILED, "simt: no memory for dynamic shared memory");
    s.dynamic = static_cast<char*>(memory);
  }
  const int wanted = under_tsan() ? 2 * threads : threads;
  while (s.fiber_count < wanted) start_fiber(s.fibers[s.fiber_count], s.fiber_count), ++s.fiber_count;
}

Fiber& fiber_of(int thread) { return s.fibers[(s.first_fiber + thread) % s.fiber_count]; }

void resume(int t) {
  Fiber& f = fiber_of(t);
  f.thread = s.current = t;
  threadIdx = s.thread[t].index;
  to_fiber(f);
}

// -- who is at fault --------------------------------------------------------------------------------------------------

std::string block_text() {
  return fmt::format("kernel {}, block ({}, {}, {})", s.kernel, blockIdx.x, blockIdx.y, blockIdx.z);
}
std::string thread_text(int t) {
  const uint3 i = s.thread[t].index;
  return fmt::format("thread ({}, {}, {})", i.x, i.y, i.z);
}
std::string line_text(const Place& at) {
  const std::string file = at.file;
  return fmt::format("{}:{}", file.substr(file.rfind('/') + 1), at.line);
}

std::string whereabouts(int t) {
  const Thread& thread = s.thread[t];
  if (thread.state == State::done) return "has returned";
  return fmt::format("waits at {} ({})", thread.state == State::block_barrier ? "__syncthreads" : thread.op,
                     line_text(thread.at));
}

// The running thread has called a primitive as no GPU allows.
[[noreturn]] void at_fault(const char* op, const Place& at, const std::string& what);

// -- barriers ---------------------------------------------------------------------------------------------------------

Thread& self() { return s.thread[s.current]; }

void wait(State state, const char* op, const Place& at) {
  Thread& t = self();
  t.state = state, t.op = op, t.at = at;
  to_scheduler(fiber_of(s.current));
  if (s.abandon) throw Abandoned();
}

int warp_begin(int thread) { return thread / kWarp * kWarp; }

// Both wait in one primitive, at one line.
bool waits_with(const Thread& a, const Thread& b) {
  return a.mask == b.mask && a.at.line == b.at.line && (a.op == b.op || std::strcmp(a.op, b.op) == 0);
}

// Completes the primitive that `thread` waits in if all lanes of its mask wait in the same.
bool complete_warp(int thread) {
  const Thread& caller = s.thread[thread];
  const int begin = warp_begin(thread);
  for (int l = 0; l < kWarp; ++l) {
    if (!(caller.mask >> l & 1)) continue;
    if (begin + l >= s.threads) return false;
    const Thread& t = s.thread[begin + l];
    if (t.state != State::warp || !waits_with(t, caller)) return false;
  }
  unsigned votes = 0;
  for (int l = 0; l < kWarp; ++l)
    if (caller.mask >> l & 1) votes |= unsigned(s.thread[begin + l].value & 1) << l;
  for (int l = 0; l < kWarp; ++l) {
    if (!(caller.mask >> l & 1)) continue;
    Thread& t = s.thread[begin + l];
    t.result32 = votes;
    t.result = s.thread[begin + t.from].value;
  }
  for (int l = 0; l < kWarp; ++l)
    if (caller.mask >> l & 1) s.thread[begin + l].state = State::ready;
  return true;
}

// All threads wait at the same __syncthreads.
bool complete_block() {
  for (int t = 0; t < s.threads; ++t)
    if (s.thread[t].state != State::block_barrier || s.thread[t].at.line != s.thread[0].at.line) return false;
  for (int t = 0; t < s.threads; ++t) s.thread[t].state = State::ready;
  ++s.block_barriers;
  return true;
}

// No thread can go on: says who waits for whom.
std::string deadlock() {
  for (int t = 0; t < s.threads; ++t) {
    const Thread& waits = s.thread[t];
    if (waits.state != State::warp) continue;
    const int begin = warp_begin(t);
    for (int l = 0; l < kWarp; ++l) {
      if (!(waits.mask >> l & 1)) continue;
      if (begin + l >= s.threads)
        return fmt::format("{}: {} {} with mask {:#x}, whose lane {} does not exist", block_text(), thread_text(t),
                           whereabouts(t), waits.mask, l);
      const Thread& o = s.thread[begin + l];
      if (o.state != State::warp || !waits_with(o, waits))
        return fmt::format("{}: {} {} with mask {:#x}, but {} {}", block_text(), thread_text(t), whereabouts(t),
                           waits.mask, thread_text(begin + l), whereabouts(begin + l));
    }
  }
  int waiting = 0;
  while (s.thread[waiting].state != State::block_barrier) ++waiting;
  for (int t = 0; t < s.threads; ++t) {
    const Thread& o = s.thread[t];
    if (o.state != State::block_barrier || o.at.line != s.thread[waiting].at.line)
      return fmt::format("{}: {} {}, but {} {}: not all threads reach the barrier", block_text(), thread_text(waiting),
                         whereabouts(waiting), thread_text(t), whereabouts(t));
  }
  return block_text();
}

// -- a block ----------------------------------------------------------------------------------------------------------

// Loops of ours, as sanitizers check what memset and memcpy do.  All kernels' shared memory is filled for each block,
// so eight words at a time: a sixth of a training step's time otherwise.
void fill_words(char* begin, size_t bytes, uint32_t pattern) {
  using Words [[gnu::vector_size(32), gnu::aligned(4), gnu::may_alias]] = uint32_t;
  const char* end = begin + bytes / 4 * 4;
  for (; end - begin >= 32; begin += 32) *reinterpret_cast<Words*>(begin) = Words{} + pattern;
  for (; begin < end; begin += 4) *reinterpret_cast<uint32_t*>(begin) = pattern;
}
void copy_bytes(const char* from, size_t bytes, char* to) {
  for (size_t i = 0; i < bytes; ++i) to[i] = from[i];
}

// Under ThreadSanitizer shared memory gets new pages: what one block does to its own has nothing to do with another's.
void renew_pages(char* begin, size_t bytes) {
  char others[kPage];  // variables behind the section, on its last page
  char* end = begin + bytes;
  const size_t behind = (kPage - bytes % kPage) % kPage;
  copy_bytes(end, behind, others);
  mmap(begin, bytes + behind, PROT_READ | PROT_WRITE, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  copy_bytes(others, behind, end);
}

void prepare_shared() {
  simt_shared_page[0] = 0;
  char* begin = __start_simt_shared;
  const size_t bytes = size_t(__stop_simt_shared - begin), dynamic_end = (s.shared_bytes + 15) / 16 * 16;
  if (under_tsan()) {
    renew_pages(begin, bytes);
    if (dynamic_end) renew_pages(s.dynamic, dynamic_end);
  }
  if (under_asan()) __asan_unpoison_memory_region(s.dynamic, kDynamicBytes + kPage);
  fill_words(begin, bytes, s.schedule.pattern);
  fill_words(s.dynamic, dynamic_end, s.schedule.pattern);
  fill_words(s.dynamic + dynamic_end, kGuard, 0xA5A5A5A5);
  if (under_asan()) __asan_poison_memory_region(s.dynamic + s.shared_bytes, kDynamicBytes + kPage - s.shared_bytes);
}

void check_guard() {
  const size_t end = (s.shared_bytes + 15) / 16 * 16;
  for (size_t i = 0; i < kGuard / 4; ++i)
    if (uint32_t word; std::copy_n(s.dynamic + end + 4 * i, 4, reinterpret_cast<char*>(&word)), word != 0xA5A5A5A5)
      fail("simt: {} has written past its {} bytes of dynamic shared memory", block_text(), s.shared_bytes);
}

void shuffle(int* items, int64_t n, RngKey key) {
  for (int64_t i = n; i > 1; --i) std::swap(items[i - 1], items[key.bits(uint64_t(i)) % uint64_t(i)]);
}

void abandon_block() {
  s.abandon = true;
  for (int t = 0; t < s.threads; ++t)
    if (s.thread[t].state != State::done && s.thread[t].state != State::fresh) resume(t);
  s.abandon = false;
}

std::string fault;  // of the running thread

// Runs the threads of a block until all are done.
void run_block(RngKey key) {
  for (int t = 0; t < s.threads; ++t) s.thread[t].state = State::fresh, s.thread[t].syncs = 0, s.order[t] = t;
  s.block_barriers = 0;
  prepare_shared();
  if (under_tsan()) {
    s.tags =
        static_cast<char*>(std::malloc(8 * size_t(3 + 2 * s.threads)));  // new ones: not ordered after other blocks
    __tsan_release(tag(0));
  }
  int done = 0;
  for (uint64_t phase = 0; done < s.threads; ++phase) {
    shuffle(s.order, s.threads, key.fold(phase));
    bool moved = false;
    for (int i = 0; i < s.threads; ++i) {
      Thread& t = s.thread[s.order[i]];
      if (t.state != State::fresh && t.state != State::ready) continue;
      moved = true;
      resume(s.order[i]);
      if (t.state == State::done) ++done;
      if (!fault.empty()) return abandon_block();
      if (t.state == State::warp) complete_warp(s.order[i]);
    }
    if (!moved && !complete_block()) {
      fault = deadlock();
      return abandon_block();
    }
  }
  if (under_tsan()) std::free(s.tags);
}

void at_fault(const char* op, const Place& at, const std::string& what) {
  fault = fmt::format("{}, {}: {} ({}) {}", block_text(), thread_text(s.current), op, line_text(at), what);
  wait(State::warp, op, at);  // never returns: the block is abandoned
  std::abort();
}

// What a sanitizer's report does not say.
void print_running() {
  if (!s.running) return;
  const std::string text = fmt::format("simt: {}, {} is running\n", block_text(), thread_text(s.current));
  if (write(2, text.data(), text.size()) < 0) return;
}

}  // namespace

void set_schedule(Schedule schedule) {
  const std::lock_guard lock(s.mutex);
  s.schedule = schedule;
}

void fill_unwritten(void* memory, size_t bytes) {
  const std::lock_guard lock(s.mutex);
  fill_words(static_cast<char*>(memory), bytes, s.schedule.pattern);
}

void run(const char* kernel, dim3 blocks, dim3 threads, size_t shared_bytes, Body body) {
  count_call(kernel);
  const DeviceWork work;
  const std::lock_guard lock(s.mutex);
  const uint64_t count = uint64_t(threads.x) * threads.y * threads.z;
  check(count > 0 && count <= kMaxThreads, "simt: kernel {}: {} threads a block; 1 to {} expected", kernel, count,
        kMaxThreads);
  check(shared_bytes <= kDynamicBytes, "simt: kernel {}: {} bytes of dynamic shared memory; at most {} exist", kernel,
        shared_bytes, kDynamicBytes);
  check(blocks.y <= 65535 && blocks.z <= 65535 && blocks.x <= 0x7FFFFFFF,
        "simt: kernel {}: a grid of {} x {} x {} blocks is larger than CUDA allows", kernel, blocks.x, blocks.y,
        blocks.z);
  if (under_tsan()) s.tsan = __tsan_get_current_fiber();
  have_fibers(int(count));
  s.kernel = kernel, s.body = body, s.threads = int(count), s.shared_bytes = shared_bytes, s.running = true;
  blockDim = threads, gridDim = blocks;
  for (int t = 0; t < s.threads; ++t) {
    const unsigned u = unsigned(t);
    s.thread[t].index = {u % threads.x, u / threads.x % threads.y, u / threads.x / threads.y};
  }
  const int64_t block_count = int64_t(blocks.x) * blocks.y * blocks.z;
  const RngKey key = RngKey{s.schedule.seed}.fold(uint64_t(block_count));
  std::vector<int> order(static_cast<size_t>(block_count));
  for (size_t b = 0; b < order.size(); ++b) order[b] = int(b);
  shuffle(order.data(), block_count, key);
  for (size_t b = 0; b < order.size() && fault.empty(); ++b) {
    const unsigned u = unsigned(order[b]);
    blockIdx = {u % blocks.x, u / blocks.x % blocks.y, u / blocks.x / blocks.y};
    if (under_tsan()) s.first_fiber = int(b % 2) * s.threads;
    run_block(key.fold(b));
    if (fault.empty()) check_guard();
  }
  if (under_tsan()) __tsan_acquire(end_tag);
  s.running = false;
  if (!fault.empty()) fail("simt: {}", std::exchange(fault, {}));
}

void* dynamic_shared_memory() { return s.dynamic; }

int lane() { return s.current % kWarp; }

void expect_aligned(const void* p, size_t bytes) {
  if (reinterpret_cast<uintptr_t>(p) % bytes == 0) return;
  fault = fmt::format("{}, {}: a vector of {} bytes at an address that is no multiple of {}", block_text(),
                      thread_text(s.current), bytes, bytes);
  wait(State::warp, "a vector access", {});  // never returns: the block is abandoned
  std::abort();
}

void sync_threads(Place at) {
  const int tag_index = 1 + s.block_barriers % 2;
  if (under_tsan()) __tsan_release(tag(tag_index));
  wait(State::block_barrier, "__syncthreads", at);
  if (under_tsan()) __tsan_acquire(tag(tag_index));
}

namespace {

// The running lane meets the others of `mask`; returns its thread, which holds the results.
const Thread& meet(const char* op, unsigned mask, uint64_t value, int from, const Place& at) {
  if (!(mask >> lane() & 1))
    at_fault(op, at, fmt::format("is called by lane {}, which its mask {:#x} leaves out", lane(), mask));
  if (from < 0 || from >= kWarp || !(mask >> from & 1))
    at_fault(op, at, fmt::format("reads lane {}, which its mask {:#x} leaves out", from, mask));
  Thread& t = self();
  t.mask = mask, t.value = value, t.from = from;
  wait(State::warp, op, at);
  return self();
}

}  // namespace

void sync_warp(unsigned mask, Place at) {
  const unsigned odd = self().syncs++ & 1;
  const int begin = warp_begin(s.current);
  if (under_tsan()) __tsan_release(warp_tag(s.current, odd));
  const unsigned odds = meet("__syncwarp", mask, odd, lane(), at).result32;
  if (under_tsan())
    for (int l = 0; l < kWarp; ++l)
      if (mask >> l & 1) __tsan_acquire(warp_tag(begin + l, odds >> l & 1));
}

uint64_t exchange(const char* op, unsigned mask, uint64_t value, int from_lane, Place at) {
  return meet(op, mask, value, from_lane, at).result;
}

unsigned ballot(const char* op, unsigned mask, bool predicate, Place at) {
  return meet(op, mask, predicate, lane(), at).result32;
}

uint64_t fold_lanes(const char* op, unsigned mask, uint64_t value, uint64_t (*f)(uint64_t, uint64_t), Place at) {
  uint64_t sum = 0;
  bool first = true;
  for (int l = 0; l < kWarp; ++l) {
    if (!(mask >> l & 1)) continue;
    const uint64_t v = exchange(op, mask, value, l, at);
    sum = first ? v : f(sum, v);
    first = false;
  }
  return sum;
}

}  // namespace sil::simt

// ThreadSanitizer and UndefinedBehaviorSanitizer call these when they report, AddressSanitizer too.
extern "C" {
void __asan_on_error() { sil::simt::print_running(); }
void __tsan_on_report(void*) { sil::simt::print_running(); }
void __ubsan_on_report() { sil::simt::print_running(); }
}
