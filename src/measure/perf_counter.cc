// SPDX-License-Identifier: Apache-2.0
#include "src/measure/perf_counter.h"

#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <map>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "opcost/support/status_macros.h"
#include "src/measure/machine_counter.h"

namespace opcost {
namespace {

constexpr double kLeastWindowSeconds = 10;
constexpr double kMostSecondsBetweenReadings = 60;
constexpr size_t kMostProcessors = 1024;  // one per die

// The events of the kernel's arch/x86/events/rapl.c, and RAPL's names.
struct PowerEvent {
  absl::string_view event;
  absl::string_view name;
  absl::string_view remark;  // why it isn't summed
};
constexpr PowerEvent kEvents[] = {
    {"energy-pkg", "package", ""},
    {"energy-ram", "dram", ""},
    {"energy-cores", "core", "part of its package"},
    {"energy-gpu", "uncore", "part of its package"},
    {"energy-psys", "psys", "the whole platform, packages included"},
};

// One open event on one processor.
struct Count {
  int descriptor = -1;
  long double microjoules_per_count = 0;  // 1e6 * 2^-32
};

class PerfCounter : public MachineCounter {
 public:
  PerfCounter(MeasureSystem system, PerfSystem perf)
      : MachineCounter("perf", kLeastWindowSeconds, kMostSecondsBetweenReadings,
                       std::move(system)),
        perf_(std::move(perf)) {}
  PerfCounter(const PerfCounter&) = delete;
  PerfCounter& operator=(const PerfCounter&) = delete;
  ~PerfCounter() override {
    for (const Count& count : counts_) perf_.close(count.descriptor);
  }

  void Add(EnergyDomain domain, const Count& count, bool must_move,
           double most_watts) {
    AddDomain(std::move(domain), must_move);
    counts_.push_back(count);
    most_watts_.push_back(most_watts);
  }

  absl::StatusOr<CounterReading> Read() override {
    CounterReading reading = Now();
    std::vector<uint64_t> raw(counts_.size());
    for (size_t i = 0; i < counts_.size(); ++i) {
      const int error = perf_.read(counts_[i].descriptor, raw[i]);
      if (error < 0) {
        return absl::DataLossError(
            absl::StrCat(domains_[i].source, ": can't be read: ",
                         error == -ENODATA ? "the processor is gone"
                                           : std::strerror(-error)));
      }
    }
    if (first_.empty()) first_ = raw;
    std::vector<int64_t> microjoules;
    for (size_t i = 0; i < counts_.size(); ++i) {
      microjoules.push_back(MicrojoulesAt(i, raw));
    }
    return Accept(std::move(reading), std::move(microjoules), most_watts_);
  }

 private:
  // Since the first reading, rounded once, so that differences add up.
  int64_t MicrojoulesAt(size_t i, const std::vector<uint64_t>& raw) const {
    const bool fell = raw[i] < first_[i];
    const uint64_t counts = fell ? first_[i] - raw[i] : raw[i] - first_[i];
    const long double microjoules =
        static_cast<long double>(counts) * counts_[i].microjoules_per_count;
    if (microjoules > 9e18L) return fell ? INT64_MIN : INT64_MAX;
    const int64_t rounded = std::llround(microjoules);
    return fell ? -rounded : rounded;
  }

  PerfSystem perf_;
  std::vector<Count> counts_;
  std::vector<double> most_watts_;
  std::vector<uint64_t> first_;
};

// Reads what the kernel says of the events, and opens them.
class PerfOpener {
 public:
  PerfOpener(const std::string& sysfs_root, const std::string& proc_root,
             const MeasureSystem& system, const PerfSystem& perf)
      : sysfs_root_(sysfs_root),
        proc_root_(proc_root),
        folder_(sysfs_root + "/bus/event_source/devices/power"),
        system_(system),
        perf_(perf) {}

