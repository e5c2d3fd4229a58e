// SPDX-License-Identifier: Apache-2.0
// Which zones of a powercap tree are found, and which are summed.
#include "src/measure/powercap_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/measure/made_tree.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class PowercapTreeTest : public MadeTree {
 protected:
  // "name" of what is summed, "name: remark" of what isn't.
  std::vector<std::string> Zones() {
    absl::StatusOr<std::vector<PowercapZone>> zones =
        FindPowercapZones(root(), System());
    EXPECT_THAT(zones, IsOk());
    std::vector<std::string> told;
    if (!zones.ok()) return told;
    for (const PowercapZone& zone : *zones) {
      EXPECT_EQ(zone.domain.is_summed, zone.domain.remark.empty());
      told.push_back(
          zone.domain.is_summed
              ? zone.domain.name
              : absl::StrCat(zone.domain.name, ": ", zone.domain.remark));
    }
    return told;
  }
  absl::Status Problem() {
    return FindPowercapZones(root(), System()).status();
  }
};

TEST_F(PowercapTreeTest, SumsPackagesAndTheirMemoryAlone) {
  PutZone("intel-rapl:0", "package-0", 0);
  PutZone("intel-rapl:0/intel-rapl:0:0", "core", 0);
  PutZone("intel-rapl:0/intel-rapl:0:1", "uncore", 0);
  PutZone("intel-rapl:0/intel-rapl:0:2", "dram", 0);
  PutZone("intel-rapl:1", "psys", 0);
  EXPECT_THAT(Zones(),
              ElementsAre("package-0", "core: part of package-0",
                          "uncore: part of package-0", "dram",
                          "psys: the whole platform, packages included"));
}

TEST_F(PowercapTreeTest, SumsMemoryBesideItsPackage) {
  PutZone("intel-rapl:0", "package-0", 0);
  PutZone("intel-rapl:1", "dram", 0);
  EXPECT_THAT(Zones(), ElementsAre("package-0", "dram"));
}

TEST_F(PowercapTreeTest, SumsMemoryOnceWhereItStandsTwice) {
  PutZone("intel-rapl:0", "package-0", 0);
  PutZone("intel-rapl:0/intel-rapl:0:0", "dram", 0);
  PutZone("intel-rapl:1", "dram", 0);
  EXPECT_THAT(Zones(), ElementsAre("package-0", "package-0/dram",
                                   "dram: mirrors intel-rapl:0:0 (dram)"));
}

TEST_F(PowercapTreeTest, SumsTwoSocketsWithTheirMemory) {
  for (const std::string socket : {"0", "1"}) {
    const std::string package = "intel-rapl:" + socket;
    PutZone(package, "package-" + socket, 0);
    PutZone(absl::StrCat(package, "/", package, ":0"), "dram", 0);
  }
  EXPECT_THAT(Zones(), ElementsAre("package-0", "package-0/dram", "package-1",
                                   "package-1/dram"));
}

TEST_F(PowercapTreeTest, SumsTwoSocketsWithMemoryBesideThem) {
  PutZone("intel-rapl:0", "package-0", 0);
  PutZone("intel-rapl:1", "package-1", 0);
  PutZone("intel-rapl:2", "dram", 0);
  PutZone("intel-rapl:3", "dram", 0);
  EXPECT_THAT(Zones(),
              ElementsAre("package-0", "package-1", "dram (intel-rapl:2)",
                          "dram (intel-rapl:3)"));
}

TEST_F(PowercapTreeTest, SumsTheDiesOfASocket) {
  PutZone("intel-rapl:0", "package-0-die-0", 0);
  PutZone("intel-rapl:1", "package-0-die-1", 0);
  EXPECT_THAT(Zones(), ElementsAre("package-0-die-0", "package-0-die-1"));
}

TEST_F(PowercapTreeTest, CountsAPackageWithinAPackageOnce) {
  PutZone("intel-rapl:0", "package-0", 0);
  PutZone("intel-rapl:0/intel-rapl:0:0", "package-0-die-0", 0);
  PutZone("intel-rapl:0/intel-rapl:0:0/intel-rapl:0:0:0", "core", 0);
  EXPECT_THAT(Zones(),
              ElementsAre("package-0", "package-0-die-0: part of package-0",
                          "core: part of package-0-die-0"));
}

TEST_F(PowercapTreeTest, CountsMirroredZonesOnce) {
  PutZone("intel-rapl-mmio:0", "package-0", 0);
  PutZone("intel-rapl-mmio:0/intel-rapl-mmio:0:0", "dram", 0);
  PutZone("intel-rapl:0", "package-0", 0);
  PutZone("intel-rapl:0/intel-rapl:0:0", "dram", 0);
  EXPECT_THAT(
      Zones(),
      ElementsAre("package-0 (intel-rapl:0)", "package-0/dram (intel-rapl:0:0)",
                  "package-0 (intel-rapl-mmio:0): mirrors intel-rapl:0 "
                  "(package-0)",
                  "package-0/dram (intel-rapl-mmio:0:0): mirrors "
                  "intel-rapl:0:0 (dram)"));
}

