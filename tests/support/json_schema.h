// SPDX-License-Identifier: Apache-2.0
// A validator for the part of JSON Schema that schemas/ uses.
#ifndef OPCOST_TESTS_SUPPORT_JSON_SCHEMA_H_
#define OPCOST_TESTS_SUPPORT_JSON_SCHEMA_H_

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace opcost {

// What is wrong with `document`, each with its place ("/layers/0/macs: ...");
// empty if it is valid. A keyword that the validator doesn't know is a
// violation too, wherever a check reaches it, so that nothing goes unchecked in
// silence.
std::vector<std::string> SchemaViolations(const nlohmann::json& schema,
                                          const nlohmann::json& document);

// The same with `document` against `#/$defs/<definition>` alone, whose
// messages are sharper than those of an anyOf.
std::vector<std::string> SchemaViolations(const nlohmann::json& schema,
                                          absl::string_view definition,
                                          const nlohmann::json& document);

// The schema called `name` of schemas/ ("report"); null if it can't be read.
nlohmann::json LoadSchema(absl::string_view name);

}  // namespace opcost

#endif  // OPCOST_TESTS_SUPPORT_JSON_SCHEMA_H_
