// SPDX-License-Identifier: Apache-2.0
// Loop and Scan: what their bodies see, and what they return.
#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "opcost/support/status_macros.h"
#include "src/analysis/inferrer.h"
#include "src/analysis/type_merge.h"

namespace opcost {
namespace {

// `axis` of a tensor of `rank`, from the front; -1 if there is no such.
int64_t FromTheFront(int64_t axis, int64_t rank) {
  if (axis < 0) axis += rank;
  return axis < 0 || axis >= rank ? -1 : axis;
}

bool HasRank(const ValueType& type) {
  return type.is_tensor() && type.tensor.shape.has_rank();
}

}  // namespace

absl::Status Inferrer::CheckLoop(const Node& node, const Body& body) const {
  const NodeView view(graph_, node, facts_);
  const size_t operands = std::max<size_t>(node.inputs.size(), 2);
  if (body.inputs.size() != operands) {
    return view.Invalid("its body takes ", body.inputs.size(),
                        " inputs, but expected ", operands,
                        ": the iteration number, the condition and ",
                        operands - 2, " carried values");
  }
  if (body.outputs.size() < operands - 1) {
    return view.Invalid("its body returns ", body.outputs.size(),
                        " values, but expected at least ", operands - 1,
                        ": the condition and ", operands - 2,
                        " carried values");
  }
  if (node.outputs.size() > body.outputs.size() - 1) {
    return view.Invalid(
        "it has ", node.outputs.size(), " outputs, but its body returns only ",
        body.outputs.size() - 1, " values beside the condition");
  }
  for (size_t i = 2; i < node.inputs.size(); ++i) {
    if (node.inputs[i] == kAbsent) {
      return view.Invalid("operand ", i, ", a carried value, is missing");
    }
  }
  return absl::OkStatus();
}

// How often a Loop runs, as far as its operands and the user tell.
absl::Status Inferrer::TakeTripCount(Repeated& loop) const {
  const Node& node = *loop.node;
  const NodeView view(graph_, node, facts_);
  if (view.HasInput(0)) {
    const std::optional<SymValue> most = ScalarOf(node.inputs[0]);
    // Exporters write the largest number where they mean no limit.
    if (most.has_value() &&
        !(*most == SymValue(std::numeric_limits<int64_t>::max()))) {
      loop.most =
          most->is_concrete() && most->value() < 0 ? Extent(0) : Extent(*most);
    }
  }
  OPCOST_ASSIGN_OR_RETURN(const std::optional<Extent> given,
                          GivenTripCount(node, loop.most));
  if (given.has_value()) loop.most = given;
  if (!view.HasInput(1)) return absl::OkStatus();
  const std::optional<bool> starts = TruthOf(node.inputs[1]);
  if (starts == false) {
    loop.most = Extent(0);
  } else if (!starts.has_value()) {
    loop.can_start = false;
    loop.exact = loop.most.has_value() && loop.most->Is(0);
  }
  return absl::OkStatus();
}

absl::Status Inferrer::InferLoop(size_t n) {
  const Node& node = graph_.nodes[n];
  Repeated loop;
  loop.n = n;
  loop.node = &node;
  loop.body = &node.bodies[0];
  OPCOST_RETURN_IF_ERROR(CheckLoop(node, *loop.body));
  loop.is_loop = true;
  loop.first_operand = 2;
  loop.first_input = 2;
  loop.first_output = 1;
  for (size_t i = 2; i < node.inputs.size(); ++i) {
    loop.initial.push_back(Facts(node.inputs[i]));
  }
  OPCOST_RETURN_IF_ERROR(TakeTripCount(loop));
  bool is_constant = false;
  OPCOST_ASSIGN_OR_RETURN(std::vector<ValueFacts> results,
                          Repeat(loop, &is_constant));
  result_.nodes[n].is_constant = is_constant;
  result_.control[n] =
      ControlFacts{{RunsOf(node, loop.most, loop.exact)}, false};
  return SetLoopOutputs(loop, is_constant, std::move(results));
}

absl::Status Inferrer::SetLoopOutputs(const Repeated& loop, bool is_constant,
                                      std::vector<ValueFacts> results) {
  const Node& node = *loop.node;
  for (size_t o = 0; o < node.outputs.size(); ++o) {
    const ValueIndex output = node.outputs[o];
    if (output == kAbsent) continue;
    if (o < results.size()) {
      if (IsUnchanged(loop, o)) {
        SetSame(output, node.inputs[loop.first_operand + o]);
      } else {
        SetFacts(output, std::move(results[o]));
      }
      continue;
    }
    // A value of each run, one behind the other.
    const ValueIndex each = loop.body->outputs[loop.first_output + o];
    ValueType type = each == kAbsent ? ValueType() : Facts(each).type;
    if (HasRank(type)) {
      const std::string symbol = absl::StrCat(NameOf(output), "#0");
      Extent extent = Extent::Symbol(symbol);
      if (loop.most.has_value() && loop.exact) {
        extent = *loop.most;
      } else if (loop.most.has_value()) {
        analysis_->data_extents.insert_or_assign(
            symbol, AtMost(*loop.most, analysis_->data_extents));
      } else {
        analysis_->data_extents.erase(symbol);
      }
      Dims& dims = type.tensor.shape.mutable_dims();
      dims.insert(dims.begin(), std::move(extent));
    }
    SetFacts(output, {std::move(type), is_constant, nullptr});
  }
  for (size_t o = 0; o < node.outputs.size(); ++o) {
    if (node.outputs[o] == kAbsent) continue;
    OPCOST_RETURN_IF_ERROR(CheckExtents(node, o, Facts(node.outputs[o]).type));
  }
  return absl::OkStatus();
}

absl::Status Inferrer::InferScan(size_t n) {
  const Node& node = graph_.nodes[n];
  const Body& body = node.bodies[0];
  const NodeView view(graph_, node, facts_);
  OPCOST_ASSIGN_OR_RETURN(const int64_t scan_inputs,
                          view.Int("num_scan_inputs", 0));
  // Opset 8 has an operand more, the sequence lengths, and a batch axis.
  const size_t extra = node.opset < 9 ? 1 : 0;
  if (node.inputs.size() != body.inputs.size() + extra || scan_inputs < 1 ||
      static_cast<uint64_t>(scan_inputs) > body.inputs.size()) {
    return view.Invalid("it has ", node.inputs.size(), " operands, ",
                        scan_inputs, " of them scanned, but its body takes ",
                        body.inputs.size(), " inputs");
  }
  Repeated scan;
  scan.n = n;
  scan.node = &node;
  scan.body = &body;
  scan.first_operand = extra;
  const size_t states = body.inputs.size() - static_cast<size_t>(scan_inputs);
  if (body.outputs.size() < states ||
      node.outputs.size() > body.outputs.size()) {
    return view.Invalid("its body returns ", body.outputs.size(),
                        " values, but it carries ", states, " and has ",
                        node.outputs.size(), " outputs");
  }
  for (size_t i = extra; i < node.inputs.size(); ++i) {
    if (node.inputs[i] == kAbsent) {
      return view.Invalid("operand ", i, " is missing");
    }
  }
  for (size_t k = 0; k < states; ++k) {
    ValueFacts facts = Facts(node.inputs[extra + k]);
    if (extra != 0) {
      facts.value = nullptr;
      if (HasRank(facts.type) && facts.type.tensor.shape.rank() > 0) {
        Dims& dims = facts.type.tensor.shape.mutable_dims();
        dims.erase(dims.begin());
      }
    }
    scan.initial.push_back(std::move(facts));
  }
  return SetScanInputs(scan, static_cast<size_t>(scan_inputs));
}

// Cuts `slice`, the type of operand `operand`, to what one run sees of it.
absl::StatusOr<Extent> Inferrer::CutSlice(const Node& node, size_t operand,
                                          int64_t given_axis,
                                          ValueType* slice) const {
  const bool has_batch = node.opset < 9;
  Dims& dims = slice->tensor.shape.mutable_dims();
  const auto rank = static_cast<int64_t>(dims.size());
  const int64_t named = has_batch ? 1 : given_axis;
  const int64_t axis = FromTheFront(named, rank);
  if (axis < 0) {
    return NodeView(graph_, node, facts_)
        .Invalid("operand ", operand, " is scanned along axis ", named,
                 " but has rank ", rank);
  }
  Extent length = dims[static_cast<size_t>(axis)];
  dims.erase(dims.begin() + axis);
  if (has_batch) dims.erase(dims.begin());
  return length;
}

// The slices that the body sees, and how many there are.
absl::Status Inferrer::SetScanInputs(Repeated& scan, size_t scan_inputs) {
  const Node& node = *scan.node;
  const NodeView view(graph_, node, facts_);
  OPCOST_ASSIGN_OR_RETURN(const std::vector<int64_t> axes,
                          view.Ints("scan_input_axes"));
  if (!axes.empty() && axes.size() != scan_inputs) {
    return view.Invalid("scan_input_axes has ", axes.size(),
                        " elements; expected ", scan_inputs);
  }
  std::optional<Extent> length;
  for (size_t s = 0; s < scan_inputs; ++s) {
    const size_t i = scan.body->inputs.size() - scan_inputs + s;
    const size_t operand = i + scan.first_operand;
    ValueFacts slice = Facts(node.inputs[operand]);
    slice.value = nullptr;
    if (HasRank(slice.type)) {
      OPCOST_ASSIGN_OR_RETURN(
          const Extent extent,
          CutSlice(node, operand, axes.empty() ? 0 : axes[s], &slice.type));
      if (length.has_value() && length->is_concrete() && extent.is_concrete() &&
          !(*length == extent)) {
        return view.Invalid("operand ", operand, " is scanned over ",
                            extent.value(), " slices, but another over ",
                            length->value());
      }
      if (!length.has_value() || extent.is_concrete()) length = extent;
    }
    SetFacts(scan.body->inputs[i], std::move(slice));
  }
  return InferScanBody(scan, length);
}

// The batch of opset 8's Scan; 1 without one.
Extent Inferrer::BatchOf(const Repeated& scan) const {
  if (scan.node->opset >= 9) return Extent(1);
  const ValueType& first = Facts(scan.node->inputs[1]).type;
  return HasRank(first) && first.tensor.shape.rank() > 0
             ? first.tensor.shape.dims()[0]
             : Extent(1);
}

absl::Status Inferrer::InferScanBody(Repeated& scan,
                                     const std::optional<Extent>& length) {
  const Node& node = *scan.node;
  const NodeView view(graph_, node, facts_);
  if (length.has_value()) scan.most = *length * BatchOf(scan);
  // Sequences of opset 8 may be shorter than the tensor that holds them.
  scan.exact = node.opset >= 9 || !view.HasInput(0);
  bool is_constant = false;
  OPCOST_ASSIGN_OR_RETURN(std::vector<ValueFacts> results,
                          Repeat(scan, &is_constant));
  result_.nodes[scan.n].is_constant = is_constant;
  BodyRuns runs = RunsOf(node, scan.most, scan.exact);
  if (!runs.times.has_value()) {
    runs.remedy =
        "give the model's inputs sizes that settle it (--dim, --input)";
  }
  result_.control[scan.n] = ControlFacts{{std::move(runs)}, false};
  const auto first_scanned = static_cast<int>(scan.initial.size());
  return SetScanOutputs(scan,
                        length.value_or(Extent::Symbol(absl::StrCat(
                            view.OutputName(first_scanned), "#length"))),
                        is_constant, std::move(results));
}

absl::Status Inferrer::SetScanOutputs(const Repeated& scan,
                                      const Extent& length, bool is_constant,
                                      std::vector<ValueFacts> results) {
  const Node& node = *scan.node;
  const NodeView view(graph_, node, facts_);
  const bool has_batch = node.opset < 9;
  const Extent batch = BatchOf(scan);
  OPCOST_ASSIGN_OR_RETURN(const std::vector<int64_t> axes,
                          view.Ints("scan_output_axes"));
  for (size_t o = 0; o < node.outputs.size(); ++o) {
    if (node.outputs[o] == kAbsent) continue;
    ValueFacts facts;
    facts.is_constant = is_constant;
    if (o < results.size()) {
      if (IsUnchanged(scan, o)) {
        SetSame(node.outputs[o], node.inputs[scan.first_operand + o]);
        continue;
      }
      facts = std::move(results[o]);
    } else if (scan.body->outputs[o] != kAbsent) {
      facts.type = Facts(scan.body->outputs[o]).type;
      const size_t s = o - results.size();
      if (HasRank(facts.type)) {
        Dims& dims = facts.type.tensor.shape.mutable_dims();
        const int64_t given = has_batch || s >= axes.size() ? 0 : axes[s];
        const int64_t axis =
            FromTheFront(given, static_cast<int64_t>(dims.size()) + 1);
        if (axis < 0) {
          return view.Invalid("scan_output_axes has ", given,
                              " for an output of rank ", dims.size() + 1);
        }
        dims.insert(dims.begin() + axis, length);
      }
    }
    if (has_batch && HasRank(facts.type)) {
      Dims& dims = facts.type.tensor.shape.mutable_dims();
      dims.insert(dims.begin(), batch);
    }
    SetFacts(node.outputs[o], std::move(facts));
    OPCOST_RETURN_IF_ERROR(CheckExtents(node, o, Facts(node.outputs[o]).type));
  }
  return absl::OkStatus();
}

}  // namespace opcost
