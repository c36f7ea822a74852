// A library of NVIDIA's, opened when a GPU is: programs built with CUDA start where there is none, at once.
//
//   struct CublasLt {
//     SharedLibrary library{"cuBLAS", "libcublasLt.so.13"};
//     decltype(&cublasLtCreate) create = library.function("cublasLtCreate");
//   };
#pragma once
#include <string>

namespace sil::cuda {

class SharedLibrary {
 public:
  // The file is looked for as the dynamic linker does.  An Error says what is missing and where it comes from.
  SharedLibrary(std::string package, std::string file);
  SharedLibrary(const SharedLibrary&) = delete;  // and never closed: NVIDIA's libraries leave threads behind

  struct Function {
    void* address;
    template <class F>
    operator F*() const {
      return reinterpret_cast<F*>(address);
    }
  };
  Function function(const char* name) const;  // an Error if the library has none

 private:
  std::string package_, file_;
  void* handle_;
};

}  // namespace sil::cuda
