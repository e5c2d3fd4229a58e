// SPDX-License-Identifier: Apache-2.0
#include "opcost/memory/storage.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "opcost/support/status_macros.h"

namespace opcost {
namespace {

bool Takes(const OperandSet& set, int i) {
  return i >= 0 && i < 32 && (set.inputs >> i & 1U) != 0;
}

// The matrix's products, or their accumulating adds; nullptr if there are none.
Arith* FindArith(OpCounts& counts, const WeightMatrix& matrix, ArithRole role) {
  for (Arith& arith : counts.arith) {
    if (arith.role == role && Takes(arith.operands, matrix.operand) &&
        (matrix.vector_operand < 0 ||
         Takes(arith.operands, matrix.vector_operand))) {
      return &arith;
    }
  }
  return nullptr;
}

// The reads of the matrix itself.
Access* FindMatrix(OpCounts& counts, const WeightMatrix& matrix) {
  for (Access& access : counts.accesses) {
    if (access.side == Access::Side::kInput && access.part.empty() &&
        access.index == matrix.operand && access.role == Role::kWeight) {
      return &access;
    }
  }
  return nullptr;
}

// The reads of the vectors that it multiplies.
Access* FindVectors(OpCounts& counts, const WeightMatrix& matrix) {
  for (Access& access : counts.accesses) {
    const bool is_vector =
        matrix.vector_operand < 0
            ? access.side == Access::Side::kScratch &&
                  access.scratch_name == matrix.vector_scratch
            : access.side == Access::Side::kInput && access.part.empty() &&
                  access.index == matrix.vector_operand;
    if (is_vector) return &access;
  }
  return nullptr;
}

// The multiply-accumulates of a dense product.
Count Products(const WeightMatrix& matrix) {
  return matrix.blocks * matrix.rows * matrix.columns * matrix.vectors;
}

// `all` without the `dense` ones, which may be all that there are; R2 doesn't
// apply to compressed weights.
Count Rest(const Access& access, const Count& dense) {
  if (access.elements.Is(1) && access.reads.Is(1)) return 0;
  return access.reads - dense;
}

// Whether the layer's counts are a dense product with `matrix`, and what else
// there may be.
bool IsProduct(const LayerCounts& layer, const WeightMatrix& matrix) {
  OpCounts counts = layer.counts;
  const Count dense = Products(matrix);
  const Arith* mul = FindArith(counts, matrix, ArithRole::kProduct);
  const Arith* add = FindArith(counts, matrix, ArithRole::kAccumulate);
  const Access* weights = FindMatrix(counts, matrix);
  const Access* vectors = FindVectors(counts, matrix);
  return mul != nullptr && add != nullptr && weights != nullptr &&
         vectors != nullptr && !(mul->count - dense).overflowed() &&
         !(add->count - dense).overflowed() &&
         !Rest(*weights, dense).overflowed() &&
         !Rest(*vectors, dense).overflowed();
}

ValueIndex Operand(const LayerCounts& layer, int i) {
  const absl::Span<const ValueIndex> inputs = layer.inputs();
  if (i < 0 || static_cast<size_t>(i) >= inputs.size()) return kAbsent;
  return inputs[static_cast<size_t>(i)];
}

std::optional<WeightOperand> OperandOf(const Analysis& analysis,
                                       const LayerCounts& layer,
                                       const WeightMatrix& matrix) {
  WeightOperand operand;
  operand.node = layer.node - analysis.graph->nodes.data();
  operand.operand = matrix.operand;
  MatrixLayout& layout = operand.layout;
  layout.is_transposed = matrix.is_transposed;
  layout.is_one_matrix = matrix.is_one_matrix;
  for (const auto& [count, number] :
       {std::pair(&matrix.blocks, &layout.blocks),
        std::pair(&matrix.rows, &layout.rows),
        std::pair(&matrix.columns, &layout.columns)}) {
    const std::optional<int64_t> concrete = count->AsInt();
    if (!concrete.has_value()) return std::nullopt;
    *number = *concrete;
  }
  if (Operand(layer, matrix.operand) == kAbsent) return std::nullopt;
  return operand;
}

std::string Quoted(const Analysis& analysis, ValueIndex value) {
  return absl::StrCat(
      "'", analysis.graph->values[static_cast<size_t>(value)].name, "'");
}

// The matrix in `format`. FAILED_PRECONDITION, with the reason, if it can't be.
absl::StatusOr<StoredOperand> Store(const Analysis& analysis,
                                    const LayerCounts& layer,
                                    const Formats& formats,
                                    const StorageOptions& options,
                                    StorageFormat format,
                                    const WeightMatrix& matrix) {
  const std::optional<WeightOperand> operand =
      OperandOf(analysis, layer, matrix);
  if (!operand.has_value()) {
    return absl::FailedPreconditionError("its weights' sizes aren't numbers");
  }
  const ValueIndex value = Operand(layer, matrix.operand);
  const std::string name = Quoted(analysis, value);
  if (!IsProduct(layer, matrix)) {
    return absl::FailedPreconditionError(
        analysis.count_options.skip_padding
            ? absl::StrCat("--padding skipped doesn't say which elements of ",
                           name, " meet the padding")
            : absl::StrCat("its products aren't those of ", name, " alone"));
  }
  if (options.statistics == nullptr ||
      options.statistics->count(*operand) == 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("the values of ", name, " haven't been read"));
  }
  const auto& statistics = options.statistics->at(*operand);
  OpCounts counts = layer.counts;
  const int bits =
      formats.OfAccess(layer, *FindMatrix(counts, matrix)).width_bits;
  absl::StatusOr<StoredWeights> stored =
      !statistics.ok() ? statistics.status()
      : format == StorageFormat::kDense
          ? SkipZeros(*statistics, operand->layout, bits)
          : StoreWeights(*statistics, operand->layout, format, bits);
  if (!stored.ok()) {
    return absl::Status(stored.status().code(),
                        absl::StrCat(name, ": ", stored.status().message()));
  }
  return StoredOperand{matrix, value, *std::move(stored)};
}

bool HasConstantWeights(const LayerCounts& layer) {
  return !layer.counts.macs.Is(0) &&
         std::any_of(layer.counts.accesses.begin(), layer.counts.accesses.end(),
                     [](const Access& access) {
                       return access.role == Role::kWeight &&
                              !access.elements.Is(0);
                     });
}

// Index arrays and their like: integers of a width that no option changes.
NumberFormat IntegerOfWidth(int width_bits) {
  NumberFormat format{NumberKind::kInt, static_cast<uint16_t>(width_bits),
                      DataType::kUndefined};
  for (const DataType type :
       {DataType::kUint2, DataType::kUint4, DataType::kUint8, DataType::kUint16,
        DataType::kUint32, DataType::kUint64}) {
    if (WidthBits(type) == width_bits) return FormatOf(type);
  }
  return format;
}

void Apply(const StoredOperand& operand, OpCounts& counts) {
  const WeightMatrix& matrix = operand.matrix;
  const StoredWeights& stored = operand.stored;
  const Count dense = Products(matrix);
  const Count& vectors = matrix.vectors;
  Arith* mul = FindArith(counts, matrix, ArithRole::kProduct);
  Arith* add = FindArith(counts, matrix, ArithRole::kAccumulate);
  Access* input = FindVectors(counts, matrix);
  Access* weights = FindMatrix(counts, matrix);
  if (mul == nullptr || add == nullptr || input == nullptr ||
      weights == nullptr) {
    return;
  }
  mul->count = mul->count - dense + vectors * stored.mul;
  add->count = add->count - dense + vectors * stored.add;
  input->reads = Rest(*input, dense) + vectors * stored.input_reads;
  const Access original = *weights;
  const Count rest = Rest(original, dense);
  auto place = weights - counts.accesses.begin();
  for (const StoredArray& array : stored.arrays) {
    Access access = original;
    access.part = array.part;
    access.elements = array.elements;
    access.operand_elements = array.block_elements;
    access.reads = vectors * array.reads;
    if (array.part.empty()) {
      access.reads += rest;
      // The values stay even if none is left: their format is the products'.
      counts.accesses[static_cast<size_t>(place++)] = access;
      continue;
    }
    access.role = Role::kIndex;
    access.takes_weight_bits = false;
    access.packed_format = IntegerOfWidth(array.width_bits);
    counts.accesses.insert(counts.accesses.begin() + place++, access);
  }
}

}  // namespace

