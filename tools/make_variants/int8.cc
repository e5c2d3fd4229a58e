// SPDX-License-Identifier: Apache-2.0
#include "tools/make_variants/int8.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "opcost/support/status_macros.h"
#include "tools/make_variants/int8_graph.h"
#include "tools/make_variants/int8_weights.h"

namespace opcost::variants {
namespace {

constexpr int64_t kOldestOpset = 10;          // of QuantizeLinear
constexpr int64_t kOldestOpsetWithAxis = 13;  // of scales per channel
constexpr double kSteps = 255;

// The scale and zero point of a value, by their tensors' names.
struct Parameters {
  std::string scale_name;
  std::string zero_point_name;
  double scale = 1;
};

class Int8Maker {
 public:
  Int8Maker(const Source& source, const Int8Options& options)
      : source_(source), options_(options) {}

  absl::StatusOr<NewModel> Make();

 private:
  absl::Status Check() const;
  void Mark(const onnx::NodeProto& node);
  void MarkValue(const std::string& name, Range range);
  Range InputRange(const onnx::NodeProto& node) const;
  absl::Status Emit(int n);
  absl::Status EmitWeight(int n, int input, onnx::NodeProto* node,
                          std::vector<double>* scales);
  absl::Status EmitBias(int n, const std::vector<double>& weight_scales,
                        onnx::NodeProto* node);
  void EmitPair(const std::string& name);
  absl::StatusOr<ChannelMap> MapOf(int n) const;
  absl::StatusOr<std::vector<double>> Elements(const std::string& name) const;
  void AddScales(const std::string& name, bool is_per_channel,
                 const std::vector<double>& scales, bool is_absent);
  bool IsStored(const std::string& name) const {
    return source_.Find(name) != nullptr;
  }
  std::string Dequantized(const std::string& name) const {
    return graph_->index().IsReturned(name) ? name
                                            : name + "_DequantizeLinear_Output";
  }
  bool IsMarked(const std::string& name) const {
    return marked_.count(name) != 0;
  }

  const Source& source_;
  Int8Options options_;
  NewModel model_;
  std::optional<FloatGraph> graph_;
  std::map<std::string, Parameters> marked_;
  std::map<std::string, Range> ranges_;
  std::set<std::string> made_;  // weights that are there already
  std::map<std::string, std::vector<double>> made_scales_;
  google::protobuf::RepeatedPtrField<onnx::NodeProto> nodes_;
  int quantized_ = 0;
};

absl::Status Int8Maker::Check() const {
  for (const onnx::NodeProto& node : source_.proto().graph().node()) {
    if (node.op_type() == "QuantizeLinear" ||
        node.op_type() == "DequantizeLinear") {
      return absl::InvalidArgumentError(
          absl::StrCat("the model is quantised already (", node.op_type(), " '",
                       LabelOf(node), "'); start from its float form"));
    }
  }
  const int64_t oldest =
      options_.is_per_channel ? kOldestOpsetWithAxis : kOldestOpset;
  if (source_.opset() >= oldest) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "the model imports operator set ", source_.opset(),
      ", but QuantizeLinear ", options_.is_per_channel ? "per channel " : "",
      "needs ", oldest, "; convert it (onnx.version_converter)",
      options_.is_per_channel ? ", or leave the scales per tensor" : ""));
}

Range Int8Maker::InputRange(const onnx::NodeProto& node) const {
  Range all{0, 0};
  for (const std::string& input : node.input()) {
    const auto found = ranges_.find(input);
    const Range range = found == ranges_.end()
                            ? Range{-options_.range, options_.range}
                            : found->second;
    all.least = std::min(all.least, range.least);
    all.greatest = std::max(all.greatest, range.greatest);
  }
  return all;
}

