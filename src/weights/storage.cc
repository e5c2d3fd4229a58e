// SPDX-License-Identifier: Apache-2.0
#include "opcost/weights/storage.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "opcost/support/extent.h"
#include "opcost/support/status_macros.h"

namespace opcost {
namespace {

// In the order of StorageFormat.
constexpr std::array<StorageFormula, kStorageFormatCount> kFormulae = {{
    {.mul = "m*n*P", .add = "m*n*P", .reads = "values: m*n*P; input: m*n*P"},
    {.mul = "Z*P",
     .add = "Z*P",
     .reads = "values: Z*P; columns: Z*P; row pointers: 2*m*P; input: Z*P"},
    {.mul = "(K + [w0]*m)*P",
     .add = "(Z + [w0]*(g*n + m))*P",
     .reads = "values: K*P; columns: Z*P; value pointers: (K + KP + m)*P; row "
              "pointers: 2*m*P; input: (Z + [w0]*g*n)*P"},
    {.mul = "(K + [w0]*m)*P",
     .add = "(Z + [w0]*(g*n + m))*P",
     .reads = "values: K*P; columns: Z*P; value indices: K*P; value pointers: "
              "(K + m)*P; row pointers: 2*m*P; input: (Z + [w0]*g*n)*P"},
    {.mul = "Z*P",
     .add = "Z*P",
     .reads = "values: Z*P; mask: mask*P; input: Z*P"},
    {.mul = "slots*P",
     .add = "slots*P",
     .reads = "values: slots*P; indices: slots*P; input: slots*P"},
}};

constexpr StorageFormula kSkipFormula = {
    .mul = "Z*P", .add = "Z*P", .reads = "values: m*n*P; input: Z*P"};

// Sums over the matrices of a tensor, and the most that any of them has.
struct Totals {
  Count rows, elements, mask_bytes;
  Count nonzeros, explicit_elements, distinct, padded;
  int64_t columns = 0;
  int64_t matrices = 0;
  int64_t most_nonzeros = 0;
  int64_t most_explicit = 0;
  int64_t most_distinct = 0;
  int64_t most_pointers = 0;  // K + KP
  std::array<int32_t, kNmBlocks.size()> most_in_block = {};
};

Totals TotalsOf(const TensorStatistics& statistics) {
  Totals totals;
  totals.matrices = static_cast<int64_t>(statistics.matrices.size());
  for (const MatrixStatistics& matrix : statistics.matrices) {
    const Count rows = matrix.rows;
    totals.columns = std::max(totals.columns, matrix.columns);
    totals.rows += rows;
    totals.elements += rows * matrix.columns;
    totals.mask_bytes += rows * Count::CeilDiv(matrix.columns, 8);
    totals.nonzeros += matrix.nonzeros;
    totals.explicit_elements += matrix.explicit_elements;
    totals.distinct += matrix.distinct_in_rows;
    totals.padded += matrix.padded;
    totals.most_nonzeros = std::max(totals.most_nonzeros, matrix.nonzeros);
    totals.most_explicit =
        std::max(totals.most_explicit, matrix.explicit_elements);
    totals.most_distinct =
        std::max(totals.most_distinct, matrix.distinct_in_rows);
    const Count pointers = Count(matrix.distinct_in_rows) + matrix.padded;
    totals.most_pointers = std::max(
        totals.most_pointers,
        pointers.AsInt().value_or(std::numeric_limits<int64_t>::max()));
    for (size_t i = 0; i < kNmBlocks.size(); ++i) {
      totals.most_in_block[i] =
          std::max(totals.most_in_block[i], matrix.most_in_block[i]);
    }
  }
  return totals;
}

absl::Status OutOfRange() {
  return absl::OutOfRangeError(
      "the sizes of its weights' storage don't fit 63 bits");
}

// Collects the arrays and counts of one format.
class Builder {
 public:
  Builder(const Totals& totals, const MatrixLayout& layout, int value_bits)
      : totals_(totals), blocks_(layout.blocks), value_bits_(value_bits) {}

