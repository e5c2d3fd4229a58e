// SPDX-License-Identifier: Apache-2.0
#include "src/ops/nms.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "opcost/support/status_macros.h"
#include "src/ops/known_elements.h"

namespace opcost {
namespace {

// The operands: boxes, scores, and up to three scalars.
constexpr int kScores = 1;
constexpr int kMostPerClass = 2;
constexpr int kIouThreshold = 3;
constexpr int kScoreThreshold = 4;

// A comparison of two boxes, their corners and areas apart: the overlap's
// corners (4 add), extents (2) and their signs (2), the union (2), and the
// threshold (1); the overlap's area (1 mul), and a division.
constexpr int64_t kPairAdds = 11;

struct Suppression {
  Extent lists;  // batches x classes
  Extent boxes;
  Extent most_kept;  // of each list
  bool has_centres = false;
};

absl::Status CheckScalars(const NodeView& node) {
  for (int i = kMostPerClass; i <= kScoreThreshold; ++i) {
    if (!node.HasInput(i)) continue;
    const ValueType& type = node.InputType(i);
    if (!type.is_tensor() || !type.tensor.shape.has_rank()) continue;
    const Extent elements = Volume(type.tensor.shape.dims());
    if (elements.is_concrete() && !elements.Is(1)) {
      return node.Invalid("operand ", i, " must be a scalar but is ",
                          ToString(type.tensor.shape));
    }
  }
  return absl::OkStatus();
}

// At most how many boxes a class keeps: all, where only the data settle it.
absl::StatusOr<Extent> MostKept(const NodeView& node, const Extent& boxes) {
  if (!node.HasInput(kMostPerClass)) return Extent(0);
  const absl::StatusOr<SymValue> most = InputSym(node, kMostPerClass);
  if (most.ok()) {
    return Extent::Min(Extent(SymValue::Max(*most, 0)), boxes);
  }
  if (IsUndetermined(most.status())) return boxes;
  return most.status();
}

absl::StatusOr<Suppression> Resolve(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* boxes, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* scores, node.Input(kScores));
  const Dims& b = boxes->shape.dims();
  const Dims& s = scores->shape.dims();
  const auto differ = [](const Extent& x, const Extent& y) {
    return x.is_concrete() && y.is_concrete() && !(x == y);
  };
  if (b.size() != 3 || s.size() != 3 || differ(b[2], 4) || differ(b[0], s[0]) ||
      differ(b[1], s[2])) {
    return node.Invalid("boxes ", ToString(boxes->shape), " and scores ",
                        ToString(scores->shape),
                        " must be batches x boxes x 4 and batches x classes x "
                        "boxes");
  }
  OPCOST_RETURN_IF_ERROR(CheckScalars(node));
  OPCOST_ASSIGN_OR_RETURN(const int64_t centres,
                          node.Int("center_point_box", 0));
  if (centres != 0 && centres != 1) {
    return node.Invalid("attribute 'center_point_box' must be 0 or 1 but is ",
                        centres);
  }
  Suppression n;
  n.has_centres = centres == 1;
  n.lists = s[0] * s[1];
  n.boxes = b[1].is_concrete() ? b[1] : s[2];
  OPCOST_ASSIGN_OR_RETURN(n.most_kept, MostKept(node, n.boxes));
  return n;
}

// ---- Values
// --------------------------------------------------------------------

struct Box {
  double top, left, bottom, right;
  double area() const { return (bottom - top) * (right - left); }
};

Box BoxAt(const TensorValue& boxes, int64_t i, bool has_centres) {
  const double a = boxes.Float(4 * i);
  const double b = boxes.Float(4 * i + 1);
  const double c = boxes.Float(4 * i + 2);
  const double d = boxes.Float(4 * i + 3);
  if (has_centres) return {b - d / 2, a - c / 2, b + d / 2, a + c / 2};
  return {std::min(a, c), std::min(b, d), std::max(a, c), std::max(b, d)};
}

double OverlapOf(const Box& a, const Box& b) {
  const double height = std::min(a.bottom, b.bottom) - std::max(a.top, b.top);
  const double width = std::min(a.right, b.right) - std::max(a.left, b.left);
  if (height <= 0 || width <= 0) return 0;
  const double common = height * width;
  return common / (a.area() + b.area() - common);
}

// A threshold operand; `otherwise` if it is absent, nullopt if it isn't known.
std::optional<double> Threshold(const NodeView& node, int i, double otherwise) {
  if (!node.HasInput(i)) return otherwise;
  const TensorValue* value = node.InputValue(i);
  if (value == nullptr || value->holds_integers() || value->size() != 1) {
    return std::nullopt;
  }
  return value->Float(0);
}

// All that the selection takes, where it is known.
struct Known {
  const TensorValue* boxes = nullptr;
  const TensorValue* scores = nullptr;
  int64_t most_kept = 0;
  bool has_centres = false;
  double iou = 0;
  double score = 0;
};

std::optional<Known> KnownOperands(const NodeView& node, const Suppression& n) {
  Known known;
  known.boxes = FoldableInput(node, 0);
  known.scores = FoldableInput(node, kScores);
  const auto iou = Threshold(node, kIouThreshold, 0);
  const auto score = Threshold(node, kScoreThreshold, -HUGE_VAL);
  if (known.boxes == nullptr || known.scores == nullptr ||
      known.boxes->size() > kMaxKnownElements ||
      known.scores->size() > kMaxKnownElements ||
      known.boxes->holds_integers() || known.scores->holds_integers() ||
      !iou.has_value() || !score.has_value() || !n.most_kept.is_concrete() ||
      (node.HasInput(kMostPerClass) &&
       node.InputValue(kMostPerClass) == nullptr)) {
    return std::nullopt;
  }
  known.most_kept = n.most_kept.value();
  known.has_centres = n.has_centres;
  known.iou = *iou;
  known.score = *score;
  return known;
}

// Numbers so close to a threshold may fall on either side of it.
constexpr double kDoubt = 1e-6;

// Indices of the boxes that one list of scores keeps; nullopt in doubt.
std::optional<std::vector<int64_t>> Keep(const Known& known, int64_t batch,
                                         int64_t list) {
  const int64_t boxes = known.scores->dims()[2];
  const auto score = [&](int64_t i) {
    return known.scores->Float(list * boxes + i);
  };
  std::vector<int64_t> order;
  for (int64_t i = 0; i < boxes; ++i) {
    if (!std::isfinite(score(i))) return std::nullopt;
    if (std::fabs(score(i) - known.score) < kDoubt) return std::nullopt;
    if (score(i) > known.score) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return score(a) > score(b); });
  std::vector<int64_t> kept;
  for (const int64_t i : order) {
    if (static_cast<int64_t>(kept.size()) == known.most_kept) break;
    const Box box = BoxAt(*known.boxes, batch * boxes + i, known.has_centres);
    bool survives = true;
    for (const int64_t k : kept) {
      const double overlap = OverlapOf(
          box, BoxAt(*known.boxes, batch * boxes + k, known.has_centres));
      if (!(std::fabs(overlap - known.iou) >= kDoubt) && overlap != 0) {
        return std::nullopt;
      }
      survives = survives && !(overlap > known.iou);
    }
    if (survives) kept.push_back(i);
  }
  return kept;
}

