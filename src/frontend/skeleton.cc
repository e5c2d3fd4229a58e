// SPDX-License-Identifier: Apache-2.0
#include "src/frontend/skeleton.h"

#include <climits>
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "opcost/support/status_macros.h"
#include "src/frontend/wire.h"

namespace opcost {
namespace {

// Messages of onnx.proto through which a tensor or a nested type is reached.
enum class Message : uint8_t {
  kOpaque,  // not walked
  kModel,
  kGraph,
  kNode,
  kAttribute,
  kTensor,
  kSparseTensor,
  kFunction,
  kTraining,
  kValueInfo,
  kType,
  kSequenceType,
  kMapType,
  kOptionalType,
};

struct Edge {
  Message parent;
  uint32_t field;
  Message child;
};

// Field numbers of onnx/onnx-ml.proto, IR version 13.
constexpr Edge kEdges[] = {
    {Message::kModel, 7, Message::kGraph},
    {Message::kModel, 20, Message::kTraining},
    {Message::kModel, 25, Message::kFunction},
    {Message::kTraining, 1, Message::kGraph},
    {Message::kTraining, 2, Message::kGraph},
    {Message::kFunction, 7, Message::kNode},
    {Message::kFunction, 11, Message::kAttribute},
    {Message::kFunction, 12, Message::kValueInfo},
    {Message::kGraph, 1, Message::kNode},
    {Message::kGraph, 5, Message::kTensor},
    {Message::kGraph, 11, Message::kValueInfo},
    {Message::kGraph, 12, Message::kValueInfo},
    {Message::kGraph, 13, Message::kValueInfo},
    {Message::kGraph, 15, Message::kSparseTensor},
    {Message::kNode, 5, Message::kAttribute},
    {Message::kAttribute, 5, Message::kTensor},
    {Message::kAttribute, 6, Message::kGraph},
    {Message::kAttribute, 10, Message::kTensor},
    {Message::kAttribute, 11, Message::kGraph},
    {Message::kAttribute, 14, Message::kType},
    {Message::kAttribute, 15, Message::kType},
    {Message::kAttribute, 22, Message::kSparseTensor},
    {Message::kAttribute, 23, Message::kSparseTensor},
    {Message::kSparseTensor, 1, Message::kTensor},
    {Message::kSparseTensor, 2, Message::kTensor},
    {Message::kValueInfo, 2, Message::kType},
    {Message::kType, 4, Message::kSequenceType},
    {Message::kType, 5, Message::kMapType},
    {Message::kType, 9, Message::kOptionalType},
    {Message::kSequenceType, 1, Message::kType},
    {Message::kMapType, 2, Message::kType},
    {Message::kOptionalType, 1, Message::kType},
};

constexpr size_t kMessageCount =
    static_cast<size_t>(Message::kOptionalType) + 1;
constexpr uint32_t kFieldLimit = 32;

struct EdgeTable {
  Message child[kMessageCount][kFieldLimit] = {};
};

constexpr EdgeTable MakeEdgeTable() {
  EdgeTable table;
  for (const Edge& edge : kEdges) {
    table.child[static_cast<size_t>(edge.parent)][edge.field] = edge.child;
  }
  return table;
}

constexpr EdgeTable kEdgeTable = MakeEdgeTable();

Message ChildOf(Message parent, const WireField& field) {
  if (field.type != WireType::kLengthDelimited || field.number >= kFieldLimit) {
    return Message::kOpaque;
  }
  return kEdgeTable.child[static_cast<size_t>(parent)][field.number];
}

// TensorProto's fields.
constexpr uint32_t kFloatData = 4;
constexpr uint32_t kRawData = 9;
constexpr uint32_t kDoubleData = 10;
constexpr uint32_t kDocString = 12;
// float_data, int32_data, string_data, int64_data, raw_data, double_data,
// uint64_data.
constexpr uint32_t kPayloadFields =
    1U << 4 | 1U << 5 | 1U << 6 | 1U << 7 | 1U << 9 | 1U << 10 | 1U << 11;

bool IsPayload(const WireField& field) {
  return field.number < kFieldLimit &&
         (kPayloadFields >> field.number & 1U) != 0;
}

// Fixed-width elements in one piece, as raw_data has them.
bool IsPlain(const WireField& field) {
  return field.type == WireType::kLengthDelimited &&
         (field.number == kRawData || field.number == kFloatData ||
          field.number == kDoubleData);
}

// Messages of the model's own graph this short hold no payload to cut. Nor do
// they nest too deeply: a level of subgraphs takes six bytes at least, one of
// types four.
constexpr size_t kShortNode = size_t{6} * (kMaxNesting - 2);
constexpr size_t kShortValueInfo = size_t{4} * (kMaxNesting - 2);

// Lengths that change are written as varints of five bytes, room for 2 GB.
constexpr size_t kPaddedLength = 5;

class SkeletonWalk {
 public:
  SkeletonWalk(absl::string_view file, Skeleton* skeleton)
      : file_(file), skeleton_(skeleton), reader_(file) {}

