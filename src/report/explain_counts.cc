// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "opcost/memory/formats.h"
#include "opcost/ops/formula.h"
#include "src/report/explain.h"
#include "src/report/grid.h"
#include "src/report/numbers.h"
#include "src/report/rows.h"
#include "src/report/utf8.h"

namespace opcost {
namespace {

// A function that the layer evaluates, and how the table pays for it.
struct Evaluations {
  ArithOp function = ArithOp::kDiv;
  NumberFormat format;
  Count count;
  FunctionCost cost;
};

std::vector<Evaluations> EvaluationsOf(const Estimate& estimate,
                                       const LayerCounts& layer) {
  const Formats formats(*estimate.analysis, estimate.options.formats);
  std::vector<Evaluations> all;
  for (const Arith& arith : layer.counts.arith) {
    if (arith.op == ArithOp::kMul || arith.op == ArithOp::kAdd) continue;
    const NumberFormat format = formats.OfArith(layer, arith);
    // The estimate is priced, so the table has every function that is needed.
    absl::StatusOr<FunctionCost> cost =
        estimate.table->Function(arith.op, format);
    if (cost.ok()) all.push_back({arith.op, format, arith.count, *cost});
  }
  return all;
}

// Names and numbers of one layer's formulae.
class Scope {
 public:
  Scope(const Estimate& estimate, const LayerCounts& layer)
      : table_(estimate.table), evaluations_(EvaluationsOf(estimate, layer)) {
    for (const auto& [name, value] : LegendOf(*estimate.analysis, layer)) {
      names_.emplace(std::string(name), value);
    }
    names_.emplace("MACs", layer.counts.macs);
  }

  const std::vector<Evaluations>& evaluations() const { return evaluations_; }

  // A function's name stands for its muls or its adds.
  std::optional<Count> Find(absl::string_view name, ArithOp part) const {
    const auto known = names_.find(std::string(name));
    if (known != names_.end()) return known->second;
    for (const Evaluations& each : evaluations_) {
      if (Name(each.function) == name) return Part(each.cost, part);
    }
    return Unused(name, part);
  }

  // The formula; under --padding skipped with the pairs inside the input in the
  // place of all pairs of windows and kernel elements.
  std::string Shown(absl::string_view formula) const {
    if (names_.find("inside") == names_.end()) return std::string(formula);
    return absl::StrReplaceAll(formula, {{"kernel*out_spatial", "inside"},
                                         {"kernel*in_spatial", "inside"},
                                         {"out*window", "inside"}});
  }

  // "MACs = N*M = 1*96 = 96" in parts; the value alone where the formula can't
  // be read with the names that the rule gave.
  std::vector<std::string> Steps(absl::string_view formula,
                                 ArithOp part) const {
    return StepsOf(formula, [this, part](absl::string_view name) {
      return Find(name, part);
    });
  }

 private:
  static Count Part(const FunctionCost& cost, ArithOp part) {
    return Count(part == ArithOp::kMul ? cost.mul : cost.add);
  }

  // A function that the formula names and that this layer doesn't need, behind
  // a factor of 0: any format tells.
  std::optional<Count> Unused(absl::string_view name, ArithOp part) const {
    for (int op = 0; op < kArithOpCount; ++op) {
      const auto function = static_cast<ArithOp>(op);
      if (Name(function) != name || function == ArithOp::kMul ||
          function == ArithOp::kAdd) {
        continue;
      }
      const absl::StatusOr<FunctionCost> cost =
          table_->Function(function, FormatOf(DataType::kFloat32));
      if (cost.ok()) return Part(*cost, part);
    }
    return std::nullopt;
  }

