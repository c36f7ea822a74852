// Ren et al. 2015, section 3.1.3.  A candidate's ticket is a hash of the key, its image and its place among its image's
// rows; the smallest tickets win, so every subset is equally likely and no order of threads matters.
#include <algorithm>

#include "cpu/cpu.h"
#include "tensor/threads.h"

namespace sil::cpu {
namespace {

struct Ticket {
  uint64_t hash;
  int64_t row;
  friend bool operator<(const Ticket& a, const Ticket& b) {
    return a.hash < b.hash || (a.hash == b.hash && a.row < b.row);
  }
};

struct Candidates {
  Ticket* tickets;
  int64_t count = 0;

  void draw(int64_t wanted, uint8_t* picked) {
    const int64_t n = std::min(wanted, count);
    std::nth_element(tickets, tickets + n, tickets + count);
    for (int64_t i = 0; i < n; ++i) picked[tickets[i].row] = 1;
  }
};

}  // namespace

void sample(Stream, In matched, In image, int64_t images, RngKey key, Out picked, SamplerGeom g, Scratch& scratch) {
  const int64_t rows = matched.dim(0);
  const int32_t *match = matched.data<int32_t>(), *whose = image.data<int32_t>();
  uint8_t* out = picked.data<uint8_t>();
  std::fill_n(out, rows, uint8_t(0));

  // Room for each image's candidates: positives from the front, negatives behind them.
  auto* size = scratch.take_n<int64_t>(size_t(2 * images));
  std::fill_n(size, 2 * images, 0);
  for (int64_t r = 0; r < rows; ++r)
    if (whose[r] >= 0 && match[r] >= -1) ++size[2 * whose[r] + (match[r] < 0)];
  auto* kinds = scratch.take_n<Candidates>(size_t(2 * images));
  Ticket* room = scratch.take_n<Ticket>(size_t(rows));
  for (int64_t i = 0; i < 2 * images; room += size[i++]) kinds[i] = {room};

  auto* place = scratch.take_n<uint64_t>(size_t(images));
  std::fill_n(place, images, 0);
  for (int64_t r = 0; r < rows; ++r) {
    const int32_t n = whose[r];
    if (n < 0) continue;
    const uint64_t at = place[n]++;
    if (match[r] < -1) continue;
    Candidates& kind = kinds[2 * n + (match[r] < 0)];
    kind.tickets[kind.count++] = {key.fold(uint64_t(n)).bits(at), r};
  }

  parallel_for(images, 1, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      Candidates &positive = kinds[2 * n], &negative = kinds[2 * n + 1];
      const int64_t positives = std::min<int64_t>(positive.count, int64_t(g.per_image * g.positive));
      positive.draw(positives, out);
      negative.draw(g.per_image - positives, out);
    }
  });
}

}  // namespace sil::cpu
