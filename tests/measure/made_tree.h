// SPDX-License-Identifier: Apache-2.0
// Made folders in place of the kernel's, and a system whose clock a test sets.
#ifndef OPCOST_TESTS_MEASURE_MADE_TREE_H_
#define OPCOST_TESTS_MEASURE_MADE_TREE_H_

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "src/measure/system.h"

namespace opcost {

// A folder of its own for each test, and files in it.
class MadeTree : public ::testing::Test {
 protected:
  void SetUp() override {
    // In memory where there is one for files: trees are many small files.
    const bool is_in_memory = access("/dev/shm", W_OK) == 0;
    std::string pattern =
        (is_in_memory ? std::string("/dev/shm/") : ::testing::TempDir()) +
        "opcost-tree-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = std::filesystem::canonical(pattern).string();
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  const std::string& root() const { return root_; }
  std::string Path(const std::string& path) const { return root_ + "/" + path; }

  void Put(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories(
        std::filesystem::path(Path(path)).parent_path());
    std::ofstream(Path(path), std::ios::binary) << text;
  }
  void Remove(const std::string& path) const {
    std::filesystem::remove_all(Path(path));
  }
  void Link(const std::string& target, const std::string& path) const {
    std::filesystem::create_directories(
        std::filesystem::path(Path(path)).parent_path());
    std::filesystem::create_directory_symlink(target, Path(path));
  }

  // A zone as the kernel writes it; -1: without that file.
  void PutZone(const std::string& folder, const std::string& name,
               int64_t microjoules, int64_t range = 262143328850) const {
    Put(folder + "/name", name + "\n");
    if (microjoules >= 0) PutEnergy(folder, microjoules);
    if (range >= 0) {
      Put(folder + "/max_energy_range_uj", std::to_string(range) + "\n");
    }
  }
  void PutEnergy(const std::string& folder, int64_t microjoules) const {
    Put(folder + "/energy_uj", std::to_string(microjoules) + "\n");
  }

  // Real files, and a clock that stands still until the test moves it.
  MeasureSystem System() {
    MeasureSystem system = RealSystem();
    system.steady_seconds = [this] { return seconds_; };
    system.wall_seconds = [this] { return wall_at_start_ + seconds_; };
    system.sleep = [this](double seconds) { seconds_ += seconds; };
    return system;
  }
  void Wait(double seconds) { seconds_ += seconds; }

  double wall_at_start_ = 1700000000;

 private:
  std::string root_;
  double seconds_ = 1000;
};

}  // namespace opcost

#endif  // OPCOST_TESTS_MEASURE_MADE_TREE_H_
