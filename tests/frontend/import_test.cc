// SPDX-License-Identifier: Apache-2.0
#include "opcost/frontend/import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "absl/strings/str_cat.h"
#include "tests/frontend/protos.h"
#include "tests/support/onnx_text.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Pair;

std::vector<std::string> NamesOf(const Graph& graph,
                                 absl::Span<const ValueIndex> indices) {
  std::vector<std::string> names;
  for (const ValueIndex i : indices) {
    names.push_back(i == kAbsent ? "(absent)"
                                 : graph.values[static_cast<size_t>(i)].name);
  }
  return names;
}

std::vector<std::string> OperatorsOf(const Graph& graph) {
  std::vector<std::string> operators;
  for (const Node& node : graph.nodes) operators.push_back(node.op_type);
  return operators;
}

TEST(Import, ReadsNodesValuesAndTheirTypes) {
  ASSERT_OK_AND_ASSIGN(
      const Model model,
      ModelFromText("g (float[N,3] x) => (float[N,3] y) <float[N,3] h> { "
                    "h = Relu(x) y = Add(h, x) }"));
  EXPECT_EQ(model.path, "test.onnx");
  EXPECT_EQ(model.ir_version, 8);
  const Graph& graph = model.graph;
  EXPECT_EQ(graph.name, "g");
  EXPECT_THAT(OperatorsOf(graph), ElementsAre("Relu", "Add"));
  EXPECT_EQ(graph.nodes[1].opset, 17);
  EXPECT_THAT(NamesOf(graph, graph.inputs), ElementsAre("x"));
  EXPECT_THAT(NamesOf(graph, graph.outputs), ElementsAre("y"));
  EXPECT_THAT(NamesOf(graph, graph.nodes[1].inputs), ElementsAre("h", "x"));
  EXPECT_THAT(NamesOf(graph, graph.nodes[1].outputs), ElementsAre("y"));
  EXPECT_EQ(ToString(ValueNamed(graph, "x").declared), "float32 Nx3");
  EXPECT_EQ(ToString(ValueNamed(graph, "h").declared), "float32 Nx3");
  EXPECT_TRUE(ValueNamed(graph, "x").is_input);
  EXPECT_FALSE(ValueNamed(graph, "x").is_output);
  EXPECT_TRUE(ValueNamed(graph, "y").is_output);
  EXPECT_EQ(ValueNamed(graph, "x").producer, -1);
  EXPECT_EQ(ValueNamed(graph, "y").producer, 1);
}

TEST(Import, GivesUnnamedUnknownDimensionsASymbolOfTheirOwn) {
  onnx::ModelProto model = ReluModel();
  auto* shape = model.mutable_graph()
                    ->mutable_input(0)
                    ->mutable_type()
                    ->mutable_tensor_type()
                    ->mutable_shape();
  shape->clear_dim();
  shape->add_dim();
  shape->add_dim()->set_dim_param("");
  shape->add_dim()->set_dim_param("past + 1");
  shape->add_dim()->set_dim_value(0);
  ASSERT_OK_AND_ASSIGN(const Model imported, Import(model));
  EXPECT_EQ(imported.graph.values[0].declared.tensor.shape,
            Shape({Extent::Symbol("x.0"), Extent::Symbol("x.1"),
                   Extent::Symbol("past + 1"), 0}));
}

TEST(Import, ReadsEveryKindOfType) {
  onnx::ModelProto model = ReluModel();
  onnx::GraphProto* graph = model.mutable_graph();
  const auto add = [graph](const char* name) {
    onnx::ValueInfoProto* input = graph->add_input();
    input->set_name(name);
    return input->mutable_type();
  };
  *add("seq")->mutable_sequence_type()->mutable_elem_type() = TypeOf(7, {});
  *add("opt")
       ->mutable_optional_type()
       ->mutable_elem_type()
       ->mutable_sequence_type()
       ->mutable_elem_type() = TypeOf(1, {2, 3});
  add("map")->mutable_map_type()->set_key_type(8);
  *graph->mutable_input(3)
       ->mutable_type()
       ->mutable_map_type()
       ->mutable_value_type() = TypeOf(1, {4});
  add("sparse")->mutable_sparse_tensor_type()->set_elem_type(11);
  add("opaque")->mutable_opaque_type();
  add("int2")->mutable_tensor_type()->set_elem_type(26);
  add("rankless")->mutable_tensor_type()->set_elem_type(1);
  graph->add_input()->set_name("untyped");
  ASSERT_OK_AND_ASSIGN(const Model imported, Import(model));
  const auto text = [&imported](const char* name) {
    return ToString(ValueNamed(imported.graph, name).declared);
  };
  EXPECT_EQ(text("seq"), "seq(int64 scalar)");
  EXPECT_EQ(text("opt"), "optional(seq(float32 2x3))");
  EXPECT_EQ(text("map"), "map(string, float32 4)");
  EXPECT_EQ(text("sparse"), "float64 ?");
  EXPECT_EQ(text("opaque"), "?");
  EXPECT_EQ(text("int2"), "int2 ?");
  EXPECT_EQ(text("rankless"), "float32 ?");
  EXPECT_EQ(text("untyped"), "?");
}

