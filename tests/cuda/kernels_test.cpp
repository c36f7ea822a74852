// Drives every row of the table of cases on fibers.
#include <doctest/doctest.h>

#include <fstream>
#include <set>
#include <string>

#include "tests/cuda/kernel_cases.h"

using namespace sil;

namespace {

std::vector<KernelCase> all_cases() {
  std::vector<KernelCase> all;
  for (const auto& part : {movement_cases(), elementwise_cases(), map_cases(), loss_kernel_cases(), box_cases(),
                           roi_kernel_cases(), optimizer_cases(), dense_cases()})
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

// ThreadSanitizer takes its time, and does not look at results: there each case runs once, in float32.
#ifdef SIL_SIMT_THREAD
constexpr bool kOnce = true;
#else
constexpr bool kOnce = false;
#endif

void check_cases(const std::vector<KernelCase>& cases) { hold_to_cpu(cases, Device::simt(), kOnce); }

}  // namespace

// On fibers each gives what the CPU's gives, whatever the order of threads.
TEST_CASE("kernels: movement, casts, order") { check_cases(movement_cases()); }
TEST_CASE("kernels: elementwise, reductions, softmax") { check_cases(elementwise_cases()); }
TEST_CASE("kernels: pooling, upsampling, norms") { check_cases(map_cases()); }
TEST_CASE("kernels: losses") { check_cases(loss_kernel_cases()); }
TEST_CASE("kernels: boxes") { check_cases(box_cases()); }
TEST_CASE("kernels: RoIs and masks") { check_cases(roi_kernel_cases()); }
TEST_CASE("kernels: optimizers") { check_cases(optimizer_cases()); }
TEST_CASE("kernels: convolutions and products, here the CPU's own") { check_cases(dense_cases()); }

// A GPU that reads the host's memory is lost for the whole process.
TEST_CASE("kernels: arguments that lie on two devices are an Error that names them") {
  const Device cpu = Device::cpu(), simt = Device::simt();
  const Tensor boxes = Tensor::full({2, 4}, 1, DType::f32, simt), image = Tensor::zeros({2}, DType::i32, cpu),
               there = image.to(simt), sizes = Tensor::full({1, 2}, 9, DType::i32, cpu),
               map = Tensor::full({1, 4, 4, 3}, 1, DType::f32, simt);
  const auto refuses = [&](const char* op, const char* name, const char* other, const auto& call) {
    const std::string expected = fmt::format("{}: {} is on cpu, {} on simt; the same device expected", op, name, other);
    CHECK_THROWS_WITH_AS(call(), expected.c_str(), Error);
  };
  refuses("decode_boxes", "image", "deltas", [&] { ops::decode_boxes(boxes, boxes, {}, image, {}); });
  refuses("decode_boxes", "sizes", "deltas", [&] { ops::decode_boxes(boxes, boxes, {}, there, sizes); });
  refuses("match_boxes", "image", "boxes", [&] { ops::match_boxes(boxes, image, boxes, there, 1, {}); });
  refuses("match_boxes", "truth_image", "boxes", [&] { ops::match_boxes(boxes, {}, boxes, image, 1, {}); });
  refuses("nms", "groups", "boxes", [&] {
    ops::nms(boxes.view({1, 2, 4}), Tensor::zeros({1, 2}, DType::f32, simt), image.view({1, 2}), 2, {});
  });
  const RoiAlignGeom g;
  refuses("roi_align", "image", "the pyramid", [&] { ops::roi_align({map}, boxes, image, g); });
  refuses("roi_align", "rois", "the pyramid", [&] { ops::roi_align({map}, boxes.to(cpu), there, g); });
  const Tensor dy = Tensor::zeros({2, g.pooled, g.pooled, 3}, DType::f32, simt);
  refuses("roi_align_backward", "image", "dy", [&] { ops::roi_align_backward(dy, boxes, image, {map.shape()}, g); });
  refuses("roi_align_backward", "rois", "dy",
          [&] { ops::roi_align_backward(dy, boxes.to(cpu), there, {map.shape()}, g); });
  const Tensor logits = Tensor::zeros({2, 5, 5, 3}, DType::f32, simt), ends = Tensor::full({1}, 81, DType::i32, simt),
               begin = Tensor::of<int32_t>({2}, {0, 1}, simt);
  refuses("mask_loss", "object", "logits", [&] {
    ops::mask_loss(logits, there, boxes, image, {ends, begin, sizes.to(simt)});
  });
  refuses("mask_loss", "size", "logits", [&] { ops::mask_loss(logits, there, boxes, there, {ends, begin, sizes}); });
  refuses("mask_loss", "ends", "logits",  // before its runs, here of no mask, are read
          [&] {
            ops::mask_loss(logits, there, boxes, there, {Tensor::full({1}, -1, DType::i32), begin, sizes.to(simt)});
          });
  refuses("mask_loss", "begin", "logits", [&] {
    ops::mask_loss(logits, there, boxes, there, {ends, begin.to(cpu), sizes.to(simt)});
  });
  refuses("paste_mask", "box", "mask", [&] {
    ops::paste_mask(Tensor::zeros({5, 5}, DType::f32, simt), Tensor::zeros({4}), 9, 9, 0.5f);
  });
}

TEST_CASE("kernels: every entry of the table but memory and recording has a case") {
  const std::set<std::string> memory{"allocate",      "release",        "memory",          "upload",
                                     "download",      "begin_download", "finish_download", "begin_recording",
                                     "end_recording", "replay",         "discard"};
  std::set<std::string> tested;
  for (const KernelCase& row : all_cases()) tested.insert(row.kernel);
  std::ifstream header(SIL_SOURCE_DIR "/tensor/kernels.h");
  REQUIRE(header);
  int declared = 0;
  for (std::string line; std::getline(header, line);) {
    const size_t begin = line.find("(*"), end = line.find(")", begin + 1);
    if (line.rfind("  ", 0) != 0 || begin == std::string::npos || line[2] == '/') continue;
    const std::string kernel = line.substr(begin + 2, end - begin - 2);
    ++declared;
    CHECK_MESSAGE(tested.contains(kernel) != memory.contains(kernel), kernel, " has no row in tests/cuda/cases_*.cpp");
  }
  CHECK(declared == int(sizeof(Kernels) / sizeof(void*)));
}
