// SPDX-License-Identifier: Apache-2.0
// The bytes of stored tensors, wherever they lie.
#include "opcost/frontend/payloads.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "opcost/ir/data_type.h"
#include "tests/frontend/protos.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using ::testing::HasSubstr;

constexpr int kFloat32 = 1;
constexpr int kInt8 = 3;
constexpr int kFloat16 = 10;
constexpr int kInt64 = 7;

// A folder of its own for each test, removed at its end.
class Payloads : public ::testing::Test {
 protected:
  Payloads() {
    std::string name =
        (std::filesystem::temp_directory_path() / "opcost-XXXXXX").string();
    folder_ = mkdtemp(name.data()) != nullptr ? name : "";
  }
  ~Payloads() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  std::string PathOf(const std::string& name) const {
    return folder_ + "/" + name;
  }
  std::string Write(const std::string& name, const std::string& bytes) const {
    std::ofstream(PathOf(name), std::ios::binary) << bytes;
    return PathOf(name);
  }

  std::string folder_;
};

// All bytes of a reader; whatever ranges it is asked for must agree with them.
absl::StatusOr<std::string> BytesOf(const PayloadReader& reader) {
  std::string all;
  const absl::Status status = reader.Read(
      0, reader.size_bytes(), [&all](absl::Span<const uint8_t> piece) {
        EXPECT_LE(piece.size(), PayloadReader::kPieceBytes);
        all.append(piece.begin(), piece.end());
      });
  if (!status.ok()) return status;
  std::vector<PayloadReader::Range> ranges;
  for (uint64_t begin = 0; begin + 7 < all.size();
       begin += 1 + all.size() / 9) {
    ranges.push_back({begin, begin + 7});
  }
  EXPECT_THAT(reader.ReadRanges(ranges,
                                [&](size_t i, absl::Span<const uint8_t> bytes) {
                                  EXPECT_EQ(
                                      std::string(bytes.begin(), bytes.end()),
                                      all.substr(ranges[i].begin, 7));
                                }),
              IsOk());
  const uint64_t half = all.size() / 2;
  std::string rest;
  EXPECT_THAT(reader.Read(half, all.size(),
                          [&rest](absl::Span<const uint8_t> piece) {
                            rest.append(piece.begin(), piece.end());
                          }),
              IsOk());
  EXPECT_EQ(rest, all.substr(half));
  return all;
}

absl::StatusOr<std::string> BytesIn(const PayloadSource& payloads,
                                    const Model& model,
                                    const std::string& name) {
  const auto reader =
      payloads.Open(*ValueNamed(model.graph, name.c_str()).stored, name);
  if (!reader.ok()) return reader.status();
  return BytesOf(**reader);
}

std::string RandomBytes(size_t count) {
  std::mt19937_64 engine(7);
  std::string bytes(count, '\0');
  for (char& byte : bytes) byte = static_cast<char>(engine());
  return bytes;
}

void SetExternal(onnx::TensorProto* tensor, const std::string& location,
                 int64_t offset, int64_t length) {
  tensor->set_data_location(onnx::TensorProto::EXTERNAL);
  const auto add = [tensor](const char* key, const std::string& value) {
    onnx::StringStringEntryProto* entry = tensor->add_external_data();
    entry->set_key(key);
    entry->set_value(value);
  };
  add("location", location);
  add("offset", absl::StrCat(offset));
  if (length >= 0) add("length", absl::StrCat(length));
}

TEST_F(Payloads, OfTheModelsFileAreItsBytes) {
  onnx::ModelProto model = ReluModel();
  // More than two pieces.
  const std::string large = RandomBytes(2 * PayloadReader::kPieceBytes + 1003);
  const auto size = static_cast<int64_t>(large.size());
  AddInitializer(model.mutable_graph(), "large", kInt8, {size}, large);
  AddInitializer(model.mutable_graph(), "small", kInt8, {9},
                 large.substr(0, 9));
  const std::string file = model.SerializeAsString();
  const std::string path = Write("m.onnx", file);
  ASSERT_OK_AND_ASSIGN(const Model imported, ImportFile(path));
  const ModelPayloads payloads(path);
  EXPECT_TRUE(*BytesIn(payloads, imported, "large") == large);
  EXPECT_EQ(*BytesIn(payloads, imported, "small"), large.substr(0, 9));
  // The same from bytes that were kept.
  const ModelPayloads kept(file, "-");
  EXPECT_TRUE(*BytesIn(kept, imported, "large") == large);
}

