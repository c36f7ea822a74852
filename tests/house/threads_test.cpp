// An exception that leaves an OpenMP region ends the program, and a region of its own does not heed SIL_THREADS: so all
// threads that work together come from tensor/threads.h.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace fs = std::filesystem;

TEST_CASE("house: tensor/threads.cpp alone opens parallel regions") {
  const fs::path root = SIL_SOURCE_DIR;
  size_t regions = 0;
  for (const char* folder : {"tensor", "cpu", "autograd", "nn", "data", "models", "eval", "train", "viz", "apps"})
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root / folder)) {
      std::ifstream file(entry.path());
      for (std::string line; std::getline(file, line);) {
        if (line.find("#pragma omp parallel") == std::string::npos) continue;
        CHECK(entry.path() == root / "tensor/threads.cpp");
        regions++;
      }
    }
  CHECK(regions == 1);
}
