// Matrix products by cuBLASLt, summed in float32 in an order that the shape decides; bias and ReLU before the result is
// rounded, in the same kernel (where the ReLU may turn a NaN into 0).  An algorithm for each shape by cuBLASLt's
// heuristics, the first that does it, kept.
#include <cublasLt.h>

#include <array>
#include <map>
#include <tuple>
#include <vector>

#include "cuda/dense_shapes.h"
#include "cuda/library.h"
#include "cuda/queue.h"
#include "cuda/shared_library.h"
#include "cuda/tf32.h"
#include "tensor/check.h"

namespace sil::cuda {
namespace {

struct CublasLt {
  SharedLibrary library{"cuBLAS", fmt::format("libcublasLt.so.{}", CUBLAS_VER_MAJOR)};
  decltype(&cublasLtGetStatusString) text = library.function("cublasLtGetStatusString");
  decltype(&cublasLtGetVersion) version = library.function("cublasLtGetVersion");
  decltype(&cublasLtCreate) create = library.function("cublasLtCreate");
  decltype(&cublasLtMatmulDescCreate) create_product = library.function("cublasLtMatmulDescCreate");
  decltype(&cublasLtMatmulDescDestroy) destroy_product = library.function("cublasLtMatmulDescDestroy");
  decltype(&cublasLtMatmulDescSetAttribute) set_product = library.function("cublasLtMatmulDescSetAttribute");
  decltype(&cublasLtMatrixLayoutCreate) create_layout = library.function("cublasLtMatrixLayoutCreate");
  decltype(&cublasLtMatrixLayoutDestroy) destroy_layout = library.function("cublasLtMatrixLayoutDestroy");
  decltype(&cublasLtMatmulPreferenceCreate) create_wishes = library.function("cublasLtMatmulPreferenceCreate");
  decltype(&cublasLtMatmulPreferenceDestroy) destroy_wishes = library.function("cublasLtMatmulPreferenceDestroy");
  decltype(&cublasLtMatmulPreferenceSetAttribute) set_wish = library.function("cublasLtMatmulPreferenceSetAttribute");
  decltype(&cublasLtMatmulAlgoGetHeuristic) propose = library.function("cublasLtMatmulAlgoGetHeuristic");
  decltype(&cublasLtMatmul) matmul = library.function("cublasLtMatmul");
  cublasLtHandle_t handle;

  CublasLt() { check("create", create(&handle)); }

