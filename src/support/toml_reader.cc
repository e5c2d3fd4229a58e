// SPDX-License-Identifier: Apache-2.0
#include "opcost/support/toml_reader.h"

#include <toml++/toml.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <exception>
#include <string_view>
#include <utility>

#include "absl/strings/str_join.h"
#include "opcost/support/near_matches.h"
#include "opcost/support/status_macros.h"

namespace opcost {
namespace {

constexpr size_t kMaxBytes = size_t{1} << 20;
constexpr int kMaxKeyParts = 8;
constexpr int kMaxNesting = 16;

std::string Place(absl::string_view path, int line, int column) {
  return absl::StrCat(path, ":", line, ":", column, ": ");
}

// Walks the text's tokens without reading them, to refuse what toml++ would
// recurse into: it bounds the nesting of values, but not the parts of a key.
class DepthGuard {
 public:
  DepthGuard(absl::string_view path, absl::string_view text)
      : path_(path), text_(text) {}

  absl::Status Check() {
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '#') {
        SkipComment();
      } else if (c == '"' || c == '\'') {
        SkipString(c);
      } else if (c == '.') {
        if (++parts_ > kMaxKeyParts) {
          return Refuse(absl::StrCat("expected at most ", kMaxKeyParts,
                                     " parts in a key"));
        }
      } else if (c == '[' || c == '{') {
        parts_ = 1;
        if (++nesting_ > kMaxNesting) {
          return Refuse(absl::StrCat("expected at most ", kMaxNesting,
                                     " values inside each other"));
        }
      } else if (c == ']' || c == '}') {
        parts_ = 1;
        nesting_ = std::max(nesting_ - 1, 0);
      } else if (c == '=' || c == ',') {
        parts_ = 1;
      } else if (c == '\n') {
        parts_ = 1;
        ++line_;
        line_start_ = at_ + 1;
      }
    }
    return absl::OkStatus();
  }

 private:
  bool Has(absl::string_view token) const {
    return text_.substr(at_, token.size()) == token;
  }

  void SkipComment() {
    while (at_ + 1 < text_.size() && text_[at_ + 1] != '\n') ++at_;
  }

  // Leaves `at_` on the last character of the string.
  void SkipString(char quote) {
    const std::string fence(3, quote);
    const bool is_long = Has(fence);
    at_ += is_long ? 3 : 1;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '\\' && quote == '"') {
        ++at_;
      } else if (is_long ? Has(fence) : c == quote) {
        if (is_long) at_ += 2;
        // A long string may end in up to two quotes of its own.
        while (is_long && at_ + 1 < text_.size() && text_[at_ + 1] == quote) {
          ++at_;
        }
        return;
      } else if (c == '\n') {
        if (!is_long) {
          --at_;  // unterminated: toml++ says so
          return;
        }
        ++line_;
        line_start_ = at_ + 1;
      }
    }
  }

  absl::Status Refuse(absl::string_view what) const {
    return absl::InvalidArgumentError(absl::StrCat(
        Place(path_, line_, static_cast<int>(at_ - line_start_) + 1), what));
  }

  absl::string_view path_;
  absl::string_view text_;
  size_t at_ = 0;
  size_t line_start_ = 0;
  int line_ = 1;
  int parts_ = 1;
  int nesting_ = 0;
};

absl::string_view KindName(TomlValue::Kind kind) {
  switch (kind) {
    case TomlValue::Kind::kTable:
      return "a table";
    case TomlValue::Kind::kArray:
      return "an array";
    case TomlValue::Kind::kString:
      return "a string";
    case TomlValue::Kind::kInteger:
      return "an integer";
    case TomlValue::Kind::kFloat:
      return "a float";
    case TomlValue::Kind::kBoolean:
      return "a boolean";
    case TomlValue::Kind::kDate:
      return "a date or a time";
  }
  return "a value";
}

}  // namespace

// From toml++'s tree to ours. Recursion is bounded by DepthGuard.
class TomlConverter {
 public:
  explicit TomlConverter(absl::string_view path)
      : path_(std::make_shared<const std::string>(path)) {}

  TomlValue Convert(const toml::node& node) const {
    TomlValue value;
    value.path_ = path_;
    value.line_ = std::max(static_cast<int>(node.source().begin.line), 1);
    value.column_ = std::max(static_cast<int>(node.source().begin.column), 1);
    // as_integer() and its like, never value<T>(): that converts a float to an
    // integer, which is undefined where it doesn't fit.
    if (const toml::table* table = node.as_table()) {
      ConvertTable(*table, value);
    } else if (const toml::array* array = node.as_array()) {
      value.kind_ = TomlValue::Kind::kArray;
      value.items_.reserve(array->size());
      for (const toml::node& item : *array) {
        value.items_.push_back(Convert(item));
      }
    } else if (const auto* string = node.as_string()) {
      value.kind_ = TomlValue::Kind::kString;
      value.content_ = string->get();
    } else if (const auto* integer = node.as_integer()) {
      value.kind_ = TomlValue::Kind::kInteger;
      value.content_ = integer->get();
    } else if (const auto* real = node.as_floating_point()) {
      value.kind_ = TomlValue::Kind::kFloat;
      value.content_ = real->get();
    } else if (const auto* boolean = node.as_boolean()) {
      value.kind_ = TomlValue::Kind::kBoolean;
      value.content_ = boolean->get();
    } else {
      value.kind_ = TomlValue::Kind::kDate;
    }
    return value;
  }