TEST(Import, IgnoresDeclaredElementTypesThatItDoesNotKnowButOfInputs) {
  onnx::ModelProto model = ReluModel();
  *model.mutable_graph()->mutable_output(0)->mutable_type() = TypeOf(99, {2});
  ASSERT_OK_AND_ASSIGN(const Model imported, Import(model));
  EXPECT_EQ(ValueNamed(imported.graph, "y").declared.kind, ValueKind::kUnknown);
}

TEST(Import, KeepsAbsentOperandsInTheirPlaces) {
  onnx::ModelProto model = ReluModel();
  AddNode(model.mutable_graph(), "Clip", {"y", "", "x"}, {"z"});
  AddNode(model.mutable_graph(), "LSTM", {"x"}, {"", "h"});
  ASSERT_OK_AND_ASSIGN(const Model imported, Import(model));
  EXPECT_THAT(NamesOf(imported.graph, imported.graph.nodes[1].inputs),
              ElementsAre("y", "(absent)", "x"));
  EXPECT_THAT(NamesOf(imported.graph, imported.graph.nodes[2].outputs),
              ElementsAre("(absent)", "h"));
}

TEST(Import, TakesAnInitializerThatIsAlsoAnInput) {
  onnx::ModelProto model = ReluModel();
  AddInitializer(model.mutable_graph(), "x", 1, {2}, std::string(8, '\0'));
  ASSERT_OK_AND_ASSIGN(const Model imported, Import(model));
  const Value& x = ValueNamed(imported.graph, "x");
  EXPECT_TRUE(x.is_input);
  ASSERT_NE(x.stored, nullptr);
  EXPECT_EQ(ToString(x.stored->type), "float32 2");
  EXPECT_EQ(imported.graph.values.size(), 2u);
}

TEST(Import, ReadsAttributesOfEveryKind) {
  onnx::ModelProto model = ReluModel();
  onnx::NodeProto* node = model.mutable_graph()->mutable_node(0);
  const auto add = [node](const char* name,
                          onnx::AttributeProto::AttributeType type) {
    onnx::AttributeProto* attribute = node->add_attribute();
    attribute->set_name(name);
    attribute->set_type(type);
    return attribute;
  };
  add("f", onnx::AttributeProto::FLOAT)->set_f(0.5F);
  add("i", onnx::AttributeProto::INT)->set_i(-3);
  add("s", onnx::AttributeProto::STRING)->set_s("text");
  add("fs", onnx::AttributeProto::FLOATS)->add_floats(2.0F);
  add("is", onnx::AttributeProto::INTS)->add_ints(7);
  add("ss", onnx::AttributeProto::STRINGS)->add_strings("a");
  FillTensor(add("t", onnx::AttributeProto::TENSOR)->mutable_t(), "", 7, {1});
  node->mutable_attribute(6)->mutable_t()->add_int64_data(9);
  *add("tp", onnx::AttributeProto::TYPE_PROTO)->mutable_tp() = TypeOf(1, {});
  // Old models declare no kind.
  onnx::AttributeProto* untyped = node->add_attribute();
  untyped->set_name("untyped");
  untyped->add_ints(4);
  add("empty", onnx::AttributeProto::INTS);
  ASSERT_OK_AND_ASSIGN(const Model imported, Import(model));
  const Node& relu = imported.graph.nodes[0];
  const auto content = [&relu](const char* name) {
    return relu.FindAttribute(name)->content;
  };
  using Content = Attribute::Content;
  EXPECT_EQ(content("f"), Content(0.5));
  EXPECT_EQ(content("i"), Content(int64_t{-3}));
  EXPECT_EQ(content("s"), Content(std::string("text")));
  EXPECT_EQ(content("fs"), Content(std::vector<double>{2.0}));
  EXPECT_EQ(content("is"), Content(std::vector<int64_t>{7}));
  EXPECT_EQ(content("ss"), Content(std::vector<std::string>{"a"}));
  EXPECT_EQ(content("untyped"), Content(std::vector<int64_t>{4}));
  EXPECT_EQ(content("empty"), Content(std::vector<int64_t>{}));
  const auto type = std::get<std::shared_ptr<const ValueType>>(content("tp"));
  EXPECT_EQ(ToString(*type), "float32 scalar");
  const auto tensor =
      std::get<std::shared_ptr<const StoredTensor>>(content("t"));
  EXPECT_THAT(*tensor->value->AsInts(), ElementsAre(9));
}

