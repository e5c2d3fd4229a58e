// SPDX-License-Identifier: Apache-2.0
// TOML with the place of everything, for files that people write by hand.
#ifndef OPCOST_SUPPORT_TOML_READER_H_
#define OPCOST_SUPPORT_TOML_READER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace opcost {

struct TomlEntry;

// A value of a TOML document, and its place. Immutable.
//
// Errors, here and below, are INVALID_ARGUMENT and start with
// "<path>:<line>:<column>: ".
class TomlValue {
 public:
  // Dates and times are kept without their value: nothing reads them.
  enum class Kind : uint8_t {
    kTable,
    kArray,
    kString,
    kInteger,
    kFloat,
    kBoolean,
    kDate
  };

  // Reads a whole document: a table. `path` names the text in messages. Texts
  // of more than 1 MiB, keys of more than 8 parts and values nested deeper than
  // 16 are refused: no file that a person writes has them, and a parser that
  // recurses would exhaust its stack.
  static absl::StatusOr<TomlValue> Parse(absl::string_view path,
                                         absl::string_view text);

  Kind kind() const { return kind_; }
  int line() const { return line_; }      // from 1
  int column() const { return column_; }  // from 1

  // The content, if it is of that kind: "expected a string, found an integer".
  absl::StatusOr<std::string> AsString() const;
  absl::StatusOr<int64_t> AsInteger() const;
  // Integers too; never infinite or not a number.
  absl::StatusOr<double> AsNumber() const;
  absl::StatusOr<bool> AsBoolean() const;
  absl::Status CheckIsTable() const;
  absl::Status CheckIsArray() const;

  // Of a table, in the order of the file; empty for anything else.
  absl::Span<const TomlEntry> entries() const;
  // Of an array; empty for anything else.
  absl::Span<const TomlValue> items() const { return items_; }
  // The entry of a table; nullptr if there is none.
  const TomlEntry* FindEntry(absl::string_view key) const;
  const TomlValue* Find(absl::string_view key) const;
  // "missing key 'read'; expected <expected>".
  absl::StatusOr<const TomlValue*> Require(absl::string_view key,
                                           absl::string_view expected) const;
  // An error at the first key that isn't one of `known`: "unknown key
  // 'capcity'; did you mean 'capacity'?", or else what was expected.
  absl::Status CheckKeys(absl::Span<const absl::string_view> known) const;

  // An error at this value.
  template <typename... Args>
  absl::Status Error(const Args&... what) const {
    return ErrorAt(*path_, line_, column_, absl::StrCat(what...));
  }

 private:
  friend struct TomlEntry;
  friend class TomlConverter;
  static absl::Status ErrorAt(absl::string_view path, int line, int column,
                              absl::string_view what);
  absl::Status WrongKind(absl::string_view expected) const;

  Kind kind_ = Kind::kTable;
  int line_ = 1;
  int column_ = 1;
  std::shared_ptr<const std::string> path_;
  std::variant<std::monostate, std::string, int64_t, double, bool> content_;
  std::vector<TomlEntry> entries_;
  std::vector<TomlValue> items_;
};

// A key of a table, and what it stands for.
struct TomlEntry {
  std::string key;
  int line = 1;
  int column = 1;
  TomlValue value;

  // An error at the key.
  template <typename... Args>
  absl::Status Error(const Args&... what) const {
    return TomlValue::ErrorAt(*value.path_, line, column,
                              absl::StrCat(what...));
  }
};

inline absl::Span<const TomlEntry> TomlValue::entries() const {
  return entries_;
}

}  // namespace opcost

#endif  // OPCOST_SUPPORT_TOML_READER_H_
