// SPDX-License-Identifier: Apache-2.0
#include "src/frontend/wire.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "opcost/support/status_macros.h"

namespace opcost {
namespace {

// protobuf's own limit on nested messages; groups count as such.
constexpr size_t kMaxGroups = 100;
constexpr uint64_t kMaxFieldNumber = (uint64_t{1} << 29) - 1;

}  // namespace

bool WireReader::ReadLongVarint(size_t limit, uint64_t* value) {
  uint64_t result = 0;
  for (int shift = 0; shift < 64 && position_ < limit; shift += 7) {
    const auto byte = static_cast<uint8_t>(bytes_[position_++]);
    result |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) {
      *value = result;
      return true;
    }
  }
  return false;
}

bool WireReader::ReadTag(size_t limit, WireField* field) {
  field->begin = position_;
  uint64_t tag = 0;
  if (!ReadVarint(limit, &tag)) return false;
  const uint64_t number = tag >> 3;
  if (number == 0 || number > kMaxFieldNumber || (tag & 7) > 5) return false;
  field->number = static_cast<uint32_t>(number);
  field->type = static_cast<WireType>(tag & 7);
  return true;
}

absl::Status WireReader::ReadAnyField(size_t limit, WireField* field) {
  if (!ReadTag(limit, field)) {
    return Corrupt(field->begin, "no protobuf field starts there");
  }
  return FindEnd(limit, field);
}

absl::Status WireReader::FindEnd(size_t limit, WireField* field) {
  uint64_t length = 0;
  field->length_at = field->content = position_;
  switch (field->type) {
    case WireType::kVarint:
      if (!ReadVarint(limit, &length)) {
        return Corrupt(field->begin, "a number starts there that doesn't end");
      }
      field->end = position_;
      position_ = field->content;
      return absl::OkStatus();
    case WireType::kFixed64:
      length = 8;
      break;
    case WireType::kFixed32:
      length = 4;
      break;
    case WireType::kLengthDelimited:
      if (!ReadVarint(limit, &length)) {
        return Corrupt(field->begin, "a length starts there that doesn't end");
      }
      field->content = position_;
      break;
    case WireType::kGroupStart:
      return SkipGroup(limit, field);
    case WireType::kGroupEnd:
      return Corrupt(field->begin, "a group ends there that never began");
  }
  if (length > limit - position_) return CutOff(*field, length, limit);
  field->end = position_ + static_cast<size_t>(length);
  return absl::OkStatus();
}

absl::Status WireReader::SkipGroup(size_t limit, WireField* field) {
  std::vector<uint32_t> open = {field->number};
  while (!open.empty()) {
    WireField inner;
    if (!ReadTag(limit, &inner)) {
      return Corrupt(inner.begin, "no protobuf field starts there");
    }
    if (inner.type == WireType::kGroupStart) {
      if (open.size() == kMaxGroups) {
        return Corrupt(inner.begin, "groups nest more than 100 levels deep");
      }
      open.push_back(inner.number);
    } else if (inner.type == WireType::kGroupEnd) {
      if (open.back() != inner.number) {
        return Corrupt(inner.begin, "a group ends there that never began");
      }
      open.pop_back();
    } else {
      OPCOST_RETURN_IF_ERROR(FindEnd(limit, &inner));
      position_ = inner.end;
    }
  }
  field->end = position_;
  position_ = field->content;
  return absl::OkStatus();
}

absl::Status WireReader::Corrupt(size_t at, absl::string_view what) const {
  return absl::DataLossError(
      absl::StrCat("the file is corrupt or cut off at byte ", at, " of ",
                   bytes_.size(), ": ", what));
}

absl::Status WireReader::CutOff(const WireField& field, uint64_t needed,
                                size_t limit) const {
  return Corrupt(
      field.begin,
      absl::StrCat("a field of ", needed, " bytes starts there, but its ",
                   limit == bytes_.size() ? "file" : "message", " has only ",
                   limit - field.content, " bytes left"));
}

}  // namespace opcost
