// Movement, elementwise operations and reductions.
#include "tests/autograd/op_cases.h"

namespace sil {
namespace {

std::vector<OpCase> movement() {
  return {
      {"view", "two axes become one",
       [](Case& c) {
         return view(c.var({2, 3, 4}), {6, 4});
       },
       true},
      {"permute", "NHWC to NCHW",
       [](Case& c) {
         return permute(c.var({2, 3, 4, 5}), {0, 3, 1, 2});
       },
       true},
      {"permute", "a cycle that is not its own inverse",
       [](Case& c) {
         return permute(c.var({2, 3, 4}), {1, 2, 0});
       },
       true},
      {"slice", "the middle of an inner axis",
       [](Case& c) {
         return slice(c.var({2, 7, 3}), 1, 2, 5);
       },
       true},
      {"slice", "from the start of the innermost, counted from the end",
       [](Case& c) {
         return slice(c.var({3, 5}), -1, 0, 2);
       },
       true},
      {"slice", "nothing",
       [](Case& c) {
         return slice(c.var({3, 5}), 0, 1, 1);
       },
       true},
      {"concat", "three parts, one of them empty",
       [](Case& c) {
         return concat({c.var({2, 1, 3}), c.var({2, 0, 3}), c.var({2, 4, 3})}, 1);
       },
       true},
      {"concat", "the same Var twice",
       [](Case& c) {
         const Var x = c.var({2, 3});
         return concat({x, x}, -1);
       },
       true},
      {"pad", "before and after",
       [](Case& c) {
         return pad(c.var({2, 3, 2}), 1, 2, 1);
       },
       true},
      {"gather_rows", "rows twice, never, and none at all",
       [](Case& c) {
         return gather_rows(c.var({5, 3}), Tensor::of<int32_t>({6}, {4, 0, 4, -1, 2, 4}));
       },
       true},
      {"gather_rows", "no rows",
       [](Case& c) {
         return gather_rows(c.var({5, 3}), Tensor::of<int32_t>({0}, {}));
       },
       true},
      // To a wider dtype, so that the difference quotient sees no rounding; in float64 that is float64.
      {"cast", "wider and back",
       [](Case& c) {
         return cast(c.var({3, 5}), c.dtype == DType::bf16 ? DType::f32 : DType::f64);
       },
       true},
  };
}

std::vector<OpCase> elementwise() {
  return {
      {"add", "equal shapes",
       [](Case& c) {
         return add(c.var({3, 4}), c.var({3, 4}));
       },
       true},
      {"add", "a row, and a column",
       [](Case& c) {
         return add(add(c.var({2, 3, 4}), c.var({4})), c.var({3, 1}));
       },
       true},
      {"add", "both broadcast",
       [](Case& c) {
         return add(c.var({3, 1}), c.var({2, 1, 4}));
       },
       true},
      {"add", "with itself",
       [](Case& c) {
         const Var x = c.var({5});
         return add(x, x);
       },
       true},
      {"sub", "equal shapes",
       [](Case& c) {
         return sub(c.var({3, 4}), c.var({3, 4}));
       },
       true},
      {"sub", "a scalar less a row", [](Case& c) { return sub(c.var({}), c.var({4})); }, true},
      {"mul", "equal shapes",
       [](Case& c) {
         return mul(c.var({3, 4}), c.var({3, 4}));
       }},
      {"mul", "a row by a column",
       [](Case& c) {
         return mul(c.var({1, 4}), c.var({3, 1}));
       }},
      {"mul", "by a constant",
       [](Case& c) {
         return mul(c.var({3, 4}), c.tensor({4}));
       },
       true},
      {"mul", "with itself",
       [](Case& c) {
         const Var x = c.var({5});
         return mul(x, x);
       }},
      {"div", "equal shapes",
       [](Case& c) {
         return div(c.var({3, 4}), c.var({3, 4}, 0.5, 2));
       }},
      {"div", "by a row",
       [](Case& c) {
         return div(c.var({2, 3}), c.var({3}, -2, -0.5));
       }},
      {"scale", "by a negative number",
       [](Case& c) {
         return scale(c.var({3, 4}), -2.5);
       },
       true},
      {"relu", "both signs",
       [](Case& c) {
         return relu(c.distinct({5, 7}));
       }},
      {"relu", "read by two, by three",
       [](Case& c) {
         const Var y = relu(c.distinct({5, 7})), z = relu(c.distinct({5, 7}));
         return add(add(y, square(y)), add(z, mul(z, exp(z))));
       }},
      {"sigmoid", "both signs",
       [](Case& c) {
         return sigmoid(c.var({3, 4}, -4, 4));
       }},
      {"exp", "both signs",
       [](Case& c) {
         return exp(c.var({3, 4}, -2, 2));
       }},
      {"log", "below and above 1",
       [](Case& c) {
         return log(c.var({3, 4}, 0.2, 3));
       }},
      {"sqrt", "below and above 1",
       [](Case& c) {
         return sqrt(c.var({3, 4}, 0.2, 3));
       }},
      {"square", "both signs",
       [](Case& c) {
         return square(c.var({3, 4}));
       }},
  };
}

std::vector<OpCase> reductions() {
  return {
      {"sum", "all axes",
       [](Case& c) {
         return sum(c.var({3, 4}), {0, 1});
       },
       true},
      {"sum", "outer and inner axes of four",
       [](Case& c) {
         return sum(c.var({2, 3, 4, 2}), {0, 2});
       },
       true},
      {"sum", "the innermost, kept",
       [](Case& c) {
         return sum(c.var({3, 4}), {-1}, true);
       },
       true},
      {"mean", "all axes",
       [](Case& c) {
         return mean(c.var({3, 4}), {0, 1});
       },
       true},
      {"mean", "height and width",
       [](Case& c) {
         return mean(c.var({2, 3, 4, 2}), {1, 2});
       },
       true},
      {"mean", "the outermost, kept",
       [](Case& c) {
         return mean(c.var({3, 4}), {0}, true);
       },
       true},
  };
}

}  // namespace

std::vector<OpCase> basic_cases() {
  std::vector<OpCase> all = movement();
  for (const auto& part : {elementwise(), reductions()}) all.insert(all.end(), part.begin(), part.end());
  return all;
}

}  // namespace sil
