// SPDX-License-Identifier: Apache-2.0
// [fit]: how a fitted table came about.
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "opcost/support/status_macros.h"
#include "src/energy/table_sections.h"

namespace opcost {
namespace {

// A scalar or a list of them, as text.
absl::StatusOr<std::string> FitText(const TomlValue& value) {
  switch (value.kind()) {
    case TomlValue::Kind::kString:
      return value.AsString();
    case TomlValue::Kind::kInteger: {
      OPCOST_ASSIGN_OR_RETURN(const int64_t number, value.AsInteger());
      return absl::StrCat(number);
    }
    case TomlValue::Kind::kFloat: {
      // Here, a number need not be one: nothing is computed with it.
      const absl::StatusOr<double> number = value.AsNumber();
      return number.ok() ? absl::StrCat(*number) : std::string("nan");
    }
    case TomlValue::Kind::kBoolean: {
      OPCOST_ASSIGN_OR_RETURN(const bool is_true, value.AsBoolean());
      return std::string(is_true ? "true" : "false");
    }
    case TomlValue::Kind::kArray: {
      std::vector<std::string> items;
      for (const TomlValue& item : value.items()) {
        if (item.kind() == TomlValue::Kind::kTable) break;
        OPCOST_ASSIGN_OR_RETURN(std::string text, FitText(item));
        items.push_back(std::move(text));
      }
      return absl::StrJoin(items, ", ");
    }
    default:
      return std::string();
  }
}

absl::Status AddEntries(const TomlValue& table, const std::string& prefix,
                        FitRecord& fit) {
  for (const TomlEntry& entry : table.entries()) {
    const std::string key = absl::StrCat(prefix, entry.key);
    if (entry.value.kind() == TomlValue::Kind::kTable) {
      OPCOST_RETURN_IF_ERROR(
          AddEntries(entry.value, absl::StrCat(key, "."), fit));
      continue;
    }
    OPCOST_ASSIGN_OR_RETURN(std::string text, FitText(entry.value));
    fit.entries.emplace_back(key, std::move(text));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ParseFit(const TomlValue& section, TableContent& content) {
  OPCOST_RETURN_IF_ERROR(section.CheckIsTable());
  FitRecord fit;
  OPCOST_RETURN_IF_ERROR(AddEntries(section, "", fit));
  const auto read = [&](absl::string_view key,
                        std::string& result) -> absl::Status {
    const TomlValue* value = section.Find(key);
    if (value == nullptr) return absl::OkStatus();
    OPCOST_ASSIGN_OR_RETURN(result, value->AsString());
    return absl::OkStatus();
  };
  OPCOST_RETURN_IF_ERROR(read("host", fit.host));
  OPCOST_RETURN_IF_ERROR(read("memory_model", fit.memory_model));
  OPCOST_RETURN_IF_ERROR(read("graph", fit.graph));
  OPCOST_RETURN_IF_ERROR(read("array_scope", fit.array_scope));
  content.fit = std::move(fit);
  return absl::OkStatus();
}

}  // namespace opcost
