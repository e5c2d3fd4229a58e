// SPDX-License-Identifier: Apache-2.0
#include "tools/make_variants/output.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl.h>

#include <algorithm>
#include <climits>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "opcost/support/status_macros.h"
#include "tools/make_variants/elements.h"

namespace opcost::variants {
namespace {

using ::google::protobuf::io::CodedOutputStream;

constexpr int64_t kMaxInlineBytes = 256;
constexpr int64_t kAlignment = 64;  // of tensors in the weight file
constexpr int64_t kIrVersionOfPlainInitializers = 4;

void AddExternal(onnx::TensorProto* tensor, const std::string& key,
                 const std::string& value) {
  onnx::StringStringEntryProto* entry = tensor->add_external_data();
  entry->set_key(key);
  entry->set_value(value);
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

absl::Status RunFill(const NewTensor& tensor, std::ostream* out) {
  Sink sink(out);
  OPCOST_RETURN_IF_ERROR(tensor.fill(&sink));
  if (sink.written() != tensor.bytes) {
    return absl::InternalError(
        absl::StrCat("tensor '", tensor.head.name(), "' took ", sink.written(),
                     " bytes instead of ", tensor.bytes));
  }
  return absl::OkStatus();
}

// Where a tensor's elements go.
enum class Home : uint8_t { kHead, kWeightFile, kModelFile };

struct Placed {
  onnx::TensorProto head;
  Home home = Home::kHead;
  const NewTensor* tensor = nullptr;
  int64_t offset = 0;  // in the weight file
};

uint64_t SizeOf(const Placed& placed) {
  const uint64_t size = placed.head.ByteSizeLong();
  if (placed.home != Home::kModelFile) return size;
  return size + FieldSize(static_cast<uint64_t>(placed.tensor->bytes));
}

// Decides for each tensor where it goes; `end` becomes the weight file's size.
// A model that is made without weights gets none, but for small tensors.
absl::StatusOr<std::vector<Placed>> PlaceTensors(const NewModel& model,
                                                 const std::string& location,
                                                 Place place, bool has_weights,
                                                 int64_t* end) {
  std::vector<Placed> placed;
  *end = 0;
  for (const NewTensor& tensor : model.tensors) {
    Placed& here = placed.emplace_back();
    here.head = tensor.head;
    here.tensor = &tensor;
    if (tensor.fill == nullptr && !tensor.is_absent) continue;
    if (!tensor.is_absent && tensor.bytes <= kMaxInlineBytes) {
      std::ostringstream bytes;
      OPCOST_RETURN_IF_ERROR(RunFill(tensor, &bytes));
      here.head.set_raw_data(bytes.str());
      continue;
    }
    const bool is_written = has_weights && !tensor.is_absent;
    if (is_written && place == Place::kEmbedded) {
      here.home = Home::kModelFile;
      continue;
    }
    if (is_written) here.home = Home::kWeightFile;
    here.offset = (*end + kAlignment - 1) / kAlignment * kAlignment;
    *end = here.offset + tensor.bytes;
    here.head.set_data_location(onnx::TensorProto::EXTERNAL);
    AddExternal(&here.head, "location", location);
    AddExternal(&here.head, "offset", absl::StrCat(here.offset));
    AddExternal(&here.head, "length", absl::StrCat(tensor.bytes));
  }
  return placed;
}

absl::Status WriteWeights(const std::vector<Placed>& placed,
                          std::ostream* out) {
  int64_t at = 0;
  for (const Placed& here : placed) {
    if (here.home != Home::kWeightFile) continue;
    const std::string gap(static_cast<size_t>(here.offset - at), '\0');
    out->write(gap.data(), static_cast<std::streamsize>(gap.size()));
    OPCOST_RETURN_IF_ERROR(RunFill(*here.tensor, out));
    at = here.offset + here.tensor->bytes;
  }
  return absl::OkStatus();
}

// A tensor of any size goes through the stream piece by piece, whatever
// protobuf buffers of it.
absl::Status WriteModel(const NewModel& model,
                        const std::vector<Placed>& placed, std::ostream* out) {
  const onnx::GraphProto& graph = model.proto.graph();
  uint64_t graph_size = graph.ByteSizeLong();
  for (const Placed& here : placed) graph_size += FieldSize(SizeOf(here));
  onnx::ModelProto rest = model.proto;
  rest.clear_graph();
  const auto write = [out](const auto& function) {
    ::google::protobuf::io::OstreamOutputStream buffer(out);
    CodedOutputStream stream(&buffer);
    stream.SetSerializationDeterministic(true);
    function(&stream);
  };
  write([&](CodedOutputStream* stream) {
    rest.SerializeToCodedStream(stream);
    WriteFieldStart(onnx::ModelProto::kGraphFieldNumber, graph_size, stream);
    graph.SerializeToCodedStream(stream);
  });
  for (const Placed& here : placed) {
    write([&](CodedOutputStream* stream) {
      WriteFieldStart(onnx::GraphProto::kInitializerFieldNumber, SizeOf(here),
                      stream);
      here.head.SerializeToCodedStream(stream);
      if (here.home == Home::kModelFile)
        WriteFieldStart(onnx::TensorProto::kRawDataFieldNumber,
                        static_cast<uint64_t>(here.tensor->bytes), stream);
    });
    if (here.home == Home::kModelFile)
      OPCOST_RETURN_IF_ERROR(RunFill(*here.tensor, out));
  }
  return absl::OkStatus();
}

absl::Status WriteFile(
    const std::string& path,
    const std::function<absl::Status(std::ostream*)>& write) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  if (!file.is_open())
    return absl::UnavailableError(absl::StrCat(path, ": can't be written"));
  OPCOST_RETURN_IF_ERROR(write(&file));
  file.close();
  if (file.fail()) {
    return absl::UnavailableError(
        absl::StrCat(path, ": can't be written; is the disk full?"));
  }
  return absl::OkStatus();
}

absl::Status CheckTarget(const Source& source, const std::string& path) {
  bool is_source = false;
  std::error_code error;
  is_source = std::filesystem::equivalent(source.path(), path, error) && !error;
  for (const Tensor& tensor : source.tensors())
    is_source |= tensor.file != nullptr && tensor.file->IsAt(path);
  if (!is_source) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      path, ": is a file of the model itself; write to another folder (-o)"));
}

