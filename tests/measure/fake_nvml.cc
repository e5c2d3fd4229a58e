// SPDX-License-Identifier: Apache-2.0
// A library in the place of NVIDIA's. What it says stands in the file that
// OPCOST_FAKE_NVML names, a `key=value` per line, read anew for each call:
// `count`, `N.name`, `N.mj`; `init`, `devices`, `N.open`, `N.energy` are the
// codes that calls return (0 if absent).
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

namespace {

std::string Value(const std::string& key, const std::string& otherwise) {
  const char* path = std::getenv("OPCOST_FAKE_NVML");
  std::ifstream file(path == nullptr ? "" : path);
  for (std::string line; std::getline(file, line);) {
    if (line.rfind(key + "=", 0) == 0) return line.substr(key.size() + 1);
  }
  return otherwise;
}

int Code(const std::string& key) { return std::stoi(Value(key, "0")); }

// Device N is the address of the N-th.
char devices[256];

std::string KeyOf(void* device, const char* what) {
  return std::to_string(static_cast<char*>(device) - devices) + "." + what;
}

}  // namespace

extern "C" {

int nvmlInit_v2() { return Code("init"); }
int nvmlShutdown() { return 0; }
const char* nvmlErrorString(int code) {
  if (code == 3) return "Not Supported";
  if (code == 4) return "Insufficient Permissions";
  if (code == 9) return "Driver Not Loaded";
  if (code == 15) return "GPU is lost";
  return nullptr;
}
int nvmlSystemGetDriverVersion(char* text, unsigned bytes) {
  std::snprintf(text, bytes, "%s", Value("driver", "550.54.15").c_str());
  return 0;
}
int nvmlDeviceGetCount_v2(unsigned* count) {
  *count = static_cast<unsigned>(Code("count"));
  return Code("devices");
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** device) {
  *device = &devices[index];
  return Code(std::to_string(index) + ".open");
}
int nvmlDeviceGetName(void* device, char* text, unsigned bytes) {
  std::snprintf(text, bytes, "%s", Value(KeyOf(device, "name"), "GPU").c_str());
  return 0;
}
#ifndef OPCOST_FAKE_OLD_NVML
int nvmlDeviceGetTotalEnergyConsumption(void* device,
                                        unsigned long long* millijoules) {
  *millijoules = std::stoull(Value(KeyOf(device, "mj"), "0"));
  return Code(KeyOf(device, "energy"));
}
#endif

}  // extern "C"