  void check(const char* what, cublasStatus_t status) const {
    sil::check(status == CUBLAS_STATUS_SUCCESS, "cublas: {}: {}", what, text(status));
  }
};

const CublasLt& cublas() {
  static const auto& made = *new CublasLt;
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

constexpr uint64_t kMostWorkspace = uint64_t(32) << 20;

struct Product {
  GemmShape shape;
  DType dtype;
  cublasLtEpilogue_t epilogue;
  int alignment;  // bytes that all addresses are a multiple of

  friend bool operator<(const Product& a, const Product& b) {
    const auto key = [](const Product& p) {
      const GemmShape& g = p.shape;
      return std::tie(p.dtype, p.epilogue, p.alignment, g.first_transposed, g.second_transposed, g.m, g.n, g.k,
                      g.first_step, g.second_step, g.c_step);
    };
    return key(a) < key(b);
  }
};

// cuBLASLt's descriptions of a product; matrices lie column by column.
struct Described {
  cublasLtMatmulDesc_t product = nullptr;
  cublasLtMatrixLayout_t first = nullptr, second = nullptr, result = nullptr;

  explicit Described(const Product& p) {
    const CublasLt& c = cublas();
    const GemmShape& g = p.shape;
    const bool tf32 = p.dtype == DType::f32 && allows_tf32();
    const cublasOperation_t a = g.first_transposed ? CUBLAS_OP_T : CUBLAS_OP_N,
                            b = g.second_transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
    c.check("product",
            c.create_product(&product, tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F, CUDA_R_32F));
    set(CUBLASLT_MATMUL_DESC_TRANSA, a);
    set(CUBLASLT_MATMUL_DESC_TRANSB, b);
    set(CUBLASLT_MATMUL_DESC_EPILOGUE, p.epilogue);
    first = layout(p.dtype, g.m, g.k, g.first_transposed, g.first_step);
    second = layout(p.dtype, g.k, g.n, g.second_transposed, g.second_step);
    result = layout(p.dtype, g.m, g.n, false, g.c_step);
  }
  Described(const Described&) = delete;
  ~Described() {
    const CublasLt& c = cublas();
    c.destroy_product(product);
    for (cublasLtMatrixLayout_t l : {first, second, result}) c.destroy_layout(l);
  }

  template <class T>
  void set(cublasLtMatmulDescAttributes_t name, const T& value) {
    cublas().check("product", cublas().set_product(product, name, &value, sizeof value));
  }

 private:
  // Of a matrix [rows, columns], which lies transposed or not.
  static cublasLtMatrixLayout_t layout(DType dtype, int rows, int columns, bool transposed, int step) {
    cublasLtMatrixLayout_t made = nullptr;
    cublas().check("layout", cublas().create_layout(&made, type_of(dtype), uint64_t(transposed ? columns : rows),
                                                    uint64_t(transposed ? rows : columns), step));
    return made;
  }
};

struct Wishes {
  cublasLtMatmulPreference_t list = nullptr;

  explicit Wishes(int alignment) {
    cublas().check("wishes", cublas().create_wishes(&list));
    set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, kMostWorkspace);
    // Parts of a sum are added in float32, never in a narrower result.
    set(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, uint32_t(CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE));
    for (auto name : {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
                      CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES})
      set(name, uint32_t(alignment));
  }
  Wishes(const Wishes&) = delete;
  ~Wishes() { cublas().destroy_wishes(list); }

 private:
  template <class T>
  void set(cublasLtMatmulPreferenceAttributes_t name, const T& value) {
    cublas().check("wishes", cublas().set_wish(list, name, &value, sizeof value));
  }
};

struct Algorithm {
  cublasLtMatmulAlgo_t algorithm;
  size_t workspace;
};

// What cuBLASLt says of shapes, types or addresses that something cannot do; anything else is an error.
bool is_refusal(cublasStatus_t status) {
  return status == CUBLAS_STATUS_NOT_SUPPORTED || status == CUBLAS_STATUS_INVALID_VALUE;
}

// Best first; none where cuBLASLt has nothing that does it.
std::vector<Algorithm> propose(const Product& p, const Described& d) {
  const Wishes wishes(p.alignment);
  std::array<cublasLtMatmulHeuristicResult_t, 8> results;
  int count = 0;
  const cublasStatus_t status = cublas().propose(cublas().handle, d.product, d.first, d.second, d.result, d.result,
                                                 wishes.list, int(results.size()), results.data(), &count);
  cudaGetLastError();  // of a kernel that could not be loaded: the next launch would find it
  if (is_refusal(status)) return {};
  cublas().check("matmul", status);
  std::vector<Algorithm> proposals;
  for (int i = 0; i < count; ++i)
    if (results[size_t(i)].state == CUBLAS_STATUS_SUCCESS)
      proposals.push_back({results[size_t(i)].algo, results[size_t(i)].workspaceSize});
  return proposals;
}

// Asked once for each product; those that have refused are gone.
std::vector<Algorithm>& known(const Product& p, const Described& d) {
  static auto& all = *new std::map<Product, std::vector<Algorithm>>;
  auto found = all.find(p);
  if (found == all.end()) found = all.emplace(p, propose(p, d)).first;
  return found->second;
}

// False where cuBLASLt has nothing that does it; `refusal` is then what it said last, if anything.
bool multiply(Stream s, const Product& p, In first, In second, In bias, Out y, Scratch& scratch, const char*& refusal) {
  const CublasLt& c = cublas();
  Described d(p);
  if (bias.defined()) d.set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, static_cast<const void*>(bias.raw()));
  const float one = 1, zero = 0;
  for (std::vector<Algorithm>& left = known(p, d); !left.empty(); left.erase(left.begin())) {
    const Algorithm& a = left.front();
    const cublasStatus_t status =
        c.matmul(c.handle, d.product, &one, first.raw(), d.first, second.raw(), d.second, &zero, y.raw(), d.result,
                 y.raw(), d.result, &a.algorithm, scratch.take(a.workspace), a.workspace, queue(s));
    if (status == CUBLAS_STATUS_SUCCESS) return true;
    if (!is_refusal(status)) c.check("matmul", status);
    refusal = c.text(status);
    cudaGetLastError();  // as above
  }
  return false;
}

cublasLtEpilogue_t epilogue_of(bool bias, bool relu) {
  if (bias) return relu ? CUBLASLT_EPILOGUE_RELU_BIAS : CUBLASLT_EPILOGUE_BIAS;
  return relu ? CUBLASLT_EPILOGUE_RELU : CUBLASLT_EPILOGUE_DEFAULT;
}

}  // namespace

void open_cublas() { cublas(); }
size_t cublas_version() { return cublas().version(); }

void matmul(Stream s, In a, bool a_transposed, In b, bool b_transposed, In bias, bool relu, Out y, Scratch& scratch) {
  if (y.numel() == 0) return;
  const GemmShape g = gemm_shape(a, a_transposed, b, b_transposed, y);
  if (g.k == 0) {
    fill(s, 0, y);
    return epilogue(s, bias, {}, relu, y);
  }
  Product p{g, y.dtype(), epilogue_of(bias.defined(), relu), common_alignment({a.raw(), b.raw(), y.raw()})};
  const bool one_pass = !bias.defined() || common_alignment({bias.raw()}) == 16;
  const char* refusal = "it proposes none";
  if (one_pass && multiply(s, p, b, a, bias, y, scratch, refusal)) return;
  p.epilogue = CUBLASLT_EPILOGUE_DEFAULT;
  check(multiply(s, p, b, a, {}, y, scratch, refusal), "cublas: nothing does matmul of {}, {} x {} x {}: {}",
        name(p.dtype), g.n, g.k, g.m, refusal);
  epilogue(s, bias, {}, relu, y);
}

}  // namespace sil::cuda
