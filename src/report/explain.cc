// SPDX-License-Identifier: Apache-2.0
#include "src/report/explain.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "opcost/support/near_matches.h"
#include "src/report/grid.h"
#include "src/report/rows.h"
#include "src/report/utf8.h"

namespace opcost {
namespace {

// docs/cost-model.md in a line each.
constexpr std::array<std::pair<absl::string_view, absl::string_view>, 11>
    kRules = {{
        {"R1",
         "each use of an element is one read, each element produced one "
         "write; what nobody reads isn't written"},
        {"R2",
         "accumulators and an operator's own scalars stay in registers; "
         "a constant of one element is read once a run"},
        {"R3",
         "a sum of n terms is n adds; the bias is where it starts, so it "
         "is read and not added"},
        {"R4", "an operator that passes over its data again reads it again"},
        {"R5",
         "a view moves nothing; another copy is a read and a write per "
         "element"},
        {"R6",
         "a function is the muls and adds that the table expands it "
         "into, or has a price of its own"},
        {"R7",
         "what depends on constants and shapes alone is computed before "
         "any run, and is free"},
        {"R8",
         "addresses, loop control and operands that describe geometry "
         "are not counted"},
        {"R9",
         "padding is counted in full: a window over the border costs "
         "what an inner one costs"},
        {"R10", "an operand that is broadcast is read once per use"},
        {"R11", "counts are exact integers below 2^63"},
    }};

std::string Operand(const Analysis& analysis, ValueIndex value) {
  if (value == kAbsent) return "(left out)";
  const ValueFacts& facts = analysis.values[static_cast<size_t>(value)];
  return absl::StrCat(ValueName(analysis, value), " ", ToString(facts.type),
                      facts.is_constant ? " (constant)" : "");
}

std::string Operands(const Analysis& analysis, absl::string_view title,
                     absl::Span<const ValueIndex> values, int width) {
  std::string out;
  std::string first = absl::StrCat("  ", title);
  first.resize(11, ' ');
  for (const ValueIndex value : values) {
    absl::StrAppend(&out,
                    Wrap(first, OneLine(Operand(analysis, value)), width));
    first.assign(first.size(), ' ');
  }
  return out;
}

std::string Header(const Estimate& estimate, const LayerCounts& layer,
                   const RenderOptions& options) {
  const Node& node = *layer.node;
  const std::string title = OneLine(absl::StrCat(
      layer.name, ": ", OpName(node), " of ",
      node.domain.empty() ? "ai.onnx" : node.domain, " opset ", node.opset));
  const int width = options.width;
  std::string out = absl::StrCat(Paint(width < 1 ? title : Elide(title, width),
                                       Style::kBold, options.color),
                                 "\n");
  if (layer.def != nullptr && !layer.def->description.empty()) {
    absl::StrAppend(&out, Wrap("  ", layer.def->description, width));
  }
  absl::StrAppend(
      &out, Operands(*estimate.analysis, "inputs", layer.inputs(), width),
      Operands(*estimate.analysis, "outputs", layer.outputs(), width));
  return out;
}

std::string ExplainLayer(const Estimate& estimate, const LayerEstimate& layer,
                         const RenderOptions& options, References& references) {
  const Coverage& coverage = layer.layer->coverage;
  std::string out = Header(estimate, *layer.layer, options);
  if (coverage.status == Coverage::Status::kUnknown) {
    absl::StrAppend(
        &out, "\n",
        Wrap("unknown: ",
             OneLine(absl::StrCat(coverage.reason,
                                  coverage.remedy.empty() ? "" : "; ",
                                  coverage.remedy)),
             options.width));
    return out;
  }
  if (coverage.status == Coverage::Status::kBound) {
    absl::StrAppend(
        &out, "\n",
        Wrap("upper bound: ", OneLine(coverage.reason), options.width));
  }
  if (layer.is_view) {
    references.rules.insert("R5");
    absl::StrAppend(
        &out, "\n",
        Wrap("", "a view: it moves and computes nothing (R5)", options.width),
        ExplainFoldings(estimate, layer, options));
    return out;
  }
  absl::StrAppend(&out, ExplainCounts(estimate, layer, options, references),
                  ExplainFoldings(estimate, layer, options),
                  ExplainStorage(estimate, layer, options),
                  ExplainArrays(estimate, layer, options),
                  ExplainPrices(estimate, layer, options, references),
                  ExplainEnergy(estimate, layer, options));
  return out;
}

std::string Legends(const Estimate& estimate, const References& references,
                    const RenderOptions& options) {
  std::string out;
  for (const std::string& id : references.sources) {
    const Source* source = estimate.table->FindSource(id);
    if (source == nullptr) continue;
    absl::StrAppend(&out,
                    Wrap(absl::StrCat("[", OneLine(id), "] "),
                         OneLine(absl::StrCat(source->cite,
                                              source->where.empty() ? "" : ", ",
                                              source->where)),
                         options.width));
  }
  for (const auto& [name, text] : kRules) {
    if (references.rules.count(std::string(name)) == 0) continue;
    std::string first(name);
    first.resize(5, ' ');
    absl::StrAppend(&out, Wrap(first, text, options.width));
  }
  return out.empty() ? out : absl::StrCat("\n", out);
}

absl::Status NoSuchLayer(const Estimate& estimate, absl::string_view name) {
  std::vector<std::string> names;
  for (const LayerEstimate& layer : estimate.layers) {
    names.push_back(layer.layer->name);
  }
  return absl::NotFoundError(absl::StrCat(estimate.analysis->model->path,
                                          ": no layer is called '", name, "'",
                                          DidYouMean(name, names)));
}

}  // namespace

absl::StatusOr<std::string> Explain(const Estimate& estimate,
                                    absl::string_view layer,
                                    const RenderOptions& options) {
  const bool is_markdown = options.format == Format::kMarkdown;
  if (options.format != Format::kText && !is_markdown) {
    return absl::InvalidArgumentError(
        "an explanation is for people: give --format text or markdown");
  }
  RenderOptions plain = options;
  plain.color = options.color && !is_markdown;
  References references;
  std::vector<std::string> texts;
  for (const LayerEstimate& each : estimate.layers) {
    if (!layer.empty() && each.layer->name != layer) continue;
    texts.push_back(ExplainLayer(estimate, each, plain, references));
  }
  if (texts.empty() && !layer.empty()) return NoSuchLayer(estimate, layer);
  std::string text = absl::StrCat(absl::StrJoin(texts, "\n\n"),
                                  Legends(estimate, references, plain));
  if (!is_markdown) return text;
  // A fence longer than any run of backquotes inside can't be closed early.
  std::string fence = "```";
  while (absl::StrContains(text, fence)) fence += '`';
  return absl::StrCat(fence, "text\n", text, fence, "\n");
}

}  // namespace opcost
