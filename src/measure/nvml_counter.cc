// SPDX-License-Identifier: Apache-2.0
// The energy counter of NVIDIA's GPUs since Volta, in millijoules since the
// driver was loaded. NVML comes with the driver, so it is loaded when it is
// asked for; its few functions are declared here as NVIDIA's "NVML API
// Reference Guide" has them (nvmlDeviceGetTotalEnergyConsumption).
#include <dlfcn.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "opcost/support/status_macros.h"
#include "src/measure/counters.h"
#include "src/measure/machine_counter.h"

namespace opcost {
namespace {

// The counter moves every 20 to 100 ms.
constexpr double kLeastWindowSeconds = 5;
constexpr double kMostSecondsBetweenReadings = 60;
constexpr unsigned kMostGpus = 256;
constexpr unsigned kTextBytes = 96;  // NVML_DEVICE_NAME_V2_BUFFER_SIZE

// nvmlReturn_t.
constexpr int kSuccess = 0;
constexpr int kNotSupported = 3;
constexpr int kNoPermission = 4;
constexpr int kDriverNotLoaded = 9;

using Device = void*;  // nvmlDevice_t

// NVML's library, loaded and initialised for as long as this lives.
class Nvml {
 public:
  static absl::StatusOr<std::unique_ptr<Nvml>> Load(const std::string& path) {
    auto nvml = std::make_unique<Nvml>();
    nvml->library_ = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (nvml->library_ == nullptr) {
      return absl::UnavailableError(absl::StrCat(
          "NVML, which comes with NVIDIA's driver, can't be loaded: ",
          Error()));
    }
    OPCOST_RETURN_IF_ERROR(nvml->Bind("nvmlInit_v2", nvml->init));
    OPCOST_RETURN_IF_ERROR(nvml->Bind("nvmlShutdown", nvml->shutdown));
    OPCOST_RETURN_IF_ERROR(nvml->Bind("nvmlErrorString", nvml->error_string));
    OPCOST_RETURN_IF_ERROR(
        nvml->Bind("nvmlSystemGetDriverVersion", nvml->driver_version));
    OPCOST_RETURN_IF_ERROR(nvml->Bind("nvmlDeviceGetCount_v2", nvml->count));
    OPCOST_RETURN_IF_ERROR(
        nvml->Bind("nvmlDeviceGetHandleByIndex_v2", nvml->device));
    OPCOST_RETURN_IF_ERROR(nvml->Bind("nvmlDeviceGetName", nvml->device_name));
    OPCOST_RETURN_IF_ERROR(
        nvml->Bind("nvmlDeviceGetTotalEnergyConsumption", nvml->energy));
    const int result = nvml->init();
    if (result != kSuccess) {
      return nvml->Problem("NVML can't be initialised", result);
    }
    nvml->is_initialised_ = true;
    return nvml;
  }

  Nvml() = default;
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;
  ~Nvml() {
    if (is_initialised_) shutdown();
    if (library_ != nullptr) dlclose(library_);
  }

  // An error of NVML's as ours: what was wanted, and NVML's words.
  absl::Status Problem(absl::string_view what, int result) const {
    const char* words = error_string(result);
    std::string message = absl::StrCat(
        what, ": NVML says: ", words == nullptr ? "?" : Printable(words), " (",
        result, ")");
    if (result == kNoPermission) {
      absl::StrAppend(&message,
                      "; the user must be able to read and write "
                      "/dev/nvidiactl and /dev/nvidia0");
      return absl::PermissionDeniedError(message);
    }
    if (result == kDriverNotLoaded) {
      absl::StrAppend(&message, "; sudo modprobe nvidia loads it");
    }
    return absl::UnavailableError(message);
  }

  std::string DriverVersion() const {
    char text[kTextBytes] = {};
    if (driver_version(text, kTextBytes) != kSuccess) return "unknown";
    text[kTextBytes - 1] = 0;
    return Printable(text);
  }

  int (*init)() = nullptr;
  int (*shutdown)() = nullptr;
  const char* (*error_string)(int) = nullptr;
  int (*driver_version)(char*, unsigned) = nullptr;
  int (*count)(unsigned*) = nullptr;
  int (*device)(unsigned, Device*) = nullptr;
  int (*device_name)(Device, char*, unsigned) = nullptr;
  int (*energy)(Device, unsigned long long*) = nullptr;

 private:
  static std::string Error() {
    const char* words = dlerror();
    return words == nullptr ? "unknown error" : words;
  }

  template <typename Function>
  absl::Status Bind(const char* name, Function*& function) {
    function = reinterpret_cast<Function*>(dlsym(library_, name));
    if (function != nullptr) return absl::OkStatus();
    return absl::UnavailableError(
        absl::StrCat("NVML has no ", name, ": the driver is too old"));
  }

  void* library_ = nullptr;
  bool is_initialised_ = false;
};

class NvmlCounter : public MachineCounter {
 public:
  NvmlCounter(std::unique_ptr<Nvml> nvml, MeasureSystem system)
      : MachineCounter("nvml", kLeastWindowSeconds, kMostSecondsBetweenReadings,
                       std::move(system)),
        nvml_(std::move(nvml)) {}

  // A device of nullptr counts nothing, and is shown with its remark.
  void Add(EnergyDomain domain, Device device) {
    const bool must_move = domain.is_summed;
    AddDomain(std::move(domain), must_move);
    devices_.push_back(device);
  }

