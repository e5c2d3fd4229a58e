// SPDX-License-Identifier: Apache-2.0
#include "tools/make_variants/values.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "opcost/support/status_macros.h"
#include "tools/make_variants/elements.h"

namespace opcost::variants {
namespace {

constexpr int kDigitBits = 16;

// The `rank`-th smallest magnitude, and how many are smaller: a digit of 16
// bits with each pass, the most significant first.
struct Threshold {
  uint64_t magnitude = 0;
  int64_t below = 0;
};

template <typename Format>
absl::StatusOr<Threshold> FindThreshold(const Tensor& tensor, int64_t rank) {
  using Bits = typename Format::Bits;
  Threshold threshold;
  uint64_t known = 0;  // bits of the digits that are settled
  std::vector<int64_t> counts(size_t{1} << kDigitBits);
  for (int shift = 8 * int{sizeof(Bits)} - kDigitBits; shift >= 0;
       shift -= kDigitBits) {
    std::fill(counts.begin(), counts.end(), 0);
    OPCOST_RETURN_IF_ERROR(tensor.ForEachPiece(1, [&](const char* bytes,
                                                      int64_t count) {
      for (int64_t i = 0; i < count; ++i) {
        const uint64_t magnitude = BitsAt<Bits>(bytes, i) & Format::kMagnitude;
        if (((magnitude ^ threshold.magnitude) & known) == 0)
          ++counts[(magnitude >> shift) & 0xffffU];
      }
      return absl::OkStatus();
    }));
    uint64_t digit = 0;
    while (threshold.below + counts[digit] < rank)
      threshold.below += counts[digit++];
    threshold.magnitude |= digit << shift;
    known |= uint64_t{0xffff} << shift;
  }
  return threshold;
}

template <typename Format>
absl::Status Prune(const Tensor& tensor, int64_t zeros, Sink* sink) {
  using Bits = typename Format::Bits;
  Threshold threshold;
  if (zeros > 0) {
    OPCOST_ASSIGN_OR_RETURN(threshold, FindThreshold<Format>(tensor, zeros));
  }
  int64_t ties = zeros - threshold.below;
  std::string out;
  return tensor.ForEachPiece(1, [&](const char* bytes, int64_t count) {
    out.assign(bytes, static_cast<size_t>(count) * sizeof(Bits));
    for (int64_t i = 0; i < count; ++i) {
      const uint64_t magnitude = BitsAt<Bits>(bytes, i) & Format::kMagnitude;
      const bool is_tie = magnitude == threshold.magnitude && ties > 0;
      if (!is_tie && magnitude >= threshold.magnitude) continue;
      if (is_tie) --ties;
      PutBits<Bits>(0, out.data(), i);
    }
    sink->Write(out.data(), static_cast<int64_t>(out.size()));
    return absl::OkStatus();
  });
}

// Zeroes all but the `n` largest of each `m` elements.
template <typename Format>
class BlockPruner {
  using Bits = typename Format::Bits;

 public:
  BlockPruner(int64_t n, int64_t m) : n_(n), m_(m) {
    order_.resize(static_cast<size_t>(m));
  }

  // Elements `first`, `first + stride` ..., `count` of them, in blocks of m.
  void PruneRun(char* bytes, int64_t first, int64_t stride, int64_t count) {
    for (int64_t c = 0; c < count; c += m_)
      PruneBlock(bytes, first + c * stride, stride, std::min(m_, count - c));
  }

 private:
  void PruneBlock(char* bytes, int64_t first, int64_t stride, int64_t count) {
    if (count <= n_) return;
    for (int64_t i = 0; i < count; ++i) {
      const int64_t at = first + i * stride;
      order_[static_cast<size_t>(i)] = {
          static_cast<Bits>(BitsAt<Bits>(bytes, at) & Format::kMagnitude), at};
    }
    std::sort(order_.begin(), order_.begin() + count);
    for (int64_t i = 0; i < count - n_; ++i)
      PutBits<Bits>(0, bytes, order_[static_cast<size_t>(i)].second);
  }

