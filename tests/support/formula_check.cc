// SPDX-License-Identifier: Apache-2.0
#include "tests/support/formula_check.h"

#include <gtest/gtest.h>
#include <onnx/defs/schema.h>

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "opcost/ops/formula.h"

namespace opcost {
namespace {

// What one evaluation of a function stands for: powers, which add up to the
// same number only if they are the same functions.
struct Expansion {
  int64_t mul = 1;
  int64_t add = 1;
};

Expansion ExpansionOf(ArithOp op) {
  Expansion expansion;
  for (int i = 0; i < static_cast<int>(op); ++i) {
    expansion.mul *= 7;
    expansion.add *= 5;
  }
  return expansion;
}

struct Totals {
  Count mul, add, reads, writes;
};

Totals TotalsOf(const OpCounts& counts) {
  Totals totals;
  for (const Arith& arith : counts.arith) {
    if (arith.op == ArithOp::kMul) {
      totals.mul += arith.count;
    } else if (arith.op == ArithOp::kAdd) {
      totals.add += arith.count;
    } else {
      const Expansion each = ExpansionOf(arith.op);
      totals.mul += arith.count * each.mul;
      totals.add += arith.count * each.add;
    }
  }
  for (const Access& access : counts.accesses) {
    totals.reads += access.reads;
    totals.writes += access.writes;
  }
  return totals;
}

enum class Part { kMacs, kMul, kAdd, kTraffic };

// Evaluates a row's formula for a node that has been counted.
class RowFormula {
 public:
  explicit RowFormula(const OneNode& node)
      : node_(node), formula_(node.def()->formula) {}

  Count Evaluate(absl::string_view expression, Part part) const {
    const absl::StatusOr<Count> value = EvaluateFormula(
        expression,
        [this, part](absl::string_view name) { return Find(name, part); });
    if (!value.ok()) {
      ADD_FAILURE() << node_.def()->name << ": " << value.status().message();
      return Count::Overflow();
    }
    return *value;
  }

  Count Reads() const {
    Count sum;
    for (const auto& [operand, expression] : FormulaTerms(formula_.reads)) {
      const Count uses = Evaluate(expression, Part::kTraffic);
      const std::optional<int> i = IndexOf(operand, /*is_input=*/true);
      const bool once = i.has_value() && !uses.Is(0) && node_.IsImmediate(*i);
      sum += once ? Count(1) : uses;
    }
    return sum;
  }

  Count Writes() const {
    Count sum;
    for (const auto& [operand, expression] : FormulaTerms(formula_.writes)) {
      const std::optional<int> o = IndexOf(operand, /*is_input=*/false);
      if (o.has_value() && !node_.IsOutputUsed(*o)) continue;
      sum += Evaluate(expression, Part::kTraffic);
    }
    return sum;
  }

 private:
  std::optional<Count> Find(absl::string_view name, Part part) const {
    for (const auto& [known, value] : node_.legend()) {
      if (known == name) return value;
    }
    if (name == "MACs" && part != Part::kMacs) {
      return Evaluate(formula_.macs, Part::kMacs);
    }
    if (part != Part::kMul && part != Part::kAdd) return std::nullopt;
    for (int i = static_cast<int>(ArithOp::kDiv); i < kArithOpCount; ++i) {
      const ArithOp op = static_cast<ArithOp>(i);
      if (Name(op) != name) continue;
      const Expansion each = ExpansionOf(op);
      return Count(part == Part::kMul ? each.mul : each.add);
    }
    return std::nullopt;
  }

  // The index of the operand or output that a term is about.
  std::optional<int> IndexOf(absl::string_view name, bool is_input) const {
    int index = 0;
    if (name.size() > 1 && name[0] == (is_input ? 'i' : 'o') &&
        absl::SimpleAtoi(name.substr(1), &index)) {
      return index;
    }
    const onnx::OpSchema* schema = onnx::OpSchemaRegistry::Schema(
        std::string(node_.node().op_type), node_.node().opset,
        std::string(node_.node().domain));
    if (schema == nullptr) return std::nullopt;
    const auto& formals = is_input ? schema->inputs() : schema->outputs();
    for (const onnx::OpSchema::FormalParameter& formal : formals) {
      const bool found =
          formal.GetName().compare(0, std::string::npos, name.data(),
                                   name.size()) == 0;
      // A variadic formal stands for operands that needn't be alike.
      if (found && formal.GetOption() != onnx::OpSchema::Variadic) return index;
      ++index;
    }
    return std::nullopt;
  }

  const OneNode& node_;
  const Formula& formula_;
};

}  // namespace

void ExpectFormulaAgrees(OneNode& node) {
  const absl::StatusOr<OpCounts> counts = node.Count();
  ASSERT_TRUE(counts.ok()) << counts.status().ToString();
  const Totals totals = TotalsOf(*counts);
  const RowFormula row(node);
  const Formula& formula = node.def()->formula;
  const auto expect = [&node](absl::string_view what, const Count& stated,
                              const Count& counted) {
    EXPECT_EQ(stated.ToString(), counted.ToString())
        << "the formula of " << node.def()->name << "'s " << what
        << " differs from its rule";
  };
  expect("macs", row.Evaluate(formula.macs, Part::kMacs), counts->macs);
  expect("mul", row.Evaluate(formula.mul, Part::kMul), totals.mul);
  expect("add", row.Evaluate(formula.add, Part::kAdd), totals.add);
  expect("reads", row.Reads(), totals.reads);
  expect("writes", row.Writes(), totals.writes);
}

}  // namespace opcost
