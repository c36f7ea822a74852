#include "cuda/recording.h"

#include <memory>
#include <tuple>
#include <utility>
#include <vector>

#include "tensor/check.h"

namespace sil::simt {
namespace {

using Work = std::vector<std::function<void()>>;

thread_local std::unique_ptr<Work> recording;

// An argument, kept for a later call.
template <class Argument>
struct Kept {
  std::decay_t<Argument> value;
  Argument get() { return value; }
};
template <>
struct Kept<Tensor&> {
  Tensor value;
  Tensor& get() { return value; }
};
template <>
struct Kept<Scratch&> {
  explicit Kept(const Scratch&) {}
  std::shared_ptr<Scratch> own;  // of the last replay
  Scratch& get() { return own = std::make_shared<Scratch>(Device::simt()), *own; }
};

// An entry of the table as it was, and the same that is written down while this thread records.
template <auto Entry>
auto& original() {
  static std::remove_reference_t<decltype(std::declval<Kernels&>().*Entry)> function = nullptr;
  return function;
}

template <auto Entry, class Function = std::remove_reference_t<decltype(std::declval<Kernels&>().*Entry)>>
struct Recordable;
template <auto Entry, class... Arguments>
struct Recordable<Entry, void (*)(Arguments...)> {
  static void call(Arguments... arguments) {
    if (!is_recording()) return original<Entry>()(arguments...);
    write_down([kept = std::tuple<Kept<Arguments>...>(Kept<Arguments>{arguments}...)]() mutable {
      std::apply([](auto&... each) { original<Entry>()(each.get()...); }, kept);
    });
  }
};

template <auto Entry>
void make_recordable(Kernels& table) {
  original<Entry>() = table.*Entry;
  table.*Entry = Recordable<Entry>::call;
}

void refuse(const char* what) {
  check(!is_recording(), "simt: {} while work is recorded; it would not be repeated", what);
}

void upload(Stream s, const void* host, void* device, size_t bytes) {
  refuse("upload"), original<&Kernels::upload>()(s, host, device, bytes);
}
void download(Stream s, const void* device, void* host, size_t bytes) {
  refuse("download"), original<&Kernels::download>()(s, device, host, bytes);
}
void* begin_download(Stream s, const void* device, size_t bytes) {
  return refuse("download"), original<&Kernels::begin_download>()(s, device, bytes);
}

void begin_recording(Stream) {
  check(!is_recording(), "simt: work is recorded already");
  recording = std::make_unique<Work>();
}
void* end_recording(Stream) { return recording.release(); }
void replay(Stream, void* recorded) {
  check(!is_recording(), "simt: replay while work is recorded");
  for (const auto& work : *static_cast<Work*>(recorded)) work();
}
void discard(void* recorded) { delete static_cast<Work*>(recorded); }

}  // namespace

bool is_recording() { return recording != nullptr; }
void write_down(std::function<void()> work) { recording->push_back(std::move(work)); }

void add_recording(Kernels& table) {
  original<&Kernels::upload>() = std::exchange(table.upload, upload);
  original<&Kernels::download>() = std::exchange(table.download, download);
  original<&Kernels::begin_download>() = std::exchange(table.begin_download, begin_download);
  make_recordable<&Kernels::copy>(table);
  make_recordable<&Kernels::matmul>(table);
  make_recordable<&Kernels::conv2d>(table);
  make_recordable<&Kernels::conv2d_backward_input>(table);
  make_recordable<&Kernels::conv2d_backward_weight>(table);
  make_recordable<&Kernels::conv_transpose2d>(table);
  make_recordable<&Kernels::conv_transpose2d_backward_input>(table);
  make_recordable<&Kernels::conv_transpose2d_backward_weight>(table);
  table.begin_recording = begin_recording, table.end_recording = end_recording;
  table.replay = replay, table.discard = discard;
}

}  // namespace sil::simt
