#include "cuda/cudnn_descriptor.h"

namespace sil::cuda {

const Cudnn& cudnn() {
  static const auto& opened = *new Cudnn;
  return opened;
}

Descriptor::Descriptor(cudnnBackendDescriptorType_t type) {
  cudnn().check("create a descriptor", cudnn().create_descriptor(type, &made_));
}

Descriptor::~Descriptor() {
  if (made_) cudnn().destroy_descriptor(made_);
}

void Descriptor::set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t count,
                     const void* values) {
  const cudnnStatus_t status = cudnn().set_attribute(made_, name, type, count, values);
  check(status == CUDNN_STATUS_SUCCESS, "cudnn: set attribute {}: {}", int(name), cudnn().text(status));
}
void Descriptor::set(cudnnBackendAttributeName_t name, int64_t v) { set(name, CUDNN_TYPE_INT64, 1, &v); }
void Descriptor::set(cudnnBackendAttributeName_t name, std::span<const int64_t> v) {
  set(name, CUDNN_TYPE_INT64, int64_t(v.size()), v.data());
}
void Descriptor::set(cudnnBackendAttributeName_t name, cudnnDataType_t v) { set(name, CUDNN_TYPE_DATA_TYPE, 1, &v); }
void Descriptor::set(cudnnBackendAttributeName_t name, const Descriptor& v) {
  set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &v.made_);
}

void Descriptor::finalize() { cudnn().check("finalize a descriptor", cudnn().finalize(made_)); }

// Most statuses say that something is not supported, or that an engine failed at it (at loading its kernels, too);
// which of them, differs between releases.  Memory that there is none of says nothing about engines.
bool Descriptor::try_to_finalize(std::string& refusal) {
  const cudnnStatus_t status = cudnn().finalize(made_);
  if (status == CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED ||
      status == CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED)
    cudnn().check("finalize a descriptor", status);
  if (status != CUDNN_STATUS_SUCCESS) refusal = cudnn().text(status);
  return status == CUDNN_STATUS_SUCCESS;
}

int64_t Descriptor::integer(cudnnBackendAttributeName_t name) const {
  int64_t count = 0, v = 0;
  cudnn().check("get an attribute", cudnn().get_attribute(made_, name, CUDNN_TYPE_INT64, 1, &count, &v));
  return v;
}

std::vector<Descriptor> Descriptor::descriptors(cudnnBackendAttributeName_t name,
                                                cudnnBackendDescriptorType_t type) const {
  const auto get = [&](int64_t most, int64_t& count, cudnnBackendDescriptor_t* into) {
    cudnn().check("get an attribute",
                  cudnn().get_attribute(made_, name, CUDNN_TYPE_BACKEND_DESCRIPTOR, most, &count, into));
  };
  int64_t count = 0;
  get(0, count, nullptr);
  std::vector<Descriptor> found;
  std::vector<cudnnBackendDescriptor_t> filled;
  for (int64_t i = 0; i < count; ++i) filled.push_back(found.emplace_back(type).get());
  if (count > 0) get(count, count, filled.data());
  found.erase(found.begin() + count, found.end());  // fewer may come than were counted
  return found;
}

}  // namespace sil::cuda
