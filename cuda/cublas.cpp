// Matrix products by cuBLAS, summed in float32; TF32 is off.
#include <cublas_v2.h>

#include "cuda/dense_shapes.h"
#include "cuda/library.h"
#include "cuda/queue.h"
#include "cuda/shared_library.h"
#include "tensor/check.h"

namespace sil::cuda {
namespace {

struct Cublas {
  SharedLibrary library{"cuBLAS", fmt::format("libcublas.so.{}", CUBLAS_VER_MAJOR)};
  decltype(&cublasGetStatusString) text = library.function("cublasGetStatusString");
  decltype(&cublasCreate_v2) create = library.function("cublasCreate_v2");
  decltype(&cublasSetStream_v2) set_stream = library.function("cublasSetStream_v2");
  cublasStatus_t (*gemm)(cublasHandle_t, cublasOperation_t, cublasOperation_t, int m, int n, int k, const void* alpha,
                         const void* a, cudaDataType, int lda, const void* b, cudaDataType, int ldb, const void* beta,
                         void* c, cudaDataType, int ldc, cublasComputeType_t,
                         cublasGemmAlgo_t) = library.function("cublasGemmEx");
  cublasHandle_t handle;

  Cublas() { check("create", create(&handle)); }

  void check(const char* what, cublasStatus_t status) const {
    sil::check(status == CUBLAS_STATUS_SUCCESS, "cublas: {}: {}", what, text(status));
  }
};

const Cublas& cublas() {
  static const auto& made = *new Cublas;
  return made;
}

cudaDataType_t type_of(DType t) {
  switch (t) {
    case DType::f32:
      return CUDA_R_32F;
    case DType::bf16:
      return CUDA_R_16BF;
    case DType::f16:
      return CUDA_R_16F;
    default:
      fail("matmul: {} is for the CPU; float32, bfloat16 or float16 expected on a GPU", name(t));
  }
}

}  // namespace

void open_cublas() { cublas(); }

void matmul(Stream s, In a, bool a_transposed, In b, bool b_transposed, In bias, bool relu, Out y, Scratch&) {
  if (y.numel() == 0) return;
  const GemmShape g = gemm_shape(a, a_transposed, b, b_transposed, y);
  const float one = 1, zero = 0;
  const cudaDataType_t type = type_of(y.dtype());
  if (g.k == 0) {
    fill(s, 0, y);
  } else {
    const Cublas& c = cublas();
    c.check("stream", c.set_stream(c.handle, queue(s)));
    c.check("matmul",
            c.gemm(c.handle, g.first_transposed ? CUBLAS_OP_T : CUBLAS_OP_N,
                   g.second_transposed ? CUBLAS_OP_T : CUBLAS_OP_N, g.m, g.n, g.k, &one, b.raw(), type, g.first_step,
                   a.raw(), type, g.second_step, &zero, y.raw(), type, g.c_step,
                   type == CUDA_R_32F ? CUBLAS_COMPUTE_32F_PEDANTIC : CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT));
  }
  epilogue(s, bias, {}, relu, y);
}

}  // namespace sil::cuda
