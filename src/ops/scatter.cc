// SPDX-License-Identifier: Apache-2.0
#include "src/ops/scatter.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "opcost/support/status_macros.h"
#include "src/ops/axes.h"
#include "src/ops/fold_movement.h"
#include "src/ops/known_elements.h"

namespace opcost {
namespace {

// The first opsets with batch_dims, and with attribute reduction.
constexpr int kBatchDimsOpset = 12;
constexpr int kReductionOpset = 16;
// TensorScatter's operands.
constexpr int kUpdate = 1;
constexpr int kWriteIndices = 2;

absl::Status CheckIntegerIndices(const NodeView& node, DataType type) {
  if (IsInteger(type) || type == DataType::kUndefined) return absl::OkStatus();
  return node.Invalid("the indices must be integers but are ", Name(type));
}

// False where both are numbers and differ.
bool MayBeEqual(const Extent& a, const Extent& b) {
  return !a.is_concrete() || !b.is_concrete() || a == b;
}

absl::Status CheckUpdates(const NodeView& node, int operand,
                          const Dims& expected) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* updates, node.Input(operand));
  const Dims& dims = updates->shape.dims();
  bool fits = dims.size() == expected.size();
  for (size_t a = 0; fits && a < dims.size(); ++a) {
    fits = MayBeEqual(dims[a], expected[a]);
  }
  if (fits) return absl::OkStatus();
  return node.Invalid("the updates are ", ToString(updates->shape),
                      " but data and indices ask for ",
                      ToString(Shape(expected)));
}

// How an update joins what is there.
enum class Joining { kReplace, kAdd, kMul, kMax, kMin };

absl::StatusOr<Joining> JoiningOf(const NodeView& node) {
  if (node.opset() < kReductionOpset) return Joining::kReplace;
  OPCOST_ASSIGN_OR_RETURN(const std::string name,
                          node.String("reduction", "none"));
  if (name == "none") return Joining::kReplace;
  if (name == "add") return Joining::kAdd;
  if (name == "mul") return Joining::kMul;
  // max and min came with opset 18.
  if (name == "max") return Joining::kMax;
  if (name == "min") return Joining::kMin;
  return node.Invalid("attribute 'reduction' is '", name,
                      "' but must be none, add, mul, max or min");
}

std::optional<Element> Joined(Joining joining, const Element& there,
                              const Element& update) {
  if (joining == Joining::kReplace) return update;
  if (there.index() != update.index()) return std::nullopt;
  if (const double* a = std::get_if<double>(&there)) {
    const double b = std::get<double>(update);
    if (joining == Joining::kAdd) return Element(*a + b);
    if (joining == Joining::kMul) return Element(*a * b);
    return Element(joining == Joining::kMax ? std::max(*a, b)
                                            : std::min(*a, b));
  }
  const SymValue& a = std::get<SymValue>(there);
  const SymValue& b = std::get<SymValue>(update);
  if (joining == Joining::kAdd) return Element(a + b);
  if (joining == Joining::kMul) return Element(a * b);
  return Element(joining == Joining::kMax ? SymValue::Max(a, b)
                                          : SymValue::Min(a, b));
}

// Output 0 with the elements `updates` at the offsets `places`.
OutputValues Scattered(const TypedNodeView& node, Joining joining,
                       absl::Span<const Element> updates,
                       absl::Span<const int64_t> places) {
  std::optional<std::vector<Element>> elements =
      ElementsOf(FoldableInput(node, 0));
  const std::optional<IntDims> dims = FoldableDims(node, 0);
  if (!elements.has_value() || !dims.has_value()) return {nullptr};
  for (size_t u = 0; u < updates.size(); ++u) {
    if (places[u] < 0 || places[u] >= static_cast<int64_t>(elements->size())) {
      return {nullptr};
    }
    Element& there = (*elements)[static_cast<size_t>(places[u])];
    const std::optional<Element> joined = Joined(joining, there, updates[u]);
    if (!joined.has_value()) return {nullptr};
    there = *joined;
  }
  return {KnownTensor(node.OutputType(0).tensor.type, *dims, *elements)};
}

// Calls place(index) for each index of a tensor of `dims`, in row-major order.
template <typename Place>
std::vector<int64_t> PlacesOf(const IntDims& dims, int64_t size, Place place) {
  std::vector<int64_t> places;
  IntDims index(dims.size(), 0);
  for (int64_t i = 0; i < size; ++i) {
    places.push_back(place(static_cast<const IntDims&>(index), i));
    for (size_t axis = dims.size(); axis-- > 0;) {
      if (++index[axis] < dims[axis]) break;
      index[axis] = 0;
    }
  }
  return places;
}

