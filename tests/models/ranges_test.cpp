// A profile's ranges carry the stages' names.
#include <doctest/doctest.h>

#include <set>

#include "models/stages.h"
#include "small.h"
#include "tensor/range.h"

using namespace sil;
using namespace sil::test;

namespace {

std::set<std::string> names(const RangeLog& log) {
  std::set<std::string> all;
  for (const auto& [name, milliseconds] : log.milliseconds) {
    CHECK(milliseconds >= 0);
    CHECK(all.insert(name).second);  // once
  }
  return all;
}

// A stage's range: its own name; one for the proposals of all photos; boxes, scores and labels of detections come
// together.
std::string range_of(const std::string& stage) {
  if (stage.starts_with("proposals.")) return "proposals";
  return stage == "detections.scores" || stage == "detections.labels" ? "detections.boxes" : stage;
}

std::set<std::string> ranges_of(const Stages& stages) {
  std::set<std::string> all;
  for (const auto& [name, tensor] : stages)
    if (!name.starts_with("grad.")) all.insert(range_of(name));
  return all;
}

}  // namespace

TEST_CASE("ranges: each stage of detection has one, and nothing else has") {
  MaskRcnn model(small_config(), 0);
  model.move_to(where());
  const Batch one = collate({two_examples()[0]}, where());
  const std::set<std::string> expected = ranges_of(detection_stages(model, one));
  const RangeLog log;
  model.detect(one);
  CHECK(names(log) == expected);
}

TEST_CASE("ranges: each stage of a training step has one, and the samples") {
  MaskRcnn model(small_config(), 0);
  model.move_to(where());
  const Batch batch = two_photos(where());
  std::set<std::string> expected = ranges_of(training_stages(model, batch));
  expected.insert("samples");
  const RangeLog log;
  model.losses(batch, Mode::train, RngKey{});
  CHECK(names(log) == expected);
}

TEST_CASE("ranges: a log adds up one name's, and an inner log hides the outer") {
  RangeLog outer;
  in_range("a", [] { return 0; });
  {
    const Range range("b");
    in_range("a", [] { return 0; });
  }
  {
    const RangeLog inner;
    in_range("c", [] { return 0; });
    REQUIRE(inner.milliseconds.size() == 1);
  }
  REQUIRE(outer.milliseconds.size() == 2);
  CHECK(outer.milliseconds[0].first == "a");
  CHECK(outer.milliseconds[1].first == "b");
}
