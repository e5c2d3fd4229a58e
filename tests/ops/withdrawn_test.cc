// SPDX-License-Identifier: Apache-2.0
// Operators that ONNX has withdrawn.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tests/ops/random_shapes.h"
#include "tests/support/formula_check.h"
#include "tests/support/one_node.h"
#include "tests/support/op_cases.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

constexpr int kCases = 200;

// What each does to an element, with `a` and `b` for its two parameters, of
// which one is left out where it changes nothing.
Number Apply(const std::string& op, Tally& t, Number x, bool a, bool b) {
  if (op == "Affine") {
    if (a) x = x * Number(t, 2);
    return b ? x + Number(t, 3) : x;
  }
  if (op == "ImageScaler") {
    if (a) x = x * Number(t, 2);
    return b ? x + Number(t, 3) : x;
  }
  if (op == "Scale") return a ? x * Number(t, 2) : x;
  if (b) x = x * Number(t, 3);
  if (op == "ScaledTanh") x = x.Apply("tanh", 0.5);
  if (op == "ParametricSoftplus") {
    x = (x.Apply("exp", 1) + Number(t, 1)).Apply("log", 1);
  }
  return a ? x * Number(t, 2) : x;
}

void SetParameters(OneNode& node, const std::string& op, bool a, bool b) {
  if (op == "ImageScaler" || op == "Scale") {
    if (a) node.Attr("scale", 2.0);
    if (b && op == "ImageScaler") node.AttrFloats("bias", {1, 2, 3});
    return;
  }
  if (a) node.Attr("alpha", 2.0);
  if (b) node.Attr("beta", 3.0);
}

TEST(Withdrawn, CountWhatPlainLoopsDo) {
  RandomShapes random;
  for (int i = 0; i < kCases; ++i) {
    for (const char* op : {"Affine", "ImageScaler", "ParametricSoftplus",
                           "Scale", "ScaledTanh"}) {
      Sizes sizes = random.Shape(4, 4);
      sizes[1] = 3;
      const bool a = random.Flip(), b = random.Flip();
      Tally t;
      Array x(t, "i0", sizes), y(t, "o0", sizes);
      for (const Sizes& at : IndicesOf(sizes)) {
        y.Write(at, Apply(op, t, x.Read(at), a, b));
      }
      OneNode node(op, 1);
      AddOperand(node, sizes, false);
      SetParameters(node, op, a, b);
      ExpectCounts(node, t, op);
    }
  }
}

TEST(Crop, CopiesWhatTheBorderLeaves) {
  RandomShapes random;
  for (int i = 0; i < kCases; ++i) {
    const Sizes sizes = {2, 3, random.Int(4, 6), random.Int(4, 6)};
    std::vector<int64_t> border(4);
    for (int64_t& side : border) side = random.Int(0, 1);
    const bool has_scale = random.Flip();
    Sizes kept = sizes;
    kept[2] = has_scale ? 2 : sizes[2] - border[1] - border[3];
    kept[3] = has_scale ? 3 : sizes[3] - border[0] - border[2];
    Tally t;
    Array x(t, "i0", sizes), y(t, "o0", kept);
    for (const Sizes& at : IndicesOf(kept)) {
      if (kept == sizes) break;
      y.Write(at, x.Read({at[0], at[1], at[2] + border[1], at[3] + border[0]}));
    }
    OneNode node("Crop", 1);
    AddOperand(node, sizes, false);
    node.Attr("border", border);
    if (has_scale) node.Attr("scale", std::vector<int64_t>{2, 3});
    EXPECT_EQ(node.InferText(), "float32 " + ToString(Shape(DimsFrom(kept))));
    ExpectCounts(node, t, "Crop");
  }
}

TEST(Withdrawn, RefuseWhatDoesNotFit) {
  const auto crop = [](std::vector<int64_t> border) {
    OneNode node("Crop", 1);
    node.Input({1, 3, 4, 4}).Attr("border", std::move(border));
    return node;
  };
  ExpectInfers({
      {crop({0, 3, 0, 2}),
       "Crop 'o0': axis 2 has 4 elements, too few for border and scale"},
      {crop({0, 3}),
       "Crop 'o0': the input 1x3x4x4 must have 4 axes, border 4 values and "
       "scale 0 or 2, but they have 2 and 0"},
      {crop({0, 3, 0, 0}).Attr("scale", std::vector<int64_t>{2, 2}),
       "Crop 'o0': axis 2 has 4 elements, too few for border and scale"},
      {OneNode("ImageScaler", 1).Input({1, 3, 4, 4}).AttrFloats("bias", {1}),
       "ImageScaler 'o0': bias has 1 values but there are 3 channels"},
      {OneNode("ImageScaler", 1).Input({3, 4, 4}),
       "ImageScaler 'o0': the input must have 4 axes but is 3x4x4"},
  });
}

}  // namespace
}  // namespace opcost
