// SPDX-License-Identifier: Apache-2.0
#include "src/measure/powercap_tree.h"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <map>
#include <set>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "opcost/support/status_macros.h"

namespace opcost {
namespace {

namespace fs = std::filesystem;

// A machine of 16 sockets of 4 dies has some 300 zones, and their tree is two
// deep.
constexpr size_t kMostZones = 512;
constexpr size_t kMostFolders = 8192;
constexpr size_t kMostEntries = size_t{64} << 10;
constexpr int kMostDepth = 6;

bool HasName(absl::string_view name, absl::string_view word) {
  return name == word || absl::StartsWith(name, absl::StrCat(word, "-"));
}

ZoneKind KindOf(absl::string_view name) {
  if (HasName(name, "package")) return ZoneKind::kPackage;
  if (HasName(name, "dram")) return ZoneKind::kMemory;
  if (HasName(name, "psys")) return ZoneKind::kPlatform;
  return ZoneKind::kOther;
}

std::string ControlTypeOf(absl::string_view device) {
  return std::string(device.substr(0, device.find(':')));
}

// The same registers, mapped into memory: shown after what they mirror.
bool IsMirror(const PowercapZone& zone) {
  return absl::EndsWith(zone.control_type, "-mmio");
}

// "intel-rapl:0:10" -> {0, 10}, so that ten comes after two.
std::vector<int64_t> Numbers(absl::string_view device) {
  std::vector<int64_t> numbers;
  for (const absl::string_view part : absl::StrSplit(device, ':')) {
    int64_t number = -1;
    if (!absl::SimpleAtoi(part, &number)) number = -1;
    numbers.push_back(number);
  }
  return numbers;
}

bool InOrder(const PowercapZone& a, const PowercapZone& b) {
  if (IsMirror(a) != IsMirror(b)) return IsMirror(b);
  if (a.control_type != b.control_type) return a.control_type < b.control_type;
  const std::vector<int64_t> a_numbers = Numbers(a.device);
  const std::vector<int64_t> b_numbers = Numbers(b.device);
  if (a_numbers != b_numbers) return a_numbers < b_numbers;
  return a.device < b.device;
}

// Finds the zones' folders, from the top down: the flat list of links that the
// kernel makes, and what lies nested in folders. No link is followed below the
// top, where `device` and `subsystem` lead back up.
class ZoneFinder {
 public:
  ZoneFinder(const std::string& root, const MeasureSystem& system)
      : root_(root), system_(system) {}

  absl::StatusOr<std::vector<PowercapZone>> Find() {
    std::error_code error;
    if (!fs::is_directory(root_, error)) {
      return absl::UnavailableError(
          absl::StrCat(root_, ": no such folder: the kernel offers no RAPL"));
    }
    std::vector<fs::path> folders = {root_};
    for (int depth = 0; depth < kMostDepth && !folders.empty(); ++depth) {
      std::vector<fs::path> next;
      for (const fs::path& folder : folders) {
        OPCOST_RETURN_IF_ERROR(List(folder, depth == 0, next));
      }
      std::sort(next.begin(), next.end());
      folders.clear();
      for (const fs::path& folder : next) {
        OPCOST_ASSIGN_OR_RETURN(const bool is_new, Visit(folder));
        if (is_new) folders.push_back(folder);
      }
    }
    if (zones_.empty() && !hidden_.empty()) {
      return absl::UnavailableError(absl::StrCat(
          root_, ": lists ", hidden_,
          ", but there is nothing in it: container ",
          "engines hide the counters because of CVE-2020-8694; run outside ",
          "of the container, or start it with docker run --security-opt ",
          "systempaths=unconfined"));
    }
    std::sort(zones_.begin(), zones_.end(), InOrder);
    SetParents();
    return std::move(zones_);
  }

 private:
  absl::Status TooMuch(absl::string_view what) const {
    return absl::UnavailableError(
        absl::StrCat(root_, ": more than ", what, ": this isn't powercap's"));
  }

  absl::Status List(const fs::path& folder, bool is_top,
                    std::vector<fs::path>& next) {
    std::error_code error;
    fs::directory_iterator it(folder, error);
    if (error == std::errc::permission_denied) {
      return absl::PermissionDeniedError(
          absl::StrCat(folder.string(), ": the folder can't be listed: ",
                       "permission denied; sudo chmod a+rx ",
                       ShellWord(folder.string()), " would help"));
    }
    while (!error && it != fs::directory_iterator()) {
      if (++entries_ > kMostEntries) {
        return TooMuch(absl::StrCat(kMostEntries, " entries"));
      }
      std::error_code type_error;
      const bool is_link = it->is_symlink(type_error);
      if ((is_top || !is_link) && it->is_directory(type_error)) {
        next.push_back(it->path());
      }
      const std::string name = it->path().filename().string();
      if (is_top && absl::StartsWith(name, "intel-rapl") &&
          absl::StrContains(name, ':') && (hidden_.empty() || name < hidden_)) {
        hidden_ = Printable(name);
      }
      it.increment(error);
    }
    return absl::OkStatus();
  }

