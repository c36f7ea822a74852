// A value and its place as one number, so that no two of a row are equal and any order of them is the stable one.
#pragma once
#include "cuda/simt.h"

namespace sil::SIL_GPU {
namespace {

using Key = unsigned long long;

// Of a value's ordered bits (tensor/ordered_bits.h): larger values first, of equal ones the smaller index; no key is 0.
__device__ inline Key key_of(uint32_t value, int64_t index) { return Key(value) << 32 | uint32_t(~uint32_t(index)); }
__device__ inline int32_t index_of(Key key) { return int32_t(~uint32_t(key)); }

struct LargerKey {
  __device__ Key operator()(Key a, Key b) const { return a < b ? b : a; }
};

}  // namespace
}  // namespace sil::SIL_GPU
