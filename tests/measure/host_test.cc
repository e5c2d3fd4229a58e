// SPDX-License-Identifier: Apache-2.0
#include "opcost/measure/host.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "opcost/measure/load.h"
#include "tests/measure/made_tree.h"

namespace opcost {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class HostTest : public MadeTree {
 protected:
  MachineRoots Roots() const { return {Path("sys"), Path("proc")}; }
  void PutFlags(const std::string& flags) const {
    Put("proc/cpuinfo",
        "processor\t: 0\nmodel name\t: AMD EPYC 9654\nflags\t\t: " + flags +
            "\n\nprocessor\t: 1\nmodel name\t: another\n");
  }
  void PutDmi(const std::string& vendor, const std::string& product) const {
    Put("sys/class/dmi/id/sys_vendor", vendor + "\n");
    Put("sys/class/dmi/id/product_name", product + "\n");
  }
};

TEST_F(HostTest, DescribesTheMachine) {
  PutFlags("fpu vme hypervisor sse");
  PutDmi("QEMU", "Standard PC");
  Put("proc/sys/kernel/hostname", "node7\n");
  Put("proc/sys/kernel/osrelease", "6.1.0-18-amd64\n");
  Put("proc/self/status", "Name:\tx\nCpus_allowed_list:\t0-1,5\n");
  Put("sys/devices/system/cpu/online", "0-2,5\n");
  Put("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave\n");
  Put("sys/devices/system/cpu/cpu1/cpufreq/scaling_governor", "performance\n");
  Put("sys/devices/system/cpu/cpu5/cpufreq/scaling_governor", "powersave\n");
  Put("sys/devices/system/cpu/intel_pstate/no_turbo", "1\n");
  Put("sys/class/thermal/thermal_zone3/type", "x86_pkg_temp\n");
  Put("sys/class/thermal/thermal_zone3/temp", "51600\n");
  const HostEnvironment host = DescribeHost(Roots());
  EXPECT_EQ(host.host, "node7");
  EXPECT_EQ(host.processor, "AMD EPYC 9654");
  EXPECT_EQ(host.processors, 4);
  EXPECT_EQ(host.kernel, "6.1.0-18-amd64");
  EXPECT_EQ(host.governor, "performance, powersave");
  EXPECT_EQ(host.turbo, "off");
  EXPECT_EQ(host.temperature, "52 C");
  EXPECT_EQ(host.virtual_machine, "QEMU");
  EXPECT_THAT(host.affinity, ElementsAre(0, 1, 5));
}

TEST_F(HostTest, LeavesWhatIsNotKnownEmpty) {
  const HostEnvironment host = DescribeHost(Roots());
  EXPECT_EQ(host.host + host.processor + host.kernel + host.governor +
                host.turbo + host.temperature + host.virtual_machine,
            "");
  EXPECT_EQ(host.processors, 0);
  EXPECT_THAT(host.affinity, IsEmpty());
}

TEST_F(HostTest, NamesAProcessorOfArm) {
  Put("proc/cpuinfo", "CPU implementer\t: 0x41\nCPU part\t: 0xd40\n");
  EXPECT_EQ(DescribeHost(Roots()).processor, "Arm implementer 0x41 part 0xd40");
}

TEST_F(HostTest, ReadsTurboOfEitherDriver) {
  const std::string folder = "sys/devices/system/cpu/";
  Put(folder + "cpufreq/boost", "1\n");
  EXPECT_EQ(DescribeHost(Roots()).turbo, "on");
  Put(folder + "cpufreq/boost", "0\n");
  EXPECT_EQ(DescribeHost(Roots()).turbo, "off");
  Put(folder + "intel_pstate/no_turbo", "0\n");
  EXPECT_EQ(DescribeHost(Roots()).turbo, "on");
}

TEST_F(HostTest, TakesTheHottestOfTheProcessorsSensors) {
  EXPECT_EQ(ProcessorCelsius(Roots()), std::nullopt);
  Put("sys/class/hwmon/hwmon0/name", "nvme\n");
  Put("sys/class/hwmon/hwmon0/temp1_input", "90000\n");
  Put("sys/class/thermal/thermal_zone0/type", "acpitz\n");
  Put("sys/class/thermal/thermal_zone0/temp", "80000\n");
  EXPECT_EQ(ProcessorCelsius(Roots()), std::nullopt);
  Put("sys/class/hwmon/hwmon2/name", "k10temp\n");
  Put("sys/class/hwmon/hwmon2/temp1_input", "45500\n");
  Put("sys/class/hwmon/hwmon2/temp3_input", "61250\n");
  Put("sys/class/hwmon/hwmon2/temp4_input", "255000000\n");
  EXPECT_EQ(ProcessorCelsius(Roots()), 61.25);
}

TEST_F(HostTest, WritesTemperatures) {
  EXPECT_EQ(TemperatureText(52.4, 60.5), "52 C before, 61 C after");
  EXPECT_EQ(TemperatureText(52.4), "52 C");
  EXPECT_EQ(TemperatureText(std::nullopt, 60.0), "60 C after");
  EXPECT_EQ(TemperatureText(std::nullopt), "");
}

TEST_F(HostTest, NamesVirtualMachines) {
  const struct {
    std::string vendor, product, flags, name;
  } cases[] = {
      {"QEMU", "Standard PC (Q35 + ICH9, 2009)", "hypervisor", "QEMU"},
      {"Red Hat", "KVM", "hypervisor", "KVM"},
      {"VMware, Inc.", "VMware Virtual Platform", "hypervisor", "VMware"},
      {"innotek GmbH", "VirtualBox", "hypervisor", "VirtualBox"},
      {"Xen", "HVM domU", "hypervisor", "Xen"},
      {"Microsoft Corporation", "Virtual Machine", "hypervisor", "Hyper-V"},
      {"Microsoft Corporation", "Surface Laptop 5", "fpu", ""},
      {"Amazon EC2", "c5.large", "hypervisor", "Amazon EC2"},
      {"Amazon EC2", "c5.metal", "fpu", ""},
      {"Google", "Google Compute Engine", "hypervisor",
       "Google Compute Engine"},
      {"Google", "Google Compute Engine", "fpu", ""},
      {"Dell Inc.", "PowerEdge R750", "fpu hypervisors", ""},
      {"Dell Inc.", "PowerEdge R750", "fpu hypervisor",
       "a hypervisor without a name"},
  };
  for (const auto& c : cases) {
    PutDmi(c.vendor, c.product);
    PutFlags(c.flags);
    EXPECT_EQ(VirtualMachineName(Roots()), c.name)
        << c.vendor << ", " << c.product << ", " << c.flags;
  }
}

TEST_F(HostTest, NamesVirtualMachinesWithoutDmi) {
  EXPECT_EQ(VirtualMachineName(Roots()), "");
  PutFlags("fpu hypervisor");
  EXPECT_EQ(VirtualMachineName(Roots()), "a hypervisor without a name");
  Put("sys/hypervisor/type", "xen\n");
  EXPECT_EQ(VirtualMachineName(Roots()), "xen");
  // Arm has no flag.
  Put("proc/cpuinfo", "CPU part\t: 0xd40\n");
  PutDmi("Amazon EC2", "m7g.large");
  EXPECT_EQ(VirtualMachineName(Roots()), "Amazon EC2");
  PutDmi("Amazon EC2", "m7g.metal");
  EXPECT_EQ(VirtualMachineName(Roots()), "xen");
}

class LoadTest : public HostTest {};

TEST_F(LoadTest, AddsUpWhatIsNotIdle) {
  // In hundredths: user nice system idle iowait irq softirq steal guest ...
  Put("proc/stat", "cpu  100 20 3 5000 700 4 5 60 90 10\ncpu0 1 1 1 1\n");
  EXPECT_EQ(BusySeconds(Path("proc")), (100 + 20 + 3 + 4 + 5 + 60) / 100.0);
}

TEST_F(LoadTest, KnowsNothingOfOtherText) {
  EXPECT_EQ(BusySeconds(Path("proc")), std::nullopt);
  for (const std::string text :
       {"", "cpu", "cpu  1 2 3\n", "cpu0 1 2 3 4 5 6 7 8\n",
        "cpu  1 2 x 4 5 6 7 8\n", "cpu  1 2 -3 4 5 6 7 8\n"}) {
    Put("proc/stat", text);
    EXPECT_EQ(BusySeconds(Path("proc")), std::nullopt) << text;
  }
}

TEST_F(LoadTest, AddsUpOneProcess) {
  Put("proc/42/stat",
      "42 (a) b (c) S 1 42 42 0 -1 4194560 9 8 7 6 150 25 30 45 20 0 1 0\n");
  EXPECT_EQ(ProcessSeconds(42, Path("proc")), (150 + 25 + 30 + 45) / 100.0);
  EXPECT_EQ(ProcessSeconds(43, Path("proc")), std::nullopt);
  Put("proc/44/stat", "44 (x S 1 2 3");
  EXPECT_EQ(ProcessSeconds(44, Path("proc")), std::nullopt);
}

}  // namespace
}  // namespace opcost
