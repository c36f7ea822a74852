// Temporary: kernels that are not written yet.  Delete a line when you write its kernel.
#include <cstdlib>

#include "cpu/cpu.h"

namespace sil::cpu {

void max_pool(Stream, In, Out, Out, MaxPoolGeom) { std::abort(); }
void max_pool_backward(Stream, In, In, Out) { std::abort(); }
void upsample_add(Stream, In, In, Out) { std::abort(); }
void upsample_backward(Stream, In, Out) { std::abort(); }
void batch_norm(Stream, In, In, In, float, Out, Out, Out, Scratch&) { std::abort(); }
void batch_norm_backward(Stream, In, In, In, In, In, Out, Out, Out, Scratch&) { std::abort(); }
void channel_affine(Stream, In, In, In, bool, Out) { std::abort(); }
void group_norm(Stream, In, In, In, int, float, Out, Out, Out, Scratch&) { std::abort(); }
void group_norm_backward(Stream, In, In, In, In, In, int, Out, Out, Out, Scratch&) { std::abort(); }
void make_anchors(Stream, InList, In, In, Out) { std::abort(); }
void encode_boxes(Stream, In, In, Out, BoxCoderGeom) { std::abort(); }
void decode_boxes(Stream, In, In, In, In, Out, BoxCoderGeom) { std::abort(); }
void match_boxes(Stream, In, In, In, In, int64_t, Out, MatcherGeom, Scratch&) { std::abort(); }
void sample(Stream, In, In, int64_t, RngKey, Out, SamplerGeom, Scratch&) { std::abort(); }
void nms(Stream, In, In, float, Out, Scratch&) { std::abort(); }
void roi_align(Stream, InList, In, In, Out, RoiAlignGeom) { std::abort(); }
void roi_align_backward(Stream, In, In, In, OutList, RoiAlignGeom, Scratch&) { std::abort(); }
void mask_targets(Stream, In, In, In, In, In, Out) { std::abort(); }
void paste_mask(Stream, In, In, float, Out) { std::abort(); }

}  // namespace sil::cpu
