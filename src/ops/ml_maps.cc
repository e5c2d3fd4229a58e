// SPDX-License-Identifier: Apache-2.0
// ai.onnx.ml: what maps between values and labels, and maps themselves.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "opcost/support/status_macros.h"
#include "src/ops/elementwise.h"
#include "src/ops/families.h"
#include "src/ops/geometry.h"
#include "src/ops/ml_scores.h"
#include "src/ops/sequence_types.h"

namespace opcost {
namespace {

absl::StatusOr<OutputTypes> InferCategoryMapper(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  if (x->type != DataType::kString && x->type != DataType::kInt64) {
    return node.Invalid("the input must be int64 or string but is ",
                        Name(x->type));
  }
  return OutputTypes{TensorType{
      x->type == DataType::kString ? DataType::kInt64 : DataType::kString,
      x->shape}};
}

// The type of the values that a LabelEncoder maps to.
absl::StatusOr<DataType> LabelType(const NodeView& node, DataType input) {
  if (node.HasAttribute("classes_strings")) {  // opset 1 alone
    return input == DataType::kString ? DataType::kInt64 : DataType::kString;
  }
  constexpr std::pair<absl::string_view, DataType> kValues[] = {
      {"values_int64s", DataType::kInt64},
      {"values_strings", DataType::kString},
      {"values_floats", DataType::kFloat32}};
  for (const auto& [name, type] : kValues) {
    if (node.HasAttribute(name)) return type;
  }
  OPCOST_ASSIGN_OR_RETURN(const auto values, node.Tensor("values_tensor"));
  if (values != nullptr) return values->type.type;
  return node.Invalid("no attribute 'values_...' has a value");
}

absl::StatusOr<OutputTypes> InferLabelEncoder(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const DataType type, LabelType(node, x->type));
  return OutputTypes{TensorType{type, x->shape}};
}

// Operand 0, which must be a map. Errors: IsUndetermined().
absl::StatusOr<const ValueType*> InputMap(const NodeView& node) {
  if (!node.HasInput(0)) return node.Invalid("operand 0 is missing");
  const ValueType& type = node.InputType(0);
  if (type.kind == ValueKind::kUnknown ||
      (type.kind == ValueKind::kMap && type.element == nullptr)) {
    return node.Unknown("the type of operand 0 isn't known");
  }
  if (type.kind != ValueKind::kMap) {
    return node.Invalid("operand 0 must be a map but is ", ToString(type));
  }
  return &type;
}

absl::StatusOr<OutputTypes> InferCastMap(const NodeView& node) {
  OPCOST_RETURN_IF_ERROR(InputMap(node).status());
  OPCOST_ASSIGN_OR_RETURN(const std::string to,
                          node.String("cast_to", "TO_FLOAT"));
  OPCOST_ASSIGN_OR_RETURN(const std::string form,
                          node.String("map_form", "DENSE"));
  OPCOST_ASSIGN_OR_RETURN(const int64_t length, node.Int("max_map", 1));
  DataType type = DataType::kFloat32;
  if (to == "TO_STRING") {
    type = DataType::kString;
  } else if (to == "TO_INT64") {
    type = DataType::kInt64;
  } else if (to != "TO_FLOAT") {
    return node.Invalid("cast_to '", to,
                        "' is none of TO_FLOAT, TO_STRING and TO_INT64");
  }
  if (form == "DENSE") {
    return OutputTypes{ValueType(type, {1, UnboundedExtent(node, 0, 1)})};
  }
  if (form != "SPARSE") {
    return node.Invalid("map_form '", form, "' is neither DENSE nor SPARSE");
  }
  if (length < 0) {
    return node.Invalid("max_map is ", length, " but can't be negative");
  }
  return OutputTypes{ValueType(type, {1, length})};
}

absl::StatusOr<OutputTypes> InferDictVectorizer(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const ValueType* map, InputMap(node));
  OPCOST_ASSIGN_OR_RETURN(
      const ClassLabels vocabulary,
      LabelsOf(node, "int64_vocabulary", "string_vocabulary"));
  if (vocabulary.count == 0) {
    return node.Invalid("no attribute '..._vocabulary' has an entry");
  }
  return OutputTypes{ValueType(map->element->tensor.type, {vocabulary.count})};
}

absl::StatusOr<OutputTypes> InferZipMap(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const FeatureRows x, ResolveRows(node));
  OPCOST_ASSIGN_OR_RETURN(
      const ClassLabels keys,
      LabelsOf(node, "classlabels_int64s", "classlabels_strings"));
  if (x.features.is_concrete() && !x.features.Is(keys.count)) {
    return node.Invalid("there are ", keys.count, " keys but ",
                        x.features.ToString(), " columns");
  }
  ValueType map;
  map.kind = ValueKind::kMap;
  map.map_key = keys.type;
  map.element =
      std::make_shared<const ValueType>(ValueType(DataType::kFloat32, Dims{}));
  return OutputTypes{SequenceOf(std::move(map), x.rows)};
}

absl::StatusOr<OpCounts> CountZipMap(const TypedNodeView& node) {
  const Count moved = node.InputVolume(0);
  node.Let("moved", moved);
  OpCounts counts;
  ReadInput(counts, node, 0, moved);
  if (Access* written = WriteOutput(counts, node, 0, moved)) {
    written->elements = written->operand_elements = moved;
  }
  return counts;
}

constexpr absl::string_view kLookup =
    "a lookup's comparisons depend on the data and on how the table is "
    "searched";
constexpr Formula kNone = {"0", "0", "0", "", "", "R1"};

constexpr OpDef kOps[] = {
    {.name = "CastMap",
     .since = 1,
     .infer = &InferCastMap,
     .formula = kNone,
     .description = "the values of a map, in the order of their keys",
     .domain = kMlDomain,
     .uncountable = "how many entries a map has depends on the data"},
    {.name = "CategoryMapper",
     .since = 1,
     .infer = &InferCategoryMapper,
     .formula = kNone,
     .description = "the integer of each string, or the string of each integer",
     .domain = kMlDomain,
     .uncountable = kLookup},
    {.name = "DictVectorizer",
     .since = 1,
     .infer = &InferDictVectorizer,
     .formula = kNone,
     .description = "the values of a map at their keys' places",
     .domain = kMlDomain,
     .uncountable = "how many entries a map has depends on the data"},
    {.name = "LabelEncoder",
     .since = 1,
     .infer = &InferLabelEncoder,
     .formula = kNone,
     .description = "the value that a table has for each element",
     .domain = kMlDomain,
     .uncountable = kLookup},
    {.name = "ZipMap",
     .since = 1,
     .infer = &InferZipMap,
     .count = &CountZipMap,
     .formula = {.reads = "i0: moved", .writes = "o0: moved", .rules = "R1 R8"},
     .description = "a map for each row, whose values are copied; keys aren't",
     .domain = kMlDomain},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> MlMapsOps() { return kOps; }

}  // namespace opcost
