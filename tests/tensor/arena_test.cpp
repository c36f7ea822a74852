#include "tensor/arena.h"

#include <doctest/doctest.h>

#include <thread>

#include "tensor/check.h"
#include "tensor/tensor.h"

using namespace sil;

TEST_CASE("arena: a freed block is handed out again, sizes of one class share it") {
  Arena arena(Device::cpu());
  void* a = arena.take(1000);
  arena.give_back(a, 1000);
  CHECK(arena.take(1010) == a);
  void* b = arena.take(1000);
  CHECK(b != a);
  arena.give_back(a, 1010), arena.give_back(b, 1000), arena.trim();
}

TEST_CASE("arena: blocks are aligned to 64 bytes, classes waste at most an eighth") {
  Arena arena(Device::cpu());
  for (size_t bytes : {1, 63, 64, 65, 513, 1000, 4097, 100000, 3000001}) {
    const int64_t before = arena.in_use();
    void* p = arena.take(bytes);
    CHECK(reinterpret_cast<uintptr_t>(p) % 64 == 0);
    const int64_t used = arena.in_use() - before;
    CHECK(used >= int64_t(bytes));
    CHECK(used <= std::max<int64_t>(int64_t(bytes) + 63, int64_t(bytes) * 9 / 8));
    arena.give_back(p, bytes);
  }
  arena.trim();
}

TEST_CASE("arena: counts what is in use, its peak, and what is held") {
  Arena arena(Device::cpu());
  void *a = arena.take(640), *b = arena.take(1280);
  CHECK(arena.in_use() == 1920);
  arena.give_back(a, 640);
  CHECK(arena.in_use() == 1280);
  CHECK(arena.peak() == 1920);
  CHECK(arena.held() == 1920);
  arena.reset_peak();
  CHECK(arena.peak() == 1280);
  a = arena.take(640);
  CHECK(arena.peak() == 1920);
  CHECK(arena.held() == 1920);
  arena.give_back(a, 640), arena.give_back(b, 1280);
  arena.trim();
  CHECK(arena.held() == 0);
  CHECK(arena.in_use() == 0);
}

TEST_CASE("arena: nothing for 0 bytes") {
  Arena arena(Device::cpu());
  CHECK(arena.take(0) == nullptr);
  arena.give_back(nullptr, 0);
  CHECK(arena.in_use() == 0);
}

TEST_CASE("arena: more than there is, is an error that says how much") {
  Arena arena(Device::cpu());
  const size_t exabyte = size_t(1) << 60;
  void* held = arena.take(4096);
  try {
    arena.take(exabyte);
    FAIL("an exabyte was found");
  } catch (const OutOfMemory& e) {
    const std::string text = e.what();
    CHECK(text.starts_with("out of memory on cpu: 1152921504606846976 bytes asked, "));
    CHECK(text.ends_with(" free, 4096 in use by tensors"));
    CHECK(e.asked == int64_t(exabyte));
    CHECK(e.in_use == 4096);
    CHECK(e.held == 4096);
    CHECK(e.free > 0);
    CHECK(text.find(fmt::format(", {} of ", e.free)) != std::string::npos);
  }
  arena.give_back(held, 4096);
  arena.trim();
  CHECK(arena.in_use() == 0);
  CHECK(arena.held() == 0);
}

TEST_CASE("arena: scratch returns when it goes out of scope") {
  Arena& arena = Arena::of(Device::cpu());
  const int64_t before = arena.in_use();
  {
    Scratch scratch(Device::cpu());
    double* p = scratch.take_n<double>(80);
    p[79] = 1;
    scratch.take(64);
    CHECK(arena.in_use() == before + 704);
  }
  CHECK(arena.in_use() == before);
}

TEST_CASE("arena: a tensor's memory returns with its last view") {
  Arena& arena = Arena::of(Device::cpu());
  const int64_t before = arena.in_use();
  Tensor view;
  {
    const Tensor t = Tensor::zeros({16, 16});
    CHECK(arena.in_use() == before + 1024);
    view = t.rows(3, 4);
  }
  CHECK(arena.in_use() == before + 1024);
  view = Tensor();
  CHECK(arena.in_use() == before);
}

TEST_CASE("arena: several threads at once") {
  Arena arena(Device::cpu());
  auto work = [&] {
    for (int i = 0; i < 2000; ++i) {
      char* p = static_cast<char*>(arena.take(size_t(1 + i % 700)));
      p[0] = char(i);
      arena.give_back(p, size_t(1 + i % 700));
    }
  };
  std::thread a(work), b(work);
  a.join(), b.join();
  CHECK(arena.in_use() == 0);
  arena.trim();
  CHECK(arena.held() == 0);
}
