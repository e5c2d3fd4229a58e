// SPDX-License-Identifier: Apache-2.0
#include "tools/make_variants/source.h"

#include <algorithm>
#include <climits>
#include <filesystem>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "opcost/frontend/import.h"
#include "opcost/support/status_macros.h"
#include "src/frontend/external_path.h"
#include "src/frontend/mapped_file.h"
#include "tools/make_variants/elements.h"

namespace opcost::variants {
namespace {

absl::Status Named(const std::string& name, const absl::Status& status) {
  if (status.ok()) return status;
  return absl::Status(status.code(),
                      absl::StrCat("tensor '", name, "': ", status.message()));
}

// Fills in how many elements and bytes a tensor of its type has; false if they
// don't fit 63 bits.
bool FitsInMemory(const onnx::TensorProto& proto, Tensor* tensor) {
  tensor->elements = 1;
  for (const int64_t dim : proto.dims()) {
    if (__builtin_mul_overflow(tensor->elements, dim, &tensor->elements))
      return false;
  }
  int64_t bits = 0;
  if (__builtin_mul_overflow(tensor->elements, WidthBits(tensor->type), &bits))
    return false;
  tensor->bytes = bits / 8 + (bits % 8 != 0 ? 1 : 0);
  return true;
}

// The elements of a tensor that has them, where they are plain floats.
std::shared_ptr<const std::string> KeptBytes(const onnx::TensorProto& proto,
                                             DataType type, int64_t elements) {
  if (proto.has_raw_data())
    return std::make_shared<const std::string>(proto.raw_data());
  auto bytes = std::make_shared<std::string>();
  const auto append = [&bytes](auto element) {
    bytes->append(reinterpret_cast<const char*>(&element), sizeof(element));
  };
  switch (type) {
    case DataType::kFloat32:
      for (const float element : proto.float_data()) append(element);
      break;
    case DataType::kFloat64:
      for (const double element : proto.double_data()) append(element);
      break;
    case DataType::kInt64:
      for (const int64_t element : proto.int64_data()) append(element);
      break;
    case DataType::kFloat16:
    case DataType::kBfloat16:
      for (const int32_t bits : proto.int32_data())
        append(static_cast<uint16_t>(bits));
      break;
    default:
      return nullptr;
  }
  const auto expected = static_cast<size_t>(elements * WidthBits(type) / 8);
  return bytes->size() == expected ? bytes : nullptr;
}

}  // namespace

absl::Status Tensor::Read(int64_t first, int64_t count, char* out) const {
  if (kept != nullptr) {
    kept->copy(out, static_cast<size_t>(count), static_cast<size_t>(first));
    return absl::OkStatus();
  }
  if (file == nullptr) {
    return Named(name, absl::FailedPreconditionError(
                           "its elements aren't at hand as plain bytes"));
  }
  return Named(name,
               file->Read(offset + static_cast<uint64_t>(first), count, out));
}

absl::Status Tensor::ForEachPiece(int64_t multiple, const Visit& visit) const {
  if (elements == 0) return absl::OkStatus();
  const int64_t width = bytes / elements;
  multiple = std::max<int64_t>(multiple, 1);
  const int64_t piece = std::min(
      elements, std::max(multiple, kPieceElements / multiple * multiple));
  std::string buffer(static_cast<size_t>(piece * width), '\0');
  for (int64_t first = 0; first < elements; first += piece) {
    const int64_t count = std::min(piece, elements - first);
    OPCOST_RETURN_IF_ERROR(Read(first * width, count * width, buffer.data()));
    OPCOST_RETURN_IF_ERROR(visit(buffer.data(), count));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Source>> Source::Open(const std::string& path,
                                                     Weights weights) {
  std::unique_ptr<Source> source(new Source());
  source->path_ = path;
  source->weights_ = weights;
  OPCOST_RETURN_IF_ERROR(source->Analyse());  // its messages have the path
  for (const auto step : {&Source::ReadProto, &Source::TakeTensors}) {
    const absl::Status status = (source.get()->*step)();
    if (!status.ok())
      return absl::Status(status.code(),
                          absl::StrCat(path, ": ", status.message()));
  }
  // What was folded away, or is a value of a body, can't be changed here.
  std::erase_if(source->matrices_, [&source](const Weight& weight) {
    const Tensor* tensor = source->Find(weight.tensor);
    const MatrixLayout& layout = weight.layout;
    return tensor == nullptr || !IsPlainFloat(tensor->type) ||
           layout.columns == 0 || layout.rows == 0 ||
           tensor->elements / layout.columns / layout.rows != layout.blocks;
  });
  return source;
}

const Tensor* Source::Find(absl::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &tensors_[found->second];
}

const ValueKnowledge* Source::FindValue(absl::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? nullptr : &found->second;
}

absl::Status Source::ReadProto() {
  OPCOST_ASSIGN_OR_RETURN(const MappedFile file, MappedFile::Open(path_));
  Skeleton skeleton;
  OPCOST_RETURN_IF_ERROR(ReadSkeleton(file.bytes(), &skeleton));
  if (!proto_.ParseFromArray(skeleton.bytes.data(),
                             static_cast<int>(skeleton.bytes.size())))
    return absl::DataLossError("not an ONNX model, or one too deeply nested");
  cuts_ = std::move(skeleton.payloads);
  for (const onnx::OperatorSetIdProto& import : proto_.opset_import()) {
    if (import.domain().empty() || import.domain() == "ai.onnx")
      opset_ = import.version();
  }
  return absl::OkStatus();
}

absl::Status Source::TakeTensors() {
  onnx::GraphProto& graph = *proto_.mutable_graph();
  for (onnx::TensorProto& proto : *graph.mutable_initializer())
    OPCOST_RETURN_IF_ERROR(AddTensor(&proto));
  graph.clear_initializer();
  google::protobuf::RepeatedPtrField<onnx::NodeProto> nodes;
  for (onnx::NodeProto& node : *graph.mutable_node()) {
    if (node.op_type() == "Constant" && node.attribute_size() == 1 &&
        node.attribute(0).name() == "value" && node.output_size() == 1) {
      onnx::TensorProto* proto = node.mutable_attribute(0)->mutable_t();
      const bool is_cut = absl::StartsWith(proto->doc_string(), kPayloadMark);
      if (is_cut || IsPlainFloat(static_cast<DataType>(proto->data_type()))) {
        proto->set_name(node.output(0));
        OPCOST_RETURN_IF_ERROR(AddTensor(proto));
        continue;
      }
    }
    OPCOST_RETURN_IF_ERROR(RestoreNode(&node));
    *nodes.Add() = std::move(node);
  }
  graph.mutable_node()->Swap(&nodes);
  for (onnx::SparseTensorProto& sparse : *graph.mutable_sparse_initializer()) {
    OPCOST_RETURN_IF_ERROR(RestoreTensor(sparse.mutable_values()));
    OPCOST_RETURN_IF_ERROR(RestoreTensor(sparse.mutable_indices()));
  }
  for (onnx::FunctionProto& function : *proto_.mutable_functions()) {
    for (onnx::NodeProto& node : *function.mutable_node())
      OPCOST_RETURN_IF_ERROR(RestoreNode(&node));
  }
  return absl::OkStatus();
}

absl::Status Source::AddTensor(onnx::TensorProto* proto) {
  Tensor tensor;
  tensor.name = proto->name();
  tensor.type =
      DataTypeFromOnnx(proto->data_type()).value_or(DataType::kUndefined);
  tensor.dims.assign(proto->dims().begin(), proto->dims().end());
  if (!FitsInMemory(*proto, &tensor)) {
    return Named(proto->name(), absl::InvalidArgumentError(
                                    "would take more than 2^63 - 1 bytes"));
  }
  tensor.head = std::make_shared<const onnx::TensorProto>(std::move(*proto));
  const absl::Status located = Locate(&tensor);
  if (!located.ok()) return Named(tensor.name, located);
  if (!by_name_.emplace(tensor.name, tensors_.size()).second)
    return Named(tensor.name, absl::InvalidArgumentError("is stored twice"));
  tensors_.push_back(std::move(tensor));
  return absl::OkStatus();
}

absl::Status Source::Locate(Tensor* tensor) {
  const onnx::TensorProto& head = *tensor->head;
  if (head.data_location() == onnx::TensorProto::EXTERNAL)
    return LocateExternal(tensor);
  absl::string_view mark = head.doc_string();
  size_t index = 0;
  if (!absl::ConsumePrefix(&mark, kPayloadMark)) {
    tensor->kept = KeptBytes(head, tensor->type, tensor->elements);
    return absl::OkStatus();
  }
  if (!absl::SimpleAtoi(mark, &index) || index >= cuts_.size() ||
      cuts_[index].payload.place != Payload::Place::kModelFile ||
      cuts_[index].total_bytes != static_cast<uint64_t>(tensor->bytes)) {
    return absl::InvalidArgumentError(
        "its elements aren't stored as plain bytes; load the model with "
        "Python's onnx and save it again, which writes raw_data");
  }
  auto bare = std::make_shared<onnx::TensorProto>(head);
  bare->clear_doc_string();
  tensor->head = std::move(bare);
  OPCOST_ASSIGN_OR_RETURN(tensor->file, OpenFile(path_));
  tensor->offset = cuts_[index].payload.offset_bytes;
  return absl::OkStatus();
}

absl::Status Source::LocateExternal(Tensor* tensor) {
  auto bare = std::make_shared<onnx::TensorProto>(*tensor->head);
  bare->clear_data_location();
  bare->clear_external_data();
  std::string location;
  for (const auto& entry : tensor->head->external_data()) {
    if (entry.key() == "location") location = entry.value();
    if (entry.key() == "offset" &&
        !absl::SimpleAtoi(entry.value(), &tensor->offset))
      return absl::InvalidArgumentError(
          "the offset of its external data is "
          "no number");
  }
  tensor->head = std::move(bare);
  tensor->is_absent = !has_weights();
  if (tensor->is_absent) return absl::OkStatus();
  OPCOST_ASSIGN_OR_RETURN(location, NormalizeExternalPath(location));
  const std::filesystem::path folder =
      std::filesystem::path(path_).parent_path();
  const auto file = OpenFile((folder / location).string());
  if (!file.ok()) {
    return absl::Status(
        file.status().code(),
        absl::StrCat("its weights: ", file.status().message(),
                     "; put the file there, or write variants without weights "
                     "(--no-weights)"));
  }
  tensor->file = *file;
  const auto bytes = static_cast<uint64_t>(tensor->bytes);
  if (tensor->offset > (*file)->size() ||
      (*file)->size() - tensor->offset < bytes) {
    return absl::DataLossError(
        absl::StrCat((*file)->path(), " has ", (*file)->size(), " bytes, but ",
                     bytes, " from byte ", tensor->offset,
                     " are wanted; the file is cut off, or "
                     "of another model"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const File>> Source::OpenFile(
    const std::string& path) {
  std::shared_ptr<const File>& file = files_[path];
  if (file == nullptr) {
    OPCOST_ASSIGN_OR_RETURN(file, File::Open(path));
  }
  return file;
}

absl::Status Source::RestoreNode(onnx::NodeProto* node) {
  for (onnx::AttributeProto& attribute : *node->mutable_attribute()) {
    if (attribute.has_t())
      OPCOST_RETURN_IF_ERROR(RestoreTensor(attribute.mutable_t()));
    for (onnx::TensorProto& tensor : *attribute.mutable_tensors())
      OPCOST_RETURN_IF_ERROR(RestoreTensor(&tensor));
    if (attribute.has_g())
      OPCOST_RETURN_IF_ERROR(RestoreGraph(attribute.mutable_g()));
    for (onnx::GraphProto& graph : *attribute.mutable_graphs())
      OPCOST_RETURN_IF_ERROR(RestoreGraph(&graph));
  }
  return absl::OkStatus();
}

absl::Status Source::RestoreGraph(onnx::GraphProto* graph) {
  for (onnx::TensorProto& tensor : *graph->mutable_initializer())
    OPCOST_RETURN_IF_ERROR(RestoreTensor(&tensor));
  for (onnx::NodeProto& node : *graph->mutable_node())
    OPCOST_RETURN_IF_ERROR(RestoreNode(&node));
  return absl::OkStatus();
}

// Tensors in attributes stay as they are, and in the file.
absl::Status Source::RestoreTensor(onnx::TensorProto* tensor) {
  if (tensor->data_location() == onnx::TensorProto::EXTERNAL && has_weights()) {
    return Named(tensor->name(),
                 absl::UnimplementedError(
                     "external data of a body or an attribute can't be taken "
                     "along; store that tensor in the model"));
  }
  if (!absl::StartsWith(tensor->doc_string(), kPayloadMark))
    return absl::OkStatus();
  Tensor located;
  located.type =
      DataTypeFromOnnx(tensor->data_type()).value_or(DataType::kUndefined);
  if (!FitsInMemory(*tensor, &located)) {
    return Named(tensor->name(), absl::InvalidArgumentError(
                                     "would take more than 2^63 - 1 bytes"));
  }
  located.head = std::make_shared<const onnx::TensorProto>(*tensor);
  OPCOST_RETURN_IF_ERROR(Named(tensor->name(), Locate(&located)));
  tensor->clear_doc_string();
  tensor->mutable_raw_data()->resize(static_cast<size_t>(located.bytes));
  return located.Read(0, located.bytes, tensor->mutable_raw_data()->data());
}

}  // namespace opcost::variants
