// SPDX-License-Identifier: Apache-2.0
// Counts as expressions.
#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "opcost/version.h"
#include "src/report/documents.h"
#include "src/report/json_parts.h"
#include "src/report/json_types.h"
#include "src/report/utf8.h"

namespace opcost {
namespace {

using Lines = JsonWriter::Lines;

// A layer, or all layers of an operator.
struct SymbolicRow {
  std::string name;
  std::string op;
  const SymbolicLayer* layer = nullptr;  // null for several
  int64_t layers = 1;
  int64_t times = 0;
  int64_t unknown_layers = 0;
  int64_t bound_layers = 0;
  SymbolicSums sums;

  bool is_unknown() const { return unknown_layers == layers; }
  absl::string_view status() const {
    if (is_unknown()) return "unknown";
    if (unknown_layers > 0) {
      return bound_layers > 0 ? "indeterminate" : "lower-bound";
    }
    return bound_layers > 0 ? "bound" : "exact";
  }
};

std::vector<SymbolicRow> RowsOf(const SymbolicEstimate& estimate,
                                const RenderOptions& options, GroupBy by) {
  std::vector<SymbolicRow> rows;
  std::map<std::string, size_t> places;  // of operators
  for (const SymbolicLayer& layer : estimate.layers) {
    const LayerCounts& counts = *layer.layer;
    SymbolicRow row;
    row.name = counts.name;
    row.op = OpName(*counts.node);
    row.layer = &layer;
    row.times = counts.times;
    const Coverage::Status status = counts.coverage.status;
    row.unknown_layers = status == Coverage::Status::kUnknown ? 1 : 0;
    row.bound_layers = status == Coverage::Status::kBound ? 1 : 0;
    row.sums = layer.sums;
    if (by == GroupBy::kLayer) {
      rows.push_back(std::move(row));
      continue;
    }
    const auto [place, is_new] = places.try_emplace(row.op, rows.size());
    if (is_new) {
      row.layer = nullptr;
      row.name = row.op;
      rows.push_back(std::move(row));
      continue;
    }
    SymbolicRow& group = rows[place->second];
    ++group.layers;
    group.times += row.times;
    group.unknown_layers += row.unknown_layers;
    group.bound_layers += row.bound_layers;
    group.sums += row.sums;
  }
  if (options.sort_by == SortBy::kName) {
    std::stable_sort(rows.begin(), rows.end(),
                     [](const SymbolicRow& a, const SymbolicRow& b) {
                       return a.name < b.name;
                     });
  }
  return rows;
}

using NamedCounts = std::vector<std::pair<absl::string_view, const Count*>>;

NamedCounts Named(const SymbolicSums& sums) {
  return {{"MACs", &sums.macs},
          {"mul", &sums.mul},
          {"add", &sums.add},
          {"reads", &sums.reads},
          {"writes", &sums.writes}};
}

// Names of counts that are the same, and what they are: {"mul, add", "2*N"}.
std::vector<Fact> Facts(const SymbolicSums& sums) {
  std::vector<Fact> facts;
  for (const auto& [name, count] : Named(sums)) {
    std::string text = OneLine(count->ToString());
    const auto same =
        std::find_if(facts.begin(), facts.end(),
                     [&text](const Fact& fact) { return fact.text == text; });
    if (same == facts.end()) {
      facts.push_back({std::string(name), std::move(text)});
    } else {
      absl::StrAppend(&same->name, ", ", name);
    }
  }
  return facts;
}

std::string FactLines(const std::vector<Fact>& facts) {
  // "MACs, mul, add" and what is as long.
  constexpr size_t kColumn = 18;
  std::string out;
  for (const Fact& fact : facts) {
    std::string name = absl::StrCat("  ", fact.name, "  ");
    if (name.size() < kColumn) name.resize(kColumn, ' ');
    absl::StrAppend(&out, name, fact.text, "\n");
  }
  return out;
}

std::string Heading(const SymbolicEstimate& estimate, const SymbolicRow& row) {
  std::string text = row.name;
  if (row.layer == nullptr) {
    absl::StrAppend(&text, "  ", row.layers,
                    row.layers == 1 ? " layer" : " layers");
  } else {
    absl::StrAppend(&text, "  ", row.op);
    for (const ValueIndex output : row.layer->layer->outputs()) {
      if (output == kAbsent) continue;
      absl::StrAppend(
          &text, "  ",
          ToString(
              estimate.analysis->values[static_cast<size_t>(output)].type));
      break;
    }
  }
  if (row.times != row.layers) absl::StrAppend(&text, "  ", row.times, " runs");
  if (row.is_unknown()) {
    text += "  ?";
  } else if (row.status() != "exact") {
    absl::StrAppend(&text, "  ", row.status());
  } else if (row.layer != nullptr && row.layer->is_view) {
    text += "  moves nothing";
  }
  return OneLine(text);
}

bool HasCounts(const SymbolicRow& row) {
  if (row.is_unknown()) return false;
  return row.layer == nullptr || !row.layer->is_view;
}

std::string List(absl::string_view title, const std::vector<std::string>& lines,
                 const RenderOptions& options) {
  if (lines.empty()) return "";
  std::string out =
      absl::StrCat("\n", Paint(title, Style::kYellow, options.color), "\n");
  for (const std::string& line : lines) {
    absl::StrAppend(&out, Wrap("  ", line, options.width));
  }
  return out;
}

std::string AsText(const SymbolicEstimate& estimate,
                   const RenderOptions& options) {
  const Analysis& analysis = *estimate.analysis;
  std::string out = absl::StrCat(
      Paint(OneLine(analysis.model->path), Style::kBold, options.color), "\n",
      ModelLine(analysis, estimate.totals.macs.ToString()), "\n\n");
  for (const Fact& fact :
       BasisOf(analysis, *estimate.table, estimate.options)) {
    std::string name = fact.name;
    name.resize(9, ' ');
    absl::StrAppend(&out, Wrap(name, fact.text, options.width));
  }
  for (const SymbolicRow& row : RowsOf(estimate, options, options.group_by)) {
    const Style style = row.is_unknown() ? Style::kYellow : Style::kPlain;
    absl::StrAppend(&out, "\n",
                    Paint(Heading(estimate, row), style, options.color), "\n");
    if (HasCounts(row)) absl::StrAppend(&out, FactLines(Facts(row.sums)));
  }
  absl::StrAppend(
      &out,
      List("unknown, and not in the total:", UnknownLines(analysis), options));
  if (options.verbosity >= 0) {
    absl::StrAppend(&out, List("upper bounds:", BoundLines(analysis), options));
  }
  absl::StrAppend(&out, "\n",
                  Paint(absl::StrCat("total ", Sign(estimate.status),
                                     StatusText(analysis, estimate.status)),
                        Style::kBold, options.color),
                  "\n", FactLines(Facts(estimate.totals)));
  return out;
}

std::string AsMarkdown(const SymbolicEstimate& estimate,
                       const RenderOptions& options) {
  const Analysis& analysis = *estimate.analysis;
  std::string out = absl::StrCat(
      "### ", MarkdownText(OneLine(analysis.model->path)), "\n\n",
      MarkdownText(ModelLine(analysis, estimate.totals.macs.ToString())),
      "\n\n");
  for (const Fact& fact :
       BasisOf(analysis, *estimate.table, estimate.options)) {
    absl::StrAppend(&out, "- ", fact.name, ": ", MarkdownText(fact.text), "\n");
  }
  Grid grid({{"layer"},
             {"operator"},
             {"status"},
             {"MACs"},
             {"mul"},
             {"add"},
             {"reads"},
             {"writes"}});
  const auto add = [&grid](std::string name, std::string op,
                           absl::string_view status, const SymbolicSums* sums,
                           Style style) {
    std::vector<std::string> cells = {OneLine(name), OneLine(op),
                                      std::string(status)};
    const SymbolicSums none;
    for (const auto& named : Named(sums == nullptr ? none : *sums)) {
      cells.push_back(sums == nullptr ? "?"
                                      : OneLine(named.second->ToString()));
    }
    grid.Add(cells, style);
  };
  for (const SymbolicRow& row : RowsOf(estimate, options, options.group_by)) {
    add(row.name, row.op, row.status(), row.is_unknown() ? nullptr : &row.sums,
        Style::kPlain);
  }
  add("total", "", Name(estimate.status), &estimate.totals, Style::kBold);
  absl::StrAppend(&out, "\n", grid.Markdown());
  for (const auto& [title, lines] :
       {std::pair("Unknown, and not in the total:", UnknownLines(analysis)),
        std::pair("Upper bounds:", BoundLines(analysis))}) {
    if (lines.empty()) continue;
    absl::StrAppend(&out, "\n", title, "\n\n");
    for (const std::string& line : lines) {
      absl::StrAppend(&out, "- ", MarkdownText(line), "\n");
    }
  }
  return out;
}

std::string AsCsv(const SymbolicEstimate& estimate,
                  const RenderOptions& options) {
  std::string csv = CsvLine({"name", "op", "times", "status", "macs", "mul",
                             "add", "reads", "writes"});
  for (const SymbolicRow& row : RowsOf(estimate, options, options.group_by)) {
    std::vector<std::string> cells = {ValidUtf8(row.name), ValidUtf8(row.op),
                                      absl::StrCat(row.times),
                                      std::string(row.status())};
    for (const auto& named : Named(row.sums)) {
      cells.push_back(row.is_unknown() ? ""
                                       : ValidUtf8(named.second->ToString()));
    }
    absl::StrAppend(&csv, CsvLine(cells));
  }
  return csv;
}

void WriteSums(const SymbolicSums& sums, bool is_known, JsonWriter& json) {
  const auto member = [&](absl::string_view key, const Count& count) {
    is_known ? json.Member(key, count.ToString()) : json.Key(key).Null();
  };
  member("macs", sums.macs);
  member("mul", sums.mul);
  member("add", sums.add);
  member("reads", sums.reads);
  member("writes", sums.writes);
}

void WriteWork(const SymbolicLayer& layer, JsonWriter& json) {
  json.Key("arithmetic").BeginArray();
  for (const SymbolicArith& row : layer.arithmetic) {
    json.BeginObject(Lines::kOne);
    json.Member("op", Name(row.op));
    json.Member("type", ToString(row.format));
    json.Member("count", row.count.ToString());
    json.EndObject();
  }
  json.EndArray();
  json.Key("traffic").BeginArray();
  for (const SymbolicTraffic& row : layer.traffic) {
    json.BeginObject(Lines::kOne);
    json.Member("array", row.array);
    json.Member("role", Name(row.role));
    json.Member("type", ToString(row.format));
    json.Member("elements", row.elements.ToString());
    json.Member("reads", row.reads.ToString());
    json.Member("writes", row.writes.ToString());
    json.EndObject();
  }
  json.EndArray();
}

void WriteRow(const SymbolicEstimate& estimate, const SymbolicRow& row,
              JsonWriter& json) {
  json.BeginObject(row.layer == nullptr ? Lines::kOne : Lines::kMany);
  if (row.layer == nullptr) {
    json.Member("op", row.op);
    json.Member("layers", row.layers);
    json.Member("times", row.times);
    json.Member("status", row.status());
    WriteSums(row.sums, !row.is_unknown(), json);
    json.EndObject();
    return;
  }
  const Analysis& analysis = *estimate.analysis;
  const Node& node = *row.layer->layer->node;
  json.Member("name", row.name);
  json.Member("op", node.op_type);
  json.Member("domain", node.domain);
  WriteNames("inputs", analysis, row.layer->layer->inputs(), json);
  WriteNames("outputs", analysis, row.layer->layer->outputs(), json);
  json.Member("times", row.times);
  json.Key("output_shape");
  const absl::Span<const ValueIndex> outputs = row.layer->layer->outputs();
  const auto output =
      std::find_if(outputs.begin(), outputs.end(),
                   [](ValueIndex value) { return value != kAbsent; });
  if (output == outputs.end()) {
    json.Null();
  } else {
    WriteShape(analysis.values[static_cast<size_t>(*output)].type, json);
  }
  json.Member("status", row.status());
  WriteSums(row.sums, !row.is_unknown(), json);
  WriteWork(*row.layer, json);
  const auto i = static_cast<size_t>(row.layer - estimate.layers.data());
  WriteFoldings(analysis, *row.layer->layer, json);
  WriteNotes(row.layer->layer->coverage,
             i < estimate.storage.size() ? estimate.storage[i].reason : "",
             json);
  json.EndObject();
}

void WriteTotals(const SymbolicEstimate& estimate, JsonWriter& json) {
  json.Key("totals").BeginObject();
  json.Member("status", Name(estimate.status));
  json.Member("layers", static_cast<int64_t>(estimate.layers.size()));
  WriteSums(estimate.totals, true, json);
  json.EndObject();
}

std::string AsJson(const SymbolicEstimate& estimate,
                   const RenderOptions& options) {
  JsonWriter json(JsonWriter::Layout::kIndented);
  json.BeginObject();
  json.Member("schema", "opcost.report/1");
  json.Member("opcost", OPCOST_VERSION);
  WriteModel(*estimate.analysis, json);
  WriteOptions(*estimate.analysis, *estimate.table, estimate.options,
               /*is_symbolic=*/true, json);
  WriteTable(*estimate.table, json);
  json.Key("layers").BeginArray();
  for (const SymbolicRow& row : RowsOf(estimate, options, GroupBy::kLayer)) {
    WriteRow(estimate, row, json);
  }
  json.EndArray();
  if (options.group_by == GroupBy::kOp) {
    json.Key("by_op").BeginArray();
    for (const SymbolicRow& row : RowsOf(estimate, options, GroupBy::kOp)) {
      WriteRow(estimate, row, json);
    }
    json.EndArray();
  }
  WriteTotals(estimate, json);
  WriteWarnings(estimate.diagnostics, json);
  json.EndObject();
  return json.Take() + "\n";
}

std::string AsJsonLines(const SymbolicEstimate& estimate,
                        const RenderOptions& options) {
  std::string lines;
  for (const SymbolicRow& row : RowsOf(estimate, options, options.group_by)) {
    JsonWriter json(JsonWriter::Layout::kCompact);
    WriteRow(estimate, row, json);
    absl::StrAppend(&lines, json.Take(), "\n");
  }
  JsonWriter json(JsonWriter::Layout::kCompact);
  json.BeginObject();
  WriteTotals(estimate, json);
  json.EndObject();
  absl::StrAppend(&lines, json.Take(), "\n");
  return lines;
}

}  // namespace

std::string RenderSymbolic(const SymbolicEstimate& estimate,
                           const RenderOptions& options) {
  switch (options.format) {
    case Format::kText:
      break;
    case Format::kJson:
      return AsJson(estimate, options);
    case Format::kJsonl:
      return AsJsonLines(estimate, options);
    case Format::kCsv:
      return AsCsv(estimate, options);
    case Format::kMarkdown:
      return AsMarkdown(estimate, options);
  }
  return AsText(estimate, options);
}

}  // namespace opcost
