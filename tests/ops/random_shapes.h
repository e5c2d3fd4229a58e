// SPDX-License-Identifier: Apache-2.0
// Random shapes and broadcast operands for the counting references of
// elementwise operators.
#ifndef OPCOST_TESTS_OPS_RANDOM_SHAPES_H_
#define OPCOST_TESTS_OPS_RANDOM_SHAPES_H_

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "opcost/ir/types.h"
#include "tests/support/counting.h"
#include "tests/support/one_node.h"

namespace opcost {

using Sizes = std::vector<int64_t>;

inline Dims DimsFrom(const Sizes& sizes) {
  return Dims(sizes.begin(), sizes.end());
}

// Draws the same numbers in every run.
class RandomShapes {
 public:
  // lo <= result <= hi.
  int64_t Int(int64_t lo, int64_t hi) {
    return lo +
           static_cast<int64_t>(engine_() % static_cast<uint64_t>(hi - lo + 1));
  }
  bool Flip() { return Int(0, 1) == 1; }
  // Axes of 1 to `longest` elements.
  Sizes Shape(int64_t least_rank, int64_t greatest_rank, int64_t longest = 4) {
    Sizes sizes(static_cast<size_t>(Int(least_rank, greatest_rank)));
    for (int64_t& size : sizes) size = Int(1, longest);
    return sizes;
  }
  // A shape that broadcasts to `to`: without some first axes, some others 1.
  Sizes Narrowed(const Sizes& to) {
    Sizes sizes = to;
    for (int64_t& size : sizes) size = Int(0, 3) == 0 ? 1 : size;
    const int64_t dropped =
        Flip() ? Int(0, static_cast<int64_t>(to.size())) : 0;
    sizes.erase(sizes.begin(), sizes.begin() + dropped);
    return sizes;
  }

 private:
  std::mt19937_64 engine_{20240607};
};

inline int64_t SizeOf(const Sizes& sizes) {
  int64_t size = 1;
  for (const int64_t extent : sizes) size *= extent;
  return size;
}

// The shape that `a` and `b` broadcast to, aligned at their ends.
inline Sizes BroadcastOf(const Sizes& a, const Sizes& b) {
  Sizes result = a.size() > b.size() ? a : b;
  for (size_t i = 1; i <= a.size() && i <= b.size(); ++i) {
    const int64_t x = a[a.size() - i];
    result[result.size() - i] = x == 1 ? b[b.size() - i] : x;
  }
  return result;
}

// The index of every element of an array of `sizes`, in row-major order.
inline std::vector<Sizes> IndicesOf(const Sizes& sizes) {
  std::vector<Sizes> indices = {{}};
  for (const int64_t extent : sizes) {
    std::vector<Sizes> longer;
    for (const Sizes& index : indices) {
      for (int64_t i = 0; i < extent; ++i) {
        longer.push_back(index);
        longer.back().push_back(i);
      }
    }
    indices = std::move(longer);
  }
  return indices;
}

// Operand `number` of a node: read at the place that broadcasting gives, or,
// if it is a constant of one element, once.
class OperandArray {
 public:
  OperandArray(Tally& tally, int number, const Sizes& sizes, bool is_constant)
      : array_(tally, "i" + std::to_string(number), sizes),
        is_immediate_(is_constant && SizeOf(sizes) == 1) {}

  Number At(const Sizes& index) {
    if (is_immediate_) {
      if (!held_.has_value()) held_ = array_.Read(int64_t{0});
      return *held_;
    }
    const size_t extra = index.size() - array_.dims().size();
    Sizes own(index.begin() + static_cast<std::ptrdiff_t>(extra), index.end());
    for (size_t i = 0; i < own.size(); ++i) {
      if (array_.dims()[i] == 1) own[i] = 0;
    }
    return array_.Read(own);
  }

 private:
  Array array_;
  bool is_immediate_;
  std::optional<Number> held_;
};

// Gives the node an operand: a constant whose elements aren't known, or an
// input.
inline void AddOperand(OneNode& node, const Sizes& sizes, bool is_constant) {
  if (is_constant) {
    node.Constant(DimsFrom(sizes));
  } else {
    node.Input(DimsFrom(sizes));
  }
}

}  // namespace opcost

#endif  // OPCOST_TESTS_OPS_RANDOM_SHAPES_H_
