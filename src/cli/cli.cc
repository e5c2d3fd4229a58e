// SPDX-License-Identifier: Apache-2.0
#include "opcost/cli/cli.h"

#include <exception>
#include <new>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "opcost/support/near_matches.h"
#include "opcost/support/status_macros.h"
#include "opcost/version.h"
#include "src/cli/command_line.h"
#include "src/cli/commands.h"
#include "src/cli/help.h"
#include "src/cli/output.h"

namespace opcost {
namespace {

constexpr int64_t kRowsOnTerminal = 25;
constexpr int kWidthElsewhere = 100;

absl::StatusOr<ExitStatus> Run(const CommandLine& line,
                               const CliEnvironment& environment) {
  if (line.wants_version) {
    OPCOST_RETURN_IF_ERROR(
        WriteStream(*environment.out, "opcost " OPCOST_VERSION "\n"));
    return kDone;
  }
  if (line.command == kHelp || line.wants_help) {
    return RunHelp(line, environment);
  }
  if (line.command == kCompare) return RunCompare(line, environment);
  if (line.command == kSweep) return RunSweep(line, environment);
  if (line.command == kCarbon) return RunCarbon(line, environment);
  if (line.command == kCollect) return RunCollect(line, environment);
  if (line.command == kCalibrate) return RunCalibrate(line, environment);
  if (line.command == kWeights) return RunWeights(line, environment);
  if (line.command == kMeasure) return RunMeasure(line, environment);
  if ((line.command & kModelReading) != 0) {
    return RunModelCommand(line, environment);
  }
  return RunTablesCommand(line, environment);
}

absl::StatusOr<ExitStatus> ParseAndRun(
    const std::vector<std::string>& arguments,
    const CliEnvironment& environment) {
  if (arguments.empty()) {
    *environment.err << GeneralHelp();
    return UsageError("a model is missing");
  }
  if (arguments[0] == "--help" || arguments[0] == "-h") {
    OPCOST_RETURN_IF_ERROR(WriteStream(*environment.out, GeneralHelp()));
    return kDone;
  }
  OPCOST_ASSIGN_OR_RETURN(const CommandLine line, ParseCommandLine(arguments));
  return Run(line, environment);
}

}  // namespace

absl::StatusOr<ExitStatus> RunHelp(const CommandLine& line,
                                   const CliEnvironment& environment) {
  std::string text = GeneralHelp();
  if (line.command != kHelp) {
    text = HelpOn(RowOf(line.command));
  } else if (!line.operands.empty()) {
    const std::string topic = absl::StrJoin(line.operands, " ");
    const CommandRow* row = FindCommand(topic);
    if (row == nullptr) {
      std::vector<std::string> names;
      for (const CommandRow& known : CommandRows()) {
        names.emplace_back(known.name);
      }
      return UsageError(absl::StrCat("there is no command '", topic, "'",
                                     DidYouMean(topic, names)));
    }
    text = HelpOn(*row);
  }
  OPCOST_RETURN_IF_ERROR(WriteStream(*environment.out, text));
  return kDone;
}

TableLibrary LibraryOf(const CliEnvironment& environment) {
  return TableLibrary(
      absl::StrSplit(environment.table_path, ':', absl::SkipEmpty()));
}

RenderOptions RenderingOf(const CommandLine& line,
                          const CliEnvironment& environment) {
  const bool goes_to_terminal = environment.out_is_terminal &&
                                (line.output.empty() || line.output == "-");
  RenderOptions options = line.render;
  options.width =
      goes_to_terminal ? environment.terminal_width : kWidthElsewhere;
  options.color =
      line.color == When::kAlways ||
      (line.color == When::kAuto && goes_to_terminal && !environment.no_color);
  if (!line.has_top && goes_to_terminal && options.format == Format::kText) {
    options.top = kRowsOnTerminal;
  }
  return options;
}

absl::Status Deliver(const CommandLine& line, const CliEnvironment& environment,
                     absl::string_view text) {
  if (line.output.empty() || line.output == "-") {
    return WriteStream(*environment.out, text);
  }
  return WriteFile(line.output, text);
}

int RunCli(const std::vector<std::string>& arguments,
           const CliEnvironment& environment) {
  std::string message;
  try {
    const absl::StatusOr<ExitStatus> status =
        ParseAndRun(arguments, environment);
    if (status.ok()) return *status;
    *environment.err << "opcost: " << status.status().message() << '\n';
    return IsUsageError(status.status()) ? kBadUsage : kBadInput;
  } catch (const std::bad_alloc&) {
    *environment.err << "opcost: not enough memory for this model\n";
  } catch (const std::exception& error) {
    *environment.err << "opcost: " << error.what() << '\n';
  }
  return kBadInput;
}

}  // namespace opcost
