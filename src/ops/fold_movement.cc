// SPDX-License-Identifier: Apache-2.0
#include "src/ops/fold_movement.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace opcost {
namespace {

// Deeper tensors don't occur, and would make an index long to compute.
constexpr size_t kMaxFoldedRank = 64;

bool SameElement(const TensorValue& a, const TensorValue& b) {
  // A NaN differs from itself, so that such sources never join.
  return a.holds_integers() ? a.Int(0) == b.Int(0) : a.Float(0) == b.Float(0);
}

// True if every element of every source is the same.
bool AllUniform(absl::Span<const TensorValue* const> sources) {
  return std::all_of(
      sources.begin(), sources.end(), [&sources](const TensorValue* source) {
        const bool uniform = source->is_uniform() || source->size() == 1;
        return uniform &&
               (source == sources[0] || SameElement(*sources[0], *source));
      });
}

KnownValue Uniform(const TensorValue& like, const IntDims& dims) {
  return std::make_shared<const TensorValue>(
      like.holds_integers()
          ? TensorValue::UniformInteger(like.type(), dims, like.Int(0))
          : TensorValue::UniformFloat(like.type(), dims, like.Float(0)));
}

// Advances a row-major index; wraps to all zeros after the last.
void Advance(const IntDims& dims, IntDims& index) {
  for (size_t axis = dims.size(); axis-- > 0;) {
    if (++index[axis] < dims[axis]) return;
    index[axis] = 0;
  }
}

}  // namespace

const TensorValue* FoldableInput(const NodeView& node, int i) {
  const TensorValue* value = node.InputValue(i);
  if (value == nullptr || value->type() == DataType::kString) return nullptr;
  return value->dims().size() > kMaxFoldedRank ? nullptr : value;
}

std::optional<IntDims> FoldableDims(const TypedNodeView& node, int o) {
  const auto type = node.Output(o);
  if (!type.ok()) return std::nullopt;
  const Dims& extents = (*type)->shape.dims();
  if (extents.size() > kMaxFoldedRank || !Volume(extents).is_concrete()) {
    return std::nullopt;
  }
  IntDims dims;
  for (const Extent& extent : extents) {
    if (!extent.is_concrete()) return std::nullopt;
    dims.push_back(extent.value());
  }
  return dims;
}

IntDims Strides(const IntDims& dims) {
  IntDims strides(dims.size(), 1);
  for (size_t axis = dims.size(); axis-- > 1;) {
    if (__builtin_mul_overflow(strides[axis], dims[axis], &strides[axis - 1])) {
      strides[axis - 1] = 0;  // only where another axis is empty
    }
  }
  return strides;
}

int64_t OffsetOf(const IntDims& dims, const IntDims& index) {
  int64_t offset = 0;
  for (size_t axis = 0; axis < dims.size(); ++axis) {
    offset = offset * dims[axis] + index[axis];
  }
  return offset;
}

KnownValue Assemble(const IntDims& dims,
                    absl::Span<const TensorValue* const> sources,
                    absl::FunctionRef<ElementPlace(const IntDims&)> place) {
  if (sources.empty()) return nullptr;
  for (const TensorValue* source : sources) {
    if (source == nullptr ||
        source->holds_integers() != sources[0]->holds_integers()) {
      return nullptr;
    }
  }
  const Extent volume = Volume(Dims(dims.begin(), dims.end()));
  if (!volume.is_concrete()) return nullptr;
  const int64_t size = volume.value();
  if (size > 0 && AllUniform(sources)) return Uniform(*sources[0], dims);
  if (size > kMaxKnownElements) return nullptr;

  const bool integers = sources[0]->holds_integers();
  std::vector<SymValue> syms;
  std::vector<double> floats;
  IntDims index(dims.size(), 0);
  for (int64_t i = 0; i < size; ++i, Advance(dims, index)) {
    const ElementPlace from = place(index);
    const TensorValue& source = *sources[from.source];
    if (from.offset < 0 || from.offset >= source.size()) return nullptr;
    if (integers) {
      syms.push_back(source.Int(from.offset));
    } else {
      floats.push_back(source.Float(from.offset));
    }
  }
  const DataType type = sources[0]->type();
  return std::make_shared<const TensorValue>(
      integers ? TensorValue::Integers(type, dims, std::move(syms))
               : TensorValue::Floats(type, dims, std::move(floats)));
}

KnownValue Rearrange(const IntDims& dims, const TensorValue* source,
                     absl::FunctionRef<int64_t(const IntDims&)> offset) {
  return Assemble(dims, {&source, 1}, [&offset](const IntDims& index) {
    return ElementPlace{0, offset(index)};
  });
}

KnownValue Transposed(const TensorValue* value, const IntDims& from,
                      absl::Span<const int> perm, const IntDims& to) {
  IntDims permuted;
  for (const int axis : perm) {
    permuted.push_back(from[static_cast<size_t>(axis)]);
  }
  const IntDims strides = Strides(from);
  const IntDims steps = Strides(permuted);
  int64_t next = 0;
  return Rearrange(to, value, [&](const IntDims&) {
    int64_t offset = 0;
    for (size_t i = 0; i < perm.size(); ++i) {
      offset +=
          next / steps[i] % permuted[i] * strides[static_cast<size_t>(perm[i])];
    }
    ++next;
    return offset;
  });
}

OutputValues FoldSameOrder(const TypedNodeView& node) {
  const std::optional<IntDims> dims = FoldableDims(node, 0);
  if (!dims.has_value()) return {nullptr};
  int64_t next = 0;
  return {Rearrange(*dims, FoldableInput(node, 0),
                    [&next](const IntDims&) { return next++; })};
}

}  // namespace opcost
