// SPDX-License-Identifier: Apache-2.0
// What every counter of a machine has: domains, clocks, and how long it needs.
#ifndef OPCOST_SRC_MEASURE_MACHINE_COUNTER_H_
#define OPCOST_SRC_MEASURE_MACHINE_COUNTER_H_

#include <utility>
#include <vector>

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

 protected:
  // `name` is a literal.
  MachineCounter(absl::string_view name, double least_window_seconds,
                 double most_seconds_between_readings, MeasureSystem system)
      : system_(std::move(system)),
        most_seconds_between_readings_(most_seconds_between_readings),
        name_(name),
        least_window_seconds_(least_window_seconds) {}

  // The clocks as they stand, without energies.
  CounterReading Now() const {
    CounterReading reading;
    reading.wall_seconds = system_.wall_seconds();
    reading.steady_seconds = system_.steady_seconds();
    return reading;
  }

  MeasureSystem system_;
  std::vector<EnergyDomain> domains_;
  double most_seconds_between_readings_;

 private:
  absl::string_view name_;
  double least_window_seconds_;
};

}  // namespace opcost

#endif  // OPCOST_SRC_MEASURE_MACHINE_COUNTER_H_
