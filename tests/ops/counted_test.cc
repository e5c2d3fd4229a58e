// SPDX-License-Identifier: Apache-2.0
// Holds counting_tests.txt against what a run of all suites counted: a suite
// that is said to count an operator did.
#include "tests/support/counted.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "absl/strings/match.h"

namespace opcost {
namespace {

// Only in a run of all suites: OPCOST_CHECK_COUNTED is set for that one.
class CountingTestsHold : public testing::Environment {
 public:
  void TearDown() override {
    if (std::getenv("OPCOST_CHECK_COUNTED") == nullptr) return;
    std::ifstream file(OPCOST_SOURCE_DIR "/tests/ops/counting_tests.txt");
    int rows = 0;
    for (std::string line; std::getline(file, line);) {
      const size_t colon = line.find(": ");
      if (absl::StartsWith(line, "#") || colon == std::string::npos) continue;
      const std::string key = line.substr(0, colon);
      const std::string suite = line.substr(colon + 2);
      ++rows;
      if (absl::StartsWith(suite, "(")) continue;
      const auto counted = CountedSoFar().find(key);
      if (counted == CountedSoFar().end()) {
        ADD_FAILURE() << "no suite counts " << key;
      } else if (!counted->second.contains(suite)) {
        std::string others;
        for (const std::string& other : counted->second) others += " " + other;
        ADD_FAILURE() << suite << " doesn't count " << key
                      << ", but these do:" << others;
      }
    }
    EXPECT_GT(rows, 0);
  }
};

const testing::Environment* const kEnvironment =
    testing::AddGlobalTestEnvironment(new CountingTestsHold);

}  // namespace
}  // namespace opcost
