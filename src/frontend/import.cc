// SPDX-License-Identifier: Apache-2.0
#include "opcost/frontend/import.h"

#include <algorithm>
#include <climits>
#include <cstddef>
#include <exception>
#include <ios>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "google/protobuf/arena.h"
#include "google/protobuf/io/coded_stream.h"
#include "onnx/onnx_pb.h"
#include "opcost/support/digest.h"
#include "opcost/support/status_macros.h"
#include "src/frontend/file_kind.h"
#include "src/frontend/function_import.h"
#include "src/frontend/graph_import.h"
#include "src/frontend/mapped_file.h"
#include "src/frontend/skeleton.h"

namespace opcost {
namespace {

constexpr int64_t kOldestIrVersion = 3;
constexpr int64_t kNewestIrVersion = 13;
// protobuf's own largest block, 8 KB, is small for what a model takes.
constexpr size_t kMinArenaBlockBytes = size_t{1} << 12;
constexpr size_t kMaxArenaBlockBytes = size_t{1} << 15;

// Text that isn't a model says what it may be instead.
absl::Status NotOnnx(absl::string_view bytes, absl::string_view why) {
  const absl::string_view guess = GuessOtherKind(bytes);
  return absl::DataLossError(
      absl::StrCat("not an ONNX model: ", guess.empty() ? why : guess));
}

bool Parse(absl::string_view bytes, onnx::ModelProto* proto) {
  const auto size = static_cast<int>(bytes.size());
  // The faster call has protobuf's own limit of 100 messages within another.
  if (proto->ParseFromArray(bytes.data(), size)) return true;
  google::protobuf::io::CodedInputStream stream(
      reinterpret_cast<const uint8_t*>(bytes.data()), size);
  stream.SetTotalBytesLimit(INT_MAX);
  stream.SetRecursionLimit(kMaxMessageDepth);
  return proto->ParseFromCodedStream(&stream) && stream.ConsumedEntireMessage();
}

absl::Status CheckVersion(const onnx::ModelProto& proto) {
  const int64_t version = proto.ir_version();
  if (version >= kOldestIrVersion && version <= kNewestIrVersion) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "the model has IR version ", version, "; expected ", kOldestIrVersion,
      " to ", kNewestIrVersion,
      version > kNewestIrVersion
          ? "; a newer opcost may know it, or save it with an older one"
          : "; export it again with a newer exporter"));
}

// Takes the functions' nodes out of the message.
absl::StatusOr<Model> ImportProto(onnx::ModelProto* message,
                                  const Skeleton& skeleton) {
  const onnx::ModelProto& proto = *message;
  OPCOST_RETURN_IF_ERROR(CheckVersion(proto));
  if (!proto.has_graph()) {
    return absl::InvalidArgumentError("the model has no graph");
  }
  Model model;
  model.ir_version = proto.ir_version();
  model.producer = proto.producer_name();
  if (!proto.producer_version().empty()) {
    if (!model.producer.empty()) model.producer += ' ';
    model.producer += proto.producer_version();
  }
  OPCOST_ASSIGN_OR_RETURN(model.opsets,
                          ImportOpsets(proto.opset_import(), "the model"));
  if (model.opsets.empty()) {
    return absl::InvalidArgumentError(
        "the model imports no operator set (opset_import is empty), so that "
        "its operators have no meaning; export it again");
  }
  const ModelContext context = {model.opsets, skeleton.payloads, false};
  OPCOST_ASSIGN_OR_RETURN(model.graph, ImportGraph(proto.graph(), context));
  OPCOST_RETURN_IF_ERROR(ImportFunctions(message, context, &model.functions));
  model.structure_digest = DigestOf(skeleton.bytes);
  return model;
}

absl::StatusOr<Model> ImportWithoutPath(absl::string_view bytes) {
  if (bytes.empty()) {
    return absl::InvalidArgumentError(
        "the file is empty; expected an ONNX model");
  }
  Skeleton skeleton;
  const absl::Status walked = ReadSkeleton(bytes, &skeleton);
  if (absl::IsDataLoss(walked)) return NotOnnx(bytes, walked.message());
  OPCOST_RETURN_IF_ERROR(walked);
  google::protobuf::ArenaOptions options;
  options.start_block_size = std::clamp(
      skeleton.bytes.size(), kMinArenaBlockBytes, kMaxArenaBlockBytes);
  options.max_block_size = kMaxArenaBlockBytes;
  google::protobuf::Arena arena(options);
  auto* proto =
      google::protobuf::Arena::CreateMessage<onnx::ModelProto>(&arena);
  if (!Parse(skeleton.bytes, proto)) {
    return NotOnnx(bytes,
                   "the file is corrupt: a list of numbers ends amid a number, "
                   "or messages nest too deeply");
  }
  if (!proto->has_ir_version() && !proto->has_graph()) {
    return NotOnnx(bytes, "it has no IR version and no graph");
  }
  return ImportProto(proto, skeleton);
}

}  // namespace

absl::StatusOr<Model> ImportBytes(absl::string_view bytes,
                                  const std::string& path) {
  absl::Status failure;
  try {
    absl::StatusOr<Model> model = ImportWithoutPath(bytes);
    if (model.ok()) {
      model->path = path;
      return model;
    }
    failure = model.status();
  } catch (const std::exception& error) {  // of protobuf, or no memory
    failure = absl::InternalError(error.what());
  }
  return absl::Status(failure.code(),
                      absl::StrCat(path, ": ", failure.message()));
}

absl::StatusOr<Model> ImportFile(const std::string& path) {
  const absl::StatusOr<MappedFile> file = MappedFile::Open(path);
  if (!file.ok()) {
    return absl::Status(file.status().code(),
                        absl::StrCat(path, ": ", file.status().message()));
  }
  return ImportBytes(file->bytes(), path);
}

absl::StatusOr<Model> ImportStream(std::istream& stream) {
  constexpr size_t kChunkBytes = size_t{1} << 16;
  std::string bytes;
  while (stream) {
    const size_t size = bytes.size();
    bytes.resize(size + kChunkBytes);
    stream.read(bytes.data() + size, static_cast<std::streamsize>(kChunkBytes));
    bytes.resize(size + static_cast<size_t>(stream.gcount()));
  }
  if (stream.bad()) {
    return absl::UnavailableError("-: standard input can't be read");
  }
  return ImportBytes(bytes, "-");
}

}  // namespace opcost
