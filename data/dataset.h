// Annotations and a folder of photos, as examples for the model.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "data/annotations.h"
#include "data/batch.h"
#include "data/categories.h"
#include "data/image.h"
#include "data/transforms.h"
#include "tensor/rng.h"

namespace sil {

// training: random augmentations, targets, photos without a usable object left out.
// validation: deterministic augmentations, targets, every photo.
// prediction: deterministic augmentations, no targets, every photo; the annotations' objects are not looked at.
enum class Purpose { training, validation, prediction };

// For training and validation the constructor refuses what is broken (check_annotations and check_photos of
// data/validate.h, quick), a category of another name than the table's, and an object of a category that the table
// lacks: an Error names the annotations' file, the photo and the annotation id; and for training a set without a usable
// object.  It leaves out what cannot be learned from (crowds, boxes without area, boxes outside their photo), clips
// boxes to the photo, and says so in one warning a kind, with their number and the first.  In the annotations of a
// validation set an object without outline gets its box, one without box its outline's, since that is what a model
// learns, and what an evaluation asks for.
class Dataset {
 public:
  Dataset(Annotations, std::filesystem::path images, CategoryTable, Preparation, Purpose, Exif = Exif::ignore);

  size_t size() const { return rows_.size(); }
  const Photo& photo(size_t index) const { return annotations_.photos[rows_[index].photo]; }
  const Annotations& annotations() const { return annotations_; }
  const CategoryTable& categories() const { return categories_; }
  const Preparation& preparation() const { return preparation_; }
  Purpose purpose() const { return purpose_; }
  const std::vector<std::string>& warnings() const { return warnings_; }

  // Reads, checks and prepares one photo; the key decides what is drawn (training only).  Throws an Error that names
  // the file if the photo is missing, unreadable or of another size than the annotations say.  Thread-safe.
  Example load(size_t index, RngKey) const;

 private:
  struct Row {
    size_t photo;
    std::vector<size_t> objects;  // usable annotations
  };
  void check_names() const;
  void collect_objects();
  void drop_photos_without_objects();
  void complete_objects();

  Annotations annotations_;
  std::filesystem::path images_;
  CategoryTable categories_;
  Preparation preparation_;
  Purpose purpose_;
  Exif exif_;
  std::vector<Row> rows_;
  std::vector<std::string> warnings_;
};

}  // namespace sil
