// Ren et al. 2015, section 3.1.3.  A candidate's ticket is a hash of the key, its image and its place among its image's
// rows; the smallest tickets win, so every subset is equally likely and no order of threads matters.
#include <algorithm>

#include "cpu/cpu.h"
#include "tensor/threads.h"

namespace sil::cpu {
namespace {

// Whose a row is.
struct Whose {
  const int32_t* image;  // or null: `each` rows of every image, in order
  int64_t each;

  int64_t operator[](int64_t r) const { return image ? image[r] : r / each; }
};

Whose whose_of(In matched, In image, int64_t images) {
  return {image.defined() ? image.data<int32_t>() : nullptr, images > 0 ? matched.dim(0) / images : 0};
}

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

// Lists the rows that were picked, image by image.
void list(In matched, Whose whose, In labels, int64_t images, const uint8_t* picked, const SampleOut& out,
          Scratch& scratch) {
  const int32_t* match = matched.data<int32_t>();
  auto* place = scratch.take_n<int32_t>(size_t(images + 1));  // of each image's next row
  std::fill_n(place, images + 1, 0);
  for (int64_t r = 0; r < matched.numel(); ++r)
    if (picked[r]) ++place[whose[r] + 1];
  for (int64_t n = 0; n < images; ++n) place[n + 1] += place[n];
  const int32_t count = place[images];

  int32_t *rows = out.rows.data<int32_t>(), *label = out.labels.data<int32_t>(),
          *positive = out.positive.data<int32_t>();
  std::fill_n(rows, out.rows.numel(), -1);
  std::fill_n(label, out.labels.numel(), -1);
  std::fill_n(positive, out.positive.numel(), -1);
  for (int64_t r = 0; r < matched.numel(); ++r) {
    if (!picked[r]) continue;
    const int32_t i = place[whose[r]]++;
    rows[i] = int32_t(r);
    label[i] = match[r] < 0 ? 0 : labels.defined() ? labels.data<int32_t>()[match[r]] : 1;
  }
  for (int32_t i = 0; i < count; ++i)
    if (match[rows[i]] >= 0) *positive++ = i;
  *out.count.data<int32_t>() = count;
}

}  // namespace

void sample(Stream, In matched, In image, In labels, int64_t images, In key, const SampleOut& out, SamplerGeom g,
            Scratch& scratch) {
  const RngKey drawn_by{uint64_t(*key.data<int64_t>())};
  const int64_t rows = matched.dim(0);
  const int32_t* match = matched.data<int32_t>();
  const Whose whose = whose_of(matched, image, images);
  uint8_t* picked = scratch.take_n<uint8_t>(size_t(rows));
  std::fill_n(picked, rows, uint8_t(0));

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
    const int64_t n = whose[r];
    if (n < 0) continue;
    const uint64_t at = place[n]++;
    if (match[r] < -1) continue;
    Candidates& kind = kinds[2 * n + (match[r] < 0)];
    kind.tickets[kind.count++] = {drawn_by.fold(uint64_t(n)).bits(at), r};
  }

  parallel_for(images, 1, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      Candidates &positive = kinds[2 * n], &negative = kinds[2 * n + 1];
      const int64_t positives = std::min(positive.count, g.most_positive());
      positive.draw(positives, picked);
      negative.draw(g.per_image - positives, picked);
    }
  });
  list(matched, whose, labels, images, picked, out, scratch);
}

}  // namespace sil::cpu
