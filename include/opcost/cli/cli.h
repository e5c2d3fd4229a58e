// SPDX-License-Identifier: Apache-2.0
// The command line, with its streams and its environment handed in.
#ifndef OPCOST_CLI_CLI_H_
#define OPCOST_CLI_CLI_H_

#include <istream>
#include <ostream>
#include <string>
#include <vector>

namespace opcost {

// What a process has around it.
struct CliEnvironment {
  std::istream* in = nullptr;
  std::ostream* out = nullptr;
  std::ostream* err = nullptr;
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  int terminal_width = 100;  // columns
  std::string table_path;    // $OPCOST_TABLE_PATH: folders, ':' between
  bool no_color = false;     // $NO_COLOR is set
  std::string runner_path;   // $OPCOST_RUNNERS: folders, ':' between
  std::string python;        // $OPCOST_PYTHON: an interpreter
};

// What this process has. Also has a closed pipe reported as an error of
// writing, where it would end the process (SIGPIPE).
CliEnvironment ProcessEnvironment();

// Exit statuses, a promise to scripts.
enum ExitStatus : int {
  kDone = 0,
  kBadInput = 1,
  kBadUsage = 2,
  kLimitExceeded = 3,  // --max-energy and the like
  kNotMeasured = 4,    // a measured run was asked for and can't be had
  kIncomplete = 5,
};

// Runs `opcost` with `arguments` (without the program's name) and returns its
// exit status. Results go to `out`, everything else to `err`; nothing goes to
// `out` if the status is kBadInput or kBadUsage.
int RunCli(const std::vector<std::string>& arguments,
           const CliEnvironment& environment);

}  // namespace opcost

#endif  // OPCOST_CLI_CLI_H_
