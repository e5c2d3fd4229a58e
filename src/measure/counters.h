// SPDX-License-Identifier: Apache-2.0
// The counters that OpenCounter chooses from.
#ifndef OPCOST_SRC_MEASURE_COUNTERS_H_
#define OPCOST_SRC_MEASURE_COUNTERS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "opcost/measure/counter.h"
#include "src/measure/system.h"

namespace opcost {

using CounterOr = absl::StatusOr<std::unique_ptr<EnergyCounter>>;

// No package and no GPU draws more: the largest of 2024 are made for 500 W
// (Intel Xeon 6980P, AMD EPYC 9965) and 1,000 W (NVIDIA B200). A difference
// that says more is a fault of the counter.
inline constexpr double kMostDeviceWatts = 2000;
// The same for a whole board (psys) of up to eight sockets.
inline constexpr double kMostPlatformWatts = 10000;
// Counters move in steps of up to 0.1 s: two readings in between may see a
// whole step in no time.
inline constexpr double kSlackSeconds = 1;

// RAPL through the powercap tree at `root`.
CounterOr OpenRapl(const std::string& root, const MeasureSystem& system);

// `watts`, times time: never measured. Errors: INVALID_ARGUMENT unless it is a
// number above 0 and at most 1e6.
CounterOr OpenConstant(absl::string_view watts, const MeasureSystem& system);

// The energy counters of NVIDIA's GPUs since Volta, through the shared library
// `library`. `gpus` lists those to sum by NVML's numbers ("0,2-3"); empty: all.
// Errors: UNAVAILABLE if there is no library, driver or GPU, or none that
// counts; PERMISSION_DENIED; INVALID_ARGUMENT for a number that there isn't.
CounterOr OpenNvml(absl::string_view gpus, const std::string& library,
                   const MeasureSystem& system);

// The log of a meter: `path` holds time and watts in lines, and may grow.
// Errors: UNAVAILABLE if there is no such file; PERMISSION_DENIED; DATA_LOSS
// for a line that isn't what docs/counters.md describes.
CounterOr OpenMeter(const std::string& path, const MeasureSystem& system);

}  // namespace opcost

#endif  // OPCOST_SRC_MEASURE_COUNTERS_H_