TEST(Import, SortsNodesThatStandInTheWrongOrderAndLeavesTheOthers) {
  onnx::ModelProto model = EmptyModel();
  onnx::GraphProto* graph = model.mutable_graph();
  AddInput(graph, "x");
  AddNode(graph, "Abs", {"x"}, {"a"});
  AddNode(graph, "Relu", {"late"}, {"y"});
  AddNode(graph, "Neg", {"x"}, {"b"});
  AddNode(graph, "Exp", {"x"}, {"late"});
  AddNode(graph, "Log", {"x"}, {"c"});
  ASSERT_OK_AND_ASSIGN(const Model imported, Import(model));
  EXPECT_THAT(OperatorsOf(imported.graph),
              ElementsAre("Abs", "Neg", "Exp", "Relu", "Log"));
  EXPECT_EQ(ValueNamed(imported.graph, "late").producer, 2);
  EXPECT_EQ(ValueNamed(imported.graph, "y").producer, 3);
  EXPECT_EQ(ValueNamed(imported.graph, "c").producer, 4);
}

TEST(Import, SortsANodeAfterWhatItsSubgraphReads) {
  onnx::ModelProto model = EmptyModel();
  onnx::GraphProto* graph = model.mutable_graph();
  AddInput(graph, "c", 9, {});
  onnx::AttributeProto* branch =
      AddNode(graph, "If", {"c"}, {"y"})->add_attribute();
  branch->set_name("then_branch");
  branch->set_type(onnx::AttributeProto::GRAPH);
  AddNode(branch->mutable_g(), "Relu", {"late"}, {"t"});
  branch->mutable_g()->add_output()->set_name("t");
  AddNode(graph, "Exp", {"c"}, {"late"});
  ASSERT_OK_AND_ASSIGN(const Model imported, Import(model));
  EXPECT_THAT(OperatorsOf(imported.graph), ElementsAre("Exp", "If"));
}

TEST(Import, RecordsWhatSubgraphsCaptureThroughAllLevels) {
  onnx::ModelProto model = EmptyModel();
  onnx::GraphProto* graph = model.mutable_graph();
  AddInput(graph, "c", 9, {});
  AddInput(graph, "x");
  AddInput(graph, "z");
  AddInput(graph, "unread");
  onnx::AttributeProto* outer =
      AddNode(graph, "If", {"c"}, {"y"})->add_attribute();
  outer->set_name("then_branch");
  outer->set_type(onnx::AttributeProto::GRAPH);
  AddNode(outer->mutable_g(), "Relu", {"z"}, {"own"});
  onnx::AttributeProto* inner =
      AddNode(outer->mutable_g(), "If", {"c"}, {"t"})->add_attribute();
  inner->set_name("then_branch");
  inner->set_type(onnx::AttributeProto::GRAPH);
  AddNode(inner->mutable_g(), "Add", {"own", "x"}, {"s"});
  inner->mutable_g()->add_output()->set_name("s");
  outer->mutable_g()->add_output()->set_name("t");
  ASSERT_OK_AND_ASSIGN(const Model imported, Import(model));

  const Graph& top = imported.graph;
  EXPECT_THAT(NamesOf(top, top.nodes[0].captured), ElementsAre("c", "x", "z"));
  const Graph& middle = *std::get<std::shared_ptr<const Graph>>(
      top.nodes[0].FindAttribute("then_branch")->content);
  EXPECT_THAT(NamesOf(middle, middle.nodes[1].captured),
              ElementsAre("own", "x"));
  EXPECT_EQ(ValueNamed(middle, "x").producer, -1);
  EXPECT_FALSE(ValueNamed(middle, "x").is_input);
  const Graph& innermost = *std::get<std::shared_ptr<const Graph>>(
      middle.nodes[1].FindAttribute("then_branch")->content);
  EXPECT_EQ(ValueNamed(innermost, "own").producer, -1);
  EXPECT_EQ(ValueNamed(innermost, "s").producer, 0);
}

