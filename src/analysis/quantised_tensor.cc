// SPDX-License-Identifier: Apache-2.0
#include "src/analysis/quantised_tensor.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <utility>
#include <variant>

#include "src/ops/power.h"

namespace opcost {
namespace {

// Views in a row that are looked through; a longer row is a hostile one.
constexpr int kMaxViews = 64;

int64_t IntAttribute(const Node& node, absl::string_view name,
                     int64_t otherwise) {
  const int64_t* number = FindInt(node, name);
  return number == nullptr ? otherwise : *number;
}

// The element if all are one number; nullopt where it isn't known.
std::optional<double> NumberOf(const LayerGraph& graph, ValueIndex v) {
  return SoleNumber(graph.facts(v).value.get());
}

// The bounds of an integer type.
std::pair<double, double> RangeOf(DataType type) {
  const bool is_unsigned = Name(type)[0] == 'u';
  const double span = std::ldexp(1.0, WidthBits(type));
  const double least = is_unsigned ? 0 : -span / 2;
  return {least, least + span - 1};
}

// A bound of the Clip `node`: an attribute before opset 11, else operand `i`.
struct Bound {
  bool is_given = false;
  std::optional<double> number;
};

Bound BoundOf(const LayerGraph& graph, const Node& node, const char* name,
              size_t i) {
  constexpr int kClipOperandsOpset = 11;
  if (node.opset < kClipOperandsOpset) {
    const Attribute* attribute = node.FindAttribute(name);
    if (attribute == nullptr) return {};
    if (const auto* f = std::get_if<double>(&attribute->content)) {
      return {true, *f};
    }
    return {true, std::nullopt};
  }
  if (i >= node.inputs.size() || node.inputs[i] == kAbsent) return {};
  return {true, NumberOf(graph, node.inputs[i])};
}

}  // namespace

bool IsQuantisedType(DataType type) {
  if (IsInteger(type)) return WidthBits(type) <= 16;
  return IsFloating(type) && WidthBits(type) <= 8;
}

bool IsOperator(const Node& node, absl::string_view name) {
  return node.op_type == name &&
         (node.domain.empty() || node.domain == "com.microsoft");
}

const int64_t* FindInt(const Node& node, absl::string_view name) {
  const Attribute* attribute = node.FindAttribute(name);
  return attribute == nullptr ? nullptr
                              : std::get_if<int64_t>(&attribute->content);
}

// Through Transpose, and views that keep the axes, the axis of the scales can
// be followed.
bool QuantisedTensors::Step(const Node& node, bool is_constant,
                            QuantisedTensor* tensor) const {
  const int n = static_cast<int>(&node - graph_.graph().nodes.data());
  const OpDef* def = graph_.inference().nodes[static_cast<size_t>(n)].def;
  if (def == nullptr || !def->moves_only || node.inputs.empty() ||
      node.inputs[0] == kAbsent) {
    return false;
  }
  const int l = graph_.LayerOfNode(n);
  if (!is_constant && (l < 0 || !graph_.layer(l).counts.is_view)) return false;
  tensor->nodes.push_back(&node);
  const Dims* from = graph_.DimsOf(node.inputs[0]);
  const Dims* to = graph_.DimsOf(node.outputs[0]);
  if (node.op_type == "Transpose") tensor->is_rearranged = true;
  if (from == nullptr || to == nullptr) {
    tensor->order.reset();
  } else if (node.op_type != "Transpose") {
    if (!(*from == *to)) tensor->order.reset();
  } else if (tensor->order.has_value()) {
    const Attribute* perm = node.FindAttribute("perm");
    const auto* given = perm == nullptr
                            ? nullptr
                            : std::get_if<std::vector<int64_t>>(&perm->content);
    const auto rank = static_cast<int>(from->size());
    if (given != nullptr && given->size() != from->size()) {
      tensor->order.reset();
      return true;
    }
    for (int& axis : *tensor->order) {
      axis = given == nullptr
                 ? rank - 1 - axis
                 : static_cast<int>((*given)[static_cast<size_t>(axis)]);
      axis = std::clamp(axis, 0, rank - 1);
    }
  }
  return true;
}

void QuantisedTensors::Start(const Node& node, QuantisedTensor* tensor) const {
  tensor->array = node.inputs[0];
  tensor->quantisation.type = graph_.TypeOf(node.inputs[0]);
  tensor->quantisation.scale = node.inputs[1];
  if (node.inputs.size() > 2) tensor->quantisation.zero_point = node.inputs[2];
  tensor->quantisation.node = &node;
  tensor->nodes.push_back(&node);
}

std::optional<QuantisedTensor> QuantisedTensors::Find(ValueIndex v) const {
  QuantisedTensor tensor;
  const Dims* dims = graph_.DimsOf(v);
  if (dims == nullptr) return std::nullopt;
  tensor.order.emplace(dims->size());
  std::iota(tensor.order->begin(), tensor.order->end(), 0);
  for (int steps = 0; steps < kMaxViews; ++steps) {
    const auto retyped = retyped_.find(v);
    if (retyped != retyped_.end()) {
      tensor.array = v;
      tensor.quantisation = retyped->second;
      return tensor;
    }
    const int n = graph_.ProducerNode(v);
    if (n < 0) return std::nullopt;
    const Node& node = graph_.graph().nodes[static_cast<size_t>(n)];
    if (IsOperator(node, "DequantizeLinear")) {
      if (node.inputs.size() < 2 || node.inputs[0] == kAbsent ||
          node.inputs[1] == kAbsent) {
        return std::nullopt;
      }
      Start(node, &tensor);
      const DataType type = tensor.quantisation.type;
      const bool is_known = IsQuantisedType(type) || type == DataType::kInt32;
      const Dims* array = graph_.DimsOf(tensor.array);
      if (!is_known || array == nullptr) return std::nullopt;
      return tensor;
    }
    if (!Step(node, graph_.facts(v).is_constant, &tensor)) return std::nullopt;
    v = node.inputs[0];
  }
  return std::nullopt;
}

bool QuantisedTensors::IsPerTensor(const Quantisation& q) const {
  return graph_.VolumeOf(q.scale).Is(1);
}

bool QuantisedTensors::AreEqual(ValueIndex a, ValueIndex b) const {
  if (a == b) return true;
  // Without a zero point it is 0.
  const auto number = [this](ValueIndex v) {
    return v == kAbsent ? std::optional<double>(0) : NumberOf(graph_, v);
  };
  const std::optional<double> first = number(a);
  return first.has_value() && first == number(b);
}

bool QuantisedTensors::AreSame(const Quantisation& a,
                               const Quantisation& b) const {
  if (a.type != b.type) return false;
  if (a.scale == b.scale && a.zero_point == b.zero_point) return true;
  return IsPerTensor(a) && IsPerTensor(b) && AreEqual(a.scale, b.scale) &&
         AreEqual(a.zero_point, b.zero_point);
}

bool QuantisedTensors::HasOffset(const Quantisation& q) const {
  return q.zero_point != kAbsent && NumberOf(graph_, q.zero_point) != 0.0;
}

bool QuantisedTensors::Absorbs(const Quantisation& q, int layer) const {
  if (!IsInteger(q.type)) return false;
  const auto [least, greatest] = RangeOf(q.type);
  const std::optional<double> zero =
      q.zero_point == kAbsent ? 0.0 : NumberOf(graph_, q.zero_point);
  if (!zero.has_value()) return false;
  const Node& node = graph_.node(layer);
  if (node.op_type == "Relu") return *zero <= least;
  const Bound low = BoundOf(graph_, node, "min", 1);
  const Bound high = BoundOf(graph_, node, "max", 2);
  const std::optional<double> scale = NumberOf(graph_, q.scale);
  if (!scale.has_value() || !(*scale > 0)) return false;
  const auto quantised = [&](double number) {
    return std::nearbyint(number / *scale) + *zero;
  };
  if (low.is_given &&
      !(low.number.has_value() && quantised(*low.number) <= least)) {
    return false;
  }
  return !high.is_given ||
         (high.number.has_value() && quantised(*high.number) >= greatest);
}

std::optional<Dims> QuantisedTensors::ScaleExtents(
    const QuantisedTensor& tensor) const {
  const Dims* array = graph_.DimsOf(tensor.array);
  const Dims* scale = graph_.DimsOf(tensor.quantisation.scale);
  if (array == nullptr || scale == nullptr) return std::nullopt;
  Dims own(array->size(), Extent(1));
  if (!Volume(*scale).Is(1)) {
    const Node& node = *tensor.quantisation.node;
    if (scale->size() == array->size() &&
        IntAttribute(node, "block_size", 0) != 0) {
      own = *scale;
    } else {
      const auto rank = static_cast<int64_t>(array->size());
      int64_t axis = rank == 1 ? 0 : IntAttribute(node, "axis", 1);
      if (axis < 0) axis += rank;
      if (axis < 0 || axis >= rank || scale->empty()) return std::nullopt;
      own[static_cast<size_t>(axis)] = (*scale)[0];
    }
  }
  if (!tensor.order.has_value() || tensor.order->size() != own.size()) {
    return std::nullopt;
  }
  Dims extents;
  for (const int axis : *tensor.order) {
    if (axis < 0 || static_cast<size_t>(axis) >= own.size()) {
      return std::nullopt;
    }
    extents.push_back(own[static_cast<size_t>(axis)]);
  }
  return extents;
}

}  // namespace opcost
