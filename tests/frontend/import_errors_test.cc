// SPDX-License-Identifier: Apache-2.0
// Every way in which a model can be wrong, with its message.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/frontend/protos.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using ::testing::HasSubstr;

struct ErrorCase {
  const char* name;
  std::function<void(onnx::ModelProto*)> spoil;  // y = Relu(x), called 'r'
  const char* message;
};

void PrintTo(const ErrorCase& error, std::ostream* out) { *out << error.name; }

onnx::AttributeProto* AddGraphAttribute(onnx::NodeProto* node,
                                        const std::string& name) {
  onnx::AttributeProto* attribute = node->add_attribute();
  attribute->set_name(name);
  attribute->set_type(onnx::AttributeProto::GRAPH);
  return attribute;
}

class WrongModel : public ::testing::TestWithParam<ErrorCase> {};

TEST_P(WrongModel, IsAnErrorThatSaysWhatIsWrong) {
  onnx::ModelProto model = ReluModel();
  GetParam().spoil(&model);
  EXPECT_THAT(Import(model),
              FailsWith(absl::StrCat("m.onnx: ", GetParam().message)));
}

const ErrorCase kModelErrors[] = {
    {"IrVersion2", [](onnx::ModelProto* m) { m->set_ir_version(2); },
     "the model has IR version 2; expected 3 to 13; export it again with a "
     "newer exporter"},
    {"IrVersion14", [](onnx::ModelProto* m) { m->set_ir_version(14); },
     "the model has IR version 14; expected 3 to 13; a newer opcost may know "
     "it, or save it with an older one"},
    {"NoGraph", [](onnx::ModelProto* m) { m->clear_graph(); },
     "the model has no graph"},
    {"NoIrVersionAndNoGraph",
     [](onnx::ModelProto* m) {
       m->clear_graph();
       m->clear_ir_version();
     },
     "not an ONNX model: it has no IR version and no graph"},
    {"NoOpset", [](onnx::ModelProto* m) { m->clear_opset_import(); },
     "the model imports no operator set (opset_import is empty), so that its "
     "operators have no meaning; export it again"},
    {"NoDefaultOpset",
     [](onnx::ModelProto* m) {
       m->mutable_opset_import(0)->set_domain("ai.onnx.ml");
     },
     "Relu 'r': the model imports no version of the default domain (ai.onnx)"},
    {"OpsetZero",
     [](onnx::ModelProto* m) { m->mutable_opset_import(0)->set_version(0); },
     "the model imports version 0 of domain 'ai.onnx'; expected 1 or more"},
    {"TwoOpsets",
     [](onnx::ModelProto* m) { m->add_opset_import()->set_version(9); },
     "the model imports two versions of domain 'ai.onnx', 17 and 9; expected "
     "one"},
};
INSTANTIATE_TEST_SUITE_P(Model, WrongModel, ::testing::ValuesIn(kModelErrors),
                         [](const auto& i) { return i.param.name; });

const ErrorCase kNameErrors[] = {
    {"UndefinedInput",
     [](onnx::ModelProto* m) {
       m->mutable_graph()->mutable_node(0)->add_input("z");
     },
     "Relu 'r': input 1 is 'z', which no node, input or initializer defines"},
    {"UndefinedInputOfANodeWithoutName",
     [](onnx::ModelProto* m) {
       AddNode(m->mutable_graph(), "Neg", {"z"}, {"", "o"});
     },
     "Neg 'o': input 0 is 'z', which no node, input or initializer defines"},
    {"UndefinedOutput",
     [](onnx::ModelProto* m) {
       m->mutable_graph()->add_output()->set_name("z");
     },
     "output 'z' of the graph is defined by no node, input or initializer"},
    {"UnnamedOutput",
     [](onnx::ModelProto* m) { m->mutable_graph()->add_output(); },
     "output '' of the graph is defined by no node, input or initializer"},
    {"UnnamedInput",
     [](onnx::ModelProto* m) { m->mutable_graph()->add_input(); },
     "an input of the graph has no name"},
    {"UnnamedInitializer",
     [](onnx::ModelProto* m) { m->mutable_graph()->add_initializer(); },
     "an initializer has no name"},
    {"NoOperator",
     [](onnx::ModelProto* m) {
       AddNode(m->mutable_graph(), "", {"x"}, {"o"}, "n");
     },
     "node 1 'n' has no operator (op_type)"},
    {"TwoNodesDefineAName",
     [](onnx::ModelProto* m) {
       AddNode(m->mutable_graph(), "Neg", {"x"}, {"y"}, "n");
     },
     "'y' is defined twice: by Relu 'r' and by Neg 'n'; every value needs a "
     "name of its own"},
    {"ANodeRedefinesAnInput",
     [](onnx::ModelProto* m) {
       AddNode(m->mutable_graph(), "Neg", {"y"}, {"x"}, "n");
     },
     "'x' is defined twice: as an input and by Neg 'n'; every value needs a "
     "name of its own"},
    {"ANodeRedefinesAnInitializer",
     [](onnx::ModelProto* m) {
       AddInitializer(m->mutable_graph(), "y", 2, {1}, "a");
     },
     "'y' is defined twice: as an initializer and by Relu 'r'; every value "
     "needs a name of its own"},
    {"TwoInputsOfAName",
     [](onnx::ModelProto* m) { AddInput(m->mutable_graph(), "x"); },
     "'x' is defined twice: as an input and as another input; every value "
     "needs a name of its own"},
    {"TwoInitializersOfAName",
     [](onnx::ModelProto* m) {
       AddInitializer(m->mutable_graph(), "w", 2, {1}, "a");
       AddInitializer(m->mutable_graph(), "w", 2, {1}, "a");
     },
     "'w' is defined twice: as an initializer and as another initializer; "
     "every value needs a name of its own"},
    {"UndefinedInASubgraph",
     [](onnx::ModelProto* m) {
       onnx::NodeProto* node = AddNode(m->mutable_graph(), "If", {"x"}, {"z"});
       AddNode(AddGraphAttribute(node, "then_branch")->mutable_g(), "Neg",
               {"nowhere"}, {"t"});
     },
     "If 'z', attribute 'then_branch': Neg 't': input 0 is 'nowhere', which no "
     "node, input or initializer defines"},
    {"ASubgraphsValuesAreItsOwn",
     [](onnx::ModelProto* m) {
       onnx::NodeProto* node = AddNode(m->mutable_graph(), "If", {"x"}, {"z"});
       AddNode(AddGraphAttribute(node, "then_branch")->mutable_g(), "Neg",
               {"x"}, {"t"});
       AddNode(m->mutable_graph(), "Abs", {"t"}, {"a"});
     },
     "Abs 'a': input 0 is 't', which no node, input or initializer defines"},
};
INSTANTIATE_TEST_SUITE_P(Names, WrongModel, ::testing::ValuesIn(kNameErrors),
                         [](const auto& i) { return i.param.name; });

