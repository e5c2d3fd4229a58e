// SPDX-License-Identifier: Apache-2.0
// Values through shapes: arithmetic on extents, operator by operator, with
// symbolic extents carried along, and with numbers. What it gives is the shape
// of a tensor that the graph makes.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "opcost/analysis/analysis.h"
#include "tests/support/onnx_text.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

// The type of `y`, which is ConstantOfShape of the `s` that `body` computes;
// `d` is the shape of x, Nx4x6.
std::string ShapeOfResult(const std::string& body, bool keeps_symbols) {
  const std::string text = absl::StrCat(
      "g (float[N,4,6] x, float[M] z) => (float[] y) { d = Shape (x) ", body,
      " y = ConstantOfShape (s) }");
  const absl::StatusOr<Model> model = ModelFromText(text);
  if (!model.ok()) return std::string(model.status().message());
  InputOptions options;
  options.keep_symbols = keeps_symbols;
  if (!keeps_symbols) options.dims = {{"N", 5}, {"M", 3}};
  const absl::StatusOr<Analysis> analysis = Analyze(*model, options);
  if (!analysis.ok()) return std::string(analysis.status().message());
  const Graph& graph = *analysis->graph;
  for (size_t v = 0; v < graph.values.size(); ++v) {
    if (graph.values[v].name == "y") {
      return ToString(analysis->values[v].type);
    }
  }
  return "no value y";
}

std::string Ints(const std::string& name, const std::string& elements) {
  return absl::StrCat(name, " = Constant <value_ints = [", elements, "]> () ");
}

struct ValueCase {
  const char* op;
  std::string body;
  std::string symbolic;
  std::string concrete;  // with N = 5
};

std::vector<ValueCase> ElementwiseCases() {
  const std::string k = Ints("k", "3");
  const std::string n = Ints("i", "0") + "n = Gather (d, i) ";
  return {
      {"Add", k + "s = Add (d, k)", "N+3x7x9", "8x7x9"},
      {"Sub", k + "s = Sub (d, k)", "N-3x1x3", "2x1x3"},
      {"Mul", k + "s = Mul (d, k)", "3*Nx12x18", "15x12x18"},
      {"Div", Ints("k", "1, 2, 3") + "s = Div (d, k)", "Nx2x2", "5x2x2"},
      {"Mod", Ints("k", "9, 3, 4") + n + "m = Mul (d, k) s = Mod (m, k)",
       "0x0x0", "0x0x0"},
      {"Pow", Ints("k", "2") + "s = Pow (d, k)", "N^2x16x36", "25x16x36"},
      {"Min", k + "s = Min (d, k)", "min(N, 3)x3x3", "3x3x3"},
      {"Max", k + "s = Max (d, k)", "max(N, 3)x4x6", "5x4x6"},
      {"Sum", k + "s = Sum (d, k, k)", "N+6x10x12", "11x10x12"},
      {"Neg", "m = Neg (d) s = Neg (m)", "Nx4x6", "5x4x6"},
      {"Abs", "m = Neg (d) s = Abs (m)", "Nx4x6", "5x4x6"},
      {"Sign", k + "m = Add (d, k) s = Sign (m)", "1x1x1", "1x1x1"},
      {"Relu", k + "m = Sub (k, d) s = Relu (m)", "max(3-N, 0)x0x0", "0x0x0"},
      {"Clip",
       "lo = Constant <value_int = 2> () hi = Constant <value_int = 5> () "
       "s = Clip (d, lo, hi)",
       "min(max(N, 2), 5)x4x5", "5x4x5"},
      {"Floor",
       "h = Constant <value_floats = [2.5]> () f = Floor (h) "
       "m = Cast <to = 7> (f) s = Mul (d, m)",
       "2*Nx8x12", "10x8x12"},
      {"Ceil",
       "h = Constant <value_floats = [2.5]> () f = Ceil (h) "
       "m = Cast <to = 7> (f) s = Mul (d, m)",
       "3*Nx12x18", "15x12x18"},
      {"Round",
       "h = Constant <value_floats = [2.5]> () f = Round (h) "
       "m = Cast <to = 7> (f) s = Mul (d, m)",
       "2*Nx8x12", "10x8x12"},
      {"Sqrt",
       "h = Constant <value_floats = [9.0]> () f = Sqrt (h) "
       "m = Cast <to = 7> (f) s = Add (d, m)",
       "N+3x7x9", "8x7x9"},
  };
}

