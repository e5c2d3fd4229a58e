// SPDX-License-Identifier: Apache-2.0
// ai.onnx.ml: what prepares features.
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

absl::StatusOr<int64_t> IntCount(const NodeView& node, absl::string_view name) {
  OPCOST_ASSIGN_OR_RETURN(const absl::Span<const int64_t> ints,
                          node.IntsView(name));
  return static_cast<int64_t>(ints.size());
}

// The attribute `name` has one element, or one per feature (the last axis).
absl::Status CheckPerFeature(const NodeView& node, const TensorType& x,
                             absl::string_view name, int64_t given) {
  if (given <= 1 || x.shape.dims().empty()) return absl::OkStatus();
  const Extent& features = x.shape.dims().back();
  if (!features.is_concrete() || features.Is(given)) return absl::OkStatus();
  return node.Invalid("attribute '", name, "' has ", given,
                      " elements but there are ", features.ToString(),
                      " features");
}

absl::StatusOr<OutputTypes> InferImputer(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const int64_t floats,
                          FloatCount(node, "imputed_value_floats"));
  OPCOST_ASSIGN_OR_RETURN(const int64_t ints,
                          IntCount(node, "imputed_value_int64s"));
  if (floats == 0 && ints == 0) {
    return node.Invalid("no attribute 'imputed_value_...' has a value");
  }
  OPCOST_RETURN_IF_ERROR(
      CheckPerFeature(node, *x, "imputed_value_floats", floats));
  OPCOST_RETURN_IF_ERROR(
      CheckPerFeature(node, *x, "imputed_value_int64s", ints));
  return OutputTypes{*x};
}

// The type of operand 0 with float32 elements.
absl::StatusOr<OutputTypes> InferFloats(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  return OutputTypes{TensorType{DataType::kFloat32, x->shape}};
}

absl::StatusOr<OutputTypes> InferScaler(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  for (const absl::string_view name : {"offset", "scale"}) {
    OPCOST_ASSIGN_OR_RETURN(const int64_t given, FloatCount(node, name));
    OPCOST_RETURN_IF_ERROR(CheckPerFeature(node, *x, name, given));
  }
  return InferFloats(node);
}

// An attribute of more than one element is an array, read for each output.
void ReadList(OpCounts& counts, absl::string_view name, int64_t elements,
              const Count& uses) {
  if (elements > 1) {
    UseScratch(counts, name, OperandSet::Output(0), elements, uses, 0);
  }
}

absl::StatusOr<OpCounts> CountScaler(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const int64_t offsets, FloatCount(node, "offset"));
  OPCOST_ASSIGN_OR_RETURN(const int64_t scales, FloatCount(node, "scale"));
  const Count out = node.OutputVolume(0);
  const OperandSet format = Products(0);
  node.Let("out", out);
  node.Let("offset", offsets > 0 ? 1 : 0);
  node.Let("scale", scales > 0 ? 1 : 0);
  node.Let("lists", (offsets > 1 ? 1 : 0) + (scales > 1 ? 1 : 0));
  OpCounts counts;
  if (offsets > 0) AddArith(counts, ArithOp::kAdd, format, out);
  if (scales > 0) AddArith(counts, ArithOp::kMul, format, out);
  ReadInput(counts, node, 0, out);
  ReadList(counts, "offset", offsets, out);
  ReadList(counts, "scale", scales, out);
  WriteOutput(counts, node, 0, out);
  return counts;
}

enum class Norm { kMax, kL1, kL2 };

absl::StatusOr<Norm> NormOf(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const std::string name, node.String("norm", "MAX"));
  if (name == "MAX") return Norm::kMax;
  if (name == "L1") return Norm::kL1;
  if (name == "L2") return Norm::kL2;
  return node.Invalid("norm '", name, "' is none of MAX, L1 and L2");
}

absl::StatusOr<OutputTypes> InferNormalizer(const NodeView& node) {
  OPCOST_RETURN_IF_ERROR(NormOf(node).status());
  OPCOST_RETURN_IF_ERROR(ResolveRows(node).status());
  return InferFloats(node);
}

