#include "nn/init.h"

#include <cmath>

#include "nn/state_dict.h"

namespace sil {

int64_t fan_in(const Parameter& p) { return p.value().numel() / p.value().dim(0); }
int64_t fan_out(const Parameter& p) { return p.value().numel() / p.value().dim(p.value().rank() - 1); }

void draw_normal(Parameter& p, double deviation, TorchRandom& random) {
  const Shape& ours = p.value().shape();
  p.set(to_ours(random.normal(file_shape(ours, p.layout), deviation), p.layout, ours));
}

void draw_uniform(Parameter& p, double bound, TorchRandom& random) {
  const Shape& ours = p.value().shape();
  p.set(to_ours(random.uniform(file_shape(ours, p.layout), bound), p.layout, ours));
}

void draw_kaiming_normal(Parameter& p, TorchRandom& random) {
  draw_normal(p, std::sqrt(2.0 / double(fan_out(p))), random);
}

void draw_kaiming_uniform(Parameter& p, TorchRandom& random) {
  draw_uniform(p, std::sqrt(3.0 / double(fan_in(p))), random);
}

}  // namespace sil