std::vector<ValueCase> LogicCases() {
  const std::string k = Ints("k", "3");
  return {
      {"Exp",
       "h = Constant <value_floats = [0.0]> () f = Exp (h) "
       "m = CastLike (f, d) s = Add (d, m)",
       "N+1x5x7", "6x5x7"},
      {"Log",
       "h = Constant <value_floats = [1.0]> () f = Log (h) "
       "m = Cast <to = 7> (f) s = Add (d, m)",
       "Nx4x6", "5x4x6"},
      {"Equal",
       Ints("k", "-1") + Ints("o", "1") +
           "e = Equal (d, k) s = Where (e, o, d)",
       "Nx4x6", "5x4x6"},
      {"Less", k + "e = Less (d, k) s = Cast <to = 7> (e)",
       "min(max(3-N, 0), 1)x0x0", "0x0x0"},
      {"Greater",
       Ints("k", "5") + Ints("z0", "-1") +
           "e = Greater (d, z0) f = Greater (d, k) g0 = Or (e, f) "
           "s = Cast <to = 7> (g0)",
       "1x1x1", "1x1x1"},
      {"And",
       Ints("k", "-1") + Ints("o", "0") +
           "e = GreaterOrEqual (d, o) f = Equal (d, k) g0 = And (e, f) "
           "h = Not (g0) s = Cast <to = 7> (h)",
       "1x1x1", "1x1x1"},
      {"Where", k + "e = LessOrEqual (d, k) s = Where (e, k, d)",
       "select(1-min(max(N-3, 0), 1), 3, N)x4x6", "5x4x6"},
      {"BitShift",
       "u = Cast <to = 13> (d) one = Constant <value_int = 1> () "
       "b = Cast <to = 13> (one) h = BitShift <direction = \"RIGHT\"> (u, b) "
       "s = Cast <to = 7> (h)",
       "floor(N/2)x2x3", "2x2x3"},
      {"Identity", "s = Identity (d)", "Nx4x6", "5x4x6"},
      {"Dropout", "s = Dropout (d)", "Nx4x6", "5x4x6"},
  };
}

std::vector<ValueCase> MovementCases() {
  const std::string flip = Ints("i", "2, 0, 1");
  const std::string column =
      Ints("c", "3, 1") + "t = Reshape (d, c) ";  // N, 4, 6 as a column
  return {
      {"Gather", flip + "s = Gather (d, i)", "6xNx4", "6x5x4"},
      {"GatherElements", flip + "s = GatherElements (d, i)", "6xNx4", "6x5x4"},
      {"GatherND",
       flip + Ints("c", "3, 1") + "p = Reshape (i, c) s = GatherND (d, p)",
       "6xNx4", "6x5x4"},
      {"Slice",
       Ints("a", "-1") + Ints("e", "-4") + Ints("x0", "0") + Ints("st", "-1") +
           "s = Slice (d, a, e, x0, st)",
       "6x4xN", "6x4x5"},
      {"Concat", "s = Concat <axis = 0> (d, d)", "Nx4x6xNx4x6", "5x4x6x5x4x6"},
      {"Split",
       Ints("k", "1, 2") + "a, b = Split (d, k) "
                           "s = Concat <axis = 0> (b, a)",
       "4x6xN", "4x6x5"},
      {"Squeeze", column + Ints("ax", "1") + "s = Squeeze (t, ax)", "Nx4x6",
       "5x4x6"},
      {"Unsqueeze",
       Ints("ax", "0") + Ints("m1", "-1") +
           "t = Unsqueeze (d, ax) s = Reshape (t, m1)",
       "Nx4x6", "5x4x6"},
      {"Flatten",
       Ints("m1", "-1") + "t = Flatten <axis = 0> (d) s = Reshape (t, m1)",
       "Nx4x6", "5x4x6"},
      {"Transpose",
       column + Ints("m1", "-1") +
           "q = Transpose <perm = [1, 0]> (t) s = Reshape (q, m1)",
       "Nx4x6", "5x4x6"},
      {"Expand",
       Ints("i", "0") + Ints("k", "3") + "n = Gather (d, i) s = Expand (n, k)",
       "NxNxN", "5x5x5"},
      {"Tile",
       Ints("i", "0") + Ints("k", "2") + "n = Gather (d, i) s = Tile (n, k)",
       "NxN", "5x5"},
      {"Pad",
       Ints("p", "1, 1") + "o = Constant <value_int = 1> () s = Pad (d, p, o)",
       "1xNx4x6x1", "1x5x4x6x1"},
      {"Pad", Ints("p", "1, 0") + "s = Pad <mode = \"edge\"> (d, p)", "NxNx4x6",
       "5x5x4x6"},
      {"ScatterND",
       Ints("k", "7") + "c = Constant <value = int64[1,1] {1}> () "
                        "s = ScatterND (d, c, k)",
       "Nx7x6", "5x7x6"},
      {"ScatterElements",
       Ints("k", "1") + Ints("i", "0") +
           "n = Gather (d, i) "
           "s = ScatterElements (d, k, n)",
       "NxNx6", "5x5x6"},
      {"Trilu",
       Ints("r", "1, 3") + Ints("m1", "-1") +
           "t = Reshape (d, r) q = Trilu (t) s = Reshape (q, m1)",
       "Nx4x6", "5x4x6"},
  };
}

