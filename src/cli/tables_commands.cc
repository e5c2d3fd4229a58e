// SPDX-License-Identifier: Apache-2.0
// opcost tables.
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "opcost/support/status_macros.h"
#include "src/cli/commands.h"

namespace opcost {
namespace {

// `check mine` means a file, though a bare word is a name elsewhere.
std::string AsPath(const std::string& file) {
  return file.find('/') == file.npos ? "./" + file : file;
}

absl::StatusOr<std::string> Check(const TableLibrary& library,
                                  const std::string& file) {
  OPCOST_ASSIGN_OR_RETURN(const CostTable table, library.Load(AsPath(file)));
  return absl::StrCat(file, ": table '", table.name(), "' is valid, ",
                      table.Entries().size(), " prices\n");
}

absl::StatusOr<std::string> Copy(const TableLibrary& library,
                                 const CommandLine& line) {
  if (line.from.empty()) {
    return UsageError("--from is missing; use: opcost tables new --from NAME");
  }
  std::error_code ignored;
  if (std::filesystem::is_regular_file(line.output, ignored)) {
    return absl::AlreadyExistsError(absl::StrCat(
        line.output, " exists already; choose another name or delete it"));
  }
  OPCOST_ASSIGN_OR_RETURN(const TableLibrary::Text original,
                          library.LoadText(line.from));
  std::string name = line.new_name;
  if (name.empty() && !line.output.empty() && line.output != "-") {
    name = std::filesystem::path(line.output).stem().string();
  }
  if (name.empty()) {
    return UsageError("--name is missing; it is needed where -o is not given");
  }
  return CopyOfTable(original, name);
}

absl::StatusOr<std::string> Result(const CommandLine& line,
                                   const CliEnvironment& environment) {
  const TableLibrary library = LibraryOf(environment);
  const RenderOptions rendering = RenderingOf(line, environment);
  switch (line.command) {
    case kTablesShow: {
      OPCOST_ASSIGN_OR_RETURN(const CostTable table,
                              library.Load(line.operands[0]));
      return RenderTable(table, rendering);
    }
    case kTablesDiff: {
      OPCOST_ASSIGN_OR_RETURN(const CostTable a,
                              library.Load(line.operands[0]));
      OPCOST_ASSIGN_OR_RETURN(const CostTable b,
                              library.Load(line.operands[1]));
      return RenderTableDiff(a, b, rendering);
    }
    case kTablesCheck:
      return Check(library, line.operands[0]);
    case kTablesNew:
      return Copy(library, line);
    default:
      return RenderTableList(library, rendering);
  }
}

}  // namespace

absl::StatusOr<ExitStatus> RunTablesCommand(const CommandLine& line,
                                            const CliEnvironment& environment) {
  OPCOST_ASSIGN_OR_RETURN(const std::string text, Result(line, environment));
  OPCOST_RETURN_IF_ERROR(Deliver(line, environment, text));
  return kDone;
}

}  // namespace opcost
