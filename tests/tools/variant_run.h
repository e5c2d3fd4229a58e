// SPDX-License-Identifier: Apache-2.0
// Small models with weights, variants of them as files, and what is in these.
#ifndef OPCOST_TESTS_TOOLS_VARIANT_RUN_H_
#define OPCOST_TESTS_TOOLS_VARIANT_RUN_H_

#include <gtest/gtest.h>
#include <onnx/checker.h>
#include <onnx/onnx_pb.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "opcost/analysis/analysis.h"
#include "opcost/frontend/import.h"
#include "tests/support/onnx_text.h"
#include "tests/support/status_matchers.h"
#include "tools/make_variants/variants.h"

namespace opcost::variants {

// A folder of the test's own.
inline std::string TestFolder() {
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  const std::string folder =
      absl::StrCat(::testing::TempDir(), "variants/", test->test_suite_name(),
                   ".", test->name(), "/");
  std::filesystem::create_directories(folder);
  return folder;
}

inline std::string ReadBytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.is_open()) << path;
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

// The same numbers every time, about 1 in size, some of them equal.
inline std::vector<float> SomeFloats(int64_t count, uint64_t seed) {
  std::vector<float> floats;
  uint64_t state = seed * 2654435761U + 1;
  for (int64_t i = 0; i < count; ++i) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    floats.push_back(
        static_cast<float>(static_cast<int64_t>(state >> 53) - 1024) / 512);
  }
  return floats;
}

// `text` as for ProtoFromText(), in which weights are graph inputs: all but the
// first input become initializers, with `weights` or else some floats.
inline onnx::ModelProto WithWeights(
    absl::string_view text,
    const std::map<std::string, std::vector<float>>& weights = {},
    int opset = 17) {
  const auto parsed = ProtoFromText(text, opset);
  EXPECT_THAT(parsed, IsOk());
  onnx::ModelProto model = *parsed;
  onnx::GraphProto& graph = *model.mutable_graph();
  uint64_t seed = 0;
  for (int i = 1; i < graph.input_size(); ++i) {
    const onnx::ValueInfoProto& input = graph.input(i);
    onnx::TensorProto* tensor = graph.add_initializer();
    tensor->set_name(input.name());
    tensor->set_data_type(input.type().tensor_type().elem_type());
    int64_t elements = 1;
    for (const auto& dim : input.type().tensor_type().shape().dim()) {
      tensor->add_dims(dim.dim_value());
      elements *= dim.dim_value();
    }
    const auto given = weights.find(input.name());
    const std::vector<float> floats =
        given == weights.end() ? SomeFloats(elements, ++seed) : given->second;
    EXPECT_EQ(static_cast<int64_t>(floats.size()), elements) << input.name();
    tensor->set_raw_data(reinterpret_cast<const char*>(floats.data()),
                         floats.size() * sizeof(float));
  }
  graph.mutable_input()->DeleteSubrange(1, graph.input_size() - 1);
  return model;
}

// Writes the model with its weights in it; returns the path.
inline std::string Save(const onnx::ModelProto& model,
                        const std::string& name = "net") {
  const std::string path = TestFolder() + name + ".onnx";
  std::ofstream(path, std::ios::binary) << model.SerializeAsString();
  return path;
}

// Writes the model with all its weights in NAME.data; returns the path.
inline std::string SaveExternal(onnx::ModelProto model,
                                const std::string& name = "net") {
  std::string data;
  for (onnx::TensorProto& tensor :
       *model.mutable_graph()->mutable_initializer()) {
    const std::string bytes = tensor.raw_data();
    tensor.clear_raw_data();
    tensor.set_data_location(onnx::TensorProto::EXTERNAL);
    const std::map<std::string, std::string> entries = {
        {"location", name + ".data"},
        {"offset", absl::StrCat(data.size())},
        {"length", absl::StrCat(bytes.size())}};
    for (const auto& [key, value] : entries) {
      auto* entry = tensor.add_external_data();
      entry->set_key(key);
      entry->set_value(value);
    }
    data += bytes;
  }
  std::ofstream(TestFolder() + name + ".data", std::ios::binary) << data;
  return Save(model, name);
}

// A variant of the model at `path`, written; its path, and what it noted.
struct Written {
  std::string path;
  std::vector<std::string> notes;
};
inline absl::StatusOr<Written> WriteVariantOf(
    const std::string& path, const Variant& variant,
    Source::Weights weights = Source::Weights::kRead,
    Place place = Place::kExternal) {
  const auto source = Source::Open(path, weights);
  if (!source.ok()) return source.status();
  const auto model = MakeVariant(**source, variant);
  if (!model.ok()) return model.status();
  const std::string folder = TestFolder() + "out";
  std::filesystem::remove_all(folder);
  const auto bytes = Write(**source, *model, folder, variant.Suffix(), place);
  if (!bytes.ok()) return bytes.status();
  Written written{absl::StrCat(folder, "/", variant.Suffix(), ".onnx"),
                  model->notes};
  const auto size = [](const std::string& file) {
    return std::filesystem::exists(file)
               ? static_cast<int64_t>(std::filesystem::file_size(file))
               : 0;
  };
  const bool has_file =
      place == Place::kExternal && weights == Source::Weights::kRead;
  const std::string weight_file =
      absl::StrCat(folder, "/", variant.Suffix(), ".weights");
  EXPECT_EQ(*bytes, size(written.path) + (has_file ? size(weight_file) : 0));
  return written;
}

