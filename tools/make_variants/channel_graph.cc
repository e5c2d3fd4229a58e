// SPDX-License-Identifier: Apache-2.0
#include "tools/make_variants/channel_graph.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"

namespace opcost::variants {
namespace {

// What treats each channel, or each element, alone and changes no shape but in
// space.
constexpr std::array<absl::string_view, 30> kSame = {
    "Abs",
    "AveragePool",
    "Cast",
    "Celu",
    "Ceil",
    "Clip",
    "Dropout",
    "Elu",
    "Erf",
    "Exp",
    "Floor",
    "Gelu",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "HardSigmoid",
    "HardSwish",
    "Identity",
    "LRN",
    "LeakyRelu",
    "Log",
    "MaxPool",
    "Mish",
    "Neg",
    "Relu",
    "Selu",
    "Sigmoid",
    "Softplus",
    "Sqrt",
    "Tanh",
    "ThresholdedRelu",
};
constexpr std::array<absl::string_view, 8> kElementwise = {
    "Add", "Div", "Max", "Min", "Mul", "PRelu", "Pow", "Sub"};

template <size_t kSize>
bool Has(const std::array<absl::string_view, kSize>& names,
         const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string Quoted(const onnx::NodeProto& node) {
  return absl::StrCat(node.op_type(), " '", LabelOf(node), "'");
}

}  // namespace

ChannelGraph::ChannelGraph(const Source& source)
    : source_(source), proto_(source.proto().graph()), index_(proto_) {
  for (int n = 0; n < proto_.node_size(); ++n) Follow(n);
  for (const onnx::ValueInfoProto& output : proto_.output())
    KeepValue(output.name(),
              absl::StrCat("the model returns them as '", output.name(), "'"));
  KeepWhatIsRead();
}

int ChannelGraph::Root(int set) const {
  while (sets_[Index(set)].parent != set) set = sets_[Index(set)].parent;
  return set;
}

int ChannelGraph::NewSet(int64_t size, const onnx::NodeProto& maker) {
  const int set = sets();
  sets_.push_back({set, size, Quoted(maker), ""});
  return set;
}

void ChannelGraph::Keep(int set, const std::string& reason) {
  Set& root = sets_[Index(Root(set))];
  if (root.reason.empty()) root.reason = reason;
}

void ChannelGraph::KeepValue(const std::string& name,
                             const std::string& reason) {
  if (const Channels* channels = Find(name))
    for (const Segment& segment : channels->segments) Keep(segment.set, reason);
}

void ChannelGraph::Join(const Segments& a, const Segments& b,
                        const std::string& reason) {
  bool is_alike = a.size() == b.size();
  for (size_t i = 0; is_alike && i < a.size(); ++i)
    is_alike = a[i].repeat == b[i].repeat && Size(a[i].set) == Size(b[i].set);
  for (size_t i = 0; is_alike && i < a.size(); ++i) {
    const int from = Root(b[i].set);
    const int to = Root(a[i].set);
    const std::string kept = Reason(from);
    sets_[Index(from)].parent = to;
    if (!kept.empty()) Keep(to, kept);
  }
  if (is_alike) return;
  for (const Segments* segments : {&a, &b})
    for (const Segment& segment : *segments) Keep(segment.set, reason);
}

void ChannelGraph::AddCut(const std::string& tensor, int axis,
                          const Segments& segments, bool is_scored) {
  cuts_.push_back({tensor, axis, segments, is_scored});
}

const ChannelGraph::Channels* ChannelGraph::Find(
    const std::string& name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? nullptr : &found->second;
}

const ValueKnowledge* ChannelGraph::Shape(const std::string& name) const {
  const ValueKnowledge* value = source_.FindValue(name);
  return value != nullptr && value->has_shape ? value : nullptr;
}

void ChannelGraph::Follow(int n) {
  const onnx::NodeProto& node = proto_.node(n);
  const std::string& op = node.op_type();
  bool is_followed = false;
  if (IsOnnx(node) && node.input_size() > 0 && node.output_size() > 0) {
    if (op == "Conv") is_followed = FollowConvolution(n);
    if (op == "ConvTranspose") is_followed = FollowTransposed(node);
    if (op == "Gemm") is_followed = FollowGemm(node);
    if (op == "MatMul") is_followed = FollowMatMul(node);
    if (op == "BatchNormalization") is_followed = FollowNormalization(node);
    if (op == "Flatten") is_followed = FollowFlatten(node);
    if (op == "Concat") is_followed = FollowConcat(node);
    if (Has(kElementwise, op)) is_followed = FollowElementwise(node);
    if (Has(kSame, op)) is_followed = FollowSame(node);
  }
  if (is_followed) return;
  for (const std::string& input : node.input())
    KeepValue(input, absl::StrCat(Quoted(node),
                                  " reads them, which can't be shrunk with "
                                  "them"));
}

// Input `0`'s channels are summed over along an axis of the weight.
bool ChannelGraph::CutInput(const onnx::NodeProto& node, int weight_axis,
                            int channel_axis) {
  const Channels* input = Find(node.input(0));
  if (input == nullptr) return true;
  if (input->axis != channel_axis) return false;
  AddCut(node.input(1), weight_axis, input->segments, false);
  return true;
}

void ChannelGraph::AddFeatures(const onnx::NodeProto& node, int weight_axis,
                               int64_t size, int output_axis) {
  const Segments made = {{NewSet(size, node), 1}};
  AddCut(node.input(1), weight_axis, made, true);
  values_[node.output(0)] = {output_axis, made};
  const std::string bias = InputOf(node, 2);
  if (bias.empty()) return;
  const Tensor* tensor = source_.Find(bias);
  if (tensor == nullptr) {
    Keep(made[0].set, absl::StrCat("its bias '", bias, "' isn't stored"));
    return;
  }
  if (!tensor->dims.empty() && tensor->dims.back() == size) {
    AddCut(bias, static_cast<int>(tensor->dims.size()) - 1, made, false);
  } else if (tensor->elements != 1) {
    Keep(made[0].set, absl::StrCat("its bias '", bias, "' is no row"));
  }
}

bool ChannelGraph::FollowConvolution(int n) {
  const onnx::NodeProto& node = proto_.node(n);
  const Tensor* weight = source_.Find(InputOf(node, 1));
  if (weight == nullptr || weight->dims.size() < 3) return false;
  const int64_t groups = IntOf(node, "group", 1);
  if (groups == 1) {
    if (!CutInput(node, 1, 1)) return false;
    AddFeatures(node, 0, weight->dims[0], 1);
    return true;
  }
  const Channels* input = Find(node.input(0));
  if (input == nullptr || weight->dims[1] != 1 || weight->dims[0] != groups)
    return false;
  const Channels channels = *input;
  AddCut(node.input(1), 0, channels.segments, true);
  if (!InputOf(node, 2).empty()) {
    if (source_.Find(node.input(2)) == nullptr) return false;
    AddCut(node.input(2), 0, channels.segments, false);
  }
  depthwise_[n] = channels.segments;
  values_[node.output(0)] = channels;
  return true;
}

bool ChannelGraph::FollowTransposed(const onnx::NodeProto& node) {
  const Tensor* weight = source_.Find(InputOf(node, 1));
  if (weight == nullptr || weight->dims.size() < 3 ||
      IntOf(node, "group", 1) != 1 || !CutInput(node, 0, 1))
    return false;
  AddFeatures(node, 1, weight->dims[1], 1);
  return true;
}

bool ChannelGraph::FollowGemm(const onnx::NodeProto& node) {
  const Tensor* weight = source_.Find(InputOf(node, 1));
  if (weight == nullptr || weight->dims.size() != 2 ||
      IntOf(node, "transA", 0) != 0)
    return false;
  const int features = IntOf(node, "transB", 0) != 0 ? 0 : 1;
  if (!CutInput(node, 1 - features, 1)) return false;
  AddFeatures(node, features, weight->dims[static_cast<size_t>(features)], 1);
  return true;
}

bool ChannelGraph::FollowMatMul(const onnx::NodeProto& node) {
  const Tensor* weight = source_.Find(InputOf(node, 1));
  const ValueKnowledge* shape = Shape(node.input(0));
  if (weight == nullptr || weight->dims.size() != 2 || shape == nullptr ||
      shape->dims.size() < 2)
    return false;
  const auto last = static_cast<int>(shape->dims.size()) - 1;
  if (!CutInput(node, 0, last)) return false;
  AddFeatures(node, 1, weight->dims[1], last);
  return true;
}

bool ChannelGraph::FollowNormalization(const onnx::NodeProto& node) {
  const Channels* input = Find(node.input(0));
  if (input == nullptr) return true;
  if (input->axis != 1 || IntOf(node, "training_mode", 0) != 0) return false;
  for (int i = 1; i <= 4; ++i)
    if (source_.Find(InputOf(node, i)) == nullptr) return false;
  const Channels channels = *input;
  for (int i = 1; i <= 4; ++i)
    AddCut(node.input(i), 0, channels.segments, false);
  values_[node.output(0)] = channels;
  return true;
}

bool ChannelGraph::FollowFlatten(const onnx::NodeProto& node) {
  const Channels* input = Find(node.input(0));
  if (input == nullptr) return true;
  const ValueKnowledge* shape = Shape(node.input(0));
  if (shape == nullptr || input->axis != 1 || IntOf(node, "axis", 1) != 1)
    return false;
  int64_t repeat = 1;
  for (size_t axis = 2; axis < shape->dims.size(); ++axis) {
    if (shape->dims[axis] < 0) return false;
    repeat *= shape->dims[axis];
  }
  Channels channels = *input;
  for (Segment& segment : channels.segments) segment.repeat *= repeat;
  values_[node.output(0)] = channels;
  return true;
}

bool ChannelGraph::FollowConcat(const onnx::NodeProto& node) {
  const auto has_channels = [this](const std::string& name) {
    return Find(name) != nullptr;
  };
  if (std::none_of(node.input().begin(), node.input().end(), has_channels))
    return true;
  const ValueKnowledge* shape = Shape(node.output(0));
  if (shape == nullptr) return false;
  int64_t axis = IntOf(node, "axis", 1);
  if (axis < 0) axis += static_cast<int64_t>(shape->dims.size());
  Channels all;
  all.axis = static_cast<int>(axis);
  for (const std::string& input : node.input()) {
    const Channels* channels = Find(input);
    const ValueKnowledge* own = Shape(input);
    if (channels != nullptr && channels->axis != all.axis) return false;
    if (channels != nullptr) {
      all.segments.insert(all.segments.end(), channels->segments.begin(),
                          channels->segments.end());
      continue;
    }
    if (own == nullptr || own->dims.size() <= static_cast<size_t>(axis) ||
        own->dims[static_cast<size_t>(axis)] < 0)
      return false;
    const int set = NewSet(own->dims[static_cast<size_t>(axis)], node);
    Keep(set, absl::StrCat("'", input, "' has them as they are"));
    all.segments.push_back({set, 1});
  }
  values_[node.output(0)] = all;
  return true;
}

// One operand beside those that have `channels`, in a result of `rank` axes.
bool ChannelGraph::JoinOperand(const onnx::NodeProto& node,
                               const std::string& operand, size_t rank,
                               const Channels& channels) {
  const ValueKnowledge* shape = Shape(operand);
  if (shape == nullptr || shape->dims.size() > rank) return false;
  const auto axis = static_cast<int>(shape->dims.size()) -
                    static_cast<int>(rank) + channels.axis;
  if (axis < 0 || shape->dims[Index(axis)] == 1) return true;
  if (source_.Find(operand) != nullptr) {
    AddCut(operand, axis, channels.segments, false);
    return true;
  }
  const Channels* other = Find(operand);
  if (other == nullptr || other->axis != axis) return false;
  Join(channels.segments, other->segments,
       absl::StrCat(Quoted(node), " combines channels that differ"));
  return true;
}

bool ChannelGraph::FollowElementwise(const onnx::NodeProto& node) {
  const ValueKnowledge* result = Shape(node.output(0));
  const Channels* first = nullptr;
  size_t offset = 0;
  for (const std::string& input : node.input()) {
    const ValueKnowledge* shape = Shape(input);
    if (first != nullptr || Find(input) == nullptr || shape == nullptr ||
        result == nullptr)
      continue;
    first = Find(input);
    offset = result->dims.size() - shape->dims.size();
    // A single channel beside many says nothing of the result's.
    if (shape->dims[Index(first->axis)] !=
        result->dims[Index(first->axis) + offset])
      first = nullptr;
  }
  if (first == nullptr) {
    // Nothing to follow; who has channels all the same keeps them.
    return std::none_of(
        node.input().begin(), node.input().end(),
        [this](const std::string& name) { return Find(name) != nullptr; });
  }
  Channels channels = *first;
  channels.axis += static_cast<int>(offset);
  for (const std::string& input : node.input()) {
    if (!JoinOperand(node, input, result->dims.size(), channels)) {
      const std::string reason = absl::StrCat(
          Quoted(node), " ties them to '", input, "', whose channels can't go");
      for (const Segment& segment : channels.segments)
        Keep(segment.set, reason);
    }
  }
  values_[node.output(0)] = channels;
  return true;
}

bool ChannelGraph::FollowSame(const onnx::NodeProto& node) {
  const Channels* input = Find(node.input(0));
  if (input == nullptr) return true;
  for (const std::string& output : node.output())
    if (!output.empty()) values_[output] = *input;
  return true;
}

// Whether the channels are as many as the axis has elements.
bool ChannelGraph::Covers(const Cut& cut) const {
  int64_t channels = 0;
  for (const Segment& segment : cut.segments)
    channels += Size(segment.set) * segment.repeat;
  const Tensor* tensor = source_.Find(cut.tensor);
  return tensor != nullptr && Index(cut.axis) < tensor->dims.size() &&
         tensor->dims[Index(cut.axis)] == channels;
}

// A tensor that is read elsewhere too, or in two ways, can't shrink; nor a
// value that a body reads.
void ChannelGraph::KeepWhatIsRead() {
  std::map<std::string, std::vector<const Cut*>> by_tensor;
  for (const Cut& cut : cuts_) by_tensor[cut.tensor].push_back(&cut);
  for (const auto& [tensor, cuts] : by_tensor) {
    std::map<int, int> per_axis;
    for (const Cut* cut : cuts) ++per_axis[cut->axis];
    bool is_alone = index_.Uses(tensor) == 1;
    for (const auto& [axis, count] : per_axis) is_alone &= count == 1;
    for (const Cut* cut : cuts) is_alone &= Covers(*cut);
    if (is_alone) continue;
    for (const Cut* cut : cuts)
      for (const Segment& segment : cut->segments)
        Keep(segment.set,
             absl::StrCat("'", tensor,
                          "' is read more than once, or has other channels"));
  }
  for (const auto& [name, channels] : values_) {
    const size_t reads =
        index_.Consumers(name).size() + (index_.IsReturned(name) ? 1U : 0U);
    if (index_.Uses(name) != static_cast<int>(reads))
      KeepValue(name, absl::StrCat("a body reads '", name, "'"));
  }
}

}  // namespace opcost::variants
