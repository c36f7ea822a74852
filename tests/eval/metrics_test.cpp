#include "eval/metrics.h"

#include <doctest/doctest.h>
#include <rapidjson/document.h>

#include <algorithm>

#include "tensor/check.h"

using namespace sil;

TEST_CASE("pairwise_mean: the bits of numpy.mean of 1, 1/2, 1/3, ...") {
  const auto mean = [](int n) {
    std::vector<double> x;
    for (int i = 1; i <= n; ++i) x.push_back(1.0 / i);
    return pairwise_mean(x);
  };
  CHECK(mean(1) == 1);
  CHECK(mean(7) == 0x1.7b4c470d956b9p-2);
  CHECK(mean(8) == 0x1.5be2be2be2be2p-2);
  CHECK(mean(127) == 0x1.5df497c4cb612p-5);
  CHECK(mean(128) == 0x1.5bb8ae9541ca7p-5);
  CHECK(mean(129) == 0x1.5984a742c4323p-5);
  CHECK(mean(1000) == 0x1.ea915c8a8db3dp-8);
  CHECK(mean(9001) == 0x1.19fce777345d9p-10);
}

TEST_CASE("summary_text: pycocotools' lines, to the space") {
  Summary s;
  s.AP = .12345;
  s.AP50 = 1;
  const std::string text = summary_text(s);
  CHECK(text.find(" Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.123\n") == 0);
  CHECK(text.find(" Average Precision  (AP) @[ IoU=0.50      | area=   all | maxDets=100 ] = 1.000\n") != text.npos);
  CHECK(text.find(" Average Recall     (AR) @[ IoU=0.50:0.95 | area=   all | maxDets=  1 ] = -1.000\n") != text.npos);
  CHECK(text.find(" Average Recall     (AR) @[ IoU=0.50:0.95 | area= large | maxDets=100 ] = -1.000\n") != text.npos);
  CHECK(std::count(text.begin(), text.end(), '\n') == 12);
}

TEST_CASE("to_json: the keys, and numbers that read back to the bit") {
  Metrics m;
  m.segm = Summary{};
  m.segm->AP = 0x1.5555555555555p-2;
  m.per_class.push_back({3, "a \"quoted\" class", 10, 20, {}, m.segm, {}});
  m.torchmetrics = {{"map", {double(.1f)}}, {"map_per_class", {.5}}, {"classes", {3}}};
  rapidjson::Document d;
  d.Parse<rapidjson::kParseFullPrecisionFlag>(to_json(m).c_str());
  REQUIRE(!d.HasParseError());
  CHECK(!d.HasMember("bbox"));
  CHECK(d["segm"]["AP"].GetDouble() == m.segm->AP);
  CHECK(d["segm"]["ARl"].GetDouble() == -1);
  CHECK(d["segm"].MemberCount() == 12);
  CHECK(std::string(d["per_class"][0]["name"].GetString()) == "a \"quoted\" class");
  CHECK(d["per_class"][0]["segm"]["AP"].GetDouble() == m.segm->AP);
  CHECK(d["torchmetrics"]["map"].GetDouble() == double(.1f));
  CHECK(d["torchmetrics"]["map_per_class"][0].GetDouble() == .5);
  CHECK(d["torchmetrics"]["classes"][0].GetInt() == 3);
}

TEST_CASE("summarise: without 100 among the limits AP is -1, as in pycocotools; two limits are an error") {
  Protocol p = Protocol::coco();
  p.max_detections = {1, 10, 1000};
  Evaluator e(IouType::bbox, {1}, {p});
  e.area_of = AreaOf::box;
  const Truth truth{.id = 1, .category_id = 1, .bbox = {0, 0, 9, 9}, .area = 81};
  e.add(1, std::vector{truth}, std::vector{Found{1, .5, {0, 0, 9, 9}, {}}});
  const Accumulated x = e.accumulate();
  CHECK(summarise(x, p).AP == -1);
  CHECK(summarise(x, p).AR100 == 1);  // the third limit
  p.max_detections = {1, 10};
  CHECK_THROWS_WITH_AS(summarise(x, p), "summary: 2 limits of detections, 3 expected", Error);
}
