#include "cpu/onednn.h"

#include <omp.h>

#include <array>
#include <cstring>
#include <dnnl.hpp>
#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "tensor/threads.h"

namespace sil::cpu::onednn {
namespace {

using dnnl::memory;
using Desc = memory::desc;
using Tag = memory::format_tag;
using Args = std::unordered_map<int, memory>;

dnnl::engine& engine() {
  static dnnl::engine e(dnnl::engine::kind::cpu, 0);
  return e;
}

// One a calling thread, whose OpenMP teams get their size here.
dnnl::stream& stream() {
  thread_local dnnl::stream s = [] {
    omp_set_num_threads(threads());
    return dnnl::stream(engine());
  }();
  return s;
}

memory::data_type type(DType t) { return t == DType::bf16 ? memory::data_type::bf16 : memory::data_type::f32; }

memory at(const Desc& d, const void* data) { return memory(d, engine(), const_cast<void*>(data)); }

// A primitive that is ready to run.  `weights` is the layout it wants them in.
struct Plan {
  dnnl::primitive run, reorder;
  Desc weights, plain_weights, scratch, reorder_scratch;
  bool reorders = false;
  std::string implementation;
};

// A primitive's description.  Version 2 describes an operation first, then binds it; version 3 does both at once.
template <class Primitive, class... A>
auto describe(const dnnl::primitive_attr& attr, A... args) {
#if DNNL_VERSION_MAJOR >= 3
  return typename Primitive::primitive_desc(engine(), args..., attr);
#else
  return typename Primitive::primitive_desc(typename Primitive::desc(args...), attr, engine());
#endif
}

// The same for a backward primitive, whose description is hinted by the forward's.
template <class Primitive, class Hint, class... A>
auto describe_backward(const Hint& hint, const dnnl::primitive_attr& attr, A... args) {
#if DNNL_VERSION_MAJOR >= 3
  return typename Primitive::primitive_desc(engine(), args..., hint, attr);
#else
  return typename Primitive::primitive_desc(typename Primitive::desc(args...), attr, engine(), hint);
#endif
}

dnnl::primitive_attr user_scratchpad() {
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attr;
}

void append_relu(dnnl::post_ops& ops) {
#if DNNL_VERSION_MAJOR >= 3
  ops.append_eltwise(dnnl::algorithm::eltwise_relu, 0.f, 0.f);
#else
  ops.append_eltwise(1.f, dnnl::algorithm::eltwise_relu, 0.f, 0.f);
#endif
}

// `from` -> `to` is how the weights go: into the primitive, or, for their gradient, out of it.
template <class Primitive, class PrimitiveDesc>
Plan plan_for(const PrimitiveDesc& pd, const Desc& weights, const Desc& plain, bool into) {
  Plan plan;
  plan.run = Primitive(pd);
  plan.scratch = pd.scratchpad_desc();
  plan.implementation = pd.impl_info_str();
  plan.weights = weights, plan.plain_weights = plain;
  plan.reorders = weights != plain;
  if (plan.reorders) {
    const Desc &from = into ? plain : weights, &to = into ? weights : plain;
    const dnnl::reorder::primitive_desc reorder(engine(), from, engine(), to, user_scratchpad());
    plan.reorder = dnnl::reorder(reorder);
    plan.reorder_scratch = reorder.scratchpad_desc();
  }
  return plan;
}

// Making a primitive generates code (about a millisecond), so plans are kept.  Shapes of photos and counts of RoIs
// vary without end: beyond the bound all are dropped.
using Key = std::array<int64_t, 18>;

std::shared_ptr<const Plan> plan_of(const Key& key, const std::function<Plan()>& make) {
  constexpr size_t kBound = 2048;
  static std::mutex mutex;
  static std::map<Key, std::shared_ptr<const Plan>> plans;
  std::lock_guard lock(mutex);
  auto& plan = plans[key];
  if (!plan) {
    auto made = std::make_shared<const Plan>(make());
    if (plans.size() > kBound) plans.clear();
    return plans[key] = made;
  }
  return plan;
}

enum Operation : int64_t { kForward, kBackwardInput, kBackwardWeight, kMatmul };

Key conv_key(Operation operation, const ConvShape& s, DType t, int64_t variant) {
  return {operation, int64_t(t), variant, s.n,        s.h,         s.w,          s.i, s.p, s.q,
          s.o,       s.kh,       s.kw,    s.g.stride, s.g.padding, s.g.dilation, 0,   0};
}

void execute(const Plan& plan, Args args, Scratch& scratch) {
  args[DNNL_ARG_SCRATCHPAD] = at(plan.scratch, scratch.take(plan.scratch.get_size()));
  plan.run.execute(stream(), args);
}

void reorder(const Plan& plan, const memory& from, const memory& to, Scratch& scratch) {
  plan.reorder.execute(
      stream(), {{DNNL_ARG_FROM, from},
                 {DNNL_ARG_TO, to},
                 {DNNL_ARG_SCRATCHPAD, at(plan.reorder_scratch, scratch.take(plan.reorder_scratch.get_size()))}});
}

memory weights_for(const Plan& plan, const void* w, Scratch& scratch) {
  if (!plan.reorders) return at(plan.weights, w);
  const memory blocked = at(plan.weights, scratch.take(plan.weights.get_size()));
  reorder(plan, at(plan.plain_weights, w), blocked, scratch);
  return blocked;
}

// Instruction sets are bits, each set containing those before it.
bool has(dnnl::cpu_isa isa) {
  static const int machine = int(dnnl::get_effective_cpu_isa());
  return (machine & int(isa)) == int(isa);
}

// Without AVX2 oneDNN 2.6's convolutions add a tensor of the output's size wrongly, what is there already rightly.
bool skip_is_operand() { return has(dnnl::cpu_isa::avx2); }

struct ConvDescs {
  Desc x, w, w_plain, y, bias;
  memory::dims strides, dilation, padding;