void Int8Maker::MarkValue(const std::string& name, Range range) {
  if (IsMarked(name)) return;
  Parameters& parameters = marked_[name];
  parameters.scale_name = name + "_scale";
  parameters.zero_point_name = name + "_zero_point";
  const double scale = (range.greatest - range.least) / kSteps;
  parameters.scale = scale > 0 ? scale : 1;
  // A constant that nodes compute is symmetric, as stored ones are.
  const ValueKnowledge* value = source_.FindValue(name);
  const bool is_constant = value != nullptr && value->is_constant;
  const DataType type = is_constant ? DataType::kInt8 : options_.activations;
  const bool is_signed = type == DataType::kInt8;
  const auto zero_point =
      std::lround(-range.least / parameters.scale) - (is_signed ? 128 : 0);
  model_.tensors.push_back(Floats(parameters.scale_name, DataType::kFloat32, {},
                                  {parameters.scale}));
  model_.tensors.push_back(
      Integer(parameters.zero_point_name, type, zero_point));
}

// Says which of the node's values are quantised.
void Int8Maker::Mark(const onnx::NodeProto& node) {
  const FloatGraph::Kind kind = graph_->KindOf(node);
  const std::string& output = node.output(0);
  if (kind == FloatGraph::Kind::kOther) {
    if (const std::optional<Range> range =
            graph_->RangeOf(node, options_.range))
      ranges_[output] = *range;
    return;
  }
  if (kind == FloatGraph::Kind::kFollows) {
    ranges_[output] = InputRange(node);
    if (const std::optional<Range> own = graph_->RangeOf(node, options_.range))
      ranges_[output] = *own;
    const auto input = marked_.find(node.input(0));
    // Its own numbers, where a Relu or Clip changes the range.
    if (input == marked_.end()) return;
    if (graph_->RangeOf(node, options_.range).has_value()) {
      MarkValue(output, ranges_[output]);
    } else {
      marked_.emplace(output, input->second);
    }
    return;
  }
  ++quantized_;
  for (const int i : graph_->DataInputs(node)) {
    const std::string& input = node.input(i);
    if (IsStored(input)) continue;
    const auto found = ranges_.find(input);
    MarkValue(input, found == ranges_.end()
                         ? Range{-options_.range, options_.range}
                         : found->second);
  }
  if (!ranges_.count(output)) {
    ranges_[output] = kind == FloatGraph::Kind::kAverages
                          ? InputRange(node)
                          : Range{-options_.range, options_.range};
  }
  MarkValue(output, ranges_[output]);
}

void Int8Maker::EmitPair(const std::string& name) {
  const Parameters& parameters = marked_.at(name);
  const bool is_returned =
      graph_->index().IsReturned(name) && graph_->index().Producer(name) >= 0;
  const std::string quantized = name + "_QuantizeLinear_Output";
  *nodes_.Add() = MakeNode("QuantizeLinear", name + "_QuantizeLinear",
                           {is_returned ? name + "_QuantizeLinear_Input" : name,
                            parameters.scale_name, parameters.zero_point_name},
                           quantized);
  *nodes_.Add() =
      MakeNode("DequantizeLinear", name + "_DequantizeLinear",
               {quantized, parameters.scale_name, parameters.zero_point_name},
               Dequantized(name));
}

absl::StatusOr<std::vector<double>> Int8Maker::Elements(
    const std::string& name) const {
  return ReadAll(*source_.Find(name));
}

// y = (x - mean) * gamma / sqrt(var + epsilon) + beta.
absl::StatusOr<ChannelMap> Int8Maker::MapOf(int n) const {
  ChannelMap map;
  const onnx::NodeProto* norm = graph_->NormalizationBehind(n);
  if (norm == nullptr) return map;
  for (int i = 1; i <= 4; ++i)
    if (source_.Find(norm->input(i))->is_absent) return map;
  OPCOST_ASSIGN_OR_RETURN(const auto gamma, Elements(norm->input(1)));
  OPCOST_ASSIGN_OR_RETURN(const auto beta, Elements(norm->input(2)));
  OPCOST_ASSIGN_OR_RETURN(const auto mean, Elements(norm->input(3)));
  OPCOST_ASSIGN_OR_RETURN(const auto variance, Elements(norm->input(4)));
  const double epsilon = FloatOf(*norm, "epsilon", 1e-5F);
  for (size_t c = 0; c < gamma.size(); ++c) {
    map.factors.push_back(gamma[c] / std::sqrt(variance[c] + epsilon));
    map.offsets.push_back(beta[c] - mean[c] * map.factors[c]);
  }
  return map;
}

