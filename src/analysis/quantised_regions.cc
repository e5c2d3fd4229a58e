// SPDX-License-Identifier: Apache-2.0
#include "src/analysis/quantised_regions.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "src/analysis/layer_edit.h"
#include "src/analysis/quantised_tensor.h"
#include "src/analysis/region_kinds.h"
#include "src/analysis/regions.h"

namespace opcost {
namespace {

constexpr OperandSet kFloat = OperandSet::Fixed(DataType::kFloat32);

}  // namespace

void Regions::Run() {
  for (int l = 0; l < graph_.size(); ++l) {
    const Coverage::Status status = graph_.layer(l).coverage.status;
    if (graph_.IsDropped(l) || status == Coverage::Status::kUnknown) continue;
    Fold(l);
  }
  DropTaken();
}

std::optional<QuantisedTensor> Regions::Data(ValueIndex v) const {
  if (v == kAbsent) return std::nullopt;
  std::optional<QuantisedTensor> tensor = tensors_.Find(v);
  if (tensor.has_value() && !IsQuantisedType(tensor->quantisation.type)) {
    return std::nullopt;
  }
  return tensor;
}

void Regions::Fold(int l) {
  switch (KindOf(graph_, l)) {
    case RegionKind::kNone:
      return;
    case RegionKind::kContraction:
      return FoldContraction(l);
    case RegionKind::kElementwise:
      return FoldElementwise(l);
    case RegionKind::kAverage:
      return FoldAverage(l);
    case RegionKind::kKeeper:
      return FoldKeeper(l);
    case RegionKind::kConcat:
      return FoldConcat(l);
    case RegionKind::kRecurrent:
      FoldRecurrentWeights(l, 1);
      return FoldRecurrentWeights(l, 2);
    case RegionKind::kLookup:
      return FoldLookup(l);
  }
}

// A bias can be an int32 array: it is dequantised from one, or constant.
bool Regions::HasIntegerBias(int l) const {
  const ValueIndex bias = graph_.Input(l, 2);
  return bias == kAbsent || graph_.facts(bias).is_constant ||
         tensors_.Find(bias).has_value();
}

// Looks behind a Relu or Clip, views and maxima for a QuantizeLinear, each the
// only one that reads what stands before it.
Closing Regions::FindClosing(int l) const {
  Closing closing;
  ValueIndex v = graph_.Output(l, 0);
  ValueIndex before_maximum = kAbsent;
  for (int steps = 0; steps < kMaxRegionSteps; ++steps) {
    const int reader = graph_.SoleReader(l, v);
    if (reader < 0 || graph_.UsesOf(v)[0].operand != 0) return {};
    const Node& node = graph_.node(reader);
    if (IsOperator(node, "QuantizeLinear")) {
      const DataType type = graph_.TypeOf(graph_.Output(reader, 0));
      if (graph_.Input(reader, 1) == kAbsent || !IsQuantisedType(type)) {
        return {};
      }
      closing.is_closed = true;
      closing.quantisation = {type, graph_.Input(reader, 1),
                              graph_.Input(reader, 2), &node};
      closing.is_retyped = before_maximum != kAbsent;
      closing.array =
          closing.is_retyped ? before_maximum : graph_.Output(reader, 0);
      if (!closing.is_retyped) closing.folded.push_back(reader);
      return closing;
    }
    const bool is_before = before_maximum == kAbsent;
    if (IsView(graph_, reader)) {
      if (is_before) closing.folded.push_back(reader);
    } else if (is_before && closing.activation < 0 &&
               IsSaturation(graph_, reader)) {
      closing.activation = reader;
    } else if (IsMaximum(graph_, reader)) {
      if (is_before) before_maximum = v;
    } else {
      return {};
    }
    v = graph_.Output(reader, 0);
    if (v == kAbsent) return {};
  }
  return {};
}

// True if layer `use.layer` is a region that takes the numbers of `v`, if they
// are to be had. What else it needs must be to be had for sure.
bool Regions::TakesNumbers(const ValueUse& use, ValueIndex v) const {
  const auto is_there = [this, v](ValueIndex other) {
    return other == v || Data(other).has_value();
  };
  const auto inputs = graph_.Inputs(use.layer);
  switch (KindOf(graph_, use.layer)) {
    case RegionKind::kContraction:
      return use.operand < 2 && HasIntegerBias(use.layer) &&
             is_there(graph_.Input(use.layer, 1 - use.operand));
    case RegionKind::kElementwise:
      return is_there(graph_.Input(use.layer, 1 - use.operand));
    case RegionKind::kConcat:
      return inputs.size() <= kMaxParts &&
             std::all_of(inputs.begin(), inputs.end(), is_there);
    case RegionKind::kAverage:
      return true;
    case RegionKind::kKeeper:
      return use.operand == 0;
    case RegionKind::kRecurrent:
    case RegionKind::kLookup:
    case RegionKind::kNone:
      break;
  }
  return false;
}

// True if all that read `v`, or views of it, would take its numbers.
bool Regions::WantsNumbers(ValueIndex v) const {
  std::vector<ValueIndex> waiting = {v};
  int steps = 0;
  while (!waiting.empty()) {
    const ValueIndex next = waiting.back();
    waiting.pop_back();
    if (next == kAbsent || graph_.Escapes(next) ||
        graph_.UsesOf(next).empty()) {
      return false;
    }
    for (const ValueUse& use : graph_.UsesOf(next)) {
      if (++steps > kMaxRegionSteps || graph_.IsDropped(use.layer) ||
          graph_.layer(use.layer).coverage.status ==
              Coverage::Status::kUnknown) {
        return false;
      }
      if (IsView(graph_, use.layer) && !FindClosing(use.layer).is_closed) {
        waiting.push_back(graph_.Output(use.layer, 0));
      } else if (!TakesNumbers(use, next)) {
        return false;
      }
    }
  }
  return true;
}

void Regions::TakeTensor(int l, int i, const QuantisedTensor& tensor,
                         absl::string_view reason) {
  LayerEdit(graph_, l).TakeInput(i, tensor);
  for (const Node* node : tensor.nodes) {
    const std::string why =
        IsOperator(*node, "DequantizeLinear")
            ? absl::StrCat(reason, " in ", Name(tensor.quantisation.type))
            : "a view of the quantised numbers";
    const auto n = static_cast<int>(node - graph_.graph().nodes.data());
    const int from = graph_.LayerOfNode(n);
    if (from >= 0) {
      taken_.push_back({from, l, why});
    } else {
      graph_.Take(l, *node, why);
    }
  }
}

// The layer writes what the QuantizeLinear would.
void Regions::Close(int l, const Closing& closing, const Count& out,
                    bool is_requantised) {
  const Quantisation& q = closing.quantisation;
  graph_.SetOutput(l, 0, closing.array);
  if (closing.is_retyped) {
    graph_.Retype(closing.array, q.type);
    tensors_.Set(closing.array, q);
  }
  if (closing.activation >= 0) {
    const bool is_free =
        is_requantised && tensors_.Absorbs(q, closing.activation);
    const int comparisons = ComparisonsOf(graph_, closing.activation);
    if (!is_free) {
      LayerEdit(graph_, l).Add(
          ArithOp::kAdd, OperandSet::Output(0), out * comparisons,
          comparisons == 1 ? "out" : absl::StrCat(comparisons, "*out"),
          absl::StrCat(graph_.node(closing.activation).op_type,
                       " compares the quantised results"));
    }
    graph_.Drop(l, closing.activation,
                is_free ? "the saturation absorbs it"
                        : "compares the quantised results");
  }
  for (const int folded : closing.folded) {
    const bool is_view = !IsOperator(graph_.node(folded), "QuantizeLinear");
    graph_.Drop(l, folded,
                is_view ? "a view of the quantised numbers"
                : is_requantised
                    ? absl::StrCat("each result is requantised to ",
                                   Name(q.type), " before it is written")
                    : absl::StrCat("the results are ", Name(q.type),
                                   " already, of the same scale"));
  }
}

// Requantises sums, or makes floats of them. Each block's sum is scaled on its
// own, and added to the others.
void Regions::CloseAccumulators(int l, const Closing& closing, const Count& out,
                                const Count& blocks) {
  LayerEdit edit(graph_, l);
  if (!blocks.Is(1)) {
    edit.Add(ArithOp::kMul, kFloat, out * (blocks - 1), "out*(blocks - 1)",
             "the sum of each block but one times its scale");
    edit.Add(ArithOp::kAdd, kFloat, out * blocks, "out*blocks",
             "the sums of the blocks");
  }
  if (!closing.is_closed) {
    edit.Add(ArithOp::kMul, kFloat, out, "out",
             "the integer result times its scale");
    return;
  }
  edit.Requantize(out, "out");
  Close(l, closing, out, true);
  edit.ReadQuantisation(closing.quantisation, out, "out");
}

void Regions::FoldContraction(int l) {
  const std::optional<QuantisedTensor> a = Data(graph_.Input(l, 0));
  const std::optional<QuantisedTensor> b = Data(graph_.Input(l, 1));
  if (!a.has_value() || !b.has_value() || !HasIntegerBias(l)) {
    if (!FoldWeights(l, 1)) FoldWeights(l, 0);
    return;
  }
  const Count out = graph_.VolumeOf(graph_.Output(l, 0));
  const Closing closing = FindClosing(l);
  LayerEdit edit(graph_, l);
  edit.Drop([](const Arith& arith) { return arith.role == ArithRole::kPlain; },
            "out", "alpha and beta are part of the scales");
  Count blocks(1);
  for (const int i : {0, 1}) {
    const QuantisedTensor& tensor = i == 0 ? *a : *b;
    const Count scales = ScalesPerOutput(graph_, tensors_, l, i, tensor);
    blocks = Count::Max(blocks, scales);
    TakeTensor(l, i, tensor, "its numbers are multiplied as they are,");
    edit.ReadQuantisation(tensor.quantisation, out * scales,
                          scales.Is(1) ? "out" : "out*blocks");
  }
  const ValueIndex bias = graph_.Input(l, 2);
  if (const auto c = tensors_.Find(bias); bias != kAbsent && c.has_value()) {
    TakeTensor(l, 2, *c, "the bias, where the sums start, is an array");
  }
  CloseAccumulators(l, closing, out, blocks);
}

// A DequantizeLinear, or a view behind it, whose numbers all have taken.
void Regions::DropTaken() {
  graph_.Renew();
  std::stable_sort(
      taken_.begin(), taken_.end(),
      [](const Taken& a, const Taken& b) { return a.layer > b.layer; });
  int last = -1;
  bool is_read = false;
  for (const Taken& each : taken_) {
    if (each.layer != last) is_read = IsRead(graph_.Output(each.layer, 0));
    last = each.layer;
    if (!is_read) graph_.Drop(each.by, each.layer, each.reason);
  }
}

// True if a layer that is left, or something outside, reads the value.
bool Regions::IsRead(ValueIndex v) const {
  const auto uses = graph_.UsesOf(v);
  return graph_.Escapes(v) ||
         std::any_of(uses.begin(), uses.end(), [this](const ValueUse& use) {
           return !graph_.IsDropped(use.layer);
         });
}

bool HasQuantisedTensors(const Graph& graph) {
  const std::vector<Node>& nodes = graph.nodes;
  return std::any_of(nodes.begin(), nodes.end(), [](const Node& node) {
    return IsOperator(node, "DequantizeLinear");
  });
}

void FoldQuantisedRegions(LayerGraph& graph) { Regions(graph).Run(); }

}  // namespace opcost