TEST_F(Payloads, OfExternalDataLieBesideTheModel) {
  onnx::ModelProto model = ReluModel();
  const std::string data = RandomBytes(10000);
  ASSERT_EQ(mkdir(PathOf("sub").c_str(), 0700), 0);
  Write("sub/w.bin", data);
  onnx::TensorProto* w = model.mutable_graph()->add_initializer();
  FillTensor(w, "w", kFloat16, {100, 3});
  SetExternal(w, "sub/w.bin", 4096, 600);
  onnx::TensorProto* rest = model.mutable_graph()->add_initializer();
  FillTensor(rest, "rest", kInt8, {5904});
  SetExternal(rest, "./sub//w.bin", 4096, -1);
  const std::string path = Write("m.onnx", model.SerializeAsString());
  ASSERT_OK_AND_ASSIGN(const Model imported, ImportFile(path));
  const ModelPayloads payloads(path);
  EXPECT_EQ(*BytesIn(payloads, imported, "w"), data.substr(4096, 600));
  EXPECT_EQ(*BytesIn(payloads, imported, "rest"), data.substr(4096));
}

// Values in every typed field, packed and not, small and large.
TEST_F(Payloads, OfTypedFieldsAreTheirRawData) {
  for (const int count : {5, 3000, 70000}) {
    onnx::ModelProto model = ReluModel();
    onnx::GraphProto* graph = model.mutable_graph();
    std::string int64s, uint32s, halves, bytes, fours, doubles;
    const auto append = [](std::string* to, const auto& number) {
      to->append(reinterpret_cast<const char*>(&number), sizeof(number));
    };
    for (const auto& [name, type] :
         {std::pair("int64s", 7), std::pair("uint32s", 12),
          std::pair("halves", 10), std::pair("bytes", 3),
          std::pair("doubles", 11)}) {
      FillTensor(graph->add_initializer(), name, type, {count});
    }
    FillTensor(graph->add_initializer(), "fours", 22, {2 * count - 1});
    for (int i = 0; i < count; ++i) {
      const int64_t wide = int64_t{i} * i * (i % 2 == 0 ? -1 : 1);
      graph->mutable_initializer(0)->add_int64_data(wide);
      append(&int64s, wide);
      const auto narrow = static_cast<uint32_t>(i) * 3000000U;
      graph->mutable_initializer(1)->add_uint64_data(narrow);
      append(&uint32s, narrow);
      // A float16 between 1 and 2, as its pattern.
      const auto half = static_cast<uint16_t>(0x3c00 + i % 1024);
      graph->mutable_initializer(2)->add_int32_data(half);
      append(&halves, half);
      const auto byte = static_cast<int8_t>(i % 256 - 128);
      graph->mutable_initializer(3)->add_int32_data(byte);
      append(&bytes, byte);
      graph->mutable_initializer(4)->add_double_data(i / 7.0);
      append(&doubles, i / 7.0);
      // Two of int4 to an entry; the last one's upper half is unused.
      const int pair = i + 1 < count ? i % 256 : i % 16;
      graph->mutable_initializer(5)->add_int32_data(pair);
      append(&fours, static_cast<uint8_t>(pair));
    }
    const std::string path = Write("m.onnx", model.SerializeAsString());
    ASSERT_OK_AND_ASSIGN(const Model imported, ImportFile(path));
    const ModelPayloads payloads(path);
    EXPECT_TRUE(*BytesIn(payloads, imported, "int64s") == int64s) << count;
    EXPECT_TRUE(*BytesIn(payloads, imported, "uint32s") == uint32s) << count;
    EXPECT_TRUE(*BytesIn(payloads, imported, "halves") == halves) << count;
    EXPECT_TRUE(*BytesIn(payloads, imported, "bytes") == bytes) << count;
    EXPECT_TRUE(*BytesIn(payloads, imported, "doubles") == doubles) << count;
    EXPECT_TRUE(*BytesIn(payloads, imported, "fours") == fours) << count;
  }
}