const ErrorCase kCycleErrors[] = {
    {"SelfReference",
     [](onnx::ModelProto* m) {
       AddNode(m->mutable_graph(), "Add", {"x", "a"}, {"a"}, "loop");
     },
     "Add 'loop' reads its own output; a graph's nodes can't form a cycle"},
    {"ASubgraphReadsItsNodesOutput",
     [](onnx::ModelProto* m) {
       onnx::NodeProto* node = AddNode(m->mutable_graph(), "If", {"x"}, {"z"});
       AddNode(AddGraphAttribute(node, "then_branch")->mutable_g(), "Neg",
               {"z"}, {"t"});
     },
     "If 'z' reads its own output; a graph's nodes can't form a cycle"},
    {"Cycle",
     [](onnx::ModelProto* m) {
       AddNode(m->mutable_graph(), "Add", {"x", "c"}, {"a"}, "first");
       AddNode(m->mutable_graph(), "Neg", {"a"}, {"b"}, "second");
       AddNode(m->mutable_graph(), "Abs", {"b"}, {"c"});
       AddNode(m->mutable_graph(), "Exp", {"c"}, {"after"});
     },
     "the graph is cyclic: Add 'first' -> Neg 'second' -> Abs 'c' -> Add "
     "'first'"},
    {"LongCycle",
     [](onnx::ModelProto* m) {
       for (int i = 0; i < 100; ++i) {
         const std::string from = absl::StrCat("v", (i + 99) % 100);
         AddNode(m->mutable_graph(), "Neg", {from.c_str()},
                 {absl::StrCat("v", i).c_str()});
       }
     },
     "the graph is cyclic: Neg 'v0' -> Neg 'v1' -> Neg 'v2' -> Neg 'v3' -> Neg "
     "'v4' -> Neg 'v5' -> Neg 'v6' -> Neg 'v7' -> 92 more -> Neg 'v0'"},
};
INSTANTIATE_TEST_SUITE_P(Cycles, WrongModel, ::testing::ValuesIn(kCycleErrors),
                         [](const auto& i) { return i.param.name; });

