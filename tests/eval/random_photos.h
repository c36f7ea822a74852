// Photos with objects and detections drawn at random: some found, some missed, some crowds, no two scores alike.
#pragma once
#include <vector>

#include "eval/coco_eval.h"
#include "tensor/rng.h"

namespace sil::test {

struct RandomPhoto {
  int64_t id = 0;
  std::vector<Truth> truths;
  std::vector<Found> found;
};

inline std::vector<RandomPhoto> random_photos(uint64_t seed, int photos, int categories) {
  std::vector<RandomPhoto> out;
  const RngKey key{seed};
  uint64_t n = 0;
  int64_t id = 1;
  for (int p = 0; p < photos; ++p) {
    RandomPhoto photo{p + 1, {}, {}};
    for (int64_t objects = key.below(n++, 6); objects > 0; --objects) {
      Truth t;
      t.id = id++;
      t.category_id = 1 + key.below(n++, categories);
      t.bbox = {100 * key.uniform64(n), 100 * key.uniform64(n + 1), 5 + 40 * key.uniform64(n + 2),
                5 + 40 * key.uniform64(n + 3)};
      n += 4;
      t.area = t.bbox[2] * t.bbox[3];
      t.crowd = key.below(n++, 8) == 0;
      photo.truths.push_back(t);
      for (int64_t tries = key.below(n++, 4); tries > 0; --tries) {
        Found d;
        d.category_id = key.below(n++, 5) == 0 ? 1 + key.below(n, categories) : t.category_id;
        d.score = key.uniform64(n + 1);
        d.bbox = t.bbox;
        for (size_t i = 0; i < 4; ++i) d.bbox[i] += 8 * (key.uniform64(n + 2 + i) - .5);
        n += 6;
        photo.found.push_back(d);
      }
    }
    for (int64_t noise = key.below(n++, 4); noise > 0; --noise) {
      Found d;
      d.category_id = 1 + key.below(n, categories);
      d.score = key.uniform64(n + 1);
      d.bbox = {100 * key.uniform64(n + 2), 100 * key.uniform64(n + 3), 20, 20};
      n += 4;
      photo.found.push_back(d);
    }
    out.push_back(std::move(photo));
  }
  return out;
}

}  // namespace sil::test
