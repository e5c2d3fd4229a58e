// SPDX-License-Identifier: Apache-2.0
// Payloads above 1 KB are left out, wherever they are, and their places noted.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "src/frontend/skeleton.h"
#include "tests/frontend/protos.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

// The bytes of `payload` in `file`.
std::string BytesAt(const std::string& file, const Payload& payload) {
  return file.substr(payload.offset_bytes, payload.length_bytes);
}

// The message that the skeleton of `model` is.
onnx::ModelProto SkeletonOf(const onnx::ModelProto& model, size_t payloads) {
  const std::string file = model.SerializeAsString();
  Skeleton skeleton;
  EXPECT_THAT(ReadSkeleton(file, &skeleton), IsOk());
  EXPECT_THAT(skeleton.payloads, SizeIs(payloads));
  onnx::ModelProto parsed;
  EXPECT_TRUE(parsed.ParseFromArray(skeleton.bytes.data(),
                                    static_cast<int>(skeleton.bytes.size())));
  return parsed;
}

TEST(Payload, OfRawDataIsFoundInTheFile) {
  onnx::ModelProto model = ReluModel();
  const std::string first(1200, 'a');
  const std::string second(4800, 'b');
  AddInitializer(model.mutable_graph(), "v", 1, {300}, first);
  AddInitializer(model.mutable_graph(), "w", 1, {3, 400}, second);
  const std::string file = model.SerializeAsString();
  ASSERT_OK_AND_ASSIGN(const Model imported, ImportBytes(file, "m.onnx"));
  const StoredTensor& v = *ValueNamed(imported.graph, "v").stored;
  EXPECT_EQ(v.payload.place, Payload::Place::kModelFile);
  EXPECT_EQ(BytesAt(file, v.payload), first);
  EXPECT_EQ(v.value, nullptr);
  const StoredTensor& w = *ValueNamed(imported.graph, "w").stored;
  EXPECT_EQ(BytesAt(file, w.payload), second);
  EXPECT_EQ(ToString(w.type), "float32 3x400");
}

TEST(Payload, OfExactly1KilobyteIsKeptAndOneByteMoreIsNot) {
  onnx::ModelProto model = ReluModel();
  AddInitializer(model.mutable_graph(), "v", 2, {1024}, std::string(1024, 7));
  AddInitializer(model.mutable_graph(), "w", 2, {1025}, std::string(1025, 7));
  ASSERT_OK_AND_ASSIGN(const Model imported, Import(model));
  const StoredTensor& v = *ValueNamed(imported.graph, "v").stored;
  EXPECT_EQ(v.payload.place, Payload::Place::kNone);
  ASSERT_NE(v.value, nullptr);
  EXPECT_EQ(v.value->Int(1023), SymValue(7));
  const StoredTensor& w = *ValueNamed(imported.graph, "w").stored;
  EXPECT_EQ(w.payload.length_bytes, 1025u);
  EXPECT_EQ(w.value, nullptr);
}

TEST(Payload, OfPackedFloatsLiesAsRawDataDo) {
  onnx::ModelProto model = ReluModel();
  onnx::TensorProto* tensor = model.mutable_graph()->add_initializer();
  FillTensor(tensor, "w", 1, {300});
  for (int i = 0; i < 300; ++i) tensor->add_float_data(0.5F);
  const std::string file = model.SerializeAsString();
  ASSERT_OK_AND_ASSIGN(const Model imported, ImportBytes(file, "m.onnx"));
  const Payload& payload = ValueNamed(imported.graph, "w").stored->payload;
  EXPECT_EQ(payload.place, Payload::Place::kModelFile);
  EXPECT_EQ(payload.length_bytes, 300u * 4u);
  EXPECT_EQ(BytesAt(file, payload).substr(0, 4), std::string("\0\0\0\x3f", 4));
}

TEST(Payload, OfVarintsIsScattered) {
  onnx::ModelProto model = ReluModel();
  onnx::TensorProto* tensor = model.mutable_graph()->add_initializer();
  FillTensor(tensor, "w", 7, {2000});
  for (int i = 0; i < 2000; ++i) tensor->add_int64_data(5);
  ASSERT_OK_AND_ASSIGN(const Model imported, Import(model));
  const Payload& payload = ValueNamed(imported.graph, "w").stored->payload;
  EXPECT_EQ(payload.place, Payload::Place::kScattered);
  EXPECT_EQ(payload.length_bytes, 2000u);
}

