// SPDX-License-Identifier: Apache-2.0
#include "src/measure/window.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <limits>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "opcost/support/status_macros.h"

namespace opcost {
namespace {

constexpr double kMostSampleSeconds = 1;

}  // namespace

void SleepFor(double seconds) {
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
}

int64_t SaturatingSum(int64_t a, int64_t b) {
  int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum)
             ? std::numeric_limits<int64_t>::max()
             : sum;
}

double SampleSeconds(const EnergyCounter& counter) {
  return std::clamp(counter.most_seconds_between_readings() / 2, 0.001,
                    kMostSampleSeconds);
}

absl::StatusOr<Window> WatchUntil(
    EnergyCounter& counter,
    const std::function<absl::StatusOr<bool>(double seconds)>& wait,
    const std::function<absl::Status()>& begin) {
  const double sample = SampleSeconds(counter);
  Window window;
  OPCOST_ASSIGN_OR_RETURN(CounterReading reading, counter.Read());
  window.readings.push_back(std::move(reading));
  OPCOST_RETURN_IF_ERROR(begin());
  bool is_over = false;
  while (!is_over) {
    OPCOST_ASSIGN_OR_RETURN(is_over, wait(sample));
    OPCOST_ASSIGN_OR_RETURN(reading, counter.Read());
    // A last piece that is short would say more of the counter's steps than of
    // the machine: it belongs to the one before it.
    std::vector<CounterReading>& all = window.readings;
    const bool is_short =
        is_over && all.size() > 1 &&
        reading.steady_seconds - all.back().steady_seconds < sample / 2;
    if (is_short) all.pop_back();
    all.push_back(std::move(reading));
  }
  return window;
}

absl::StatusOr<WindowEnergy> EnergyOf(EnergyCounter& counter,
                                      const Window& window) {
  const std::vector<CounterReading>& readings = window.readings;
  const std::vector<EnergyDomain>& domains = counter.domains();
  WindowEnergy energy;
  // The whole goes first: a meter waits for its file to have it.
  OPCOST_ASSIGN_OR_RETURN(
      energy.microjoules,
      counter.MicrojoulesBetween(readings.front(), readings.back()));
  if (energy.microjoules.size() != domains.size()) {
    return absl::DataLossError("the counter has lost a domain");
  }
  for (size_t d = 0; d < domains.size(); ++d) {
    if (!domains[d].is_summed) continue;
    energy.summed_microjoules =
        SaturatingSum(energy.summed_microjoules, energy.microjoules[d]);
  }
  for (size_t i = 1; i < readings.size(); ++i) {
    const double seconds =
        readings[i].steady_seconds - readings[i - 1].steady_seconds;
    if (seconds <= 0) continue;
    OPCOST_ASSIGN_OR_RETURN(
        const std::vector<int64_t> part,
        counter.MicrojoulesBetween(readings[i - 1], readings[i]));
    std::vector<double> watts;
    watts.reserve(part.size());
    for (const int64_t microjoules : part) {
      watts.push_back(static_cast<double>(microjoules) / 1e6 / seconds);
    }
    watts.resize(domains.size());
    energy.watts.push_back(std::move(watts));
  }
  return energy;
}

}  // namespace opcost
