// SPDX-License-Identifier: Apache-2.0
// Shapes of movement, resampling and reduction operators against libonnx.
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "opcost/ir/graph.h"
#include "tests/support/onnx_text.h"
#include "tests/support/op_cases.h"

namespace opcost {
namespace {

struct OracleCase {
  const char* name;
  OneNode node;            // ours
  std::string inputs;      // "float[2,3] x"
  std::string call;        // "y = Transpose(x)"
  std::string known = "";  // initializers: "int64[1] s = {2}"
};

OneNode Op(const char* name, int opset, Dims dims) {
  OneNode node(name, opset);
  node.Input(std::move(dims));
  return node;
}

std::string Oracle(const OracleCase& c) {
  const std::string known =
      c.known.empty() ? "" : absl::StrCat(" <", c.known, ">");
  const std::string text =
      absl::StrCat("g (", c.inputs, ") => (y)", known, " { ", c.call, " }");
  const std::map<std::string, std::string> shapes =
      OracleShapes(text, c.node.node().opset);
  const auto y = shapes.find("y");
  if (y != shapes.end()) return y->second;
  const auto error = shapes.find("error");
  return error == shapes.end() ? "no y" : error->second;
}

void ExpectOracleAgrees(std::vector<OracleCase> cases) {
  for (OracleCase& c : cases) {
    EXPECT_EQ(c.node.InferText(), Oracle(c)) << c.name;
  }
}

const Extent kN = Extent::Symbol("N");

TEST(MovementOracle, Views) {
  ExpectOracleAgrees({
      {"reshape", Op("Reshape", 13, {2, 3, 4}).ConstantInts({0, -1}),
       "float[2,3,4] x", "y = Reshape(x, s)", "int64[2] s = {0, -1}"},
      {"reshape to a symbol",
       Op("Reshape", 13, {kN, 3, 4}).ConstantInts({0, 12}), "float[N,3,4] x",
       "y = Reshape(x, s)", "int64[2] s = {0, 12}"},
      {"flatten", Op("Flatten", 13, {2, 3, 4}).Attr("axis", -1),
       "float[2,3,4] x", "y = Flatten <axis = -1> (x)"},
      {"flatten a scalar", Op("Flatten", 13, {2}).Attr("axis", 0), "float[2] x",
       "y = Flatten <axis = 0> (x)"},
      {"squeeze", Op("Squeeze", 13, {1, 3, 1}).ConstantInts({-1}),
       "float[1,3,1] x", "y = Squeeze(x, a)", "int64[1] a = {-1}"},
      {"squeeze all", Op("Squeeze", 13, {1, 3, 1}), "float[1,3,1] x",
       "y = Squeeze(x)"},
      {"unsqueeze", Op("Unsqueeze", 13, {3, 4}).ConstantInts({3, 1}),
       "float[3,4] x", "y = Unsqueeze(x, a)", "int64[2] a = {3, 1}"},
      {"old unsqueeze",
       Op("Unsqueeze", 11, {3, 4}).Attr("axes", Numbers{0, -1}), "float[3,4] x",
       "y = Unsqueeze <axes = [0, -1]> (x)"},
      {"dropout", Op("Dropout", 13, {3, kN}), "float[3,N] x", "y = Dropout(x)"},
      {"identity", Op("Identity", 13, {3, kN}), "float[3,N] x",
       "y = Identity(x)"},
  });
}

TEST(MovementOracle, Movement) {
  ExpectOracleAgrees({
      {"transpose",
       Op("Transpose", 13, {2, 3, 4}).Attr("perm", Numbers{1, 2, 0}),
       "float[2,3,4] x", "y = Transpose <perm = [1, 2, 0]> (x)"},
      {"reverse", Op("Transpose", 13, {2, 3, kN}), "float[2,3,N] x",
       "y = Transpose(x)"},
      {"concat", Op("Concat", 13, {2, 3}).Input({2, 4}).Attr("axis", -1),
       "float[2,3] x, float[2,4] z", "y = Concat <axis = -1> (x, z)"},
      {"split", Op("Split", 13, {7, 2}).ConstantInts({3, 4}).Outputs(2),
       "float[7,2] x", "y, z = Split(x, s)", "int64[2] s = {3, 4}"},
      {"old split", Op("Split", 11, {6, 4}).Attr("axis", 1).Outputs(2),
       "float[6,4] x", "y, z = Split <axis = 1> (x)"},
      {"expand", Op("Expand", 13, {3, 1}).ConstantInts({2, 1, 6}),
       "float[3,1] x", "y = Expand(x, s)", "int64[3] s = {2, 1, 6}"},
      {"tile", Op("Tile", 13, {2, 3}).ConstantInts({2, 4}), "float[2,3] x",
       "y = Tile(x, r)", "int64[2] r = {2, 4}"},
      {"depth to space",
       Op("DepthToSpace", 13, {1, 8, 3, 4}).Attr("blocksize", 2),
       "float[1,8,3,4] x", "y = DepthToSpace <blocksize = 2> (x)"},
      {"space to depth",
       Op("SpaceToDepth", 13, {1, 2, 6, 8}).Attr("blocksize", 2),
       "float[1,2,6,8] x", "y = SpaceToDepth <blocksize = 2> (x)"},
      {"gather",
       OneNode("Gather", 13)
           .Input({5, 6, 7})
           .Input({2, 3}, DataType::kInt64)
           .Attr("axis", 1),
       "float[5,6,7] x, int64[2,3] i", "y = Gather <axis = 1> (x, i)"},
      {"pad", Op("Pad", 13, {2, 3}).ConstantInts({1, -1, 0, 2}), "float[2,3] x",
       "y = Pad(x, p)", "int64[4] p = {1, -1, 0, 2}"},
      {"old pad", Op("Pad", 2, {2, 3}).Attr("pads", Numbers{1, 0, 0, 2}),
       "float[2,3] x", "y = Pad <pads = [1, 0, 0, 2]> (x)"},
  });
}

TEST(MovementOracle, SlicesOfEveryKind) {
  Dice dice(71);
  for (int i = 0; i < 60; ++i) {
    const int64_t extent = dice.Roll(1, 6);
    const int64_t start = dice.Roll(-8, 8), end = dice.Roll(-8, 8);
    const int64_t step = dice.Coin() ? dice.Roll(1, 3) : -dice.Roll(1, 3);
    OneNode node = Op("Slice", 13, {extent, 2});
    node.ConstantInts({start})
        .ConstantInts({end})
        .ConstantInts({0})
        .ConstantInts({step});
    ExpectOracleAgrees(
        {{"slice", node, absl::StrCat("float[", extent, ",2] x"),
          "y = Slice(x, s, e, a, t)",
          absl::StrCat("int64[1] s = {", start, "}, int64[1] e = {", end,
                       "}, int64[1] a = {0}, int64[1] t = {", step, "}")}});
  }
}

TEST(MovementOracle, Generation) {
  ExpectOracleAgrees({
      {"shape", Op("Shape", 15, {2, 3, kN}).Attr("start", 1), "float[2,3,N] x",
       "y = Shape <start = 1> (x)"},
      {"size", Op("Size", 13, {2, 3}), "float[2,3] x", "y = Size(x)"},
      {"constant of shape", OneNode("ConstantOfShape", 9).ConstantInts({2, 3}),
       "float[1] x", "y = ConstantOfShape(s)", "int64[2] s = {2, 3}"},
      {"range",
       OneNode("Range", 11)
           .ConstantScalar(10)
           .ConstantScalar(3)
           .ConstantScalar(-2),
       "float[1] x", "y = Range(s, l, d)",
       "int64 s = {10}, int64 l = {3}, int64 d = {-2}"},
  });
}

TEST(MovementOracle, Resampling) {
  ExpectOracleAgrees({
      {"old upsample",
       Op("Upsample", 7, {1, 2, 3, 4}).AttrFloats("scales", {1, 1, 2.5, 2}),
       "float[1,2,3,4] x", "y = Upsample <scales = [1.0, 1.0, 2.5, 2.0]> (x)"},
      {"upsample", Op("Upsample", 9, {1, 2, 3, 4}).ConstantFloats({1, 1, 2, 3}),
       "float[1,2,3,4] x", "y = Upsample(x, s)",
       "float[4] s = {1.0, 1.0, 2.0, 3.0}"},
      {"old resize",
       Op("Resize", 10, {1, 2, 5, 5}).ConstantFloats({1, 1, 0.5, 1.5}),
       "float[1,2,5,5] x", "y = Resize(x, s)",
       "float[4] s = {1.0, 1.0, 0.5, 1.5}"},
      {"resize by scales",
       Op("Resize", 13, {5, 10})
           .Absent()
           .ConstantFloats({1.5, static_cast<double>(0.7F)}),
       "float[5,10] x", "y = Resize(x, , s)", "float[2] s = {1.5, 0.7}"},
      {"resize by sizes",
       Op("Resize", 13, {5, 10}).Absent().Absent().ConstantInts({7, 3}),
       "float[5,10] x", "y = Resize(x, , , s)", "int64[2] s = {7, 3}"},
  });
}

TEST(MovementOracle, Reductions) {
  std::vector<OracleCase> cases;
  for (const char* op :
       {"ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax",
        "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSumSquare"}) {
    OneNode node = Op(op, 13, {2, kN, 4});
    node.Attr("axes", Numbers{-1, 0}).Attr("keepdims", 0);
    cases.push_back(
        {op, node, "float[2,N,4] x",
         absl::StrCat("y = ", op, " <axes = [-1, 0], keepdims = 0> (x)")});
  }
  cases.push_back(
      {"ReduceSum", Op("ReduceSum", 13, {2, kN, 4}).ConstantInts({2}),
       "float[2,N,4] x", "y = ReduceSum(x, a)", "int64[1] a = {2}"});
  cases.push_back({"ReduceSum over none",
                   Op("ReduceSum", 13, {2, 4})
                       .ConstantInts({})
                       .Attr("noop_with_empty_axes", 1),
                   "float[2,4] x",
                   "y = ReduceSum <noop_with_empty_axes = 1> (x)"});
  cases.push_back({"ArgMax", Op("ArgMax", 13, {2, 3}).Attr("axis", -1),
                   "float[2,3] x", "y = ArgMax <axis = -1> (x)"});
  cases.push_back({"ArgMin", Op("ArgMin", 13, {2, 3}).Attr("keepdims", 0),
                   "float[2,3] x", "y = ArgMin <keepdims = 0> (x)"});
  ExpectOracleAgrees(std::move(cases));
}

}  // namespace
}  // namespace opcost
