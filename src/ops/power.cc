// SPDX-License-Identifier: Apache-2.0
#include "src/ops/power.h"

#include <cmath>
#include <cstdint>

namespace opcost {
namespace {

// A greater exponent overflows every base but -1, 0 and 1.
constexpr int64_t kMaxIntegerExponent = 64;
// Powers of expressions grow: shapes are never raised to greater ones.
constexpr int64_t kMaxSymbolicExponent = 4;

// Element `i` as a number.
std::optional<double> NumberAt(const TensorValue& value, int64_t i) {
  if (!value.holds_integers()) return value.Float(i);
  const std::optional<int64_t> integer = value.Int(i).AsInt();
  if (!integer.has_value()) return std::nullopt;
  return static_cast<double>(*integer);
}

std::optional<Element> IntegerPower(const SymValue& base,
                                    const SymValue& exponent) {
  const std::optional<int64_t> times = exponent.AsInt();
  const int64_t most =
      base.is_concrete() ? kMaxIntegerExponent : kMaxSymbolicExponent;
  if (!times.has_value() || *times < 0 || *times > most) {
    return std::nullopt;
  }
  SymValue power(1);
  for (int64_t i = 0; i < *times && !power.overflowed(); ++i) power *= base;
  return Element(power);
}

}  // namespace

std::optional<double> SoleNumber(const TensorValue* value) {
  if (value == nullptr || value->size() == 0) return std::nullopt;
  const std::optional<double> first = NumberAt(*value, 0);
  if (value->is_uniform()) return first;
  for (int64_t i = 1; i < value->size(); ++i) {
    if (NumberAt(*value, i) != first) return std::nullopt;
  }
  return first;
}

void AddPower(OpCounts& counts, const TypedNodeView& node,
              std::optional<double> exponent, const Count& count) {
  const bool square = exponent == 2.0;
  const bool cube = exponent == 3.0;
  const bool root = exponent == 0.5;
  const bool general = !square && !cube && !root;
  node.Let("square", Count(square ? 1 : 0));
  node.Let("cube", Count(cube ? 1 : 0));
  node.Let("root", Count(root ? 1 : 0));
  node.Let("general", Count(general ? 1 : 0));
  const OperandSet base = OperandSet::Input(0);
  if (square || cube) {
    AddArith(counts, ArithOp::kMul, base, count * (square ? 1 : 2));
  } else {
    AddArith(counts, root ? ArithOp::kSqrt : ArithOp::kPow, base, count);
  }
}

std::optional<Element> PowerOf(absl::Span<const Element> operands) {
  const Element& exponent = operands[1];
  if (const SymValue* base = std::get_if<SymValue>(&operands[0])) {
    const SymValue* times = std::get_if<SymValue>(&exponent);
    return times == nullptr ? std::nullopt : IntegerPower(*base, *times);
  }
  double power = 0;
  if (const SymValue* times = std::get_if<SymValue>(&exponent)) {
    if (!times->is_concrete()) return std::nullopt;
    power = static_cast<double>(times->value());
  } else {
    power = std::get<double>(exponent);
  }
  return Element(std::pow(std::get<double>(operands[0]), power));
}

}  // namespace opcost