TEST(Payload, OfUnpackedElementsIsScattered) {
  // float_data (field 4) as 300 fields of 4 bytes each.
  std::string tensor("\x08\xac\x02\x10\x01", 5);  // dims 300, float32
  for (int i = 0; i < 300; ++i) tensor += std::string("\x25\0\0\0\x3f", 5);
  onnx::ModelProto model = ReluModel();
  onnx::GraphProto* graph = model.mutable_graph();
  graph->GetReflection()->MutableUnknownFields(graph)->AddLengthDelimited(
      5, tensor + std::string("\x42\x01w", 3));
  ASSERT_OK_AND_ASSIGN(const Model imported, Import(model));
  const Value& w = ValueNamed(imported.graph, "w");
  ASSERT_NE(w.stored, nullptr);
  EXPECT_EQ(w.stored->payload.place, Payload::Place::kScattered);
  EXPECT_EQ(w.stored->payload.length_bytes, 300u * 4u);
}

TEST(Payload, IsTheSumOfATensorsFields) {
  onnx::ModelProto model = ReluModel();
  onnx::TensorProto* tensor = model.mutable_graph()->add_initializer();
  FillTensor(tensor, "w", 8, {60});
  // 60 strings of 20 bytes: none above 1 KB, 1200 bytes in all.
  for (int i = 0; i < 60; ++i) tensor->add_string_data(std::string(20, 's'));
  const onnx::ModelProto skeleton = SkeletonOf(model, 1);
  EXPECT_EQ(skeleton.graph().initializer(0).string_data_size(), 0);
  ASSERT_OK_AND_ASSIGN(const Model imported, Import(model));
  EXPECT_EQ(ValueNamed(imported.graph, "w").stored->payload.place,
            Payload::Place::kScattered);
}

TEST(Payload, OfTypedDataIsCutForEveryType) {
  onnx::GraphProto graph;
  for (int i = 0; i < 2000; ++i) {
    if (i == 0) {
      FillTensor(graph.add_initializer(), "f", 1, {2000});
      FillTensor(graph.add_initializer(), "i32", 6, {2000});
      FillTensor(graph.add_initializer(), "i64", 7, {2000});
      FillTensor(graph.add_initializer(), "d", 11, {2000});
      FillTensor(graph.add_initializer(), "u64", 13, {2000});
    }
    graph.mutable_initializer(0)->add_float_data(1);
    graph.mutable_initializer(1)->add_int32_data(1);
    graph.mutable_initializer(2)->add_int64_data(1);
    graph.mutable_initializer(3)->add_double_data(1);
    graph.mutable_initializer(4)->add_uint64_data(1);
  }
  onnx::ModelProto model = EmptyModel();
  *model.mutable_graph() = graph;
  const onnx::ModelProto skeleton = SkeletonOf(model, 5);
  EXPECT_LT(skeleton.ByteSizeLong(), 200u);
  EXPECT_EQ(skeleton.graph().initializer(4).name(), "u64");
  EXPECT_EQ(skeleton.graph().initializer(4).doc_string(),
            absl::StrCat(kPayloadMark, 4));
}

onnx::AttributeProto* AddAttribute(onnx::NodeProto* node, const char* name,
                                   onnx::AttributeProto::AttributeType type) {
  onnx::AttributeProto* attribute = node->add_attribute();
  attribute->set_name(name);
  attribute->set_type(type);
  return attribute;
}

void FillLarge(onnx::TensorProto* tensor) {
  FillTensor(tensor, "", 1, {300});
  tensor->set_raw_data(std::string(1200, 'L'));
}

TEST(Payload, IsCutWhereverATensorMayBe) {
  onnx::ModelProto model = ReluModel();
  using Proto = onnx::AttributeProto;
  const auto fill_node = [](onnx::NodeProto* node) {
    node->set_op_type("Op");
    FillLarge(AddAttribute(node, "t", Proto::TENSOR)->mutable_t());
    Proto* tensors = AddAttribute(node, "ts", Proto::TENSORS);
    FillLarge(tensors->add_tensors());
    FillLarge(tensors->add_tensors());
    onnx::SparseTensorProto* sparse =
        AddAttribute(node, "s", Proto::SPARSE_TENSOR)->mutable_sparse_tensor();
    FillLarge(sparse->mutable_values());
    FillLarge(sparse->mutable_indices());
    FillLarge(AddAttribute(node, "ss", Proto::SPARSE_TENSORS)
                  ->add_sparse_tensors()
                  ->mutable_values());
  };
  const auto fill_graph = [&fill_node](onnx::GraphProto* graph) {
    fill_node(graph->add_node());
    FillLarge(graph->add_initializer());
    FillLarge(graph->add_sparse_initializer()->mutable_values());
  };
  constexpr size_t kInNode = 1 + 2 + 2 + 1;
  constexpr size_t kInGraph = kInNode + 1 + 1;
  fill_graph(model.mutable_graph());
  onnx::NodeProto* outer = model.mutable_graph()->add_node();
  fill_graph(AddAttribute(outer, "g", Proto::GRAPH)->mutable_g());
  fill_graph(AddAttribute(outer, "gs", Proto::GRAPHS)->add_graphs());
  fill_node(model.add_functions()->add_node());
  fill_graph(model.add_training_info()->mutable_algorithm());
  fill_graph(model.mutable_training_info(0)->mutable_initialization());
  const onnx::ModelProto skeleton = SkeletonOf(model, 5 * kInGraph + kInNode);
  EXPECT_THAT(skeleton.SerializeAsString(), Not(HasSubstr("LLLL")));
}