  ConvDescs(const ConvShape& s, DType t, DType x_type)
      : x({s.n, s.i, s.h, s.w}, type(x_type), Tag::nhwc),
        w({s.o, s.i, s.kh, s.kw}, type(t), Tag::any),
        w_plain({s.o, s.i, s.kh, s.kw}, type(t), Tag::ohwi),
        y({s.n, s.o, s.p, s.q}, type(t), Tag::nhwc),
        bias({s.o}, type(t), Tag::a),
        strides{s.g.stride, s.g.stride},
        dilation{s.g.dilation - 1, s.g.dilation - 1},
        padding{s.g.padding, s.g.padding} {}

  auto forward(const dnnl::primitive_attr& attr, bool with_bias) const {
    return describe<dnnl::convolution_forward>(attr, dnnl::prop_kind::forward_training,
                                               dnnl::algorithm::convolution_direct, x, w, with_bias ? bias : Desc(), y,
                                               strides, dilation, padding, padding);
  }
};

Plan plan_forward(const ConvShape& s, DType t, bool bias, bool skip, bool relu) {
  const ConvDescs d(s, t, t);
  dnnl::post_ops ops;
  if (skip && skip_is_operand()) ops.append_binary(dnnl::algorithm::binary_add, d.y);
  if (skip && !skip_is_operand()) ops.append_sum();
  if (relu) append_relu(ops);
  dnnl::primitive_attr attr = user_scratchpad();
  attr.set_post_ops(ops);
  const auto pd = d.forward(attr, bias);
  return plan_for<dnnl::convolution_forward>(pd, pd.weights_desc(), d.w_plain, true);
}

Plan plan_backward_input(const ConvShape& s, DType t, DType out) {
  const ConvDescs d(s, t, out);
  const auto attr = user_scratchpad();
  const auto hint = ConvDescs(s, t, t).forward(attr, false);
  const auto pd = describe_backward<dnnl::convolution_backward_data>(
      hint, attr, dnnl::algorithm::convolution_direct, d.x, d.w, d.y, d.strides, d.dilation, d.padding, d.padding);
  return plan_for<dnnl::convolution_backward_data>(pd, pd.weights_desc(), d.w_plain, true);
}

Plan plan_backward_weight(const ConvShape& s, DType t) {
  const ConvDescs d(s, t, t);
  const auto attr = user_scratchpad();
  const auto pd = describe_backward<dnnl::convolution_backward_weights>(
      d.forward(attr, false), attr, dnnl::algorithm::convolution_direct, d.x, d.w, d.y, d.strides, d.dilation,
      d.padding, d.padding);
  return plan_for<dnnl::convolution_backward_weights>(pd, pd.diff_weights_desc(), d.w_plain, false);
}

}  // namespace

bool has_bfloat16() { return has(dnnl::cpu_isa::avx512_core_bf16); }
bool has_avx512() { return has(dnnl::cpu_isa::avx512_core); }

void conv_forward(const ConvShape& s, DType t, const void* x, const void* w, const void* bias, const void* skip,
                  bool relu, void* y, Scratch& scratch) {
  const int64_t variant = (bias ? 1 : 0) + (skip ? 2 : 0) + (relu ? 4 : 0);
  const auto plan = plan_of(conv_key(kForward, s, t, variant),
                            [&] { return plan_forward(s, t, bias != nullptr, skip != nullptr, relu); });
  const ConvDescs d(s, t, t);
  Args args{{DNNL_ARG_SRC, at(d.x, x)}, {DNNL_ARG_WEIGHTS, weights_for(*plan, w, scratch)}, {DNNL_ARG_DST, at(d.y, y)}};
  if (bias) args[DNNL_ARG_BIAS] = at(d.bias, bias);
  if (skip && skip_is_operand()) args[DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1] = at(d.y, skip);
  if (skip && !skip_is_operand()) std::memcpy(y, skip, d.y.get_size());
  execute(*plan, std::move(args), scratch);
}

void conv_backward_input(const ConvShape& s, DType t, const void* dy, const void* w, DType out, void* dx,
                         Scratch& scratch) {
  const auto plan =
      plan_of(conv_key(kBackwardInput, s, t, int64_t(out)), [&] { return plan_backward_input(s, t, out); });
  const ConvDescs d(s, t, out);
  execute(*plan,
          {{DNNL_ARG_DIFF_SRC, at(d.x, dx)},
           {DNNL_ARG_WEIGHTS, weights_for(*plan, w, scratch)},
           {DNNL_ARG_DIFF_DST, at(d.y, dy)}},
          scratch);
}

void conv_backward_weight(const ConvShape& s, DType t, const void* dy, const void* x, void* dw, Scratch& scratch) {
  const auto plan = plan_of(conv_key(kBackwardWeight, s, t, 0), [&] { return plan_backward_weight(s, t); });
  const ConvDescs d(s, t, t);
  const memory blocked = at(plan->weights, plan->reorders ? scratch.take(plan->weights.get_size()) : dw);
  execute(*plan, {{DNNL_ARG_SRC, at(d.x, x)}, {DNNL_ARG_DIFF_WEIGHTS, blocked}, {DNNL_ARG_DIFF_DST, at(d.y, dy)}},
          scratch);
  if (plan->reorders) reorder(*plan, blocked, at(d.w_plain, dw), scratch);
}

void matmul(DType t, const Matrix& a, const Matrix& b, const void* bias, bool relu, bool add, void* y,
            int64_t row_stride, Scratch& scratch) {
  auto desc = [t](const Matrix& m) {
    return Desc({m.rows, m.columns}, type(t), memory::dims{m.row_stride, m.column_stride});
  };
  const Desc a_desc = desc(a), b_desc = desc(b), y_desc = desc({y, a.rows, b.columns, row_stride, 1});
  const Desc bias_desc({1, b.columns}, type(t), Tag::ab);
  const Key key{kMatmul,         int64_t(t),   bias ? 1 : 0,    (relu ? 1 : 0) + (add ? 2 : 0),
                a.rows,          a.columns,    b.columns,       a.row_stride,
                a.column_stride, b.row_stride, b.column_stride, row_stride};
  const auto plan = plan_of(key, [&] {
    dnnl::post_ops ops;
    if (add) ops.append_sum();
    if (relu) append_relu(ops);
    dnnl::primitive_attr attr = user_scratchpad();
    attr.set_post_ops(ops);
    const auto pd = describe<dnnl::matmul>(attr, a_desc, b_desc, bias ? bias_desc : Desc(), y_desc);
    return plan_for<dnnl::matmul>(pd, b_desc, b_desc, true);
  });
  Args args{{DNNL_ARG_SRC, at(a_desc, a.data)}, {DNNL_ARG_WEIGHTS, at(b_desc, b.data)}, {DNNL_ARG_DST, at(y_desc, y)}};
  if (bias) args[DNNL_ARG_BIAS] = at(bias_desc, bias);
  execute(*plan, std::move(args), scratch);
}

std::string conv_implementations(const ConvShape& s, DType t) {
  return plan_forward(s, t, true, false, true).implementation + ", " + plan_backward_input(s, t, t).implementation +
         ", " + plan_backward_weight(s, t).implementation;
}

}  // namespace sil::cpu::onednn