// The norm; whether it is zero; the product with its reciprocal.
absl::StatusOr<OpCounts> CountNormalizer(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Norm norm, NormOf(node));
  OPCOST_ASSIGN_OR_RETURN(const FeatureRows x, ResolveRows(node));
  const Count out = Volume({x.rows, x.features});
  const bool is_l1 = norm == Norm::kL1;
  const bool is_l2 = norm == Norm::kL2;
  const OperandSet format = Products(0);
  node.Let("rows", x.rows);
  node.Let("L", x.features);
  node.Let("L1", is_l1 ? 1 : 0);
  node.Let("L2", is_l2 ? 1 : 0);
  OpCounts counts;
  AddArith(counts, ArithOp::kMul, format, out * (is_l2 ? 2 : 1));
  AddArith(counts, ArithOp::kAdd, format, out * (is_l1 ? 2 : 1) + x.rows);
  if (is_l2) AddArith(counts, ArithOp::kSqrt, format, x.rows);
  AddArith(counts, ArithOp::kDiv, format, x.rows);
  ReadInput(counts, node, 0, out * 2);
  WriteOutput(counts, node, 0, out);
  return counts;
}

// What FeatureVectorizer takes of each operand: its first columns, or all of
// them and zeros.
struct Vectorized {
  Extent rows = 1;
  Extent columns;
  std::vector<Extent> widths;  // of each operand in the output
  std::vector<Extent> read;    // columns of each that are read
};

absl::StatusOr<Vectorized> ResolveVectorizer(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const absl::Span<const int64_t> widths,
                          node.IntsView("inputdimensions"));
  const auto operands = static_cast<size_t>(node.input_count());
  if (operands == 0) return node.Invalid("operand 0 is missing");
  if (!widths.empty() && widths.size() != operands) {
    return node.Invalid("inputdimensions has ", widths.size(),
                        " elements but there are ", operands, " operands");
  }
  Vectorized all;
  for (size_t i = 0; i < operands; ++i) {
    OPCOST_ASSIGN_OR_RETURN(const TensorType* x,
                            node.Input(static_cast<int>(i)));
    const Dims& dims = x->shape.dims();
    if (dims.size() != 1 && dims.size() != 2) {
      return node.Invalid("operand ", i, " must have 1 or 2 axes but has ",
                          dims.size());
    }
    const Extent rows = dims.size() == 2 ? dims[0] : Extent(1);
    if (i == 0 || !all.rows.is_concrete()) all.rows = rows;
    if (rows.is_concrete() && !(rows == all.rows)) {
      return node.Invalid("operand ", i, " has ", rows.ToString(),
                          " rows but those before it have ",
                          all.rows.ToString());
    }
    if (!widths.empty() && widths[i] < 0) {
      return node.Invalid("inputdimensions has ", widths[i],
                          " but a width can't be negative");
    }
    all.widths.push_back(widths.empty() ? dims.back() : Extent(widths[i]));
    all.read.push_back(Extent::Min(all.widths.back(), dims.back()));
    all.columns += all.widths.back();
  }
  return all;
}

absl::StatusOr<OutputTypes> InferFeatureVectorizer(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Vectorized all, ResolveVectorizer(node));
  return OutputTypes{ValueType(DataType::kFloat32, {all.rows, all.columns})};
}

// One operand of floats as wide as the output stays where it is.
absl::StatusOr<OpCounts> CountFeatureVectorizer(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Vectorized all, ResolveVectorizer(node));
  const bool converts = node.InputType(0).tensor.type != DataType::kFloat32;
  const Count out = Volume({all.rows, all.columns});
  Count moved;
  for (const Extent& columns : all.read) moved += Volume({all.rows, columns});
  const bool is_view = node.input_count() == 1 && !converts &&
                       node.InputVolume(0) == out && moved == out;
  node.Let("moved", is_view ? Count(0) : moved);
  node.Let("out", is_view ? Count(0) : out);
  node.Let("converts", converts ? 1 : 0);
  if (is_view) return View();
  OpCounts counts;
  if (converts) {
    AddArith(counts, ArithOp::kAdd, OperandSet::Input(0), moved);
  }
  for (int i = 0; i < node.input_count(); ++i) {
    ReadInput(counts, node, i,
              Volume({all.rows, all.read[static_cast<size_t>(i)]}));
  }
  WriteOutput(counts, node, 0, out);
  return counts;
}

absl::StatusOr<OutputTypes> InferArrayFeatureExtractor(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* indices, node.Input(1));
  if (x->shape.rank() == 0) {
    return node.Invalid("the input must have at least 1 axis but is a scalar");
  }
  if (!IsInteger(indices->type)) {
    return node.Invalid("the indices must be integers but are ",
                        Name(indices->type));
  }
  Dims dims = x->shape.dims();
  dims.back() = Volume(indices->shape.dims());
  // The picked elements of a list are a row.
  if (dims.size() == 1) dims.insert(dims.begin(), 1);
  return OutputTypes{ValueType(x->type, std::move(dims))};
}