  const CostTable* table_;
  std::vector<Evaluations> evaluations_;
  std::map<std::string, Count> names_;
};

void AddUses(absl::string_view verb, absl::string_view terms,
             const Scope& scope, std::vector<Equation>& equations) {
  for (const auto& piece : FormulaTerms(terms)) {
    equations.push_back(
        {absl::StrCat(verb, piece.first.empty() ? "" : " ", piece.first),
         scope.Steps(piece.second, ArithOp::kAdd)});
  }
}

std::string Functions(const Scope& scope, int width, References& references) {
  std::string out;
  for (const Evaluations& each : scope.evaluations()) {
    const std::string format = ToString(each.format);
    const std::string count = each.count.is_concrete()
                                  ? Grouped(each.count.value())
                                  : each.count.ToString();
    std::string text =
        absl::StrCat(count, each.count.Is(1) ? " evaluation" : " evaluations",
                     " in ", format, ", each ");
    const FunctionCost& cost = each.cost;
    if (cost.price.has_value()) {
      absl::StrAppend(&text, "priced as an operation of its own");
    } else {
      absl::StrAppend(&text, cost.mul, " mul + ", cost.add, " add (",
                      cost.table, cost.source.empty() ? "" : ", [", cost.source,
                      cost.source.empty() ? "" : "]", ")");
      if (!cost.source.empty()) references.sources.insert(cost.source);
      references.rules.insert("R6");
    }
    absl::StrAppend(
        &out, Wrap(absl::StrCat("  ", Name(each.function), "  "), text, width));
  }
  return out;
}

}  // namespace

std::vector<std::string> StepsOf(
    absl::string_view formula,
    const std::function<std::optional<Count>(absl::string_view)>& find) {
  std::vector<std::string> steps = {std::string(formula)};
  const absl::StatusOr<std::string> substituted = SubstituteFormula(
      formula, [&find](absl::string_view name) -> std::optional<std::string> {
        const std::optional<Count> value = find(name);
        if (!value.has_value()) return std::nullopt;
        return value->ToString();
      });
  if (substituted.ok() && *substituted != formula) {
    steps.push_back(*substituted);
  }
  const absl::StatusOr<Count> value = EvaluateFormula(formula, find);
  if (!value.ok()) return steps;
  const std::string plain = value->ToString();
  const std::string grouped =
      value->is_concrete() ? Grouped(value->value()) : plain;
  if (steps.back() == plain) steps.pop_back();
  steps.push_back(grouped);
  return steps;
}

std::string EquationLines(const std::vector<Equation>& equations, int width) {
  size_t longest = 0;
  for (const Equation& each : equations) {
    longest = std::max(longest, each.label.size());
  }
  std::string out;
  for (const Equation& each : equations) {
    std::string first = each.label;
    first.resize(longest, ' ');
    if (each.on_one_line) {
      absl::StrAppend(&out, Wrap(absl::StrCat("  ", first, " = "),
                                 absl::StrJoin(each.steps, " = "), width));
      continue;
    }
    for (const std::string& step : each.steps) {
      absl::StrAppend(&out,
                      Wrap(absl::StrCat("  ", first, " = "), step, width));
      first.assign(longest, ' ');
    }
  }
  return out;
}

std::string ExplainCounts(const Estimate& estimate, const LayerEstimate& layer,
                          const RenderOptions& options,
                          References& references) {
  const LayerCounts& counts = *layer.layer;
  const Scope scope(estimate, counts);
  const Formula& formula = counts.def->formula;
  const std::string macs = scope.Shown(formula.macs);
  const std::string mul = scope.Shown(formula.mul);
  const std::string add = scope.Shown(formula.add);
  const std::string reads = scope.Shown(formula.reads);
  const std::string writes = scope.Shown(formula.writes);
  std::vector<std::string> rules =
      absl::StrSplit(formula.rules, absl::ByAnyChar(" ,;"), absl::SkipEmpty());
  const LayerStorage* storage = StorageOf(estimate, layer);
  std::string title = storage != nullptr && !storage->operands.empty()
                          ? "counts of dense weights"
                          : "counts";
  if (counts.times != 1) {
    absl::StrAppend(&title, " of one run; it runs ", Grouped(counts.times),
                    " times");
  }
  if (!rules.empty()) {
    absl::StrAppend(&title, " (", absl::StrJoin(rules, ", "), ")");
  }
  references.rules.insert(rules.begin(), rules.end());
  std::string out =
      absl::StrCat("\n", Paint(title, Style::kBold, options.color), "\n");
  std::vector<Equation> equations;
  if (!counts.counts.macs.Is(0)) {
    equations.push_back({"MACs", scope.Steps(macs, ArithOp::kMul), false});
  }
  equations.push_back({"mul", scope.Steps(mul, ArithOp::kMul)});
  equations.push_back({"add", scope.Steps(add, ArithOp::kAdd)});
  AddUses("reads", reads, scope, equations);
  AddUses("writes", writes, scope, equations);
  absl::StrAppend(&out, EquationLines(equations, options.width),
                  Functions(scope, options.width, references));
  return out;
}

}  // namespace opcost
