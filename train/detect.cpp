#include "train/detect.h"

#include "data/loader.h"
#include "tensor/check.h"

namespace sil {
namespace {

std::vector<const CategoryTable::Row*> rows_by_output(const CategoryTable& table) {
  std::vector<const CategoryTable::Row*> rows(size_t(table.num_classes()), nullptr);
  for (const CategoryTable::Row& row : table.rows) rows[size_t(row.output)] = &row;
  return rows;
}

}  // namespace

std::vector<Detection> to_detections(const PhotoDetections& photo, int64_t image_id, const CategoryTable& table) {
  const std::vector<const CategoryTable::Row*> rows = rows_by_output(table);
  std::vector<Detection> detections;
  for (size_t i = 0; i < photo.labels.size(); i++) {
    const size_t output = size_t(photo.labels[i]);
    if (output >= rows.size() || !rows[output]) continue;
    const auto [x1, y1, x2, y2] = photo.boxes[i];
    Detection d;
    d.image_id = image_id;
    d.category_id = rows[output]->id;
    d.score = photo.scores[i];
    d.bbox = {x1, y1, double(x2) - x1, double(y2) - y1};
    d.has_bbox = true;
    d.segmentation = photo.masks[i];
    detections.push_back(std::move(d));
  }
  return detections;
}

void detect_all(MaskRcnn& model, const Dataset& dataset, const OnFound& found, const OnBad& bad) {
  LoaderOptions options;
  options.batch_size = 1;
  options.shuffle = false;
  Loader loader(dataset, options);
  for (size_t i = 0; i < dataset.size(); i++) {
    std::optional<std::vector<Example>> examples;
    try {
      examples = loader.next();
    } catch (const Error& e) {
      if (!bad) throw;
      bad(i, e.what());
      continue;
    }
    found(i, to_detections(model.detect(collate(*examples, model.device())).at(0), dataset.photo(i).id,
                           dataset.categories()));
  }
}

}  // namespace sil
