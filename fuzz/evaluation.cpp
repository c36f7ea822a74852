// Annotations and results as `evaluate` takes them, broken ones too: two files, a form feed between.
#include "eval/evaluation.h"

#include "eval/lenient_files.h"
#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  const size_t between = std::min(text.find('\f'), size), after = std::min(between + 1, size);
  const auto annotations = fuzz::file_with(bytes, between, "a.json");
  const auto results = fuzz::file_with(bytes + after, size - after, "r.json");
  for (const bool agnostic : {false, true})
    fuzz::expect_error_at_most([&] {
      sil::EvaluationOptions options{.class_agnostic = agnostic};
      const sil::EvaluationFiles files = sil::read_for_evaluation(annotations, {results}, options);
      for (const sil::Photo& photo : files.annotations.photos)
        if (int64_t(photo.height) * photo.width > 1 << 20) return;  // a mask may have as many columns
      sil::Evaluation evaluation(files.annotations, options);
      evaluation.add_all(files.results);
      evaluation.metrics();
    });
  return 0;
}
