// SPDX-License-Identifier: Apache-2.0
// GoogleMock matchers for absl::Status, which Abseil's 2022 release lacks.
#ifndef OPCOST_TESTS_SUPPORT_STATUS_MATCHERS_H_
#define OPCOST_TESTS_SUPPORT_STATUS_MATCHERS_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace opcost {

inline const absl::Status& StatusOf(const absl::Status& status) {
  return status;
}
template <typename T>
const absl::Status& StatusOf(const absl::StatusOr<T>& result) {
  return result.status();
}

// EXPECT_THAT(result, IsOk());
MATCHER(IsOk, "is OK") {
  *result_listener << StatusOf(arg).ToString();
  return StatusOf(arg).ok();
}

// EXPECT_THAT(result, FailsWith(HasSubstr("...")));
MATCHER_P(FailsWith, message_matcher, "is an error with a message that fits") {
  const absl::Status& status = StatusOf(arg);
  *result_listener << status.ToString();
  return !status.ok() &&
         ::testing::Matches(message_matcher)(std::string(status.message()));
}

// EXPECT_THAT(result, StatusIs(absl::StatusCode::kNotFound, HasSubstr("...")));
MATCHER_P2(StatusIs, code, message_matcher, "has a code and a message") {
  const absl::Status& status = StatusOf(arg);
  *result_listener << status.ToString();
  return status.code() == code &&
         ::testing::Matches(message_matcher)(std::string(status.message()));
}

// ASSERT_OK_AND_ASSIGN(Model model, ImportBytes(...));
#define OPCOST_TEST_CONCAT_INNER(a, b) a##b
#define OPCOST_TEST_CONCAT(a, b) OPCOST_TEST_CONCAT_INNER(a, b)
#define ASSERT_OK_AND_ASSIGN(declaration, expression)               \
  auto OPCOST_TEST_CONCAT(result_, __LINE__) = (expression);        \
  ASSERT_TRUE(OPCOST_TEST_CONCAT(result_, __LINE__).ok())           \
      << OPCOST_TEST_CONCAT(result_, __LINE__).status().ToString(); \
  declaration = *std::move(OPCOST_TEST_CONCAT(result_, __LINE__))

}  // namespace opcost

#endif  // OPCOST_TESTS_SUPPORT_STATUS_MATCHERS_H_
