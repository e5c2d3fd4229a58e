// SPDX-License-Identifier: Apache-2.0
#include "opcost/measure/host.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "src/measure/system.h"

namespace opcost {
namespace {

namespace fs = std::filesystem;

constexpr int kMostSensors = 64;
constexpr size_t kMostProcessors = 8192;

std::string LineOf(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadSmallFile(path);
  if (!text.ok()) return "";
  const absl::string_view line(*text);
  return Printable(absl::StripAsciiWhitespace(line.substr(0, line.find('\n'))));
}

// The value of the first "key : value" of a text such as /proc/cpuinfo. nullopt
// if there is no such key.
std::optional<std::string> ValueOf(absl::string_view text,
                                   absl::string_view key) {
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const size_t colon = line.find(':');
    if (colon == absl::string_view::npos ||
        absl::StripAsciiWhitespace(line.substr(0, colon)) != key) {
      continue;
    }
    return std::string(absl::StripAsciiWhitespace(line.substr(colon + 1)));
  }
  return std::nullopt;
}

// /proc/cpuinfo, of which the first processor's part is enough.
std::string ProcessorText(const MachineRoots& roots) {
  return ReadSmallFile(roots.proc + "/cpuinfo").value_or("");
}

std::string ProcessorName(const std::string& text) {
  for (const absl::string_view key : {"model name", "cpu model", "Processor"}) {
    const std::optional<std::string> name = ValueOf(text, key);
    if (name.has_value() && !name->empty()) return Printable(*name);
  }
  // Arm's says numbers alone.
  const std::optional<std::string> maker = ValueOf(text, "CPU implementer");
  const std::optional<std::string> part = ValueOf(text, "CPU part");
  if (!maker.has_value() || !part.has_value()) return "";
  return Printable(absl::StrCat("Arm implementer ", *maker, " part ", *part));
}

std::string Governor(const MachineRoots& roots,
                     const std::vector<int>& processors) {
  std::set<std::string> governors;
  for (const int processor : processors) {
    governors.insert(
        LineOf(absl::StrCat(roots.sysfs, "/devices/system/cpu/cpu", processor,
                            "/cpufreq/scaling_governor")));
  }
  governors.erase("");
  return absl::StrJoin(governors, ", ");
}

std::string Turbo(const MachineRoots& roots) {
  const std::string folder = roots.sysfs + "/devices/system/cpu";
  const std::string is_off = LineOf(folder + "/intel_pstate/no_turbo");
  if (is_off == "0") return "on";
  if (is_off == "1") return "off";
  const std::string is_on = LineOf(folder + "/cpufreq/boost");
  if (is_on == "1") return "on";
  if (is_on == "0") return "off";
  return "";
}

// Degrees Celsius of a file of thousandths.
std::optional<double> Celsius(const std::string& path) {
  int64_t thousandths = 0;
  if (!absl::SimpleAtoi(LineOf(path), &thousandths)) return std::nullopt;
  // Sensors that are off say 0, or nonsense.
  if (thousandths <= 0 || thousandths > 200000) return std::nullopt;
  return static_cast<double>(thousandths) / 1000;
}

void TakeHottest(std::optional<double> celsius, std::optional<double>& most) {
  if (celsius.has_value()) most = std::max(most.value_or(*celsius), *celsius);
}

// The folders PREFIX0, PREFIX1 ... of a folder: their numbers may have gaps.
std::vector<std::string> Numbered(const std::string& folder,
                                  absl::string_view prefix) {
  std::vector<std::string> found;
  for (int i = 0; i < kMostSensors; ++i) {
    std::string path = absl::StrCat(folder, "/", prefix, i);
    std::error_code error;
    if (fs::exists(path, error)) found.push_back(std::move(path));
  }
  return found;
}

// DMI's words of virtual machines. Clouds rent out bare metal under the same
// names.
struct DmiName {
  absl::string_view starts;
  absl::string_view name;
  bool may_be_metal = false;
};
constexpr DmiName kDmiNames[] = {
    {"Amazon EC2", "Amazon EC2", true},
    {"Google", "Google Compute Engine", true},
    {"KVM", "KVM"},
    {"QEMU", "QEMU"},
    {"KubeVirt", "KubeVirt"},
    {"OpenStack", "OpenStack"},
    {"VMware", "VMware"},
    {"VirtualBox", "VirtualBox"},
    {"innotek GmbH", "VirtualBox"},
    {"Xen", "Xen"},
    {"Bochs", "Bochs"},
    {"BHYVE", "bhyve"},
    {"Parallels", "Parallels"},
    {"Virtual Machine", "Hyper-V"},
    {"Apple Virtualization", "Apple Virtualization"},
};

}  // namespace

