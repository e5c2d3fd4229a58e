// SPDX-License-Identifier: Apache-2.0
// `opcost shapes`.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "opcost/report/report.h"
#include "src/report/grid.h"
#include "src/report/json_types.h"
#include "src/report/json_writer.h"
#include "src/report/utf8.h"

namespace opcost {
namespace {

using Lines = JsonWriter::Lines;

void WriteValue(const Value& value, const ValueFacts& facts, JsonWriter& json) {
  const bool is_known = facts.type.kind != ValueKind::kUnknown;
  json.BeginObject(Lines::kOne);
  json.Member("name", value.name);
  json.Key("kind");
  is_known ? json.String(KindName(facts.type.kind)) : json.Null();
  json.Key("type");
  is_known ? json.String(TypeName(facts.type)) : json.Null();
  WriteShape(facts.type, json.Key("shape"));
  json.Member("constant", facts.is_constant);
  json.EndObject();
}

void WriteOutputs(const Graph& graph, JsonWriter& json) {
  json.Key("outputs").BeginArray(Lines::kOne);
  for (const ValueIndex output : graph.outputs) {
    json.String(graph.values[static_cast<size_t>(output)].name);
  }
  json.EndArray();
}

std::string AsJson(const Analysis& analysis) {
  const Graph& graph = *analysis.graph;
  JsonWriter json(JsonWriter::Layout::kIndented);
  json.BeginObject();
  json.Member("schema", "opcost.shapes/1");
  json.Key("values").BeginArray();
  for (size_t v = 0; v < graph.values.size(); ++v) {
    WriteValue(graph.values[v], analysis.values[v], json);
  }
  json.EndArray();
  WriteOutputs(graph, json);
  json.EndObject();
  return json.Take() + "\n";
}

// A value a line, then the outputs.
std::string AsJsonLines(const Analysis& analysis) {
  const Graph& graph = *analysis.graph;
  std::string lines;
  for (size_t v = 0; v < graph.values.size(); ++v) {
    JsonWriter json(JsonWriter::Layout::kCompact);
    WriteValue(graph.values[v], analysis.values[v], json);
    absl::StrAppend(&lines, json.Take(), "\n");
  }
  JsonWriter json(JsonWriter::Layout::kCompact);
  json.BeginObject();
  WriteOutputs(graph, json);
  json.EndObject();
  return absl::StrCat(lines, json.Take(), "\n");
}

// "Conv", "input", "body input", "initializer".
std::string Origin(const Graph& graph, const Value& value) {
  if (value.producer >= 0) {
    return graph.nodes[static_cast<size_t>(value.producer)].op_type;
  }
  if (value.stored != nullptr) return "initializer";
  return value.is_input ? "input" : "body input";
}

std::string ShapeCell(const ValueType& type) {
  if (!type.is_tensor() || !type.tensor.shape.has_rank()) return "?";
  if (type.tensor.shape.dims().empty()) return "scalar";
  return absl::StrJoin(type.tensor.shape.dims(), "x",
                       [](std::string* out, const Extent& extent) {
                         absl::StrAppend(out, ExtentText(extent));
                       });
}

std::string AsCsv(const Analysis& analysis) {
  const Graph& graph = *analysis.graph;
  std::string csv =
      CsvLine({"name", "kind", "type", "shape", "constant", "producer"});
  for (size_t v = 0; v < graph.values.size(); ++v) {
    const ValueFacts& facts = analysis.values[v];
    absl::StrAppend(&csv, CsvLine({ValidUtf8(graph.values[v].name),
                                   std::string(KindName(facts.type.kind)),
                                   ValidUtf8(TypeName(facts.type)),
                                   ValidUtf8(ShapeCell(facts.type)),
                                   facts.is_constant ? "true" : "false",
                                   ValidUtf8(Origin(graph, graph.values[v]))}));
  }
  return csv;
}

Grid AsGrid(const Analysis& analysis) {
  const Graph& graph = *analysis.graph;
  Grid grid({{"value", false, true, 0},
             {"type", false, true, 0},
             {"shape", false, true, 0},
             {"constant", false, false, 2},
             {"from", false, true, 1}});
  for (size_t v = 0; v < graph.values.size(); ++v) {
    const Value& value = graph.values[v];
    const ValueFacts& facts = analysis.values[v];
    grid.Add({OneLine(value.name), OneLine(TypeName(facts.type)),
              OneLine(ShapeCell(facts.type)),
              facts.is_constant ? "constant"
              : value.is_output ? "output"
                                : "",
              OneLine(Origin(graph, value))},
             facts.is_constant ? Style::kDim : Style::kPlain);
  }
  return grid;
}

}  // namespace

std::string RenderShapes(const Analysis& analysis,
                         const RenderOptions& options) {
  switch (options.format) {
    case Format::kText:
      break;
    case Format::kJson:
      return AsJson(analysis);
    case Format::kJsonl:
      return AsJsonLines(analysis);
    case Format::kCsv:
      return AsCsv(analysis);
    case Format::kMarkdown:
      return AsGrid(analysis).Markdown();
  }
  return AsGrid(analysis).Text(options.width, options.color);
}

}  // namespace opcost
