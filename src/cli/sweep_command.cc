// SPDX-License-Identifier: Apache-2.0
// opcost sweep.
#include <algorithm>
#include <chrono>
#include <ostream>
#include <string>

#include "absl/strings/str_cat.h"
#include "opcost/report/sweep.h"
#include "opcost/support/status_macros.h"
#include "src/cli/commands.h"
#include "src/cli/limits.h"
#include "src/cli/pipeline.h"
#include "src/cli/sweep.h"

namespace opcost {
namespace {

using Clock = std::chrono::steady_clock;

// A line on a terminal that says how far things are; none in the first half
// second. Gone when it is destroyed.
class ProgressBar {
 public:
  ProgressBar(std::ostream& err, bool is_shown)
      : err_(err), is_shown_(is_shown) {}
  ~ProgressBar() {
    if (is_drawn_) err_ << "\r\x1b[K" << std::flush;
  }

  void Show(int64_t done, int64_t all) {
    constexpr auto kPatience = std::chrono::milliseconds(500);
    constexpr auto kPause = std::chrono::milliseconds(100);
    const Clock::time_point now = Clock::now();
    if (!is_shown_ || now - start_ < kPatience || now - drawn_ < kPause) return;
    drawn_ = now;
    is_drawn_ = true;
    constexpr int64_t kWidth = 30;
    const auto filled = static_cast<size_t>(
        all > 0 ? std::min(kWidth, kWidth * done / all) : 0);
    std::string bar(filled, '#');
    bar.resize(kWidth, '.');
    err_ << "\r[" << bar << "] " << done << " of " << all << " combinations"
         << std::flush;
  }

 private:
  std::ostream& err_;
  bool is_shown_;
  bool is_drawn_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point drawn_;
};

}  // namespace

absl::StatusOr<ExitStatus> RunSweep(const CommandLine& line,
                                    const CliEnvironment& environment) {
  std::ostream& err = *environment.err;
  OPCOST_ASSIGN_OR_RETURN(
      const OpenModel open,
      OpenModelAt(line.operands[0], StorageOfAny(line), environment));
  absl::StatusOr<SweepResult> result = [&] {
    ProgressBar bar(err,
                    environment.err_is_terminal && line.render.verbosity >= 0);
    return RunCombinations(
        line, *open.model, *open.payloads, environment, /*threads=*/0,
        [&bar](int64_t done, int64_t all) { bar.Show(done, all); });
  }();
  OPCOST_RETURN_IF_ERROR(result.status());
  const std::string text =
      RenderSweep(result->sweep, RenderingOf(line, environment));
  OPCOST_RETURN_IF_ERROR(Deliver(line, environment, text));
  PrintDiagnostics(result->diagnostics, line.render.verbosity, err);
  err << result->unknown_layers;
  const bool is_complete =
      std::all_of(result->sweep.rows.begin(), result->sweep.rows.end(),
                  [](const SweepRow& row) {
                    return row.totals.status == TotalStatus::kExact ||
                           row.totals.status == TotalStatus::kUpperBound;
                  });
  return AllowUnknown(line, is_complete ? kDone : kIncomplete);
}

}  // namespace opcost
