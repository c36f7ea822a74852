// The flag --exif, the same in every program that reads photos.
#pragma once
#include <CLI/CLI.hpp>
#include <string>

#include "data/image.h"

namespace sil {

inline void add_exif(CLI::App& app, std::string& exif) {
  app.add_option("--exif", exif,
                 "ignore: photos as stored, as COCO's annotations assume; apply: turned as their camera noted, for "
                 "annotations drawn on them so")
      ->check(CLI::IsMember({"ignore", "apply"}))
      ->capture_default_str();
}

inline Exif exif_of(const std::string& text) { return text == "apply" ? Exif::apply : Exif::ignore; }

}  // namespace sil
