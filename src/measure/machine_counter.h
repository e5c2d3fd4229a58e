// SPDX-License-Identifier: Apache-2.0
// What every counter of a machine has: domains, clocks, and how long it needs.
#ifndef OPCOST_SRC_MEASURE_MACHINE_COUNTER_H_
#define OPCOST_SRC_MEASURE_MACHINE_COUNTER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "opcost/measure/counter.h"
#include "src/measure/system.h"

namespace opcost {

class MachineCounter : public EnergyCounter {
 public:
  absl::string_view name() const override { return name_; }
  const std::vector<EnergyDomain>& domains() const override { return domains_; }
  double least_window_seconds() const override { return least_window_seconds_; }
  double most_seconds_between_readings() const override {
    return most_seconds_between_readings_;
  }

  // The difference of what the readings hold. Errors: INVALID_ARGUMENT if they
  // aren't two readings of this counter in order; DATA_LOSS for a domain that
  // must move and took nothing for five seconds.
  absl::StatusOr<std::vector<int64_t>> MicrojoulesBetween(
      const CounterReading& begin, const CounterReading& end) override;

 protected:
  // `name` is a literal.
  MachineCounter(absl::string_view name, double least_window_seconds,
                 double most_seconds_between_readings, MeasureSystem system)
      : system_(std::move(system)),
        most_seconds_between_readings_(most_seconds_between_readings),
        name_(name),
        least_window_seconds_(least_window_seconds) {}

  // `must_move`: it can't stand still on a machine that runs.
  void AddDomain(EnergyDomain domain, bool must_move) {
    domains_.push_back(std::move(domain));
    must_move_.push_back(must_move);
  }

  // The clocks as they stand, without energies.
  CounterReading Now() const {
    CounterReading reading;
    reading.wall_seconds = system_.wall_seconds();
    reading.steady_seconds = system_.steady_seconds();
    return reading;
  }

  // Where a domain is read, in messages.
  virtual std::string SourceOf(size_t domain) const {
    return domains_[domain].source;
  }

  // `reading` with `microjoules` since the first one, of domains that never
  // wrap. Errors: DATA_LOSS for one that fell since the reading before, or rose
  // by more than its `most_watts` explain.
  absl::StatusOr<CounterReading> Accept(CounterReading reading,
                                        std::vector<int64_t> microjoules,
                                        const std::vector<double>& most_watts);

  MeasureSystem system_;
  std::vector<EnergyDomain> domains_;
  double most_seconds_between_readings_;

 private:
  absl::string_view name_;
  double least_window_seconds_;
  std::vector<bool> must_move_;            // by domain
  std::vector<int64_t> last_microjoules_;  // as accepted; empty: none yet
  double last_seconds_ = 0;
};

}  // namespace opcost

#endif  // OPCOST_SRC_MEASURE_MACHINE_COUNTER_H_