struct ScatterInputs {
  const TensorValue* data;
  const TensorValue* indices;
  const TensorValue* updates;
  std::vector<Element> update_elements;
};

std::optional<ScatterInputs> KnownInputs(const TypedNodeView& node) {
  ScatterInputs inputs{FoldableInput(node, 0),
                       FoldableInput(node, 1),
                       FoldableInput(node, 2),
                       {}};
  if (inputs.data == nullptr || inputs.indices == nullptr) return std::nullopt;
  std::optional<std::vector<Element>> elements = ElementsOf(inputs.updates);
  if (!elements.has_value()) return std::nullopt;
  inputs.update_elements = *std::move(elements);
  return inputs;
}

}  // namespace

absl::StatusOr<size_t> CheckElementIndices(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* data, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* indices, node.Input(1));
  OPCOST_RETURN_IF_ERROR(CheckIntegerIndices(node, indices->type));
  if (data->shape.rank() != indices->shape.rank()) {
    return node.Invalid("the data has ", data->shape.rank(),
                        " axes but the indices have ", indices->shape.rank());
  }
  OPCOST_ASSIGN_OR_RETURN(const int axis,
                          AxisOf(node, "axis", 0, data->shape.rank()));
  const auto along = static_cast<size_t>(axis);
  const Extent& extent = data->shape.dims()[along];
  const TensorValue* known = FoldableInput(node, 1);
  if (known == nullptr || !extent.is_concrete()) return along;
  const int64_t different =
      known->is_uniform() && known->size() > 0 ? 1 : known->size();
  for (int64_t i = 0; i < different; ++i) {
    const std::optional<int64_t> index = known->Int(i).AsInt();
    if (index.has_value() &&
        (*index < -extent.value() || *index >= extent.value())) {
      return node.Invalid("index ", *index, " is outside the extent ",
                          extent.value(), " of axis ", axis);
    }
  }
  return along;
}

int64_t OffsetAlong(const IntDims& dims, const IntDims& index, size_t axis,
                    const SymValue& picked) {
  const std::optional<int64_t> number = picked.AsInt();
  if (!number.has_value()) return -1;
  IntDims inside = index;
  inside[axis] = *number < 0 ? *number + dims[axis] : *number;
  // Indices may cover less of the other axes than the data, not more.
  for (size_t a = 0; a < dims.size(); ++a) {
    if (inside[a] < 0 || inside[a] >= dims[a]) return -1;
  }
  return OffsetOf(dims, inside);
}

absl::StatusOr<TupleIndices> ResolveTuples(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* data, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* indices, node.Input(1));
  OPCOST_RETURN_IF_ERROR(CheckIntegerIndices(node, indices->type));
  const Dims& from = data->shape.dims();
  const Dims& at = indices->shape.dims();
  if (from.empty() || at.empty()) {
    return node.Invalid("data ", ToString(data->shape), " and indices ",
                        ToString(indices->shape),
                        " must have at least 1 axis each");
  }
  int64_t batch = 0;
  if (node.op_type() == "GatherND" && node.opset() >= kBatchDimsOpset) {
    OPCOST_ASSIGN_OR_RETURN(batch, node.Int("batch_dims", 0));
  }
  const auto least_rank =
      static_cast<int64_t>(std::min(from.size(), at.size()));
  if (batch < 0 || batch >= least_rank) {
    return node.Invalid("batch_dims is ", batch, " but must be from 0 to ",
                        least_rank - 1);
  }
  TupleIndices t;
  t.batch = static_cast<size_t>(batch);
  for (size_t a = 0; a < t.batch; ++a) {
    if (MayBeEqual(from[a], at[a])) continue;
    return node.Invalid("batch axis ", a, " has extent ", from[a].ToString(),
                        " in the data but ", at[a].ToString(),
                        " in the indices");
  }
  if (!at.back().is_concrete()) {
    return node.Unknown("the indices come in tuples of ", at.back().ToString(),
                        ", whose number isn't known");
  }
  const int64_t axes = static_cast<int64_t>(from.size()) - batch;
  if (at.back().value() > axes) {
    return node.Invalid("the indices come in tuples of ", at.back().value(),
                        " but the data has ", axes, " axes for them");
  }
  t.length = static_cast<size_t>(at.back().value());
  return t;
}

