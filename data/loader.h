// The photos of batches, read and augmented ahead of time by threads of their own.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "data/batch.h"
#include "data/dataset.h"

namespace sil {

struct LoaderOptions {
  int batch_size = 4;
  uint64_t seed = 0;
  int64_t first_step = 0;  // resuming at step s gives the batches that a run from 0 gets from s on
  int workers = 1;         // threads; what is yielded does not depend on it
  int ahead = 2;           // batches ready at most, those in work included
  // Without end, drawn without replacement epoch after epoch, every batch full, so one may span epochs; else each photo
  // once, in order, the last batch as small as it comes.
  bool shuffle = true;
};

class Loader {
 public:
  // The dataset must outlive the loader.  Error if it is empty and shuffle is set.
  Loader(const Dataset&, LoaderOptions);
  ~Loader();

  // The photos of the next batch, for collate, or nothing at the end (never, when shuffled).  Rethrows what a photo of
  // this batch threw; the call after that goes on with the batch behind it.
  std::optional<std::vector<Example>> next();

 private:
  struct Queue;
  std::unique_ptr<Queue> queue_;
};

// The order of photos 0..count-1 in an epoch.
std::vector<int64_t> shuffled_order(int64_t count, uint64_t seed, int64_t epoch);

}  // namespace sil
