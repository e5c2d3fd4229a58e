// SPDX-License-Identifier: Apache-2.0
// Operators on regions of images: NonMaxSuppression, RoiAlign, MaxRoiPool.
//
// What they do depends on the boxes; the most that the shapes allow is counted,
// and regions are taken to be as large as the whole feature map.
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "opcost/support/status_macros.h"
#include "src/ops/families.h"
#include "src/ops/geometry.h"
#include "src/ops/nms.h"
#include "src/ops/sampling.h"

namespace opcost {
namespace {

// False where both are numbers and differ.
bool MayBeEqual(const Extent& a, const Extent& b) {
  return !a.is_concrete() || !b.is_concrete() || a == b;
}

// A map of N x C x H x W, and regions of `columns` numbers each.
absl::Status CheckMapAndRegions(const NodeView& node, int64_t columns) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* rois, node.Input(1));
  if (x->shape.rank() != 4) {
    return node.Invalid("the feature map must have 4 axes but is ",
                        ToString(x->shape));
  }
  if (rois->shape.rank() != 2 || !MayBeEqual(rois->shape.dims()[1], columns)) {
    return node.Invalid("the regions must be of ", columns,
                        " numbers each but are ", ToString(rois->shape));
  }
  return absl::OkStatus();
}

// ---- RoiAlign
// ------------------------------------------------------------------

struct Align {
  bool takes_max = false;
  bool shifts_half_pixel = false;
  int64_t ratio = 0;  // samples per bin and axis; 0: as the region has pixels
  Extent regions, channels, height, width;
  int64_t out_height = 1;
  int64_t out_width = 1;
  Extent samples_y, samples_x;  // per bin
};

absl::Status ReadAlignAttributes(const NodeView& node, Align& a) {
  OPCOST_ASSIGN_OR_RETURN(const std::string mode, node.String("mode", "avg"));
  if (mode != "avg" && mode != "max") {
    return node.Invalid("attribute 'mode' is '", mode,
                        "' but must be avg or max");
  }
  a.takes_max = mode == "max";
  OPCOST_ASSIGN_OR_RETURN(
      const std::string coordinates,
      node.String("coordinate_transformation_mode", "half_pixel"));
  if (coordinates != "half_pixel" && coordinates != "output_half_pixel") {
    return node.Invalid("attribute 'coordinate_transformation_mode' is '",
                        coordinates,
                        "' but must be half_pixel or output_half_pixel");
  }
  // Before opset 16 nothing was shifted.
  a.shifts_half_pixel = node.opset() >= 16 && coordinates == "half_pixel";
  OPCOST_ASSIGN_OR_RETURN(a.ratio, node.Int("sampling_ratio", 0));
  OPCOST_ASSIGN_OR_RETURN(a.out_height, node.Int("output_height", 1));
  OPCOST_ASSIGN_OR_RETURN(a.out_width, node.Int("output_width", 1));
  if (a.ratio < 0 || a.out_height < 1 || a.out_width < 1) {
    return node.Invalid("an output of ", a.out_height, "x", a.out_width,
                        " at a sampling_ratio of ", a.ratio, " isn't positive");
  }
  return absl::OkStatus();
}

absl::StatusOr<Align> ResolveAlign(const NodeView& node) {
  OPCOST_RETURN_IF_ERROR(CheckMapAndRegions(node, 4));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* batch, node.Input(2));
  Align a;
  OPCOST_RETURN_IF_ERROR(ReadAlignAttributes(node, a));
  const Dims& map = node.InputType(0).tensor.shape.dims();
  a.regions = node.InputType(1).tensor.shape.dims()[0];
  if (batch->shape.rank() != 1 ||
      !MayBeEqual(batch->shape.dims()[0], a.regions)) {
    return node.Invalid("the batch indices are ", ToString(batch->shape),
                        " but there are ", a.regions.ToString(), " regions");
  }
  a.channels = map[1];
  a.height = map[2];
  a.width = map[3];
  a.samples_y =
      a.ratio > 0 ? Extent(a.ratio) : Extent::CeilDiv(a.height, a.out_height);
  a.samples_x =
      a.ratio > 0 ? Extent(a.ratio) : Extent::CeilDiv(a.width, a.out_width);
  return a;
}

absl::StatusOr<OutputTypes> InferRoiAlign(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Align a, ResolveAlign(node));
  return OutputTypes{
      ValueType(node.InputType(0).tensor.type,
                {a.regions, a.channels, a.out_height, a.out_width})};
}

