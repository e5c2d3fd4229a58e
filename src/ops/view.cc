// SPDX-License-Identifier: Apache-2.0
// Operators that give a tensor another shape, and move nothing (R5): Identity,
// Dropout outside training, Reshape, Flatten, Squeeze, Unsqueeze.
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "opcost/support/status_macros.h"
#include "src/ops/axes.h"
#include "src/ops/families.h"
#include "src/ops/fold_movement.h"
#include "src/ops/geometry.h"

namespace opcost {
namespace {

absl::StatusOr<OutputTypes> InferIdentity(const NodeView& node) {
  if (!node.HasInput(0)) return node.Invalid("operand 0 is missing");
  return OutputTypes{node.InputType(0)};
}

OutputValues FoldIdentity(const TypedNodeView& node) {
  const TensorValue* value = node.InputValue(0);
  if (value == nullptr) return {nullptr};
  return {std::make_shared<const TensorValue>(*value)};
}

// ---- Dropout ---------------------------------------------------------------

// Whether a Dropout drops anything: up to opset 6 attribute is_test says so,
// from 12 on operand 2; between them a graph has no way to ask for training.
absl::StatusOr<bool> Drops(const NodeView& node) {
  if (node.opset() < 12) {
    if (node.opset() >= 7) return false;
    OPCOST_ASSIGN_OR_RETURN(const int64_t is_test, node.Int("is_test", 0));
    OPCOST_ASSIGN_OR_RETURN(const double ratio, node.Float("ratio", 0.5));
    return is_test == 0 && ratio != 0;
  }
  if (!node.HasInput(2)) return false;
  OPCOST_ASSIGN_OR_RETURN(const std::vector<int64_t> training,
                          node.InputInts(2));
  if (training.size() != 1) {
    return node.Invalid(
        "operand 2 (training_mode) must be one element but has ",
        training.size());
  }
  const TensorValue* ratio = node.InputValue(1);
  const bool ratio_is_zero = ratio != nullptr && !ratio->holds_integers() &&
                             ratio->size() == 1 && ratio->Float(0) == 0;
  return training[0] != 0 && !ratio_is_zero;
}

absl::StatusOr<OutputTypes> InferDropout(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* data, node.Input(0));
  TensorType mask = *data;
  if (node.opset() >= 10) mask.type = DataType::kBool;
  return OutputTypes{*data, std::move(mask)};
}

// In training each element is compared with the ratio, and multiplied by the
// mask that gives and by the scale 1/(1-ratio), which is computed once; the
// draw of a random number isn't counted. In inference a mask that is used is
// filled with ones.
absl::StatusOr<OpCounts> CountDropout(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const bool drops, Drops(node));
  const Count data = node.InputVolume(0);
  const Count scales = drops && node.HasInput(1) && !node.IsConstant(1) ? 1 : 0;
  node.Let("in", data);
  node.Let("drops", drops ? 1 : 0);
  node.Let("scales", scales);
  node.Let("ratio", node.HasInput(1) ? 1 : 0);
  if (!drops && !node.IsOutputUsed(1)) return View();
  OpCounts counts;
  if (drops) {
    AddArith(counts, ArithOp::kMul, OperandSet::Input(0), data * 2);
    AddArith(counts, ArithOp::kAdd, OperandSet::Input(0), data + scales);
    AddArith(counts, ArithOp::kDiv, OperandSet::Input(0), scales);
    ReadInput(counts, node, 0, data);
    // Once in the scale, and in each comparison.
    ReadInput(counts, node, 1, data + 1);
    WriteOutput(counts, node, 0, data);
  }
  WriteOutput(counts, node, 1, data);
  return counts;
}

OutputValues FoldDropout(const TypedNodeView& node) {
  const absl::StatusOr<bool> drops = Drops(node);
  if (!drops.ok() || *drops) return {nullptr, nullptr};
  OutputValues values = FoldSameOrder(node);
  values.push_back(nullptr);
  return values;
}

// ---- Reshape ---------------------------------------------------------------

// Extents of a Reshape but for the place of -1, which counts as 1.
struct Target {
  Dims dims;
  std::optional<size_t> inferred;  // the place of -1
};

