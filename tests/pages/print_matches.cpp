// What eval/ matches, as JSON, for test_matcher.py to hold the pages' matcher against: of each detection that counts,
// best score first, [IoU type, category id, image id, bits of the COCO thresholds at which it is right, ... ignored].
#include <fmt/core.h>

#include "data/results.h"
#include "eval/evaluation.h"

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const sil::Annotations annotations = sil::read_annotations(argv[1]);
  sil::Evaluation evaluation(annotations);
  const sil::Results results = sil::read_result_views(argv[2]);
  evaluation.add_all({&results, 1});
  const char* between = "[";
  for (const auto* e : {&*evaluation.bbox(), &*evaluation.segm()})
    for (const sil::Matches::Class& c : e->matches().classes)
      for (const sil::Matches::Row& row : c.rows) {
        fmt::print("{}[\"{}\",{},{},{},{}]", between, e == &*evaluation.bbox() ? "bbox" : "segm", c.category_id,
                   row.image_id, row.right, row.ignored);
        between = ",\n";
      }
  fmt::print("{}]\n", between[0] == '[' ? "[" : "");
}
