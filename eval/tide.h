// Where AP is lost: Bolya et al. 2020, "TIDE: A General Toolbox for Identifying Object Detection Errors", with the
// numbers of its package tidecv 1.0.1.  Each wrong detection has one kind of error, and a kind's dAP is what AP would
// gain if that kind alone were repaired.
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "eval/pairs.h"

namespace sil {

// In tidecv's order of asking:
//   loc   the right class, but an IoU between background and foreground: repaired, it is right
//   cls   an object of another class is found: repaired, it has that object's class
//   dupe  a better detection has the object: repaired, it is gone
//   bkg   no object is near: repaired, it is gone
//   both  anything else, a wrong class at a poor IoU for one: repaired, it is gone
//   miss  an object that no loc or cls would repair: repaired, it does not count
enum class TideError { cls, loc, both, dupe, bkg, miss };
constexpr std::array<const char*, 6> tide_names{"Cls", "Loc", "Both", "Dupe", "Bkg", "Miss"};

struct TideThresholds {
  double foreground = .5, background = .1;
};

// What one photo adds.
struct TidePhoto {
  struct Row {  // a detection, best score first
    int64_t category_id = 0;
    double score = 0;
    bool counts = true;                       // false: in a crowd of its class
    std::optional<TideError> error;           // none: right
    std::optional<int64_t> repaired_class{};  // with the error repaired it is right, for this class; none: it is gone
  };
  struct Objects {
    int64_t count = 0, unfound = 0,
            missed = 0;  // crowds apart; unfound: by no right detection; missed: TideError::miss
  };
  std::vector<Row> rows;
  std::map<int64_t, Objects> objects;  // by category id
};
TidePhoto tide_photo(const Pairs&, TideThresholds = {});

// In percent, as tidecv gives them: mean AP at the foreground IoU over all categories that occur, in annotations or
// detections.
struct Tide {
  double AP = 0;
  std::array<double, 6> dAP{};      // by TideError
  std::array<int64_t, 6> errors{};  // how many
  double false_positives = 0;       // dAP if all wrong detections ranked behind all right ones
  double false_negatives = 0;       // dAP if the objects that were not found did not count
};
Tide tide(std::span<const TidePhoto>);  // in the order of the photos, which decides between equal scores

}  // namespace sil