bool AppendTuple(const TensorValue& indices, int64_t first, size_t length,
                 const IntDims& dims, IntDims* index) {
  for (size_t i = 0; i < length; ++i) {
    const int64_t offset = first + static_cast<int64_t>(i);
    const std::optional<int64_t> number = indices.Int(offset).AsInt();
    if (!number.has_value()) return false;
    const int64_t extent = dims[index->size()];
    if (*number < -extent || *number >= extent) return false;
    index->push_back(*number < 0 ? *number + extent : *number);
  }
  return true;
}

absl::StatusOr<OutputTypes> InferScatterElements(const NodeView& node) {
  OPCOST_RETURN_IF_ERROR(CheckElementIndices(node).status());
  OPCOST_RETURN_IF_ERROR(JoiningOf(node).status());
  OPCOST_RETURN_IF_ERROR(
      CheckUpdates(node, 2, node.InputType(1).tensor.shape.dims()));
  return OutputTypes{node.InputType(0)};
}

absl::StatusOr<OutputTypes> InferScatterND(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TupleIndices t, ResolveTuples(node));
  OPCOST_RETURN_IF_ERROR(JoiningOf(node).status());
  const Dims& from = node.InputType(0).tensor.shape.dims();
  const Dims& at = node.InputType(1).tensor.shape.dims();
  Dims expected(at.begin(), at.end() - 1);
  expected.insert(expected.end(),
                  from.begin() + static_cast<std::ptrdiff_t>(t.length),
                  from.end());
  OPCOST_RETURN_IF_ERROR(CheckUpdates(node, 2, expected));
  return OutputTypes{node.InputType(0)};
}

absl::StatusOr<OpCounts> CountScatter(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Joining joining, JoiningOf(node));
  const Count updates = node.InputVolume(2);
  const bool is_view = updates.Is(0);
  const Count copied = is_view ? Count(0) : node.OutputVolume(0);
  const Count indices = is_view ? Count(0) : node.InputVolume(1);
  const bool multiplies = joining == Joining::kMul;
  const bool adds = joining != Joining::kReplace && !multiplies;
  node.Let("copied", copied);
  node.Let("indices", indices);
  node.Let("updates", updates);
  node.Let("products", multiplies ? 1 : 0);
  node.Let("sums", adds ? 1 : 0);
  if (is_view) return View();
  OpCounts counts;
  if (multiplies || adds) {
    AddArith(counts, multiplies ? ArithOp::kMul : ArithOp::kAdd,
             OperandSet::Inputs(0, 2), updates);
    RereadOutput(counts, node, 0, updates);
  }
  ReadInput(counts, node, 0, copied);
  ReadInputAs(counts, node, 1, indices, Role::kIndex);
  ReadInput(counts, node, 2, updates);
  WriteOutput(counts, node, 0, copied + updates);
  return counts;
}

OutputValues FoldScatterElements(const TypedNodeView& node) {
  const auto inputs = KnownInputs(node);
  const auto axis = CheckElementIndices(node);
  const auto joining = JoiningOf(node);
  if (!inputs.has_value() || !axis.ok() || !joining.ok() ||
      inputs->indices->dims() != inputs->updates->dims()) {
    return {nullptr};
  }
  const std::vector<int64_t> places =
      PlacesOf(inputs->updates->dims(), inputs->updates->size(),
               [&](const IntDims& index, int64_t i) {
                 return OffsetAlong(inputs->data->dims(), index, *axis,
                                    inputs->indices->Int(i));
               });
  return Scattered(node, *joining, inputs->update_elements, places);
}

OutputValues FoldScatterND(const TypedNodeView& node) {
  const auto inputs = KnownInputs(node);
  const auto t = ResolveTuples(node);
  const auto joining = JoiningOf(node);
  if (!inputs.has_value() || !t.ok() || !joining.ok()) return {nullptr};
  const IntDims& from = inputs->data->dims();
  const IntDims& at = inputs->indices->dims();
  const std::vector<int64_t> places =
      PlacesOf(inputs->updates->dims(), inputs->updates->size(),
               [&](const IntDims& index, int64_t) -> int64_t {
                 const auto middle =
                     index.begin() + static_cast<std::ptrdiff_t>(at.size() - 1);
                 IntDims place(index.begin(), middle);
                 place.push_back(0);
                 IntDims inside;
                 if (!AppendTuple(*inputs->indices, OffsetOf(at, place),
                                  t->length, from, &inside)) {
                   return -1;
                 }
                 inside.insert(inside.end(), middle, index.end());
                 return OffsetOf(from, inside);
               });
  return Scattered(node, *joining, inputs->update_elements, places);
}

