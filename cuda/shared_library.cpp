#include "cuda/shared_library.h"

#include <dlfcn.h>

#include "tensor/check.h"

namespace sil::cuda {

SharedLibrary::SharedLibrary(std::string package, std::string file)
    : package_(std::move(package)), file_(std::move(file)), handle_(dlopen(file_.c_str(), RTLD_NOW | RTLD_LOCAL)) {
  check(handle_ != nullptr, "{} cannot be used: {}; install it, or name its folder in LD_LIBRARY_PATH, or use cpu",
        package_, dlerror());
}

SharedLibrary::Function SharedLibrary::function(const char* name) const {
  void* address = dlsym(handle_, name);
  check(address != nullptr, "{} cannot be used: {} has no {}; a newer one expected", package_, file_, name);
  return {address};
}

}  // namespace sil::cuda