  // An array that the blocks share out.
  void Add(absl::string_view part, const Count& elements, int width_bits,
           const Count& reads) {
    Add(part, elements, Count::CeilDiv(elements, blocks_), width_bits, reads);
  }
  void AddValues(const Count& elements, const Count& reads) {
    Add("", elements, value_bits_, reads);
  }
  // The table of distinct values, which every block reads.
  void AddValueTable(const Count& elements, const Count& reads) {
    Add("", elements, elements, value_bits_, reads);
  }
  // `entries` numbers, and one behind the last of each matrix.
  void AddPointers(absl::string_view part, const Count& entries,
                   int64_t largest, const Count& reads) {
    Add(part, entries + totals_.matrices, Count::CeilDiv(entries, blocks_) + 1,
        IndexWidthBits(largest), reads);
  }
  void SetOperations(const Count& mul, const Count& add, const Count& input) {
    mul_ = mul;
    add_ = add;
    input_reads_ = input;
  }
  void Let(absl::string_view name, const Count& value) {
    names_.emplace_back(name, value);
  }

  absl::StatusOr<StoredWeights> Take(StoredWeights stored) const;

 private:
  struct Part {
    absl::string_view name;
    Count elements, block_elements;
    int width_bits = 0;
    Count reads;
  };

  void Add(absl::string_view part, const Count& elements, const Count& of_block,
           int width_bits, const Count& reads) {
    parts_.push_back({part, elements, of_block, width_bits, reads});
  }

  const Totals& totals_;
  int64_t blocks_;
  int value_bits_;
  std::vector<Part> parts_;
  Count mul_, add_, input_reads_;
  std::vector<std::pair<absl::string_view, Count>> names_;
};

absl::StatusOr<StoredWeights> Builder::Take(StoredWeights stored) const {
  Count bytes;
  bool fits = true;
  const auto number = [&fits](const Count& count) {
    fits &= count.AsInt().has_value();
    return count.AsInt().value_or(0);
  };
  for (const Part& part : parts_) {
    stored.arrays.push_back({part.name, number(part.elements),
                             number(part.block_elements), part.width_bits,
                             number(part.reads)});
    // In two steps, so that the bits of an array that fits needn't fit.
    const Count whole = part.elements / 8;
    const Count rest = part.elements - whole * 8;
    bytes +=
        whole * part.width_bits + Count::CeilDiv(rest * part.width_bits, 8);
  }
  for (const auto& [name, value] : names_) {
    stored.legend.emplace_back(name, number(value));
  }
  stored.mul = number(mul_);
  stored.add = number(add_);
  stored.input_reads = number(input_reads_);
  stored.bytes = number(bytes);
  if (!fits) return OutOfRange();
  return stored;
}

void BuildDense(const Totals& t, Builder& builder) {
  builder.AddValues(t.elements, t.elements);
  builder.SetOperations(t.elements, t.elements, t.elements);
}

void BuildCsr(const Totals& t, Builder& builder) {
  const Count& z = t.nonzeros;
  builder.AddValues(z, z);
  builder.Add("columns", z, IndexWidthBits(t.columns - 1), z);
  builder.AddPointers("row pointers", t.rows, t.most_nonzeros, t.rows * 2);
  builder.SetOperations(z, z, z);
  builder.Let("Z", z);
}

// What cer and cser have in common. Without distinct values there are neither.
absl::Status CheckDistinct(const TensorStatistics& statistics) {
  if (statistics.distinct.has_value()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "it has more than ", kMostDistinctValues, " distinct values"));
}

// The operations of cer and cser: an implicit value other than 0 takes the sum
// of each block's vector, and of each row one product with it.
void SetRankedOperations(const TensorStatistics& statistics, const Totals& t,
                         const MatrixLayout& layout, Builder& builder) {
  const int64_t w0 = statistics.implicit_is_zero ? 0 : 1;
  const Count sum = Count(w0) * layout.blocks * t.columns;
  const Count rows = Count(w0) * t.rows;
  builder.SetOperations(t.distinct + rows, t.explicit_elements + sum + rows,
                        t.explicit_elements + sum);
  builder.Let("Z", t.explicit_elements);
  builder.Let("K", t.distinct);
  builder.Let("w0", w0);
}

absl::Status BuildCer(const TensorStatistics& statistics, const Totals& t,
                      const MatrixLayout& layout, Builder& builder) {
  OPCOST_RETURN_IF_ERROR(CheckDistinct(statistics));
  const Count pointers = t.distinct + t.padded;
  builder.AddValueTable(*statistics.distinct, t.distinct);
  builder.Add("columns", t.explicit_elements, IndexWidthBits(t.columns - 1),
              t.explicit_elements);
  builder.AddPointers("value pointers", pointers, t.most_explicit,
                      pointers + t.rows);
  builder.AddPointers("row pointers", t.rows, t.most_pointers, t.rows * 2);
  SetRankedOperations(statistics, t, layout, builder);
  builder.Let("KP", t.padded);
  builder.Let("D", *statistics.distinct);
  return absl::OkStatus();
}

absl::Status BuildCser(const TensorStatistics& statistics, const Totals& t,
                       const MatrixLayout& layout, Builder& builder) {
  OPCOST_RETURN_IF_ERROR(CheckDistinct(statistics));
  builder.AddValueTable(*statistics.distinct, t.distinct);
  builder.Add("columns", t.explicit_elements, IndexWidthBits(t.columns - 1),
              t.explicit_elements);
  builder.Add("value indices", t.distinct,
              IndexWidthBits(*statistics.distinct - 1), t.distinct);
  builder.AddPointers("value pointers", t.distinct, t.most_explicit,
                      t.distinct + t.rows);
  builder.AddPointers("row pointers", t.rows, t.most_distinct, t.rows * 2);
  SetRankedOperations(statistics, t, layout, builder);
  builder.Let("D", *statistics.distinct);
  return absl::OkStatus();
}

void BuildBitmap(const Totals& t, Builder& builder) {
  const Count& z = t.nonzeros;
  builder.AddValues(z, z);
  builder.Add("mask", t.mask_bytes, 8, t.mask_bytes);
  builder.SetOperations(z, z, z);
  builder.Let("Z", z);
  builder.Let("mask", t.mask_bytes);
}

// An N:M pattern: N values in each M columns of a row, the last ones padded.
struct Pattern {
  int32_t most = 0;
  int32_t block = 0;
  Count slots;
  Count bits;