void CollectNames(const onnx::GraphProto& graph, std::set<std::string>* names) {
  for (const onnx::NodeProto& node : graph.node()) {
    names->insert(node.input().begin(), node.input().end());
    for (const onnx::AttributeProto& attribute : node.attribute()) {
      if (attribute.has_g()) CollectNames(attribute.g(), names);
      for (const onnx::GraphProto& body : attribute.graphs())
        CollectNames(body, names);
    }
  }
  for (const onnx::ValueInfoProto& output : graph.output())
    names->insert(output.name());
}

}  // namespace

NewTensor Copy(const Tensor& tensor) {
  NewTensor copy;
  copy.head = *tensor.head;
  copy.bytes = tensor.bytes;
  copy.is_absent = tensor.is_absent;
  if (tensor.file == nullptr || tensor.is_absent) return copy;
  copy.fill = [tensor](Sink* sink) {
    std::string piece;
    for (int64_t first = 0; first < tensor.bytes; first += kPieceElements) {
      const int64_t count = std::min(kPieceElements, tensor.bytes - first);
      piece.resize(static_cast<size_t>(count));
      OPCOST_RETURN_IF_ERROR(tensor.Read(first, count, piece.data()));
      sink->Write(piece.data(), count);
    }
    return absl::OkStatus();
  };
  return copy;
}

NewTensor Declare(const std::string& name, DataType type,
                  const std::vector<int64_t>& dims) {
  NewTensor tensor;
  tensor.head.set_name(name);
  tensor.head.set_data_type(static_cast<int32_t>(type));
  tensor.bytes = WidthBits(type) / 8;
  for (const int64_t dim : dims) {
    tensor.head.add_dims(dim);
    tensor.bytes *= dim;
  }
  return tensor;
}

