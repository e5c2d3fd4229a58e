// SPDX-License-Identifier: Apache-2.0
#include "src/ops/unique.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "opcost/support/status_macros.h"
#include "src/ops/axes.h"
#include "src/ops/known_elements.h"

namespace opcost {
namespace {

// What is compared: slices of `slice` elements along an axis, or, without one,
// single elements of the flattened tensor.
struct Slices {
  std::optional<size_t> axis;
  Extent number;
  Extent slice;
};

absl::StatusOr<Slices> ResolveUnique(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  const absl::Span<const Extent> dims = x->shape.dims();
  Slices slices{std::nullopt, Volume(dims), 1};
  if (!node.HasAttribute("axis")) return slices;
  OPCOST_ASSIGN_OR_RETURN(const int axis,
                          AxisOf(node, "axis", 0, x->shape.rank()));
  slices.axis = static_cast<size_t>(axis);
  slices.number = dims[*slices.axis];
  slices.slice = LinesOf(dims, *slices.axis);
  return slices;
}

// The different slices: of each found one its first place, in the order of the
// output, and of each slice the number of its equal among them.
struct Grouping {
  std::vector<int64_t> first;
  std::vector<int64_t> inverse;
  std::vector<int64_t> counts;
};

using Slice = std::vector<Element>;

std::vector<Slice> SlicesOf(const std::vector<Element>& elements,
                            const IntDims& dims, std::optional<size_t> axis) {
  const Lines lines = axis.has_value()
                          ? LinesAlong(dims, *axis)
                          : Lines{1, static_cast<int64_t>(elements.size()), 1};
  std::vector<Slice> slices(static_cast<size_t>(lines.length));
  for (int64_t i = 0; i < lines.length; ++i) {
    for (int64_t o = 0; o < lines.outer; ++o) {
      for (int64_t n = 0; n < lines.inner; ++n) {
        slices[static_cast<size_t>(i)].push_back(
            elements[static_cast<size_t>(lines.Offset(o, i, n))]);
      }
    }
  }
  return slices;
}

// True if every element can be compared with those of its place in the others.
bool AreComparable(const std::vector<Slice>& slices) {
  if (slices.empty()) return true;
  for (size_t place = 0; place < slices[0].size(); ++place) {
    std::vector<Element> elements;
    elements.reserve(slices.size());
    for (const Slice& slice : slices) elements.push_back(slice[place]);
    if (!opcost::AreComparable(elements)) return false;
  }
  return true;
}

std::optional<Grouping> Group(const NodeView& node, const Slices& geometry) {
  const TensorValue* value = FoldableInput(node, 0);
  const auto elements = ElementsOf(value);
  const auto sorted = node.Int("sorted", 1);
  if (!elements.has_value() || !sorted.ok()) return std::nullopt;
  // An axis beside an empty one has slices without elements: all are equal.
  if (elements->empty() && !geometry.number.Is(0)) return std::nullopt;
  const std::vector<Slice> slices =
      SlicesOf(*elements, value->dims(), geometry.axis);
  if (!AreComparable(slices)) return std::nullopt;
  const auto before = [&slices](int64_t a, int64_t b) {
    const Slice& x = slices[static_cast<size_t>(a)];
    const Slice& y = slices[static_cast<size_t>(b)];
    return std::lexicographical_compare(x.begin(), x.end(), y.begin(), y.end(),
                                        IsLess);
  };
  std::vector<int64_t> order;
  for (size_t i = 0; i < slices.size(); ++i) {
    order.push_back(static_cast<int64_t>(i));
  }
  std::stable_sort(order.begin(), order.end(), before);
  std::vector<int64_t> first;  // in rising order of the slices
  std::vector<int64_t> group(slices.size());
  for (size_t i = 0; i < order.size(); ++i) {
    if (i == 0 || before(order[i - 1], order[i])) first.push_back(order[i]);
    group[static_cast<size_t>(order[i])] =
        static_cast<int64_t>(first.size()) - 1;
  }
  // Unsorted, the groups stand as they are met.
  std::vector<int64_t> place(first.size());
  for (size_t i = 0; i < first.size(); ++i) place[i] = static_cast<int64_t>(i);
  if (*sorted == 0) {
    std::sort(place.begin(), place.end(), [&first](int64_t a, int64_t b) {
      return first[static_cast<size_t>(a)] < first[static_cast<size_t>(b)];
    });
  }
  Grouping result;
  std::vector<int64_t> rank(first.size());
  for (size_t i = 0; i < place.size(); ++i) {
    rank[static_cast<size_t>(place[i])] = static_cast<int64_t>(i);
    result.first.push_back(first[static_cast<size_t>(place[i])]);
  }
  result.counts.assign(first.size(), 0);
  for (const int64_t g : group) {
    result.inverse.push_back(rank[static_cast<size_t>(g)]);
    ++result.counts[static_cast<size_t>(result.inverse.back())];
  }
  return result;
}

// No more different elements than there are elements, nor than the type has.
Extent MostUnique(const Slices& slices, DataType type) {
  constexpr int kNarrowBits = 16;
  if (slices.axis.has_value()) return slices.number;
  const int bits = type == DataType::kBool ? 1 : WidthBits(type);
  if (bits == 0 || bits > kNarrowBits) return slices.number;
  return Extent::Min(slices.number, int64_t{1} << bits);
}

}  // namespace

absl::StatusOr<OutputTypes> InferUnique(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const Slices slices, ResolveUnique(node));
  const int axis = static_cast<int>(slices.axis.value_or(0));
  OutputTypes types;
  const std::optional<Grouping> known = Group(node, slices);
  const Extent found =
      known.has_value()
          ? Extent(static_cast<int64_t>(known->first.size()))
          : DataDependentExtent(node, 0, axis, MostUnique(slices, x->type),
                                &types);
  Dims dims = slices.axis.has_value() ? x->shape.dims() : Dims{0};
  dims[static_cast<size_t>(axis)] = found;
  types.push_back(ValueType(x->type, std::move(dims)));
  types.push_back(ValueType(DataType::kInt64, {found}));
  types.push_back(ValueType(DataType::kInt64, {slices.number}));
  types.push_back(ValueType(DataType::kInt64, {found}));
  return types;
}

