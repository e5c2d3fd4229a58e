// SPDX-License-Identifier: Apache-2.0
// Energy counters of a machine, all behind one interface.
#ifndef OPCOST_MEASURE_COUNTER_H_
#define OPCOST_MEASURE_COUNTER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace opcost {

// A part of the machine whose energy is counted: a zone, an event, a device.
struct EnergyDomain {
  std::string name;    // "package-0", "dram", "GPU 0 (NVIDIA H200)"
  std::string source;  // where it is read: a path, an event, "NVML"
  // Whether it counts towards the energy of a run. One that lies in another,
  // mirrors it, or is neither a package nor memory is shown, not added.
  bool is_summed = true;
  std::string remark;  // why it isn't summed: "part of package-0"
};

// The state of all domains at one moment.
struct CounterReading {
  double wall_seconds = 0;    // since 1970, for meters with time stamps
  double steady_seconds = 0;  // of a clock that nobody sets
  // By domain: energy since the counter's first reading, wraps undone. Empty
  // for a meter, which is read afterwards.
  std::vector<int64_t> microjoules;
};

class EnergyCounter {
 public:
  virtual ~EnergyCounter() = default;

  // "rapl", "perf", "nvml", "meter", "constant".
  virtual absl::string_view name() const = 0;
  virtual const std::vector<EnergyDomain>& domains() const = 0;
  // A window shorter than this says little: the counter's steps would show.
  virtual double least_window_seconds() const = 0;
  // Longest time between two readings in which no domain can wrap twice; the
  // measuring loop reads at least so often.
  virtual double most_seconds_between_readings() const = 0;

  // Errors (all end in exit status 4): PERMISSION_DENIED; DATA_LOSS for a
  // counter that vanished, is cut short, was reset, or was last read so long
  // ago that it may have wrapped twice.
  virtual absl::StatusOr<CounterReading> Read() = 0;
  // The energy of each domain between two readings of this counter. A meter
  // may wait for its file to cover the time. Errors: DATA_LOSS for a meter
  // that doesn't cover the time, or a counter that stands still.
  virtual absl::StatusOr<std::vector<int64_t>> MicrojoulesBetween(
      const CounterReading& begin, const CounterReading& end) = 0;
  // False if the energy is a constant that the user gave, times time.
  virtual bool is_measured() const { return true; }
  // Those watts; 0 for what is measured.
  virtual double constant_watts() const { return 0; }

  // What the user should know of the choice: a counter that "auto" passed over
  // because it couldn't be read, though it is there.
  const std::vector<std::string>& remarks() const { return remarks_; }
  void AddRemark(std::string remark) { remarks_.push_back(std::move(remark)); }

 private:
  std::vector<std::string> remarks_;
};

// Which counter to open, and where.
struct CounterChoice {
  // "auto", "rapl", "perf", "nvml", "nvml=0,2" (those GPUs alone, by NVML's
  // numbers), "meter=FILE", "constant=WATTS".
  std::string counter = "auto";
  std::string powercap_root = "/sys/class/powercap";
  std::string sysfs_root = "/sys";  // perf's events, virtual machine, processor
  std::string proc_root = "/proc";
  std::string nvml_library = "libnvidia-ml.so.1";
};

// Opens the counter of `choice`; "auto" takes the first of rapl, perf and nvml
// that can be read, never a constant. Errors: INVALID_ARGUMENT for a choice
// that there isn't; UNAVAILABLE if there is no counter (a virtual machine is
// named); PERMISSION_DENIED with the paths, what would help, and why the
// kernel closed them; DATA_LOSS for one that is there but broken. Messages may
// have several lines.
absl::StatusOr<std::unique_ptr<EnergyCounter>> OpenCounter(
    const CounterChoice& choice);

// What one counter says when it is asked whether it can be used, for
// `opcost measure --check`: rapl, perf and nvml each, and before them one that
// `choice` names with its file or watts.
struct CounterCheck {
  std::string counter;  // "rapl"
  bool is_usable = false;
  bool is_denied = false;  // it is there, but may not be read
  std::vector<EnergyDomain> domains;
  std::string problem;  // why not, with what would help
};
std::vector<CounterCheck> CheckCounters(const CounterChoice& choice);

// What to do on a machine without a counter: it names the virtual machine, if
// this is one. For --check, after a list of which nothing is usable or denied.
std::string AdviceWithoutCounter(const CounterChoice& choice);

}  // namespace opcost

#endif  // OPCOST_MEASURE_COUNTER_H_
