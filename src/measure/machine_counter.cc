// SPDX-License-Identifier: Apache-2.0
#include "src/measure/machine_counter.h"

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "opcost/support/status_macros.h"
#include "src/measure/counters.h"

namespace opcost {
namespace {

// A package or a GPU that takes nothing for so long isn't counted.
constexpr double kStillSeconds = 5;

absl::Status CheckRise(absl::string_view source, int64_t previous, int64_t now,
                       double seconds, double most_watts) {
  if (now < previous) {
    return absl::DataLossError(absl::StrFormat(
        "%s: fell from %d to %d uJ since the first reading, and it can't wrap: "
        "the counter was reset",
        source, previous, now));
  }
  const double joules =
      (static_cast<double>(now) - static_cast<double>(previous)) / 1e6;
  if (joules > most_watts * (seconds + kSlackSeconds)) {
    return absl::DataLossError(absl::StrFormat(
        "%s: rose from %d to %d uJ within %.3f s: that would be %.0f J, more "
        "than %.0f W can take: the counter was reset",
        source, previous, now, seconds, joules, most_watts));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<CounterReading> MachineCounter::Accept(
    CounterReading reading, std::vector<int64_t> microjoules,
    const std::vector<double>& most_watts) {
  last_microjoules_.resize(microjoules.size(), 0);
  const double seconds = reading.steady_seconds - last_seconds_;
  for (size_t i = 0; i < microjoules.size(); ++i) {
    OPCOST_RETURN_IF_ERROR(CheckRise(SourceOf(i), last_microjoules_[i],
                                     microjoules[i], seconds, most_watts[i]));
  }
  last_microjoules_ = microjoules;
  last_seconds_ = reading.steady_seconds;
  reading.microjoules = std::move(microjoules);
  return reading;
}

absl::StatusOr<std::vector<int64_t>> MachineCounter::MicrojoulesBetween(
    const CounterReading& begin, const CounterReading& end) {
  const double seconds = end.steady_seconds - begin.steady_seconds;
  if (begin.microjoules.size() != domains_.size() ||
      end.microjoules.size() != domains_.size() || seconds < 0) {
    return absl::InvalidArgumentError(
        "energy is taken between two readings of one counter, in order");
  }
  std::vector<int64_t> microjoules;
  for (size_t i = 0; i < domains_.size(); ++i) {
    microjoules.push_back(end.microjoules[i] - begin.microjoules[i]);
    if (must_move_[i] && microjoules[i] == 0 && seconds >= kStillSeconds) {
      return absl::DataLossError(absl::StrFormat(
          "%s: %s has taken no energy in %.1f s: the counter stands still, as "
          "it does where a hypervisor only pretends to have one",
          domains_[i].source, domains_[i].name, seconds));
    }
  }
  return microjoules;
}

}  // namespace opcost