// float_data (field 4) as fields of 4 bytes each.
TEST_F(Payloads, OfUnpackedElementsAreGathered) {
  std::string tensor("\x08\xac\x02\x10\x01", 5);  // dims 300, float32
  std::string expected;
  for (int i = 0; i < 300; ++i) {
    const auto value = static_cast<float>(i);
    const std::string bytes(reinterpret_cast<const char*>(&value), 4);
    tensor += '\x25' + bytes;
    expected += bytes;
  }
  onnx::ModelProto model = ReluModel();
  onnx::GraphProto* graph = model.mutable_graph();
  graph->GetReflection()->MutableUnknownFields(graph)->AddLengthDelimited(
      5, tensor + std::string("\x42\x01w", 3));
  const std::string file = model.SerializeAsString();
  ASSERT_OK_AND_ASSIGN(const Model imported, ImportBytes(file, "m.onnx"));
  const ModelPayloads payloads(file, "m.onnx");
  EXPECT_EQ(*BytesIn(payloads, imported, "w"), expected);
}

// Every pattern of every narrow type comes back as it was, but for NaN, of
// which a type has several.
TEST_F(Payloads, OfSmallValuesAreEncodedAgain) {
  for (const int type : {9, 2,  3,  4,  5,  6,  12, 13, 10, 16, 11,
                         1, 17, 18, 19, 20, 24, 21, 22, 23, 25, 26}) {
    const DataType data_type = *DataTypeFromOnnx(type);
    const int width = WidthBits(data_type);
    std::string raw = RandomBytes(64);
    if (type == 9) raw = std::string("\0\1\1\0\1\0\0\1", 8);
    if (type == 13) raw[7] = raw[15] = raw[23] = raw[31] = 1;  // below 2^63
    const int64_t bytes = type == 13 ? 32 : static_cast<int64_t>(raw.size());
    raw.resize(static_cast<size_t>(bytes));
    onnx::ModelProto model = ReluModel();
    AddInitializer(model.mutable_graph(), "w", type, {bytes * 8 / width}, raw);
    const std::string file = model.SerializeAsString();
    ASSERT_OK_AND_ASSIGN(const Model imported, ImportBytes(file, "m.onnx"));
    const StoredTensor& stored = *ValueNamed(imported.graph, "w").stored;
    ASSERT_EQ(stored.payload.place, Payload::Place::kNone);
    const ModelPayloads payloads(file, "m.onnx");
    ASSERT_OK_AND_ASSIGN(const std::string again,
                         BytesIn(payloads, imported, "w"));
    onnx::ModelProto second = ReluModel();
    AddInitializer(second.mutable_graph(), "w", type, {bytes * 8 / width},
                   again);
    ASSERT_OK_AND_ASSIGN(const Model reread, Import(second));
    const TensorValue& before = *stored.value;
    const TensorValue& after = *ValueNamed(reread.graph, "w").stored->value;
    for (int64_t i = 0; i < before.size(); ++i) {
      if (before.holds_integers()) {
        EXPECT_EQ(before.Int(i), after.Int(i)) << Name(data_type);
      } else if (before.Float(i) == before.Float(i)) {
        EXPECT_EQ(before.Float(i), after.Float(i)) << Name(data_type);
        EXPECT_EQ(std::signbit(before.Float(i)), std::signbit(after.Float(i)));
      } else {
        EXPECT_NE(after.Float(i), after.Float(i)) << Name(data_type);
      }
    }
  }
}

// A model whose weights, 1 MB, lie in `location`.
onnx::ModelProto ExternalModel(const std::string& location, int64_t offset) {
  onnx::ModelProto model = ReluModel();
  onnx::TensorProto* w = model.mutable_graph()->add_initializer();
  FillTensor(w, "w", kFloat32, {1 << 18});
  SetExternal(w, location, offset, -1);
  return model;
}