  absl::Status Run();

 private:
  static constexpr size_t kAsInFile = SIZE_MAX;

  struct Frame {
    Message message;
    size_t length_at;
    size_t content;
    size_t end;
    int graphs;  // levels, this one included
    int types;
    size_t written_length_at = kAsInFile;  // in the skeleton
  };

  bool IsTooShortToWalk(Message message, const WireField& field) const;
  absl::Status Open(Message message, const WireField& field);
  absl::Status Close();
  absl::Status WalkTensor(const WireField& tensor);
  absl::Status StripTensor(bool cut_payload);
  void Cut(const WireField& field);
  void CopyUpTo(size_t end);
  static absl::Status CheckSize(size_t bytes);

  absl::string_view file_;
  Skeleton* skeleton_;
  WireReader reader_;
  std::vector<Frame> open_;
  size_t copied_ = 0;  // everything before is in the skeleton, or was cut
};

absl::Status SkeletonWalk::Run() {
  open_.push_back({Message::kModel, 0, 0, file_.size(), 0, 0, kAsInFile});
  while (!open_.empty()) {
    if (reader_.position() == open_.back().end) {
      OPCOST_RETURN_IF_ERROR(Close());
      continue;
    }
    WireField field;
    OPCOST_RETURN_IF_ERROR(reader_.ReadField(open_.back().end, &field));
    const Message child = ChildOf(open_.back().message, field);
    if (child == Message::kOpaque || IsTooShortToWalk(child, field)) {
      reader_.Seek(field.end);
    } else if (child == Message::kTensor) {
      OPCOST_RETURN_IF_ERROR(WalkTensor(field));
    } else {
      OPCOST_RETURN_IF_ERROR(Open(child, field));
    }
  }
  if (copied_ == 0) {
    skeleton_->bytes = file_;
  } else {
    CopyUpTo(file_.size());
    skeleton_->bytes = skeleton_->storage;
  }
  return CheckSize(skeleton_->bytes.size());
}

bool SkeletonWalk::IsTooShortToWalk(Message message,
                                    const WireField& field) const {
  if (open_.size() > 2) return false;
  const size_t size = field.end - field.content;
  switch (message) {
    case Message::kTensor:
      return size <= kMaxInlinePayloadBytes;
    case Message::kNode:
      return size <= kShortNode;
    case Message::kValueInfo:
      return size <= kShortValueInfo;
    default:
      return false;
  }
}

absl::Status SkeletonWalk::CheckSize(size_t bytes) {
  if (bytes <= INT_MAX) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "the model without its weights takes ", bytes,
      " bytes; expected less than 2147483648, which is protobuf's limit"));
}

absl::Status SkeletonWalk::Open(Message message, const WireField& field) {
  const Frame& outer = open_.back();
  Frame frame = {message,      field.length_at, field.content, field.end,
                 outer.graphs, outer.types,     kAsInFile};
  if (message == Message::kGraph && ++frame.graphs > kMaxNesting + 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "subgraphs nest more than ", kMaxNesting, " levels deep at byte ",
        field.begin, "; flatten the model's control flow"));
  }
  if (message == Message::kType && ++frame.types > kMaxNesting) {
    return absl::InvalidArgumentError(
        absl::StrCat("types nest more than ", kMaxNesting,
                     " levels deep at byte ", field.begin));
  }
  open_.push_back(frame);
  return absl::OkStatus();
}

