// SPDX-License-Identifier: Apache-2.0
// The zones of a powercap tree, and which of them make up the machine.
// Source: the kernel's Documentation/power/powercap/powercap.rst and
// Documentation/ABI/testing/sysfs-class-powercap.
#ifndef OPCOST_SRC_MEASURE_POWERCAP_TREE_H_
#define OPCOST_SRC_MEASURE_POWERCAP_TREE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "opcost/measure/counter.h"
#include "src/measure/system.h"

namespace opcost {

enum class ZoneKind {
  kPackage,   // a socket, or a die of one
  kMemory,    // dram
  kPlatform,  // psys: the whole board
  kOther,     // core, uncore, and what has another name
};

// A folder that counts energy.
struct PowercapZone {
  std::string device;        // "intel-rapl:0:1", the folder's name
  std::string control_type;  // "intel-rapl"
  std::string folder;        // as it was found, for messages
  std::string canonical;     // without symbolic links
  std::string name;          // "dram", as its file `name` says
  ZoneKind kind = ZoneKind::kOther;
  int parent = -1;    // the zone that this one lies in, an index
  int64_t range = 0;  // max_energy_range_uj; 0: missing, or zero
  EnergyDomain domain;

  std::string energy_path() const { return folder + "/energy_uj"; }
  std::string range_path() const { return folder + "/max_energy_range_uj"; }
};

// All zones below `root` that count energy, each once, however many links and
// copies lead to it, in the order of their devices. Summed are:
//   - each package once: a zone of the same name under another control type
//     (intel-rapl-mmio) mirrors it, and a package within one is part of it;
//   - each package's dram once, which RAPL counts beside the package and not
//     in it (Intel SDM volume 3B, "DRAM RAPL Domain"), whether its folder lies
//     within the package's or beside it.
// Errors: UNAVAILABLE if there is no such folder, no zone or no package;
// PERMISSION_DENIED; DATA_LOSS for a zone that lacks its energy_uj or whose
// maximum isn't a number.
absl::StatusOr<std::vector<PowercapZone>> FindPowercapZones(
    const std::string& root, const MeasureSystem& system);

// What is said where the kernel refuses `paths`.
std::string PowercapPermissionProblem(const std::vector<std::string>& paths);

}  // namespace opcost

#endif  // OPCOST_SRC_MEASURE_POWERCAP_TREE_H_