const ErrorCase kTypeErrors[] = {
    {"NegativeDimension",
     [](onnx::ModelProto* m) {
       AddInput(m->mutable_graph(), "n", 1, {4, 5, -3});
     },
     "input 'n': dimension 2 is -3; a dimension is zero or more, or has a name "
     "(dim_param) if its size isn't known"},
    {"NegativeDimensionOfAnOutput",
     [](onnx::ModelProto* m) {
       *m->mutable_graph()->mutable_output(0)->mutable_type() = TypeOf(1, {-1});
     },
     "output 'y': dimension 0 is -1; a dimension is zero or more, or has a "
     "name (dim_param) if its size isn't known"},
    {"NegativeDimensionOfAValue",
     [](onnx::ModelProto* m) {
       onnx::ValueInfoProto* info = m->mutable_graph()->add_value_info();
       info->set_name("y");
       *info->mutable_type() = TypeOf(1, {-1});
     },
     "value 'y': dimension 0 is -1; a dimension is zero or more, or has a name "
     "(dim_param) if its size isn't known"},
    {"TooManyElements",
     [](onnx::ModelProto* m) {
       AddInput(m->mutable_graph(), "n", 1, {int64_t{1} << 62, 2});
     },
     "input 'n': its shape 4611686018427387904x2 has more than 2^63 - 1 "
     "elements"},
    {"NewerElementType",
     [](onnx::ModelProto* m) { AddInput(m->mutable_graph(), "n", 27); },
     "input 'n': its element type is ONNX's number 27, but this opcost knows 1 "
     "to 26; a newer opcost may know it"},
    {"NewerElementTypeInASequence",
     [](onnx::ModelProto* m) {
       onnx::ValueInfoProto* input = m->mutable_graph()->add_input();
       input->set_name("n");
       *input->mutable_type()->mutable_sequence_type()->mutable_elem_type() =
           TypeOf(99, {});
     },
     "input 'n': its element type is ONNX's number 99, but this opcost knows 1 "
     "to 26; a newer opcost may know it"},
    {"NoElementType",
     [](onnx::ModelProto* m) { AddInput(m->mutable_graph(), "n", 0); },
     "input 'n': it has no element type; export the model with typed tensors"},
    {"NewerElementTypeOfAnInitializer",
     [](onnx::ModelProto* m) {
       AddInitializer(m->mutable_graph(), "w", 27, {1}, "a");
     },
     "initializer 'w': its element type is ONNX's number 27, but this opcost "
     "knows 1 to 26; a newer opcost may know it"},
};
INSTANTIATE_TEST_SUITE_P(Types, WrongModel, ::testing::ValuesIn(kTypeErrors),
                         [](const auto& i) { return i.param.name; });

// `levels` subgraphs within each other.
onnx::ModelProto Nested(int levels) {
  onnx::GraphProto graph;
  for (int i = 0; i < levels; ++i) {
    onnx::GraphProto outer;
    onnx::NodeProto* node = AddNode(&outer, "If", {}, {}, "n");
    AddGraphAttribute(node, "then_branch")->mutable_g()->Swap(&graph);
    graph.Swap(&outer);
  }
  onnx::ModelProto model = EmptyModel();
  model.mutable_graph()->Swap(&graph);
  return model;
}

TEST(Nesting, Reads32LevelsOfSubgraphsAndRefusesMore) {
  EXPECT_THAT(Import(Nested(32)), IsOk());
  EXPECT_THAT(Import(Nested(33)),
              FailsWith(HasSubstr("m.onnx: subgraphs nest more than 32 levels "
                                  "deep at byte ")));
}

// A message around `content`, as field `number`.
std::string Wrapped(int number, const std::string& content) {
  std::string bytes(1, static_cast<char>(number << 3 | 2));
  size_t length = content.size();
  for (; length >= 0x80; length >>= 7) {
    bytes.push_back(static_cast<char>((length & 0x7f) | 0x80));
  }
  bytes.push_back(static_cast<char>(length));
  return bytes + content;
}

TEST(Nesting, RefusesTenThousandLevelsOfSubgraphs) {
  std::string graph;
  for (int i = 0; i < 10000; ++i) {
    // graph.node.attribute.g
    graph = Wrapped(1, Wrapped(5, Wrapped(6, graph)));
  }
  EXPECT_THAT(ImportBytes(Wrapped(7, graph), "m.onnx"),
              FailsWith(HasSubstr("m.onnx: subgraphs nest more than 32 levels "
                                  "deep at byte ")));
}

TEST(Nesting, Reads32LevelsOfTypesAndRefusesMore) {
  const auto nested = [](int levels) {
    onnx::ModelProto model = EmptyModel();
    onnx::ValueInfoProto* input = model.mutable_graph()->add_input();
    input->set_name("s");
    onnx::TypeProto* type = input->mutable_type();
    for (int i = 1; i < levels; ++i) {
      type = type->mutable_sequence_type()->mutable_elem_type();
    }
    *type = TypeOf(1, {2});
    return model;
  };
  EXPECT_THAT(Import(nested(32)), IsOk());
  EXPECT_THAT(Import(nested(33)),
              FailsWith(HasSubstr("types nest more than 32 levels deep at "
                                  "byte ")));
}

TEST(Nesting, RefusesTenThousandLevelsOfTypes) {
  std::string type;
  for (int i = 0; i < 10000; ++i) type = Wrapped(9, Wrapped(1, type));
  EXPECT_THAT(
      ImportBytes(Wrapped(7, Wrapped(11, Wrapped(2, type))), "m.onnx"),
      FailsWith(HasSubstr("m.onnx: types nest more than 32 levels deep")));
}

TEST(Nesting, RefusesTenThousandLevelsOfGroups) {
  EXPECT_THAT(ImportBytes(std::string(10000, '\x7b'), "m.onnx"),
              FailsWith(HasSubstr("m.onnx: not an ONNX model: ")));
  EXPECT_THAT(ImportBytes(Wrapped(7, std::string(10000, '\x13')), "m.onnx"),
              FailsWith("m.onnx: not an ONNX model: the file is corrupt or cut "
                        "off at byte 103 of 10003: groups nest more than 100 "
                        "levels deep"));
}

}  // namespace
}  // namespace opcost
