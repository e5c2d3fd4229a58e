// SPDX-License-Identifier: Apache-2.0
#include "src/cli/help.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

namespace opcost {
namespace {

constexpr size_t kWidth = 80;
constexpr size_t kTextColumn = 29;  // where an option's text begins

constexpr std::pair<OptionGroup, absl::string_view> kHeadings[] = {
    {OptionGroup::kFormats, "Number formats"},
    {OptionGroup::kMachine, "Machine"},
    {OptionGroup::kInputs, "Inputs"},
    {OptionGroup::kMeasuring, "Measuring"},
    {OptionGroup::kFit, "Fit"},
    {OptionGroup::kOutput, "Output"},
    {OptionGroup::kCarbon, "Carbon"},
    {OptionGroup::kOther, "Other"},
};

// `text` from column `kTextColumn` of a line that holds `head` already.
std::string TwoColumns(std::string head, absl::string_view text) {
  std::string out;
  std::string row = std::move(head);
  if (row.size() + 1 > kTextColumn) {
    out = row + "\n";
    row.clear();
  }
  row.resize(kTextColumn, ' ');
  bool is_first = true;
  for (const absl::string_view word : absl::StrSplit(text, ' ')) {
    if (!is_first && row.size() + 1 + word.size() > kWidth) {
      absl::StrAppend(&out, row, "\n");
      row.assign(kTextColumn, ' ');
      is_first = true;
    }
    absl::StrAppend(&row, is_first ? "" : " ", word);
    is_first = false;
  }
  return absl::StrCat(out, row, "\n");
}

std::string OptionText(const OptionRow& option) {
  const std::string flags = absl::StrReplaceAll(option.flags, {{",", ", "}});
  return TwoColumns(
      absl::StrCat("  ", flags, option.value.empty() ? "" : " ", option.value),
      option.help);
}

}  // namespace

std::string GeneralHelp() {
  return R"(Estimates the energy of one inference of a neural network (an ONNX file).

Usage:
  opcost MODEL [options]      energy per layer and in total
  opcost compare A B ...      models side by side, layer by layer
  opcost explain MODEL        how each number of a layer comes about
  opcost shapes MODEL         inferred types and shapes of the graph's values
  opcost sweep MODEL          totals of every combination of lists of options
  opcost weights MODEL        weights: statistics, best storage format
  opcost measure MODEL        a real run beside the estimate, by energy counters
  opcost collect              random layers and networks, measured into a file
  opcost calibrate DATA.csv   a cost table fitted to measurements
  opcost carbon               an energy, or watts and hours, in grams of CO2e
  opcost tables               cost tables: list, show, check, new, diff
  opcost help COMMAND         all about a command and its options

Examples:
  opcost resnet50.onnx
  opcost resnet50.onnx --bits int8 --table jouppi-7nm-hbm2

Most used options (opcost help estimate has all): --bits B  --table NAME|FILE
  --batch N  --dim NAME=N  --format FORMAT  --top N|all  -o FILE  --version
Exit status: 0 done, 1 bad input, 2 wrong usage, 3 above a limit,
4 not measured, 5 incomplete (a lower bound).
)";
}

std::string HelpOn(const CommandRow& command) {
  std::string text = absl::StrCat(command.summary, "\n\nUsage: opcost ");
  if (command.bit == kEstimate) {
    absl::StrAppend(&text, command.operands, " [options]\n       opcost ");
  }
  absl::StrAppend(&text, command.name, command.operands.empty() ? "" : " ",
                  command.operands, " [options]\n");
  if (!command.details.empty()) absl::StrAppend(&text, "\n", command.details);
  for (const auto& [group, heading] : kHeadings) {
    std::string options;
    for (const OptionRow& option : OptionRows()) {
      if (option.group != group || (option.commands & command.bit) == 0) {
        continue;
      }
      absl::StrAppend(&options, OptionText(option));
    }
    if (!options.empty()) absl::StrAppend(&text, "\n", heading, ":\n", options);
  }
  return text;
}

}  // namespace opcost