TEST_F(PowercapTreeTest, CountsMirroredMemoryBesidePackagesOnce) {
  PutZone("intel-rapl:0", "package-0", 0);
  PutZone("intel-rapl:1", "dram", 0);
  PutZone("intel-rapl-mmio:0", "package-0", 0);
  PutZone("intel-rapl-mmio:1", "dram", 0);
  EXPECT_THAT(
      Zones(),
      ElementsAre(
          "package-0 (intel-rapl:0)", "dram (intel-rapl:1)",
          "package-0 (intel-rapl-mmio:0): mirrors intel-rapl:0 (package-0)",
          "dram (intel-rapl-mmio:1): mirrors intel-rapl:1 (dram)"));
}

TEST_F(PowercapTreeTest, TakesMirrorsWhereTheyAreAllThereIs) {
  PutZone("intel-rapl-mmio:0", "package-0", 0);
  EXPECT_THAT(Zones(), ElementsAre("package-0"));
}

TEST_F(PowercapTreeTest, TakesMemoryThatOnlyAMirrorHas) {
  PutZone("intel-rapl:0", "package-0", 0);
  PutZone("intel-rapl-mmio:0", "package-0", 0);
  PutZone("intel-rapl-mmio:0/intel-rapl-mmio:0:0", "dram", 0);
  EXPECT_THAT(Zones(), ElementsAre("package-0 (intel-rapl:0)",
                                   "package-0 (intel-rapl-mmio:0): mirrors "
                                   "intel-rapl:0 (package-0)",
                                   "dram"));
}

// As /sys/class/powercap is: links to nested folders, each with links back up.
TEST_F(PowercapTreeTest, FindsEachZoneOnceThroughTheKernelsLinks) {
  const std::string devices = "devices/virtual/powercap/intel-rapl";
  const std::string package = devices + "/intel-rapl:0";
  const std::string memory = package + "/intel-rapl:0:0";
  PutZone(package, "package-0", 0);
  PutZone(memory, "dram", 0);
  Put(devices + "/enabled", "1\n");
  Link("../intel-rapl:0", memory + "/device");
  Link("../../../../../class/powercap", package + "/subsystem");
  Link("../../devices/virtual/powercap/intel-rapl",
       "class/powercap/intel-rapl");
  Link("../../" + package, "class/powercap/intel-rapl:0");
  Link("../../" + memory, "class/powercap/intel-rapl:0:0");
  ASSERT_OK_AND_ASSIGN(const std::vector<PowercapZone> zones,
                       FindPowercapZones(Path("class/powercap"), System()));
  ASSERT_THAT(zones, SizeIs(2));
  EXPECT_EQ(zones[0].domain.source,
            Path("class/powercap/intel-rapl:0/energy_uj"));
  EXPECT_EQ(zones[1].domain.source,
            Path("class/powercap/intel-rapl:0:0/energy_uj"));
  EXPECT_EQ(zones[1].parent, 0);
  EXPECT_TRUE(zones[1].domain.is_summed);
}

// As `cp -rL /sys/class/powercap` leaves it: copies in place of links.
TEST_F(PowercapTreeTest, FindsEachZoneOnceInACopiedTree) {
  for (const std::string above : {"", "intel-rapl/"}) {
    PutZone(above + "intel-rapl:0", "package-0", 0);
    PutZone(above + "intel-rapl:0/intel-rapl:0:0", "core", 0);
  }
  PutZone("intel-rapl:0:0", "core", 0);
  EXPECT_THAT(Zones(), ElementsAre("package-0", "core: part of package-0"));
}

TEST_F(PowercapTreeTest, FindsParentsByNameInAFlatTree) {
  PutZone("intel-rapl:0", "package-0", 0);
  PutZone("intel-rapl:0:0", "core", 0);
  PutZone("intel-rapl:0:1", "dram", 0);
  EXPECT_THAT(Zones(),
              ElementsAre("package-0", "core: part of package-0", "dram"));
}

TEST_F(PowercapTreeTest, OrdersByNumber) {
  for (int i = 11; i >= 0; --i) {
    PutZone(absl::StrCat("intel-rapl:", i), absl::StrCat("package-", i), 0);
  }
  const std::vector<std::string> zones = Zones();
  ASSERT_THAT(zones, SizeIs(12));
  EXPECT_EQ(zones[2], "package-2");
  EXPECT_EQ(zones[11], "package-11");
}

TEST_F(PowercapTreeTest, LeavesOutWhatCountsNoEnergy) {
  PutZone("intel-rapl:0", "package-0", 0);
  Put("dtpm:0/name", "package\n");
  Put("dtpm:0/power_uw", "100\n");
  Put("idle_inject/enabled", "1\n");
  EXPECT_THAT(Zones(), ElementsAre("package-0"));
}