NewTensor Floats(const std::string& name, DataType type,
                 const std::vector<int64_t>& dims,
                 absl::Span<const double> elements) {
  NewTensor tensor = Declare(name, type, dims);
  std::string bytes;
  WithFloat(type, [&](auto format) {
    for (const double element : elements) {
      const auto bits = format.Store(element);
      bytes.append(reinterpret_cast<const char*>(&bits), sizeof(bits));
    }
  });
  tensor.fill = [bytes = std::move(bytes)](Sink* sink) {
    sink->Write(bytes.data(), static_cast<int64_t>(bytes.size()));
    return absl::OkStatus();
  };
  return tensor;
}

NewTensor Integer(const std::string& name, DataType type, int64_t element) {
  NewTensor tensor = Declare(name, type, {});
  tensor.head.mutable_raw_data()->assign(
      reinterpret_cast<const char*>(&element),
      static_cast<size_t>(tensor.bytes));
  return tensor;
}

void DropUnused(NewModel* model) {
  onnx::GraphProto& graph = *model->proto.mutable_graph();
  std::set<std::string> names;
  CollectNames(graph, &names);
  std::erase_if(model->tensors, [&names](const NewTensor& tensor) {
    return names.count(tensor.head.name()) == 0;
  });
  std::set<std::string> stored;
  for (const NewTensor& tensor : model->tensors)
    stored.insert(tensor.head.name());
  const auto is_stored = [&](const onnx::ValueInfoProto& input) {
    return stored.count(input.name()) != 0;
  };
  auto& inputs = *graph.mutable_input();
  inputs.erase(std::remove_if(inputs.begin(), inputs.end(), is_stored),
               inputs.end());
  model->proto.set_ir_version(
      std::max(model->proto.ir_version(), kIrVersionOfPlainInitializers));
  graph.clear_value_info();
  graph.clear_quantization_annotation();
}

absl::StatusOr<int64_t> Write(const Source& source, const NewModel& model,
                              const std::string& folder,
                              const std::string& name, Place place) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error)
    return absl::UnavailableError(absl::StrCat(folder, ": ", error.message()));
  const std::filesystem::path base = std::filesystem::path(folder) / name;
  const std::string model_path = base.string() + ".onnx";
  const std::string weights_path = base.string() + ".weights";
  OPCOST_RETURN_IF_ERROR(CheckTarget(source, model_path));
  OPCOST_RETURN_IF_ERROR(CheckTarget(source, weights_path));
  int64_t end = 0;
  OPCOST_ASSIGN_OR_RETURN(const std::vector<Placed> placed,
                          PlaceTensors(model, name + ".weights", place,
                                       source.has_weights(), &end));
  uint64_t model_size = model.proto.ByteSizeLong();
  for (const Placed& here : placed) model_size += FieldSize(SizeOf(here));
  if (model_size > INT_MAX) {
    return absl::InvalidArgumentError(absl::StrCat(
        model_path, ": would take ", model_size,
        " bytes, and ONNX files end at 2147483647; leave out --embed"));
  }
  absl::Status status;
  const bool has_file = std::any_of(
      placed.begin(), placed.end(),
      [](const Placed& here) { return here.home == Home::kWeightFile; });
  if (has_file) {
    status = WriteFile(weights_path, [&](std::ostream* out) {
      return WriteWeights(placed, out);
    });
  }
  if (status.ok()) {
    status = WriteFile(model_path, [&](std::ostream* out) {
      return WriteModel(model, placed, out);
    });
  }
  if (!status.ok()) {
    std::filesystem::remove(model_path, error);
    if (has_file) std::filesystem::remove(weights_path, error);
    return status;
  }
  return static_cast<int64_t>(std::filesystem::file_size(model_path, error)) +
         (has_file ? end : 0);
}

}  // namespace opcost::variants