  int index_bits() const {
    return std::countr_zero(static_cast<uint32_t>(block));
  }
};

Pattern PatternOf(const Totals& t, size_t i, int value_bits) {
  Pattern pattern;
  pattern.most = t.most_in_block[i];
  pattern.block = kNmBlocks[i];
  pattern.slots =
      t.rows * Count::CeilDiv(t.columns, pattern.block) * pattern.most;
  pattern.bits = pattern.slots * (value_bits + pattern.index_bits());
  return pattern;
}

absl::Status BuildNm(const Totals& t, int value_bits, Builder& builder,
                     StoredWeights& stored) {
  std::optional<Pattern> best;
  for (size_t i = 0; i < kNmBlocks.size(); ++i) {
    if (t.most_in_block[i] >= kNmBlocks[i]) continue;
    const Pattern pattern = PatternOf(t, i, value_bits);
    if (pattern.bits.overflowed()) return OutOfRange();
    if (!best.has_value() || pattern.bits.value() < best->bits.value()) {
      best = pattern;
    }
  }
  if (!best.has_value()) {
    return absl::FailedPreconditionError(
        absl::StrCat("it has no N:M pattern: somewhere ", kNmBlocks.back(),
                     " columns in a row hold no zero"));
  }
  stored.nm_most = best->most;
  stored.nm_block = best->block;
  builder.AddValues(best->slots, best->slots);
  builder.Add("indices", best->slots, best->index_bits(), best->slots);
  builder.SetOperations(best->slots, best->slots, best->slots);
  builder.Let("N", best->most);
  builder.Let("M", best->block);
  builder.Let("slots", best->slots);
  return absl::OkStatus();
}

absl::Status Build(const TensorStatistics& statistics, const Totals& totals,
                   const MatrixLayout& layout, int value_bits,
                   StoredWeights& stored, Builder& builder) {
  switch (stored.format) {
    case StorageFormat::kDense:
      BuildDense(totals, builder);
      break;
    case StorageFormat::kCsr:
      BuildCsr(totals, builder);
      break;
    case StorageFormat::kCer:
      return BuildCer(statistics, totals, layout, builder);
    case StorageFormat::kCser:
      return BuildCser(statistics, totals, layout, builder);
    case StorageFormat::kBitmap:
      BuildBitmap(totals, builder);
      break;
    case StorageFormat::kNm:
      return BuildNm(totals, value_bits, builder, stored);
  }
  return absl::OkStatus();
}

// The matrices are the layout's, all of one shape.
absl::Status CheckLayout(const TensorStatistics& statistics,
                         const MatrixLayout& layout) {
  const int64_t matrices = layout.is_one_matrix ? 1 : layout.blocks;
  const Count rows =
      layout.is_one_matrix ? Count(layout.rows) * layout.blocks : layout.rows;
  bool agrees = layout.blocks > 0 &&
                static_cast<int64_t>(statistics.matrices.size()) == matrices;
  for (const MatrixStatistics& matrix : statistics.matrices) {
    agrees &= rows.Is(matrix.rows) && matrix.columns == layout.columns;
  }
  if (agrees) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the statistics of ", statistics.matrices.size(),
                   " matrices aren't those of ", layout.blocks, " blocks of ",
                   layout.rows, " x ", layout.columns));
}

}  // namespace