  CounterOr Open() {
    const absl::StatusOr<std::string> type =
        system_.read_file(folder_ + "/type");
    if (absl::IsNotFound(type.status())) {
      return absl::UnavailableError(absl::StrCat(
          folder_, ": no such folder: the kernel offers no power events"));
    }
    OPCOST_ASSIGN_OR_RETURN(const std::string type_text, Text("type"));
    if (!absl::SimpleAtoi(type_text, &type_)) {
      return Unexpected("type", "a number", type_text);
    }
    OPCOST_ASSIGN_OR_RETURN(const std::string mask, Text("cpumask"));
    absl::StatusOr<std::vector<int>> processors = ParseList(mask);
    if (!processors.ok()) return Unexpected("cpumask", "processors", mask);
    if (processors->size() > kMostProcessors) {
      return absl::DataLossError(absl::StrCat(
          folder_, "/cpumask: ", processors->size(),
          " processors: a power event counts on at most ", kMostProcessors));
    }
    NamePackages(*processors);
    auto counter = std::make_unique<PerfCounter>(system_, perf_);
    for (const PowerEvent& event : kEvents) {
      const absl::StatusOr<std::string> text =
          system_.read_file(absl::StrCat(folder_, "/events/", event.event));
      if (absl::IsNotFound(text.status())) continue;
      OPCOST_RETURN_IF_ERROR(Add(event, *processors, *counter));
    }
    if (counter->domains().empty() || !has_package_) {
      return absl::UnavailableError(
          absl::StrCat(folder_,
                       "/events: no energy-pkg: the processor's "
                       "energy isn't counted"));
    }
    return counter;
  }

 private:
  absl::StatusOr<std::string> Text(const std::string& file) const {
    const std::string path = folder_ + "/" + file;
    const absl::StatusOr<std::string> text = system_.read_file(path);
    if (absl::IsPermissionDenied(text.status())) {
      return absl::PermissionDeniedError(
          absl::StrCat(path, ": permission denied; sudo chmod a+r ",
                       ShellWord(path), " would help"));
    }
    if (!text.ok()) {
      return absl::DataLossError(
          absl::StrCat(path, ": can't be read: ", text.status().message()));
    }
    return std::string(absl::StripAsciiWhitespace(*text));
  }

  absl::Status Unexpected(absl::string_view file, absl::string_view wanted,
                          absl::string_view found) const {
    return absl::DataLossError(absl::StrCat(folder_, "/", file, ": expected ",
                                            wanted, ", found '",
                                            Printable(found), "'"));
  }

  // "package-0", or "package-0-die-1" where the mask has several of one.
  void NamePackages(const std::vector<int>& processors) {
    std::map<std::string, int> dies;
    for (const int processor : processors) {
      const std::string package = Topology(processor, "physical_package_id");
      packages_.push_back(package.empty()
                              ? absl::StrCat("package of processor ", processor)
                              : absl::StrCat("package-", package));
      ++dies[packages_.back()];
    }
    for (size_t i = 0; i < processors.size(); ++i) {
      if (dies[packages_[i]] < 2) continue;
      absl::StrAppend(&packages_[i], "-die-",
                      Topology(processors[i], "die_id"));
    }
  }

  std::string Topology(int processor, absl::string_view file) const {
    return FirstLineOrEmpty(
        system_, absl::StrCat(sysfs_root_, "/devices/system/cpu/cpu", processor,
                              "/topology/", file));
  }

