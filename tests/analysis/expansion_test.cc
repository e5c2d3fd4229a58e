// SPDX-License-Identifier: Apache-2.0
#include "src/analysis/expansion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/frontend/protos.h"
#include "tests/support/onnx_text.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kHeader[] =
    R"(<ir_version: 8, opset_import: ["" : 17, "local" : 1]> )";
constexpr char kFunctionHeader[] =
    R"( <domain: "local", opset_import: ["" : 17, "local" : 1]> )";

// Nodes as "Relu name(inputs) -> outputs".
std::vector<std::string> NodesOf(const Graph& graph) {
  const auto names = [&graph](const auto& values) {
    return absl::StrJoin(values, ",", [&](std::string* out, ValueIndex v) {
      absl::StrAppend(
          out, v == kAbsent ? "-" : graph.values[static_cast<size_t>(v)].name);
    });
  };
  std::vector<std::string> nodes;
  for (const Node& node : graph.nodes) {
    nodes.push_back(absl::StrCat(node.op_type, " ", node.name, "(",
                                 names(node.inputs), ") -> ",
                                 names(node.outputs)));
  }
  return nodes;
}

absl::StatusOr<std::shared_ptr<const Graph>> Expanded(const std::string& text) {
  const absl::StatusOr<Model> model = ModelFromText(text);
  if (!model.ok()) return model.status();
  return Expand(*model);
}

TEST(Expansion, AModelWithoutFunctionsAndBodiesIsItself) {
  ASSERT_OK_AND_ASSIGN(
      const auto graph,
      Expanded("(float[2] x) => (float[2] y) { y = Relu(x) }"));
  EXPECT_EQ(graph, nullptr);
}

TEST(Expansion, AFunctionThatNothingCallsCostsNothing) {
  ASSERT_OK_AND_ASSIGN(
      const auto graph,
      Expanded(absl::StrCat(kHeader,
                            "g (float[2] x) => (float[2] y) { y = Relu(x) }",
                            kFunctionHeader, "f (a) => (b) { b = Neg(a) }")));
  EXPECT_EQ(graph, nullptr);
}

TEST(Expansion, NodesOfFunctionsWithinFunctionsAreCalledByTheirPath) {
  ASSERT_OK_AND_ASSIGN(
      const auto graph,
      Expanded(absl::StrCat(
          kHeader,
          "g (float[2] x) => (float[2] y) { "
          "t = local.f(x) y = Exp(t) }",
          kFunctionHeader, "f (a) => (b) { u = Neg(a) b = local.h(u) }",
          kFunctionHeader, "h (a) => (b) { v = Abs(a) b = Relu(v) }")));
  ASSERT_NE(graph, nullptr);
  EXPECT_THAT(NodesOf(*graph),
              ElementsAre("Neg t/u(x) -> t/u", "Abs t/b/v(t/u) -> t/b/v",
                          "Relu t/b/b(t/b/v) -> t", "Exp y(t) -> y"));
  for (size_t n = 0; n < graph->nodes.size(); ++n) {
    for (const ValueIndex v : graph->nodes[n].outputs) {
      EXPECT_EQ(graph->values[static_cast<size_t>(v)].producer,
                static_cast<int32_t>(n));
    }
  }
}

TEST(Expansion, TwoCallsHaveValuesOfTheirOwn) {
  ASSERT_OK_AND_ASSIGN(
      const auto graph,
      Expanded(absl::StrCat(kHeader,
                            "g (float[2] x) => (float[2] y) { "
                            "t = local.f(x) y = local.f(t) }",
                            kFunctionHeader,
                            "f (a) => (b) { u = Neg(a) b = Abs(u) }")));
  EXPECT_THAT(NodesOf(*graph),
              ElementsAre("Neg t/u(x) -> t/u", "Abs t/b(t/u) -> t",
                          "Neg y/u(t) -> y/u", "Abs y/b(y/u) -> y"));
}

