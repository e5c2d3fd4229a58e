// SPDX-License-Identifier: Apache-2.0
// Quantised regions of operators other than contractions.
#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "src/analysis/layer_edit.h"
#include "src/analysis/quantised_tensor.h"
#include "src/analysis/region_kinds.h"
#include "src/analysis/regions.h"

namespace opcost {
namespace {

constexpr OperandSet kFloat = OperandSet::Fixed(DataType::kFloat32);

}  // namespace

// Sums in int32, products in the format of the operands.
void Regions::FoldElementwise(int l) {
  const std::optional<QuantisedTensor> a = Data(graph_.Input(l, 0));
  const std::optional<QuantisedTensor> b = Data(graph_.Input(l, 1));
  if (!a.has_value() || !b.has_value() || graph_.Inputs(l).size() != 2) return;
  const Count out = graph_.VolumeOf(graph_.Output(l, 0));
  const Closing closing = FindClosing(l);
  LayerEdit edit(graph_, l);
  const bool is_integer =
      IsInteger(a->quantisation.type) && IsInteger(b->quantisation.type);
  for (Arith& arith : edit.counts().arith) {
    if (arith.op == ArithOp::kAdd && is_integer) {
      arith.operands = OperandSet::Fixed(DataType::kInt32);
    }
  }
  for (const int i : {0, 1}) {
    const QuantisedTensor& tensor = i == 0 ? *a : *b;
    TakeTensor(l, i, tensor, "its numbers are the operand,");
    edit.ReadQuantisation(tensor.quantisation, out, "out");
  }
  CloseAccumulators(l, closing, out, 1);
}

// The sum in int32; the reciprocal of the window is part of the scales.
void Regions::FoldAverage(int l) {
  const std::optional<QuantisedTensor> x = Data(graph_.Input(l, 0));
  if (!x.has_value()) return;
  const Count out = graph_.VolumeOf(graph_.Output(l, 0));
  const Closing closing = FindClosing(l);
  LayerEdit edit(graph_, l);
  edit.Drop([](const Arith& arith) { return arith.op == ArithOp::kMul; }, "out",
            "the window's reciprocal is part of the scales");
  if (IsInteger(x->quantisation.type)) {
    for (Arith& arith : edit.counts().arith) {
      arith.operands = OperandSet::Fixed(DataType::kInt32);
    }
  }
  TakeTensor(l, 0, *x, "its numbers are summed");
  edit.ReadQuantisation(x->quantisation, out, "out");
  CloseAccumulators(l, closing, out, 1);
}

// What gives numbers that it was given: they are requantised where they change
// their scale.
void Regions::CloseKeeper(int l, const QuantisedTensor& x,
                          const Closing& closing, const Count& out) {
  LayerEdit edit(graph_, l);
  const bool changes = !tensors_.AreSame(x.quantisation, closing.quantisation);
  if (changes) {
    const bool is_view = edit.counts().is_view;
    if (is_view) {
      edit.counts() = OpCounts();
      edit.Read(x.array, out, "out", "the numbers");
    }
    if (IsSaturation(graph_, l) && tensors_.Absorbs(closing.quantisation, l)) {
      edit.Drop([](const Arith&) { return true; }, "out",
                "the saturation absorbs it");
      edit.DropReads(1);
      edit.DropReads(2);
    }
    edit.ReadQuantisation(x.quantisation, out, "out");
    edit.Requantize(out, "out");
    edit.ReadQuantisation(closing.quantisation, out, "out");
    if (is_view) edit.Write(out);
  }
  Close(l, closing, out, changes);
}

void Regions::FoldKeeper(int l) {
  const std::optional<QuantisedTensor> x = Data(graph_.Input(l, 0));
  const bool is_view = graph_.layer(l).counts.is_view;
  const bool is_copy = graph_.node(l).op_type == "Transpose";
  const bool is_maximum =
      IsOperator(graph_.node(l), "MaxPool") || IsMaximum(graph_, l);
  if (!x.has_value() ||
      !(is_view || is_copy || is_maximum || IsSaturation(graph_, l))) {
    return;
  }
  const Closing closing = FindClosing(l);
  // Whoever reads a view can look through it.
  if (is_view && !closing.is_closed) return;
  const ValueIndex y = graph_.Output(l, 0);
  const Count out = graph_.VolumeOf(y);
  const bool is_kept = !closing.is_closed &&
                       tensors_.IsPerTensor(x->quantisation) && WantsNumbers(y);
  TakeTensor(l, 0, *x,
             is_view ? "its numbers are seen" : "its numbers are read");
  if (closing.is_closed) {
    CloseKeeper(l, *x, closing, out);
  } else if (is_kept) {
    graph_.Retype(y, x->quantisation.type);
    tensors_.Set(y, x->quantisation);
  } else {
    LayerEdit edit(graph_, l);
    edit.ReadQuantisation(x->quantisation, out, "out");
    edit.Add(ArithOp::kMul, kFloat, out, "out",
             "the quantised result times its scale");
  }
}

// Parts of another scale than the result are requantised.
void Regions::FoldConcat(int l) {
  const std::vector<ValueIndex> parts(graph_.Inputs(l).begin(),
                                      graph_.Inputs(l).end());
  if (parts.size() > kMaxParts || graph_.layer(l).counts.is_view) return;
  std::vector<QuantisedTensor> tensors;
  for (const ValueIndex part : parts) {
    std::optional<QuantisedTensor> tensor = Data(part);
    if (!tensor.has_value()) return;
    tensors.push_back(*std::move(tensor));
  }
  const ValueIndex y = graph_.Output(l, 0);
  const Closing closing = FindClosing(l);
  const Quantisation& first = tensors[0].quantisation;
  const bool is_kept =
      !closing.is_closed && WantsNumbers(y) &&
      std::all_of(tensors.begin(), tensors.end(), [&](const auto& tensor) {
        return tensors_.AreSame(tensor.quantisation, first);
      });
  LayerEdit edit(graph_, l);
  Count changed;
  for (size_t i = 0; i < parts.size(); ++i) {
    const Quantisation& from = tensors[i].quantisation;
    const Count part = graph_.VolumeOf(parts[i]);
    TakeTensor(l, static_cast<int>(i), tensors[i], "its numbers are read");
    if (is_kept) continue;
    if (closing.is_closed && tensors_.AreSame(from, closing.quantisation)) {
      continue;
    }
    changed += part;
    edit.ReadQuantisation(from, part, "part");
  }
  if (is_kept) {
    graph_.Retype(y, first.type);
    tensors_.Set(y, first);
  } else if (!closing.is_closed) {
    edit.Add(ArithOp::kMul, kFloat, graph_.VolumeOf(y), "out",
             "the quantised numbers times their scales");
  } else {
    const bool changes = !changed.Is(0);
    if (changes) {
      edit.Requantize(changed, "changed");
      edit.ReadQuantisation(closing.quantisation, changed, "changed");
    }
    Close(l, closing, graph_.VolumeOf(y), changes);
  }
}

}  // namespace opcost
