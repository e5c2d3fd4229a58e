// SPDX-License-Identifier: Apache-2.0
// Experimental operators that ONNX has withdrawn, and that old models hold:
// Affine, Crop, ImageScaler, ParametricSoftplus, Scale, ScaledTanh. Source:
// ONNX Runtime, onnxruntime/core/graph/contrib_ops/onnx_deprecated_operators.cc
// keeps their schemas.
#include <cstdint>
#include <utility>
#include <vector>

#include "opcost/support/status_macros.h"
#include "src/ops/elementwise.h"
#include "src/ops/families.h"
#include "src/ops/geometry.h"

namespace opcost {
namespace {

// 1 unless `factor` is 1: a multiplication that changes nothing isn't done.
int MulBy(double factor) { return factor == 1.0 ? 0 : 1; }

absl::StatusOr<OpCounts> CountAffine(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const double alpha, node.Float("alpha", 1));
  OPCOST_ASSIGN_OR_RETURN(const double beta, node.Float("beta", 0));
  const int shifts = beta == 0 ? 0 : 1;
  node.Let("scaled", MulBy(alpha));
  node.Let("shifted", shifts);
  return CountPass(node, {.mul = MulBy(alpha), .add = shifts});
}

absl::StatusOr<OpCounts> CountScale(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const double scale, node.Float("scale", 1));
  node.Let("scaled", MulBy(scale));
  return CountPass(node, {.mul = MulBy(scale)});
}

// alpha * f(beta * x).
template <PerElement kFunction>
absl::StatusOr<OpCounts> CountScaled(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const double alpha, node.Float("alpha", 1));
  OPCOST_ASSIGN_OR_RETURN(const double beta, node.Float("beta", 1));
  PerElement each = kFunction;
  each.mul += MulBy(alpha) + MulBy(beta);
  node.Let("alpha", MulBy(alpha));
  node.Let("beta", MulBy(beta));
  return CountPass(node, each);
}

// ---- ImageScaler -----------------------------------------------------------

absl::StatusOr<OutputTypes> InferImageScaler(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const std::vector<double> bias, node.Floats("bias"));
  if (x->shape.rank() != 4) {
    return node.Invalid("the input must have 4 axes but is ",
                        ToString(x->shape));
  }
  const Extent& channels = x->shape.dims()[1];
  if (!bias.empty() && channels.is_concrete() &&
      channels.value() != static_cast<int64_t>(bias.size())) {
    return node.Invalid("bias has ", bias.size(), " values but there are ",
                        channels.ToString(), " channels");
  }
  return OutputTypes{ValueType(*x)};
}

absl::StatusOr<OpCounts> CountImageScaler(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const double scale, node.Float("scale", 1));
  const int shifts = node.HasAttribute("bias") ? 1 : 0;
  node.Let("scaled", MulBy(scale));
  node.Let("bias", shifts);
  return CountPass(node, {.mul = MulBy(scale), .add = shifts});
}

// ---- Crop ------------------------------------------------------------------

// `border` is left, top, right, bottom; `scale`, if given, is the height and
// width that are kept instead of what right and bottom leave.
absl::StatusOr<OutputTypes> InferCrop(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const std::vector<int64_t> border,
                          node.Ints("border"));
  OPCOST_ASSIGN_OR_RETURN(const std::vector<int64_t> scale, node.Ints("scale"));
  if (x->shape.rank() != 4 || border.size() != 4 ||
      (!scale.empty() && scale.size() != 2)) {
    return node.Invalid("the input ", ToString(x->shape),
                        " must have 4 axes, border 4 values and scale 0 or 2, "
                        "but they have ",
                        border.size(), " and ", scale.size());
  }
  Dims dims = x->shape.dims();
  for (size_t i = 0; i < 2; ++i) {
    // Axis 2 loses top and bottom, axis 3 left and right.
    const Extent before = border[1 - i];
    const Extent after = scale.empty() ? Extent(border[3 - i]) : Extent(0);
    const Extent left = dims[i + 2] - before - after;
    const bool too_much =
        left.overflowed() ||
        (!scale.empty() && left.is_concrete() && scale[i] > left.value());
    if (too_much || (!scale.empty() && scale[i] < 0)) {
      return node.Invalid("axis ", i + 2, " has ", dims[i + 2].ToString(),
                          " elements, too few for border and scale");
    }
    dims[i + 2] = scale.empty() ? left : Extent(scale[i]);
  }
  return OutputTypes{ValueType(x->type, std::move(dims))};
}

absl::StatusOr<OpCounts> CountCrop(const TypedNodeView& node) {
  return node.InputVolume(0) == node.OutputVolume(0) ? CountView(node)
                                                     : CountCopy(node);
}

constexpr Formula Pass(absl::string_view mul, absl::string_view add) {
  return {.mul = mul,
          .add = add,
          .reads = "i0: out",
          .writes = "o0: out",
          .rules = "R1 R6"};
}

constexpr OpDef kOps[] = {
    {.name = "Affine",
     .infer = &InferSameAsInput,
     .count = &CountAffine,
     .formula = Pass("[scaled]*out", "[shifted]*out"),
     .description = "alpha*x + beta; no mul by 1, no add of 0"},
    {.name = "Crop",
     .infer = &InferCrop,
     .count = &CountCrop,
     .formula = {.reads = "i0: moved", .writes = "o0: moved", .rules = "R1 R5"},
     .description = "an image without its border; a view where that is empty"},
    {.name = "ImageScaler",
     .infer = &InferImageScaler,
     .count = &CountImageScaler,
     .formula = Pass("[scaled]*out", "[bias]*out"),
     .description = "scale*x + the channel's bias, which is an attribute"},
    {.name = "ParametricSoftplus",
     .infer = &InferSameAsInput,
     .count = &CountScaled<PerElement{.add = 1, .exp = 1, .log = 1}>,
     .formula =
         Pass("(exp + log + [alpha] + [beta])*out", "(exp + log + 1)*out"),
     .description = "alpha * log(exp(beta*x) + 1)"},
    {.name = "Scale",
     .infer = &InferSameAsInput,
     .count = &CountScale,
     .formula = Pass("[scaled]*out", "0"),
     .description = "scale*x"},
    {.name = "ScaledTanh",
     .infer = &InferSameAsInput,
     .count = &CountScaled<PerElement{.tanh = 1}>,
     .formula = Pass("(tanh + [alpha] + [beta])*out", "tanh*out"),
     .description = "alpha * tanh(beta*x)"},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> WithdrawnOps() { return kOps; }

}  // namespace opcost
