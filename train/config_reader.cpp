// How a configuration is read: files, text and --set, each laid over what there is.
#include <fmt/format.h>

#include "data/json_reader.h"
#include "data/json_value.h"
#include "models/field.h"
#include "tensor/check.h"
#include "train/config.h"

namespace sil {
namespace {

void apply_field(RunConfig& config, const std::string& key, const Json& value, const std::string& source) {
  const std::string block = key.substr(0, key.find('.') + 1);
  std::string known;
  for (const Field& field : fields_of(config)) {
    if (field.key == key) {
      check(field.read(value), "{}: {} is {}; {} expected", source, key, text_of(value), field.allowed);
      config.given.insert(key);
      return;
    }
    if (field.key.starts_with(block)) known += (known.empty() ? "" : ", ") + field.key.substr(block.size());
  }
  fail("{}: unknown key \"{}\"; allowed in {}: {}", source, key.substr(block.size()), block.substr(0, block.size() - 1),
       known);
}

void apply_block(RunConfig& config, const std::string& block, const Json& value, const std::string& source) {
  check(value.IsObject(), "{}: {} is {}; an object expected", source, block, text_of(value));
  check_keys_once(value, fmt::format("{}: {}.", source, block));
  for (const auto& member : value.GetObject())
    apply_field(config, block + "." + string_of(member.name), member.value, source);
}

void apply_list(RunConfig& config, const Json& value, const std::string& source) {
  config.augmentations = parse_augmentations(value, source);
  config.given.insert("augmentations");
}

void apply_blocks(RunConfig& config, const Json& document, const std::string& source) {
  check(document.IsObject(), "{}: {}; an object with the blocks model, train and augmentations expected", source,
        text_of(document));
  check_keys_once(document, source + ": the block ");
  for (const auto& member : document.GetObject()) {
    const std::string name = string_of(member.name);
    if (name == "augmentations")
      apply_list(config, member.value, source + ": augmentations");
    else if (name == "model" || name == "train")
      apply_block(config, name, member.value, source);
    else
      fail("{}: unknown block \"{}\"; allowed: model, train, augmentations", source, name);
  }
}

rapidjson::Document read_json(const std::filesystem::path& path) { return parse_json(read_file(path), path.string()); }

}  // namespace

void apply_config(RunConfig& config, const std::filesystem::path& path) {
  apply_blocks(config, read_json(path), path.string());
}

void apply_text(RunConfig& config, const std::string& json, const std::string& source) {
  apply_blocks(config, parse_json(json, source), source);
}

void apply_hyperparameters(RunConfig& config, const std::filesystem::path& path) {
  apply_block(config, "train", read_json(path), path.string());
}

void apply_augmentations(RunConfig& config, const std::filesystem::path& path) {
  apply_list(config, read_json(path), path.string());
}

// The value is JSON; what is not is a string, so that --set model.backbone=resnet18 needs no quotes.
void apply_setting(RunConfig& config, const std::string& setting, const std::string& flag) {
  const size_t equals = setting.find('=');
  const std::string key = setting.substr(0, equals);
  const bool is_list = key == "augmentations";
  check(equals != std::string::npos && (is_list || key.starts_with("model.") || key.starts_with("train.")),
        "{} {}: model.KEY=VALUE, train.KEY=VALUE or augmentations=LIST expected", flag, setting);
  const std::string text = setting.substr(equals + 1);
  if (is_list) return apply_list(config, parse_json(text, flag + " augmentations"), flag + " augmentations");
  rapidjson::Document value;
  try {
    value = parse_json(text, flag);
  } catch (const Error&) {
    value.SetString(text.data(), unsigned(text.size()), value.GetAllocator());
  }
  apply_field(config, key, value, flag);
}

}  // namespace sil
