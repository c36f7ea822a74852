#include "train/early_stopping.h"

#include <doctest/doctest.h>

using namespace sil;

namespace {

// Ten photos in batches of five: two steps are an epoch.
TrainConfig train_config(int patience) {
  TrainConfig t;
  t.batch_size = 5;
  t.early_stopping_patience = patience;
  return t;
}

// The step at which a run of these scores, one an epoch, stops; 0 if it does not.
int64_t stops_at(const std::vector<double>& scores, const TrainConfig& train) {
  Progress p;
  for (double score : scores) {
    p.step += 2;
    improve(p, p.step, score);
    if (should_stop(p, train, 10)) return p.step;
  }
  return 0;
}

}  // namespace

TEST_CASE("early stopping: after `patience` epochs without a better score") {
  CHECK(stops_at({0.1, 0.2, 0.2, 0.1, 0.3}, train_config(2)) == 8);
  CHECK(stops_at({0.1, 0.2, 0.2, 0.3, 0.3, 0.3}, train_config(2)) == 12);
  CHECK(stops_at({0.1, 0.2, 0.2, 0.1, 0.3}, train_config(3)) == 0);
}

TEST_CASE("early stopping: scores of 0 do not count before the first above 0") {
  CHECK(stops_at({0, 0, 0, 0, 0, 0}, train_config(2)) == 0);
  CHECK(stops_at({0, 0, 0, 0.1, 0, 0}, train_config(2)) == 12);
}

TEST_CASE("early stopping: null is never") {
  TrainConfig t = train_config(1);
  t.early_stopping_patience.reset();
  CHECK(stops_at({0.5, 0.1, 0.1, 0.1}, t) == 0);
}

TEST_CASE("early stopping: of equal scores the earliest stays the best; nothing measured (-1) is no best") {
  Progress p;
  CHECK_FALSE(improve(p, 1, -1));
  CHECK_FALSE(improve(p, 2, 0));
  CHECK(p.best_step == 0);
  CHECK(improve(p, 3, 0.5));
  CHECK_FALSE(improve(p, 4, 0.5));
  CHECK(p.best_step == 3);
}
