// SPDX-License-Identifier: Apache-2.0
// The options of opcost collect alone.
#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "opcost/measure/draw.h"
#include "opcost/support/near_matches.h"
#include "opcost/support/status_macros.h"
#include "src/cli/collect_request.h"
#include "src/cli/command_line.h"
#include "src/cli/value_list.h"

namespace opcost {
namespace {

using absl::string_view;

// More would be measured for weeks.
constexpr int64_t kMostLayers = 1000000;

absl::StatusOr<int64_t> Number(string_view text, int64_t least, int64_t most) {
  int64_t number = 0;
  const bool is_digits =
      !text.empty() && text.find_first_not_of("0123456789") == text.npos;
  if (is_digits && absl::SimpleAtoi(text, &number) && number >= least &&
      number <= most) {
    return number;
  }
  return UsageError(absl::StrCat("'", text, "' is not a whole number from ",
                                 least, " to ", most));
}

absl::Status ApplyLayers(string_view value, CommandLine& line) {
  CollectRequest& request = line.collect;
  request.has_layers = true;
  request.layers.clear();
  if (value.find('=') == value.npos) {
    OPCOST_ASSIGN_OR_RETURN(const int64_t count, Number(value, 0, kMostLayers));
    request.layers = ShareOut(count);
    return absl::OkStatus();
  }
  const std::vector<std::string> known = DrawableOperators();
  for (const string_view part : absl::StrSplit(value, ',')) {
    const std::pair<string_view, string_view> given =
        absl::StrSplit(part, absl::MaxSplits('=', 1));
    const std::string name(given.first);
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      return UsageError(absl::StrCat("no layer of '", name, "' can be drawn",
                                     DidYouMean(name, known)));
    }
    for (const auto& [other, count] : request.layers) {
      if (other == name) {
        return UsageError(absl::StrCat("'", name, "' is given twice"));
      }
    }
    OPCOST_ASSIGN_OR_RETURN(const int64_t count,
                            Number(given.second, 0, kMostLayers));
    request.layers.emplace_back(name, count);
  }
  return absl::OkStatus();
}

absl::Status ApplyRanges(string_view value, CommandLine& line) {
  if (value.empty()) return UsageError("its value must not be empty");
  line.collect.ranges = std::string(value);
  return absl::OkStatus();
}

absl::Status ApplyNetworks(string_view value, CommandLine& line) {
  line.collect.takes_whole = value == "whole" || value == "both";
  line.collect.takes_layers = value == "layers" || value == "both";
  if (line.collect.takes_whole || line.collect.takes_layers) {
    return absl::OkStatus();
  }
  return UsageError(
      absl::StrCat("unknown value '", value, "'; use whole, layers or both"));
}

absl::Status ApplyBatches(string_view value, CommandLine& line) {
  OPCOST_ASSIGN_OR_RETURN(const std::vector<std::string> values,
                          ExpandList(value));
  for (const std::string& text : values) {
    OPCOST_ASSIGN_OR_RETURN(const int64_t batch,
                            Number(text, 1, int64_t{1} << 31));
    line.collect.batches.push_back(batch);
  }
  return absl::OkStatus();
}

template <bool CollectRequest::*kField>
absl::Status ApplyFlag(string_view, CommandLine& line) {
  line.collect.*kField = true;
  return absl::OkStatus();
}

// clang-format off
constexpr OptionRow kRows[] = {
    {"--layers", "N|OP=N,...", "how many random layers: N of the usual operators together, or so many of each that is named: Conv=130,Linear=80. Default: 300 if no network is given, else none", OptionGroup::kInputs, kCollect, false, &ApplyLayers},
    {"--ranges", "FILE", "TOML file of what layers are drawn from. Default: what --print-ranges prints", OptionGroup::kInputs, kCollect, false, &ApplyRanges},
    {"--networks", "PARTS", "what of the networks is measured: whole, layers or both (the default)", OptionGroup::kInputs, kCollect, false, &ApplyNetworks},
    {"--batch", "LIST", "batch sizes of the networks: 1,8,64 or 1..8", OptionGroup::kInputs, kCollect, false, &ApplyBatches},
    {"--list", "", "print what would be measured, a line each, and measure nothing", OptionGroup::kOutput, kCollect, false, &ApplyFlag<&CollectRequest::lists>},
    {"--print-ranges", "", "print the default file of ranges, to be edited", OptionGroup::kOutput, kCollect, false, &ApplyFlag<&CollectRequest::prints_ranges>},
};
// clang-format on

}  // namespace

absl::Span<const OptionRow> CollectOptionRows() { return kRows; }

std::vector<std::pair<std::string, int64_t>> ShareOut(int64_t count) {
  std::vector<std::pair<std::string, int64_t>> shares;
  const std::vector<std::string> names = OperatorsDrawnByDefault();
  const auto size = static_cast<int64_t>(names.size());
  for (int64_t i = 0; i < size; ++i) {
    shares.emplace_back(names[static_cast<size_t>(i)],
                        count / size + (i < count % size ? 1 : 0));
  }
  return shares;
}

}  // namespace opcost
