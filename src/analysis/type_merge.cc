// SPDX-License-Identifier: Apache-2.0
#include "src/analysis/type_merge.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"

namespace opcost {
namespace {

// An element of a sequence, an optional or a map: its extents have no name.
ValueType MergeElements(const ValueType& a, const ValueType& b) {
  if (SameType(a, b)) return a;
  if (a.kind != b.kind || a.map_key != b.map_key) return ValueType();
  if (a.is_tensor()) {
    if (a.tensor.type != b.tensor.type) return ValueType();
    ValueType merged = a;
    merged.tensor.shape = Shape::Unknown();
    return merged;
  }
  if (a.element == nullptr || b.element == nullptr) return ValueType();
  ValueType merged = a;
  merged.element =
      std::make_shared<const ValueType>(MergeElements(*a.element, *b.element));
  return merged;
}

Extent MergeExtents(const Extent& a, const Extent& b, const std::string& symbol,
                    ExtentBounds* bounds, bool unbounded) {
  if (a == b) return a;
  Extent merged = Extent::Symbol(symbol);
  if (unbounded) {
    bounds->erase(symbol);
    return merged;
  }
  Extent most = Extent::Max(AtMost(a, *bounds), AtMost(b, *bounds));
  std::set<std::string> symbols;
  most.CollectSymbols(&symbols);
  // An extent bounded by itself isn't bounded.
  if (symbols.count(symbol) != 0) {
    bounds->erase(symbol);
  } else {
    bounds->insert_or_assign(symbol, std::move(most));
  }
  return merged;
}

}  // namespace

bool SameType(const ValueType& a, const ValueType& b) {
  if (a.kind != b.kind || a.map_key != b.map_key || !(a.tensor == b.tensor)) {
    return false;
  }
  if (a.element == nullptr || b.element == nullptr) {
    return a.element == b.element;
  }
  return SameType(*a.element, *b.element);
}

ValueType MergeTypes(const ValueType& a, const ValueType& b,
                     absl::string_view name, ExtentBounds* bounds,
                     bool unbounded) {
  if (!a.is_tensor() || !b.is_tensor() || a.tensor.type != b.tensor.type ||
      !a.tensor.shape.has_rank() || !b.tensor.shape.has_rank() ||
      a.tensor.shape.rank() != b.tensor.shape.rank()) {
    return MergeElements(a, b);
  }
  ValueType merged = a;
  Dims& dims = merged.tensor.shape.mutable_dims();
  for (size_t axis = 0; axis < dims.size(); ++axis) {
    dims[axis] = MergeExtents(dims[axis], b.tensor.shape.dims()[axis],
                              absl::StrCat(name, "#", axis), bounds, unbounded);
  }
  return merged;
}

Extent AtMost(const Extent& extent, const ExtentBounds& bounds) {
  if (extent.is_concrete() || bounds.empty()) return extent;
  std::set<std::string> symbols;
  extent.CollectSymbols(&symbols);
  Bindings numbers;
  for (const std::string& symbol : symbols) {
    const auto bound = bounds.find(symbol);
    if (bound != bounds.end() && bound->second.is_concrete()) {
      numbers.emplace(symbol, bound->second.value());
    }
  }
  return numbers.empty() ? extent : extent.Bind(numbers);
}

}  // namespace opcost
