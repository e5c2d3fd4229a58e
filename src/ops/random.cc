// SPDX-License-Identifier: Apache-2.0
// Random generators: RandomNormal, RandomUniform, their Like forms, Bernoulli
// and Multinomial. Never constant (R7).
//
// The draw of a uniform number isn't counted, as no elementary operation
// stands for it; what is made of it is.
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "opcost/support/status_macros.h"
#include "src/ops/elementwise.h"
#include "src/ops/families.h"
#include "src/ops/geometry.h"
#include "src/ops/known_elements.h"

namespace opcost {
namespace {

// The element type that attribute dtype names, `otherwise` without it.
absl::StatusOr<DataType> DrawnType(const NodeView& node, DataType otherwise) {
  if (!node.HasAttribute("dtype")) return otherwise;
  OPCOST_ASSIGN_OR_RETURN(const int64_t number, node.Int("dtype", 0));
  const std::optional<DataType> type = DataTypeFromOnnx(number);
  if (type.has_value()) return *type;
  return node.Invalid("attribute 'dtype' is ", number,
                      ", which is no known element type");
}

absl::StatusOr<OutputTypes> InferRandom(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const DataType type,
                          DrawnType(node, DataType::kFloat32));
  if (!node.HasAttribute("shape")) {
    return node.Invalid("attribute 'shape' is missing");
  }
  OPCOST_ASSIGN_OR_RETURN(const std::vector<int64_t> shape, node.Ints("shape"));
  Dims dims;
  for (size_t i = 0; i < shape.size(); ++i) {
    OPCOST_ASSIGN_OR_RETURN(
        Extent extent,
        NonNegative(node, shape[i], absl::StrCat("element ", i, " of shape")));
    dims.push_back(std::move(extent));
  }
  return OutputTypes{ValueType(type, std::move(dims))};
}

absl::StatusOr<OutputTypes> InferRandomLike(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const DataType type, DrawnType(node, x->type));
  return OutputTypes{TensorType{type, x->shape}};
}

// Each output from `each`, then times `factor` and plus `offset` where those
// change something.
OpCounts CountDraws(const TypedNodeView& node, PerElement each, double factor,
                    double offset) {
  const Count out = node.OutputVolume(0);
  node.Let("out", out);
  node.Let("scaled", Count(factor == 1 ? 0 : 1));
  node.Let("shifted", Count(offset == 0 ? 0 : 1));
  each.mul += factor == 1 ? 0 : 1;
  each.add += offset == 0 ? 0 : 1;
  OpCounts counts;
  AddEach(counts, each, out, OperandSet::Output(0));
  WriteOutput(counts, node, 0, out);
  return counts;
}

// Box and Muller: sqrt(-2 * log(u)) * cos(2 * pi * v) of two uniform numbers.
absl::StatusOr<OpCounts> CountNormal(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const double mean, node.Float("mean", 0));
  OPCOST_ASSIGN_OR_RETURN(const double scale, node.Float("scale", 1));
  return CountDraws(node, {.mul = 3, .sqrt = 1, .log = 1, .cos = 1}, scale,
                    mean);
}

absl::StatusOr<OpCounts> CountUniform(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const double low, node.Float("low", 0));
  OPCOST_ASSIGN_OR_RETURN(const double high, node.Float("high", 1));
  return CountDraws(node, {}, high - low, low);
}

// ---- Multinomial
// ---------------------------------------------------------------

struct Sampling {
  Extent batch, classes, samples;
  DataType type = DataType::kInt32;
};

absl::StatusOr<Sampling> ResolveMultinomial(const NodeView& node) {
  Sampling s;
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  if (x->shape.rank() != 2) {
    return node.Invalid("the input must be batch x classes but is ",
                        ToString(x->shape));
  }
  s.batch = x->shape.dims()[0];
  s.classes = x->shape.dims()[1];
  OPCOST_ASSIGN_OR_RETURN(const int64_t samples, node.Int("sample_size", 1));
  OPCOST_ASSIGN_OR_RETURN(
      s.samples, NonNegative(node, samples, "attribute 'sample_size'"));
  OPCOST_ASSIGN_OR_RETURN(s.type, DrawnType(node, DataType::kInt32));
  if (s.type != DataType::kInt32 && s.type != DataType::kInt64) {
    return node.Invalid("attribute 'dtype' must be int32 or int64 but is ",
                        Name(s.type));
  }
  return s;
}

