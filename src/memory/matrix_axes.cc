// SPDX-License-Identifier: Apache-2.0
#include "src/memory/matrix_axes.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace opcost {
namespace {

enum class Label : uint8_t { kBlock, kRow, kColumn };

// A part of an axis that lies within blocks, rows or columns.
struct Part {
  Label label;
  int64_t extent;
};

// The parts of each axis; nullopt if one straddles.
std::optional<std::vector<std::vector<Part>>> PartsOf(
    const MatrixLayout& layout, absl::Span<const int64_t> dims) {
  std::array<Part, 3> left = {Part{Label::kBlock, layout.blocks},
                              Part{Label::kRow, layout.rows},
                              Part{Label::kColumn, layout.columns}};
  if (layout.is_transposed) std::swap(left[1], left[2]);
  std::vector<std::vector<Part>> axes;
  size_t at = 0;
  for (int64_t extent : dims) {
    axes.emplace_back();
    while (extent > 1) {
      while (at < left.size() && left[at].extent == 1) ++at;
      if (at == left.size()) return std::nullopt;
      const int64_t part = std::min(extent, left[at].extent);
      if (part == 0 || extent % part != 0 || left[at].extent % part != 0) {
        return std::nullopt;
      }
      axes.back().push_back({left[at].label, part});
      extent /= part;
      left[at].extent /= part;
    }
  }
  return axes;
}

// Where the zero point of element `flat` of the tensor is.
class ZeroPointIndex {
 public:
  explicit ZeroPointIndex(const QuantizedAxis& axis) : axis_(axis) {}

  int64_t Of(int64_t flat) const {
    int64_t index = 0;
    int64_t stride = 1;
    for (size_t i = axis_.dims.size(); i-- > 0;) {
      const int64_t extent = axis_.dims[i];
      const bool is_axis = static_cast<int64_t>(i) == axis_.axis;
      const int64_t along = flat % extent;
      flat /= extent;
      if (is_axis) {
        index += along / axis_.block * stride;
        stride *= (extent - 1) / axis_.block + 1;
      } else if (axis_.is_full) {
        index += along * stride;
        stride *= extent;
      }
    }
    return index;
  }

 private:
  const QuantizedAxis& axis_;
};

int64_t FlatIndex(const MatrixLayout& layout, int64_t row, int64_t column) {
  const int64_t block = row / layout.rows;
  const int64_t in_block = row % layout.rows;
  return block * layout.rows * layout.columns +
         (layout.is_transposed ? column * layout.rows + in_block
                               : in_block * layout.columns + column);
}

}  // namespace

std::optional<MatrixLayout> LayoutBeforeTranspose(
    const MatrixLayout& layout, absl::Span<const int64_t> dims,
    absl::Span<const int64_t> permutation) {
  const auto axes = PartsOf(layout, dims);
  if (!axes.has_value() || permutation.size() != dims.size()) {
    return std::nullopt;
  }
  // Axis permutation[i] of the stored tensor is axis i of the other.
  std::vector<size_t> stored_order(dims.size());
  for (size_t i = 0; i < permutation.size(); ++i) {
    const auto from = static_cast<size_t>(permutation[i]);
    if (from >= dims.size()) return std::nullopt;
    stored_order[from] = i;
  }
  // Each label's parts must follow each other in their order.
  std::vector<Label> seen;
  size_t last_of[3] = {0, 0, 0};
  for (const size_t i : stored_order) {
    for (const Part& part : (*axes)[i]) {
      if (seen.empty() || seen.back() != part.label) {
        if (std::find(seen.begin(), seen.end(), part.label) != seen.end()) {
          return std::nullopt;
        }
        seen.push_back(part.label);
      }
      size_t& last = last_of[static_cast<size_t>(part.label)];
      if (i + 1 < last) return std::nullopt;
      last = i + 1;
    }
  }
  const auto place = [&seen](Label label) {
    return std::find(seen.begin(), seen.end(), label);
  };
  if (place(Label::kBlock) != seen.end() &&
      place(Label::kBlock) != seen.begin()) {
    return std::nullopt;
  }
  MatrixLayout stored = layout;
  const bool has_both =
      place(Label::kRow) != seen.end() && place(Label::kColumn) != seen.end();
  stored.is_transposed = has_both && place(Label::kColumn) < place(Label::kRow);
  return stored;
}

std::optional<ZeroPoints> ByRow(const MatrixLayout& layout,
                                const QuantizedAxis& axis,
                                const std::vector<int64_t>& values) {
  constexpr int64_t kMostZeroPoints = int64_t{1} << 24;
  ZeroPoints result;
  const int64_t rows = layout.blocks * layout.rows;
  const int64_t columns = layout.columns;
  if (rows == 0 || columns == 0) return result;
  if (std::all_of(values.begin(), values.end(),
                  [&](int64_t value) { return value == values[0]; })) {
    result.values = {values.empty() ? 0 : values[0]};
    return result;
  }
  if (columns > kMostZeroPoints || rows > kMostZeroPoints) return std::nullopt;
  const ZeroPointIndex index(axis);
  int64_t each = 1;
  while (each < columns && index.Of(FlatIndex(layout, 0, each)) ==
                               index.Of(FlatIndex(layout, 0, 0))) {
    ++each;
  }
  for (const int64_t row : {int64_t{0}, rows / 2, rows - 1}) {
    for (int64_t column = 0; column < columns; ++column) {
      const int64_t first = column / each * each;
      if (index.Of(FlatIndex(layout, row, column)) !=
          index.Of(FlatIndex(layout, row, first))) {
        return std::nullopt;
      }
    }
  }
  const int64_t in_row = (columns - 1) / each + 1;
  if (rows > kMostZeroPoints / in_row) return std::nullopt;
  result.columns_each = each;
  result.values.clear();
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t column = 0; column < columns; column += each) {
      const int64_t at = index.Of(FlatIndex(layout, row, column));
      if (at >= static_cast<int64_t>(values.size())) return std::nullopt;
      result.values.push_back(values[static_cast<size_t>(at)]);
    }
  }
  return result;
}

}  // namespace opcost
