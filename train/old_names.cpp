#include "train/old_names.h"

#include <regex>

#include "tensor/check.h"

namespace sil {
namespace {

std::string current_name(const std::string& name) {
  static const std::regex rpn("rpn\\.head\\.conv\\.(weight|bias)");
  static const std::regex fpn("backbone\\.fpn\\.(inner|layer)_blocks\\.([0-9]+)\\.(weight|bias)");
  static const std::regex mask("roi_heads\\.mask_head\\.mask_fcn([1-9][0-9]?)\\.(weight|bias)");
  std::smatch m;
  if (std::regex_match(name, m, rpn)) return fmt::format("rpn.head.conv.0.0.{}", m[1].str());
  if (std::regex_match(name, m, fpn))
    return fmt::format("backbone.fpn.{}_blocks.{}.0.{}", m[1].str(), m[2].str(), m[3].str());
  if (std::regex_match(name, m, mask))
    return fmt::format("roi_heads.mask_head.{}.0.{}", std::stoi(m[1].str()) - 1, m[2].str());
  return name;
}

}  // namespace

StateDict with_current_names(StateDict weights, const std::string& source) {
  StateDict out;
  for (auto& [name, tensor] : weights) {
    const std::string current = current_name(name);
    check(out.emplace(current, std::move(tensor)).second, "{}: {} is there under its old name too", source, current);
  }
  return out;
}

}  // namespace sil