absl::Status SkeletonWalk::Close() {
  const Frame frame = open_.back();
  open_.pop_back();
  if (frame.written_length_at == kAsInFile) return absl::OkStatus();
  CopyUpTo(frame.end);
  std::string& out = skeleton_->storage;
  size_t length = out.size() - frame.written_length_at - kPaddedLength;
  OPCOST_RETURN_IF_ERROR(CheckSize(length));
  for (size_t i = 0; i < kPaddedLength; ++i, length >>= 7) {
    const size_t more = i + 1 < kPaddedLength ? 0x80 : 0;
    out[frame.written_length_at + i] =
        static_cast<char>((length & 0x7f) | more);
  }
  return absl::OkStatus();
}

absl::Status SkeletonWalk::WalkTensor(const WireField& tensor) {
  CutPayload cut;
  bool has_doc_string = false;
  int64_t pieces = 0;
  WireField field;
  while (reader_.position() != tensor.end) {
    OPCOST_RETURN_IF_ERROR(reader_.ReadField(tensor.end, &field));
    reader_.Seek(field.end);
    has_doc_string = has_doc_string || field.number == kDocString;
    if (!IsPayload(field)) continue;
    if (pieces++ == 0) cut.payload.offset_bytes = field.content;
    cut.field_mask |= 1U << field.number;
    cut.total_bytes += field.end - field.content;
    cut.payload.place = pieces == 1 && IsPlain(field)
                            ? Payload::Place::kModelFile
                            : Payload::Place::kScattered;
  }
  const bool cut_payload = cut.total_bytes > kMaxInlinePayloadBytes;
  if (!cut_payload && !has_doc_string) return absl::OkStatus();
  reader_.Seek(tensor.content);
  OPCOST_RETURN_IF_ERROR(Open(Message::kTensor, tensor));
  if (cut_payload) {
    cut.payload.length_bytes = cut.total_bytes;
    skeleton_->payloads.push_back(std::move(cut));
  }
  return StripTensor(cut_payload);
}

absl::Status SkeletonWalk::StripTensor(bool cut_payload) {
  const size_t end = open_.back().end;
  WireField field;
  while (reader_.position() != end) {
    OPCOST_RETURN_IF_ERROR(reader_.ReadField(end, &field));
    reader_.Seek(field.end);
    if (field.number == kDocString || (cut_payload && IsPayload(field))) {
      Cut(field);
    }
  }
  if (cut_payload) {
    CopyUpTo(end);
    const std::string index =
        absl::StrCat(kPayloadMark, skeleton_->payloads.size() - 1);
    constexpr char kTag = static_cast<char>(
        kDocString << 3 | static_cast<uint32_t>(WireType::kLengthDelimited));
    skeleton_->storage.push_back(kTag);
    skeleton_->storage.push_back(static_cast<char>(index.size()));
    skeleton_->storage.append(index);
  }
  return Close();
}

void SkeletonWalk::Cut(const WireField& field) {
  // The lengths of all enclosing messages change.
  for (size_t i = 1; i < open_.size(); ++i) {
    Frame& frame = open_[i];
    if (frame.written_length_at != kAsInFile) continue;
    CopyUpTo(frame.length_at);
    frame.written_length_at = skeleton_->storage.size();
    skeleton_->storage.append(kPaddedLength, '\0');
    copied_ = frame.content;
  }
  CopyUpTo(field.begin);
  copied_ = field.end;
}

void SkeletonWalk::CopyUpTo(size_t end) {
  skeleton_->storage.append(file_.data() + copied_, end - copied_);
  copied_ = end;
}

}  // namespace

absl::Status ReadSkeleton(absl::string_view file, Skeleton* skeleton) {
  return SkeletonWalk(file, skeleton).Run();
}

absl::Status FindTensor(absl::string_view file, uint64_t payload_offset,
                        WireField* tensor) {
  WireReader reader(file);
  Message message = Message::kModel;
  size_t end = file.size();
  while (reader.position() != end) {
    OPCOST_RETURN_IF_ERROR(reader.ReadField(end, tensor));
    if (payload_offset < tensor->content || payload_offset >= tensor->end) {
      reader.Seek(tensor->end);
      continue;
    }
    message = ChildOf(message, *tensor);
    if (message == Message::kTensor) return absl::OkStatus();
    if (message == Message::kOpaque) break;
    end = tensor->end;
  }
  return absl::DataLossError(
      absl::StrCat("no tensor holds byte ", payload_offset,
                   "; the file has changed since it was read"));
}

}  // namespace opcost