std::optional<double> ProcessorCelsius(const MachineRoots& roots) {
  std::optional<double> most;
  for (const std::string& zone :
       Numbered(roots.sysfs + "/class/thermal", "thermal_zone")) {
    const std::string type = LineOf(zone + "/type");
    if (type == "x86_pkg_temp" || absl::StartsWith(type, "cpu")) {
      TakeHottest(Celsius(zone + "/temp"), most);
    }
  }
  for (const std::string& chip :
       Numbered(roots.sysfs + "/class/hwmon", "hwmon")) {
    const std::string name = LineOf(chip + "/name");
    if (name != "coretemp" && name != "k10temp" && name != "zenpower" &&
        name != "cpu_thermal") {
      continue;
    }
    for (int i = 1; i <= kMostSensors; ++i) {
      TakeHottest(Celsius(absl::StrCat(chip, "/temp", i, "_input")), most);
    }
  }
  return most;
}

std::string TemperatureText(std::optional<double> before,
                            std::optional<double> after) {
  const auto text = [](double celsius) {
    return absl::StrCat(std::lround(celsius), " C");
  };
  if (before.has_value() && after.has_value()) {
    return absl::StrCat(text(*before), " before, ", text(*after), " after");
  }
  if (before.has_value()) return text(*before);
  return after.has_value() ? absl::StrCat(text(*after), " after") : "";
}

std::string VirtualMachineName(const MachineRoots& roots) {
  const std::optional<std::string> flags =
      ValueOf(ProcessorText(roots), "flags");
  bool has_flag = false;
  if (flags.has_value()) {
    const std::vector<absl::string_view> words = absl::StrSplit(*flags, ' ');
    has_flag =
        std::find(words.begin(), words.end(), "hypervisor") != words.end();
  }
  const std::string dmi = roots.sysfs + "/class/dmi/id/";
  const std::string product = LineOf(dmi + "product_name");
  const bool is_metal =
      (flags.has_value() && !has_flag) || absl::StrContains(product, "metal");
  for (const std::string& word : {product, LineOf(dmi + "sys_vendor")}) {
    for (const DmiName& known : kDmiNames) {
      if (!absl::StartsWith(word, known.starts)) continue;
      if (!known.may_be_metal || !is_metal) return std::string(known.name);
    }
  }
  const std::string hypervisor = LineOf(roots.sysfs + "/hypervisor/type");
  if (!hypervisor.empty()) return hypervisor;
  return has_flag ? "a hypervisor without a name" : "";
}

HostEnvironment DescribeHost(const MachineRoots& roots) {
  HostEnvironment environment;
  const std::string text = ProcessorText(roots);
  environment.host = LineOf(roots.proc + "/sys/kernel/hostname");
  environment.kernel = LineOf(roots.proc + "/sys/kernel/osrelease");
  environment.processor = ProcessorName(text);
  std::vector<int> processors =
      ParseList(ReadSmallFile(roots.sysfs + "/devices/system/cpu/online")
                    .value_or(""))
          .value_or(std::vector<int>{});
  if (processors.size() > kMostProcessors) processors.resize(kMostProcessors);
  environment.processors = static_cast<int>(processors.size());
  environment.governor = Governor(roots, processors);
  environment.turbo = Turbo(roots);
  environment.temperature = TemperatureText(ProcessorCelsius(roots));
  environment.virtual_machine = VirtualMachineName(roots);
  const std::string status =
      ReadSmallFile(roots.proc + "/self/status").value_or("");
  environment.affinity =
      ParseList(ValueOf(status, "Cpus_allowed_list").value_or(""))
          .value_or(std::vector<int>{});
  return environment;
}

}  // namespace opcost
