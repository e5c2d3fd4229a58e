// SPDX-License-Identifier: Apache-2.0
// Writes networks as protocol buffers, one tensor at a time.
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl.h>

#include <bit>
#include <cmath>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "tools/make_models/model_zoo.h"

namespace opcost::model_zoo {
namespace {

using ::google::protobuf::io::CodedOutputStream;

static_assert(std::endian::native == std::endian::little,
              "ONNX's raw_data is little-endian");

constexpr int64_t kBytesPerElement = 4;  // float32

// Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators".
class SplitMix64 {
 public:
  explicit SplitMix64(uint64_t seed) : state_(seed) {}
  uint64_t Next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
  }

 private:
  uint64_t state_;
};

// FNV-1a: a tensor's elements depend on its name, not on its place.
uint64_t Seed(absl::string_view text) {
  uint64_t hash = 0xcbf29ce484222325U;
  for (char c : text)
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return hash;
}

// The sum of four 16-bit numbers has about a normal distribution, with a
// variance of 4 * (2^32 - 1) / 12. Integers up to one rounding: the same
// everywhere.
void FillNormal(double deviation, uint64_t seed, std::string* bytes) {
  const double scale = deviation / std::sqrt(4 * 4294967295.0 / 12);
  SplitMix64 random(seed);
  for (size_t at = 0; at < bytes->size(); at += kBytesPerElement) {
    const uint64_t bits = random.Next();
    int64_t sum = -int64_t{2} * 65535;
    for (int part = 0; part < 4; ++part)
      sum += static_cast<int64_t>((bits >> (16 * part)) & 0xffffU);
    const auto element = static_cast<float>(static_cast<double>(sum) * scale);
    std::memcpy(bytes->data() + at, &element, kBytesPerElement);
  }
}

void FillConstant(float value, std::string* bytes) {
  for (size_t at = 0; at < bytes->size(); at += kBytesPerElement)
    std::memcpy(bytes->data() + at, &value, kBytesPerElement);
}

std::string ElementsOf(const Network& network, const Weight& weight) {
  std::string bytes(static_cast<size_t>(weight.Elements() * kBytesPerElement),
                    '\0');
  const uint64_t seed = Seed(absl::StrCat(network.name, "/", weight.name));
  const auto fan_in = static_cast<double>(weight.fan_in);
  switch (weight.fill) {
    case Fill::kHe:
      FillNormal(std::sqrt(2 / fan_in), seed, &bytes);
      break;
    case Fill::kBias:
      FillNormal(std::sqrt(1 / fan_in / 3), seed, &bytes);
      break;
    case Fill::kOne:
      FillConstant(1, &bytes);
      break;
    case Fill::kZero:
      break;
  }
  return bytes;
}

void AddExternal(onnx::TensorProto* tensor, const std::string& key,
                 const std::string& value) {
  onnx::StringStringEntryProto* entry = tensor->add_external_data();
  entry->set_key(key);
  entry->set_value(value);
}

// The tensor without its elements, which lie `offset` bytes into an absent file
// unless they follow.
onnx::TensorProto Declaration(const Network& network, const Weight& weight,
                              Weights weights, int64_t offset) {
  onnx::TensorProto tensor;
  tensor.set_name(weight.name);
  tensor.set_data_type(onnx::TensorProto::FLOAT);
  for (int64_t dim : weight.dims) tensor.add_dims(dim);
  if (weights == Weights::kAbsent) {
    tensor.set_data_location(onnx::TensorProto::EXTERNAL);
    AddExternal(&tensor, "location", network.name + ".weights");
    AddExternal(&tensor, "offset", absl::StrCat(offset));
    AddExternal(&tensor, "length",
                absl::StrCat(weight.Elements() * kBytesPerElement));
  }
  return tensor;
}

// The bytes of a field whose number is below 16 and whose value has `size`.
uint64_t FieldSize(uint64_t size) {
  return 1 + CodedOutputStream::VarintSize64(size) + size;
}

void WriteFieldStart(int number, uint64_t size, CodedOutputStream* stream) {
  constexpr int kLengthDelimited = 2;
  stream->WriteTag(static_cast<uint32_t>(number << 3 | kLengthDelimited));
  stream->WriteVarint64(size);
}

// What a tensor takes within a file once its elements are in it.
uint64_t TensorSize(const onnx::TensorProto& declaration, const Weight& weight,
                    Weights weights) {
  uint64_t size = declaration.ByteSizeLong();
  if (weights == Weights::kWritten)
    size +=
        FieldSize(static_cast<uint64_t>(weight.Elements() * kBytesPerElement));
  return size;
}

void WriteTensor(const Network& network, const Weight& weight, Weights weights,
                 const onnx::TensorProto& declaration,
                 CodedOutputStream* stream) {
  WriteFieldStart(onnx::GraphProto::kInitializerFieldNumber,
                  TensorSize(declaration, weight, weights), stream);
  declaration.SerializeToCodedStream(stream);
  if (weights == Weights::kAbsent) return;
  const std::string elements = ElementsOf(network, weight);
  WriteFieldStart(onnx::TensorProto::kRawDataFieldNumber, elements.size(),
                  stream);
  stream->WriteRaw(elements.data(), static_cast<int>(elements.size()));
}

}  // namespace

absl::Status Write(const Network& network, Weights weights, std::ostream* out) {
  std::vector<onnx::TensorProto> declarations;
  const onnx::GraphProto& graph = network.model.graph();
  uint64_t graph_size = graph.ByteSizeLong();
  int64_t offset = 0;
  for (const Weight& weight : network.weights) {
    declarations.push_back(Declaration(network, weight, weights, offset));
    graph_size += FieldSize(TensorSize(declarations.back(), weight, weights));
    offset += weight.Elements() * kBytesPerElement;
  }
  onnx::ModelProto head = network.model;
  head.clear_graph();
  {
    ::google::protobuf::io::OstreamOutputStream buffer(out);
    CodedOutputStream stream(&buffer);
    stream.SetSerializationDeterministic(true);
    head.SerializeToCodedStream(&stream);
    WriteFieldStart(onnx::ModelProto::kGraphFieldNumber, graph_size, &stream);
    graph.SerializeToCodedStream(&stream);
    for (size_t i = 0; i < declarations.size(); ++i)
      WriteTensor(network, network.weights[i], weights, declarations[i],
                  &stream);
  }
  out->flush();
  if (!out->good())
    return absl::UnavailableError(
        absl::StrCat("can't write network '", network.name, "'"));
  return absl::OkStatus();
}

}  // namespace opcost::model_zoo