void Int8Maker::AddScales(const std::string& name, bool is_per_channel,
                          const std::vector<double>& scales, bool is_absent) {
  std::vector<int64_t> dims;
  if (is_per_channel) dims.push_back(static_cast<int64_t>(scales.size()));
  NewTensor tensor = Floats(name, DataType::kFloat32, dims, scales);
  tensor.is_absent = is_absent && is_per_channel;
  model_.tensors.push_back(std::move(tensor));
}

// A stored operand: int8, and a DequantizeLinear before its first reader.
absl::Status Int8Maker::EmitWeight(int n, int input, onnx::NodeProto* node,
                                   std::vector<double>* scales) {
  const Tensor& tensor = *source_.Find(node->input(input));
  const bool is_weight = graph_->WeightInput(*node) == input;
  const int feature_axis = is_weight ? graph_->FeatureAxis(*node, tensor) : -1;
  const int axis = options_.is_per_channel ? feature_axis : -1;
  ChannelMap map;
  if (is_weight) {
    OPCOST_ASSIGN_OR_RETURN(map, MapOf(n));
  }
  // A tensor that several nodes read differently is stored for each.
  std::string base = tensor.name;
  if (is_weight && (graph_->NormalizationBehind(n) != nullptr || axis >= 0) &&
      graph_->index().Uses(tensor.name) > 1)
    base += "_of_" + node->output(0);
  const std::string output = base + "_DequantizeLinear_Output";
  node->set_input(input, output);
  if (!made_.insert(base).second) {
    *scales = made_scales_[base];
    return absl::OkStatus();
  }
  OPCOST_ASSIGN_OR_RETURN(const IntegerWeight weight,
                          Measure(tensor, axis, feature_axis, map));
  model_.tensors.push_back(
      Integers(base + "_quantized", tensor, axis, feature_axis, weight));
  AddScales(base + "_scale", axis >= 0, weight.scales, tensor.is_absent);
  NewTensor zeros = Zeros(base + "_zero_point", DataType::kInt8,
                          axis >= 0 ? std::vector<int64_t>{weight.channels}
                                    : std::vector<int64_t>{});
  zeros.is_absent = tensor.is_absent && axis >= 0;
  model_.tensors.push_back(std::move(zeros));
  onnx::NodeProto* dequantize = nodes_.Add();
  *dequantize = MakeNode(
      "DequantizeLinear", base + "_DequantizeLinear",
      {base + "_quantized", base + "_scale", base + "_zero_point"}, output);
  if (axis >= 0) SetInt(dequantize, "axis", axis);
  *scales = made_scales_[base] = weight.scales;
  return absl::OkStatus();
}