absl::StatusOr<OutputTypes> InferMultinomial(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Sampling s, ResolveMultinomial(node));
  return OutputTypes{ValueType(s.type, {s.batch, s.samples})};
}

// Per row: the maximum; the exponentials' running sums; then, for each sample,
// a number scaled to the total and found among the sums.
absl::StatusOr<OpCounts> CountMultinomial(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Sampling s, ResolveMultinomial(node));
  const Count in = s.batch * s.classes;
  const Count out = s.batch * s.samples;
  const Count search = PlacingComparisons(s.classes);
  node.Let("in", in);
  node.Let("out", out);
  node.Let("search", search);
  const OperandSet format = OperandSet::Input(0);
  OpCounts counts;
  AddArith(counts, ArithOp::kMul, format, out);
  AddArith(counts, ArithOp::kAdd, format, in * 3 + out * search);
  AddArith(counts, ArithOp::kExp, format, in);
  ReadInput(counts, node, 0, in * 2);
  UseScratch(counts, "cumulative", format, s.classes, out * search, in);
  WriteOutput(counts, node, 0, out);
  return counts;
}

constexpr Formula kNormal = {.mul = "(3 + [scaled] + log + sqrt + cos)*out",
                             .add = "([shifted] + log + sqrt + cos)*out",
                             .reads = "",
                             .writes = "output: out",
                             .rules = "R1 R2 R6 R7"};
constexpr Formula kUniform = {.mul = "[scaled]*out",
                              .add = "[shifted]*out",
                              .reads = "",
                              .writes = "output: out",
                              .rules = "R1 R2 R7"};
constexpr absl::string_view kNormalText =
    "normal numbers: of two uniform draws, which aren't counted, "
    "sqrt(-2 * log(u)) * cos(2 * pi * v), times scale, plus mean";
constexpr absl::string_view kUniformText =
    "uniform numbers: a draw, which isn't counted, times high - low, plus low";

constexpr OpDef kOps[] = {
    {.name = "Bernoulli",
     .since = 15,
     .infer = &InferRandomLike,
     .count = &CountUnary<PerElement{.add = 1}>,
     .formula = {.add = "out",
                 .reads = "input: out",
                 .writes = "output: out",
                 .rules = "R1 R7"},
     .description = "0 or 1 by a probability: a draw, which isn't counted, and "
                    "one comparison per element"},
    {.name = "Multinomial",
     .since = 7,
     .infer = &InferMultinomial,
     .count = &CountMultinomial,
     .formula = {.mul = "in*exp + out",
                 .add = "3*in + in*exp + out*search",
                 .reads = "input: 2*in; cumulative: out*search",
                 .writes = "output: out; cumulative: in",
                 .rules = "R1 R3 R4 R6 R7"},
     .description = "classes by log-probabilities: the maximum, the running "
                    "sums of the exponentials, and for each sample one mul by "
                    "the total and ceil(log2(classes + 1)) comparisons",
     .passes = "maximum, running sums"},
    {.name = "RandomNormal",
     .since = 1,
     .infer = &InferRandom,
     .count = &CountNormal,
     .formula = kNormal,
     .description = kNormalText},
    {.name = "RandomNormalLike",
     .since = 1,
     .infer = &InferRandomLike,
     .count = &CountNormal,
     .formula = kNormal,
     .description = kNormalText},
    {.name = "RandomUniform",
     .since = 1,
     .infer = &InferRandom,
     .count = &CountUniform,
     .formula = kUniform,
     .description = kUniformText},
    {.name = "RandomUniformLike",
     .since = 1,
     .infer = &InferRandomLike,
     .count = &CountUniform,
     .formula = kUniform,
     .description = kUniformText},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> RandomOps() { return kOps; }

}  // namespace opcost
