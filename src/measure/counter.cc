// SPDX-License-Identifier: Apache-2.0
#include "opcost/measure/counter.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "opcost/measure/host.h"
#include "src/measure/counters.h"
#include "src/measure/perf_counter.h"

namespace opcost {
namespace {

// What "auto" tries, the best first: RAPL counts all of a processor; perf is
// RAPL by another door; NVML counts GPUs alone.
constexpr absl::string_view kMeasured[] = {"rapl", "perf", "nvml"};

CounterOr OpenNamed(absl::string_view name, const CounterChoice& choice,
                    const MeasureSystem& system) {
  if (name == "rapl") return OpenRapl(choice.powercap_root, system);
  if (name == "perf") {
    return OpenPerf(choice.sysfs_root, choice.proc_root, system, RealPerf());
  }
  if (name == "nvml") return OpenNvml("", choice.nvml_library, system);
  if (absl::ConsumePrefix(&name, "nvml=")) {
    return OpenNvml(name, choice.nvml_library, system);
  }
  if (absl::ConsumePrefix(&name, "meter=")) {
    return OpenMeter(std::string(name), system);
  }
  if (absl::ConsumePrefix(&name, "constant=")) {
    return OpenConstant(name, system);
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "there is no counter '", Printable(name),
      "': expected auto, rapl, perf, nvml, nvml=GPUS, meter=FILE or "
      "constant=WATTS"));
}

// A status with more to say.
absl::Status WithText(const absl::Status& status, absl::string_view text) {
  return absl::Status(status.code(), absl::StrCat(status.message(), text));
}

// The worst that several counters say: what can be put right comes first.
absl::StatusCode Worse(absl::StatusCode a, absl::StatusCode b) {
  for (const absl::StatusCode code :
       {absl::StatusCode::kPermissionDenied, absl::StatusCode::kDataLoss}) {
    if (a == code || b == code) return code;
  }
  return a;
}

CounterOr OpenFirst(const CounterChoice& choice, const MeasureSystem& system) {
  std::string problems;
  std::vector<std::string> remarks;
  absl::StatusCode code = absl::StatusCode::kUnavailable;
  for (const absl::string_view name : kMeasured) {
    CounterOr counter = OpenNamed(name, choice, system);
    if (counter.ok()) {
      for (std::string& remark : remarks) {
        (*counter)->AddRemark(std::move(remark));
      }
      return counter;
    }
    const std::string problem =
        absl::StrCat(name, ": ", counter.status().message());
    absl::StrAppend(&problems, "\n  ", problem);
    code = Worse(code, counter.status().code());
    // One that there isn't needs no word; one that there is does.
    if (!absl::IsUnavailable(counter.status())) {
      remarks.push_back(absl::StrCat("passed over: ", problem));
    }
  }
  std::string message =
      absl::StrCat("no energy counter can be read on this machine:", problems);
  if (code == absl::StatusCode::kUnavailable) {
    absl::StrAppend(&message, "\n", AdviceWithoutCounter(choice));
  }
  return absl::Status(code, message);
}

CounterCheck CheckOf(const std::string& name, const CounterOr& counter) {
  CounterCheck check;
  check.counter = name;
  check.is_usable = counter.ok();
  check.is_denied = absl::IsPermissionDenied(counter.status());
  if (counter.ok()) {
    check.domains = (*counter)->domains();
  } else {
    check.problem = std::string(counter.status().message());
  }
  return check;
}

}  // namespace

std::string AdviceWithoutCounter(const CounterChoice& choice) {
  MachineRoots roots;
  roots.sysfs = choice.sysfs_root;
  roots.proc = choice.proc_root;
  const std::string machine = VirtualMachineName(roots);
  std::string advice;
  if (machine.empty()) {
    advice =
        "A processor with RAPL (Intel since 2011, AMD since Zen) needs its "
        "driver: sudo modprobe intel_rapl_msr.";
  } else {
    advice = absl::StrCat("This is a virtual machine (", machine,
                          "), and hypervisors hide the processor's energy "
                          "counters: run on the hardware itself.");
  }
  return absl::StrCat(
      advice,
      " Else give what an external meter logs (--counter meter=FILE), or, as a "
      "model and not a measurement, constant watts (--counter constant=WATTS)");
}

absl::StatusOr<std::unique_ptr<EnergyCounter>> OpenCounter(
    const CounterChoice& choice) {
  const MeasureSystem system = RealSystem();
  if (choice.counter == "auto") return OpenFirst(choice, system);
  CounterOr counter = OpenNamed(choice.counter, choice, system);
  // A file that isn't there is another matter than a machine without counters.
  if (absl::IsUnavailable(counter.status()) &&
      !absl::StartsWith(choice.counter, "meter=")) {
    return WithText(counter.status(),
                    absl::StrCat("\n", AdviceWithoutCounter(choice)));
  }
  return counter;
}

std::vector<CounterCheck> CheckCounters(const CounterChoice& choice) {
  const MeasureSystem system = RealSystem();
  std::vector<CounterCheck> checks;
  if (absl::StrContains(choice.counter, "=")) {
    checks.push_back(
        CheckOf(choice.counter, OpenNamed(choice.counter, choice, system)));
  }
  for (const absl::string_view name : kMeasured) {
    checks.push_back(
        CheckOf(std::string(name), OpenNamed(name, choice, system)));
  }
  return checks;
}

}  // namespace opcost
