// SPDX-License-Identifier: Apache-2.0
#include "opcost/memory/weight_values.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "opcost/ir/element_bits.h"
#include "opcost/support/status_macros.h"
#include "src/memory/matrix_axes.h"

namespace opcost {
namespace {

absl::Status Untraced(absl::string_view reason) {
  return absl::FailedPreconditionError(reason);
}

// Nodes that leave the elements where they are.
constexpr absl::string_view kViews[] = {"Flatten", "Identity", "Dropout",
                                        "Reshape", "Squeeze",  "Unsqueeze"};

// Which operand holds the zero point of an integer operator's constant operand.
struct ZeroPointOperand {
  absl::string_view op_type;
  int16_t operand;
  size_t zero_point;
};
constexpr ZeroPointOperand kZeroPointOperands[] = {
    {"ConvInteger", 1, 3},
    {"MatMulInteger", 0, 2},
    {"MatMulInteger", 1, 3},
    {"QLinearConv", 3, 5},
    {"QLinearMatMul", 0, 2},
    {"QLinearMatMul", 3, 5},
    {"QGemm", 0, 2},
    {"QGemm", 3, 5},
    {"DynamicQuantizeMatMul", 1, 3},
    {"DynamicQuantizeLSTM", 1, 9},
    {"DynamicQuantizeLSTM", 2, 11},
    {"QAttention", 1, 7},
    {"MatMulIntegerToFloat", 0, 4},
    {"MatMulIntegerToFloat", 1, 5},
};

// Zero points aren't more than the elements that they belong to, but may be too
// many for memory.
constexpr int64_t kMostZeroPoints = int64_t{1} << 24;
// Values that are known without being stored are small or uniform.
constexpr int64_t kMostKnownElements = int64_t{1} << 20;

class Tracer {
 public:
  Tracer(const Analysis& analysis, const LayerCounts& layer,
         const PayloadSource& payloads)
      : analysis_(analysis), layer_(layer), payloads_(payloads) {}

  absl::StatusOr<WeightValues> Trace(const WeightMatrix& matrix);

 private:
  const Value& ValueAt(ValueIndex v) const {
    return analysis_.graph->values[static_cast<size_t>(v)];
  }
  const ValueFacts& FactsAt(ValueIndex v) const {
    return analysis_.values[static_cast<size_t>(v)];
  }
  // The extents of a value; nullopt if they aren't all numbers.
  std::optional<std::vector<int64_t>> DimsOf(ValueIndex v) const;

  absl::Status SetLayout(const WeightMatrix& matrix);
  std::shared_ptr<const StoredTensor> StoredAt(ValueIndex v) const;
  std::shared_ptr<const StoredTensor> KnownAt(ValueIndex v) const;
  absl::Status StepBack(ValueIndex* at);
  absl::Status StepOverTranspose(const Node& node, ValueIndex output);
  absl::Status StepOverDequantize(const Node& node);
  absl::Status TakeStored(ValueIndex v);
  absl::Status TakeLayersZeroPoints(const WeightMatrix& matrix, ValueIndex v);
  absl::StatusOr<std::vector<int64_t>> Integers(ValueIndex v) const;