TEST_F(PowercapTreeTest, ShowsZonesOfOtherNamesUnsummed) {
  PutZone("intel-rapl:0", "package-0", 0);
  PutZone("intel-rapl:1", "gpu", 0);
  PutZone("intel-rapl:2", "packages", 0);
  PutZone("intel-rapl:3", "", 0);
  EXPECT_THAT(Zones(),
              ElementsAre("package-0", "gpu: neither a package nor memory",
                          "packages: neither a package nor memory",
                          "intel-rapl:3: neither a package nor memory"));
}

TEST_F(PowercapTreeTest, SaysWhatIsAbsent) {
  EXPECT_THAT(
      FindPowercapZones(Path("none"), System()),
      StatusIs(absl::StatusCode::kUnavailable,
               Path("none") + ": no such folder: the kernel offers no RAPL"));
  EXPECT_THAT(Problem(),
              StatusIs(absl::StatusCode::kUnavailable,
                       root() + ": no zone that counts energy (no folder with "
                                "energy_uj)"));
  PutZone("intel-rapl:0", "psys", 0);
  PutZone("intel-rapl:0/intel-rapl:0:0", "dram", 0);
  EXPECT_THAT(Problem(),
              StatusIs(absl::StatusCode::kUnavailable,
                       root() + ": no zone is a package, only psys, dram: the "
                                "processor's energy isn't counted"));
}

// A container's /sys/devices/virtual/powercap is an empty folder, to which the
// links of /sys/class/powercap lead.
TEST_F(PowercapTreeTest, SaysThatAContainerHidesZones) {
  Link("../../devices/virtual/powercap/intel-rapl/intel-rapl:1",
       "class/powercap/intel-rapl:1");
  Link("../../devices/virtual/powercap/intel-rapl/intel-rapl:0",
       "class/powercap/intel-rapl:0");
  EXPECT_THAT(
      FindPowercapZones(Path("class/powercap"), System()),
      StatusIs(absl::StatusCode::kUnavailable,
               Path("class/powercap") +
                   ": lists intel-rapl:0, but there is nothing in it: "
                   "container engines hide the counters because of "
                   "CVE-2020-8694; run outside of the container, or start it "
                   "with docker run --security-opt systempaths=unconfined"));
}

TEST_F(PowercapTreeTest, RefusesAMaximumThatIsNoNumber) {
  PutZone("intel-rapl:0", "package-0", 0);
  Put("intel-rapl:0/max_energy_range_uj", "much\n");
  EXPECT_THAT(Problem(),
              StatusIs(absl::StatusCode::kDataLoss,
                       Path("intel-rapl:0/max_energy_range_uj") +
                           ": expected a whole number below 2^63, found "
                           "'much'"));
}

TEST_F(PowercapTreeTest, BoundsWhatItWalks) {
  // Folders are made sooner than files.
  for (int i = 0; i < 513; ++i) {
    std::filesystem::create_directories(Path(absl::StrCat("z:", i)) +
                                        "/energy_uj");
  }
  EXPECT_THAT(Problem(), StatusIs(absl::StatusCode::kUnavailable,
                                  root() + ": more than 512 zones: this isn't "
                                           "powercap's"));
}

TEST_F(PowercapTreeTest, WalksNoDeeperThanSix) {
  std::string folder = "a";
  for (int i = 0; i < 12; ++i) folder += "/a";
  PutZone(folder, "package-0", 0);
  EXPECT_THAT(Problem(), FailsWith(HasSubstr("no zone that counts energy")));
}

TEST_F(PowercapTreeTest, SurvivesLinksInACircle) {
  PutZone("intel-rapl:0", "package-0", 0);
  Link(".", "here");
  Link("..", "intel-rapl:0/up");
  Link("loop", "loop");
  EXPECT_THAT(Zones(), ElementsAre("package-0"));
}

// By its folder the package lies in the die, by its name the die in the
// package.
TEST_F(PowercapTreeTest, LetsNoZoneLieInItself) {
  PutZone("intel-rapl:0:0", "package-0-die-0", 0);
  PutZone("intel-rapl:0:0/intel-rapl:0", "package-0", 0);
  EXPECT_THAT(Zones(), ElementsAre("package-0: part of package-0-die-0",
                                   "package-0-die-0"));
}

TEST_F(PowercapTreeTest, ShowsHostileNamesHarmlessly) {
  PutZone("intel-rapl:0", "package-0\x1b[31m\nroot", 0);
  PutZone("a\nb:'0'", std::string(5000, 'x'), 0);
  EXPECT_THAT(Zones(), ElementsAre(std::string(64, 'x') +
                                       "...: neither a package nor memory",
                                   "package-0?[31m?root"));
}

TEST_F(PowercapTreeTest, WritesPathsThatAShellReads) {
  EXPECT_THAT(PowercapPermissionProblem({"/a b/it's", "/sys/x:0/energy_uj"}),
              HasSubstr("sudo chmod a+r '/a b/it'\\''s' /sys/x:0/energy_uj "));
}

}  // namespace
}  // namespace opcost