absl::StatusOr<OpCounts> CountUnique(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Slices slices, ResolveUnique(node));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* y, node.Output(0));
  const Extent& found = y->shape.dims()[slices.axis.value_or(0)];
  const Count comparisons = PlacingComparisons(found);
  if (comparisons.overflowed()) {
    return node.Unknown("the number of comparisons among ", found.ToString(),
                        " elements has no short expression");
  }
  const Count in = node.InputVolume(0);
  const bool has_counts = node.IsOutputUsed(3);
  node.Let("in", in);
  node.Let("slices", slices.number);
  node.Let("slice", slices.slice);
  node.Let("found", found);
  node.Let("comparisons", comparisons);
  node.Let("counts", has_counts ? 1 : 0);
  OpCounts counts;
  AddArith(counts, ArithOp::kAdd, OperandSet::Input(0), in * comparisons);
  if (has_counts) {
    AddArith(counts, ArithOp::kAdd, OperandSet::Output(3), slices.number);
  }
  ReadInput(counts, node, 0, in);
  WriteOutput(counts, node, 0, Volume({found, slices.slice}));
  WriteOutput(counts, node, 1, found);
  WriteOutput(counts, node, 2, slices.number);
  WriteOutput(counts, node, 3, found);
  return counts;
}

OutputValues FoldUnique(const TypedNodeView& node) {
  const auto slices = ResolveUnique(node);
  const std::optional<IntDims> dims = FoldableDims(node, 0);
  if (!slices.ok() || !dims.has_value()) return {};
  const std::optional<Grouping> known = Group(node, *slices);
  if (!known.has_value()) return {};
  const TensorValue* data = FoldableInput(node, 0);
  const size_t axis = slices->axis.value_or(0);
  KnownValue unique = Rearrange(*dims, data, [&](const IntDims& index) {
    const int64_t place = known->first[static_cast<size_t>(index[axis])];
    if (!slices->axis.has_value()) return place;
    IntDims inside = index;
    inside[axis] = place;
    return OffsetOf(data->dims(), inside);
  });
  const auto list = [](const std::vector<int64_t>& numbers) {
    return KnownInts({static_cast<int64_t>(numbers.size())}, numbers);
  };
  return {std::move(unique), list(known->first), list(known->inverse),
          list(known->counts)};
}

}  // namespace opcost
