// SPDX-License-Identifier: Apache-2.0
// An external meter: its log is read after what it measured.
#include <cmath>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "opcost/support/status_macros.h"
#include "src/measure/counters.h"
#include "src/measure/machine_counter.h"
#include "src/measure/meter_log.h"

namespace opcost {
namespace {

constexpr double kLeastWindowSeconds = 10;
constexpr double kMostSecondsBetweenReadings = 86400;
// For so long after its end a run waits for the meter's line.
constexpr double kMostLagSeconds = 10;
constexpr double kPollSeconds = 0.2;
// The two clocks differ by more only if somebody set one of them.
constexpr double kMostClockStepSeconds = 1;

class MeterCounter : public MachineCounter {
 public:
  MeterCounter(MeterLog log, const std::string& path, MeasureSystem system)
      : MachineCounter("meter", kLeastWindowSeconds,
                       kMostSecondsBetweenReadings, std::move(system)),
        log_(std::move(log)) {
    EnergyDomain domain;
    domain.name = "meter";
    domain.source = path;
    AddDomain(std::move(domain), /*must_move=*/false);
  }

  absl::StatusOr<CounterReading> Read() override { return Now(); }

  absl::StatusOr<std::vector<int64_t>> MicrojoulesBetween(
      const CounterReading& begin, const CounterReading& end) override {
    const double seconds = end.wall_seconds - begin.wall_seconds;
    const double steady = end.steady_seconds - begin.steady_seconds;
    if (std::fabs(seconds - steady) > kMostClockStepSeconds) {
      return absl::DataLossError(absl::StrFormat(
          "the clock was set during the run: by it %.3f s passed, in truth "
          "%.3f s, so a meter's time stamps can't be followed",
          seconds, steady));
    }
    if (steady < 0 || seconds < 0) {
      return absl::InvalidArgumentError(
          "energy is taken between two readings of one counter, in order");
    }
    const int64_t from = std::llround(begin.wall_seconds * 1e9);
    const int64_t to = std::llround(end.wall_seconds * 1e9);
    OPCOST_RETURN_IF_ERROR(log_.Refresh());
    while ((log_.points().empty() || log_.points().back().nanoseconds < to) &&
           system_.wall_seconds() < end.wall_seconds + kMostLagSeconds) {
      system_.sleep(kPollSeconds);
      OPCOST_RETURN_IF_ERROR(log_.Refresh());
    }
    OPCOST_ASSIGN_OR_RETURN(const int64_t microjoules,
                            log_.Microjoules(from, to));
    return std::vector<int64_t>{microjoules};
  }

 private:
  MeterLog log_;
};

}  // namespace

CounterOr OpenMeter(const std::string& path, const MeasureSystem& system) {
  MeterLog log(path);
  OPCOST_RETURN_IF_ERROR(log.Refresh());
  return std::make_unique<MeterCounter>(std::move(log), path, system);
}

}  // namespace opcost
