// SPDX-License-Identifier: Apache-2.0
// How far a long command is: a bar on a terminal, else a line for each step.
#ifndef OPCOST_SRC_CLI_PROGRESS_H_
#define OPCOST_SRC_CLI_PROGRESS_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <ostream>
#include <string>

#include "absl/strings/string_view.h"

namespace opcost {

// "45 s", "12 min", "3.5 h".
std::string DurationText(double seconds);

// "[######......]  12/24  about 3 min left  Conv x=1x3x8x8" in at most `width`
// columns.
std::string ProgressBar(int64_t done, int64_t total,
                        std::optional<double> seconds_left,
                        absl::string_view what, int width);

class Progress {
 public:
  // Says nothing if `err` is null. `width` is the terminal's; 0: it is none.
  // `clock` tells seconds.
  Progress(std::ostream* err, int width, int64_t total,
           std::function<double()> clock);

  // Steps that were done before: they say nothing of the time left.
  void Skip(int64_t steps) { done_ += steps; }
  // A step begins.
  void Begin(absl::string_view what);
  // It is done, with this result.
  void End(absl::string_view result);
  // A line of its own, whatever the bar shows.
  void Say(absl::string_view line);
  // Clears the bar.
  void Finish();

 private:
  std::optional<double> SecondsLeft() const;
  void Clear();

  std::ostream* err_;
  int width_;
  int64_t total_;
  int64_t done_ = 0;
  int64_t own_ = 0;  // of `done_`, in this run
  std::function<double()> clock_;
  double start_;
  std::string what_;
};

}  // namespace opcost

#endif  // OPCOST_SRC_CLI_PROGRESS_H_
