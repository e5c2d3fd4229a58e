// SPDX-License-Identifier: Apache-2.0
#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "src/measure/counters.h"

namespace opcost {

absl::Status CheckRise(absl::string_view source, int64_t previous, int64_t now,
                       double seconds, double most_watts) {
  const double joules =
      (static_cast<double>(now) - static_cast<double>(previous)) / 1e6;
  if (now < previous) {
    return absl::DataLossError(absl::StrFormat(
        "%s: fell from %d to %d uJ since the first reading, and it can't wrap: "
        "the counter was reset",
        std::string(source), previous, now));
  }
  if (joules > most_watts * (seconds + kSlackSeconds)) {
    return absl::DataLossError(absl::StrFormat(
        "%s: rose from %d to %d uJ within %.3f s: that would be %.0f J, more "
        "than %.0f W can take: the counter was reset",
        std::string(source), previous, now, seconds, joules, most_watts));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<int64_t>> DifferenceOf(
    const CounterReading& begin, const CounterReading& end,
    const std::vector<EnergyDomain>& domains,
    const std::vector<bool>& must_move) {
  const double seconds = end.steady_seconds - begin.steady_seconds;
  if (begin.microjoules.size() != domains.size() ||
      end.microjoules.size() != domains.size() || seconds < 0) {
    return absl::InvalidArgumentError(
        "energy is taken between two readings of one counter, in order");
  }
  std::vector<int64_t> microjoules;
  for (size_t i = 0; i < domains.size(); ++i) {
    microjoules.push_back(end.microjoules[i] - begin.microjoules[i]);
    if (must_move[i] && microjoules[i] == 0 && seconds >= kStillSeconds) {
      return absl::DataLossError(absl::StrFormat(
          "%s: %s has taken no energy in %.1f s: the counter stands still, as "
          "it does where a hypervisor only pretends to have one",
          domains[i].source, domains[i].name, seconds));
    }
  }
  return microjoules;
}

}  // namespace opcost
