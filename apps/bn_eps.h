// The flag --bn-eps, the same in every program that reads weights to run them.
#pragma once
#include <CLI/CLI.hpp>
#include <optional>

#include "apps/program.h"

namespace sil {

inline void add_bn_eps(CLI::App& app, std::optional<float>& eps) {
  app.add_option(
         "--bn-eps", eps,
         "Epsilon of the norms, whatever the weights say: 0 for files made from torchvision's published detector")
      ->check(between_0_and_1());
}

}  // namespace sil
