// Recorded work as a CUDA graph.
#include "cuda/library.h"
#include "cuda/queue.h"
#include "cuda/status.h"
#include "tensor/check.h"

namespace sil::cuda {
namespace {

bool recording = false;  // a process works on its GPU from one thread

}  // namespace

void expect_no_recording(const char* what) {
  check(!recording, "cuda: {} while work is recorded; it would not be repeated", what);
}

// Relaxed: the arena may allocate meanwhile, which is no part of the graph.
void begin_recording(Stream s) {
  expect_no_recording("record");
  check_cuda("record", cudaStreamBeginCapture(queue(s), cudaStreamCaptureModeRelaxed));
  recording = true;
}

void* end_recording(Stream s) {
  recording = false;
  cudaGraph_t graph = nullptr;
  const cudaError_t ended = cudaStreamEndCapture(queue(s), &graph);
  cudaGetLastError();  // what failed meanwhile was thrown there; the launches to come would find it again
  check_cuda("record", ended);
  cudaGraphExec_t work = nullptr;
  cudaError_t made = cudaGraphInstantiate(&work, graph, 0);
  cudaGraphDestroy(graph);
  if (made == cudaSuccess) made = cudaGraphUpload(work, queue(s));  // its memory: if there is none, it shows now
  if (made == cudaSuccess) return work;
  cudaGetLastError();
  discard(work);
  cuda_failed("record", made);
}

// What is in flight ends first; CUDA frees it behind.
void discard(void* recorded) {
  if (recorded && cudaGraphExecDestroy(static_cast<cudaGraphExec_t>(recorded)) != cudaSuccess) cudaGetLastError();
}

void replay(Stream s, void* recorded) {
  expect_no_recording("replay");
  check_cuda("replay", cudaGraphLaunch(static_cast<cudaGraphExec_t>(recorded), queue(s)));
}

}  // namespace sil::cuda