  absl::Status Add(const PowerEvent& event, const std::vector<int>& processors,
                   PerfCounter& counter) {
    const std::string file = absl::StrCat("events/", event.event);
    OPCOST_ASSIGN_OR_RETURN(const std::string text, Text(file));
    absl::string_view digits(text);
    uint64_t config = 0;
    if (!absl::ConsumePrefix(&digits, "event=") ||
        !absl::SimpleHexAtoi(digits, &config)) {
      return Unexpected(file, "event=0xN", text);
    }
    OPCOST_ASSIGN_OR_RETURN(const std::string scale_text,
                            Text(file + ".scale"));
    double scale = 0;
    if (!absl::SimpleAtod(scale_text, &scale) || !(scale > 0 && scale < 1)) {
      return Unexpected(file + ".scale", "a number between 0 and 1",
                        scale_text);
    }
    OPCOST_ASSIGN_OR_RETURN(const std::string unit, Text(file + ".unit"));
    if (unit != "Joules") {
      return Unexpected(file + ".unit", "Joules", unit);
    }
    const bool is_package = event.event == "energy-pkg";
    const double most_watts =
        event.event == "energy-psys" ? kMostPlatformWatts : kMostDeviceWatts;
    for (size_t i = 0; i < processors.size(); ++i) {
      Count count;
      count.microjoules_per_count = static_cast<long double>(scale) * 1e6L;
      EnergyDomain domain;
      domain.source =
          absl::StrCat("power/", event.event, "/ on processor ", processors[i]);
      domain.name = NameOf(event, i);
      domain.is_summed = event.remark.empty();
      domain.remark = std::string(event.remark);
      count.descriptor = perf_.open(type_, config, processors[i]);
      if (count.descriptor < 0) return Refused(domain, -count.descriptor);
      counter.Add(std::move(domain), count, is_package, most_watts);
    }
    has_package_ |= is_package && !processors.empty();
    return absl::OkStatus();
  }

  std::string NameOf(const PowerEvent& event, size_t i) const {
    if (event.name == "package") return packages_[i];
    if (packages_.size() == 1) return std::string(event.name);
    return absl::StrCat(packages_[i], "/", event.name);
  }

  absl::Status Refused(const EnergyDomain& domain, int error) const {
    if (error != EACCES && error != EPERM) {
      return absl::UnavailableError(absl::StrCat(
          domain.source, ": perf_event_open says: ", std::strerror(error),
          error == ENOSYS ? " (a container's seccomp profile forbids it)"
                          : ""));
    }
    const std::string path = proc_root_ + "/sys/kernel/perf_event_paranoid";
    const std::string level = FirstLineOrEmpty(system_, path);
    return absl::PermissionDeniedError(absl::StrCat(
        domain.source, ": permission denied: events of a whole processor tell ",
        "what other users compute (CVE-2020-8694), so they take ",
        "kernel.perf_event_paranoid of at most 0", " (", path, " is ",
        level.empty() ? "unreadable" : level,
        ") or CAP_PERFMON. One of these helps: sudo sysctl "
        "kernel.perf_event_paranoid=0 (until the next boot); sudo setcap "
        "cap_perfmon=ep on the opcost executable; or running opcost as root"));
  }

  const std::string& sysfs_root_;
  const std::string& proc_root_;
  const std::string folder_;
  const MeasureSystem& system_;
  const PerfSystem& perf_;
  uint32_t type_ = 0;
  std::vector<std::string> packages_;  // by processor of the mask
  bool has_package_ = false;
};

int OpenEvent(uint32_t type, uint64_t config, int processor) {
  perf_event_attr attributes = {};
  attributes.size = sizeof(attributes);
  attributes.type = type;
  attributes.config = config;
  const long descriptor =
      syscall(SYS_perf_event_open, &attributes, /*pid=*/-1, processor,
              /*group_fd=*/-1, PERF_FLAG_FD_CLOEXEC);
  return descriptor < 0 ? -errno : static_cast<int>(descriptor);
}

int ReadEvent(int descriptor, uint64_t& count) {
  const ssize_t got = read(descriptor, &count, sizeof(count));
  if (got < 0) return -errno;
  return got == static_cast<ssize_t>(sizeof(count)) ? 0 : -ENODATA;
}

}  // namespace

PerfSystem RealPerf() {
  PerfSystem perf;
  perf.open = OpenEvent;
  perf.read = ReadEvent;
  perf.close = [](int descriptor) { close(descriptor); };
  return perf;
}

CounterOr OpenPerf(const std::string& sysfs_root, const std::string& proc_root,
                   const MeasureSystem& system, const PerfSystem& perf) {
  return PerfOpener(sysfs_root, proc_root, system, perf).Open();
}

}  // namespace opcost