 private:
  void ConvertTable(const toml::table& table, TomlValue& value) const {
    value.kind_ = TomlValue::Kind::kTable;
    value.entries_.reserve(table.size());
    for (const auto& [key, node] : table) {
      TomlEntry entry;
      entry.key = std::string(key.str());
      entry.line = std::max(static_cast<int>(key.source().begin.line), 1);
      entry.column = std::max(static_cast<int>(key.source().begin.column), 1);
      entry.value = Convert(node);
      value.entries_.push_back(std::move(entry));
    }
    // toml++ sorts keys by name; people read them in the order they wrote.
    std::stable_sort(value.entries_.begin(), value.entries_.end(),
                     [](const TomlEntry& a, const TomlEntry& b) {
                       return std::pair(a.line, a.column) <
                              std::pair(b.line, b.column);
                     });
  }

  std::shared_ptr<const std::string> path_;
};

absl::StatusOr<TomlValue> TomlValue::Parse(absl::string_view path,
                                           absl::string_view text) {
  if (text.size() > kMaxBytes) {
    return ErrorAt(path, 1, 1,
                   absl::StrCat("the file has ", text.size(),
                                " bytes; expected at most ", kMaxBytes));
  }
  OPCOST_RETURN_IF_ERROR(DepthGuard(path, text).Check());
  // toml++ throws on bad syntax.
  try {
    return TomlConverter(path).Convert(
        toml::parse(std::string_view(text.data(), text.size())));
  } catch (const toml::parse_error& error) {
    return ErrorAt(path, static_cast<int>(error.source().begin.line),
                   static_cast<int>(error.source().begin.column),
                   std::string(error.description()));
  } catch (const std::exception& error) {
    return ErrorAt(path, 1, 1, error.what());
  }
}

absl::Status TomlValue::ErrorAt(absl::string_view path, int line, int column,
                                absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat(Place(path, line, column), what));
}

absl::Status TomlValue::WrongKind(absl::string_view expected) const {
  return Error("expected ", expected, ", found ", KindName(kind_));
}

absl::StatusOr<std::string> TomlValue::AsString() const {
  if (kind_ != Kind::kString) return WrongKind("a string");
  return std::get<std::string>(content_);
}

absl::StatusOr<int64_t> TomlValue::AsInteger() const {
  if (kind_ != Kind::kInteger) return WrongKind("an integer");
  return std::get<int64_t>(content_);
}

absl::StatusOr<double> TomlValue::AsNumber() const {
  if (kind_ == Kind::kInteger) {
    return static_cast<double>(std::get<int64_t>(content_));
  }
  if (kind_ != Kind::kFloat) return WrongKind("a number");
  const double number = std::get<double>(content_);
  if (!std::isfinite(number)) {
    return Error("expected a finite number, found ", number);
  }
  return number;
}

absl::StatusOr<bool> TomlValue::AsBoolean() const {
  if (kind_ != Kind::kBoolean) return WrongKind("true or false");
  return std::get<bool>(content_);
}

absl::Status TomlValue::CheckIsTable() const {
  return kind_ == Kind::kTable ? absl::OkStatus() : WrongKind("a table");
}

absl::Status TomlValue::CheckIsArray() const {
  return kind_ == Kind::kArray ? absl::OkStatus() : WrongKind("an array");
}

const TomlEntry* TomlValue::FindEntry(absl::string_view key) const {
  for (const TomlEntry& entry : entries_) {
    if (entry.key == key) return &entry;
  }
  return nullptr;
}

const TomlValue* TomlValue::Find(absl::string_view key) const {
  const TomlEntry* entry = FindEntry(key);
  return entry == nullptr ? nullptr : &entry->value;
}

absl::StatusOr<const TomlValue*> TomlValue::Require(
    absl::string_view key, absl::string_view expected) const {
  if (const TomlValue* value = Find(key)) return value;
  return Error("missing key '", key, "'; expected ", expected);
}

absl::Status TomlValue::CheckKeys(
    absl::Span<const absl::string_view> known) const {
  for (const TomlEntry& entry : entries_) {
    if (std::find(known.begin(), known.end(), entry.key) != known.end()) {
      continue;
    }
    const std::vector<std::string> names(known.begin(), known.end());
    std::string hint = DidYouMean(entry.key, names);
    if (hint.empty()) {
      hint = absl::StrCat("; expected ", known.size() > 1 ? "one of " : "",
                          absl::StrJoin(known, ", "));
    }
    return entry.Error("unknown key '", entry.key, "'", hint);
  }
  return absl::OkStatus();
}

}  // namespace opcost
