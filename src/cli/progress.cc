// SPDX-License-Identifier: Apache-2.0
#include "src/cli/progress.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace opcost {
namespace {

constexpr int64_t kBarWidth = 24;

std::string LeftText(std::optional<double> seconds_left) {
  if (!seconds_left.has_value()) return "";
  return absl::StrCat("about ", DurationText(*seconds_left), " left");
}

}  // namespace

std::string DurationText(double seconds) {
  constexpr double kMinute = 60;
  constexpr double kHour = 3600;
  if (seconds < 90) return absl::StrFormat("%.0f s", std::max(seconds, 1.0));
  if (seconds < 90 * kMinute)
    return absl::StrFormat("%.0f min", seconds / kMinute);
  return absl::StrFormat("%.1f h", seconds / kHour);
}

std::string ProgressBar(int64_t done, int64_t total,
                        std::optional<double> seconds_left,
                        absl::string_view what, int width) {
  const int64_t filled = total > 0 ? done * kBarWidth / total : kBarWidth;
  std::string bar =
      absl::StrCat("[", std::string(static_cast<size_t>(filled), '#'),
                   std::string(static_cast<size_t>(kBarWidth - filled), '.'),
                   "] ", done, "/", total);
  if (seconds_left.has_value()) {
    absl::StrAppend(&bar, "  ", LeftText(seconds_left));
  }
  absl::StrAppend(&bar, "  ", what);
  const auto room = static_cast<size_t>(std::max(width, 1));
  if (bar.size() > room) bar.resize(room);
  return bar;
}

Progress::Progress(std::ostream* err, int width, int64_t total,
                   std::function<double()> clock)
    : err_(err),
      width_(width),
      total_(total),
      clock_(std::move(clock)),
      start_(clock_()) {}

std::optional<double> Progress::SecondsLeft() const {
  if (own_ == 0) return std::nullopt;
  return (clock_() - start_) / static_cast<double>(own_) *
         static_cast<double>(total_ - done_);
}

void Progress::Clear() {
  if (err_ != nullptr && width_ > 0) *err_ << "\r\x1b[K";
}

void Progress::Begin(absl::string_view what) {
  what_ = std::string(what);
  if (err_ == nullptr || width_ <= 0) return;
  Clear();
  // The last column is left free, lest the terminal wraps.
  *err_ << ProgressBar(done_, total_, SecondsLeft(), what, width_ - 1)
        << std::flush;
}

void Progress::End(absl::string_view result) {
  ++done_;
  ++own_;
  if (err_ == nullptr || width_ > 0) return;
  *err_ << done_ << "/" << total_ << " " << what_ << ": " << result;
  if (done_ < total_) *err_ << "; " << LeftText(SecondsLeft());
  *err_ << std::endl;
}

void Progress::Say(absl::string_view line) {
  if (err_ == nullptr) return;
  Clear();
  *err_ << line << std::endl;
}

void Progress::Finish() {
  Clear();
  if (err_ != nullptr) *err_ << std::flush;
}

}  // namespace opcost
