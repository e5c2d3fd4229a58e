// SPDX-License-Identifier: Apache-2.0
#include "src/frontend/scattered_payload.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "opcost/support/status_macros.h"
#include "src/frontend/skeleton.h"
#include "src/frontend/wire.h"

namespace opcost {
namespace {

// TensorProto's fields.
constexpr uint32_t kFloatData = 4;
constexpr uint32_t kInt32Data = 5;
constexpr uint32_t kInt64Data = 7;
constexpr uint32_t kRawData = 9;
constexpr uint32_t kDoubleData = 10;
constexpr uint32_t kUint64Data = 11;

// The field that holds the elements of a type, and the bytes of raw data that
// one of its entries stands for.
struct EntryField {
  uint32_t number;
  absl::string_view name;
  uint64_t raw_bytes;
  uint64_t fixed_bytes;  // in the file; 0: a varint
};

EntryField FieldOf(DataType type) {
  switch (type) {
    case DataType::kFloat32:
    case DataType::kComplex64:
      return {kFloatData, "float_data", 4, 4};
    case DataType::kFloat64:
    case DataType::kComplex128:
      return {kDoubleData, "double_data", 8, 8};
    case DataType::kInt64:
      return {kInt64Data, "int64_data", 8, 0};
    case DataType::kUint32:
      return {kUint64Data, "uint64_data", 4, 0};
    case DataType::kUint64:
      return {kUint64Data, "uint64_data", 8, 0};
    default: {
      // Those of 4 and 2 bits come packed to bytes.
      const int bits = std::max(WidthBits(type), 8);
      return {kInt32Data, "int32_data", static_cast<uint64_t>(bits) / 8, 0};
    }
  }
}

bool IsPayloadField(uint32_t number) {
  return (number >= kFloatData && number <= kInt64Data) || number == kRawData ||
         number == kDoubleData || number == kUint64Data;
}

// A place among the entries of a tensor.
struct Cursor {
  size_t at = 0;
  size_t piece_end = 0;  // of the field that `at` lies in
};

constexpr uint64_t kEntriesPerMark = uint64_t{1} << 16;

class ScatteredReader : public PayloadReader {
 public:
  ScatteredReader(const WeightFile& file, const EntryField& field,
                  const WireField& tensor, uint64_t size_bytes)
      : file_(&file), field_(field), tensor_(tensor), size_bytes_(size_bytes) {}

  absl::Status Scan();

  uint64_t size_bytes() const override { return size_bytes_; }
  absl::Status Read(uint64_t begin, uint64_t end,
                    const Take& take) const override;

 private:
  // Moves to the next entry and reads it; false at the tensor's end, or where
  // `*status` says why there is none.
  bool Next(Cursor* cursor, uint64_t* entry, absl::Status* status) const;
  bool NextPiece(Cursor* cursor, absl::Status* status) const;
  bool ReadEntry(Cursor* cursor, uint64_t* entry) const;
  absl::Status Changed() const;

