// SPDX-License-Identifier: Apache-2.0
// What each command does, from its command line to its exit status.
#ifndef OPCOST_SRC_CLI_COMMANDS_H_
#define OPCOST_SRC_CLI_COMMANDS_H_

#include "absl/status/statusor.h"
#include "opcost/cli/cli.h"
#include "src/cli/command_line.h"

namespace opcost {

// Runs the command. Errors end the program: usage errors with kBadUsage, all
// others with kBadInput.
absl::StatusOr<ExitStatus> RunModelCommand(const CommandLine& line,
                                           const CliEnvironment& environment);
absl::StatusOr<ExitStatus> RunCompare(const CommandLine& line,
                                      const CliEnvironment& environment);
absl::StatusOr<ExitStatus> RunSweep(const CommandLine& line,
                                    const CliEnvironment& environment);
absl::StatusOr<ExitStatus> RunWeights(const CommandLine& line,
                                      const CliEnvironment& environment);
absl::StatusOr<ExitStatus> RunMeasure(const CommandLine& line,
                                      const CliEnvironment& environment);
absl::StatusOr<ExitStatus> RunCalibrate(const CommandLine& line,
                                        const CliEnvironment& environment);
absl::StatusOr<ExitStatus> RunTablesCommand(const CommandLine& line,
                                            const CliEnvironment& environment);
absl::StatusOr<ExitStatus> RunCollect(const CommandLine& line,
                                      const CliEnvironment& environment);
absl::StatusOr<ExitStatus> RunCarbon(const CommandLine& line,
                                     const CliEnvironment& environment);
absl::StatusOr<ExitStatus> RunHelp(const CommandLine& line,
                                   const CliEnvironment& environment);

// The tables that `environment` knows.
TableLibrary LibraryOf(const CliEnvironment& environment);
// How to render for where the result goes.
RenderOptions RenderingOf(const CommandLine& line,
                          const CliEnvironment& environment);
// Hands the result to its file or to standard output.
absl::Status Deliver(const CommandLine& line, const CliEnvironment& environment,
                     absl::string_view text);

}  // namespace opcost

#endif  // OPCOST_SRC_CLI_COMMANDS_H_
