// Makes a synthetic COCO data set to train and test on.
#include "data/shapes.h"

#include <fmt/core.h>

#include "apps/program.h"

int main(int argc, char** argv) {
  std::filesystem::path out;
  sil::ShapesOptions options;
  return sil::run_program(
      argc, argv,
      "Makes a synthetic data set: pictures of circles, squares and triangles that overlap, on a noisy background, "
      "with "
      "COCO annotations (masks of what can be seen). The same numbers give the same pictures on every machine.",
      [&](CLI::App& app) {
        app.add_option("--out", out, "Folder to write, new or empty: images/ and annotations.json")->required();
        app.add_option("--images", options.images, "How many pictures")->capture_default_str();
        app.add_option("--size", options.size, "Pixels a side, 32 to 4096")->capture_default_str();
        app.add_option("--seed", options.seed, "Another seed is another data set")
            ->check(sil::whole_in_64_bits())
            ->capture_default_str();
        app.footer("Example: shapes --out data/shapes --images 1500 --size 128 --seed 1");
      },
      [&] {
        const sil::Annotations made = sil::write_shapes(out, options);
        fmt::print("{}: {} pictures of {} x {} pixels, {} shapes", made.source, made.photos.size(), options.size,
                   options.size, made.annotations.size());
        for (const sil::Category& c : made.categories) {
          const auto of_it = [&](const sil::Annotation& a) { return a.category_id == c.id; };
          fmt::print(", {} {}s", std::count_if(made.annotations.begin(), made.annotations.end(), of_it), c.name);
        }
        fmt::print("\n");
        return 0;
      });
}