  const WeightFile* file_;
  EntryField field_;
  WireField tensor_;
  uint64_t size_bytes_;
  std::vector<Cursor> marks_;  // before entries 0, kEntriesPerMark, ...
};

absl::Status ScatteredReader::Changed() const {
  return absl::DataLossError(
      absl::StrCat("the ", field_.name, " at byte ", tensor_.begin,
                   " of the file is damaged, or has changed since it was "
                   "read"));
}

bool ScatteredReader::NextPiece(Cursor* cursor, absl::Status* status) const {
  WireReader reader(file_->bytes());
  reader.Seek(cursor->at);
  while (reader.position() != tensor_.end) {
    WireField field;
    *status = reader.ReadField(tensor_.end, &field);
    if (!status->ok()) return false;
    if (field.number == field_.number) {
      *cursor = {field.content, field.end};
      if (field.content != field.end) return true;
    } else if (IsPayloadField(field.number)) {
      *status = absl::InvalidArgumentError(absl::StrCat(
          "has data in field ", field.number,
          " of TensorProto too, or in "
          "several pieces; expected ",
          field_.name, " alone; the file is damaged, or its writer is wrong"));
      return false;
    }
    reader.Seek(field.end);
  }
  return false;
}

bool ScatteredReader::ReadEntry(Cursor* cursor, uint64_t* entry) const {
  const char* bytes = file_->bytes().data();
  const size_t left = cursor->piece_end - cursor->at;
  *entry = 0;
  if (field_.fixed_bytes != 0) {
    if (left < field_.fixed_bytes) return false;
    std::memcpy(entry, bytes + cursor->at, field_.fixed_bytes);
    cursor->at += field_.fixed_bytes;
    return true;
  }
  constexpr size_t kLongestVarint = 10;
  for (size_t i = 0; i < std::min(left, kLongestVarint); ++i) {
    const auto byte = static_cast<uint8_t>(bytes[cursor->at + i]);
    *entry |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      cursor->at += i + 1;
      return true;
    }
  }
  return false;
}

bool ScatteredReader::Next(Cursor* cursor, uint64_t* entry,
                           absl::Status* status) const {
  if (cursor->at == cursor->piece_end && !NextPiece(cursor, status)) {
    return false;
  }
  if (ReadEntry(cursor, entry)) return true;
  *status = Changed();
  return false;
}

absl::Status ScatteredReader::Scan() {
  const uint64_t expected = size_bytes_ / field_.raw_bytes;
  Cursor cursor = {tensor_.content, tensor_.content};
  size_t dropped = tensor_.content;
  uint64_t entries = 0;
  uint64_t entry = 0;
  absl::Status status;
  while (true) {
    const Cursor here = cursor;
    if (!Next(&cursor, &entry, &status)) break;
    if (entries++ % kEntriesPerMark == 0) marks_.push_back(here);
    if (cursor.at - dropped > kPieceBytes) {
      file_->Drop(dropped, cursor.at);
      dropped = cursor.at;
    }
  }
  file_->Drop(dropped, tensor_.end);
  OPCOST_RETURN_IF_ERROR(status);
  if (entries == expected) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "has ", entries, " elements in ", field_.name, ", but its type takes ",
      expected, "; the file is damaged, or its writer is wrong"));
}

absl::Status ScatteredReader::Read(uint64_t begin, uint64_t end,
                                   const Take& take) const {
  if (begin == end) return absl::OkStatus();
  const uint64_t raw_bytes = field_.raw_bytes;
  // Whole entries around [begin, end).
  uint64_t entry_index = begin / raw_bytes / kEntriesPerMark * kEntriesPerMark;
  Cursor cursor = marks_[entry_index / kEntriesPerMark];
  std::vector<uint8_t> piece;
  piece.reserve(static_cast<size_t>(std::min(kPieceBytes, end - begin)) + 8);
  size_t dropped = cursor.at;
  uint64_t at = entry_index * raw_bytes;
  while (at < end) {
    uint64_t entry = 0;
    absl::Status status;
    if (!Next(&cursor, &entry, &status)) {
      return status.ok() ? Changed() : status;
    }
    for (uint64_t i = 0; i < raw_bytes; ++i, ++at) {
      if (at < begin || at >= end) continue;
      piece.push_back(static_cast<uint8_t>(entry >> (8 * i)));
      if (piece.size() == kPieceBytes) {
        take(piece);
        piece.clear();
        file_->Drop(dropped, cursor.at);
        dropped = cursor.at;
      }
    }
  }
  if (!piece.empty()) take(piece);
  file_->Drop(dropped, cursor.at);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<PayloadReader>> OpenScattered(
    const StoredTensor& tensor, const WeightFile& file) {
  WireField message;
  OPCOST_RETURN_IF_ERROR(
      FindTensor(file.bytes(), tensor.payload.offset_bytes, &message));
  auto reader = std::make_unique<ScatteredReader>(
      file, FieldOf(tensor.type.type), message,
      static_cast<uint64_t>(RawSizeBytes(tensor.type).value()));
  OPCOST_RETURN_IF_ERROR(reader->Scan());
  return reader;
}

}  // namespace opcost
