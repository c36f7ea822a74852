// Runs one planted fault: what a sanitizer finds ends the program, so each has a process of its own.
#include <cstdio>
#include <stdexcept>

#include "tests/cuda/faults.h"

int main(int count, char** arguments) {
  try {
    if (count == 2 && sil::simt::run_fault(arguments[1])) return 0;
    std::fprintf(stderr, "error: one name of a planted fault expected\n");
  } catch (const std::exception& e) {
    std::fprintf(stderr, "error: %s\n", e.what());
  }
  return 2;
}