TEST_F(Payloads, ThatAreNotThereAreErrorsWithARemedy) {
  const std::string path =
      Write("m.onnx", ExternalModel("w.bin", 0).SerializeAsString());
  ASSERT_OK_AND_ASSIGN(const Model model, ImportFile(path));
  {
    const ModelPayloads payloads(path);
    EXPECT_THAT(
        BytesIn(payloads, model, "w"),
        StatusIs(absl::StatusCode::kNotFound,
                 absl::StrCat("the weights of 'w': ", PathOf("w.bin"),
                              ": no such file; put the external data beside ",
                              path)));
  }
  Write("w.bin", std::string(1000, 'x'));
  {
    const ModelPayloads payloads(path);
    EXPECT_THAT(
        BytesIn(payloads, model, "w"),
        FailsWith(absl::StrCat(
            "the weights of 'w': in ", PathOf("w.bin"),
            ": float32 262144 takes 1048576 bytes from byte 0, but the file "
            "has 1000; it is cut off, or another model's: fetch or export it "
            "again")));
  }
  Write("w.bin", "");
  {
    const ModelPayloads payloads(path);
    EXPECT_THAT(BytesIn(payloads, model, "w"),
                FailsWith(HasSubstr("but the file has 0")));
  }
  const ModelPayloads kept("", "-");
  EXPECT_THAT(
      BytesIn(kept, model, "w"),
      FailsWith("the weights of 'w': its external data lie in 'w.bin', but the "
                "model came from standard input, which has no folder; give "
                "the model as a file"));
}

TEST_F(Payloads, DoNotLeadOutOfTheModelsFolder) {
  ASSERT_EQ(mkdir(PathOf("model").c_str(), 0700), 0);
  Write("secret", std::string(1 << 20, 's'));
  ASSERT_EQ(symlink("../secret", PathOf("model/link").c_str()), 0);
  ASSERT_EQ(symlink("..", PathOf("model/up").c_str()), 0);
  ASSERT_EQ(mkfifo(PathOf("model/pipe").c_str(), 0600), 0);
  const struct {
    const char* location;
    const char* message;
  } kCases[] = {
      {"link", "is a symbolic link, or lies behind one"},
      {"up/secret", "is a symbolic link, or lies behind one"},
      {"pipe", "isn't a regular file, which weights are read from"},
      {".", "leaves the model's folder"},
  };
  for (const auto& c : kCases) {
    StoredTensor tensor;
    tensor.type = {DataType::kInt8, Shape(Dims{Extent(int64_t{1} << 20)})};
    tensor.payload.place = Payload::Place::kExternal;
    tensor.payload.location = c.location;
    const ModelPayloads payloads(PathOf("model/m.onnx"));
    if (std::string(c.location) == ".") {
      // Refused when the model is read already.
      EXPECT_THAT(Import(ExternalModel(c.location, 0)),
                  FailsWith(HasSubstr(c.message)));
      continue;
    }
    EXPECT_THAT(payloads.Open(tensor, "w"), FailsWith(HasSubstr(c.message)))
        << c.location;
  }
}

