// SPDX-License-Identifier: Apache-2.0
// Watts that the user gave, times time: what a published power or a meter's
// mean amounts to. It is labelled, never chosen by itself, and never called
// measured.
#include <cmath>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "src/measure/counters.h"
#include "src/measure/machine_counter.h"

namespace opcost {
namespace {

constexpr double kMostWatts = 1e6;

class ConstantCounter : public MachineCounter {
 public:
  ConstantCounter(double watts, MeasureSystem system)
      : MachineCounter("constant", /*least_window_seconds=*/0,
                       /*most_seconds_between_readings=*/86400,
                       std::move(system)),
        watts_(watts) {
    EnergyDomain domain;
    domain.name = absl::StrCat("constant ", watts, " W");
    domain.source = "given, not measured";
    AddDomain(std::move(domain), /*must_move=*/false);
  }

  bool is_measured() const override { return false; }
  double constant_watts() const override { return watts_; }

  absl::StatusOr<CounterReading> Read() override {
    CounterReading reading = Now();
    if (!has_begun_) begin_seconds_ = reading.steady_seconds;
    has_begun_ = true;
    reading.microjoules = {Microjoules(reading.steady_seconds)};
    return reading;
  }

 private:
  int64_t Microjoules(double steady_seconds) const {
    return std::llround(watts_ * (steady_seconds - begin_seconds_) * 1e6);
  }

  double watts_;
  bool has_begun_ = false;
  double begin_seconds_ = 0;
};

}  // namespace

CounterOr OpenConstant(absl::string_view watts, const MeasureSystem& system) {
  double value = 0;
  // Not a number compares false.
  if (!absl::SimpleAtod(watts, &value) || !(value > 0 && value <= kMostWatts)) {
    return absl::InvalidArgumentError(
        absl::StrCat("counter constant=WATTS: expected a number of watts above "
                     "0 and at most 1000000, found '",
                     Printable(watts), "'"));
  }
  return std::make_unique<ConstantCounter>(value, system);
}

}  // namespace opcost
