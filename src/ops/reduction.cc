// SPDX-License-Identifier: Apache-2.0
// Reductions along axes: ReduceSum and its kin.
//
// Accumulating n terms is n adds (R3). Over no axes (noop_with_empty_axes) the
// accumulation falls away: what is left of Sum, Mean, Max, Min and Prod is a
// view (R5), of the others their function of each element.
#include <optional>
#include <utility>
#include <vector>

#include "opcost/support/status_macros.h"
#include "src/ops/axes.h"
#include "src/ops/families.h"
#include "src/ops/fold_movement.h"
#include "src/ops/fold_reduction.h"

namespace opcost {
namespace {

// What a reduction does, besides what the axes say.
struct ReduceWork {
  int64_t squares = 0;    // muls per element, before accumulating
  int64_t products = 0;   // muls per element, to accumulate
  int64_t absolutes = 0;  // adds per element, before accumulating
  int64_t sums = 0;    // adds per element, to accumulate and find the maximum
  int64_t scales = 0;  // muls per output
  int64_t shifts = 0;  // adds per output
  bool takes_exp = false;        // of each element
  ArithOp last = ArithOp::kMul;  // function of each output; kMul: none
  int64_t passes = 1;
  Reduction fold = Reduction::kNone;
  int axes_operand_since = 18;
};

constexpr ReduceWork kL1 = {.absolutes = 1, .sums = 1, .fold = Reduction::kL1};
constexpr ReduceWork kL2 = {
    .squares = 1, .sums = 1, .last = ArithOp::kSqrt, .fold = Reduction::kL2};
constexpr ReduceWork kLogSum = {
    .sums = 1, .last = ArithOp::kLog, .fold = Reduction::kLogSum};
// The maximum first, then exp(x - max) is accumulated; max is added to its log.
constexpr ReduceWork kLogSumExp = {.sums = 3,
                                   .shifts = 1,
                                   .takes_exp = true,
                                   .last = ArithOp::kLog,
                                   .passes = 2,
                                   .fold = Reduction::kLogSumExp};
constexpr ReduceWork kMax = {.sums = 1, .fold = Reduction::kMax};
constexpr ReduceWork kMean = {.sums = 1, .scales = 1, .fold = Reduction::kMean};
constexpr ReduceWork kMin = {.sums = 1, .fold = Reduction::kMin};
constexpr ReduceWork kProd = {.products = 1, .fold = Reduction::kProd};
constexpr ReduceWork kSum = {
    .sums = 1, .fold = Reduction::kSum, .axes_operand_since = 13};
constexpr ReduceWork kSumSquare = {
    .squares = 1, .sums = 1, .fold = Reduction::kSumSquare};

struct ReduceGeometry {
  const TensorType* data = nullptr;
  std::vector<bool> reduced;
  bool over_no_axes = false;  // asked for by noop_with_empty_axes
  Dims output;
};

absl::StatusOr<ReduceGeometry> ResolveReduce(const NodeView& node,
                                             const ReduceWork& work) {
  ReduceGeometry g;
  OPCOST_ASSIGN_OR_RETURN(g.data, node.Input(0));
  const Dims& dims = g.data->shape.dims();
  const int since = work.axes_operand_since;
  OPCOST_ASSIGN_OR_RETURN(const std::optional<std::vector<int64_t>> axes,
                          AxesOf(node, "axes", since, 1));
  OPCOST_ASSIGN_OR_RETURN(const int64_t keepdims, node.Int("keepdims", 1));
  OPCOST_ASSIGN_OR_RETURN(const int64_t noop,
                          node.Int("noop_with_empty_axes", 0));
  const bool none_given = !axes.has_value() || axes->empty();
  g.over_no_axes = none_given && noop != 0 && node.opset() >= since;
  g.reduced.assign(dims.size(), none_given && !g.over_no_axes);
  if (!none_given) {
    OPCOST_ASSIGN_OR_RETURN(const std::vector<int> known,
                            NormalizeAxes(node, *axes, g.data->shape.rank()));
    for (const int axis : known) g.reduced[static_cast<size_t>(axis)] = true;
  }
  for (size_t a = 0; a < dims.size(); ++a) {
    if (!g.reduced[a]) {
      g.output.push_back(dims[a]);
    } else if (keepdims != 0) {
      g.output.push_back(1);
    }
  }
  return g;
}

template <const ReduceWork* work>
absl::StatusOr<OutputTypes> InferReduce(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(ReduceGeometry g, ResolveReduce(node, *work));
  return OutputTypes{ValueType(g.data->type, std::move(g.output))};
}

// True if nothing is left to compute where nothing is accumulated.
constexpr bool OnlyAccumulates(const ReduceWork& work) {
  return work.squares == 0 && work.absolutes == 0 && !work.takes_exp &&
         work.last == ArithOp::kMul;
}

absl::StatusOr<OpCounts> CountWork(const TypedNodeView& node,
                                   const ReduceWork& work) {
  OPCOST_ASSIGN_OR_RETURN(const ReduceGeometry g, ResolveReduce(node, work));
  const bool is_view = g.over_no_axes && OnlyAccumulates(work);
  const Count in = is_view ? Count(0) : Volume(g.data->shape.dims());
  const Count out = is_view ? Count(0) : Volume(g.output);
  node.Let("in", in);
  node.Let("out", out);
  node.Let("reduces", g.over_no_axes ? 0 : 1);
  if (is_view) return View();

  const Count reduces = g.over_no_axes ? 0 : 1;
  const OperandSet format = OperandSet::Input(0);
  const ArithRole sum =
      work.squares > 0 ? ArithRole::kAccumulate : ArithRole::kPlain;
  OpCounts counts;
  AddArith(counts, ArithOp::kMul, format,
           in * work.squares + in * work.products * reduces +
               out * work.scales * reduces);
  AddArith(counts, ArithOp::kAdd, format, in * work.absolutes);
  AddArith(counts, ArithOp::kAdd, format, in * work.sums * reduces, sum);
  AddArith(counts, ArithOp::kAdd, format, out * work.shifts * reduces);
  if (work.takes_exp) AddArith(counts, ArithOp::kExp, format, in);
  if (work.last != ArithOp::kMul) AddArith(counts, work.last, format, out);
  const int64_t passes = g.over_no_axes ? 1 : work.passes;
  ReadInput(counts, node, 0, in * passes);
  WriteOutput(counts, node, 0, out);
  return counts;
}

template <const ReduceWork* work>
absl::StatusOr<OpCounts> CountReduce(const TypedNodeView& node) {
  return CountWork(node, *work);
}

template <const ReduceWork* work>
OutputValues FoldReduce(const TypedNodeView& node) {
  const TensorValue* data = FoldableInput(node, 0);
  const std::optional<IntDims> dims = FoldableDims(node, 0);
  const auto g = ResolveReduce(node, *work);
  if (data == nullptr || !dims.has_value() || !g.ok()) return {nullptr};
  if (g->over_no_axes) {
    if (!OnlyAccumulates(*work)) return {nullptr};
    return FoldSameOrder(node);
  }
  return {Reduced(work->fold, *data, g->reduced, *dims)};
}

constexpr OpDef kOps[] = {
    {"ReduceL1",
     1,
     InferReduce<&kL1>,
     CountReduce<&kL1>,
     FoldReduce<&kL1>,
     {"0", "0", "in + [reduces]*in", "data: in", "reduced: out", "R1 R2 R3"},
     "the sum of the magnitudes"},
    {"ReduceL2",
     1,
     InferReduce<&kL2>,
     CountReduce<&kL2>,
     FoldReduce<&kL2>,
     {"0", "in + out*sqrt", "[reduces]*in + out*sqrt", "data: in",
      "reduced: out", "R1 R2 R3 R6"},
     "the root of the sum of the squares"},
    {"ReduceLogSum",
     1,
     InferReduce<&kLogSum>,
     CountReduce<&kLogSum>,
     FoldReduce<&kLogSum>,
     {"0", "out*log", "[reduces]*in + out*log", "data: in", "reduced: out",
      "R1 R2 R3 R6"},
     "the logarithm of the sum"},
    {"ReduceLogSumExp",
     1,
     InferReduce<&kLogSumExp>,
     CountReduce<&kLogSumExp>,
     FoldReduce<&kLogSumExp>,
     {"0", "in*exp + out*log", "[reduces]*(3*in + out) + in*exp + out*log",
      "data: in + [reduces]*in", "reduced: out", "R1 R2 R3 R4 R6"},
     "the maximum, then the logarithm of the sum of exp(x - maximum), and the "
     "maximum again"},
    {"ReduceMax",
     1,
     InferReduce<&kMax>,
     CountReduce<&kMax>,
     FoldReduce<&kMax>,
     {"0", "0", "in", "data: in", "reduced: out", "R1 R2 R3 R5"},
     "the largest element"},
    {"ReduceMean",
     1,
     InferReduce<&kMean>,
     CountReduce<&kMean>,
     FoldReduce<&kMean>,
     {"0", "out", "in", "data: in", "reduced: out", "R1 R2 R3 R5 R7"},
     "the sum, times the reciprocal of the number of terms"},
    {"ReduceMin",
     1,
     InferReduce<&kMin>,
     CountReduce<&kMin>,
     FoldReduce<&kMin>,
     {"0", "0", "in", "data: in", "reduced: out", "R1 R2 R3 R5"},
     "the smallest element"},
    {"ReduceProd",
     1,
     InferReduce<&kProd>,
     CountReduce<&kProd>,
     FoldReduce<&kProd>,
     {"0", "in", "0", "data: in", "reduced: out", "R1 R2 R5"},
     "the product of the elements"},
    {"ReduceSum",
     1,
     InferReduce<&kSum>,
     CountReduce<&kSum>,
     FoldReduce<&kSum>,
     {"0", "0", "in", "data: in", "reduced: out", "R1 R2 R3 R5"},
     "the sum of the elements"},
    {"ReduceSumSquare",
     1,
     InferReduce<&kSumSquare>,
     CountReduce<&kSumSquare>,
     FoldReduce<&kSumSquare>,
     {"0", "in", "[reduces]*in", "data: in", "reduced: out", "R1 R2 R3"},
     "the sum of the squares"},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> ReductionOps() { return kOps; }

}  // namespace opcost
