// The flag --device, the same in every program that runs a model.
#pragma once
#include <CLI/CLI.hpp>
#include <string>

namespace sil {

inline void add_device(CLI::App& app, std::string& device) {
  app.add_option("--device", device,
                 "Where the model runs: cpu, cuda (an NVIDIA GPU) or cuda:N; with SIL_TF32=1 in the environment a GPU "
                 "rounds the operands of float32 products to TF32, which is faster")
      ->capture_default_str();
}

}  // namespace sil