TEST(Import, LetsASubgraphReturnAnOuterValue) {
  ASSERT_OK_AND_ASSIGN(
      const Model model,
      ModelFromText("(bool c, float[2] x) => (float[2] y) { y = If (c) <"
                    "then_branch = t () => (float[2] x) { unused = Neg(x) }, "
                    "else_branch = e () => (float[2] r) { r = Relu(x) }> }"));
  const Graph& graph = model.graph;
  EXPECT_THAT(NamesOf(graph, graph.nodes[0].captured), ElementsAre("x"));
}

TEST(Import, GivesNodesTheOpsetOfTheirDomain) {
  onnx::ModelProto model = ReluModel();
  model.mutable_opset_import(0)->set_domain("ai.onnx");
  onnx::OperatorSetIdProto* ml = model.add_opset_import();
  ml->set_domain("ai.onnx.ml");
  ml->set_version(3);
  onnx::GraphProto* graph = model.mutable_graph();
  graph->mutable_node(0)->set_domain("ai.onnx");
  AddNode(graph, "Scaler", {"x"}, {"s"})->set_domain("ai.onnx.ml");
  AddNode(graph, "Own", {"x"}, {"o"})->set_domain("com.example");
  ASSERT_OK_AND_ASSIGN(const Model imported, Import(model));
  const std::vector<Node>& nodes = imported.graph.nodes;
  EXPECT_EQ(nodes[0].domain, "");
  EXPECT_EQ(nodes[0].opset, 17);
  EXPECT_EQ(nodes[1].domain, "ai.onnx.ml");
  EXPECT_EQ(nodes[1].opset, 3);
  EXPECT_EQ(nodes[2].domain, "com.example");
  EXPECT_EQ(nodes[2].opset, 1);
  ASSERT_EQ(imported.opsets.size(), 2u);
  EXPECT_EQ(imported.opsets[0].domain, "");
}

TEST(Import, ListsTheModelsFunctionsAndItsProducer) {
  onnx::ModelProto model = ReluModel();
  model.set_producer_name("writer");
  model.set_producer_version("1.2");
  onnx::FunctionProto* function = model.add_functions();
  function->set_domain("local");
  function->set_name("f");
  ASSERT_OK_AND_ASSIGN(const Model imported, Import(model));
  ASSERT_EQ(imported.functions.size(), 1u);
  EXPECT_EQ(imported.functions[0].domain, "local");
  EXPECT_EQ(imported.functions[0].name, "f");
  EXPECT_EQ(imported.producer, "writer 1.2");
}

TEST(Import, ReadsIrVersions3To13) {
  for (int64_t version = 3; version <= 13; ++version) {
    onnx::ModelProto model = ReluModel();
    model.set_ir_version(version);
    ASSERT_OK_AND_ASSIGN(const Model imported, Import(model));
    EXPECT_EQ(imported.ir_version, version);
  }
}

TEST(Import, ToleratesFieldsThatAreNewerThanItself) {
  onnx::ModelProto model = ReluModel();
  const auto add_unknown = [](google::protobuf::Message* message) {
    google::protobuf::UnknownFieldSet* unknown =
        message->GetReflection()->MutableUnknownFields(message);
    unknown->AddLengthDelimited(900, "text");
    unknown->AddVarint(901, 7);
    unknown->AddFixed32(902, 7);
    unknown->AddFixed64(903, 7);
    unknown->AddGroup(904)->AddGroup(905)->AddVarint(1, 1);
  };
  onnx::GraphProto* graph = model.mutable_graph();
  // overload (8), metadata_props (9) and device_configurations (10) of nodes.
  onnx::NodeProto* node = graph->mutable_node(0);
  node->GetReflection()->MutableUnknownFields(node)->AddLengthDelimited(8, "o");
  AddInitializer(graph, "w", 1, {1}, std::string(4, '\0'));
  add_unknown(&model);
  add_unknown(graph);
  add_unknown(node);
  add_unknown(graph->mutable_initializer(0));
  add_unknown(graph->mutable_input(0)->mutable_type());
  ASSERT_OK_AND_ASSIGN(const Model imported, Import(model));
  EXPECT_EQ(imported.graph.nodes.size(), 1u);
}