// The bias in the products' own scale, so that sums start at it.
absl::Status Int8Maker::EmitBias(int n,
                                 const std::vector<double>& weight_scales,
                                 onnx::NodeProto* node) {
  const bool has_norm = graph_->NormalizationBehind(n) != nullptr;
  const std::string name = InputOf(*node, 2);
  const Tensor* tensor = source_.Find(name);
  const int64_t features = graph_->Features(graph_->node(n));
  const bool is_row =
      tensor != nullptr && tensor->dims == std::vector<int64_t>{features};
  if (!(name.empty() ? has_norm : is_row)) return absl::OkStatus();
  std::vector<double> elements(static_cast<size_t>(features));
  if (tensor != nullptr && !tensor->is_absent) {
    OPCOST_ASSIGN_OR_RETURN(elements, Elements(name));
  }
  OPCOST_ASSIGN_OR_RETURN(const ChannelMap map, MapOf(n));
  for (size_t c = 0; c < map.factors.size(); ++c)
    elements[c] = elements[c] * map.factors[c] + map.offsets[c];
  std::vector<double> scales = weight_scales;
  for (double& scale : scales)
    scale *= marked_.at(graph_->node(n).input(0)).scale;
  const bool is_absent = (tensor != nullptr && tensor->is_absent) ||
                         (has_norm && map.factors.empty());
  const std::string base = tensor != nullptr && graph_->index().Uses(name) == 1
                               ? name
                               : node->output(0) + "_bias";
  const bool is_per_channel = scales.size() > 1;
  NewTensor integers =
      IntegerBias(base + "_quantized", {features}, elements, scales);
  integers.is_absent = is_absent;
  model_.tensors.push_back(std::move(integers));
  AddScales(base + "_quantized_scale", is_per_channel, scales, is_absent);
  onnx::NodeProto* dequantize = nodes_.Add();
  *dequantize = MakeNode("DequantizeLinear", base + "_DequantizeLinear",
                         {base + "_quantized", base + "_quantized_scale"},
                         base + "_DequantizeLinear_Output");
  if (is_per_channel) SetInt(dequantize, "axis", 0);
  while (node->input_size() < 3) node->add_input("");
  node->set_input(2, dequantize->output(0));
  return absl::OkStatus();
}

absl::Status Int8Maker::Emit(int n) {
  onnx::NodeProto node = graph_->node(n);
  const FloatGraph::Kind kind = graph_->KindOf(node);
  if (kind == FloatGraph::Kind::kComputes ||
      kind == FloatGraph::Kind::kAverages) {
    const int weight = graph_->WeightInput(node);
    std::vector<double> scales;
    for (const int i : graph_->DataInputs(node)) {
      if (IsStored(node.input(i)))
        OPCOST_RETURN_IF_ERROR(EmitWeight(n, i, &node, &scales));
    }
    if (graph_->HasBias(node) && weight == 1 && !scales.empty() &&
        IsMarked(node.input(0)))
      OPCOST_RETURN_IF_ERROR(EmitBias(n, scales, &node));
  }
  for (std::string& input : *node.mutable_input())
    if (IsMarked(input)) input = Dequantized(input);
  std::vector<std::string> pairs;
  for (std::string& output : *node.mutable_output()) {
    if (!IsMarked(output)) continue;
    pairs.push_back(output);
    if (graph_->index().IsReturned(output)) output += "_QuantizeLinear_Input";
  }
  nodes_.Add()->Swap(&node);
  for (const std::string& name : pairs) EmitPair(name);
  return absl::OkStatus();
}

absl::StatusOr<NewModel> Int8Maker::Make() {
  OPCOST_RETURN_IF_ERROR(Check());
  graph_.emplace(source_, options_.range, &ranges_);
  model_.proto = source_.proto();
  for (const Tensor& tensor : source_.tensors())
    model_.tensors.push_back(Copy(tensor));
  for (int n = 0; n < graph_->size(); ++n)
    if (!graph_->IsDropped(n)) Mark(graph_->node(n));
  if (quantized_ == 0) {
    return absl::InvalidArgumentError(
        "no operator computes with float32 and has an integer form; convert "
        "another float type to float32 first");
  }
  for (const onnx::ValueInfoProto& input : source_.proto().graph().input())
    if (IsMarked(input.name())) EmitPair(input.name());
  for (int n = 0; n < graph_->size(); ++n)
    if (!graph_->IsDropped(n)) OPCOST_RETURN_IF_ERROR(Emit(n));
  model_.proto.mutable_graph()->mutable_node()->Swap(&nodes_);
  DropUnused(&model_);
  model_.notes.push_back(
      absl::StrCat(quantized_, " operators in int8; ", graph_->Summary()));
  return std::move(model_);
}

}  // namespace

absl::StatusOr<NewModel> MakeInt8(const Source& source,
                                  const Int8Options& options) {
  return Int8Maker(source, options).Make();
}

}  // namespace opcost::variants