TEST(Expansion, AttributesComeFromTheCallElseFromTheDefaultElseFromNowhere) {
  onnx::ModelProto model = ReluModel();
  model.mutable_graph()->mutable_node(0)->set_op_type("f");
  model.mutable_graph()->mutable_node(0)->set_domain("local");
  onnx::AttributeProto* given =
      model.mutable_graph()->mutable_node(0)->add_attribute();
  given->set_name("given");
  given->set_type(onnx::AttributeProto::INT);
  given->set_i(7);
  onnx::FunctionProto* function = model.add_functions();
  function->set_domain("local");
  function->set_name("f");
  function->add_input("a");
  function->add_output("b");
  onnx::NodeProto* node = function->add_node();
  node->set_op_type("Relu");
  node->add_input("a");
  node->add_output("b");
  for (const char* name : {"given", "defaulted", "left_out"}) {
    onnx::AttributeProto* attribute = node->add_attribute();
    attribute->set_name(absl::StrCat("own_", name));
    attribute->set_ref_attr_name(name);
    attribute->set_type(onnx::AttributeProto::INT);
  }
  for (const char* name : {"given", "defaulted"}) {
    onnx::AttributeProto proto;
    proto.set_name(name);
    proto.set_type(onnx::AttributeProto::INT);
    proto.set_i(5);
    function->GetReflection()
        ->MutableUnknownFields(function)
        ->AddLengthDelimited(11, proto.SerializeAsString());
  }
  ASSERT_OK_AND_ASSIGN(const Model imported, Import(model));
  ASSERT_OK_AND_ASSIGN(const auto graph, Expand(imported));
  ASSERT_THAT(graph->nodes, SizeIs(1));
  const Node& relu = graph->nodes[0];
  ASSERT_THAT(relu.attributes, SizeIs(2));
  EXPECT_EQ(std::get<int64_t>(relu.FindAttribute("own_given")->content), 7);
  EXPECT_EQ(std::get<int64_t>(relu.FindAttribute("own_defaulted")->content), 5);
}

TEST(Expansion, AnOverloadIsCalledByItsName) {
  const auto add_function = [](onnx::ModelProto* model, const char* overload,
                               const char* op_type) {
    onnx::FunctionProto* function = model->add_functions();
    function->set_domain("local");
    function->set_name("f");
    function->add_input("a");
    function->add_output("b");
    onnx::NodeProto* node = function->add_node();
    node->set_op_type(op_type);
    node->add_input("a");
    node->add_output("b");
    if (*overload == '\0') return;
    function->GetReflection()
        ->MutableUnknownFields(function)
        ->AddLengthDelimited(13, overload);
  };
  onnx::ModelProto model = ReluModel();
  onnx::NodeProto* call = model.mutable_graph()->mutable_node(0);
  call->set_op_type("f");
  call->set_domain("local");
  call->GetReflection()->MutableUnknownFields(call)->AddLengthDelimited(8,
                                                                        "wide");
  add_function(&model, "", "Neg");
  add_function(&model, "wide", "Abs");
  ASSERT_OK_AND_ASSIGN(const Model imported, Import(model));
  ASSERT_OK_AND_ASSIGN(const auto graph, Expand(imported));
  EXPECT_THAT(NodesOf(*graph), ElementsAre("Abs r/b(x) -> y"));
}

TEST(Expansion, TheModelsOwnFunctionGoesBeforeAnOperatorOfItsName) {
  ASSERT_OK_AND_ASSIGN(
      const auto graph,
      Expanded(absl::StrCat(
          kHeader, "g (float[2] x) => (float[2] y) { y = Gelu(x) }",
          R"(<domain: "", opset_import: ["" : 17]> Gelu (a) => (b) )",
          "{ b = Relu(a) }")));
  ASSERT_NE(graph, nullptr);
  EXPECT_THAT(NodesOf(*graph), ElementsAre("Relu y/b(x) -> y"));
}

TEST(Expansion, AnInputThatIsReturnedAsItIsGoesThroughAnIdentity) {
  ASSERT_OK_AND_ASSIGN(
      const auto graph,
      Expanded(absl::StrCat(
          kHeader, "g (float[2] x) => (float[2] y) { y, z = local.f(x) }",
          kFunctionHeader, "f (a) => (a, a) { u = Neg(a) }")));
  EXPECT_THAT(NodesOf(*graph),
              ElementsAre("Neg y/u(x) -> y/u", "Identity y/a(x) -> y",
                          "Identity y/a(x) -> z"));
}

TEST(Expansion, AnInputThatTheCallLeavesOutIsAbsentInside) {
  ASSERT_OK_AND_ASSIGN(
      const auto graph,
      Expanded(absl::StrCat(
          kHeader, "g (float[2] x) => (float[2] y) { y = local.f(x) }",
          kFunctionHeader, "f (a, low) => (b) { b = Clip(a, low) }")));
  EXPECT_THAT(NodesOf(*graph), ElementsAre("Clip y/b(x,-) -> y"));
}

