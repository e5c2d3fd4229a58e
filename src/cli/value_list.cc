// SPDX-License-Identifier: Apache-2.0
#include "src/cli/value_list.h"

#include <cstdint>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "opcost/support/status_macros.h"

namespace opcost {
namespace {

using absl::string_view;

constexpr size_t kMostValues = 1000000;

std::optional<int64_t> WholeNumber(string_view text) {
  int64_t number = 0;
  if (text.empty() || text.find_first_not_of("0123456789") != text.npos ||
      !absl::SimpleAtoi(text, &number)) {
    return std::nullopt;
  }
  return number;
}

absl::Status TooMany() {
  return UsageError(
      absl::StrCat("a list has at most ", kMostValues, " values"));
}

// Appends the numbers of "1..8" or "16..128..16". False if `text` is no range.
absl::StatusOr<bool> AddRange(string_view text,
                              std::vector<std::string>& values) {
  const std::vector<string_view> parts = absl::StrSplit(text, "..");
  if (parts.size() < 2 || parts.size() > 3) return false;
  const std::optional<int64_t> first = WholeNumber(parts[0]);
  const std::optional<int64_t> last = WholeNumber(parts[1]);
  const std::optional<int64_t> step =
      parts.size() == 3 ? WholeNumber(parts[2]) : 1;
  if (!first.has_value() || !last.has_value() || !step.has_value()) {
    return false;
  }
  if (*first > *last || *step == 0) {
    return UsageError(absl::StrCat(
        "'", text, "' is no range; a range goes up: 1..8, or 16..128..16"));
  }
  const int64_t steps = (*last - *first) / *step;
  if (steps >= static_cast<int64_t>(kMostValues - values.size())) {
    return TooMany();
  }
  const int64_t count = steps + 1;
  for (int64_t i = 0; i < count; ++i) {
    values.push_back(absl::StrCat(*first + i * *step));
  }
  return true;
}

// "NAME=" of "NAME=1,2" for an option whose values have the form NAME=N.
string_view SubjectOf(const OptionRow& row, string_view value) {
  if (!absl::StrContains(row.value, "=")) return "";
  const size_t equals = value.rfind('=');
  return equals == value.npos ? "" : value.substr(0, equals + 1);
}

}  // namespace

bool IsSwept(const OptionRow& row) {
  return (row.commands & kSweep) != 0 && !row.value.empty() &&
         row.long_flag() != "--operators" &&
         (row.group == OptionGroup::kFormats ||
          row.group == OptionGroup::kMachine ||
          row.group == OptionGroup::kInputs);
}

absl::StatusOr<std::vector<std::string>> ExpandList(string_view text) {
  std::vector<std::string> values;
  for (const string_view part : absl::StrSplit(text, ',')) {
    if (part.empty()) {
      return UsageError(
          absl::StrCat("'", text, "' has an empty value in its list"));
    }
    OPCOST_ASSIGN_OR_RETURN(const bool is_range, AddRange(part, values));
    if (is_range) continue;
    if (values.size() == kMostValues) return TooMany();
    values.emplace_back(part);
  }
  return values;
}

absl::Status AddAxis(const OptionRow& row, string_view value,
                     CommandLine& line) {
  const string_view flag = row.long_flag();
  const string_view subject = SubjectOf(row, value);
  SweepAxis axis;
  axis.row = &row;
  axis.name = std::string(flag.substr(2));
  if (!subject.empty()) {
    absl::StrAppend(&axis.name, ".", subject.substr(0, subject.size() - 1));
  }
  for (const SweepAxis& other : line.axes) {
    if (other.name != axis.name) continue;
    return UsageError(absl::StrCat(flag, ": ", axis.name,
                                   " is given twice; give it one list"));
  }
  absl::StatusOr<std::vector<std::string>> labels =
      ExpandList(value.substr(subject.size()));
  if (!labels.ok()) {
    return UsageError(absl::StrCat(flag, ": ", labels.status().message()));
  }
  axis.labels = *std::move(labels);
  for (const std::string& label : axis.labels) {
    axis.values.push_back(absl::StrCat(subject, label));
    CommandLine scratch;
    scratch.command = kSweep;
    const absl::Status status = row.apply(axis.values.back(), scratch);
    if (!status.ok()) {
      return UsageError(absl::StrCat(flag, ": ", status.message()));
    }
  }
  line.axes.push_back(std::move(axis));
  return absl::OkStatus();
}

}  // namespace opcost
