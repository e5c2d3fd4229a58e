// SPDX-License-Identifier: Apache-2.0
#include "tests/support/counted.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace opcost {
namespace {

std::map<std::string, std::set<std::string>>& Counted() {
  static auto* const counted = new std::map<std::string, std::set<std::string>>;
  return *counted;
}

}  // namespace

std::string KeyOf(const OpDef& def) {
  return absl::StrCat(def.domain.empty() ? "ai.onnx" : def.domain, " ",
                      def.name);
}

void NoteCounted(const OpDef& def) {
  const testing::TestInfo* test =
      testing::UnitTest::GetInstance()->current_test_info();
  if (test == nullptr) return;
  // "Prefix/Suite" where a suite has parameters.
  const std::string suite = test->test_suite_name();
  Counted()[KeyOf(def)].insert(suite.substr(suite.find('/') + 1));
}

const std::map<std::string, std::set<std::string>>& CountedSoFar() {
  return Counted();
}

}  // namespace opcost
