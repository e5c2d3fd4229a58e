// SPDX-License-Identifier: Apache-2.0
// Stretches of time over which a counter is read.
#ifndef OPCOST_SRC_MEASURE_WINDOW_H_
#define OPCOST_SRC_MEASURE_WINDOW_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "opcost/measure/counter.h"

namespace opcost {

// What a counter said at the beginning, in between, and at the end.
struct Window {
  std::vector<CounterReading> readings;  // at least two

  double seconds() const {
    return readings.back().steady_seconds - readings.front().steady_seconds;
  }
};

// What a window took.
struct WindowEnergy {
  std::vector<int64_t> microjoules;  // by domain
  int64_t summed_microjoules = 0;    // of the summed domains
  // By sample, then domain: watts between two readings.
  std::vector<std::vector<double>> watts;
};

// The longest time between two readings of `counter`: often enough for its
// wraps, and for the samples of a second that people know.
double SampleSeconds(const EnergyCounter& counter);

// A window from now on until `wait`, which waits at most the seconds that it is
// given, says that it is over.
absl::StatusOr<Window> WatchUntil(
    EnergyCounter& counter,
    const std::function<absl::StatusOr<bool>(double seconds)>& wait,
    const std::function<absl::Status()>& begin);

// Asks `counter` what a window took.
absl::StatusOr<WindowEnergy> EnergyOf(EnergyCounter& counter,
                                      const Window& window);

// Sleeps of the process.
void SleepFor(double seconds);

// `a` + `b`, or the largest number if that is beyond it.
int64_t SaturatingSum(int64_t a, int64_t b);

}  // namespace opcost

#endif  // OPCOST_SRC_MEASURE_WINDOW_H_
