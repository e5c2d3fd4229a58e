// SPDX-License-Identifier: Apache-2.0
// RAPL through powercap. A zone counts up to its maximum and begins again at
// zero, so a fall from `previous` to `now` is the energy
//   now + max_energy_range_uj - previous.
// What no wrap explains is a fault, and never a number.
#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "opcost/support/status_macros.h"
#include "src/measure/counters.h"
#include "src/measure/machine_counter.h"
#include "src/measure/powercap_tree.h"

namespace opcost {
namespace {

constexpr double kLeastWindowSeconds = 10;
// Where no zone has a maximum, or only large ones.
constexpr double kMostSecondsBetweenReadings = 60;
constexpr double kMicrojoulesPerJoule = 1e6;

double MostWatts(const PowercapZone& zone) {
  return zone.kind == ZoneKind::kPlatform ? kMostPlatformWatts
                                          : kMostDeviceWatts;
}

// Within this time the zone wraps at most once.
double SecondsToWrap(const PowercapZone& zone) {
  return static_cast<double>(zone.range) / kMicrojoulesPerJoule /
         MostWatts(zone);
}

class RaplCounter : public MachineCounter {
 public:
  RaplCounter(std::vector<PowercapZone> zones, MeasureSystem system)
      : MachineCounter("rapl", kLeastWindowSeconds, kMostSecondsBetweenReadings,
                       std::move(system)),
        zones_(std::move(zones)) {
    for (const PowercapZone& zone : zones_) {
      AddDomain(zone.domain,
                zone.domain.is_summed && zone.kind == ZoneKind::kPackage);
      if (zone.range > 0) {
        // Half, so that a late reading does no harm.
        most_seconds_between_readings_ =
            std::min(most_seconds_between_readings_, SecondsToWrap(zone) / 2);
      }
    }
  }

  absl::StatusOr<CounterReading> Read() override {
    CounterReading reading = Now();
    OPCOST_ASSIGN_OR_RETURN(std::vector<int64_t> raw, ReadZones());
    if (raw_.empty()) {
      microjoules_.assign(zones_.size(), 0);
    } else {
      std::vector<int64_t> sums = microjoules_;
      const double seconds = reading.steady_seconds - steady_seconds_;
      for (size_t i = 0; i < zones_.size(); ++i) {
        OPCOST_ASSIGN_OR_RETURN(const int64_t delta,
                                Delta(zones_[i], raw_[i], raw[i], seconds));
        if (__builtin_add_overflow(sums[i], delta, &sums[i])) {
          return absl::DataLossError(absl::StrCat(
              zones_[i].energy_path(), ": more than 2^63 uJ in one run"));
        }
      }
      microjoules_ = std::move(sums);
    }
    raw_ = std::move(raw);
    steady_seconds_ = reading.steady_seconds;
    reading.microjoules = microjoules_;
    return reading;
  }

 private:
  absl::StatusOr<std::vector<int64_t>> ReadZones() const {
    std::vector<int64_t> raw;
    std::vector<std::string> denied;
    for (const PowercapZone& zone : zones_) {
      const absl::StatusOr<int64_t> value = ReadZone(zone);
      if (absl::IsPermissionDenied(value.status())) {
        denied.push_back(zone.energy_path());
        continue;
      }
      if (!value.ok()) return value.status();
      raw.push_back(*value);
    }
    if (!denied.empty()) {
      return absl::PermissionDeniedError(PowercapPermissionProblem(denied));
    }
    return raw;
  }

  absl::StatusOr<int64_t> ReadZone(const PowercapZone& zone) const {
    const std::string path = zone.energy_path();
    absl::StatusOr<std::string> text = system_.read_file(path);
    if (absl::IsPermissionDenied(text.status())) return text.status();
    if (absl::IsNotFound(text.status())) {
      return absl::DataLossError(
          absl::StrCat(path, ": the file is absent: zone ", zone.domain.name,
                       " has vanished, or never counted"));
    }
    if (!text.ok()) {
      return absl::DataLossError(
          absl::StrCat(path, ": can't be read: ", text.status().message()));
    }
    if (text->empty()) {
      return absl::DataLossError(absl::StrCat(path, ": the file is empty"));
    }
    if (!absl::EndsWith(*text, "\n")) {
      return absl::DataLossError(
          absl::StrCat(path, ": the file is cut short: '", Printable(*text),
                       "' has no line end, which the kernel always writes"));
    }
    text->pop_back();
    const absl::StatusOr<int64_t> value = ParseCount(*text);
    if (!value.ok()) {
      return absl::DataLossError(
          absl::StrCat(path, ": ", value.status().message()));
    }
    return *value;
  }

  static absl::StatusOr<int64_t> Delta(const PowercapZone& zone,
                                       int64_t previous, int64_t now,
                                       double seconds) {
    const std::string path = zone.energy_path();
    if (zone.range > 0 && seconds > SecondsToWrap(zone)) {
      return absl::DataLossError(absl::StrFormat(
          "%s: two readings are %.1f s apart, in which the counter may have "
          "wrapped more than once: at %.0f W it wraps every %.1f s",
          path, seconds, MostWatts(zone), SecondsToWrap(zone)));
    }
    int64_t delta = now - previous;
    if (now < previous) {
      if (zone.range == 0) {
        return absl::DataLossError(
            absl::StrCat(path, ": fell from ", previous, " to ", now,
                         " uJ, and ", zone.range_path(),
                         " is missing or zero: the wrap can't be undone"));
      }
      if (previous > zone.range) {
        return absl::DataLossError(absl::StrCat(
            path, ": fell from ", previous, " to ", now,
            " uJ, but stood above its maximum of ", zone.range, " uJ"));
      }
      delta = now + (zone.range - previous);
    }
    const double joules = static_cast<double>(delta) / kMicrojoulesPerJoule;
    if (joules > MostWatts(zone) * (seconds + kSlackSeconds)) {
      return absl::DataLossError(absl::StrFormat(
          "%s: %s from %d to %d uJ within %.3f s: that would be %.0f J, more "
          "than %.0f W can take: the counter was reset",
          path, now < previous ? "fell" : "rose", previous, now, seconds,
          joules, MostWatts(zone)));
    }
    return delta;
  }

  std::vector<PowercapZone> zones_;
  std::vector<int64_t> raw_;          // of the last reading; empty: none yet
  std::vector<int64_t> microjoules_;  // since the first reading
  double steady_seconds_ = 0;
};

}  // namespace

CounterOr OpenRapl(const std::string& root, const MeasureSystem& system) {
  OPCOST_ASSIGN_OR_RETURN(std::vector<PowercapZone> zones,
                          FindPowercapZones(root, system));
  // Whether it can be read at all is known now, and not after a warm-up.
  RaplCounter probe(zones, system);
  OPCOST_RETURN_IF_ERROR(probe.Read().status());
  return std::make_unique<RaplCounter>(std::move(zones), system);
}

}  // namespace opcost
