// SPDX-License-Identifier: Apache-2.0
#include "src/cli/sides.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <istream>
#include <iterator>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "opcost/support/near_matches.h"
#include "opcost/support/status_macros.h"
#include "src/cli/commands.h"
#include "src/cli/limits.h"

namespace opcost {
namespace {

using absl::string_view;

bool IsThere(string_view path) {
  std::error_code ignored;
  return path == "-" || std::filesystem::exists(std::string(path), ignored);
}

bool IsSidesOwn(const OptionRow& row) {
  return (row.commands & kCompare) != 0 &&
         (row.group == OptionGroup::kFormats ||
          row.group == OptionGroup::kMachine ||
          row.group == OptionGroup::kInputs);
}

const OptionRow* FindSideOption(string_view name) {
  for (const OptionRow& row : OptionRows()) {
    if (IsSidesOwn(row) && row.long_flag() == absl::StrCat("--", name)) {
      return &row;
    }
  }
  return nullptr;
}

absl::Status UnknownSideOption(string_view name) {
  std::vector<std::string> known;
  for (const OptionRow& row : OptionRows()) {
    if (IsSidesOwn(row)) known.emplace_back(row.long_flag().substr(2));
  }
  return UsageError(absl::StrCat("a side has no option '", name, "'",
                                 DidYouMean(name, known)));
}

// What a value is of, in options that may be repeated: "NAME" of "NAME=1".
string_view SubjectOf(string_view value) {
  const size_t equals = value.rfind('=');
  return equals == value.npos ? "" : value.substr(0, equals);
}

bool Replaces(const GivenOption& own, const GivenOption& shared) {
  return own.row == shared.row &&
         (!own.row->repeats || SubjectOf(own.value) == SubjectOf(shared.value));
}

absl::StatusOr<std::vector<GivenOption>> OptionsOf(string_view text) {
  std::vector<GivenOption> options;
  for (const string_view part : absl::StrSplit(text, ',')) {
    const std::pair<string_view, string_view> option =
        absl::StrSplit(part, absl::MaxSplits('=', 1));
    const OptionRow* row = FindSideOption(option.first);
    if (row == nullptr) return UnknownSideOption(option.first);
    if (option.second.empty() != row->value.empty()) {
      return UsageError(row->value.empty()
                            ? absl::StrCat(option.first, " takes no value")
                            : absl::StrCat(option.first, " needs a value: ",
                                           option.first, "=", row->value));
    }
    options.push_back({row, std::string(option.second)});
  }
  return options;
}

absl::Status Apply(const GivenOption& option, CommandLine& line) {
  const absl::Status status = option.row->apply(option.value, line);
  if (!status.ok()) {
    return UsageError(absl::StrCat(option.row->long_flag().substr(2), ": ",
                                   status.message()));
  }
  line.given.push_back(option);
  return absl::OkStatus();
}

absl::StatusOr<CommandLine> Combine(const CommandLine& line,
                                    string_view options) {
  OPCOST_ASSIGN_OR_RETURN(const std::vector<GivenOption> own,
                          OptionsOf(options));
  CommandLine result;
  result.command = kCompare;
  for (const GivenOption& shared : line.given) {
    const bool is_replaced = std::any_of(own.begin(), own.end(),
                                         [&shared](const GivenOption& option) {
                                           return Replaces(option, shared);
                                         });
    if (!is_replaced) OPCOST_RETURN_IF_ERROR(Apply(shared, result));
  }
  for (const GivenOption& option : own) {
    for (const GivenOption& other : own) {
      if (&other == &option || !Replaces(other, option)) continue;
      return UsageError(absl::StrCat(option.row->long_flag().substr(2),
                                     " is given more than once"));
    }
    OPCOST_RETURN_IF_ERROR(Apply(option, result));
  }
  return result;
}

// Nothing of ONNX begins with a brace.
bool BeginsAsJson(std::istream& stream) {
  for (char c = 0; stream.get(c);) {
    if (absl::ascii_isspace(static_cast<unsigned char>(c))) continue;
    return c == '{';
  }
  return false;
}

bool IsReport(const std::string& path, const CliEnvironment& environment) {
  // What is read from there can't be put back.
  if (path == "-") return environment.in->peek() == '{';
  std::ifstream file(path, std::ios::binary);
  return BeginsAsJson(file);
}

absl::StatusOr<std::string> ReadAll(const std::string& path,
                                    const CliEnvironment& environment) {
  std::ifstream file;
  if (path != "-") file.open(path, std::ios::binary);
  std::istream& stream = path == "-" ? *environment.in : file;
  std::string text{std::istreambuf_iterator<char>(stream), {}};
  if (stream.bad()) {
    return absl::UnknownError(absl::StrCat(path, ": can't read it"));
  }
  return text;
}

bool IsGiven(const CommandLine& line, string_view flag) {
  return std::any_of(line.given.begin(), line.given.end(),
                     [flag](const GivenOption& option) {
                       return option.row->long_flag() == flag;
                     });
}

// The table of a saved report: the one of --table, else one of its name; null
// if it isn't the one that the report was priced with.
std::unique_ptr<const CostTable> TableOfReport(
    const ComparisonSide& side, const CommandLine& line,
    const CliEnvironment& environment) {
  absl::StatusOr<CostTable> table =
      LibraryOf(environment)
          .Load(IsGiven(line, "--table") ? line.table : side.table);
  if (!table.ok() || table->digest() != side.table_digest) return nullptr;
  return std::make_unique<const CostTable>(*std::move(table));
}

absl::Status LoadReport(const SideArgument& argument,
                        const CliEnvironment& environment, LoadedSide& loaded) {
  if (!argument.options.empty()) {
    return UsageError(absl::StrCat(argument.text, ": ", argument.path,
                                   " is a saved report, which can't be priced "
                                   "with other options"));
  }
  OPCOST_ASSIGN_OR_RETURN(const std::string text,
                          ReadAll(argument.path, environment));
  OPCOST_ASSIGN_OR_RETURN(loaded.side, ParseReport(argument.path, text));
  if (loaded.line.max_energy.has_value()) {
    OPCOST_RETURN_IF_ERROR(CheckUnit(*loaded.line.max_energy, loaded.side.table,
                                     loaded.side.unit));
  }
  return absl::OkStatus();
}

// What the model would take under BASE's table, and with its weights stored
// dense, where it isn't so.
void Reprice(const CostTable* base_table, LoadedSide& loaded) {
  if (base_table == nullptr || loaded.side.is_saved) return;
  ComparisonSide& side = loaded.side;
  EstimateOptions options = loaded.priced.estimate->options;
  const auto layers = [&]() -> std::vector<SideLayer> {
    const absl::StatusOr<Estimate> estimate =
        MakeEstimate(*loaded.priced.analysis, *base_table, options);
    if (estimate.ok()) return SideLayersOf(*estimate);
    side.split_problem = std::string(estimate.status().message());
    return {};
  };
  if (base_table->digest() != side.table_digest) {
    side.at_base_prices = layers();
  }
  if (options.storage.is_plain()) return;
  options.storage = StorageOptions();
  side.dense = layers();
}

absl::Status Load(const SideArgument& argument,
                  const CliEnvironment& environment,
                  std::unique_ptr<const CostTable>& base_table, bool is_base,
                  LoadedSide& loaded) {
  if (IsReport(argument.path, environment)) {
    OPCOST_RETURN_IF_ERROR(LoadReport(argument, environment, loaded));
    if (is_base) {
      base_table = TableOfReport(loaded.side, loaded.line, environment);
    }
    return absl::OkStatus();
  }
  OPCOST_ASSIGN_OR_RETURN(loaded.priced,
                          PriceModel(loaded.line, argument.path, environment));
  loaded.side = SideOf(*loaded.priced.estimate, argument.text);
  if (is_base) {
    OPCOST_ASSIGN_OR_RETURN(CostTable table, TableOf(loaded.line, environment));
    base_table = std::make_unique<const CostTable>(std::move(table));
  }
  Reprice(base_table.get(), loaded);
  return absl::OkStatus();
}

}  // namespace

SideArgument ParseSide(string_view argument) {
  SideArgument side;
  side.text = side.path = std::string(argument);
  if (IsThere(argument)) return side;
  size_t at = argument.rfind('@');
  for (size_t i = at; i != argument.npos && i > 0;
       i = argument.rfind('@', i - 1)) {
    if (!IsThere(argument.substr(0, i))) continue;
    at = i;
    break;
  }
  if (at == argument.npos) return side;
  side.path = std::string(argument.substr(0, at));
  side.options = std::string(argument.substr(at + 1));
  return side;
}

absl::StatusOr<CommandLine> LineOfSide(const CommandLine& line,
                                       const SideArgument& argument) {
  if (argument.options.empty()) return line;
  absl::StatusOr<CommandLine> result = Combine(line, argument.options);
  if (result.ok()) return result;
  return UsageError(
      absl::StrCat("side '", argument.text, "': ", result.status().message()));
}

absl::StatusOr<std::vector<LoadedSide>> LoadSides(
    const CommandLine& line, const CliEnvironment& environment,
    std::unique_ptr<const CostTable>& base_table) {
  std::vector<SideArgument> arguments;
  std::vector<LoadedSide> sides;
  for (const std::string& operand : line.operands) {
    arguments.push_back(ParseSide(operand));
    OPCOST_ASSIGN_OR_RETURN(sides.emplace_back().line,
                            LineOfSide(line, arguments.back()));
  }
  if (std::count_if(arguments.begin(), arguments.end(),
                    [](const SideArgument& argument) {
                      return argument.path == "-";
                    }) > 1) {
    return UsageError("only one side can come from standard input");
  }
  for (size_t s = 0; s < sides.size(); ++s) {
    const absl::Status status =
        Load(arguments[s], environment, base_table, s == 0, sides[s]);
    if (status.ok()) continue;
    return IsUsageError(status) && !arguments[s].options.empty()
               ? UsageError(absl::StrCat("side '", arguments[s].text,
                                         "': ", status.message()))
               : status;
  }
  return sides;
}

}  // namespace opcost
