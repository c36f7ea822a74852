// cuDNN's graph API: the library, opened when it is first asked for, and the descriptors that everything there is.
#pragma once
#include <cudnn.h>

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cuda/shared_library.h"
#include "tensor/check.h"

namespace sil::cuda {

struct Cudnn {
  // libcudnn ends the program where the library behind it is missing: that one first, which says so.
  SharedLibrary graphs{"cuDNN", fmt::format("libcudnn_graph.so.{}", CUDNN_MAJOR)};
  SharedLibrary library{"cuDNN", fmt::format("libcudnn.so.{}", CUDNN_MAJOR)};
  decltype(&cudnnGetErrorString) text = library.function("cudnnGetErrorString");
  decltype(&cudnnGetVersion) version = library.function("cudnnGetVersion");
  decltype(&cudnnCreate) create = library.function("cudnnCreate");
  decltype(&cudnnSetStream) set_stream = library.function("cudnnSetStream");
  decltype(&cudnnBackendCreateDescriptor) create_descriptor = library.function("cudnnBackendCreateDescriptor");
  decltype(&cudnnBackendDestroyDescriptor) destroy_descriptor = library.function("cudnnBackendDestroyDescriptor");
  decltype(&cudnnBackendSetAttribute) set_attribute = library.function("cudnnBackendSetAttribute");
  decltype(&cudnnBackendGetAttribute) get_attribute = library.function("cudnnBackendGetAttribute");
  decltype(&cudnnBackendFinalize) finalize = library.function("cudnnBackendFinalize");
  decltype(&cudnnBackendExecute) execute = library.function("cudnnBackendExecute");

  void check(const char* what, cudnnStatus_t status) const {
    sil::check(status == CUDNN_STATUS_SUCCESS, "cudnn: {}: {}", what, text(status));
  }
};

const Cudnn& cudnn();  // needs no GPU; an Error if the library is not there

// Attributes are set, then it is finalised, and may be an attribute of another.
class Descriptor {
 public:
  explicit Descriptor(cudnnBackendDescriptorType_t);
  Descriptor(Descriptor&& other) noexcept : made_(std::exchange(other.made_, nullptr)) {}
  Descriptor& operator=(Descriptor&& other) noexcept { return std::swap(made_, other.made_), *this; }
  ~Descriptor();

  cudnnBackendDescriptor_t get() const { return made_; }
  void set(cudnnBackendAttributeName_t, cudnnBackendAttributeType_t, int64_t count, const void* values);
  void set(cudnnBackendAttributeName_t, int64_t);
  void set(cudnnBackendAttributeName_t, std::span<const int64_t>);
  void set(cudnnBackendAttributeName_t, cudnnDataType_t);
  void set(cudnnBackendAttributeName_t, const Descriptor&);
  void finalize();
  // False: cuDNN has nothing that does what this describes, and says so in `refusal`.
  bool try_to_finalize(std::string& refusal);

  int64_t integer(cudnnBackendAttributeName_t) const;
  std::vector<Descriptor> descriptors(cudnnBackendAttributeName_t, cudnnBackendDescriptorType_t) const;

 private:
  cudnnBackendDescriptor_t made_ = nullptr;
};

}  // namespace sil::cuda
