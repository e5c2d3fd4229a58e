// SPDX-License-Identifier: Apache-2.0
#include "src/cli/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <exception>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "opcost/support/near_matches.h"
#include "opcost/support/status_macros.h"
#include "src/cli/value_list.h"

namespace opcost {
namespace {

using absl::string_view;

constexpr string_view kUsagePayload = "opcost/usage-error";

std::string Join(const std::vector<std::string>& words,
                 string_view before_last) {
  if (words.size() < 2) return absl::StrJoin(words, "");
  const auto last = words.end() - 1;
  return absl::StrCat(absl::StrJoin(words.begin(), last, ", "), before_last,
                      *last);
}

// Which command the arguments begin with, and how many of them name it.
struct CommandName {
  const CommandRow* row = nullptr;
  size_t words = 0;
};

std::vector<std::string> CommandNames(string_view prefix) {
  std::vector<std::string> names;
  for (const CommandRow& row : CommandRows()) {
    if (absl::StartsWith(row.name, prefix)) {
      names.emplace_back(row.name.substr(prefix.size()));
    }
  }
  return names;
}

bool IsFile(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

// A word without a dot or a slash that isn't a file is a mistyped command
// rather than a model.
absl::Status CheckIsModel(const std::string& word) {
  if (word == "-" || word.find_first_of("./") != word.npos || IsFile(word)) {
    return absl::OkStatus();
  }
  std::string cure = DidYouMean(word, CommandNames(""));
  if (const std::string model = word + ".onnx"; IsFile(model)) {
    cure = absl::StrCat("; did you mean '", model, "'?");
  }
  if (cure.empty()) cure = "; opcost --help lists the commands";
  return UsageError(
      absl::StrCat("'", word, "' is neither a command nor a file", cure));
}

absl::StatusOr<CommandName> FindCommandName(
    const std::vector<std::string>& arguments) {
  const CommandName implied{&RowOf(kEstimate), 0};
  if (arguments.empty() || absl::StartsWith(arguments[0], "-")) return implied;
  const CommandRow* row = FindCommand(arguments[0]);
  if (row == nullptr) {
    OPCOST_RETURN_IF_ERROR(CheckIsModel(arguments[0]));
    return implied;
  }
  if (row->bit != kTables || arguments.size() < 2 ||
      absl::StartsWith(arguments[1], "-")) {
    return CommandName{row, 1};
  }
  const CommandRow* inner = FindCommand(absl::StrCat("tables ", arguments[1]));
  if (inner == nullptr) {
    const std::vector<std::string> names = CommandNames("tables ");
    return UsageError(absl::StrCat("unknown command 'tables ", arguments[1],
                                   "'; use tables ", JoinWithOr(names)));
  }
  return CommandName{inner, 2};
}

// "--bits" in "--bits=8".
string_view FlagOf(string_view argument) {
  return argument.substr(0, argument.find('='));
}

const OptionRow* FindOption(string_view flag) {
  for (const OptionRow& row : OptionRows()) {
    for (const string_view known : absl::StrSplit(row.flags, ',')) {
      if (flag == known) return &row;
    }
  }
  return nullptr;
}

// "estimate, explain and shapes".
std::string WhoTakes(const OptionRow& option) {
  std::vector<std::string> names;
  for (const CommandRow& row : CommandRows()) {
    if ((option.commands & row.bit) != 0) names.emplace_back(row.name);
  }
  return Join(names, " and ");
}

absl::Status UnknownOption(string_view argument, const CommandRow& command) {
  const string_view flag = FlagOf(argument);
  if (const OptionRow* other = FindOption(flag)) {
    return UsageError(absl::StrCat("'", command.name, "' has no use for ", flag,
                                   ", an option of ", WhoTakes(*other)));
  }
  std::vector<std::string> known;
  for (const OptionRow& row : OptionRows()) {
    if ((row.commands & command.bit) != 0) known.emplace_back(row.long_flag());
  }
  std::string cure = DidYouMean(flag, known);
  if (cure.empty()) {
    cure = absl::StrCat("; opcost help ", command.name, " lists the options");
  }
  return UsageError(absl::StrCat("unknown option '", flag, "'", cure));
}

// CLI11 takes "--bits=" for "--bits NEXT", and "--quiet=3" for three flags.
absl::Status CheckAssignments(const std::vector<std::string>& arguments) {
  for (const std::string& argument : arguments) {
    if (argument == "--") break;
    const string_view flag = FlagOf(argument);
    if (flag.size() == argument.size() || !absl::StartsWith(flag, "--")) {
      continue;
    }
    const OptionRow* row = FindOption(flag);
    if (row == nullptr) continue;
    if (row->value.empty()) {
      return UsageError(absl::StrCat(flag, " takes no value"));
    }
    if (flag.size() + 1 == argument.size()) {
      return UsageError(
          absl::StrCat(flag, " needs a value: ", flag, " ", row->value));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckOperands(const CommandRow& command,
                           const std::vector<std::string>& operands) {
  if (operands.size() < command.least_operands) {
    return UsageError(absl::StrCat("an argument is missing; use: opcost ",
                                   command.name, " ", command.operands));
  }
  if (operands.size() <= command.most_operands) return absl::OkStatus();
  const std::string& extra = operands[command.most_operands];
  if (FindCommand(operands[0]) != nullptr && command.bit == kEstimate) {
    return UsageError(absl::StrCat("the command comes first: opcost ",
                                   operands[0], " ", extra, " [options]"));
  }
  return UsageError(absl::StrCat(
      "unexpected argument '", extra, "'; use: opcost ", command.name,
      command.operands.empty() ? "" : " ", command.operands));
}

// What CLI11 found of one option.
struct Given {
  const OptionRow* row = nullptr;
  CLI::Option* option = nullptr;
};

// Lets CLI11 take `arguments` apart. It throws; nothing gets out of here.
absl::Status Split(CLI::App& app, const std::vector<std::string>& arguments,
                   const std::vector<Given>& options) {
  try {
    // It wants them last first.
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
    return absl::OkStatus();
  } catch (const CLI::ArgumentMismatch&) {
    // Of the options that we declare, only one at the end of the line can lack
    // its value.
    const string_view last = arguments.back();
    for (const Given& given : options) {
      for (const string_view flag : absl::StrSplit(given.row->flags, ',')) {
        if (last != flag) continue;
        return UsageError(absl::StrCat(flag, " needs a value: ", flag, " ",
                                       given.row->value));
      }
    }
    return UsageError(absl::StrCat("'", last, "' needs a value"));
  } catch (const std::exception& error) {
    return UsageError(error.what());
  }
}

absl::Status Apply(const Given& given, CommandLine& line) {
  const std::vector<std::string>& values = given.option->results();
  const string_view flag = given.row->long_flag();
  if (given.row->value.empty()) {
    return values.empty() ? absl::OkStatus() : given.row->apply("", line);
  }
  if (values.size() > 1 && !given.row->repeats) {
    return UsageError(absl::StrCat(flag, " is given more than once"));
  }
  for (const std::string& value : values) {
    if (line.command == kSweep && IsSwept(*given.row)) {
      OPCOST_RETURN_IF_ERROR(AddAxis(*given.row, value, line));
      continue;
    }
    if (absl::Status status = given.row->apply(value, line); !status.ok()) {
      return UsageError(absl::StrCat(flag, ": ", status.message()));
    }
    line.given.push_back({given.row, value});
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status UsageError(string_view message) {
  absl::Status status = absl::InvalidArgumentError(message);
  status.SetPayload(kUsagePayload, absl::Cord());
  return status;
}

bool IsUsageError(const absl::Status& status) {
  return status.GetPayload(kUsagePayload).has_value();
}

std::string JoinWithOr(const std::vector<std::string>& words) {
  return Join(words, " or ");
}

absl::StatusOr<CommandLine> ParseCommandLine(
    const std::vector<std::string>& arguments) {
  OPCOST_ASSIGN_OR_RETURN(const CommandName name, FindCommandName(arguments));
  const CommandRow& command = *name.row;
  const std::vector<std::string> rest(
      arguments.begin() + static_cast<std::ptrdiff_t>(name.words),
      arguments.end());
  OPCOST_RETURN_IF_ERROR(CheckAssignments(rest));

  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  const CLI::callback_t accept = [](const CLI::results_t&) { return true; };
  std::vector<Given> options;
  for (const OptionRow& row : OptionRows()) {
    if ((row.commands & command.bit) == 0) continue;
    const std::string flags(row.flags);
    CLI::Option* option = row.value.empty()
                              ? app.add_flag(flags)
                              : app.add_option(flags, accept)->expected(1);
    option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    options.push_back({&row, option});
  }
  // One too many, so that it is us who say so. A single positional of several
  // values would take "[a,b]" for a list of its own.
  std::vector<CLI::Option*> operands;
  for (size_t i = 0; i <= command.most_operands; ++i) {
    operands.push_back(
        app.add_option(absl::StrCat("operand", i), accept)->expected(1));
  }

  OPCOST_RETURN_IF_ERROR(Split(app, rest, options));
  for (const std::string& extra : app.remaining()) {
    if (extra == "--" || !absl::StartsWith(extra, "-")) continue;
    return UnknownOption(extra, command);
  }
  CommandLine line;
  line.command = command.bit;
  for (const CLI::Option* operand : operands) {
    line.operands.insert(line.operands.end(), operand->results().begin(),
                         operand->results().end());
  }
  for (const Given& given : options) {
    OPCOST_RETURN_IF_ERROR(Apply(given, line));
  }
  if (!line.wants_help && !line.wants_version) {
    OPCOST_RETURN_IF_ERROR(CheckOperands(command, line.operands));
  }
  return line;
}

}  // namespace opcost
