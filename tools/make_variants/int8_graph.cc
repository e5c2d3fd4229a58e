// SPDX-License-Identifier: Apache-2.0
#include "tools/make_variants/int8_graph.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"

namespace opcost::variants {
namespace {

constexpr std::array<absl::string_view, 6> kComputes = {
    "Add", "Conv", "ConvTranspose", "Gemm", "MatMul", "Mul"};
constexpr std::array<absl::string_view, 3> kAverages = {"AveragePool", "Concat",
                                                        "GlobalAveragePool"};
constexpr std::array<absl::string_view, 11> kFollows = {
    "Clip", "Dropout", "Flatten", "GlobalMaxPool", "Identity",  "MaxPool",
    "Relu", "Reshape", "Squeeze", "Transpose",     "Unsqueeze",
};

template <size_t kSize>
bool Has(const std::array<absl::string_view, kSize>& names,
         const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool IsConvolution(const onnx::NodeProto& node) {
  return node.op_type() == "Conv" || node.op_type() == "ConvTranspose";
}

// A product and a bias, without factors of their own.
bool IsPlainGemm(const onnx::NodeProto& node) {
  const auto is_one = [&node](absl::string_view name) {
    const onnx::AttributeProto* factor = FindAttribute(node, name);
    return factor == nullptr || factor->f() == 1;
  };
  return node.op_type() == "Gemm" && IntOf(node, "transA", 0) == 0 &&
         is_one("alpha") && is_one("beta");
}

}  // namespace

FloatGraph::FloatGraph(const Source& source, double range,
                       std::map<std::string, Range>* ranges)
    : source_(source),
      proto_(source.proto().graph()),
      index_(proto_),
      dropped_(static_cast<size_t>(proto_.node_size())) {
  for (int n = 0; n < size(); ++n) {
    FoldNormalization(n);
    DropActivation(n, range, ranges);
    if (IsDropped(n)) continue;
    for (const std::string& output : node(n).output()) producers_[output] = n;
  }
}

FloatGraph::Kind FloatGraph::KindOf(const onnx::NodeProto& node) const {
  if (!IsOnnx(node) || node.output_size() == 0 || node.input_size() == 0 ||
      !IsFloat32(node.input(0)))
    return Kind::kOther;
  // Optional results (a mask, indices) have no integer form.
  const bool has_one_output =
      std::count_if(node.output().begin(), node.output().end(),
                    [](const std::string& name) { return !name.empty(); }) == 1;
  if (!has_one_output) return Kind::kOther;
  const ValueKnowledge* output = source_.FindValue(node.output(0));
  if (output != nullptr && output->is_constant) return Kind::kOther;
  if (Has(kComputes, node.op_type())) return Kind::kComputes;
  if (Has(kAverages, node.op_type())) return Kind::kAverages;
  if (Has(kFollows, node.op_type())) return Kind::kFollows;
  return Kind::kOther;
}

bool FloatGraph::IsFloat32(const std::string& name) const {
  const ValueKnowledge* value = source_.FindValue(name);
  return value != nullptr && value->type == DataType::kFloat32;
}

int FloatGraph::OnlyNeighbour(const onnx::NodeProto& node) const {
  const std::string& input = node.input(0);
  const auto producer = producers_.find(input);
  if (producer == producers_.end() || index_.Uses(input) != 1) return -1;
  return producer->second;
}

bool FloatGraph::IsRowOf(const std::string& bias, int64_t features) const {
  const Tensor* tensor = source_.Find(bias);
  return tensor != nullptr && tensor->dims.size() == 1 &&
         tensor->elements == features;
}

void FloatGraph::FoldNormalization(int n) {
  const onnx::NodeProto& norm = node(n);
  if (norm.op_type() != "BatchNormalization" || !IsOnnx(norm) ||
      norm.input_size() < 5 || IntOf(norm, "training_mode", 0) != 0 ||
      norm.output_size() != 1)
    return;
  for (int i = 1; i <= 4; ++i)
    if (source_.Find(norm.input(i)) == nullptr) return;
  const int before = OnlyNeighbour(norm);
  if (before < 0) return;
  onnx::NodeProto& conv = *proto_.mutable_node(before);
  const Tensor* weight = source_.Find(InputOf(conv, 1));
  const std::string bias = InputOf(conv, 2);
  if (!(IsConvolution(conv) || IsPlainGemm(conv)) || weight == nullptr ||
      !IsFloat32(conv.input(0)) || FeatureAxis(conv, *weight) < 0 ||
      (!bias.empty() && !IsRowOf(bias, Features(conv))))
    return;
  conv.set_output(0, norm.output(0));
  normalizations_[before] = n;
  producers_[norm.output(0)] = before;
  dropped_[static_cast<size_t>(n)] = true;
}

void FloatGraph::DropActivation(int n, double range,
                                std::map<std::string, Range>* ranges) {
  const onnx::NodeProto& activation = node(n);
  if (IsDropped(n) || !IsOnnx(activation) || activation.input_size() == 0 ||
      (activation.op_type() != "Relu" && activation.op_type() != "Clip"))
    return;
  const std::optional<Range> own = RangeOf(activation, range);
  const int before = OnlyNeighbour(activation);
  if (!own.has_value() || before < 0) return;
  onnx::NodeProto& producer = *proto_.mutable_node(before);
  const Kind kind = KindOf(producer);
  if (kind != Kind::kComputes && kind != Kind::kAverages) return;
  producer.set_output(0, activation.output(0));
  producers_[activation.output(0)] = before;
  (*ranges)[activation.output(0)] = *own;
  dropped_[static_cast<size_t>(n)] = true;
  ++activations_;
}

std::optional<double> FloatGraph::Bound(const onnx::NodeProto& node, int input,
                                        absl::string_view attribute) const {
  const double otherwise = std::numeric_limits<double>::infinity();
  if (const onnx::AttributeProto* bound = FindAttribute(node, attribute))
    return bound->f();
  const std::string name = InputOf(node, input);
  if (name.empty()) return otherwise;
  const Tensor* tensor = source_.Find(name);
  if (tensor == nullptr || tensor->elements != 1 || tensor->is_absent)
    return std::nullopt;
  const auto elements = ReadAll(*tensor);
  if (!elements.ok()) return std::nullopt;
  return (*elements)[0];
}

std::optional<Range> FloatGraph::RangeOf(const onnx::NodeProto& node,
                                         double range) const {
  const std::string& op = node.op_type();
  if (op == "Relu") return Range{0, range};
  if (op == "Sigmoid" || op == "Softmax" || op == "HardSigmoid")
    return Range{0, 1};
  if (op != "Clip") return std::nullopt;
  const std::optional<double> least = Bound(node, 1, "min");
  const std::optional<double> greatest = Bound(node, 2, "max");
  // Only a range about 0 is one that saturation expresses.
  if (!least.has_value() || !greatest.has_value() || !std::isfinite(*least) ||
      *least > 0 || *greatest <= 0)
    return std::nullopt;
  return Range{*least, std::min(*greatest, std::max(range, -*least))};
}

std::vector<int> FloatGraph::DataInputs(const onnx::NodeProto& node) const {
  const bool is_contraction = IsConvolution(node) || node.op_type() == "Gemm";
  const int all = is_contraction ? 2 : node.input_size();
  std::vector<int> inputs;
  for (int i = 0; i < std::min(all, node.input_size()); ++i)
    if (IsFloat32(node.input(i))) inputs.push_back(i);
  return inputs;
}

int FloatGraph::WeightInput(const onnx::NodeProto& node) const {
  if (!HasBias(node) && node.op_type() != "MatMul") return -1;
  if (source_.Find(InputOf(node, 1)) != nullptr) return 1;
  return source_.Find(InputOf(node, 0)) != nullptr ? 0 : -1;
}

bool FloatGraph::HasBias(const onnx::NodeProto& node) const {
  return IsConvolution(node) || node.op_type() == "Gemm";
}

int FloatGraph::FeatureAxis(const onnx::NodeProto& node,
                            const Tensor& weight) const {
  const auto rank = static_cast<int>(weight.dims.size());
  if (node.op_type() == "Conv") return 0;
  if (node.op_type() == "ConvTranspose")
    return IntOf(node, "group", 1) == 1 ? 1 : -1;
  if (rank < 2 || WeightInput(node) != 1) return -1;
  if (node.op_type() == "Gemm") return IntOf(node, "transB", 0) != 0 ? 0 : 1;
  return rank - 1;
}

int64_t FloatGraph::Features(const onnx::NodeProto& node) const {
  const Tensor* weight = source_.Find(InputOf(node, 1));
  if (weight == nullptr || weight->dims.size() < 2) return -1;
  if (node.op_type() == "ConvTranspose")
    return weight->dims[1] * IntOf(node, "group", 1);
  const int axis = FeatureAxis(node, *weight);
  return axis < 0 ? -1 : weight->dims[static_cast<size_t>(axis)];
}

const onnx::NodeProto* FloatGraph::NormalizationBehind(int n) const {
  const auto found = normalizations_.find(n);
  return found == normalizations_.end() ? nullptr : &node(found->second);
}

std::string FloatGraph::Summary() const {
  return absl::StrCat(normalizations_.size(), " batch normalisations folded, ",
                      activations_, " activations absorbed");
}

}  // namespace opcost::variants
