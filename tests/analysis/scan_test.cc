// SPDX-License-Identifier: Apache-2.0
// Scan and SequenceMap, from text to layers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "opcost/analysis/analysis.h"
#include "tests/analysis/analyzed.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

TEST(Scan, RunsItsBodyOnceForEachSlice) {
  const Analyzed a(R"((float[1,2] h0, float[7,1,2] x) =>
                      (float[1,2] h, float[7,1,2] ys) {
      h, ys = Scan <num_scan_inputs = 1, body = b
          (float[1,2] s, float[1,2] e) => (float[1,2] s2, float[1,2] o) {
        s2 = Add(s, e)
        o = Neg(s2)
      }> (h0, x) })");
  ASSERT_THAT(a.analysis, IsOk());
  EXPECT_THAT(a.Layers(), ElementsAre("Scan h", "Add h/s2 x7", "Neg h/o x7"));
  EXPECT_EQ(a.TypeOf("h"), "float32 1x2");
  EXPECT_EQ(a.TypeOf("ys"), "float32 7x1x2");
  // A slice is an array of its own size.
  EXPECT_EQ(a.Layer("h/s2").counts.accesses[1].elements, Extent(1 * 2));
}

TEST(Scan, FollowsItsAxes) {
  const Analyzed a(R"((float[2,7] x) => (float[2,7] ys) {
      ys = Scan <num_scan_inputs = 1, scan_input_axes = [-1],
                 scan_output_axes = [1], scan_input_directions = [1],
                 body = b (float[2] e) => (float[2] o) { o = Neg(e) }> (x) })");
  ASSERT_THAT(a.analysis, IsOk());
  EXPECT_THAT(a.Layers(), ElementsAre("Scan ys", "Neg ys/o x7"));
  EXPECT_EQ(a.TypeOf("ys"), "float32 2x7");
}

TEST(Scan, OfOpset8HasABatchAxis) {
  const std::string text =
      R"((int64[4] lengths, float[4,2] h0, float[4,7,2] x) =>
                      (float[4,2] h, float[4,7,2] ys) {
      h, ys = Scan <num_scan_inputs = 1, body = b
          (float[2] s, float[2] e) => (float[2] s2, float[2] o) {
        s2 = Add(s, e)
        o = Neg(s2)
      }> (lengths, h0, x) })";
  ASSERT_OK_AND_ASSIGN(const Model model, ModelFromText(text, 8));
  ASSERT_OK_AND_ASSIGN(const Analysis analysis, Analyze(model, {}));
  ASSERT_THAT(analysis.layers, SizeIs(3));
  EXPECT_EQ(analysis.layers[1].times, 4 * 7);
  // The lengths of its sequences are data.
  EXPECT_EQ(analysis.layers[1].coverage.status, kBound);
  const auto type = [&](size_t output) {
    const ValueIndex v = analysis.graph->outputs[output];
    return ToString(analysis.values[static_cast<size_t>(v)].type);
  };
  EXPECT_EQ(type(0), "float32 4x2");
  EXPECT_EQ(type(1), "float32 4x7x2");
}

TEST(Scan, WhatDoesNotFitIsNamed) {
  EXPECT_THAT(Analyzed(R"((float[2,7] x, float[3,7] z) => (float[2,7] ys) {
      ys = Scan <num_scan_inputs = 2, body = b (float[7] e, float[7] f) =>
                 (float[7] o) { o = Add(e, f) }> (x, z) })")
                  .analysis,
              FailsWith("test.onnx: Scan 'ys': operand 1 is scanned over 3 "
                        "slices, but another over 2"));
  EXPECT_THAT(Analyzed(R"((float[2,7] x) => (float[2,7] ys) {
      ys = Scan <num_scan_inputs = 1, scan_input_axes = [2], body = b
                 (float[7] e) => (float[7] o) { o = Neg(e) }> (x) })")
                  .analysis,
              FailsWith("test.onnx: Scan 'ys': operand 0 is scanned along axis "
                        "2 but has rank 2"));
}

TEST(SequenceMap, RunsItsBodyOnceForEachElement) {
  const Analyzed a(R"(
    <ir_version: 8, opset_import: ["" : 17, "com.acme" : 1]>
    g (float[2,3] x, float[2,3] w) => (float[2,3] z) {
      s = SequenceConstruct(x, w, x)
      y = SequenceMap (s, w) <body = b (float[2,3] e, float[2,3] v) =>
                              (float[2,3] o) { o = Add(e, v) }>
      z = com.acme.Join(y) })");
  ASSERT_THAT(a.analysis, IsOk());
  EXPECT_EQ(a.Layer("y/o").times, 3);
}

TEST(SequenceMap, OfASequenceOfUnknownLengthNeedsACount) {
  const std::string text = R"(
    <ir_version: 8, opset_import: ["" : 17, "com.acme" : 1]>
    g (float[2,3] x) => (float[2,3] z) {
      s = com.acme.Cut(x)
      y = SequenceMap (s) <body = b (float[2,3] e) => (float[2,3] o)
                           { o = Neg(e) }>
      z = com.acme.Join(y) })";
  const Analyzed without(text);
  ASSERT_THAT(without.analysis, IsOk());
  EXPECT_EQ(without.Layer("y/o").coverage.status, kUnknown);
  EXPECT_EQ(without.Layer("y/o").coverage.remedy,
            "give it with --trip-count y=<count>");
  InputOptions options;
  options.trip_counts["y"] = 4;
  const Analyzed with(text, options);
  ASSERT_THAT(with.analysis, IsOk());
  EXPECT_EQ(with.Layer("y/o").times, 4);
  EXPECT_EQ(with.Layer("y/o").coverage.status, kExact);
}

}  // namespace
}  // namespace opcost