absl::StatusOr<OpCounts> CountArrayFeatureExtractor(const TypedNodeView& node) {
  const Count out = node.OutputVolume(0);
  const Count indices = node.InputVolume(1);
  node.Let("out", out);
  node.Let("indices", indices);
  OpCounts counts;
  ReadInput(counts, node, 0, out);
  ReadInputAs(counts, node, 1, indices, Role::kIndex);
  WriteOutput(counts, node, 0, out);
  return counts;
}

absl::StatusOr<int64_t> CategoryCount(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const ClassLabels categories,
                          LabelsOf(node, "cats_int64s", "cats_strings"));
  if (categories.count == 0) {
    return node.Invalid("no attribute 'cats_...' has a category");
  }
  return categories.count;
}

absl::StatusOr<OutputTypes> InferOneHotEncoder(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const int64_t categories, CategoryCount(node));
  Dims dims = x->shape.dims();
  dims.push_back(categories);
  return OutputTypes{ValueType(DataType::kFloat32, std::move(dims))};
}

// Each element of the output says whether the input equals a category.
absl::StatusOr<OpCounts> CountOneHotEncoder(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const int64_t categories, CategoryCount(node));
  const Count in = node.InputVolume(0);
  const Count out = node.OutputVolume(0);
  node.Let("in", in);
  node.Let("out", out);
  OpCounts counts;
  AddArith(counts, ArithOp::kAdd, OperandSet::Input(0), out);
  ReadInput(counts, node, 0, in);
  UseScratch(counts, "categories", OperandSet::Fixed(DataType::kInt64),
             categories, out, 0);
  WriteOutput(counts, node, 0, out);
  return counts;
}

constexpr Formula kCompare = {"0", "0", "out", "i0: out", "o0: out", "R1 R2"};

constexpr OpDef kOps[] = {
    {.name = "ArrayFeatureExtractor",
     .since = 1,
     .infer = &InferArrayFeatureExtractor,
     .count = &CountArrayFeatureExtractor,
     .formula = {.reads = "i0: out; i1: indices",
                 .writes = "o0: out",
                 .rules = "R1 R2"},
     .description = "the features at the indices; each index is read once",
     .domain = kMlDomain},
    {.name = "Binarizer",
     .since = 1,
     .infer = &InferSameAsInput,
     .count = &CountUnary<PerElement{.add = 1}>,
     .formula = kCompare,
     .description = "whether each element is above `threshold`",
     .domain = kMlDomain},
    {.name = "FeatureVectorizer",
     .since = 1,
     .infer = &InferFeatureVectorizer,
     .count = &CountFeatureVectorizer,
     .formula = {.add = "converts*moved",
                 .reads = "inputs: moved",
                 .writes = "o0: out",
                 .rules = "R1 R5"},
     .description = "the operands' columns side by side, cut or filled with "
                    "zeros to `inputdimensions`; converted where they aren't "
                    "float32; a view of one operand",
     .domain = kMlDomain},
    {.name = "Imputer",
     .since = 1,
     .infer = &InferImputer,
     .count = &CountUnary<PerElement{.add = 1}>,
     .formula = kCompare,
     .description = "each element, or the imputed value if it equals the "
                    "replaced one; imputed values stay in registers",
     .domain = kMlDomain},
    {.name = "Normalizer",
     .since = 1,
     .infer = &InferNormalizer,
     .count = &CountNormalizer,
     .formula = {.mul = "rows*((1 + L2)*L + L2*sqrt + div)",
                 .add = "rows*((1 + L1)*L + 1 + L2*sqrt + div)",
                 .reads = "i0: 2*rows*L",
                 .writes = "o0: rows*L",
                 .rules = "R1 R3 R4 R6"},
     .description = "per row of L: its maximum, sum of magnitudes, or root of "
                    "the sum of squares; a comparison of that with 0; the "
                    "product with its reciprocal",
     .domain = kMlDomain,
     .passes = "norm, quotient"},
    {.name = "OneHotEncoder",
     .since = 1,
     .infer = &InferOneHotEncoder,
     .count = &CountOneHotEncoder,
     .formula = {.add = "out",
                 .reads = "i0: in; categories: out",
                 .writes = "o0: out",
                 .rules = "R1 R2"},
     .description = "a comparison of each element with each category; strings "
                    "are compared as indices",
     .domain = kMlDomain},
    {.name = "Scaler",
     .since = 1,
     .infer = &InferScaler,
     .count = &CountScaler,
     .formula = {.mul = "scale*out",
                 .add = "offset*out",
                 .reads = "i0: out; attributes: lists*out",
                 .writes = "o0: out",
                 .rules = "R1 R2"},
     .description = "(X - offset)*scale; one offset and scale stay in "
                    "registers, those of each feature are read",
     .domain = kMlDomain},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> MlEncodersOps() { return kOps; }

}  // namespace opcost