// What element `i` of the shape stands for, other than -1.
absl::StatusOr<Extent> TargetExtent(const NodeView& node, size_t i,
                                    const SymValue& element, const Shape& data,
                                    bool allow_zero) {
  if (element.AsInt() != 0 || allow_zero) {
    return NonNegative(node, element,
                       absl::StrCat("element ", i, " of the shape"));
  }
  if (!data.has_rank()) return node.Input(0).status();
  if (i >= data.dims().size()) {
    return node.Invalid("element ", i, " of the shape is 0, which copies an ",
                        "extent, but the input has ", data.rank(), " axes");
  }
  return data.dims()[i];
}

absl::StatusOr<Target> ResolveTarget(const NodeView& node,
                                     absl::Span<const SymValue> shape,
                                     const Shape& data) {
  OPCOST_ASSIGN_OR_RETURN(const int64_t allow_zero, node.Int("allowzero", 0));
  const bool zero_is_zero = node.opset() >= 14 && allow_zero != 0;
  Target target;
  bool has_zero = false;
  for (size_t i = 0; i < shape.size(); ++i) {
    const std::optional<int64_t> number = shape[i].AsInt();
    has_zero = has_zero || number == 0;
    if (number != -1) {
      OPCOST_ASSIGN_OR_RETURN(
          Extent extent, TargetExtent(node, i, shape[i], data, zero_is_zero));
      target.dims.push_back(std::move(extent));
      continue;
    }
    if (target.inferred.has_value()) {
      return node.Invalid("the shape has -1 at ", *target.inferred, " and at ",
                          i, ", but only one extent can be inferred");
    }
    target.inferred = i;
    target.dims.push_back(1);
  }
  if (zero_is_zero && has_zero && target.inferred.has_value()) {
    return node.Invalid("with allowzero the shape can't have both 0 and -1");
  }
  return target;
}

// The extent that -1 stands for.
absl::StatusOr<Extent> InferExtent(const NodeView& node, const Extent& elements,
                                   const Dims& others) {
  const Extent product = Volume(others);
  if (product.Is(0)) {
    return node.Invalid("-1 can't be inferred beside an extent of 0");
  }
  const Extent inferred = elements / product;
  if (elements.is_concrete() && product.is_concrete() &&
      !(inferred * product == elements)) {
    return node.Invalid("the input has ", elements.ToString(),
                        " elements, which ", product.ToString(),
                        " (the shape without its -1) doesn't divide");
  }
  return inferred;
}

absl::StatusOr<OutputTypes> InferReshape(const NodeView& node) {
  if (!node.HasInput(0)) return node.Invalid("operand 0 is missing");
  const ValueType& data = node.InputType(0);
  if (!data.is_tensor()) return node.Input(0).status();
  const Shape& from = data.tensor.shape;
  OPCOST_ASSIGN_OR_RETURN(const std::vector<SymValue> shape,
                          SymsOf(node, "shape", 1, 5));
  OPCOST_ASSIGN_OR_RETURN(Target target, ResolveTarget(node, shape, from));
  if (!from.has_rank()) {
    if (target.inferred.has_value()) return node.Input(0).status();
    return OutputTypes{ValueType(data.tensor.type, std::move(target.dims))};
  }
  const Extent elements = Volume(from.dims());
  if (target.inferred.has_value()) {
    OPCOST_ASSIGN_OR_RETURN(target.dims[*target.inferred],
                            InferExtent(node, elements, target.dims));
  }
  const Extent reshaped = Volume(target.dims);
  if (elements.is_concrete() && reshaped.is_concrete() &&
      !(elements == reshaped)) {
    return node.Invalid("the input ", ToString(from), " has ",
                        elements.ToString(), " elements but the shape ",
                        ToString(absl::MakeConstSpan(target.dims)), " has ",
                        reshaped.ToString());
  }
  return OutputTypes{ValueType(data.tensor.type, std::move(target.dims))};
}

// ---- Flatten, Squeeze, Unsqueeze --------------------------------------------

absl::StatusOr<OutputTypes> InferFlatten(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* data, node.Input(0));
  const absl::Span<const Extent> dims = data->shape.dims();
  const auto rank = static_cast<int64_t>(dims.size());
  OPCOST_ASSIGN_OR_RETURN(int64_t axis, node.Int("axis", 1));
  const int64_t least = node.opset() >= 11 ? -rank : 0;
  if (axis < least || axis > rank) {
    return node.Invalid("axis ", axis, " is outside ", least, " to ", rank,
                        " for an input of ", rank, " axes");
  }
  const auto outer = static_cast<size_t>(axis < 0 ? axis + rank : axis);
  return OutputTypes{ValueType(
      data->type, {Volume(dims.first(outer)), Volume(dims.subspan(outer))})};
}