TEST(Expansion, BodiesFollowTheirNodeAndReadOuterValues) {
  ASSERT_OK_AND_ASSIGN(
      const auto graph,
      Expanded("(bool c, float[2] x) => (float[2] z) { "
               "y = If (c) <then_branch = t () => (float[2] r) { r = Neg(x) },"
               "else_branch = e () => (float[2] x) { }> "
               "z = Relu(y) }"));
  EXPECT_THAT(NodesOf(*graph), ElementsAre("If y(c) -> y", "Neg y/r(x) -> y/r",
                                           "Relu z(y) -> z"));
  const Node& node = graph->nodes[0];
  EXPECT_THAT(node.captured, IsEmpty());
  ASSERT_THAT(node.bodies, SizeIs(2));
  EXPECT_EQ(node.bodies[0].attribute, "then_branch");
  EXPECT_EQ(node.bodies[0].begin_node, 1);
  EXPECT_EQ(node.bodies[0].end_node, 2);
  EXPECT_EQ(node.bodies[1].begin_node, 2);
  EXPECT_EQ(node.bodies[1].end_node, 2);
  EXPECT_EQ(graph->values[static_cast<size_t>(node.bodies[1].outputs[0])].name,
            "x");
}

TEST(Expansion, WhatALoopCarriesUnchangedIsTheOuterValue) {
  ASSERT_OK_AND_ASSIGN(
      const auto graph,
      Expanded("(int64 n, float[2] x, float[2] w) => (float[2] y) { "
               "y, v = Loop (n, , x, w) <body = b "
               "(int64 i, bool c, float[2] h, float[2] k) => "
               "(bool c2, float[2] h2, float[2] k2) "
               "{ c2 = Identity(c) h2 = Add(h, k) k2 = Identity(k) }> }"));
  EXPECT_THAT(
      NodesOf(*graph),
      ElementsAre("Loop y(n,-,x,w) -> y,v", "Identity y/c2(y/c) -> y/c2",
                  "Add y/h2(y/h,w) -> y/h2", "Identity y/k2(w) -> y/k2"));
}

TEST(Expansion, AFunctionThatCallsItselfIsRefused) {
  EXPECT_THAT(
      Expanded(absl::StrCat(
          kHeader, "g (float[2] x) => (float[2] y) { y = local.f(x) }",
          kFunctionHeader, "f (a) => (b) { b = local.h(a) }", kFunctionHeader,
          "h (a) => (b) { b = local.f(a) }")),
      FailsWith("test.onnx: local.f 'y/b/b': function 'local.f' calls itself, "
                "by itself or by way of others; a function of a model must not "
                "be recursive"));
}

// f0 calls f1 `calls` times, f1 f2, and so on; the last is a Neg.
std::string Nested(int levels, int calls) {
  std::string text = absl::StrCat(
      kHeader, "g (float[2] x) => (float[2] y) { y = local.f0(x) }");
  for (int level = 0; level < levels; ++level) {
    absl::StrAppend(&text, kFunctionHeader, "f", level, " (a) => (b) {");
    for (int c = 0; c < calls; ++c) {
      absl::StrAppend(
          &text, c + 1 == calls ? "b" : absl::StrCat("v", c), " = ",
          level + 1 == levels ? "Neg" : absl::StrCat("local.f", level + 1), "(",
          c == 0 ? "a" : absl::StrCat("v", c - 1), ") ");
    }
    absl::StrAppend(&text, "}");
  }
  return text;
}

TEST(Expansion, NestsAsDeepAsItSaysAndNoDeeper) {
  ASSERT_OK_AND_ASSIGN(const auto graph,
                       Expanded(Nested(kMaxExpansionDepth, 1)));
  EXPECT_THAT(graph->nodes, SizeIs(1));
  EXPECT_THAT(Expanded(Nested(kMaxExpansionDepth + 1, 1)),
              FailsWith(HasSubstr("functions and bodies are more than 64 "
                                  "levels deep within each other; flatten the "
                                  "model's functions")));
}

TEST(Expansion, AModelThatGrowsBeyondAllBoundsIsRefused) {
  // A long name, which all paths have in them, fills the memory soon.
  std::string text = Nested(40, 10);
  const std::string name(100'000, 'y');
  text.replace(text.find("[2] y)"), 6, absl::StrCat("[2] ", name, ")"));
  text.replace(text.find("{ y ="), 5, absl::StrCat("{ ", name, " ="));
  EXPECT_THAT(Expanded(text),
              FailsWith(HasSubstr("its functions call each other too often")));
}

TEST(Expansion, ACallWithTooManyOperandsIsRefused) {
  EXPECT_THAT(
      Expanded(absl::StrCat(
          kHeader, "g (float[2] x) => (float[2] y) { y = local.f(x, x) }",
          kFunctionHeader, "f (a) => (b) { b = Neg(a) }")),
      FailsWith("test.onnx: local.f 'y': the call has 2 inputs and 1 outputs, "
                "but function 'local.f' has 1 and 1"));
}

}  // namespace
}  // namespace opcost