  // Whether the folder wasn't seen before; takes it if it is a zone.
  absl::StatusOr<bool> Visit(const fs::path& folder) {
    std::error_code error;
    const fs::path canonical = fs::canonical(folder, error);
    if (error || !seen_folders_.insert(canonical.string()).second) return false;
    if (seen_folders_.size() > kMostFolders) {
      return TooMuch(absl::StrCat(kMostFolders, " folders"));
    }
    PowercapZone zone;
    zone.device = folder.filename().string();
    zone.control_type = ControlTypeOf(zone.device);
    zone.folder = folder.string();
    zone.canonical = canonical.string();
    const bool has_energy =
        fs::exists(fs::symlink_status(folder / "energy_uj", error));
    const absl::StatusOr<std::string> name =
        system_.read_file((folder / "name").string());
    if (!has_energy) {
      // Without a name it is a control type, or what a container hides;
      // other drivers' zones count no energy.
      if (!name.ok() || !absl::StartsWith(zone.device, "intel-rapl")) {
        return true;
      }
    } else if (absl::IsPermissionDenied(name.status())) {
      return absl::PermissionDeniedError(
          PowercapPermissionProblem({(folder / "name").string()}));
    }
    if (name.ok()) zone.name = Printable(absl::StripAsciiWhitespace(*name));
    zone.kind = KindOf(zone.name);
    // A device's name is the kernel's own key: a second one is a copy.
    if (!seen_devices_.insert(zone.device).second) return true;
    zones_.push_back(std::move(zone));
    if (zones_.size() > kMostZones) {
      return TooMuch(absl::StrCat(kMostZones, " zones"));
    }
    return true;
  }

  // A zone lies in the one whose folder holds its own; in a flat tree, in the
  // one whose device's name begins its own.
  void SetParents() {
    std::map<std::string, int> by_folder, by_device;
    for (size_t i = 0; i < zones_.size(); ++i) {
      by_folder[zones_[i].canonical] = static_cast<int>(i);
      by_device[zones_[i].device] = static_cast<int>(i);
    }
    for (PowercapZone& zone : zones_) {
      const auto above =
          by_folder.find(fs::path(zone.canonical).parent_path().string());
      if (above != by_folder.end()) zone.parent = above->second;
    }
    for (size_t i = 0; i < zones_.size(); ++i) {
      const size_t colon = zones_[i].device.rfind(':');
      if (zones_[i].parent >= 0 || colon == std::string::npos) continue;
      const auto named = by_device.find(zones_[i].device.substr(0, colon));
      if (named != by_device.end() && !LiesIn(named->second, i)) {
        zones_[i].parent = named->second;
      }
    }
  }

  // Names and folders may disagree, but no zone lies in itself.
  bool LiesIn(int zone, size_t outer) const {
    for (; zone >= 0; zone = zones_[static_cast<size_t>(zone)].parent) {
      if (static_cast<size_t>(zone) == outer) return true;
    }
    return false;
  }

  const std::string& root_;
  const MeasureSystem& system_;
  std::vector<PowercapZone> zones_;
  std::set<std::string> seen_folders_, seen_devices_;
  size_t entries_ = 0;
  std::string hidden_;  // a zone that the top lists, if it should be empty
};

// The package that a zone lies in, at any depth; -1 if none.
int PackageAbove(const std::vector<PowercapZone>& zones, size_t zone) {
  int above = zones[zone].parent;
  while (above >= 0) {
    const PowercapZone& parent = zones[static_cast<size_t>(above)];
    if (parent.kind == ZoneKind::kPackage) return above;
    above = parent.parent;
  }
  return -1;
}

// Which zones are summed, and why the others aren't.
class SumRule {
 public:
  explicit SumRule(std::vector<PowercapZone>& zones) : zones_(zones) {}

  void Apply() {
    for (size_t i = 0; i < zones_.size(); ++i) ApplyTo(i);
    for (size_t i = 0; i < zones_.size(); ++i) {
      const bool is_beside =
          zones_[i].kind == ZoneKind::kMemory && PackageAbove(zones_, i) < 0;
      if (is_beside) ApplyToMemoryBeside(i);
    }
  }

 private:
  void Leave(size_t zone, std::string remark) {
    zones_[zone].domain.is_summed = false;
    zones_[zone].domain.remark = std::move(remark);
  }

  // Sums the first zone with a key; the others mirror it.
  bool SumOnce(size_t zone, const std::string& key) {
    const auto [first, is_new] = summed_.emplace(key, zone);
    if (is_new) return true;
    const PowercapZone& mirrored = zones_[first->second];
    Leave(zone, absl::StrCat("mirrors ", Printable(mirrored.device), " (",
                             mirrored.name, ")"));
    return false;
  }