  absl::StatusOr<CounterReading> Read() override {
    CounterReading reading = Now();
    std::vector<int64_t> microjoules;
    for (size_t i = 0; i < devices_.size(); ++i) {
      OPCOST_ASSIGN_OR_RETURN(microjoules.emplace_back(), ReadDevice(i));
    }
    if (first_.empty()) first_ = microjoules;
    for (size_t i = 0; i < devices_.size(); ++i) microjoules[i] -= first_[i];
    return Accept(
        std::move(reading), std::move(microjoules),
        std::vector<double>(devices_.size(), double{kMostDeviceWatts}));
  }

 private:
  std::string SourceOf(size_t domain) const override {
    return absl::StrCat("NVML: ", domains_[domain].name);
  }

  // Since the driver was loaded.
  absl::StatusOr<int64_t> ReadDevice(size_t i) const {
    if (devices_[i] == nullptr) return 0;
    unsigned long long millijoules = 0;
    const int result = nvml_->energy(devices_[i], &millijoules);
    if (result != kSuccess) {
      const absl::Status problem =
          nvml_->Problem(absl::StrCat(SourceOf(i), " can't be read"), result);
      if (absl::IsPermissionDenied(problem)) return problem;
      return absl::DataLossError(problem.message());
    }
    // 2^63 uJ are 292 years at 1 kW.
    constexpr unsigned long long kMost = INT64_MAX / 1000;
    if (millijoules > kMost) {
      return absl::DataLossError(
          absl::StrCat(SourceOf(i), " reads ", millijoules, " mJ"));
    }
    return static_cast<int64_t>(millijoules) * 1000;
  }

  std::unique_ptr<Nvml> nvml_;
  std::vector<Device> devices_;
  std::vector<int64_t> first_;
};

// What is known of one GPU when it is asked for its energy.
struct Gpu {
  EnergyDomain domain;
  Device device = nullptr;  // nullptr: counts no energy
  absl::Status problem;
};

absl::StatusOr<Gpu> Describe(const Nvml& nvml, unsigned index) {
  Gpu gpu;
  gpu.domain.name = absl::StrCat("GPU ", index);
  gpu.domain.source = absl::StrCat("NVML, driver ", nvml.DriverVersion());
  Device device = nullptr;
  int result = nvml.device(index, &device);
  if (result != kSuccess) {
    return nvml.Problem(absl::StrCat(gpu.domain.name, " can't be opened"),
                        result);
  }
  char name[kTextBytes] = {};
  if (nvml.device_name(device, name, kTextBytes) == kSuccess) {
    name[kTextBytes - 1] = 0;
    absl::StrAppend(&gpu.domain.name, " (", Printable(name), ")");
  }
  unsigned long long millijoules = 0;
  result = nvml.energy(device, &millijoules);
  if (result == kSuccess) {
    gpu.device = device;
  } else if (result == kNotSupported) {
    gpu.problem = absl::UnavailableError(absl::StrCat(
        gpu.domain.name, " doesn't count its energy: GPUs since Volta do"));
  } else {
    gpu.problem =
        nvml.Problem(absl::StrCat(gpu.domain.name, " can't be read"), result);
  }
  return gpu;
}

// Which GPUs are summed: all that count, or those of a list, which must.
absl::StatusOr<std::set<unsigned>> Chosen(absl::string_view gpus,
                                          unsigned count) {
  std::set<unsigned> chosen;
  OPCOST_ASSIGN_OR_RETURN(const std::vector<int> numbers, ParseList(gpus));
  for (const int number : numbers) {
    if (static_cast<unsigned>(number) >= count) {
      return absl::InvalidArgumentError(
          absl::StrCat("counter nvml=", Printable(gpus), ": there is no GPU ",
                       number, ": NVML has ", count, ", counted from 0"));
    }
    chosen.insert(static_cast<unsigned>(number));
  }
  return chosen;
}

}  // namespace

CounterOr OpenNvml(absl::string_view gpus, const std::string& library,
                   const MeasureSystem& system) {
  OPCOST_ASSIGN_OR_RETURN(std::unique_ptr<Nvml> nvml, Nvml::Load(library));
  unsigned count = 0;
  const int result = nvml->count(&count);
  if (result != kSuccess) return nvml->Problem("GPUs can't be counted", result);
  if (count == 0) return absl::UnavailableError("NVML finds no GPU");
  count = std::min(count, kMostGpus);
  std::set<unsigned> chosen;
  if (!gpus.empty()) {
    OPCOST_ASSIGN_OR_RETURN(chosen, Chosen(gpus, count));
  }
  std::vector<Gpu> found;
  bool has_any = false;
  for (unsigned i = 0; i < count; ++i) {
    OPCOST_ASSIGN_OR_RETURN(Gpu gpu, Describe(*nvml, i));
    const bool is_named = chosen.count(i) > 0;
    if (is_named && !gpu.problem.ok()) return gpu.problem;
    gpu.domain.is_summed = gpus.empty() ? gpu.problem.ok() : is_named;
    if (!gpu.problem.ok()) {
      gpu.domain.remark = std::string(gpu.problem.message());
    } else if (!gpu.domain.is_summed) {
      gpu.domain.remark = "not chosen";
    }
    has_any |= gpu.domain.is_summed;
    found.push_back(std::move(gpu));
  }
  if (!has_any) return found.front().problem;
  auto counter = std::make_unique<NvmlCounter>(std::move(nvml), system);
  for (Gpu& gpu : found) counter->Add(std::move(gpu.domain), gpu.device);
  return counter;
}

}  // namespace opcost