// What a region costs before its samples: its corners are scaled (4 mul) and
// shifted, its extents taken (2 add, at least 1: 2 more without the shift), and
// divided into samples (2 mul; where their number depends on the region: 2 div,
// 2 roundings, and the reciprocal of the number for the mean).
struct RegionWork {
  int64_t mul = 0;
  int64_t add = 0;
  int64_t div = 0;
};

RegionWork WorkOf(const Align& a) {
  RegionWork work{4, a.shifts_half_pixel ? 6 : 4, 0};
  if (a.ratio > 0) {
    work.mul += 2;
  } else {
    work.add += 2;
    work.div = a.takes_max ? 2 : 3;
  }
  return work;
}

// Each line of samples: its coordinate (1 mul, 1 add), kept inside the map (2
// add), and the weights.
constexpr int64_t kLineMuls = 1;
constexpr int64_t kLineAdds = 3 + kLinearWeightAdds;

absl::StatusOr<OpCounts> CountRoiAlign(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Align a, ResolveAlign(node));
  const Count out = node.OutputVolume(0);
  const Count per_bin = a.samples_y * a.samples_x;
  const Count lines = Volume(
      {a.regions, a.samples_y * a.out_height + a.samples_x * a.out_width});
  const Count points = Volume({a.regions, a.out_height, a.out_width, per_bin});
  const Count samples = Volume({out, per_bin});
  const RegionWork region = WorkOf(a);
  node.Let("out", out);
  node.Let("regions", a.regions);
  node.Let("lines", lines);
  node.Let("points", points);
  node.Let("samples", samples);
  node.Let("max", a.takes_max ? 1 : 0);
  node.Let("region_mul", region.mul);
  node.Let("region_add", region.add);
  node.Let("region_div", region.div);
  const OperandSet rois = OperandSet::Input(1);
  const OperandSet weighed = OperandSet::Inputs(0, 1);
  OpCounts counts;
  AddArith(counts, ArithOp::kMul, rois,
           a.regions * region.mul + lines * kLineMuls + points * 4);
  AddArith(counts, ArithOp::kAdd, rois,
           a.regions * region.add + lines * kLineAdds);
  AddArith(counts, ArithOp::kDiv, rois, a.regions * region.div);
  AddArith(counts, ArithOp::kMul, weighed, samples * 4);
  AddArith(counts, ArithOp::kAdd, weighed, samples * 4, ArithRole::kAccumulate);
  if (a.takes_max) {
    AddArith(counts, ArithOp::kAdd, OperandSet::Input(0), samples);
  } else {
    AddArith(counts, ArithOp::kMul, OperandSet::Input(0), out);
  }
  ReadInput(counts, node, 0, samples * 4);
  ReadInput(counts, node, 1, a.regions * 4);
  ReadInputAs(counts, node, 2, a.regions, Role::kIndex);
  WriteOutput(counts, node, 0, out);
  if (a.ratio == 0) {
    counts.bound_reason =
        "sampling_ratio 0 takes as many samples as a region has pixels; each "
        "region is taken to cover the whole feature map";
  }
  return counts;
}

// ---- MaxRoiPool
// ----------------------------------------------------------------

struct RoiPool {
  Extent regions;
  int64_t out_height = 1;
  int64_t out_width = 1;
  Extent window;  // the most elements of one bin
};

// The edges of the bins are rounded outwards: a bin may reach into one element
// more than its share.
Extent MostOfBin(const Extent& extent, int64_t bins) {
  return Extent::Min(extent, Extent::CeilDiv(extent, bins) + 1);
}

absl::StatusOr<RoiPool> ResolveRoiPool(const NodeView& node) {
  OPCOST_RETURN_IF_ERROR(CheckMapAndRegions(node, 5));
  OPCOST_ASSIGN_OR_RETURN(const std::vector<int64_t> pooled,
                          node.Ints("pooled_shape"));
  if (pooled.size() != 2 || pooled[0] < 1 || pooled[1] < 1) {
    return node.Invalid(
        "attribute 'pooled_shape' must be two numbers of at least 1");
  }
  const Dims& map = node.InputType(0).tensor.shape.dims();
  RoiPool p;
  p.regions = node.InputType(1).tensor.shape.dims()[0];
  p.out_height = pooled[0];
  p.out_width = pooled[1];
  p.window =
      Volume({MostOfBin(map[2], pooled[0]), MostOfBin(map[3], pooled[1])});
  return p;
}

