// SPDX-License-Identifier: Apache-2.0
#include "src/report/utf8.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace opcost {
namespace {

constexpr absl::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD
constexpr absl::string_view kEllipsis = "\xE2\x80\xA6";     // U+2026

bool IsContinuation(char c) { return (static_cast<uint8_t>(c) & 0xC0) == 0x80; }

constexpr uint64_t kEachByte = 0x0101010101010101;

uint64_t EightBytes(absl::string_view text) {
  uint64_t bytes;
  std::memcpy(&bytes, text.data(), sizeof(bytes));
  return bytes;
}

// C0, DEL, and C1 (U+0080 to U+009F), which some terminals obey.
bool IsControl(absl::string_view code_point) {
  const auto first = static_cast<uint8_t>(code_point[0]);
  if (code_point.size() == 1) return first < 0x20 || first == 0x7F;
  return first == 0xC2 && static_cast<uint8_t>(code_point[1]) < 0xA0;
}

// The text of the last `width` code points.
absl::string_view LastCodePoints(absl::string_view text, int width) {
  size_t at = text.size();
  while (at > 0 && width > 0) {
    --at;
    if (!IsContinuation(text[at])) --width;
  }
  return text.substr(at);
}

std::string Replace(absl::string_view text, bool controls_too) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const size_t length = LeadingCodePoint(text);
    const absl::string_view point = text.substr(0, std::max<size_t>(length, 1));
    const bool bad = length == 0 || (controls_too && IsControl(point));
    absl::StrAppend(&out, bad ? kReplacement : point);
    text.remove_prefix(point.size());
  }
  return out;
}

}  // namespace

size_t LeadingCodePoint(absl::string_view text) {
  const auto first = static_cast<uint8_t>(text[0]);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if (!IsContinuation(text[i])) return 0;
  }
  const auto second = static_cast<uint8_t>(text[1]);
  const bool overlong =
      (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
  const bool surrogate = first == 0xED && second >= 0xA0;
  const bool too_large = first == 0xF4 && second >= 0x90;
  return overlong || surrogate || too_large ? 0 : length;
}

std::string ValidUtf8(absl::string_view text) { return Replace(text, false); }

std::string OneLine(absl::string_view text) {
  return IsPrintableAscii(text) ? std::string(text) : Replace(text, true);
}

bool IsPrintableAscii(absl::string_view text) {
  // Eight bytes at a time: a byte has its top bit set in one of the terms if it
  // has it itself, if it is DEL, or if it is below the blank. Only a byte that
  // is caught itself carries into the next one.
  uint64_t caught = 0;
  while (text.size() >= sizeof(uint64_t)) {
    const uint64_t bytes = EightBytes(text);
    caught |= bytes | (bytes + kEachByte) | (bytes - 0x20 * kEachByte);
    text.remove_prefix(sizeof(uint64_t));
  }
  bool is_printable = (caught & (0x80 * kEachByte)) == 0;
  for (const char c : text) is_printable = is_printable && c >= ' ' && c < 0x7F;
  return is_printable;
}

int CodePoints(absl::string_view text) {
  size_t points = text.size();
  while (text.size() >= sizeof(uint64_t)) {
    const uint64_t bytes = EightBytes(text);
    if ((bytes & (0x80 * kEachByte)) != 0) {
      // Ones for bytes that start with the bits 10; their sum is the top byte.
      const uint64_t continued = (bytes >> 7) & ~(bytes >> 6) & kEachByte;
      points -= (continued * kEachByte) >> 56;
    }
    text.remove_prefix(sizeof(uint64_t));
  }
  for (const char c : text) points -= IsContinuation(c) ? 1U : 0U;
  return static_cast<int>(points);
}

absl::string_view FirstCodePoints(absl::string_view text, int width) {
  size_t at = 0;
  while (at < text.size() && (width > 0 || IsContinuation(text[at]))) {
    if (!IsContinuation(text[at])) --width;
    ++at;
  }
  return text.substr(0, at);
}

std::string Elide(absl::string_view text, int width) {
  if (CodePoints(text) <= width) return std::string(text);
  if (width <= 0) return "";
  const int tail = (width - 1) / 2;
  return absl::StrCat(FirstCodePoints(text, width - 1 - tail), kEllipsis,
                      LastCodePoints(text, tail));
}

}  // namespace opcost