absl::string_view FormatName(const StorageOptions& options) {
  return options.format.has_value() ? Name(*options.format) : "auto";
}

std::string LayerStorage::pattern() const {
  if (format != StorageFormat::kNm) return "";
  std::vector<std::string> patterns;
  for (const StoredOperand& operand : operands) {
    const std::string pattern =
        absl::StrCat(operand.stored.nm_most, ":", operand.stored.nm_block);
    if (std::find(patterns.begin(), patterns.end(), pattern) ==
        patterns.end()) {
      patterns.push_back(pattern);
    }
  }
  return absl::StrJoin(patterns, ", ");
}

std::string LayerStorage::label() const {
  const std::string patterns = pattern();
  return absl::StrCat(Name(format), patterns.empty() ? "" : " ", patterns);
}

std::vector<WeightOperand> WeightOperandsOf(const Analysis& analysis,
                                            const LayerCounts& layer) {
  std::vector<WeightOperand> operands;
  if (layer.coverage.status == Coverage::Status::kUnknown) return operands;
  for (const WeightMatrix& matrix : layer.counts.matrices) {
    const std::optional<WeightOperand> operand =
        OperandOf(analysis, layer, matrix);
    if (operand.has_value()) operands.push_back(*operand);
  }
  return operands;
}

std::vector<WeightOperand> WeightOperandsOf(const Analysis& analysis) {
  std::vector<WeightOperand> all;
  for (const LayerCounts& layer : analysis.layers) {
    for (const WeightOperand& operand : WeightOperandsOf(analysis, layer)) {
      all.push_back(operand);
    }
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

absl::StatusOr<LayerStorage> FindStorage(const Analysis& analysis,
                                         const LayerCounts& layer,
                                         const Formats& formats,
                                         const StorageOptions& options,
                                         StorageFormat format) {
  LayerStorage storage;
  if (layer.coverage.status == Coverage::Status::kUnknown ||
      (format == StorageFormat::kDense && !options.skips_zeros)) {
    return storage;
  }
  if (layer.counts.matrices.empty() && HasConstantWeights(layer)) {
    storage.reason = absl::StrCat("weights of ", layer.node->op_type,
                                  " have no other format than dense");
  }
  for (const WeightMatrix& matrix : layer.counts.matrices) {
    if (Products(matrix).Is(0)) continue;
    absl::StatusOr<StoredOperand> operand =
        Store(analysis, layer, formats, options, format, matrix);
    if (operand.ok()) {
      storage.operands.push_back(*std::move(operand));
      continue;
    }
    const absl::Status& status = operand.status();
    if (absl::IsOutOfRange(status)) {
      return absl::OutOfRangeError(absl::StrCat(
          layer.node->op_type, " '", layer.name, "': ", status.message()));
    }
    LayerStorage dense;
    dense.reason = std::string(status.message());
    return dense;
  }
  if (!storage.operands.empty()) storage.format = format;
  return storage;
}

void ApplyStorage(const LayerStorage& storage, LayerCounts& layer) {
  layer.storage = storage.format;
  for (const StoredOperand& operand : storage.operands) {
    Apply(operand, layer.counts);
  }
}

}  // namespace opcost
