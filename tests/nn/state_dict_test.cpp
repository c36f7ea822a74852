#include "nn/state_dict.h"

#include <doctest/doctest.h>

#include <numeric>

#include "nn/conv_norm.h"
#include "nn/torch_random.h"
#include "tensor/check.h"

using namespace sil;

namespace {

// One of every layout.
struct Small {
  ConvNorm block;
  ConvTranspose2d up;
  Linear fc;
  Small(NormKind norm, TorchRandom random)
      : block{Conv2d(random.normal({8, 3, 3, 2}, 1), {}, {}), make_norm(norm, 8, 1e-5f)},
        up(random.normal({8, 2, 2, 3}, 1), Tensor::zeros({3}), 2),
        fc(random.normal({5, 2, 2, 3}, 1), Tensor::zeros({5})) {}
  void visit(Visitor& v) { v("conv1", "bn1", block)("up", up)("fc", fc); }
};

std::vector<std::string> names(const StateDict& d) {
  std::vector<std::string> out;
  for (const auto& [name, t] : d) out.push_back(name);
  return out;
}

}  // namespace

TEST_CASE("state dict: names and shapes are torch's") {
  Small m(NormKind::batch_norm, TorchRandom(0));
  const StateDict d = state_dict(leaves(m));
  CHECK(names(d) == std::vector<std::string>{"bn1.bias", "bn1.num_batches_tracked", "bn1.running_mean",
                                             "bn1.running_var", "bn1.weight", "conv1.weight", "fc.bias", "fc.weight",
                                             "up.bias", "up.weight"});
  CHECK(d.at("conv1.weight").shape() == Shape{8, 2, 3, 3});
  CHECK(d.at("up.weight").shape() == Shape{8, 3, 2, 2});
  CHECK(d.at("fc.weight").shape() == Shape{5, 12});
  CHECK(d.at("bn1.num_batches_tracked").dtype() == DType::i64);
}

TEST_CASE("state dict: columns behind a feature map go from H, W, C to C, H, W") {
  std::vector<float> v(12);
  std::iota(v.begin(), v.end(), 0.0f);
  const Tensor file = to_file(Tensor::of<float>({1, 2, 2, 3}, v), Layout::flattened);
  CHECK(file.to_vector<float>() == std::vector<float>{0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11});
  CHECK(to_ours(file, Layout::flattened, {1, 2, 2, 3}).to_vector<float>() == v);
}

TEST_CASE("state dict: out of one model into another, to the bit") {
  for (NormKind norm : {NormKind::frozen_bn, NormKind::batch_norm}) {
    Small a(norm, TorchRandom(1)), b(norm, TorchRandom(2));
    load_state_dict_exact(leaves(b), state_dict(leaves(a)), "a");
    const StateDict da = state_dict(leaves(a)), db = state_dict(leaves(b));
    for (const auto& [name, t] : da)
      if (t.dtype() == DType::f32) CHECK_MESSAGE(t.to_vector<float>() == db.at(name).to_vector<float>(), name);
  }
}

TEST_CASE("state dict: a saved one does not follow the model") {
  Small m(NormKind::frozen_bn, TorchRandom(0));
  const StateDict d = state_dict(leaves(m));
  m.fc.bias.value().data<float>()[0] = 7;
  CHECK(d.at("fc.bias").to_vector<float>()[0] == 0);
}

TEST_CASE("state dict: what does not fit is reported, the rest goes in") {
  Small a(NormKind::frozen_bn, TorchRandom(1)), b(NormKind::frozen_bn, TorchRandom(2));
  StateDict d = state_dict(leaves(a));
  d["fc.weight"] = Tensor::zeros({7, 12});
  d.erase("up.bias");
  d["extra"] = Tensor::zeros({1});
  const std::string message =
      "a.safetensors: does not fit the model: fc.weight is [7, 12], the model expects [5, 12] (3 differences in all)";
  CHECK_THROWS_WITH_AS(load_state_dict_exact(leaves(b), d, "a.safetensors"), message.c_str(), Error);
  CHECK(b.block.conv.weight.value().to_vector<float>() != a.block.conv.weight.value().to_vector<float>());

  const LoadReport r = load_state_dict(leaves(b), d);
  CHECK(r.missing == std::vector<std::string>{"up.bias"});
  CHECK(r.unexpected == std::vector<std::string>{"extra"});
  REQUIRE(r.mismatched.size() == 1);
  CHECK(r.mismatched[0].name == "fc.weight");
  CHECK(b.block.conv.weight.value().to_vector<float>() == a.block.conv.weight.value().to_vector<float>());
}

TEST_CASE("state dict: a batch norm's counter may be absent, a frozen norm ignores one") {
  Small trained(NormKind::batch_norm, TorchRandom(1)), frozen(NormKind::frozen_bn, TorchRandom(2));
  load_state_dict_exact(leaves(frozen), state_dict(leaves(trained)), "trained");
  load_state_dict_exact(leaves(trained), state_dict(leaves(frozen)), "frozen");
}

TEST_CASE("state dict: a value of another shape is refused, by parameter and by buffer") {
  Small m(NormKind::frozen_bn, TorchRandom(0));
  CHECK_THROWS_WITH_AS(m.fc.bias.set(Tensor::zeros({3})), "parameter: value is [3], parameter is [5]", Error);
  for (const Leaf& leaf : leaves(m))
    if (leaf.buffer) {
      const std::string text = leaf.name + ": value is [], buffer is [8]";
      CHECK_THROWS_WITH_AS(leaf.set(Tensor::zeros({})), text.c_str(), Error);
    }
  CHECK_THROWS_WITH_AS(file_shape({5, 12}, Layout::channels_last),
                       "state dict: a weight of rank 4 expected, shape is [5, 12]", Error);
  CHECK_THROWS_WITH_AS(to_ours(Tensor::zeros({8, 3, 2, 2}), Layout::channels_last, {8, 2, 3, 3}),
                       "state dict: weight is [8, 3, 2, 2], expected [8, 3, 2, 3]", Error);
}

TEST_CASE("state dict: gradients have the file's names and shapes") {
  Small m(NormKind::frozen_bn, TorchRandom(0));
  m.up.weight.var.set_grad(Tensor::zeros({8, 2, 2, 3}));
  const StateDict g = gradients(leaves(m));
  CHECK(names(g) == std::vector<std::string>{"up.weight"});
  CHECK(g.at("up.weight").shape() == Shape{8, 3, 2, 2});
}
