// SPDX-License-Identifier: Apache-2.0
// A process that opcost starts, feeds lines, reads lines from, and ends.
#ifndef OPCOST_SRC_MEASURE_CHILD_PROCESS_H_
#define OPCOST_SRC_MEASURE_CHILD_PROCESS_H_

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace opcost {

struct ChildOptions {
  std::vector<std::string> command;  // the first is looked for in $PATH
  std::vector<int> cpus;             // processors that it may use; empty: all
  // Pipes on its standard input, output and error. Otherwise it has no input,
  // and its output and error go to our standard error.
  bool has_pipes = true;
};

// Lines longer than this are an error, not a wait for their end.
inline constexpr size_t kMostLineBytes = size_t{1} << 20;

class ChildProcess {
 public:
  // In a process group of its own. Errors: FAILED_PRECONDITION with the
  // system's reason.
  static absl::StatusOr<std::unique_ptr<ChildProcess>> Start(
      const ChildOptions& options);
  // Kills the whole group, and waits for the process's end.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // Writes `line` and a line feed. Errors: FAILED_PRECONDITION if that takes
  // longer than `seconds`, or nobody reads.
  absl::Status WriteLine(absl::string_view line, double seconds);
  // The next line without its end; nullopt if there is none within `seconds`.
  // Errors: FAILED_PRECONDITION for the output's end, or a line that is too
  // long.
  absl::StatusOr<std::optional<std::string>> ReadLine(double seconds);
  // Waits at most `seconds` for the process's end; true: it has ended, and
  // exit_status() is known.
  bool WaitForEnd(double seconds);
  // As a shell has it: 128 and the signal for one that a signal ended.
  int exit_status() const { return exit_status_; }
  bool has_ended() const { return has_ended_; }
  // Closes its input, which asks it to end.
  void CloseInput();

  // Processor time of the process and of what it has waited for, in seconds;
  // below 0: not known.
  double ProcessorSeconds() const;
  // The last lines of its standard error, joined with " | "; empty: none.
  std::string LastErrors();

 private:
  ChildProcess() = default;
  // Takes what has come on either pipe; waits at most `milliseconds`.
  void Drain(int milliseconds);
  void Take(int& descriptor, std::string& buffer);
  void NoteEnd();
  void AwaitEnd(double seconds) const;

  pid_t pid_ = -1;
  int input_ = -1, output_ = -1, error_ = -1;
  std::string lines_, errors_;
  bool has_ended_ = false;
  int exit_status_ = 0;
};

// From now on a signal that ends this process (interrupt, termination, hangup)
// first ends the groups of all children.
void EndChildrenOnSignals();

}  // namespace opcost

#endif  // OPCOST_SRC_MEASURE_CHILD_PROCESS_H_
