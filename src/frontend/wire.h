// SPDX-License-Identifier: Apache-2.0
// The protobuf wire format, as far as finding fields needs it
// (https://protobuf.dev/programming-guides/encoding).
#ifndef OPCOST_FRONTEND_WIRE_H_
#define OPCOST_FRONTEND_WIRE_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace opcost {

enum class WireType : uint8_t {
  kVarint = 0,
  kFixed64 = 1,
  kLengthDelimited = 2,
  kGroupStart = 3,
  kGroupEnd = 4,
  kFixed32 = 5,
};

// Where a field lies. All places are offsets from the start of the file.
struct WireField {
  uint32_t number = 0;
  WireType type = WireType::kVarint;
  size_t begin = 0;      // of the tag
  size_t length_at = 0;  // of the length, where the field has one
  size_t content = 0;    // of what follows tag and length
  size_t end = 0;        // of the field
};

// Steps over the fields of a message without copying or recursion. Reads tags,
// lengths and varints alone, so that the contents of long fields stay on disk.
class WireReader {
 public:
  explicit WireReader(absl::string_view bytes) : bytes_(bytes) {}

  size_t position() const { return position_; }
  void Seek(size_t position) { position_ = position; }

  // Reads the field at the position, which lies before `limit`, the end of the
  // enclosing message, and leaves the position at the field's content. Errors
  // (DATA_LOSS) name the byte.
  absl::Status ReadField(size_t limit, WireField* field) {
    if (ReadShortField(limit, field)) return absl::OkStatus();
    return ReadAnyField(limit, field);
  }

 private:
  // The common case, without calls: a tag of one byte, and a number of one byte
  // or a length of one or two. False, and nothing changes, for all else.
  bool ReadShortField(size_t limit, WireField* field) {
    const size_t left = limit - position_;
    if (left < 2) return false;
    const auto tag = static_cast<uint8_t>(bytes_[position_]);
    size_t length = static_cast<uint8_t>(bytes_[position_ + 1]);
    size_t header = 2;
    const auto type = static_cast<WireType>(tag & 7);
    if (tag >= 0x80 || tag < 8) return false;
    if (type == WireType::kVarint && length < 0x80) {
      header = 1;
      length = 1;
    } else if (type != WireType::kLengthDelimited) {
      return false;
    } else if (length >= 0x80) {
      if (left < 3) return false;
      const auto high = static_cast<uint8_t>(bytes_[position_ + 2]);
      if (high >= 0x80) return false;
      length = (length & 0x7f) | static_cast<size_t>(high) << 7;
      header = 3;
    }
    if (length > left - header) return false;
    field->number = tag >> 3;
    field->type = type;
    field->begin = position_;
    field->length_at = position_ + 1;
    field->content = position_ += header;
    field->end = position_ + length;
    return true;
  }
  absl::Status ReadAnyField(size_t limit, WireField* field);
  // False if the varint doesn't end before `limit`, or is too long.
  bool ReadVarint(size_t limit, uint64_t* value) {
    if (position_ < limit) {
      const auto first = static_cast<uint8_t>(bytes_[position_]);
      if (first < 0x80) {
        ++position_;
        *value = first;
        return true;
      }
    }
    return ReadLongVarint(limit, value);
  }
  bool ReadLongVarint(size_t limit, uint64_t* value);
  bool ReadTag(size_t limit, WireField* field);
  absl::Status FindEnd(size_t limit, WireField* field);
  absl::Status SkipGroup(size_t limit, WireField* field);
  absl::Status Corrupt(size_t at, absl::string_view what) const;
  absl::Status CutOff(const WireField& field, uint64_t needed,
                      size_t limit) const;

  absl::string_view bytes_;
  size_t position_ = 0;
};

}  // namespace opcost

#endif  // OPCOST_FRONTEND_WIRE_H_