// Which of `dims` a Squeeze takes away: those at `axes`, or all that are 1.
absl::StatusOr<std::vector<bool>> SqueezedAxes(
    const NodeView& node, const Dims& dims,
    const std::optional<std::vector<int64_t>>& axes) {
  std::vector<bool> goes(dims.size(), false);
  if (!axes.has_value()) {
    for (size_t a = 0; a < dims.size(); ++a) {
      if (!dims[a].is_concrete()) {
        return node.Unknown("whether axis ", a, " (", dims[a].ToString(),
                            ") is 1 and goes away isn't known; give the axes");
      }
      goes[a] = dims[a].Is(1);
    }
    return goes;
  }
  OPCOST_ASSIGN_OR_RETURN(
      const std::vector<int> known,
      NormalizeAxes(node, *axes, static_cast<int>(dims.size())));
  for (const int axis : known) {
    const Extent& extent = dims[static_cast<size_t>(axis)];
    if (extent.is_concrete() && !extent.Is(1)) {
      return node.Invalid("axis ", axis, " has extent ", extent.ToString(),
                          " but only an extent of 1 can be squeezed");
    }
    goes[static_cast<size_t>(axis)] = true;
  }
  return goes;
}

absl::StatusOr<OutputTypes> InferSqueeze(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* data, node.Input(0));
  const Dims& dims = data->shape.dims();
  OPCOST_ASSIGN_OR_RETURN(const std::optional<std::vector<int64_t>> axes,
                          AxesOf(node, "axes", 13, 1));
  OPCOST_ASSIGN_OR_RETURN(const std::vector<bool> goes,
                          SqueezedAxes(node, dims, axes));
  Dims kept;
  for (size_t a = 0; a < dims.size(); ++a) {
    if (!goes[a]) kept.push_back(dims[a]);
  }
  return OutputTypes{ValueType(data->type, std::move(kept))};
}

absl::StatusOr<OutputTypes> InferUnsqueeze(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* data, node.Input(0));
  const Dims& dims = data->shape.dims();
  OPCOST_ASSIGN_OR_RETURN(const std::optional<std::vector<int64_t>> given,
                          AxesOf(node, "axes", 13, 1));
  if (!given.has_value()) return node.Invalid("the axes are missing");
  const size_t rank = dims.size() + given->size();
  OPCOST_ASSIGN_OR_RETURN(const std::vector<int> axes,
                          NormalizeAxes(node, *given, static_cast<int>(rank)));
  std::vector<bool> inserted(rank, false);
  for (const int axis : axes) inserted[static_cast<size_t>(axis)] = true;
  Dims expanded;
  expanded.reserve(rank);
  size_t next = 0;
  for (size_t a = 0; a < rank; ++a) {
    expanded.push_back(inserted[a] ? Extent(1) : dims[next++]);
  }
  return OutputTypes{ValueType(data->type, std::move(expanded))};
}

constexpr Formula kView = {"0", "0", "0", "", "", "R5"};

constexpr OpDef kOps[] = {
    {"Dropout",
     1,
     InferDropout,
     CountDropout,
     FoldDropout,
     {"0", "[drops]*2*in + scales*div", "[drops]*in + scales + scales*div",
      "data: [drops]*in; ratio: [drops]*[ratio]*(in + 1)",
      "output: [drops]*in; mask: in", "R1 R2 R5"},
     "a view outside training or with ratio 0; in training one comparison and "
     "two products (mask, scale) per element",
     "",
     false,
     true},
    {"Flatten", 1, InferFlatten, CountAlwaysView, FoldSameOrder, kView,
     "the axes before `axis`, and those from it on, each joined to one", "",
     false, true},
    {"Identity", 1, InferIdentity, CountAlwaysView, FoldIdentity, kView,
     "the operand itself", "", false, true},
    {"Reshape", 1, InferReshape, CountAlwaysView, FoldSameOrder, kView,
     "the same elements under another shape", "", false, true},
    {"Squeeze", 1, InferSqueeze, CountAlwaysView, FoldSameOrder, kView,
     "the same elements without axes of extent 1", "", false, true},
    {"Unsqueeze", 1, InferUnsqueeze, CountAlwaysView, FoldSameOrder, kView,
     "the same elements with axes of extent 1 inserted", "", false, true},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> ViewOps() { return kOps; }

}  // namespace opcost