  void ApplyTo(size_t zone) {
    const PowercapZone& it = zones_[zone];
    const int package = PackageAbove(zones_, zone);
    const std::string package_name =
        package < 0 ? "" : zones_[static_cast<size_t>(package)].name;
    switch (it.kind) {
      case ZoneKind::kPackage:
        if (package >= 0) {
          Leave(zone, absl::StrCat("part of ", package_name));
        } else {
          SumOnce(zone, it.name);
        }
        return;
      case ZoneKind::kMemory:
        if (package < 0) return;  // once those within packages are known
        if (SumOnce(zone, absl::StrCat(package_name, "/", it.name)) &&
            memory_within_ < 0) {
          memory_within_ = static_cast<int>(zone);
        }
        return;
      case ZoneKind::kPlatform:
        return Leave(zone, "the whole platform, packages included");
      case ZoneKind::kOther:
        return Leave(zone, package >= 0 ? absl::StrCat("part of ", package_name)
                                        : "neither a package nor memory");
    }
  }

  // Memory beside the packages mirrors that within one; else the n-th of a
  // control type is the n-th of another.
  void ApplyToMemoryBeside(size_t zone) {
    const PowercapZone& it = zones_[zone];
    if (memory_within_ >= 0) {
      const PowercapZone& within = zones_[static_cast<size_t>(memory_within_)];
      return Leave(zone, absl::StrCat("mirrors ", Printable(within.device),
                                      " (", within.name, ")"));
    }
    const int nth = ++beside_[absl::StrCat(it.control_type, "/", it.name)];
    SumOnce(zone, absl::StrCat("/", it.name, "/", nth));
  }

  std::vector<PowercapZone>& zones_;
  std::map<std::string, size_t> summed_;
  std::map<std::string, int> beside_;
  int memory_within_ = -1;
};

// A zone's own name, with its package's or its device's where two are alike.
void SetDomainNames(std::vector<PowercapZone>& zones) {
  std::map<std::string, int> times, full_times;
  for (const PowercapZone& zone : zones) ++times[zone.name];
  for (PowercapZone& zone : zones) {
    zone.domain.source = zone.energy_path();
    zone.domain.name = zone.name.empty() ? Printable(zone.device) : zone.name;
    if (times[zone.name] > 1 && zone.parent >= 0) {
      zone.domain.name = absl::StrCat(
          zones[static_cast<size_t>(zone.parent)].name, "/", zone.name);
    }
    ++full_times[zone.domain.name];
  }
  for (PowercapZone& zone : zones) {
    if (full_times[zone.domain.name] > 1) {
      absl::StrAppend(&zone.domain.name, " (", Printable(zone.device), ")");
    }
  }
}

absl::Status ReadRange(const MeasureSystem& system, PowercapZone& zone) {
  const absl::StatusOr<std::string> text = system.read_file(zone.range_path());
  if (absl::IsNotFound(text.status())) return absl::OkStatus();
  if (absl::IsPermissionDenied(text.status())) {
    return absl::PermissionDeniedError(
        PowercapPermissionProblem({zone.range_path()}));
  }
  if (!text.ok()) {
    return absl::DataLossError(absl::StrCat(
        zone.range_path(), ": can't be read: ", text.status().message()));
  }
  const absl::StatusOr<int64_t> range =
      ParseCount(absl::StripAsciiWhitespace(*text));
  if (!range.ok()) {
    return absl::DataLossError(
        absl::StrCat(zone.range_path(), ": ", range.status().message()));
  }
  zone.range = *range;
  return absl::OkStatus();
}

std::string Listed(const std::vector<PowercapZone>& zones) {
  return absl::StrJoin(zones, ", ",
                       [](std::string* out, const PowercapZone& zone) {
                         absl::StrAppend(out, zone.domain.name);
                       });
}

}  // namespace

std::string PowercapPermissionProblem(const std::vector<std::string>& paths) {
  const std::string words =
      absl::StrJoin(paths, " ", [](std::string* out, const std::string& path) {
        absl::StrAppend(out, ShellWord(path));
      });
  return absl::StrCat(
      absl::StrJoin(paths, ", "),
      ": permission denied. Since CVE-2020-8694 (energy readings told other "
      "users' secrets, encryption keys among them) the kernel lets only root "
      "read them. One of these helps: sudo chmod a+r ",
      words,
      " (until the next boot); sudo setcap cap_dac_read_search=ep on the "
      "opcost executable; or running opcost as root");
}

absl::StatusOr<std::vector<PowercapZone>> FindPowercapZones(
    const std::string& root, const MeasureSystem& system) {
  OPCOST_ASSIGN_OR_RETURN(std::vector<PowercapZone> zones,
                          ZoneFinder(root, system).Find());
  if (zones.empty()) {
    return absl::UnavailableError(absl::StrCat(
        root, ": no zone that counts energy (no folder with energy_uj)"));
  }
  SumRule(zones).Apply();
  SetDomainNames(zones);
  bool has_package = false;
  for (PowercapZone& zone : zones) {
    has_package |= zone.kind == ZoneKind::kPackage;
    OPCOST_RETURN_IF_ERROR(ReadRange(system, zone));
  }
  if (!has_package) {
    return absl::UnavailableError(
        absl::StrCat(root, ": no zone is a package, only ", Listed(zones),
                     ": the processor's energy isn't counted"));
  }
  return zones;
}

}  // namespace opcost