std::vector<ValueCase> SelectionCases() {
  const std::string n =
      Ints("i", "0") + "n = Gather (d, i) ";  // one element, N
  return {
      {"Shape", "t = Shape <start = 1, end = 3> (x) s = Identity (t)", "4x6",
       "4x6"},
      {"Size", Ints("m1", "-1") + "t = Size (x) s = Reshape (t, m1)", "24*N",
       "120"},
      {"ReduceProd", "s = ReduceProd (d)", "24*N", "120"},
      {"ReduceSum", "s = ReduceSum (d)", "N+10", "15"},
      {"ReduceMax", "s = ReduceMax (d)", "max(max(N, 4), 6)", "6"},
      {"ReduceMin", "s = ReduceMin (d)", "min(min(N, 4), 6)", "4"},
      {"ReduceL1", "m = Neg (d) s = ReduceL1 (m)", "N+10", "15"},
      {"ReduceSumSquare", "s = ReduceSumSquare (d)", "N^2+52", "77"},
      {"ArgMax", Ints("k", "9, 2, 4") + "s = ArgMax (k)", "0", "0"},
      {"ArgMin", Ints("k", "9, 2, 4") + "s = ArgMin (k)", "1", "1"},
      {"TopK",
       Ints("k", "1") + Ints("e", "2, 9") +
           "v, p = TopK (e, k) "
           "s = Add (v, p)",
       "10", "10"},
      {"CumSum", "a = Constant <value_int = 0> () s = CumSum (d, a)",
       "NxN+4xN+10", "5x9x15"},
      {"NonZero",
       Ints("k", "0, 3, 0, 7") + Ints("m1", "-1") +
           "t = NonZero (k) s = Reshape (t, m1)",
       "1x3", "1x3"},
      {"NonZero of a filled tensor",
       "f = ConstantOfShape <value = int64[1] {1}> (d) t = NonZero (f) "
       "s = Shape (t)",
       "3xt#1", "3x120"},
      {"Compress",
       "b = Constant <value = bool[3] {1, 0, 1}> () s = Compress (d, b)", "Nx6",
       "5x6"},
      {"Unique", Ints("k", "4, 2, 4") + "s = Unique (k)", "2x4", "2x4"},
      {"OneHot",
       Ints("k", "1") + Ints("v", "2, 5") + Ints("m1", "-1") +
           "p = Constant <value_int = 3> () t = OneHot (k, p, v) "
           "s = Reshape (t, m1)",
       "2x5x2", "2x5x2"},
      {"EyeLike",
       Ints("r", "2, 2") + Ints("m1", "-1") +
           "z0 = ConstantOfShape <value = int64[1] {0}> (r) "
           "e = EyeLike (z0) s = Reshape (e, m1)",
       "1x0x0x1", "1x0x0x1"},
      {"Range",
       "a = Constant <value_int = 2> () b = Constant <value_int = 8> () "
       "c = Constant <value_int = 3> () s = Range (a, b, c)",
       "2x5", "2x5"},
      {"ConstantOfShape",
       Ints("r", "3") + n +
           "o = ConstantOfShape <value = int64[1] {1}> (r) s = Mul (o, n)",
       "NxNxN", "5x5x5"},
  };
}

void ExpectShapes(const std::vector<ValueCase>& cases) {
  for (const ValueCase& c : cases) {
    EXPECT_EQ(ShapeOfResult(c.body, true), absl::StrCat("float32 ", c.symbolic))
        << c.op;
    EXPECT_EQ(ShapeOfResult(c.body, false),
              absl::StrCat("float32 ", c.concrete))
        << c.op;
  }
}

TEST(ShapeArithmetic, ComputesElementByElement) {
  ExpectShapes(ElementwiseCases());
}

TEST(ShapeArithmetic, ComparesAndConverts) { ExpectShapes(LogicCases()); }

TEST(ShapeArithmetic, MovesElements) { ExpectShapes(MovementCases()); }

TEST(ShapeArithmetic, SelectsAndReducesElements) {
  ExpectShapes(SelectionCases());
}

}  // namespace
}  // namespace opcost