TEST(Import, ToleratesAttributeKindsThatAreNewerThanItself) {
  onnx::ModelProto model = ReluModel();
  onnx::AttributeProto* attribute =
      model.mutable_graph()->mutable_node(0)->add_attribute();
  attribute->set_name("new");
  attribute->GetReflection()->MutableUnknownFields(attribute)->AddVarint(20,
                                                                         77);
  ASSERT_OK_AND_ASSIGN(const Model imported, Import(model));
  EXPECT_TRUE(std::holds_alternative<std::monostate>(
      imported.graph.nodes[0].attributes[0].content));
}

TEST(Import, ReadsAStreamToItsEnd) {
  onnx::ModelProto model = ReluModel();
  model.set_doc_string(std::string(200000, 'd'));  // more than one read
  std::istringstream stream(model.SerializeAsString());
  ASSERT_OK_AND_ASSIGN(const Model imported, ImportStream(stream));
  EXPECT_EQ(imported.path, "-");
  EXPECT_EQ(imported.graph.nodes.size(), 1u);
  std::istringstream nothing;
  EXPECT_THAT(ImportStream(nothing),
              FailsWith("-: the file is empty; expected an ONNX model"));
}

std::string DigestOf(const onnx::ModelProto& model) {
  const absl::StatusOr<Model> imported = Import(model);
  return imported.ok() ? imported->structure_digest
                       : std::string(imported.status().message());
}

TEST(Import, DigestsTheStructureAndNotThePayloads) {
  onnx::ModelProto model = ReluModel();
  AddInitializer(model.mutable_graph(), "w", 1, {300}, std::string(1200, 'a'));
  const std::string digest = DigestOf(model);
  EXPECT_THAT(digest, MatchesRegex("xxh3-128:[0-9a-f]{32}"));
  EXPECT_EQ(DigestOf(model), digest);

  onnx::ModelProto other_payload = model;
  other_payload.mutable_graph()->mutable_initializer(0)->set_raw_data(
      std::string(1200, 'b'));
  EXPECT_EQ(DigestOf(other_payload), digest);

  onnx::ModelProto other_documentation = model;
  other_documentation.mutable_graph()->mutable_initializer(0)->set_doc_string(
      "what a weight");
  EXPECT_EQ(DigestOf(other_documentation), digest);

  onnx::ModelProto other_structure = model;
  other_structure.mutable_graph()->mutable_node(0)->set_op_type("Neg");
  EXPECT_NE(DigestOf(other_structure), digest);

  onnx::ModelProto other_shape = model;
  other_shape.mutable_graph()->mutable_initializer(0)->set_dims(0, 30);
  other_shape.mutable_graph()->mutable_initializer(0)->add_dims(10);
  EXPECT_NE(DigestOf(other_shape), digest);
}

TEST(OnnxText, AddsAHeaderAndAsksTheOracle) {
  EXPECT_THAT(
      OracleShapes("(float[1,1,8,8] x, float[4,1,3,3] w) => (float[a,b,c,d] y)"
                   "{ y = Conv(x, w) }"),
      ElementsAre(Pair("w", "float32 4x1x3x3"), Pair("x", "float32 1x1x8x8"),
                  Pair("y", "float32 1x4x6x6")));
  EXPECT_THAT(
      OracleShapes("(float[2,3] x) => (float[a,b] y) { y = MatMul(x, x) }"),
      ElementsAre(Pair("error", HasSubstr("Incompatible dimensions"))));
  EXPECT_THAT(ModelFromText("no model at all"), FailsWith(HasSubstr("Parse")));
  EXPECT_EQ(OnnxBytesFromText("no model at all"), "");
}

}  // namespace
}  // namespace opcost
