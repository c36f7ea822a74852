#include "tests/autograd/op_cases.h"

namespace sil {

std::vector<OpCase> loss_cases() {
  return {
      {"softmax_cross_entropy", "a row that takes no part",
       [](Case& c) {
         return softmax_cross_entropy(c.var({4, 5}, -3, 3), Tensor::of<int32_t>({4}, {2, -1, 0, 4}));
       }},
      {"softmax_cross_entropy", "no row takes part",
       [](Case& c) {
         return softmax_cross_entropy(c.var({2, 3}), Tensor::of<int32_t>({2}, {-1, -1}));
       }},
      {"sigmoid_bce", "both labels and a row that takes no part",
       [](Case& c) {
         return sigmoid_bce(c.var({6}, -4, 4), Tensor::of<int32_t>({6}, {1, 0, -1, 0, 1, 1}));
       }},
      {"sigmoid_bce", "no rows", [](Case& c) { return sigmoid_bce(c.var({0}), Tensor::of<int32_t>({0}, {})); }},
      // Differences are odd multiples of 1/48: none is 0 or 1/9.
      {"smooth_l1", "both sides of beta, a row that takes no part",
       [](Case& c) {
         const Tensor target = Tensor::full({6, 4}, 0.25, c.dtype), count = Tensor::full({1}, 5, c.dtype);
         return smooth_l1(c.distinct({6, 4}), target, Tensor::of<int32_t>({6}, {1, 0, -1, 0, 3, 2}), count, 1.f / 9);
       }},
      {"smooth_l1", "beta 0 is L1",
       [](Case& c) {
         const Tensor target = Tensor::full({6, 4}, 0.25, c.dtype), count = Tensor::full({1}, 6, c.dtype);
         return smooth_l1(c.distinct({6, 4}), target, Tensor::zeros({6}, DType::i32), count, 0);
       }},
      {"mask_loss", "masks of two objects, a row that takes no part",
       [](Case& c) {
         const MaskRuns masks{Tensor::of<int32_t>({6}, {7, 12, 30, 40, 0, 20}), Tensor::of<int32_t>({3}, {0, 4, 6}),
                              Tensor::of<int32_t>({2, 2}, {5, 8, 4, 5})};
         const Var logits = c.var({4, 3, 3, 5}, -3, 3);
         return mask_loss(logits, Tensor::of<int32_t>({4}, {4, -1, 0, 2}), c.boxes(4, 8, 5),
                          Tensor::of<int32_t>({4}, {0, -1, 1, 0}), masks);
       }},
  };
}

}  // namespace sil
