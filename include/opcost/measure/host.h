// SPDX-License-Identifier: Apache-2.0
// The machine that a run is measured on, as the kernel describes it.
#ifndef OPCOST_MEASURE_HOST_H_
#define OPCOST_MEASURE_HOST_H_

#include <optional>
#include <string>

#include "opcost/measure/measurement.h"

namespace opcost {

// Where the kernel's files are; others than these for tests.
struct MachineRoots {
  std::string sysfs = "/sys";
  std::string proc = "/proc";
};

// All of a HostEnvironment: what isn't known stays empty. `temperature` is that
// of this moment ("52 C"); `affinity` are the processors that this process may
// use; a governor that differs between processors is listed ("performance,
// powersave").
HostEnvironment DescribeHost(const MachineRoots& roots = {});

// The hottest of the processor's own sensors (coretemp, k10temp, zenpower,
// x86_pkg_temp, cpu-thermal), in degrees Celsius; nullopt if there is none.
std::optional<double> ProcessorCelsius(const MachineRoots& roots = {});

// "52 C", or "52 C before, 61 C after"; empty if neither is known.
std::string TemperatureText(std::optional<double> before,
                            std::optional<double> after = std::nullopt);

// What this machine is virtual by: "QEMU", "VMware", "Amazon EC2" (DMI's vendor
// and product), "xen" (/sys/hypervisor), or "a hypervisor without a name"
// (the processor's flag); empty if nothing says so.
std::string VirtualMachineName(const MachineRoots& roots = {});

}  // namespace opcost

#endif  // OPCOST_MEASURE_HOST_H_