TEST_F(Payloads, OfHostilePlacesAreErrors) {
  const std::string path =
      Write("m.onnx", ReluModel().SerializeAsString() + std::string(4096, 'x'));
  const ModelPayloads payloads(path);
  const uint64_t huge = ~uint64_t{0};
  for (const uint64_t offset :
       {huge, huge - 3, uint64_t{1} << 62, uint64_t{1} << 40}) {
    for (const auto place :
         {Payload::Place::kModelFile, Payload::Place::kScattered}) {
      StoredTensor tensor;
      tensor.type = {DataType::kFloat32, Shape(Dims{Extent(1024)})};
      tensor.payload.place = place;
      tensor.payload.offset_bytes = offset;
      tensor.payload.length_bytes = 4096;
      EXPECT_FALSE(payloads.Open(tensor, "w").ok());
    }
  }
  StoredTensor large;
  large.type = {DataType::kFloat64,
                Shape(Dims{Extent(int64_t{1} << 61), Extent(1)})};
  large.payload.place = Payload::Place::kModelFile;
  EXPECT_THAT(payloads.Open(large, "w"),
              FailsWith("the weights of 'w': takes more than 2^63 - 1 bytes"));
  large.type.shape = Shape(Dims{Extent((int64_t{1} << 60) - 1)});
  EXPECT_THAT(payloads.Open(large, "w"),
              FailsWith(HasSubstr("but the file has")));
  // An offset that isn't a payload's.
  StoredTensor tensor;
  tensor.type = {DataType::kInt64, Shape(Dims{Extent(1024)})};
  tensor.payload.place = Payload::Place::kScattered;
  tensor.payload.offset_bytes = 3;
  EXPECT_THAT(payloads.Open(tensor, "w"),
              FailsWith(HasSubstr("the file has changed since it was read")));
}

TEST_F(Payloads, ThatContradictTheirTypeAreErrors) {
  onnx::ModelProto model = ReluModel();
  onnx::TensorProto* tensor = model.mutable_graph()->add_initializer();
  FillTensor(tensor, "w", kInt64, {2000});
  for (int i = 0; i < 2001; ++i) tensor->add_int64_data(5);
  const std::string file = model.SerializeAsString();
  ASSERT_OK_AND_ASSIGN(const Model imported, ImportBytes(file, "m.onnx"));
  const ModelPayloads payloads(file, "m.onnx");
  EXPECT_THAT(BytesIn(payloads, imported, "w"),
              FailsWith("the weights of 'w': in m.onnx: has 2001 elements in "
                        "int64_data, but its type takes 2000; the file is "
                        "damaged, or its writer is wrong"));
  tensor->mutable_int64_data()->RemoveLast();
  tensor->add_float_data(1);
  const std::string mixed = model.SerializeAsString();
  ASSERT_OK_AND_ASSIGN(const Model both, ImportBytes(mixed, "m.onnx"));
  const ModelPayloads of_both(mixed, "m.onnx");
  EXPECT_THAT(BytesIn(of_both, both, "w"),
              FailsWith(HasSubstr("has data in field 4 of TensorProto too")));
}

TEST_F(Payloads, OfWhatHasNoNumbersAreErrors) {
  const ModelPayloads payloads("", "m.onnx");
  StoredTensor strings;
  strings.type = {DataType::kString, Shape(Dims{Extent(2)})};
  EXPECT_THAT(payloads.Open(strings, "w"),
              FailsWith("the weights of 'w': holds strings, which have no "
                        "values to calculate with"));
  StoredTensor sparse;
  sparse.type = {DataType::kFloat32, Shape(Dims{Extent(2)})};
  sparse.is_sparse = true;
  EXPECT_THAT(payloads.Open(sparse, "w"),
              StatusIs(absl::StatusCode::kUnimplemented,
                       HasSubstr("is stored as a sparse tensor")));
  StoredTensor unknown;
  unknown.type = {DataType::kUint64, Shape(Dims{Extent(2)})};
  EXPECT_THAT(payloads.Open(unknown, "w"),
              FailsWith(HasSubstr("integers above 2^63 - 1")));
}

TEST_F(Payloads, AreReadBySeveralThreadsAtOnce) {
  const std::string data = RandomBytes(1 << 20);
  Write("w.bin", data);
  const std::string path =
      Write("m.onnx", ExternalModel("w.bin", 0).SerializeAsString());
  ASSERT_OK_AND_ASSIGN(const Model model, ImportFile(path));
  const ModelPayloads payloads(path);
  std::vector<std::string> results(4);
  std::vector<std::thread> threads;
  for (std::string& result : results) {
    threads.emplace_back([&payloads, &model, &result] {
      const auto bytes = BytesIn(payloads, model, "w");
      if (bytes.ok()) result = *bytes;
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& result : results) EXPECT_TRUE(result == data);
}

}  // namespace
}  // namespace opcost
