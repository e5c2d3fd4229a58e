// SPDX-License-Identifier: Apache-2.0
// A machine of a test's own: its clock, its power, and a workload on it.
#ifndef OPCOST_TESTS_MEASURE_FAKE_RUN_H_
#define OPCOST_TESTS_MEASURE_FAKE_RUN_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "opcost/measure/counter.h"
#include "opcost/measure/protocol.h"

namespace opcost {

// Time passes when somebody waits; energy is power times time.
struct FakeMachine {
  double seconds = 0;
  double idle_watts = 5;
  double busy_watts = 25;
  bool is_busy = false;
  double microjoules = 0;

  void Pass(double duration) {
    microjoules += (is_busy ? busy_watts : idle_watts) * duration * 1e6;
    seconds += duration;
  }
};

// A package, and a core zone in it that is shown and not added.
class FakeCounter : public EnergyCounter {
 public:
  explicit FakeCounter(FakeMachine* machine) : machine_(machine) {
    domains_.push_back({"package-0", "fake", true, ""});
    domains_.push_back({"core", "fake", false, "part of package-0"});
  }
  absl::string_view name() const override { return "rapl"; }
  const std::vector<EnergyDomain>& domains() const override { return domains_; }
  double least_window_seconds() const override { return 10; }
  double most_seconds_between_readings() const override { return most_seconds; }
  bool is_measured() const override { return watts == 0; }
  double constant_watts() const override { return watts; }

  absl::StatusOr<CounterReading> Read() override {
    if (!read_error.ok()) return read_error;
    longest_gap = std::max(longest_gap, machine_->seconds - last_read_);
    last_read_ = machine_->seconds;
    CounterReading reading;
    reading.steady_seconds = machine_->seconds;
    const int64_t all = std::llround(machine_->microjoules);
    reading.microjoules = {all, all / 2};
    return reading;
  }
  absl::StatusOr<std::vector<int64_t>> MicrojoulesBetween(
      const CounterReading& begin, const CounterReading& end) override {
    return std::vector<int64_t>{end.microjoules[0] - begin.microjoules[0],
                                end.microjoules[1] - begin.microjoules[1]};
  }

  double most_seconds = 60;
  double watts = 0;  // above 0: it doesn't measure
  double longest_gap = 0;
  absl::Status read_error;

 private:
  FakeMachine* machine_;
  std::vector<EnergyDomain> domains_;
  double last_read_ = 0;
};

// Takes `each(run)` seconds for an inference.
class FakeWorkload : public Workload {
 public:
  explicit FakeWorkload(FakeMachine* machine) : machine_(machine) {}

  absl::Status Begin(int64_t runs) override {
    asked.push_back(runs);
    left_ = seconds_ = each(asked.size()) * static_cast<double>(runs);
    machine_->is_busy = true;
    return begin_error;
  }
  absl::StatusOr<bool> Wait(double seconds) override {
    const double slice = std::min(seconds, left_);
    machine_->Pass(slice);
    left_ -= slice;
    if (left_ > 1e-12) return false;
    machine_->is_busy = false;
    return true;
  }
  double seconds() const override { return seconds_; }
  double processor_seconds() const override { return processor; }

  std::function<double(size_t call)> each = [](size_t) { return 0.01; };
  std::vector<int64_t> asked;
  absl::Status begin_error;
  double processor = -1;

 private:
  FakeMachine* machine_;
  double left_ = 0, seconds_ = 0;
};

}  // namespace opcost

#endif  // OPCOST_TESTS_MEASURE_FAKE_RUN_H_