// ---- TensorScatter
// -------------------------------------------------------------

namespace {

struct CacheUpdate {
  size_t axis = 0;
  bool is_circular = false;
};

absl::StatusOr<CacheUpdate> ResolveTensorScatter(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* past, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* update, node.Input(kUpdate));
  CacheUpdate cache;
  OPCOST_ASSIGN_OR_RETURN(const int axis,
                          AxisOf(node, "axis", -2, past->shape.rank()));
  if (axis == 0) {
    return node.Invalid("axis 0 is the batch and can't be the sequence");
  }
  cache.axis = static_cast<size_t>(axis);
  OPCOST_ASSIGN_OR_RETURN(const std::string mode,
                          node.String("mode", "linear"));
  if (mode != "linear" && mode != "circular") {
    return node.Invalid("attribute 'mode' is '", mode,
                        "' but must be linear or circular");
  }
  cache.is_circular = mode == "circular";
  const Dims& to = past->shape.dims();
  Dims expected = to;
  if (update->shape.dims().size() == to.size()) {
    const Extent& length = update->shape.dims()[cache.axis];
    if (length.is_concrete() && to[cache.axis].is_concrete() &&
        length.value() > to[cache.axis].value()) {
      return node.Invalid("the update has ", length.ToString(),
                          " steps but the cache ", to[cache.axis].ToString());
    }
    expected[cache.axis] = length;
  }
  OPCOST_RETURN_IF_ERROR(CheckUpdates(node, kUpdate, expected));
  if (!node.HasInput(kWriteIndices)) return cache;
  OPCOST_ASSIGN_OR_RETURN(const TensorType* at, node.Input(kWriteIndices));
  OPCOST_RETURN_IF_ERROR(CheckIntegerIndices(node, at->type));
  if (at->shape.rank() != 1 || !MayBeEqual(at->shape.dims()[0], to[0])) {
    return node.Invalid("the write indices are ", ToString(at->shape),
                        " but there must be one for each batch of ",
                        to[0].ToString());
  }
  return cache;
}

}  // namespace

absl::StatusOr<OutputTypes> InferTensorScatter(const NodeView& node) {
  OPCOST_RETURN_IF_ERROR(ResolveTensorScatter(node).status());
  return OutputTypes{node.InputType(0)};
}

absl::StatusOr<OpCounts> CountTensorScatter(const TypedNodeView& node) {
  const Count updates = node.InputVolume(kUpdate);
  const bool is_view = updates.Is(0);
  const Count copied = is_view ? Count(0) : node.OutputVolume(0);
  const Count indices = is_view || !node.HasInput(kWriteIndices)
                            ? Count(0)
                            : node.InputVolume(kWriteIndices);
  node.Let("past", copied);
  node.Let("out", copied);
  node.Let("updates", updates);
  node.Let("indices", indices);
  if (is_view) return View();
  OpCounts counts;
  ReadInput(counts, node, 0, copied);
  ReadInput(counts, node, kUpdate, updates);
  ReadInputAs(counts, node, kWriteIndices, indices, Role::kIndex);
  WriteOutput(counts, node, 0, copied + updates);
  return counts;
}

OutputValues FoldTensorScatter(const TypedNodeView& node) {
  const auto cache = ResolveTensorScatter(node);
  const TensorValue* past = FoldableInput(node, 0);
  const TensorValue* update = FoldableInput(node, kUpdate);
  const std::optional<std::vector<Element>> updates = ElementsOf(update);
  const TensorValue* at = FoldableInput(node, kWriteIndices);
  if (!cache.ok() || past == nullptr || !updates.has_value() ||
      (node.HasInput(kWriteIndices) && at == nullptr)) {
    return {nullptr};
  }
  const int64_t steps = past->dims()[cache->axis];
  const std::vector<int64_t> places =
      PlacesOf(update->dims(), update->size(),
               [&](const IntDims& index, int64_t) -> int64_t {
                 SymValue step = index[cache->axis];
                 if (at != nullptr) step += at->Int(index[0]);
                 if (cache->is_circular) step = SymValue::Mod(step, steps);
                 if (!step.is_concrete() || step.value() < 0) return -1;
                 return OffsetAlong(past->dims(), index, cache->axis, step);
               });
  return Scattered(node, Joining::kReplace, *updates, places);
}

}  // namespace opcost
