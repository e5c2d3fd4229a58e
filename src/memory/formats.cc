// SPDX-License-Identifier: Apache-2.0
#include "opcost/memory/formats.h"

#include <bit>
#include <cstddef>
#include <cstdint>

namespace opcost {
namespace {

// Calls visit(i) for each bit i that is set.
template <typename Visit>
void ForEachBit(uint32_t bits, const Visit& visit) {
  for (; bits != 0; bits &= bits - 1) visit(std::countr_zero(bits));
}

// The element type of a tensor, or of the tensors in a sequence, an optional or
// a map.
DataType ElementType(const ValueType& type) {
  const ValueType* inner = &type;
  while (!inner->is_tensor() && inner->element != nullptr) {
    inner = inner->element.get();
  }
  return inner->tensor.type;
}

DataType TypeOfValue(const Analysis& analysis, ValueIndex value) {
  if (value < 0 || static_cast<size_t>(value) >= analysis.values.size()) {
    return DataType::kUndefined;
  }
  return ElementType(analysis.values[static_cast<size_t>(value)].type);
}

template <typename Indices>
DataType TypeOfOperand(const Analysis& analysis, const Indices& operands,
                       int i) {
  if (i < 0 || static_cast<size_t>(i) >= operands.size()) {
    return DataType::kUndefined;
  }
  return TypeOfValue(analysis, operands[static_cast<size_t>(i)]);
}

// The first read of operand `i`; nullptr if the layer doesn't read it.
const Access* FindInputAccess(const LayerCounts& layer, int i) {
  for (const Access& access : layer.counts.accesses) {
    if (access.side == Access::Side::kInput && access.index == i &&
        access.part.empty()) {
      return &access;
    }
  }
  return nullptr;
}

// The wider of two formats, float if either is.
NumberFormat Wider(const NumberFormat& a, const NumberFormat& b) {
  const NumberFormat& wide = b.width_bits > a.width_bits ? b : a;
  if (wide.kind == NumberKind::kFloat) return wide;
  const NumberFormat& other = &wide == &a ? b : a;
  if (other.kind == NumberKind::kInt) return wide;
  return other.width_bits == wide.width_bits ? other
                                             : FloatOfWidth(wide.width_bits);
}

}  // namespace

Formats::Formats(const Analysis& analysis, const FormatOptions& options)
    : analysis_(&analysis), options_(options) {
  for (size_t i = 0; i < kDataTypeCount; ++i) {
    const auto type = static_cast<DataType>(i);
    const NumberFormat own = FormatOf(type);
    const NumberFormat general =
        IsFloating(type) ? options.bits.value_or(own) : own;
    of_tensors_[i] =
        IsFloating(type) ? options.activation_bits.value_or(general) : own;
    of_weights_[i] =
        IsFloating(type) ? options.weight_bits.value_or(general) : own;
  }
}

NumberFormat Formats::OfProduct(const LayerCounts& layer,
                                const OperandSet& operands) const {
  std::optional<NumberFormat> widest;
  const auto take = [&widest](const NumberFormat& format) {
    widest = widest.has_value() ? Wider(*widest, format) : format;
  };
  ForEachBit(operands.inputs, [&](int i) {
    // Not OfInput(): a bias asks for the format of the products.
    const Access* access = FindInputAccess(layer, i);
    take(OfTensor(TypeOfOperand(*analysis_, layer.inputs(), i),
                  access != nullptr && access->takes_weight_bits));
  });
  ForEachBit(operands.outputs, [&](int o) { take(OfOutput(layer, o)); });
  if (operands.fixed != DataType::kUndefined) take(FormatOf(operands.fixed));
  return widest.value_or(OfTensor(DataType::kFloat32, false));
}

NumberFormat Formats::Accumulator(const NumberFormat& product) const {
  if (options_.accumulator_bits.has_value()) return *options_.accumulator_bits;
  return product.kind == NumberKind::kFloat ? product
                                            : FormatOf(DataType::kInt32);
}

NumberFormat Formats::OfBias(const LayerCounts& layer, DataType type) const {
  for (const Arith& arith : layer.counts.arith) {
    if (arith.role != ArithRole::kProduct) continue;
    const NumberFormat product = OfProduct(layer, arith.operands);
    if (product.kind == NumberKind::kInt) return Accumulator(product);
  }
  return OfTensor(type, false);
}

NumberFormat Formats::OfAccess(const LayerCounts& layer,
                               const Access& access) const {
  if (access.packed_format.has_value()) return *access.packed_format;
  if (access.side == Access::Side::kScratch) {
    return Widest(layer, access.scratch_format);
  }
  if (access.side == Access::Side::kOutput) {
    return OfOutput(layer, access.index);
  }
  const DataType type = TypeOfOperand(*analysis_, layer.inputs(), access.index);
  if (access.role == Role::kBias) return OfBias(layer, type);
  return OfTensor(type, access.takes_weight_bits);
}

NumberFormat Formats::OfInput(const LayerCounts& layer, int i) const {
  const Access* access = FindInputAccess(layer, i);
  if (access != nullptr) return OfAccess(layer, *access);
  return OfTensor(TypeOfOperand(*analysis_, layer.inputs(), i), false);
}

NumberFormat Formats::OfOutput(const LayerCounts& layer, int o) const {
  return OfTensor(TypeOfOperand(*analysis_, layer.outputs(), o), false);
}

NumberFormat Formats::Widest(const LayerCounts& layer,
                             const OperandSet& set) const {
  std::optional<NumberFormat> widest;
  const auto take = [&widest](const NumberFormat& format) {
    widest = widest.has_value() ? Wider(*widest, format) : format;
  };
  ForEachBit(set.inputs, [&](int i) { take(OfInput(layer, i)); });
  ForEachBit(set.outputs, [&](int o) { take(OfOutput(layer, o)); });
  if (set.fixed != DataType::kUndefined) take(FormatOf(set.fixed));
  return widest.value_or(OfTensor(DataType::kFloat32, false));
}

NumberFormat Formats::OfArith(const LayerCounts& layer,
                              const Arith& arith) const {
  switch (arith.role) {
    case ArithRole::kProduct:
      return OfProduct(layer, arith.operands);
    case ArithRole::kAccumulate:
      return Accumulator(OfProduct(layer, arith.operands));
    case ArithRole::kPlain:
      break;
  }
  return Widest(layer, arith.operands);
}

bool Formats::IsView(const LayerCounts& layer) const {
  if (layer.counts.is_view) return true;
  return layer.counts.is_view_if_formats_match &&
         OfInput(layer, 0) == OfOutput(layer, 0);
}

}  // namespace opcost
