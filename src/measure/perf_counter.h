// SPDX-License-Identifier: Apache-2.0
// perf's power events: the second way to RAPL's counters.
#ifndef OPCOST_SRC_MEASURE_PERF_COUNTER_H_
#define OPCOST_SRC_MEASURE_PERF_COUNTER_H_

#include <cstdint>
#include <functional>
#include <string>

#include "src/measure/counters.h"
#include "src/measure/system.h"

namespace opcost {

// The kernel's side of perf, which a test replaces.
struct PerfSystem {
  // Opens an event of a type and configuration on one processor, for all
  // processes. A descriptor, or an errno below 0.
  std::function<int(uint32_t type, uint64_t config, int processor)> open;
  // The event's count. 0, or an errno below 0; -ENODATA at the file's end,
  // which is what is read when the processor is gone.
  std::function<int(int descriptor, uint64_t& count)> read;
  std::function<void(int descriptor)> close;
};
PerfSystem RealPerf();

// RAPL through perf's power events (SYSFS/bus/event_source/devices/power): one
// counter per event and per processor of its cpumask, 64 bits wide, so that the
// kernel undoes the wraps. Summed are energy-pkg and energy-ram.
// Errors: UNAVAILABLE without the events; PERMISSION_DENIED with what
// perf_event_paranoid says; DATA_LOSS for files that aren't what the kernel
// writes.
CounterOr OpenPerf(const std::string& sysfs_root, const std::string& proc_root,
                   const MeasureSystem& system, const PerfSystem& perf);

}  // namespace opcost

#endif  // OPCOST_SRC_MEASURE_PERF_COUNTER_H_