inline onnx::ModelProto ReadModel(const std::string& path) {
  onnx::ModelProto model;
  EXPECT_TRUE(model.ParseFromString(ReadBytes(path))) << path;
  return model;
}

// A stored tensor of a model.
struct Stored {
  int32_t type = 0;
  std::vector<int64_t> dims;
  std::vector<double> elements;
};

inline std::vector<double> Decode(int32_t type, const std::string& bytes) {
  std::vector<double> elements;
  const auto decode = [&](auto example) {
    for (size_t at = 0; at + sizeof(example) <= bytes.size();
         at += sizeof(example)) {
      std::memcpy(&example, bytes.data() + at, sizeof(example));
      elements.push_back(static_cast<double>(example));
    }
  };
  if (type == onnx::TensorProto::FLOAT) decode(float{});
  if (type == onnx::TensorProto::INT8) decode(int8_t{});
  if (type == onnx::TensorProto::UINT8) decode(uint8_t{});
  if (type == onnx::TensorProto::INT32) decode(int32_t{});
  if (type == onnx::TensorProto::INT64) decode(int64_t{});
  return elements;
}

// All stored tensors of the model at `path`, wherever they lie.
inline std::map<std::string, Stored> TensorsOf(const std::string& path) {
  std::map<std::string, Stored> tensors;
  const onnx::ModelProto model = ReadModel(path);
  for (const onnx::TensorProto& proto : model.graph().initializer()) {
    Stored& stored = tensors[proto.name()];
    stored.type = proto.data_type();
    stored.dims.assign(proto.dims().begin(), proto.dims().end());
    std::string bytes = proto.raw_data();
    if (proto.data_location() == onnx::TensorProto::EXTERNAL) {
      std::map<std::string, std::string> entries;
      for (const auto& entry : proto.external_data())
        entries[entry.key()] = entry.value();
      const std::string file =
          (std::filesystem::path(path).parent_path() / entries["location"])
              .string();
      size_t offset = 0;
      size_t length = 0;
      EXPECT_TRUE(absl::SimpleAtoi(entries["offset"], &offset));
      EXPECT_TRUE(absl::SimpleAtoi(entries["length"], &length));
      bytes = ReadBytes(file).substr(offset, length);
      EXPECT_EQ(bytes.size(), length) << proto.name();
    }
    stored.elements = Decode(stored.type, bytes);
  }
  return tensors;
}

// That libonnx's checker takes the model, and opcost reads it, knows all
// layers and the shapes of all values, as it stands.
inline void ExpectSound(const std::string& path) {
  EXPECT_NO_THROW(onnx::checker::check_model(path)) << path;
  const auto model = ImportFile(path);
  ASSERT_THAT(model, IsOk());
  InputOptions options;
  options.reading = GraphReading::kAsWritten;
  const auto analysis = Analyze(*model, options);
  ASSERT_THAT(analysis, IsOk());
  for (const LayerCounts& layer : analysis->layers)
    EXPECT_EQ(layer.coverage.status, Coverage::Status::kExact)
        << layer.name << ": " << layer.coverage.reason;
  for (const ValueFacts& facts : analysis->values) {
    EXPECT_EQ(facts.type.kind, ValueKind::kTensor);
    EXPECT_TRUE(facts.type.tensor.shape.has_rank() &&
                facts.type.tensor.shape.is_concrete());
  }
}

inline int64_t MacsOf(const std::string& path) {
  const auto model = ImportFile(path);
  EXPECT_THAT(model, IsOk());
  const auto analysis = Analyze(*model, {});
  EXPECT_THAT(analysis, IsOk());
  Count macs = 0;
  for (const LayerCounts& layer : analysis->layers)
    macs += layer.counts.macs * layer.times;
  return macs.value();
}

inline std::vector<std::string> OperatorsOf(const std::string& path) {
  std::vector<std::string> operators;
  const onnx::ModelProto model = ReadModel(path);
  for (const onnx::NodeProto& node : model.graph().node())
    operators.push_back(node.op_type());
  return operators;
}

inline const onnx::NodeProto NodeOf(const onnx::ModelProto& model,
                                    const std::string& output) {
  for (const onnx::NodeProto& node : model.graph().node())
    for (const std::string& name : node.output())
      if (name == output) return node;
  ADD_FAILURE() << "no node writes " << output;
  return {};
}

}  // namespace opcost::variants

#endif  // OPCOST_TESTS_TOOLS_VARIANT_RUN_H_