  int64_t n_;
  int64_t m_;
  std::vector<std::pair<Bits, int64_t>> order_;  // magnitude, place
};

// The elements of a row lie one after the other.
template <typename Format>
absl::Status PruneRows(const Tensor& tensor, int64_t columns, int64_t m,
                       BlockPruner<Format>* pruner, Sink* sink) {
  constexpr auto kWidth = static_cast<int64_t>(sizeof(typename Format::Bits));
  std::string out;
  const auto prune = [&](int64_t first, int64_t row, int64_t count) {
    out.resize(static_cast<size_t>(count * kWidth));
    OPCOST_RETURN_IF_ERROR(
        tensor.Read(first * kWidth, count * kWidth, out.data()));
    for (int64_t i = 0; i < count; i += row)
      pruner->PruneRun(out.data(), i, 1, row);
    sink->Write(out.data(), count * kWidth);
    return absl::OkStatus();
  };
  // Whole rows where they are short, whole blocks of one where it is long.
  const bool is_long = columns > kPieceElements;
  const int64_t step = is_long ? std::max<int64_t>(kPieceElements / m, 1) * m
                               : kPieceElements / columns * columns;
  for (int64_t first = 0; first < tensor.elements;) {
    const int64_t left =
        is_long ? columns - first % columns : tensor.elements - first;
    const int64_t count = std::min(step, left);
    OPCOST_RETURN_IF_ERROR(prune(first, is_long ? count : columns, count));
    first += count;
  }
  return absl::OkStatus();
}

// Stored as [blocks, columns, rows]: `m` columns at a time.
template <typename Format>
absl::Status PruneColumns(const Tensor& tensor, const MatrixLayout& layout,
                          int64_t m, BlockPruner<Format>* pruner, Sink* sink) {
  constexpr auto kWidth = static_cast<int64_t>(sizeof(typename Format::Bits));
  const int64_t block = layout.columns * layout.rows;
  std::string out;
  for (int64_t first = 0; first < tensor.elements; first += block) {
    for (int64_t c = 0; c < layout.columns; c += m) {
      const int64_t columns = std::min(m, layout.columns - c);
      const int64_t bytes = columns * layout.rows * kWidth;
      out.resize(static_cast<size_t>(bytes));
      OPCOST_RETURN_IF_ERROR(
          tensor.Read((first + c * layout.rows) * kWidth, bytes, out.data()));
      for (int64_t r = 0; r < layout.rows; ++r)
        pruner->PruneRun(out.data(), r, layout.rows, columns);
      sink->Write(out.data(), bytes);
    }
  }
  return absl::OkStatus();
}

struct Range {
  double least = std::numeric_limits<double>::infinity();
  double greatest = -std::numeric_limits<double>::infinity();
  bool has_others = false;  // infinite, or no numbers
};

template <typename Format>
absl::StatusOr<Range> RangeOf(const Tensor& tensor) {
  Range range;
  OPCOST_RETURN_IF_ERROR(tensor.ForEachPiece(1, [&range](const char* bytes,
                                                         int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
      const double x = Format::Load(BitsAt<typename Format::Bits>(bytes, i));
      range.has_others |= !std::isfinite(x);
      range.least = std::min(range.least, x);
      range.greatest = std::max(range.greatest, x);
    }
    return absl::OkStatus();
  }));
  return range;
}

template <typename Format>
absl::Status Quantize(const Tensor& tensor, int bits, Sink* sink) {
  using Bits = typename Format::Bits;
  OPCOST_ASSIGN_OR_RETURN(const Range range, RangeOf<Format>(tensor));
  if (range.has_others) {
    return absl::InvalidArgumentError(
        absl::StrCat("tensor '", tensor.name,
                     "' has elements that aren't finite; leave it as it is "
                     "(--keep ",
                     tensor.name, ")"));
  }
  const auto steps = static_cast<double>((int64_t{1} << bits) - 1);
  const double step = (range.greatest - range.least) / steps;
  std::string out;
  return tensor.ForEachPiece(1, [&](const char* bytes, int64_t count) {
    out.resize(static_cast<size_t>(count) * sizeof(Bits));
    for (int64_t i = 0; i < count; ++i) {
      const double x = Format::Load(BitsAt<Bits>(bytes, i));
      const double index =
          step > 0 ? std::nearbyint((x - range.least) / step) : 0;
      PutBits<Bits>(Format::Store(range.least + index * step), out.data(), i);
    }
    sink->Write(out.data(), static_cast<int64_t>(out.size()));
    return absl::OkStatus();
  });
}

}  // namespace

int64_t Share(double fraction, int64_t elements) {
  return std::min(std::llround(fraction * static_cast<double>(elements)),
                  static_cast<long long>(elements));
}

absl::Status PruneByMagnitude(const Tensor& tensor, double fraction,
                              Sink* sink) {
  const int64_t zeros = Share(fraction, tensor.elements);
  return WithFloat(tensor.type, [&](auto format) {
    return Prune<decltype(format)>(tensor, zeros, sink);
  });
}

absl::Status PruneBlocks(const Tensor& tensor, const MatrixLayout& layout,
                         int64_t n, int64_t m, Sink* sink) {
  if (tensor.elements == 0) return absl::OkStatus();
  return WithFloat(tensor.type, [&](auto format) {
    BlockPruner<decltype(format)> pruner(n, m);
    return layout.is_transposed
               ? PruneColumns(tensor, layout, m, &pruner, sink)
               : PruneRows(tensor, layout.columns, m, &pruner, sink);
  });
}

absl::Status QuantizeUniformly(const Tensor& tensor, int bits, Sink* sink) {
  return WithFloat(tensor.type, [&](auto format) {
    return Quantize<decltype(format)>(tensor, bits, sink);
  });
}

}  // namespace opcost::variants