std::optional<StorageFormat> StorageFormatFromName(absl::string_view name) {
  for (const StorageFormat format : kStorageFormats) {
    if (Name(format) == name) return format;
  }
  return std::nullopt;
}

std::string StoredWeights::label() const {
  if (format != StorageFormat::kNm) return std::string(Name(format));
  return absl::StrCat(Name(format), " ", nm_most, ":", nm_block);
}

int IndexWidthBits(int64_t largest) {
  if (largest <= std::numeric_limits<uint8_t>::max()) return 8;
  if (largest <= std::numeric_limits<uint16_t>::max()) return 16;
  return largest <= std::numeric_limits<uint32_t>::max() ? 32 : 64;
}

const StorageFormula& FormulaOf(const StoredWeights& stored) {
  return stored.skips_zeros ? kSkipFormula
                            : kFormulae[static_cast<size_t>(stored.format)];
}

absl::StatusOr<StoredWeights> StoreWeights(const TensorStatistics& statistics,
                                           const MatrixLayout& layout,
                                           StorageFormat format,
                                           int value_bits) {
  OPCOST_RETURN_IF_ERROR(CheckLayout(statistics, layout));
  const Totals totals = TotalsOf(statistics);
  Builder builder(totals, layout, value_bits);
  builder.Let("m", totals.rows);
  builder.Let("n", totals.columns);
  builder.Let("g", layout.blocks);
  StoredWeights stored;
  stored.format = format;
  OPCOST_RETURN_IF_ERROR(
      Build(statistics, totals, layout, value_bits, stored, builder));
  return builder.Take(std::move(stored));
}

absl::StatusOr<StoredWeights> SkipZeros(const TensorStatistics& statistics,
                                        const MatrixLayout& layout,
                                        int value_bits) {
  OPCOST_ASSIGN_OR_RETURN(
      StoredWeights stored,
      StoreWeights(statistics, layout, StorageFormat::kDense, value_bits));
  const Count nonzeros = TotalsOf(statistics).nonzeros;
  if (!nonzeros.AsInt().has_value()) return OutOfRange();
  stored.skips_zeros = true;
  stored.mul = stored.add = stored.input_reads = nonzeros.value();
  stored.legend.emplace_back("Z", nonzeros.value());
  return stored;
}

}  // namespace opcost
