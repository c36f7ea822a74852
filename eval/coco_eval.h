// COCO's average precision and recall, equal to pycocotools 2.0.11 (COCOeval) to the last bit.
//
// Streaming: add() takes one image, matches its detections with its objects, and keeps a score and a few bits for each
// detection; masks and boxes are not kept.  Evaluators over disjoint images merge, in any order, to the same bits.
// There is no model and no file in here: eval/evaluation.h brings annotations and results to this form.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "data/rle.h"
#include "eval/matches.h"
#include "eval/matching.h"
#include "eval/protocol.h"

namespace sil {

class ByteReader;
class ByteWriter;

// What pycocotools calls precision [T, R, K, A, M], scores (the same shape) and recall [T, K, A, M], C order; -1 where
// a category has no object of that area.
struct Accumulated {
  size_t T = 0, R = 0, K = 0, A = 0, M = 0;
  std::vector<double> precision, scores, recall;

  void copy_limit(size_t category, size_t from, size_t to);  // where two limits of detections leave the same
};

class Evaluator {
 public:
  // categories: ids, of any order, duplicates allowed; what belongs to no category is ignored.  Each protocol costs its
  // own matching; IoUs are computed once.
  Evaluator(IouType, std::vector<int64_t> categories, std::vector<Protocol> = {Protocol::coco()});

  // Set before the first image with detections.
  std::optional<AreaOf> area_of;

  // Each image once, in any order; detections in the file's order, which decides between equal scores.  Under segm
  // and boundary the masks of objects and of the detections of their categories must be there; all of known categories
  // if a detection's area is its mask's.  Throws an Error if the image was added before.
  void add(int64_t image_id, std::span<const Truth>, std::span<const Found>);

  // Room for so many detections, so that what is kept need not move as it grows.
  void reserve(size_t detections);

  // Takes the other's images.  An image without detections in one part may have some in the other.  Throws an Error if
  // both have detections of one image, or categories, protocols or area_of differ.
  void merge(Evaluator other);

  Accumulated accumulate(size_t protocol = 0) const;
  // In the first area range, up to the largest limit of detections; 64 IoU thresholds at most.
  Matches matches(size_t protocol = 0) const;

  IouType iou_type() const { return type_; }
  const std::vector<int64_t>& categories() const { return categories_; }  // ascending, each once: K
  const Protocol& protocol(size_t i = 0) const { return protocols_.at(i); }
  size_t protocols() const { return protocols_.size(); }
  bool has(int64_t image_id) const { return images_.contains(image_id); }
  struct Count {
    int64_t objects = 0;     // that count in the first area range
    int64_t detections = 0;  // within the limit an image
    int64_t images = 0;      // with any object or detection
  };
  std::vector<Count> counts() const;  // by category

  void write(ByteWriter&) const;
  static Evaluator read(ByteReader&);  // throws an Error for what write() does not write

 private:
  // One image and category.  Its detections are rows [begin, end), best score first.
  struct Group {
    int64_t image_id;
    size_t category;  // index into categories_
    size_t begin, end;
  };
  // All that a protocol keeps: of each detection (row) a bit for each area and threshold (a * T + t, in `words` words),
  // of each group and area the objects that count.
  struct Kept {
    size_t words = 1;
    std::vector<uint64_t> matched, ignored;
    std::vector<int64_t> objects;
  };

  void add_group(int64_t image_id, size_t category, std::span<const Truth* const>, std::span<const Found* const>);
  void ignore_last_group(const Protocol&, Kept&);
  void drop(const std::unordered_set<int64_t>& images);  // that have no detections

  struct Ranking;
  void rank_category(const Kept&, std::span<size_t> groups, Ranking&) const;
  static void measure(const Protocol&, const Ranking&, size_t words, size_t category, size_t limit, Accumulated&);

  IouType type_;
  std::vector<int64_t> categories_;
  std::vector<Protocol> protocols_;
  std::vector<Matcher> matchers_;             // by protocol
  int64_t limit_ = 0;                         // of detections that are kept: the protocols' largest
  std::unordered_map<int64_t, bool> images_;  // with any detection, of whatever category
  std::vector<Group> groups_;
  std::vector<double> scores_;  // by row
  std::vector<Kept> kept_;      // by protocol
};

}  // namespace sil
