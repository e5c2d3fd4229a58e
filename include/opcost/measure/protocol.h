// SPDX-License-Identifier: Apache-2.0
// How a run is measured: warm-up, idle, windows, trials, intervals.
#ifndef OPCOST_MEASURE_PROTOCOL_H_
#define OPCOST_MEASURE_PROTOCOL_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "opcost/measure/counter.h"
#include "opcost/measure/measurement.h"

namespace opcost {

// Something that can be run many times.
class Workload {
 public:
  virtual ~Workload() = default;
  // Starts `runs` inferences one after another.
  virtual absl::Status Begin(int64_t runs) = 0;
  // Waits for their end, at most `seconds`; false: they still run.
  virtual absl::StatusOr<bool> Wait(double seconds) = 0;
  // What they took by the workload's own clock.
  virtual double seconds() const = 0;
  // Processor time that the workload has used since it began to exist; below
  // 0: not known.
  virtual double processor_seconds() const { return -1; }
};

struct ProtocolOptions {
  // Of one trial; 0: the counter's least, 0.5 if it has none.
  double window_seconds = 0;
  double idle_seconds = -1;  // before and after; below 0: as long as a window
  double warm_seconds = 1;   // the least of running before anything counts
  int least_trials = 10;     // at least 2
  int most_trials = 30;
  double precision = 0.02;  // half-width that is good enough, over the mean
};

// What of the machine the protocol needs, so that tests can do without one.
struct ProtocolHost {
  std::function<void(double seconds)> sleep;  // null: the process's
  // Processor time that all processes of the machine have used, in seconds, and
  // this process; nullopt: not known. Null: never known.
  std::function<std::optional<double>()> busy_seconds;
  std::function<double()> own_seconds;
};

// Runs `workload` until it is warm, then in windows with idling before and
// after, reading `counter` often enough that no wrap is lost, until the mean
// net energy of an inference is known to `precision` or `most_trials` have run.
// Then `is_stable` is false; Stability() has the error.
//
// The energy of a counter that doesn't measure is its watts times the
// workload's own seconds; idling isn't looked at then.
//
// Sets all that doesn't come of the runner's description or the machine.
// Errors: those of workload and counter; INVALID_ARGUMENT for options that make
// no sense.
absl::StatusOr<Measurement> MeasureWorkload(Workload& workload,
                                            EnergyCounter& counter,
                                            const ProtocolOptions& options,
                                            const ProtocolHost& host = {});

// ABORTED with what was seen, and what helps, if the measurement isn't stable.
absl::Status Stability(const Measurement& measurement,
                       const ProtocolOptions& options);

// The two-sided 95 % quantile of Student's t with `degrees` >= 1 of freedom:
// 12.706 for 1, 2.262 for 9, 1.960 in the limit. From a table to 30; above, the
// expansion of Abramowitz and Stegun 26.7.5, good to 1e-6 there.
double StudentQuantile95(int64_t degrees);

// Mean and half of Student's 95 % interval; half-width 0 below two samples.
Interval MeanOf(absl::Span<const double> samples);
// Standard deviation of the samples (over n - 1); 0 below two.
double DeviationOf(absl::Span<const double> samples);

// Energy of a memory of `bytes` over `seconds`, in joules, as CodeCarbon models
// it: 3 W for each 8 GB (3 / 8 W per 1e9 bytes; its documentation,
// "Methodology", RAM). A model, not a measurement.
double ModelledMemoryJoules(double bytes, double seconds);

}  // namespace opcost

#endif  // OPCOST_MEASURE_PROTOCOL_H_
