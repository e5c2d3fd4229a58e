// SPDX-License-Identifier: Apache-2.0
// Weight matrices in other formats than dense: their arrays, and what a product
// with a vector does to them (cost model, section 6, after Wiedemann, Mueller
// and Samek, "Compact and computationally efficient representation of deep
// neural networks", IEEE TNNLS 31(3), 2020).
#ifndef OPCOST_WEIGHTS_STORAGE_H_
#define OPCOST_WEIGHTS_STORAGE_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "opcost/ops/op_counts.h"
#include "opcost/weights/statistics.h"

namespace opcost {

// In the order in which ties are settled: the simplest first.
inline constexpr std::array<StorageFormat, kStorageFormatCount>
    kStorageFormats = {StorageFormat::kDense,  StorageFormat::kCsr,
                       StorageFormat::kCer,    StorageFormat::kCser,
                       StorageFormat::kBitmap, StorageFormat::kNm};

// The format that Name() calls `name`; nullopt if there is none.
std::optional<StorageFormat> StorageFormatFromName(absl::string_view name);

// One of the arrays that a format keeps. The matrices of a tensor (batched
// weights) share it: their parts lie one after another.
struct StoredArray {
  absl::string_view part;  // "columns", as in Access::part; empty: the values
  int64_t elements = 0;
  // What a block of the layout touches of it: its share, rounded up; of the
  // table of distinct values all.
  int64_t block_elements = 0;
  int width_bits = 0;
  int64_t reads = 0;  // for one vector of each block

  friend bool operator==(const StoredArray&, const StoredArray&) = default;
};

// A weight tensor in one format. Counts are for one vector of each block: all
// of them times P are those of a run.
struct StoredWeights {
  StorageFormat format = StorageFormat::kDense;
  int32_t nm_most = 0;              // N of an N:M pattern
  int32_t nm_block = 0;             // M
  std::vector<StoredArray> arrays;  // the values first
  int64_t mul = 0;
  int64_t add = 0;
  int64_t input_reads = 0;
  int64_t bytes = 0;  // of all arrays, each rounded up to whole bytes
  // Dense alone: zero weights gate the multiplication, the addition and the
  // read of the input (--skip weights).
  bool skips_zeros = false;
  // The names of the formula and their numbers, P left out.
  std::vector<std::pair<absl::string_view, int64_t>> legend;

  // "csr", "nm 2:4".
  std::string label() const;
};

// `statistics` of a tensor that holds matrices as `layout` says, whose elements
// take `value_bits` bits each.
//
// For nm, of the patterns that the values have the one that takes the least
// storage, ties the smaller M; all matrices of a tensor share it. Columns are
// rounded up to a multiple of M, since each block has its N slots.
//
// Errors: FAILED_PRECONDITION if the values don't allow the format, with the
// reason ("it has more than 65536 distinct values"); OUT_OF_RANGE if a count
// doesn't fit 63 bits; INVALID_ARGUMENT if the statistics aren't the layout's.
absl::StatusOr<StoredWeights> StoreWeights(const TensorStatistics& statistics,
                                           const MatrixLayout& layout,
                                           StorageFormat format,
                                           int value_bits);

// The same in dense storage, whose zeros gate what is done with them: their
// reads stay. Errors: those of StoreWeights().
absl::StatusOr<StoredWeights> SkipZeros(const TensorStatistics& statistics,
                                        const MatrixLayout& layout,
                                        int value_bits);

// The bits of an array of indices, of which `largest` is the largest: 8, 16, 32
// or 64.
int IndexWidthBits(int64_t largest);

// How the counts of a run come about: expressions (see formula.h) over the
// names m (rows), n (columns), g (blocks, of which each has vectors of its
// own), P (vectors), Z, K, KP (sums over rows, section 6), [w0] (1 if the
// implicit value isn't zero), mask (bytes of bitmap) and slots (of nm).
struct StorageFormula {
  absl::string_view mul;
  absl::string_view add;
  // By StoredArray::part, the values as "values" and the vectors as "input".
  absl::string_view reads;
};
const StorageFormula& FormulaOf(const StoredWeights& stored);

}  // namespace opcost

#endif  // OPCOST_WEIGHTS_STORAGE_H_
