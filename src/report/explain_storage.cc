// SPDX-License-Identifier: Apache-2.0
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "opcost/ops/formula.h"
#include "opcost/weights/storage.h"
#include "src/report/explain.h"
#include "src/report/grid.h"
#include "src/report/numbers.h"
#include "src/report/rows.h"
#include "src/report/utf8.h"

namespace opcost {
namespace {

// "m = 100, n = 300, ...": what the formulae of the operand say.
std::string LegendText(const StoredOperand& operand) {
  std::string text = absl::StrCat("P = ", operand.matrix.vectors.ToString());
  for (const auto& [name, value] : operand.stored.legend) {
    absl::StrAppend(&text, ", ", name, " = ", Grouped(value));
  }
  return text;
}

std::vector<Equation> EquationsOf(const StoredOperand& operand) {
  const auto find = [&operand](absl::string_view name) -> std::optional<Count> {
    if (name == "P") return operand.matrix.vectors;
    for (const auto& [known, value] : operand.stored.legend) {
      if (known == name) return Count(value);
    }
    return std::nullopt;
  };
  const StorageFormula& formula = FormulaOf(operand.stored);
  std::vector<Equation> equations = {
      {"mul", StepsOf(formula.mul, find)},
      {"add", StepsOf(formula.add, find)},
  };
  for (const auto& [part, terms] : FormulaTerms(formula.reads)) {
    equations.push_back({absl::StrCat("reads ", part), StepsOf(terms, find)});
  }
  return equations;
}

std::string Heading(const Estimate& estimate, const StoredOperand& operand,
                    const StoredWeights& stored) {
  const std::string name(ValueName(*estimate.analysis, operand.value));
  const std::string products = (operand.matrix.blocks * operand.matrix.rows *
                                operand.matrix.columns * operand.matrix.vectors)
                                   .ToString();
  return OneLine(absl::StrCat(
      name, stored.skips_zeros ? " dense, zeros skipped" : " in ",
      stored.skips_zeros ? "" : stored.label(), ", ", Grouped(stored.bytes),
      " B, in the place of ", products, " products: ", LegendText(operand)));
}

}  // namespace

std::string ExplainStorage(const Estimate& estimate, const LayerEstimate& layer,
                           const RenderOptions& options) {
  const LayerStorage* storage = StorageOf(estimate, layer);
  if (storage == nullptr ||
      (storage->operands.empty() && storage->reason.empty())) {
    return "";
  }
  std::string out = absl::StrCat(
      "\n",
      Paint("weights (cost model, section 6)", Style::kBold, options.color),
      "\n");
  for (const StoredOperand& operand : storage->operands) {
    absl::StrAppend(
        &out,
        Wrap("  ", Heading(estimate, operand, operand.stored), options.width),
        EquationLines(EquationsOf(operand), options.width));
  }
  if (!storage->reason.empty()) {
    const std::string what = storage->operands.empty()
                                 ? "dense, as other formats are unavailable: "
                                 : "some formats are unavailable: ";
    absl::StrAppend(&out,
                    Wrap("  ", OneLine(absl::StrCat(what, storage->reason)),
                         options.width));
  }
  return out;
}

}  // namespace opcost
