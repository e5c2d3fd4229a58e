// SPDX-License-Identifier: Apache-2.0
// JSON as it is written, member by member.
#ifndef OPCOST_SRC_REPORT_JSON_WRITER_H_
#define OPCOST_SRC_REPORT_JSON_WRITER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace opcost {

// Writes one JSON value. Integers are exact; doubles are the shortest text that
// reads back as the same number, and never look like integers; strings may hold
// any bytes: what isn't UTF-8 becomes U+FFFD.
class JsonWriter {
 public:
  enum class Layout : uint8_t {
    kIndented,  // a member a line, by two spaces; leaves on one line
    kCompact,   // no white space at all
  };
  // How an object or array is laid out where the layout is kIndented.
  enum class Lines : uint8_t { kMany, kOne };

  explicit JsonWriter(Layout layout) : layout_(layout) {}

  JsonWriter& BeginObject(Lines lines = Lines::kMany);
  JsonWriter& EndObject() { return End('}'); }
  JsonWriter& BeginArray(Lines lines = Lines::kMany);
  JsonWriter& EndArray() { return End(']'); }
  // The next value's key; inside an object alone.
  JsonWriter& Key(absl::string_view key);

  JsonWriter& String(absl::string_view text);
  JsonWriter& Int(int64_t number);
  // null if `number` isn't finite.
  JsonWriter& Double(double number);
  JsonWriter& Bool(bool truth);
  JsonWriter& Null();

  // Key and value together.
  JsonWriter& Member(absl::string_view key, absl::string_view text) {
    return Key(key).String(text);
  }
  JsonWriter& Member(absl::string_view key, const char* text) {
    return Key(key).String(text);
  }
  JsonWriter& Member(absl::string_view key, const std::string& text) {
    return Key(key).String(text);
  }
  JsonWriter& Member(absl::string_view key, int64_t number) {
    return Key(key).Int(number);
  }
  JsonWriter& Member(absl::string_view key, double number) {
    return Key(key).Double(number);
  }
  JsonWriter& Member(absl::string_view key, bool truth) {
    return Key(key).Bool(truth);
  }
  // null if there is no text.
  JsonWriter& MemberOrNull(absl::string_view key, absl::string_view text) {
    return text.empty() ? Key(key).Null() : Key(key).String(text);
  }
  // null if there is no number.
  template <typename T>
  JsonWriter& Member(absl::string_view key, const std::optional<T>& number) {
    return number.has_value() ? Member(key, *number) : Key(key).Null();
  }

  // What was written; the writer is empty afterwards.
  std::string Take();

 private:
  struct Level {
    bool one_line = false;
    bool is_empty = true;
  };

  // Separates the next value or key from what stands before it.
  void Separate();
  void NewLine();
  JsonWriter& Begin(char bracket, Lines lines);
  JsonWriter& End(char bracket);
  JsonWriter& Raw(absl::string_view text);
  void Quote(absl::string_view text);

  Layout layout_;
  std::string out_;
  std::vector<Level> levels_;
  bool after_key_ = false;
};

}  // namespace opcost

#endif  // OPCOST_SRC_REPORT_JSON_WRITER_H_
