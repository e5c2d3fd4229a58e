// SPDX-License-Identifier: Apache-2.0
// Functions that a model defines, fields newer than ONNX 1.12 included.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "opcost/frontend/import.h"
#include "tests/frontend/protos.h"
#include "tests/support/onnx_text.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

void SetUnknown(google::protobuf::Message* message, int field,
                const std::string& bytes) {
  message->GetReflection()->MutableUnknownFields(message)->AddLengthDelimited(
      field, bytes);
}

onnx::NodeProto* AddNode(onnx::FunctionProto* function,
                         const std::string& op_type, const char* input,
                         const char* output) {
  onnx::NodeProto* node = function->add_node();
  node->set_op_type(op_type);
  node->add_input(input);
  node->add_output(output);
  return node;
}

onnx::FunctionProto* AddFunction(onnx::ModelProto* model,
                                 const std::string& name) {
  onnx::FunctionProto* function = model->add_functions();
  function->set_domain("local");
  function->set_name(name);
  function->add_input("a");
  function->add_output("b");
  AddNode(function, "Neg", "a", "b");
  return function;
}

TEST(FunctionImport, ReadsABodyWithItsInputsOutputsAndAttributes) {
  ASSERT_OK_AND_ASSIGN(const Model model, ModelFromText(R"(
        <ir_version: 8, opset_import: ["" : 17, "local" : 1]>
        g (float[2] x) => (float[2] y) { y = local.f <alpha = 0.5> (x) }
        <domain: "local", opset_import: ["" : 13]>
        f <alpha> (a) => (b) { t = LeakyRelu <alpha : float = @alpha> (a)
                               b = Neg(t) })"));
  ASSERT_THAT(model.functions, SizeIs(1));
  const Function& function = model.functions[0];
  EXPECT_EQ(function.domain, "local");
  EXPECT_EQ(function.name, "f");
  EXPECT_EQ(function.overload, "");
  EXPECT_THAT(function.attributes, ElementsAre("alpha"));
  EXPECT_THAT(function.defaults, IsEmpty());
  const Graph& body = function.body;
  ASSERT_THAT(body.nodes, SizeIs(2));
  EXPECT_EQ(body.nodes[0].op_type, "LeakyRelu");
  EXPECT_EQ(body.nodes[0].opset, 13);
  ASSERT_THAT(body.nodes[0].attributes, SizeIs(1));
  EXPECT_EQ(body.nodes[0].attributes[0].name, "alpha");
  EXPECT_EQ(body.nodes[0].attributes[0].referenced, "alpha");
  ASSERT_THAT(body.inputs, SizeIs(1));
  ASSERT_THAT(body.outputs, SizeIs(1));
  EXPECT_EQ(ValueNamed(body, "a").producer, -1);
  EXPECT_EQ(ValueNamed(body, "b").producer, 1);
  EXPECT_EQ(ValueNamed(body, "a").declared.kind, ValueKind::kUnknown);
}

TEST(FunctionImport, ReadsOverloadsDefaultsAndTypesOfValues) {
  onnx::ModelProto model = ReluModel();
  SetUnknown(model.mutable_graph()->mutable_node(0), 8, "fast");
  onnx::FunctionProto* function = AddFunction(&model, "f");
  onnx::AttributeProto alpha;
  alpha.set_name("alpha");
  alpha.set_type(onnx::AttributeProto::FLOAT);
  alpha.set_f(0.25F);
  onnx::ValueInfoProto info;
  info.set_name("b");
  *info.mutable_type() = TypeOf(1, {2});
  SetUnknown(function, 11, alpha.SerializeAsString());
  SetUnknown(function, 12, info.SerializeAsString());
  SetUnknown(function, 13, "wide");
  SetUnknown(function, 14, "metadata");
  ASSERT_OK_AND_ASSIGN(const Model imported, Import(model));
  EXPECT_EQ(imported.graph.nodes[0].overload, "fast");
  ASSERT_THAT(imported.functions, SizeIs(1));
  const Function& f = imported.functions[0];
  EXPECT_EQ(f.overload, "wide");
  ASSERT_THAT(f.defaults, SizeIs(1));
  EXPECT_EQ(f.defaults[0].name, "alpha");
  EXPECT_EQ(std::get<double>(f.defaults[0].content), 0.25);
  EXPECT_EQ(ToString(ValueNamed(f.body, "b").declared), "float32 2");
}

TEST(FunctionImport, ABodyTakesTheModelsOpsetsWhereItImportsNone) {
  onnx::ModelProto model = ReluModel();
  AddFunction(&model, "f");
  ASSERT_OK_AND_ASSIGN(const Model imported, Import(model));
  EXPECT_EQ(imported.functions[0].body.nodes[0].opset, 17);
}

TEST(FunctionImport, TwoOverloadsAreTwoFunctions) {
  onnx::ModelProto model = ReluModel();
  AddFunction(&model, "f");
  SetUnknown(AddFunction(&model, "f"), 13, "wide");
  ASSERT_OK_AND_ASSIGN(const Model imported, Import(model));
  EXPECT_THAT(imported.functions, SizeIs(2));
}

TEST(FunctionImport, ErrorsNameTheFunction) {
  onnx::ModelProto twice = ReluModel();
  AddFunction(&twice, "f");
  AddFunction(&twice, "f");
  EXPECT_THAT(Import(twice),
              FailsWith("m.onnx: function 'local.f': it is defined twice; a "
                        "function needs a name of its own, or an overload"));
  onnx::ModelProto nameless = ReluModel();
  AddFunction(&nameless, "");
  EXPECT_THAT(Import(nameless),
              FailsWith("m.onnx: function 'local.': it has no name"));
  onnx::ModelProto undefined = ReluModel();
  AddNode(AddFunction(&undefined, "f"), "Exp", "nowhere", "c");
  EXPECT_THAT(Import(undefined),
              FailsWith("m.onnx: function 'local.f': Exp 'c': input 0 is "
                        "'nowhere', which no node, input or initializer "
                        "defines"));
  onnx::ModelProto opsets = ReluModel();
  onnx::FunctionProto* function = AddFunction(&opsets, "f");
  function->add_opset_import()->set_version(0);
  EXPECT_THAT(Import(opsets),
              FailsWith("m.onnx: function 'local.f': it imports version 0 of "
                        "domain 'ai.onnx'; expected 1 or more"));
}

TEST(FunctionImport, FieldsThatCanNotBeReadAreErrors) {
  onnx::ModelProto model = ReluModel();
  SetUnknown(AddFunction(&model, "f"), 11, "\x0a\x7f");
  EXPECT_THAT(Import(model), FailsWith(HasSubstr("m.onnx: ")));
  // Groups within each other, deeper than protobuf reads.
  std::string groups(1000, '\x4b');
  groups.append(1000, '\x4c');
  onnx::ModelProto deep = ReluModel();
  SetUnknown(AddFunction(&deep, "f"), 11, groups);
  EXPECT_THAT(Import(deep), FailsWith(HasSubstr("m.onnx: ")));
}

TEST(FunctionImport, OutsideOfFunctionsAttributesReferToNothing) {
  onnx::ModelProto model = ReluModel();
  onnx::AttributeProto* attribute =
      model.mutable_graph()->mutable_node(0)->add_attribute();
  attribute->set_name("alpha");
  attribute->set_ref_attr_name("beta");
  attribute->set_type(onnx::AttributeProto::FLOAT);
  EXPECT_THAT(Import(model),
              FailsWith("m.onnx: Relu 'r', attribute 'alpha': it refers to the "
                        "attribute 'beta' of a function, but its node is in "
                        "none"));
}

TEST(AttributeImport, ReadsTypes) {
  onnx::ModelProto model = ReluModel();
  onnx::NodeProto* node = model.mutable_graph()->add_node();
  node->set_op_type("Optional");
  node->add_output("o");
  onnx::AttributeProto* attribute = node->add_attribute();
  attribute->set_name("type");
  attribute->set_type(onnx::AttributeProto::TYPE_PROTO);
  *attribute->mutable_tp() = TypeOf(7, {3});
  ASSERT_OK_AND_ASSIGN(const Model imported, Import(model));
  const Attribute* type = imported.graph.nodes[1].FindAttribute("type");
  ASSERT_NE(type, nullptr);
  EXPECT_EQ(
      ToString(*std::get<std::shared_ptr<const ValueType>>(type->content)),
      "int64 3");
}

}  // namespace
}  // namespace opcost