// The rows of the output; nullopt if they aren't known.
std::optional<std::vector<int64_t>> Selected(const NodeView& node,
                                             const Suppression& n) {
  const std::optional<Known> known = KnownOperands(node, n);
  if (!known.has_value()) return std::nullopt;
  const IntDims& dims = known->scores->dims();
  std::vector<int64_t> rows;
  if (known->most_kept == 0) return rows;
  for (int64_t list = 0; list < dims[0] * dims[1]; ++list) {
    const int64_t batch = list / dims[1];
    const auto kept = Keep(*known, batch, list);
    if (!kept.has_value()) return std::nullopt;
    for (const int64_t i : *kept) {
      rows.insert(rows.end(), {batch, list % dims[1], i});
    }
  }
  return rows;
}

}  // namespace

absl::StatusOr<OutputTypes> InferNonMaxSuppression(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Suppression n, Resolve(node));
  const auto rows = Selected(node, n);
  OutputTypes types;
  Extent selected =
      rows.has_value()
          ? Extent(static_cast<int64_t>(rows->size()) / 3)
          : DataDependentExtent(node, 0, 0, n.lists * n.most_kept, &types);
  types.push_back(ValueType(DataType::kInt64, {std::move(selected), 3}));
  return types;
}

// The box at place i of the sorted list is compared with at most i boxes, and
// with no more than are kept before the last.
absl::StatusOr<OpCounts> CountNonMaxSuppression(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Suppression n, Resolve(node));
  const bool keeps_none = n.most_kept.Is(0);
  const Count lists = keeps_none ? Count(0) : n.lists;
  const Count before_last(SymValue::Max(n.most_kept.sym() - 1, 0));
  const Count pairs =
      before_last * n.boxes - before_last * (before_last + 1) / 2;
  const Count sorting = PlacingComparisons(n.boxes);
  if (sorting.overflowed()) {
    return node.Unknown("the number of comparisons among ", n.boxes.ToString(),
                        " boxes has no short expression");
  }
  const int64_t box_mul = n.has_centres ? 3 : 1;
  const int64_t box_add = n.has_centres ? 4 : 6;
  const int64_t score = node.HasInput(kScoreThreshold) ? 1 : 0;
  node.Let("lists", lists);
  node.Let("boxes", n.boxes);
  node.Let("pairs", pairs);
  node.Let("sorting", sorting);
  node.Let("box_mul", box_mul);
  node.Let("box_add", box_add);
  node.Let("score", score);
  node.Let("iou", node.HasInput(kIouThreshold) ? 1 : 0);
  node.Let("out", node.OutputVolume(0));
  const OperandSet boxes = OperandSet::Input(0);
  const Count listed = lists * n.boxes;
  const Count compared = lists * pairs;
  OpCounts counts;
  AddArith(counts, ArithOp::kAdd, OperandSet::Input(kScores),
           listed * (sorting + score));
  AddArith(counts, ArithOp::kMul, boxes,
           listed * box_mul + compared * (box_mul + 1));
  AddArith(counts, ArithOp::kAdd, boxes,
           listed * box_add + compared * (box_add + kPairAdds));
  AddArith(counts, ArithOp::kDiv, boxes, compared);
  ReadInput(counts, node, 0, (listed + compared) * 4);
  ReadInput(counts, node, kScores, listed);
  ReadInput(counts, node, kIouThreshold, compared);
  ReadInput(counts, node, kScoreThreshold, listed);
  WriteOutput(counts, node, 0, node.OutputVolume(0));
  if (!keeps_none) {
    counts.bound_reason =
        "how many boxes overlap depends on the data; as many as may be kept "
        "are, and each box is compared with all that are kept before it";
  }
  return counts;
}

OutputValues FoldNonMaxSuppression(const TypedNodeView& node) {
  const auto n = Resolve(node);
  const std::optional<IntDims> dims = FoldableDims(node, 0);
  if (!n.ok() || !dims.has_value()) return {nullptr};
  const auto rows = Selected(node, *n);
  if (!rows.has_value() ||
      static_cast<int64_t>(rows->size()) > kMaxKnownElements) {
    return {nullptr};
  }
  return {KnownInts(*dims, *rows)};
}

}  // namespace opcost