TEST(Payload, OfAConstantInASubgraphIsFound) {
  onnx::ModelProto model = ReluModel();
  onnx::NodeProto* node = AddNode(model.mutable_graph(), "If", {"x"}, {"z"});
  onnx::GraphProto* branch =
      AddAttribute(node, "then_branch", onnx::AttributeProto::GRAPH)
          ->mutable_g();
  FillLarge(AddAttribute(AddNode(branch, "Constant", {}, {"c"}), "value",
                         onnx::AttributeProto::TENSOR)
                ->mutable_t());
  const std::string file = model.SerializeAsString();
  ASSERT_OK_AND_ASSIGN(const Model imported, ImportBytes(file, "m.onnx"));
  const Graph& graph = *std::get<std::shared_ptr<const Graph>>(
      imported.graph.nodes[1].attributes[0].content);
  const StoredTensor& constant = *std::get<std::shared_ptr<const StoredTensor>>(
      graph.nodes[0].attributes[0].content);
  EXPECT_EQ(BytesAt(file, constant.payload), std::string(1200, 'L'));
}

TEST(Payload, OfASparseTensorIsThatOfItsValues) {
  onnx::ModelProto model = ReluModel();
  onnx::SparseTensorProto* sparse =
      model.mutable_graph()->add_sparse_initializer();
  FillTensor(sparse->mutable_values(), "w", 1, {300});
  sparse->mutable_values()->set_raw_data(std::string(1200, 'v'));
  FillTensor(sparse->mutable_indices(), "", 7, {300, 2});
  sparse->mutable_indices()->set_raw_data(std::string(4800, '\0'));
  sparse->add_dims(1000);
  sparse->add_dims(2000);
  const std::string file = model.SerializeAsString();
  ASSERT_OK_AND_ASSIGN(const Model imported, ImportBytes(file, "m.onnx"));
  const Value& w = ValueNamed(imported.graph, "w");
  ASSERT_NE(w.stored, nullptr);
  EXPECT_TRUE(w.stored->is_sparse);
  EXPECT_EQ(ToString(w.stored->type), "float32 1000x2000");
  EXPECT_EQ(BytesAt(file, w.stored->payload), std::string(1200, 'v'));
}

TEST(Payload, IsNotForgedByADocString) {
  onnx::ModelProto model = ReluModel();
  AddInitializer(model.mutable_graph(), "large", 1, {300},
                 std::string(1200, 'a'));
  AddInitializer(model.mutable_graph(), "small", 2, {1}, "\x05")
      ->set_doc_string(absl::StrCat(kPayloadMark, 0));
  ASSERT_OK_AND_ASSIGN(const Model imported, Import(model));
  const StoredTensor& small = *ValueNamed(imported.graph, "small").stored;
  EXPECT_EQ(small.payload.place, Payload::Place::kNone);
  EXPECT_EQ(small.value->Int(0), SymValue(5));
}

TEST(Skeleton, IsTheFileItselfWhereNothingIsCut) {
  const std::string file = ReluModel().SerializeAsString();
  Skeleton skeleton;
  ASSERT_THAT(ReadSkeleton(file, &skeleton), IsOk());
  EXPECT_EQ(skeleton.bytes.data(), file.data());
  EXPECT_EQ(skeleton.bytes.size(), file.size());
}

TEST(Skeleton, EqualsTheModelWithoutPayloads) {
  onnx::ModelProto model = ReluModel();
  model.set_doc_string("of the model");
  AddInitializer(model.mutable_graph(), "v", 1, {300}, std::string(1200, 'a'));
  AddNode(model.mutable_graph(), "Neg", {"x"}, {"after"});
  onnx::ModelProto expected = model;
  expected.mutable_graph()->mutable_initializer(0)->clear_raw_data();
  expected.mutable_graph()->mutable_initializer(0)->set_doc_string(
      absl::StrCat(kPayloadMark, 0));
  EXPECT_EQ(SkeletonOf(model, 1).SerializeAsString(),
            expected.SerializeAsString());
}

}  // namespace
}  // namespace opcost
