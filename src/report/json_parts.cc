// SPDX-License-Identifier: Apache-2.0
#include "src/report/json_parts.h"

#include "absl/strings/str_cat.h"
#include "src/report/json_types.h"
#include "src/report/rows.h"

namespace opcost {
namespace {

using Lines = JsonWriter::Lines;

absl::string_view Word(Movement movement) {
  return movement == Movement::kOnce ? "once" : "per-use";
}

void WriteFormat(absl::string_view key,
                 const std::optional<NumberFormat>& format, JsonWriter& json) {
  if (format.has_value()) json.Member(key, ToString(*format));
}

void WriteReads(const MemoryOptions& memory, JsonWriter& json) {
  if (!memory.weight_reads && !memory.input_reads && !memory.bias_reads) return;
  json.Key("reads").BeginObject(Lines::kOne);
  if (memory.weight_reads) json.Member("weight", Word(*memory.weight_reads));
  if (memory.input_reads) json.Member("input", Word(*memory.input_reads));
  if (memory.bias_reads) json.Member("bias", Word(*memory.bias_reads));
  json.EndObject();
}

std::string Citation(const CostTable& table) {
  std::string all;
  for (const Source& source : table.sources()) {
    absl::StrAppend(&all, all.empty() ? "" : "; ", source.cite,
                    source.where.empty() ? "" : ", ", source.where);
  }
  return all;
}

}  // namespace

void WriteModel(const Analysis& analysis, JsonWriter& json) {
  const Model& model = *analysis.model;
  json.Key("model").BeginObject();
  json.Member("path", model.path);
  json.Member("structure_digest", model.structure_digest);
  json.Member("producer", model.producer);
  json.Member("ir_version", model.ir_version);
  json.Key("opset").BeginObject(Lines::kOne);
  for (const OpsetImport& opset : model.opsets) {
    json.Member(opset.domain.empty() ? "ai.onnx" : opset.domain, opset.version);
  }
  json.EndObject();
  json.Member("parameters", analysis.parameters);
  json.Member("weight_bytes", analysis.parameter_bytes);
  json.Key("inputs").BeginArray();
  for (const ValueIndex input : analysis.RealInputs()) {
    const ValueType& type = analysis.values[static_cast<size_t>(input)].type;
    json.BeginObject(Lines::kOne);
    json.Member("name", ValueName(analysis, input));
    json.Member("type", TypeName(type));
    WriteShape(type, json.Key("shape"));
    json.EndObject();
  }
  json.EndArray().EndObject();
}

void WriteOptions(const Analysis& analysis, const CostTable& table,
                  const EstimateOptions& options, bool is_symbolic,
                  JsonWriter& json) {
  const FormatOptions& formats = options.formats;
  const MemoryOptions& memory = options.memory;
  json.Key("options").BeginObject();
  if (formats.bits.has_value()) {
    json.Member("bits", ToString(*formats.bits));
  } else {
    json.Key("bits").Null();  // as the graph has them
  }
  WriteFormat("weight_bits", formats.weight_bits, json);
  WriteFormat("activation_bits", formats.activation_bits, json);
  WriteFormat("accumulator_bits", formats.accumulator_bits, json);
  json.Member("table", table.name());
  json.Member("memory_model", Word(memory.movement));
  WriteReads(memory, json);
  json.Member("array_scope",
              memory.array_scope == ArrayScope::kTensor ? "tensor" : "operand");
  if (memory.weights_from) json.Member("weights_from", *memory.weights_from);
  json.Member("graph", Name(analysis.reading));
  json.Member("padding",
              analysis.count_options.skip_padding ? "skipped" : "counted");
  json.Member("weights", FormatName(options.storage));
  if (options.storage.skips_zeros) json.Member("skip", "weights");
  json.Key("dims").BeginObject(Lines::kOne);
  for (const auto& [name, size] : analysis.bound_dims) {
    json.Member(name, size);
  }
  json.EndObject();
  if (is_symbolic) json.Member("symbolic", true);
  if (analysis.operators != nullptr) {
    json.Member("operators", analysis.operators->path());
  }
  json.EndObject();
}

void WriteTable(const CostTable& table, JsonWriter& json) {
  json.Key("table").BeginObject();
  json.Member("name", table.name());
  json.Member("digest", table.digest());
  json.Member("source", Citation(table));
  // What every "pj" of the document is counted in.
  json.Member("unit",
              table.unit() == EnergyUnit::kRelative ? "relative" : "pJ");
  json.EndObject();
}

void WriteNames(absl::string_view key, const Analysis& analysis,
                absl::Span<const ValueIndex> values, JsonWriter& json) {
  json.Key(key).BeginArray(Lines::kOne);
  for (const ValueIndex value : values) {
    json.String(ValueName(analysis, value));
  }
  json.EndArray();
}

void WriteNotes(const Coverage& coverage, absl::string_view of_storage,
                JsonWriter& json) {
  json.Key("notes").BeginArray(Lines::kOne);
  if (!coverage.reason.empty()) json.String(coverage.reason);
  if (!coverage.remedy.empty()) json.String(coverage.remedy);
  if (!of_storage.empty()) json.String(of_storage);
  json.EndArray();
}

void WriteFoldings(const Analysis& analysis, const LayerCounts& layer,
                   JsonWriter& json) {
  if (layer.folded == nullptr || layer.folded->nodes.empty()) return;
  json.Key("folded").BeginArray();
  for (const FoldedNode& folded : layer.folded->nodes) {
    json.BeginObject(Lines::kOne);
    json.Member("name", analysis.graph->NodeLabel(*folded.node));
    json.Member("op", folded.node->op_type);
    json.Member("reason", folded.reason);
    json.EndObject();
  }
  json.EndArray();
}

void WriteWarnings(const Diagnostics& diagnostics, JsonWriter& json) {
  json.Key("warnings").BeginArray();
  for (const Diagnostic& diagnostic : diagnostics.all()) {
    const bool is_note = diagnostic.severity == Severity::kNote;
    json.BeginObject(Lines::kOne);
    json.Member("code", diagnostic.code);
    json.Member("severity", is_note ? "note" : "warning");
    json.Member("message", diagnostic.message);
    json.EndObject();
  }
  json.EndArray();
}

}  // namespace opcost
