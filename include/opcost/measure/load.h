// SPDX-License-Identifier: Apache-2.0
// Who uses the processors: what /proc counts, so that a run can say that it
// wasn't alone.
#ifndef OPCOST_MEASURE_LOAD_H_
#define OPCOST_MEASURE_LOAD_H_

#include <cstdint>
#include <optional>
#include <string>

namespace opcost {

// Processor time that the whole machine has used since it started, in seconds,
// over all processors: user, nice, system, irq, softirq and steal (time that a
// hypervisor gave to others) of /proc/stat's first line. Idle and iowait aren't
// use, and a guest's time lies in user's and nice's (proc(5)). It counts in
// steps of a hundredth of a second. nullopt if it can't be read.
std::optional<double> BusySeconds(const std::string& proc_root = "/proc");

// The same for one process with all its threads and its children that it has
// waited for: utime, stime, cutime and cstime of /proc/PID/stat.
std::optional<double> ProcessSeconds(int64_t pid,
                                     const std::string& proc_root = "/proc");

}  // namespace opcost

#endif  // OPCOST_MEASURE_LOAD_H_
