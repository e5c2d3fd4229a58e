// SPDX-License-Identifier: Apache-2.0
// Abseil's 2022 release has no macros that return early: these are the two.
#ifndef OPCOST_SUPPORT_STATUS_MACROS_H_
#define OPCOST_SUPPORT_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Returns the status of `expression` from the enclosing function if it isn't
// OK.
#define OPCOST_RETURN_IF_ERROR(expression)          \
  do {                                              \
    if (absl::Status opcost_status = (expression);  \
        __builtin_expect(!opcost_status.ok(), 0)) { \
      return opcost_status;                         \
    }                                               \
  } while (false)

#define OPCOST_CONCAT_INNER(a, b) a##b
#define OPCOST_CONCAT(a, b) OPCOST_CONCAT_INNER(a, b)

// Evaluates a StatusOr; returns its status if it isn't OK, else moves its value
// into `declaration`.
#define OPCOST_ASSIGN_OR_RETURN(declaration, expression)                       \
  OPCOST_ASSIGN_OR_RETURN_INNER(OPCOST_CONCAT(opcost_, __LINE__), declaration, \
                                expression)
#define OPCOST_ASSIGN_OR_RETURN_INNER(result, declaration, expression) \
  auto result = (expression);                                          \
  if (__builtin_expect(!result.ok(), 0)) return result.status();       \
  declaration = *std::move(result)

#endif  // OPCOST_SUPPORT_STATUS_MACROS_H_