absl::StatusOr<OutputTypes> InferMaxRoiPool(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const RoiPool p, ResolveRoiPool(node));
  const TensorType& x = node.InputType(0).tensor;
  return OutputTypes{ValueType(
      x.type, {p.regions, x.shape.dims()[1], p.out_height, p.out_width})};
}

// Per region: the corners are scaled and rounded (4 mul, 4 add), the extents
// taken (6 add: end - start + 1, at least 1) and divided into bins (2 mul). Per
// row and column of bins: both edges are a mul, rounded, moved to the region
// and kept inside the map (2 mul, 8 add).
absl::StatusOr<OpCounts> CountMaxRoiPool(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const RoiPool p, ResolveRoiPool(node));
  const Count out = node.OutputVolume(0);
  const Count lines = Volume({p.regions, Extent(p.out_height) + p.out_width});
  const Count covered = Volume({out, p.window});
  node.Let("out", out);
  node.Let("window", p.window);
  node.Let("regions", p.regions);
  node.Let("lines", lines);
  const OperandSet rois = OperandSet::Input(1);
  OpCounts counts;
  AddArith(counts, ArithOp::kMul, rois, p.regions * 6 + lines * 2);
  AddArith(counts, ArithOp::kAdd, rois, p.regions * 10 + lines * 8);
  AddArith(counts, ArithOp::kAdd, OperandSet::Input(0), covered);
  ReadInput(counts, node, 0, covered);
  ReadInput(counts, node, 1, p.regions * 5);
  WriteOutput(counts, node, 0, out);
  counts.bound_reason =
      "the size of a bin depends on its region; each region is taken to cover "
      "the whole feature map";
  return counts;
}

constexpr OpDef kOps[] = {
    {.name = "MaxRoiPool",
     .since = 1,
     .infer = &InferMaxRoiPool,
     .count = &CountMaxRoiPool,
     .formula = {.mul = "6*regions + 2*lines",
                 .add = "10*regions + 8*lines + out*window",
                 .reads = "X: out*window; rois: 5*regions",
                 .writes = "Y: out",
                 .rules = "R1 R3"},
     .description = "the maximum of each bin of each region: one comparison "
                    "per element of the bin; corners (6 mul, 10 add per "
                    "region) and edges (2 mul, 8 add per row and column of "
                    "bins) are computed",
     .bound = "regions are taken to cover the whole feature map"},
    {.name = "NonMaxSuppression",
     .since = 10,
     .infer = &InferNonMaxSuppression,
     .count = &CountNonMaxSuppression,
     .fold = &FoldNonMaxSuppression,
     .formula = {.mul = "lists*(boxes*box_mul + pairs*(box_mul + 1 + div))",
                 .add = "lists*(boxes*([score] + sorting + box_add) + "
                        "pairs*(box_add + 11 + div))",
                 .reads = "scores: lists*boxes; boxes: 4*lists*(boxes + "
                          "pairs); iou_threshold: lists*pairs*[iou]; "
                          "score_threshold: lists*boxes*[score]",
                 .writes = "selected_indices: out",
                 .rules = "R1 R2 R8"},
     .description = "per batch and class: each score is compared with the "
                    "threshold and sorted (ceil(log2(boxes + 1)) comparisons); "
                    "each box gets its corners and area (6 add and 1 mul, of "
                    "centres 4 and 3) and is compared with each box kept: that "
                    "one's corners and area, then overlap and union (11 add, 1 "
                    "mul, 1 div)",
     .bound = "as many boxes as may be kept are, and each is compared with all "
              "kept before it"},
    {.name = "RoiAlign",
     .since = 10,
     .infer = &InferRoiAlign,
     .count = &CountRoiAlign,
     .formula = {.mul = "region_mul*regions + lines + 4*points + 4*samples + "
                        "(1 - [max])*out + region_div*regions*div",
                 .add = "region_add*regions + 6*lines + 4*samples + "
                        "[max]*samples + region_div*regions*div",
                 .reads = "X: 4*samples; rois: 4*regions; batch_indices: "
                          "regions",
                 .writes = "Y: out",
                 .rules = "R1 R3 R7 R9"},
     .description = "the mean or maximum of samples of each bin of each "
                    "region: 4 taps each, whose weights all channels share (4 "
                    "mul per point); per line of samples 1 mul and 6 add, per "
                    "region 4 to 6 mul and 4 to 8 add, with sampling_ratio 0 "
                    "also divisions",
     .bound = "with sampling_ratio 0 regions are taken to cover the whole "
              "feature map"},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> DetectionOps() { return kOps; }

}  // namespace opcost