  const Analysis& analysis_;
  const LayerCounts& layer_;
  const PayloadSource& payloads_;
  WeightValues weights_;
};

std::optional<std::vector<int64_t>> Tracer::DimsOf(ValueIndex v) const {
  const ValueType& type = FactsAt(v).type;
  if (!type.is_tensor() || !type.tensor.shape.has_rank() ||
      !type.tensor.shape.is_concrete()) {
    return std::nullopt;
  }
  std::vector<int64_t> dims;
  for (const Extent& extent : type.tensor.shape.dims()) {
    dims.push_back(extent.value());
  }
  return dims;
}

absl::Status Tracer::SetLayout(const WeightMatrix& matrix) {
  if (!matrix.blocks.is_concrete() || !matrix.rows.is_concrete() ||
      !matrix.columns.is_concrete()) {
    return Untraced("its size isn't a number");
  }
  weights_.layout = {matrix.blocks.value(), matrix.rows.value(),
                     matrix.columns.value(), matrix.is_transposed,
                     matrix.is_one_matrix};
  return absl::OkStatus();
}

// The elements of a small or stored tensor of integers.
absl::StatusOr<std::vector<int64_t>> Tracer::Integers(ValueIndex v) const {
  const TensorValue* value = FactsAt(v).value.get();
  if (value != nullptr) {
    const auto integers = value->AsInts();
    if (integers.has_value()) return *integers;
  }
  const Value& at = ValueAt(v);
  const std::shared_ptr<const StoredTensor> stored = StoredAt(v);
  if (stored == nullptr) {
    return Untraced(
        absl::StrCat("its zero points, '", at.name, "', are computed"));
  }
  const DataType type = stored->type.type;
  const Extent count = Volume(stored->type.shape.dims());
  if (!IsInteger(type) || !count.is_concrete() ||
      count.value() > kMostZeroPoints) {
    return Untraced(absl::StrCat("its zero points, '", at.name, "', are ",
                                 ToString(stored->type)));
  }
  OPCOST_ASSIGN_OR_RETURN(const auto reader, payloads_.Open(*stored, at.name));
  std::vector<uint8_t> bytes;
  OPCOST_RETURN_IF_ERROR(reader->Read(
      0, reader->size_bytes(), [&bytes](absl::Span<const uint8_t> piece) {
        bytes.insert(bytes.end(), piece.begin(), piece.end());
      }));
  const auto width = static_cast<size_t>(WidthBits(type));
  std::vector<int64_t> integers;
  for (size_t i = 0; i < static_cast<size_t>(count.value()); ++i) {
    uint64_t bits = 0;
    for (size_t b = (width + 7) / 8; b-- > 0;) {
      bits = bits << 8 | bytes[i * width / 8 + b];
    }
    integers.push_back(IntFromBits(type, bits >> (i * width % 8)));
  }
  return integers;
}

absl::Status Tracer::StepOverTranspose(const Node& node, ValueIndex output) {
  const auto dims = DimsOf(output);
  if (!dims.has_value()) return Untraced("its size isn't a number");
  std::vector<int64_t> permutation;
  const Attribute* perm = node.FindAttribute("perm");
  if (perm != nullptr &&
      std::holds_alternative<std::vector<int64_t>>(perm->content)) {
    permutation = std::get<std::vector<int64_t>>(perm->content);
  } else {
    for (size_t i = dims->size(); i-- > 0;) {
      permutation.push_back(static_cast<int64_t>(i));
    }
  }
  const auto layout =
      LayoutBeforeTranspose(weights_.layout, *dims, permutation);
  if (!layout.has_value()) {
    return Untraced(absl::StrCat("Transpose '",
                                 analysis_.graph->NodeLabel(node), "' by [",
                                 absl::StrJoin(permutation, ", "),
                                 "] mixes rows and columns of what is stored"));
  }
  weights_.layout = *layout;
  return absl::OkStatus();
}

absl::Status Tracer::StepOverDequantize(const Node& node) {
  if (node.inputs.size() < 3 || node.inputs[2] == kAbsent ||
      !IsInteger(FactsAt(node.inputs[2]).type.tensor.type)) {
    return absl::OkStatus();
  }
  OPCOST_ASSIGN_OR_RETURN(const std::vector<int64_t> values,
                          Integers(node.inputs[2]));
  const auto dims = DimsOf(node.inputs[0]);
  const auto zero_dims = DimsOf(node.inputs[2]);
  if (!dims.has_value() || !zero_dims.has_value()) {
    return Untraced("its size isn't a number");
  }
  const auto number = [&node](absl::string_view name, int64_t otherwise) {
    const Attribute* attribute = node.FindAttribute(name);
    return attribute != nullptr &&
                   std::holds_alternative<int64_t>(attribute->content)
               ? std::get<int64_t>(attribute->content)
               : otherwise;
  };
  const auto rank = static_cast<int64_t>(dims->size());
  QuantizedAxis axis;
  axis.dims = *dims;
  axis.axis = number("axis", 1);
  if (axis.axis < 0) axis.axis += rank;
  axis.is_full = zero_dims->size() == dims->size() && rank > 1;
  axis.block = std::max<int64_t>(axis.is_full ? number("block_size", 1) : 1, 1);
  std::optional<ZeroPoints> zeros = ByRow(weights_.layout, axis, values);
  if (!zeros.has_value()) {
    return Untraced(absl::StrCat("the zero points of DequantizeLinear '",
                                 analysis_.graph->NodeLabel(node),
                                 "' follow neither rows nor columns"));
  }
  weights_.zero_points = *std::move(zeros);
  return absl::OkStatus();
}

// True for a Cast after which different values are still different.
bool IsWideningCast(const Node& node, DataType from, DataType to) {
  if (node.op_type != "Cast" || !IsFloating(from)) return false;
  return from == to ||
         (to == DataType::kFloat32 && WidthBits(from) < WidthBits(to)) ||
         (to == DataType::kFloat64 && WidthBits(from) < WidthBits(to));
}

std::shared_ptr<const StoredTensor> Tracer::StoredAt(ValueIndex v) const {
  const Value& value = ValueAt(v);
  if (value.stored != nullptr || value.producer < 0) return value.stored;
  const Node& node =
      analysis_.graph->nodes[static_cast<size_t>(value.producer)];
  const Attribute* constant = node.FindAttribute("value");
  using Tensor = std::shared_ptr<const StoredTensor>;
  if (node.op_type != "Constant" || constant == nullptr ||
      !std::holds_alternative<Tensor>(constant->content)) {
    return nullptr;
  }
  return std::get<Tensor>(constant->content);
}

// What isn't stored, but small enough to be known.
std::shared_ptr<const StoredTensor> Tracer::KnownAt(ValueIndex v) const {
  const std::shared_ptr<const TensorValue>& known = FactsAt(v).value;
  if (known == nullptr || known->size() > kMostKnownElements) return nullptr;
  auto stored = std::make_shared<StoredTensor>();
  stored->type = {known->type(), Shape(known->extents())};
  stored->value = known;
  return stored;
}

absl::Status Tracer::StepBack(ValueIndex* at) {
  const ValueIndex output = *at;
  if (ValueAt(output).producer < 0) {
    return Untraced("the model doesn't store it");
  }
  const Node& node =
      analysis_.graph->nodes[static_cast<size_t>(ValueAt(output).producer)];
  const bool is_view = std::find(std::begin(kViews), std::end(kViews),
                                 node.op_type) != std::end(kViews);
  const bool has_input = !node.inputs.empty() && node.inputs[0] != kAbsent;
  if (!has_input) {
    return Untraced(absl::StrCat("it is computed by ", node.op_type, " '",
                                 analysis_.graph->NodeLabel(node), "'"));
  }
  if (node.op_type == "Transpose") {
    OPCOST_RETURN_IF_ERROR(StepOverTranspose(node, output));
  } else if (node.op_type == "DequantizeLinear") {
    OPCOST_RETURN_IF_ERROR(StepOverDequantize(node));
  } else if (!is_view &&
             !IsWideningCast(node, FactsAt(node.inputs[0]).type.tensor.type,
                             FactsAt(output).type.tensor.type)) {
    return Untraced(absl::StrCat("it is computed by ", node.op_type, " '",
                                 analysis_.graph->NodeLabel(node), "'"));
  }
  *at = node.inputs[0];
  return absl::OkStatus();
}

absl::Status Tracer::TakeStored(ValueIndex v) {
  const MatrixLayout& layout = weights_.layout;
  const Extent volume = Volume(weights_.stored->type.shape.dims());
  if (!(volume ==
        Extent(layout.blocks) * Extent(layout.rows) * Extent(layout.columns))) {
    return Untraced(absl::StrCat("it is ", layout.blocks, " x ", layout.rows,
                                 " x ", layout.columns, " values, but '",
                                 ValueAt(v).name, "' stores ",
                                 ToString(weights_.stored->type)));
  }
  weights_.name = ValueAt(v).name;
  return absl::OkStatus();
}

// A stored integer tensor that the layer itself reads: its zero point is
// another operand, or that of a DequantizeLinear which the layer took in.
absl::Status Tracer::TakeLayersZeroPoints(const WeightMatrix& matrix,
                                          ValueIndex v) {
  if (layer_.folded != nullptr) {
    for (const FoldedNode& folded : layer_.folded->nodes) {
      const Node& node = *folded.node;
      if (node.op_type == "DequantizeLinear" && !node.inputs.empty() &&
          node.inputs[0] == v) {
        return StepOverDequantize(node);
      }
    }
  }
  for (const ZeroPointOperand& row : kZeroPointOperands) {
    const auto& inputs = layer_.inputs();
    if (row.op_type != layer_.node->op_type || row.operand != matrix.operand ||
        row.zero_point >= inputs.size() || inputs[row.zero_point] == kAbsent) {
      continue;
    }
    OPCOST_ASSIGN_OR_RETURN(std::vector<int64_t> values,
                            Integers(inputs[row.zero_point]));
    // One for each row, of each block or of all.
    const Extent all_rows =
        Extent(weights_.layout.blocks) * Extent(weights_.layout.rows);
    const auto given = static_cast<int64_t>(values.size());
    if (given != 1 && given != weights_.layout.rows && !all_rows.Is(given)) {
      return Untraced(absl::StrCat("it has ", given,
                                   " zero points, which aren't one for each "
                                   "row"));
    }
    const QuantizedAxis rows = {{weights_.layout.blocks, weights_.layout.rows},
                                1,
                                1,
                                given != weights_.layout.rows};
    MatrixLayout by_row = weights_.layout;
    by_row.columns = 1;
    auto zeros = ByRow(by_row, rows, values);
    if (!zeros.has_value()) return Untraced("it has too many rows");
    weights_.zero_points = *std::move(zeros);
    weights_.zero_points.columns_each = 0;
  }
  return absl::OkStatus();
}

absl::StatusOr<WeightValues> Tracer::Trace(const WeightMatrix& matrix) {
  OPCOST_RETURN_IF_ERROR(SetLayout(matrix));
  const auto operand = static_cast<size_t>(matrix.operand);
  if (operand >= layer_.inputs().size() ||
      layer_.inputs()[operand] == kAbsent) {
    return Untraced("the layer has no such operand");
  }
  ValueIndex v = layer_.inputs()[operand];
  const absl::string_view op_type = layer_.node->op_type;
  if (absl::StrContains(op_type, "Conv") &&
      !absl::StrContains(op_type, "Transpose")) {
    const auto dims = DimsOf(v);
    for (size_t i = 2; dims.has_value() && i < dims->size(); ++i) {
      weights_.columns_per_channel *= (*dims)[i];
    }
    // Channels may be last, or not divide what the counts say.
    const int64_t each = weights_.columns_per_channel;
    if (each <= 0 || weights_.layout.columns % each != 0) {
      weights_.columns_per_channel = 1;
    }
  }
  OPCOST_RETURN_IF_ERROR(TakeLayersZeroPoints(matrix, v));
  while (true) {
    weights_.stored = StoredAt(v);
    if (weights_.stored == nullptr) {
      const ValueIndex computed = v;
      const absl::Status status = StepBack(&v);
      if (status.ok()) continue;
      weights_.stored = KnownAt(computed);
      if (weights_.stored == nullptr) return status;
    }
    OPCOST_RETURN_IF_ERROR(TakeStored(v));
    return std::move(weights_);
  }
}

}  // namespace

absl::StatusOr<WeightValues> TraceWeights(const Analysis& analysis,
                                          const LayerCounts& layer,
                                          const WeightMatrix& matrix,
                                          const PayloadSource& payloads) {
  return Tracer(analysis, layer, payloads).Trace(matrix);
}

absl::StatusOr<TensorStatistics> StatisticsOf(const WeightValues& weights,
                                              const PayloadSource& payloads,
                                              bool wants_rows, int threads) {
  OPCOST_ASSIGN_OR_RETURN(const auto reader,
                          payloads.Open(*weights.stored, weights.name));
  StatisticsOptions options;
  options.zero_points = weights.zero_points;
  options.columns_per_channel = weights.columns_per_channel;
  options.wants_rows = wants_rows;
  options.threads = threads;
  return ComputeStatistics(*reader, weights.stored->type.type, weights.layout,
                           options);
}

}  // namespace opcost
