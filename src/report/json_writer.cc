// SPDX-License-Identifier: Apache-2.0
#include "src/report/json_writer.h"

#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "src/report/numbers.h"
#include "src/report/utf8.h"

namespace opcost {

void JsonWriter::NewLine() {
  out_.push_back('\n');
  out_.append(2 * levels_.size(), ' ');
}

void JsonWriter::Separate() {
  if (after_key_ || levels_.empty()) {
    after_key_ = false;
    return;
  }
  Level& level = levels_.back();
  const bool is_first = std::exchange(level.is_empty, false);
  if (!is_first) out_.push_back(',');
  if (layout_ == Layout::kCompact) return;
  if (!level.one_line) {
    NewLine();
  } else if (!is_first) {
    out_.push_back(' ');
  }
}

JsonWriter& JsonWriter::Begin(char bracket, Lines lines) {
  Separate();
  const bool inside_one_line = !levels_.empty() && levels_.back().one_line;
  levels_.push_back({inside_one_line || lines == Lines::kOne, true});
  out_.push_back(bracket);
  return *this;
}

JsonWriter& JsonWriter::End(char bracket) {
  const Level level = levels_.back();
  levels_.pop_back();
  if (layout_ == Layout::kIndented && !level.one_line && !level.is_empty) {
    NewLine();
  }
  out_.push_back(bracket);
  return *this;
}

JsonWriter& JsonWriter::BeginObject(Lines lines) { return Begin('{', lines); }

JsonWriter& JsonWriter::BeginArray(Lines lines) { return Begin('[', lines); }

JsonWriter& JsonWriter::Raw(absl::string_view text) {
  Separate();
  absl::StrAppend(&out_, text);
  return *this;
}

JsonWriter& JsonWriter::Key(absl::string_view key) {
  Separate();
  Quote(key);
  absl::StrAppend(&out_, layout_ == Layout::kCompact ? ":" : ": ");
  after_key_ = true;
  return *this;
}

JsonWriter& JsonWriter::String(absl::string_view text) {
  Separate();
  Quote(text);
  return *this;
}

JsonWriter& JsonWriter::Int(int64_t number) {
  return Raw(absl::StrCat(number));
}

JsonWriter& JsonWriter::Double(double number) {
  return std::isfinite(number) ? Raw(ShortestDouble(number)) : Null();
}

JsonWriter& JsonWriter::Bool(bool truth) {
  return Raw(truth ? "true" : "false");
}

JsonWriter& JsonWriter::Null() { return Raw("null"); }

void JsonWriter::Quote(absl::string_view text) {
  constexpr absl::string_view kEscaped = "\"\\\b\f\n\r\t";
  constexpr absl::string_view kLetters = "\"\\bfnrt";
  out_.push_back('"');
  for (const char c : ValidUtf8(text)) {
    const size_t special = kEscaped.find(c);
    if (special != absl::string_view::npos) {
      out_.push_back('\\');
      out_.push_back(kLetters[special]);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      absl::StrAppend(
          &out_, "\\u",
          absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad4));
    } else {
      out_.push_back(c);
    }
  }
  out_.push_back('"');
}

std::string JsonWriter::Take() { return std::exchange(out_, std::string()); }

}  // namespace opcost
